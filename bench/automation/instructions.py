#!/usr/bin/env python3
"""Instructions of the automation for each wake-up and each start, by valgrind: the figures that no
other load on the machine disturbs. Set-up is taken out by running two sizes.

  python3 bench/automation/instructions.py [--json]
"""
import argparse
import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("NH_BUILD_DIR", os.path.join(ROOT, "build", "bench"))
PROGRAM = os.path.join(BUILD, "bench", "automation", "bench_automation")
CALLS = ("tick", "flag_set", "message", "run")

CASES = [(what, waiting) for what in ("timer", "flag", "event", "start") for waiting in (10, 1000, 10000)]
SIZES = (200, 700)


def run(what, size, waiting):
    """Instructions in the automation's calls."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    command += [f"--toggle-collect=nh_automation_{call}" for call in CALLS]
    r = subprocess.run([*command, PROGRAM, what, str(size), str(waiting)], capture_output=True, text=True)
    collected = re.search(r"Collected : (\d+)", r.stderr)
    if r.returncode or not collected:
        raise SystemExit(f"{what}: {r.stdout}{r.stderr}")
    return int(collected.group(1))


def main():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--json", action="store_true")
    args = p.parse_args()
    rows = []
    for what, waiting in CASES:
        small, large = (run(what, size, waiting) for size in SIZES)
        rows.append({"case": what, "waiting": waiting,
                     "instructions": (large - small) / (SIZES[1] - SIZES[0])})
        if sys.stderr.isatty():
            print(f"\r\033[K{what} {waiting}", end="", file=sys.stderr)
    if args.json:
        print(json.dumps(rows, indent=1))
        return
    print("| case | waiting | instructions |\n|---|---:|---:|")
    for r in rows:
        print(f"| {r['case']} | {r['waiting']:,} | {r['instructions']:,.0f} |")


if __name__ == "__main__":
    main()
