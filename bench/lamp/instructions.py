#!/usr/bin/env python3
"""Instructions of a frame and of a pixel for each effect, by valgrind: the figures that no other
load on the machine disturbs. Set-up is taken out by running two numbers of frames.

  python3 bench/lamp/instructions.py [--json] [NAME...]
"""
import argparse
import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("NH_BUILD_DIR", os.path.join(ROOT, "build", "bench"))
PROGRAM = os.path.join(BUILD, "bench", "lamp", "bench_lamp_fx")
NAMES = ["DIAG RAINBOW", "NOISE", "FIRE", "SNOW FALL", "CONFETTI", "GLITTER RAINBOW", "RADIAL RIPPLE",
         "CUBES", "ORBIT DOTS"]
SIZES = ((48, 16), (128, 128))
FRAMES = (40, 140)


def run(name, frames, width, height):
    """Instructions in the player's draw."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
               "--toggle-collect=nh_fx_player_draw", PROGRAM, name, str(frames), str(width), str(height)]
    r = subprocess.run(command, capture_output=True, text=True)
    collected = re.search(r"Collected : (\d+)", r.stderr)
    if r.returncode or not collected:
        raise SystemExit(f"{name}: {r.stdout}{r.stderr}")
    return int(collected.group(1))


def main():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--json", action="store_true")
    p.add_argument("names", nargs="*", default=NAMES)
    args = p.parse_args()
    rows = []
    for name in args.names:
        row = {"effect": name}
        for width, height in SIZES:
            few, many = (run(name, frames, width, height) for frames in FRAMES)
            frame = (many - few) / (FRAMES[1] - FRAMES[0])
            row[f"{width}x{height}"] = {"frame": frame, "pixel": frame / (width * height)}
        rows.append(row)
        if sys.stderr.isatty():
            print(f"\r\033[K{name}", end="", file=sys.stderr)
    if args.json:
        print(json.dumps(rows, indent=1))
        return
    print("| effect | 48 x 16: a frame | a pixel | 128 x 128: a frame | a pixel |")
    print("|---|---:|---:|---:|---:|")
    for row in rows:
        cells = [f"{row[s]['frame']:,.0f} | {row[s]['pixel']:.1f}" for s in ("48x16", "128x128")]
        print(f"| {row['effect']} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
