"""The memory harness against a device that is none: the requests and waits of each scenario, the
artifacts, and the verdict on a device that is not well."""
import concurrent.futures
import glob
import json
import os
import pty
import signal
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

from hub import NUTHATCH, PATIENCE_S, ROOT, run

sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
from harness_device import CONFIG, MACROS, Device  # noqa: E402

MEM_KEYS = ["frag", "hf", "hi", "hin", "hl", "hm", "pf", "pl", "pm", "tag", "ts"]
ARTIFACTS = tempfile.TemporaryDirectory(prefix="nuthatch-harness-")
unittest.addModuleCleanup(ARTIFACTS.cleanup)


class Run:
    """One run of the harness against a device: its exit status, its output, its artifacts."""

    def __init__(self, device, scenario, *args, serial=None):
        self.folder = tempfile.mkdtemp(dir=ARTIFACTS.name)
        done = subprocess.run(
            [NUTHATCH, "harness", scenario, device.address, "--port", serial or device.pty,
             "--out", self.folder, "--timeout", "5", "--non-interactive", *args],
            capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=PATIENCE_S * 6)
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr
        self.dirs = sorted(glob.glob(self.folder + "/*"))
        self.dir = self.dirs[0] if self.dirs else None
        if "Sanitizer" in self.err or "still holds" in self.err:
            raise AssertionError(self.err)

    def text(self, name):
        with open(os.path.join(self.dir, name)) as f:
            return f.read()

    def rows(self, name):
        return [json.loads(line) for line in self.text(name).splitlines()]

    def summary(self):
        return json.loads(self.text("summary.json"))

    def reasons(self):
        return self.summary()["verdict"]["reasons"]


def requests_of(device):
    """What was asked for, in order; requests of a burst as they came."""
    return [key for key, _, _ in device.requests]


HEALTH = "GET /api/health"
SCREENS = ["PUT /api/display/screen"] * 2
FILES = ["GET /portal.css", "GET /portal.js"]


class Scenarios(unittest.TestCase):
    WANTED = {
        "s1": [HEALTH] * 2 + [HEALTH] * 2,
        "portal": [HEALTH] * 2 + ["GET /", "GET /network.html", "GET /firmware.html"] + [HEALTH] * 2,
        "s4_macros": [HEALTH] * 2 + ["GET /api/macros", "POST /api/macros"] + SCREENS + [HEALTH] * 2,
        "S5": [HEALTH] * 2 + ["GET /api/config"] + SCREENS + [HEALTH] * 2,
        "browser": [HEALTH] * 2 + ["GET /"] + FILES +
        sorted(["GET /api/mode", "GET /api/config", "GET /api/info", "GET /api/macros",
                "GET /api/icons"] + [HEALTH] * 2) +
        ["GET /api/macros", "POST /api/macros", "POST /api/icons/gc", "GET /api/config",
         "POST /api/config", "GET /network.html"] + FILES +
        sorted(["GET /api/mode", "GET /api/config", "GET /api/info"] + [HEALTH] * 2) + [HEALTH] * 2,
    }

    @classmethod
    def setUpClass(cls):
        cls.devices, cls.runs = {}, {}

        def one(scenario):
            with Device() as device:
                cls.devices[scenario] = device
                cls.runs[scenario] = Run(device, scenario, "--limit", "hin_min=102400", "--limit",
                                         "frag_hb_max=39")

        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            list(pool.map(one, [*cls.WANTED, "s3"]))

    def test_a_healthy_device_passes(self):
        for scenario, one in self.runs.items():
            with self.subTest(scenario):
                self.assertEqual(one.code, 0, one.out + one.err)
                self.assertIn("passed", one.out)
                self.assertEqual(one.reasons(), [])

    def test_requests_in_their_order(self):
        bursts = {"browser": [(5, 12), (20, 25)]}  # whose order is nobody's
        for scenario, wanted in self.WANTED.items():
            with self.subTest(scenario):
                asked = requests_of(self.devices[scenario])
                self.assertEqual(asked[0], "POST /api/reboot")
                asked = asked[1:]
                for begin, end in bursts.get(scenario, []):
                    asked[begin:end] = sorted(asked[begin:end])
                self.assertEqual(asked, wanted)

    def test_bodies_come_back_as_they_were(self):
        device = self.devices["browser"]
        posted = json.loads(device.bodies["POST /api/macros"])
        self.assertEqual(posted, {k: MACROS[k] for k in ("defaults", "screens")})
        # The largest form: nothing but ASCII, blanks behind ':' and ','.
        self.assertEqual(device.bodies["POST /api/macros"].decode("ascii"), json.dumps(posted))
        config = json.loads(device.bodies["POST /api/config"])
        self.assertEqual(config, {k: v for k, v in CONFIG.items() if k != "device_name_sanitized"})
        self.assertIn(("POST /api/config", "/api/config?no_reboot=1"),
                      [(key, path) for key, path, _ in device.requests])

    def test_the_reboot_request(self):
        _, _, headers = self.devices["s1"].requests[0]
        self.assertEqual(headers["Content-Length"], "0")
        self.assertEqual(headers["Connection"], "close")

    def test_artifacts(self):
        one = self.runs["browser"]
        summary = one.summary()
        for row in one.rows("mem.jsonl"):
            self.assertEqual(list(row), MEM_KEYS)
            self.assertRegex(row["ts"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$")
        tags = [row["tag"] for row in one.rows("mem.jsonl")]
        self.assertLess(tags.index("boot"), tags.index("setup"))
        events = one.rows("events.jsonl")
        self.assertEqual([e for e in events if e["type"] == "http"][0]["mode"], "fire_and_forget")
        for e in events:
            if e["type"] == "http" and "mode" not in e:
                self.assertEqual(e["http_status"], 200, e)
                self.assertTrue({"content_length", "content_type", "content_encoding", "method",
                                 "url"} <= set(e))
        self.assertIn({"event": "got_ip", "ip": "127.0.0.1", "type": "event"},
                      [{k: v for k, v in e.items() if k != "ts"} for e in events])
        self.assertIn("setup_complete", [e.get("marker") for e in events])
        health = one.rows("health.jsonl")
        self.assertEqual([h["label"] for h in health],
                         ["s6_before_a", "s6_before_b", "s6_after_a", "s6_after_b"])
        self.assertEqual(health[0]["json"], json.loads(health[0]["body"]))
        self.assertEqual(health[0]["headers"]["content-type"], "application/json")
        self.assertEqual(summary["scenario_key"], "s6")
        self.assertEqual(summary["firmware_version"], "1.5.0")
        self.assertEqual(summary["derived"]["tags"], sorted({r["tag"] for r in one.rows("mem.jsonl")}))
        self.assertEqual(summary["derived"]["hin_min"], min(r["hin"] for r in one.rows("mem.jsonl")))
        self.assertEqual(list(summary), sorted(summary))
        for name in summary["artifacts"].values():
            self.assertTrue(os.path.exists(os.path.join(one.dir, name)), name)
        self.assertIn("![", one.text("summary.md"))
        xml.etree.ElementTree.fromstring(one.text("summary.svg"))
        self.assertRegex(os.path.basename(one.dir), r"^\d{8}_\d{6}_s6$")

    def test_images_are_hard_and_hostile(self):
        device, one = self.devices["s3"], self.runs["s3"]
        asked = requests_of(device)
        self.assertGreaterEqual(asked.count("POST /api/display/image"), 6)
        self.assertGreaterEqual(asked.count("POST /api/display/image/strips"), 18)
        statuses = [e["http_status"] for e in one.rows("events.jsonl")
                    if e["type"] == "http" and "/image" in e["url"]]
        self.assertIn(400, statuses)
        self.assertEqual(statuses[-1], 200)

    def test_a_report_is_made_again(self):
        one = self.runs["s4_macros"]
        before = one.text("summary.svg")
        for name in ("summary.md", "summary.svg"):
            os.unlink(os.path.join(one.dir, name))
        code, out, err = run("harness", "report", one.dir)
        self.assertEqual(code, 0, err)
        self.assertEqual(one.text("summary.svg"), before)
        self.assertIn("http_macros_post_saved", before)
        self.assertIn("**Passed**", one.text("summary.md"))
        self.assertEqual(run("harness", "report", "/no/such")[0], 2)

    def test_two_runs_are_compared(self):
        a, b = self.runs["s1"], self.runs["s4_macros"]
        picture = os.path.join(b.dir, "compare.svg")
        code, out, err = run("harness", "--compare", a.dir, b.dir + "/", "--svg", picture)
        self.assertEqual(code, 0, err)
        self.assertRegex(out, r"- hb: Δhin=\+0  Δhm=\+0  Δfrag=\+0  Δpf=\+0\n")
        self.assertIn("- lvgl_switch_post_info: n/a\n", out)
        self.assertRegex(out, r"Overall: .*150000.*150000.*\+0\n$")
        with open(picture) as f:
            xml.etree.ElementTree.fromstring(f.read())
        with tempfile.TemporaryDirectory() as empty:
            self.assertEqual(run("harness", "--compare", empty, empty)[0], 2)
            self.assertEqual(run("harness", "--compare", empty, a.dir)[0], 0)


class Verdicts(unittest.TestCase):
    """Devices that are not well. All are run at once: most of a run is waiting."""
    CASES = {
        "tripwire": (Device(hin=20000, tripwire=30720), ["s1"]),
        "panic": (Device(words=["Guru Meditation Error: Core 0 panic'ed"]), ["s1"]),
        "tags": (Device(hotspot=False), ["s2"]),
        "no tags asked for": (Device(hotspot=False), ["s2", "--expect", "none"]),
        "limits": (Device(hin=100000), ["s1", "--limit", "hin_min=102400", "--limit", "frag_max=9",
                                        "--limit", "pm_min=1"]),
        "page": (Device(answers={"GET /network.html": 503}), ["s2", "--expect", "hb"]),
        "post": (Device(answers={"POST /api/macros": 409}), ["s4", "--expect", "hb"]),
        "document": (Device(answers={"GET /api/macros": 200}), ["s6", "--expect", "none"]),
        "no icons": (Device(answers={"POST /api/icons/gc": 404}), ["s6"]),
        "silent": (Device(serial=False), ["prompt", "--expect", "hb", "--timeout", "1"]),
        "nobody": (Device(), ["s2", "--no-reboot", "--expect", "none", "--timeout", "1"]),
    }

    @classmethod
    def setUpClass(cls):
        cls.runs, cls.junit = {}, os.path.join(ARTIFACTS.name, "junit.xml")

        def one(case):
            device, args = cls.CASES[case]
            with device:
                if case == "nobody":
                    device.server.shutdown()
                    device.server.server_close()
                more = ["--junit", cls.junit] if case == "panic" else []
                cls.runs[case] = Run(device, *args, *more)

        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            list(pool.map(one, cls.CASES))

    def failed(self, case, *reasons):
        one = self.runs[case]
        self.assertEqual(one.code, 1, one.out + one.err)
        self.assertIn("FAILED", one.out)
        if reasons:
            self.assertEqual(one.reasons(), list(reasons))
        return one

    def test_tripwire(self):
        one = self.failed("tripwire", "the tripwire fired at mqtt_connect_attempt: 20000 bytes, "
                          "under 30720")
        tripwire = one.summary()["derived"]["tripwire"]
        self.assertTrue(tripwire["fired"])
        self.assertEqual([t["name"] for t in tripwire["worst_stacks"]], ["ipc0", "loop"])
        self.assertIn("## Tripwire", one.text("summary.md"))
        self.assertIn("tripwire at mqtt_connect_attempt", one.text("summary.svg"))
        self.assertEqual([t["name"] for t in one.rows("tasks.jsonl")], ["ipc0", "loop"])

    def test_panic_and_junit(self):
        one = self.failed("panic")
        panic = one.summary()["derived"]["panic"]
        self.assertEqual(panic["kind"], "guru_meditation")
        line = one.text("serial.log").splitlines()[panic["line_no"] - 1]
        self.assertEqual(line, panic["line"])
        suite = xml.etree.ElementTree.parse(self.junit).getroot()[0]
        self.assertEqual(suite.get("failures"), "1")
        failed = [c.get("name") for c in suite.findall("testcase") if c.find("failure") is not None]
        self.assertEqual(failed, ["panic"])

    def test_tags_that_do_not_come(self):
        self.failed("tags", *[f"no snapshot with tag http_{t}"
                              for t in ("root", "network", "firmware")])
        self.assertEqual(self.runs["no tags asked for"].code, 0)

    def test_limits(self):
        self.failed("limits", "hin_min is 100000, under 102400", "frag_max is 10, over 9")

    def test_requests_that_fail(self):
        self.failed("page", "GET /network.html answered 503")
        self.failed("post", "POST /api/macros answered 409")
        self.failed("document", 'GET /api/macros: no array "screens"')

    def test_a_device_without_icons_is_well(self):
        self.assertEqual(self.runs["no icons"].code, 0, self.runs["no icons"].out)

    def test_a_line_that_says_nothing(self):
        one = self.failed("silent", "no snapshot with tag hb")
        notes = [e["note"] for e in one.rows("events.jsonl") if e["type"] == "note"]
        self.assertEqual(notes, ["no mark of a reboot on the line", 'no "System Boot" within 1 s',
                                 'no "Got IP:" within 1 s',
                                 'no "[Main] Setup complete" within 1 s'])

    def test_nobody_answers(self):
        one = self.failed("nobody")
        self.assertIn("GET / failed: Connection refused", one.reasons())
        statuses = [e["http_status"] for e in one.rows("events.jsonl") if e["type"] == "http"]
        self.assertEqual(set(statuses), {0})


class Ways(unittest.TestCase):
    def test_without_a_serial_line(self):
        with Device(serial=False) as device:
            one = Run(device, "s2", serial="none")
        self.assertEqual(one.code, 0, one.out + one.err)
        tags = one.summary()["derived"]["tags"]
        self.assertEqual(tags, ["before_reboot", "poll", "s2_after_a", "s2_after_b", "s2_before_a",
                                "s2_before_b"])
        self.assertEqual(device.boots, 1)

    def test_a_device_that_is_up(self):
        with Device() as device:
            one = Run(device, "s1", "--no-reboot", "--timeout", "1")
        self.assertEqual(one.code, 0, one.out + one.err)
        self.assertEqual(device.boots, 0)
        self.assertNotIn("POST /api/reboot", requests_of(device))

    def test_options_of_the_requests(self):
        with Device() as device:
            one = Run(device, "s2", "--no-pages", "--no-health", "--auth", "admin:secret",
                      "--expect", "none")
        self.assertEqual(one.code, 0, one.out + one.err)
        self.assertEqual(requests_of(device), ["POST /api/reboot"])
        self.assertEqual(device.requests[0][2]["Authorization"], "Basic YWRtaW46c2VjcmV0")
        self.assertTrue(all(h["skipped"] for h in one.rows("health.jsonl")))

    def test_runs_again_and_again_as_json(self):
        with Device() as device:
            one = Run(device, "s1", "--repeat", "2", "--json", "--no-health")
            table = Run(device, "s1", "--repeat", "2", "--no-health")
        self.assertEqual(one.code, 0, one.err)
        runs = json.loads(one.out)
        self.assertEqual([r["verdict"]["passed"] for r in runs], [True, True])
        self.assertEqual(len(one.dirs), 2)
        self.assertRegex(table.out, r"2 runs +least +mean +most\n +hin_min +150000 +150000.0 +150000")

    def test_a_line_that_goes_away_at_the_reboot(self):
        with Device(replugs=True) as device:
            one = Run(device, "s1", "--no-health")
        self.assertEqual(one.code, 0, one.out + one.err)
        self.assertIn("ESP-ROM:esp32s3", one.text("serial.log"))

    def test_a_device_that_tells_no_address(self):
        with Device(address_line=False) as device:
            one = Run(device, "s1", "--no-health")
        self.assertEqual(one.code, 0, one.out + one.err)
        notes = [e["note"] for e in one.rows("events.jsonl") if e["type"] == "note"]
        self.assertIn("ready without a \"Got IP:\"", notes)

    def test_one_line_on_a_terminal(self):
        with Device() as device, tempfile.TemporaryDirectory() as out:
            master, slave = pty.openpty()
            p = subprocess.Popen([NUTHATCH, "harness", "s1", device.address, "--port", device.pty,
                                  "--out", out, "--no-health"], stdout=subprocess.PIPE,
                                 stderr=slave, stdin=subprocess.DEVNULL, text=True)
            os.close(slave)
            told, _ = p.communicate(timeout=PATIENCE_S)
            shown = os.read(master, 65536).decode()
            os.close(master)
        self.assertEqual(p.returncode, 0)
        self.assertTrue(told.startswith("s1 Boot and idle: passed"), told)
        self.assertNotIn("\n", shown)
        self.assertRegex(shown, r"\r.*s1  waiting for a heartbeat.*free \d+ KiB, least \d+ KiB")

    def test_interrupted(self):
        with Device() as device, tempfile.TemporaryDirectory() as out:
            p = subprocess.Popen([NUTHATCH, "harness", "prompt", device.address, "--port", device.pty,
                                  "--out", out], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 text=True)
            for line in p.stdout:
                if "recording" in line:
                    break
            p.send_signal(signal.SIGINT)
            rest, _ = p.communicate(timeout=PATIENCE_S)
            self.assertEqual(p.returncode, 1)
            self.assertIn("interrupted", rest)
            self.assertTrue(glob.glob(out + "/*/summary.json"))

    def test_interrupted_while_nobody_answers(self):
        with Device(hangs=["GET /api/config"]) as device, tempfile.TemporaryDirectory() as out:
            p = subprocess.Popen([NUTHATCH, "harness", "s5", device.address, "--port", device.pty,
                                  "--out", out, "--no-health"], stdout=subprocess.PIPE, text=True)
            for line in p.stdout:
                if "read /api/config" in line:
                    break
            p.send_signal(signal.SIGINT)
            rest, _ = p.communicate(timeout=PATIENCE_S)
            self.assertEqual(p.returncode, 1)
            self.assertIn("- interrupted", rest)
            self.assertNotIn("GET /api/config failed", rest)  # by its time-out of 10 s, for one
            device.stopping.set()

    def test_recorded_by_hand_until_enter(self):
        with Device() as device, tempfile.TemporaryDirectory() as out:
            p = subprocess.Popen([NUTHATCH, "harness", "manual", device.address, "--port", device.pty,
                                  "--out", out], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 text=True)
            for line in p.stdout:
                if "recording" in line:
                    break
            rest, _ = p.communicate("\n", timeout=PATIENCE_S)
            self.assertEqual(p.returncode, 0, rest)

    def test_wrong_usage(self):
        for args, told in ((["s9"], 'no scenario "s9"'), (["s1", "host:x"], "host:x"),
                           (["s1", "--baud", "12345"], "12345"),
                           (["s1", "--limit", "hin=5"], "hin_min"),
                           (["s1", "--limit", "hin_min=x"], "hin_min=x"),
                           (["s1", "--repeat", "0"], "--repeat 0"),
                           (["s1", "--auth", "nobody"], "USER:PASSWORD"),
                           (["--compare", "a"], "two directories"),
                           (["s1", "1.2.3.4", "x"], '"x"'),
                           (["s1", "1.2.3.4", "--port", "/no/such", "--out", "/tmp"], "/no/such")):
            with self.subTest(args):
                code, _, err = run("harness", *args)
                self.assertEqual(code, 2, err)
                self.assertIn(told, err)
        code, out, _ = run("harness")
        self.assertEqual(code, 0)
        self.assertIn("s3", out)
        self.assertIn("Examples:", run("harness", "--help")[1])


if __name__ == "__main__":
    unittest.main()
