#!/usr/bin/env python3
"""Runs nuthatch and Debian's mosquitto one after the other under the same load, several times, and
prints the medians and their ratios. Loopback only; both brokers are started and ended here.

  bench/broker/compare.py                      the table
  bench/broker/compare.py --json --runs 5      for scripts
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("NH_BUILD_DIR", os.path.join(ROOT, "build", "bench"))
LOAD = os.path.join(BUILD, "bench", "broker", "mqtt_load")

FLOWS = [  # name, publishers, subscribers, qos, payload, goal of this ratio
    ("fan-out 10 x 10, QoS 0", 10, 10, 0, 64, 5.0),
    ("fan-out 10 x 10, QoS 1", 10, 10, 1, 64, 3.0),
    ("fan-out 10 x 10, QoS 2", 10, 10, 2, 64, None),
    ("point to point 64 B, QoS 0", 1, 1, 0, 64, 4.0),
    ("point to point 64 B, QoS 1", 1, 1, 1, 64, None),
    ("point to point 1 KiB, QoS 0", 1, 1, 0, 1024, None),
]
IDLE_CONNECTIONS = 2000
IDLE_GOAL = 0.5


def pinned(core, command):
    return ["taskset", "-c", str(core)] + command if (os.cpu_count() or 1) > 1 else command


class Nuthatch:
    name = "nuthatch"

    def __init__(self, folder):
        config = os.path.join(folder, "hub.yaml")
        with open(config, "w") as f:
            # Queues without a practical bound, as mosquitto gets them below: neither may drop.
            f.write("mqtt: {conn_max_count: 20000, session_max_count: 20000,\n"
                    "       queue_max_messages: 100000, queue_max_bytes: 100000000}\n"
                    "log: {level: warn}\nhealth: {publish: false}\n")
        self.process = subprocess.Popen(
            pinned(0, [os.path.join(BUILD, "nuthatch"), "run", "--config", config, "--board", "linux",
                       "--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0",
                       "--data", os.path.join(folder, "data"), "--ready-json"]),
            stdout=subprocess.PIPE, text=True)
        for line in self.process.stdout:
            if line.startswith("{"):
                self.port = int(json.loads(line)["mqtt"].rsplit(":", 1)[1])
                break
        else:
            raise SystemExit("nuthatch did not start")


class Mosquitto:
    name = "mosquitto"

    def __init__(self, folder):
        import socket
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        config = os.path.join(folder, "mosquitto.conf")
        with open(config, "w") as f:
            f.write(f"listener {self.port} 127.0.0.1\nallow_anonymous true\n"
                    "max_queued_messages 0\nmax_inflight_messages 64\n"
                    "log_type error\n")
        program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        self.process = subprocess.Popen(pinned(0, [program, "-c", config]),
                                        stderr=subprocess.DEVNULL)
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise SystemExit("mosquitto did not start")


def private_bytes(pid):
    with open(f"/proc/{pid}/smaps_rollup") as f:
        return sum(int(line.split()[1]) * 1024 for line in f if line.startswith("Private_"))


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure_flows(broker, seconds):
    results = {}
    for name, pubs, subs, qos, payload, _ in FLOWS:
        before = cpu_seconds(broker.process.pid)
        run = subprocess.run(
            pinned(1, [LOAD, "--port", str(broker.port), "--publishers", str(pubs), "--subscribers",
                       str(subs), "--qos", str(qos), "--payload", str(payload), "--seconds",
                       str(seconds)]), capture_output=True, text=True, timeout=120)
        if not run.stdout:
            raise SystemExit(f"{broker.name}: {name}: {run.stderr}")
        r = json.loads(run.stdout)
        r["cpu_us_per_delivered"] = ((cpu_seconds(broker.process.pid) - before) * 1e6 /
                                     max(1, r["delivered"]))
        results[name] = r
    return results


def measure_idle(broker, _):
    """On a broker that has done nothing yet, so that nobody fills memory he freed before."""
    before = private_bytes(broker.process.pid)
    holder = subprocess.Popen(
        pinned(1, [LOAD, "--mode", "idle", "--port", str(broker.port), "--connections",
                   str(IDLE_CONNECTIONS)]), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    idle = json.loads(holder.stdout.readline())
    time.sleep(0.3)
    idle["bytes_each"] = (private_bytes(broker.process.pid) - before) / IDLE_CONNECTIONS
    holder.stdin.close()
    holder.wait(30)
    return {"idle": idle}


def one_run(kind, seconds):
    results = {}
    for measure in (measure_flows, measure_idle):
        with tempfile.TemporaryDirectory() as folder:
            broker = kind(folder)
            try:
                results.update(measure(broker, seconds))
            finally:
                broker.process.terminate()
                broker.process.wait(10)
    return results


def main():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--runs", type=int, default=3)
    p.add_argument("--seconds", type=float, default=2.0)
    p.add_argument("--json", action="store_true")
    p.add_argument("--check", action="store_true", help="exit 1 when a goal is missed")
    args = p.parse_args()
    runs = {Nuthatch: [], Mosquitto: []}
    for i in range(args.runs):
        for kind in runs:  # interleaved, so that a slow minute hits both
            if sys.stderr.isatty():
                print(f"run {i + 1} of {args.runs}: {kind.name}", file=sys.stderr)
            runs[kind].append(one_run(kind, args.seconds))

    def median(kind, flow, figure):
        return statistics.median(r[flow][figure] for r in runs[kind])

    rows, missed = [], 0
    for name, *_, goal in FLOWS:
        ours, theirs = (median(k, name, "delivered_per_s") for k in (Nuthatch, Mosquitto))
        cpu = median(Nuthatch, name, "cpu_us_per_delivered") / max(
            1e-9, median(Mosquitto, name, "cpu_us_per_delivered"))
        lost = sum(r[name]["lost"] + r[name]["repeated"] for k in runs for r in runs[k])
        ratio = ours / theirs
        missed += (goal is not None and ratio < goal) or lost > 0
        rows.append({"case": name, "nuthatch": ours, "mosquitto": theirs, "ratio": ratio,
                     "goal": goal, "cpu_ratio": cpu, "lost_or_repeated": lost})
    ours, theirs = (median(k, "idle", "bytes_each") for k in (Nuthatch, Mosquitto))
    missed += ours / theirs > IDLE_GOAL
    rows.append({"case": "bytes of an idle connection", "nuthatch": ours, "mosquitto": theirs,
                 "ratio": ours / theirs, "goal": IDLE_GOAL, "cpu_ratio": None,
                 "lost_or_repeated": 0})
    if args.json:
        print(json.dumps({"runs": args.runs, "seconds": args.seconds, "rows": rows}, indent=1))
    else:
        print("| case | nuthatch | mosquitto | ratio | goal | CPU per message | lost |")
        print("|---|---:|---:|---:|---:|---:|---:|")
        for r in rows:
            goal = "" if r["goal"] is None else f"{r['goal']:g}"
            cpu = "" if r["cpu_ratio"] is None else f"{r['cpu_ratio']:.2f}"
            print(f"| {r['case']} | {r['nuthatch']:,.0f} | {r['mosquitto']:,.0f} | "
                  f"{r['ratio']:.2f} | {goal} | {cpu} | {r['lost_or_repeated']} |")
    return 1 if args.check and missed else 0


if __name__ == "__main__":
    sys.exit(main())
