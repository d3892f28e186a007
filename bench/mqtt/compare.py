#!/usr/bin/env python3
"""Runs nuthatch and Debian's mosquitto in turns under the same load, several times, and prints the
medians and their ratios. Loopback only; the brokers are started and ended here.

  bench/mqtt/compare.py                        the table of MQTT 3.1.1
  bench/mqtt/compare.py --version 5            of MQTT 5.0
  bench/mqtt/compare.py --only idle --runs 1   rows whose name contains a word
  bench/mqtt/compare.py --json > r.json        for scripts
  bench/mqtt/compare.py --from r.json --markdown docs/benchmarks.md --svg docs/img/mqtt-ratios.svg
                                               writes a result into the page and draws it
"""
import argparse
import json
import os
import statistics
import subprocess
import sys

import brokers
import table
from measure import measure

SMALL = {"payload": 64, "seconds": 2}


def flow(publishers, subscribers, qos, **more):
    return "flow", dict(SMALL, publishers=publishers, subscribers=subscribers, qos=qos, **more)


def rate(title, goal=None):
    return title, "delivered_per_s", "msg/s", "more", goal


# A measurement, and the rows that it gives: title, figure, unit, which way is better, and the goal
# as a ratio to mosquitto (at least, or at most).
MEASUREMENTS = [
    (*flow(10, 10, 0), [rate("fan-out 10 x 10, QoS 0", 18),
                        ("CPU per delivered message, QoS 0", "cpu_us_per_delivered", "us", "less", 1 / 18)]),
    (*flow(10, 10, 1), [rate("fan-out 10 x 10, QoS 1", 11),
                        ("CPU per delivered message, QoS 1", "cpu_us_per_delivered", "us", "less", None)]),
    (*flow(10, 10, 2), [rate("fan-out 10 x 10, QoS 2", 20),
                        ("CPU per delivered message, QoS 2", "cpu_us_per_delivered", "us", "less", None)]),
    (*flow(1, 1, 0), [rate("point to point 64 B, QoS 0", 13)]),
    (*flow(1, 1, 1), [rate("point to point 64 B, QoS 1", 3.5)]),
    (*flow(1, 1, 0, payload=1024), [rate("point to point 1 KiB, QoS 0", 9)]),
    (*flow(100, 1, 1), [rate("fan-in of 100, QoS 1", 2.2)]),
    (*flow(1, 1, 0, window=1), [rate("one message on its way, QoS 0")]),
    (*flow(1, 1, 0, rate=1000, seconds=5),
     [("latency p50 at 1,000 msg/s", "p50_us", "us", "less", None),
      ("latency p99 at 1,000 msg/s", "p99_us", "us", "less", 1),
      ("latency p99.9 at 1,000 msg/s", "p999_us", "us", "less", None)]),
    ("idle", {"connections": 10000},
     [("idle connection with a subscription", "bytes_each", "B", "less", 1 / 3)]),
    ("retained", {"connections": 10000, "payload": 64},
     [("retained message of 64 B", "bytes_each", "B", "less", 1 / 3),
      ("replay of 10,000 retained", "replay_us", "us", "less", 1 / 7)]),
    ("connect", {"connections": 20000},
     [("connects a second, TCP", "connects_per_s", "1/s", "more", 1.5),
      ("CPU per connect, TCP", "cpu_us_each", "us", "less", None)]),
    # Mosquitto lets ten wait at a Unix socket.
    ("connect", {"connections": 20000, "unix": True, "parallel": 10},
     [("connects a second, Unix socket", "connects_per_s", "1/s", "more", 1.5),
      ("CPU per connect, Unix socket", "cpu_us_each", "us", "less", None)]),
]


def kinds_for(kind, options):
    """Who is measured: of TCP connections also a peer that only takes them in, since it bounds both."""
    has_floor = kind == "connect" and not options.get("unix")
    return (brokers.Nuthatch, brokers.Mosquitto) + ((brokers.Floor,) if has_floor else ())


def progress(text):
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def run_all(args, chosen):
    """Results by measurement and broker: all runs of each, in turns, so that a slow minute hits both."""
    brokers.Nuthatch.durability = args.durability
    results = [{peer.name: [] for peer in kinds_for(*m[:2])} for m in chosen]
    for run in range(args.runs):
        for i, (kind, options, rows) in enumerate(chosen):
            # The one that goes first changes, so that neither always meets the warmer machine.
            kinds = kinds_for(kind, options)
            for broker in kinds if run % 2 == 0 else reversed(kinds):
                progress(f"run {run + 1} of {args.runs}: {rows[0][0]}: {broker.name}")
                options = dict(options, version=args.version)
                if args.seconds and "seconds" in options:
                    options["seconds"] = args.seconds
                results[i][broker.name].append(
                    measure(broker, kind, options, args.others_max, args.tries, args.wait_s))
    progress("")
    return results


def is_met(row):
    if row["faults"]:
        return False
    if row["goal"] is None:
        return True
    return row["ratio"] >= row["goal"] if row["better"] == "more" else row["ratio"] <= row["goal"]


def median_of(results, figure):
    return statistics.median(r[figure] for r in results) if results else None


def make_rows(chosen, results):
    rows = []
    for (_, _, titles), by_broker in zip(chosen, results):
        for title, figure, unit, better, goal in titles:
            ours, theirs = (median_of(by_broker[k], figure) for k in ("nuthatch", "mosquitto"))
            row = {"case": title, "unit": unit, "better": better, "goal": goal, "nuthatch": ours,
                   "mosquitto": theirs, "ratio": ours / max(1e-9, theirs),
                   "faults": sum(r["faults"] for r in by_broker["nuthatch"]),
                   "faults_mosquitto": sum(r["faults"] for r in by_broker["mosquitto"]),
                   "floor": median_of(by_broker.get("floor"), figure),
                   "runs": {k: [r[figure] for r in v] for k, v in by_broker.items()}}
            row["is_met"] = is_met(row)
            rows.append(row)
    return rows


def machine_facts():
    model = "?"
    with open("/proc/cpuinfo") as f:
        for line in f:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    version = subprocess.run(["mosquitto", "-h"], capture_output=True, text=True,
                             env=dict(os.environ, PATH=os.environ.get("PATH", "") + ":/usr/sbin"))
    return {"cpu": model, "cores": os.cpu_count(), "kernel": os.uname().release,
            "mosquitto": (version.stdout.split("\n")[0].split() or ["?"])[-1]}


def result_of(args):
    if args.from_file:
        with open(args.from_file) as f:
            return json.load(f)
    chosen = [m for m in MEASUREMENTS if any(args.only in row[0] for row in m[2])]
    if not chosen:
        raise SystemExit(f"no row contains '{args.only}'")
    if brokers.raise_descriptor_limit(25000) < 10200:
        raise SystemExit("10,000 connections need `ulimit -n 25000`")
    results = run_all(args, chosen)
    others = [r["others_cores"] for by in results for runs in by.values() for r in runs]
    return {"version": args.version, "durability": args.durability, "runs": args.runs, "machine": machine_facts(),
            "others_cores_max": max(others), "rows": make_rows(chosen, results)}


def parse():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--runs", type=int, default=3)
    p.add_argument("--seconds", type=float, help="of each flow; default 2, latency 5")
    p.add_argument("--version", type=int, choices=(4, 5), default=4, help="4: MQTT 3.1.1; 5: 5.0")
    p.add_argument("--durability", choices=("durable", "interval", "memory"), default="durable",
                   help="of nuthatch; mosquitto keeps all in memory, as its default is")
    p.add_argument("--only", default="", help="rows whose name contains this")
    p.add_argument("--others-max", type=float, default=0.1,
                   help="cores that others may take; a run with more is made anew")
    p.add_argument("--tries", type=int, default=3, help="of a run that others disturb")
    p.add_argument("--wait-s", type=float, default=0, help="for a calm moment before each run")
    p.add_argument("--json", action="store_true")
    p.add_argument("--from", dest="from_file", help="a result of --json instead of measuring")
    p.add_argument("--markdown", help="page whose table is replaced")
    p.add_argument("--svg", help="picture to write")
    p.add_argument("--check", action="store_true", help="exit 1 when a goal is missed")
    return p.parse_args()


def main():
    args = parse()
    result = result_of(args)
    text = table.markdown(result)
    print(json.dumps(result, indent=1) if args.json else text)
    if args.markdown:
        table.write_into(args.markdown, f"mqtt-{result['version']}", text)
    if args.svg:
        with open(args.svg, "w") as f:
            f.write(table.svg(result))
    # A message lost by nuthatch is a failure whatever the goals say.
    missed = [r for r in result["rows"] if not r["is_met"]]
    return 1 if any(r["faults"] for r in missed) or (args.check and missed) else 0


if __name__ == "__main__":
    sys.exit(main())
