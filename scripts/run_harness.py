#!/usr/bin/env python3
"""run_harness.py [SCENARIO...]: plays the harness's scenarios against a hub, a fresh one each, and
prints what was left of its memory beside what the firmware before it had.

Pictures, summaries and artifacts stand under build/harness. Exit status 1: a scenario failed.
"""
import concurrent.futures
import contextlib
import glob
import json
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))
from hub import NUTHATCH, Hub  # noqa: E402

SCENARIOS = ["s1", "s2", "s3", "s4", "s5", "s6"]
HIN_MIN = 102400  # 100 KiB of internal memory, at the worst moment
FRAG_MAX = 39  # percent, at rest
TRIPWIRE = 30720
REQUEST_MAX = 8192  # internal memory of one HTTP request
RUNS_AT_ONCE = 3  # most of a run is waiting

# Least internal bytes and greatest fragmentation that the macro pad firmware before this one
# measured on an ESP32-S3 with 8 MiB of PSRAM: before its memory work, and its best after it.
# S3 is an estimate of its authors.
BEFORE = {"s1": ("20912 B 37 %", "-"), "s2": ("20772 B 42 %", "42916 B 42 %"),
          "s3": ("1 to 2 KB", "-"), "s4": ("1832 B 60 %", "55964 B 59 %"),
          "s5": ("20752 B 37 %", "-"), "s6": ("32112 B 58 %", "52056 B 57 %")}

# Everything on: panel, macro pad with its keyboard, lamp and its radio, a battery with all that tells
# of it, and Home Assistant at the hub's own broker.
CONFIG = """\
health: {heartbeat_ms: 1000, tripwire_bytes: %d, hotspot_tags: true}
homeassistant: {enabled: true}
lamp: {enabled: true}
lamp_radio: {enabled: true}
battery: {enabled: true, path: BATTERY}
battery_publish: {enabled: true, mqtt: true}
battery_remote: {serve: true}
""" % TRIPWIRE


def full_macros(document):
    """Every field of every button as long as it may be, in characters that JSON writes longest."""
    def text(size):
        return "\u00e9" * ((size - 1) // 2)

    screens = [{"template": screen["template"],
                "screen_bg": 0xFFFFFF,
                "buttons": [{"label": text(16), "action": "mqtt_send", "payload": text(256),
                             "mqtt_topic": text(128),
                             "icon": {"type": "emoji", "id": "emoji_u1f600", "display": text(64)},
                             "button_bg": 0xABCDEF, "icon_color": 0xABCDEF, "label_color": 0xABCDEF}
                            for _ in range(16)]} for screen in document["screens"]]
    return {"defaults": document["defaults"], "screens": screens}


class Result:
    """What a run of one scenario came to."""

    def __init__(self, name, code, output, folder, routes, failed):
        self.name, self.code, self.output, self.folder = name, code, output, folder
        self.routes = routes  # of GET /api/routes, those that were called
        self.failed_allocations = failed
        with open(os.path.join(folder, "summary.json")) as f:
            self.summary = json.load(f)
        self.derived = self.summary["derived"]
        self.reasons = self.summary["verdict"]["reasons"]
        with open(os.path.join(folder, "mem.jsonl")) as f:
            rows = [json.loads(line) for line in f]
        # What everything after the setup took of internal memory at its worst, all together.
        setups = [i for i, row in enumerate(rows) if row["tag"] == "setup"]
        self.taken = rows[setups[-1]]["hin"] - rows[-1]["hin"] if setups else None


def play(name, out, full=False, more=()):
    """Runs a scenario, `s4` say, against a hub of its own; `full`: with all macros filled first."""
    where = os.path.join(out, name + ("-full" if full else ""))
    shutil.rmtree(where, ignore_errors=True)
    os.makedirs(where)
    console = os.path.join(where, "console")
    board = os.path.join(where, "battery.tty")
    pack = subprocess.Popen([NUTHATCH, "sim", "battery", "--link", board, "--profile", "day", "--with-parent"],
                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        return play_beside(name, where, console, CONFIG.replace("BATTERY", board), full, more)
    finally:
        pack.terminate()
        pack.wait()


def play_beside(name, where, console, config, full, more):
    with Hub(config, args=["--console", f"pty:{console}"],
             board="esp32-s3") as hub:
        if full:
            status, reply = hub.send_json("POST", "/api/macros",
                                          full_macros(hub.get_json("/api/macros")))
            if status != 200:
                raise RuntimeError(f"the macros were refused: {status} {reply}")
        done = subprocess.run(
            [NUTHATCH, "harness", name, hub.http, "--port", console, "--out", where, "--timeout",
             "20", "--non-interactive", "--limit", f"hin_min={HIN_MIN}", "--limit",
             f"frag_hb_max={FRAG_MAX}", *more],
            capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300)
        routes = [r for r in hub.get_json("/api/routes")["routes"] if r["calls"]]
        failed = hub.get_json("/api/memory").get("failed_count")
    folders = glob.glob(where + "/*/summary.json")
    if not folders:
        raise RuntimeError(done.stdout + done.stderr)
    return Result(name, done.returncode, done.stdout + done.stderr, os.path.dirname(folders[0]),
                  routes, failed)


def play_all(plays, out):
    """`plays`: (name, full) each. Some at once; gives the results in the order asked for."""
    def one(what):
        result = play(what[0], out, what[1])
        if sys.stderr.isatty():
            print(f"{result.name}: {'failed' if result.code else 'passed'}", file=sys.stderr)
        return result

    with concurrent.futures.ThreadPoolExecutor(RUNS_AT_ONCE) as pool:
        return list(pool.map(one, plays))


def peaks(results):
    """[(internal bytes, PSRAM bytes, "GET /path", calls)] of what was called, largest first."""
    rows = {}
    for result in results:
        for r in result.routes:
            key = f"{r['method']} {r['path']}"
            internal, psram, calls = rows.get(key, (0, 0, 0))
            rows[key] = (max(internal, r["peak_internal_bytes"]),
                         max(psram, r["peak_psram_bytes"]), calls + r["calls"])
    return sorted(((i, p, key, calls) for key, (i, p, calls) in rows.items()), reverse=True)


def ask_every_route():
    """Asks for each route that only reads, for the pages, and posts the largest documents. Gives
    how much of the internal memory the whole hub took at its worst meanwhile, and the routes with
    what each request of theirs took by itself."""
    with Hub(CONFIG, board="esp32-s3") as hub:
        macros = full_macros(hub.get_json("/api/macros"))
        config = hub.get_json("/api/config")
        asked = [("GET", r["path"], None) for r in hub.get_json("/api/routes")["routes"]
                 if r["method"] == "GET"]
        asked += [("GET", page, None) for page in ("/", "/home.html", "/network.html",
                                                   "/firmware.html", "/portal.css", "/portal.js")]
        asked += [("POST", "/api/macros", macros), ("POST", "/api/config?no_reboot=1", config)]
        for method, path, body in asked:
            data = None if body is None else json.dumps(body).encode()
            request = urllib.request.Request(hub.url(path), data,
                                             {"Content-Type": "application/json"}, method=method)
            with contextlib.suppress(urllib.error.HTTPError):  # one that wants arguments
                urllib.request.urlopen(request, timeout=30).read()
        health = hub.get_json("/api/health")
        routes = [r for r in hub.get_json("/api/routes")["routes"] if r["calls"]]
    return health["heap_internal_free"] - health["heap_internal_min"], routes


def print_tables(results):
    print(f"{'':26}{'least internal':>15}{'frag at rest':>14}{'least PSRAM':>13}"
          f"   {'the firmware before':15}{'its best':>15}")
    for r in results:
        first, best = BEFORE[r.name]
        d = r.derived
        frag = "-" if d["frag_hb_max"] is None else f"{d['frag_hb_max']} %"
        print(f"{r.name:4}{r.summary['scenario_title']:22}{d['hin_min'] or 0:>13} B{frag:>14}"
              f"{d['pm_min'] or 0:>11} B{first:>22}{best:>15}")
        for reason in r.reasons:
            print(f"      - {reason}")
    print("This hub: on this machine within the memory of esp32-s3. The firmware before: on its board.")
    print(f"\nWhat a request of its own took of internal memory, at most {REQUEST_MAX} B; PSRAM:")
    for most, psram, route, calls in peaks(results):
        print(f"  {most:>6} B {psram:>8} B  {route} ({calls} calls)")


def print_every_route():
    taken, routes = ask_every_route()
    rows = sorted(((r["peak_internal_bytes"], r["peak_psram_bytes"],
                    f"{r['method']} {r['path']}") for r in routes), reverse=True)
    print(f"\nEach of {len(rows)} routes once: the hub took {taken} B of internal memory for any. "
          "The dearest by themselves:")
    for internal, psram, route in rows[:12]:
        print(f"  {internal:>6} B {psram:>8} B  {route}")


def main():
    if "-h" in sys.argv or "--help" in sys.argv:
        print(__doc__)
        return 0
    wanted = sys.argv[1:] or SCENARIOS
    out = os.path.join(os.environ.get("NH_BUILD_DIR", os.path.join(ROOT, "build")), "harness")
    os.makedirs(out, exist_ok=True)
    results = play_all([(name, False) for name in wanted], out)
    print_tables(results)
    if not sys.argv[1:]:
        print_every_route()
    for r in results:
        shutil.copy(os.path.join(r.folder, "summary.svg"), os.path.join(out, r.name + ".svg"))
    print(f"\npictures: {os.path.relpath(out, ROOT)}/*.svg")
    return 1 if any(r.code for r in results) else 0


if __name__ == "__main__":
    sys.exit(main())
