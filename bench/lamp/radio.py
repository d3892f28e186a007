#!/usr/bin/python3
"""A command by radio, from its first frame to the answer with the state after it: a hub, `nuthatch
remote ping`, both of the release build, on a clean air and on one that loses 30 % both ways.

  python3 bench/lamp/radio.py [COUNT]
"""
import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))
from hub import NUTHATCH, Hub  # noqa: E402

PORT = 38321
AIRS = (("clean", "", (), 1), ("30 % lost both ways", ", loss_pct: 30", ("--loss-pct", "30"), 10))


def measure(air, options, count):
    with Hub(f"lamp: {{enabled: true}}\nlamp_radio: {{enabled: true, port: {PORT}{air}}}\n") as hub:
        command = [NUTHATCH, "remote", "--state", os.path.join(hub.folder, "r"), "--port", str(PORT),
                   "--timeout", "60", "--json", *options]
        hub.send_json("POST", "/api/lamp/radio/pair", {"seconds": 60, "confirm": False})
        subprocess.run([*command, "pair", "--yes"], check=True, stdout=subprocess.DEVNULL)
        done = subprocess.run([*command, "ping", str(count)], check=True, capture_output=True)
        peer = hub.get_json("/api/lamp/radio")["peers"][0]
        return json.loads(done.stdout), peer


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    print("| air | commands | p50 us | p99 us | worst us | sent again | in the hub, p99 us |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for name, air, options, part in AIRS:
        r, peer = measure(air, options, count // part)
        print(f"| {name} | {r['answered']} | {r['p50_us']} | {r['p99_us']} | {r['max_us']} | "
              f"{r['repeats']} | {peer['ack_p99_us']} |")


main()
