#!/usr/bin/env python3
"""Instructions of the broker engine for each delivered message and each match, by valgrind: the
figures that no other load on the machine disturbs. Set-up is taken out by running two sizes.

  python3 bench/mqtt/instructions.py [--json]
"""
import argparse
import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("NH_BUILD_DIR", os.path.join(ROOT, "build", "bench"))
ENGINE = os.path.join(BUILD, "bench", "mqtt", "bench_mqtt_engine")
CALLS = ("input", "output", "sent", "turn_end")

CASES = [  # name, arguments, two sizes
    ("fan-out 10 x 10, QoS 0, 64 B", ["fanout0"], (100, 300)),
    ("fan-out 10 x 10, QoS 1, 64 B", ["fanout1"], (20, 120)),
    ("fan-out 10 x 10, QoS 2, 64 B", ["fanout2"], (20, 120)),
    ("point to point, QoS 0, 64 B", ["p2p0"], (100, 300)),
    ("point to point, QoS 1, 64 B", ["p2p1"], (20, 120)),
    ("point to point, QoS 0, 1 KiB", ["p2p1k"], (100, 300)),
    ("point to point, QoS 1, 1 KiB", ["p2p1k1"], (20, 120)),
    ("match among 10 subscriptions", ["match10"], (1000, 2000)),
    ("match among 1,000", ["match1000"], (1000, 2000)),
    ("match among 100,000", ["match100000"], (1000, 2000)),
    ("match among 1,000,000", ["match1000000"], (1000, 2000)),
]


def run(arguments, size):
    """(instructions in the engine's calls, messages)"""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    command += [f"--toggle-collect=nh_mqtt_broker_{call}" for call in CALLS]
    r = subprocess.run(command + [ENGINE, *arguments, str(size)], capture_output=True, text=True)
    collected = re.search(r"Collected : (\d+)", r.stderr)
    messages = re.search(r"\((\d+)\)$", r.stdout.strip())
    if r.returncode or not collected or not messages:
        raise SystemExit(f"{' '.join(arguments)}: {r.stdout}{r.stderr}")
    return int(collected.group(1)), int(messages.group(1))


def main():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--json", action="store_true")
    args = p.parse_args()
    rows = []
    for name, arguments, (small, large) in CASES:
        (i1, m1), (i2, m2) = run(arguments, small), run(arguments, large)
        rows.append({"case": name, "instructions": (i2 - i1) / (m2 - m1)})
        if sys.stderr.isatty():
            print(f"\r\033[K{name}", end="", file=sys.stderr)
    if args.json:
        print(json.dumps(rows, indent=1))
        return
    print("| case | instructions a message |\n|---|---:|")
    for r in rows:
        print(f"| {r['case']} | {r['instructions']:,.0f} |")


if __name__ == "__main__":
    main()
