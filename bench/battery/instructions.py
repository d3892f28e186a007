#!/usr/bin/env python3
"""Instructions of one read of the pack's snapshot, by valgrind: the figure that no other load on the
machine disturbs. Set-up is taken out by running two numbers of reads.

  python3 bench/battery/instructions.py
"""
import os
import re
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("NH_BUILD_DIR", os.path.join(ROOT, "build", "bench"))
PROGRAM = os.path.join(BUILD, "bench", "battery", "bench_battery_snapshot")
READS = (1000, 11000)


def run(reads):
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", PROGRAM, "reads", str(reads)]
    r = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(re.search(r"Collected : (\d+)", r.stderr).group(1))


def main():
    few, many = (run(n) for n in READS)
    print(f"{(many - few) / (READS[1] - READS[0]):.1f} instructions a read, the loop included")


if __name__ == "__main__":
    main()
