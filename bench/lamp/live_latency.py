#!/usr/bin/env python3
"""From a DDP frame into a running hub to the same frame out of it: the lamp's live path, end to end.

  bench/lamp/live_latency.py [--frames N] [--runs N] [--fps 40 --fps 120] [--pixels 768] [--json]

The hub runs with a lamp whose frames go out by DDP (lamp_send) to this program. It sends a frame of
one level at a time that has nothing to do with the lamp's own pace, and waits until a frame of that
level comes out: receiver, back buffer, the next slot of the render task, pipeline, buffer, loop,
socket. What is measured is both ways through loopback and this program's own few tens of
microseconds included. A lamp of F frames a second shows a frame in its next slot: 0 to 1/F of the
time is that wait. The figures are told beside the ones without it.
"""
import argparse
import json
import os
import random
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
NUTHATCH = os.environ.get("NUTHATCH", os.path.join(ROOT, "build", "release", "nuthatch"))


def request(address, path, body=None):
    data = json.dumps(body).encode() if body is not None else None
    with urllib.request.urlopen(urllib.request.Request(f"http://{address}{path}", data), timeout=10) as r:
        return json.load(r)


def packets(level, pixels, sequence):
    rgb, out = bytes([level]) * (pixels * 3), []
    for at in range(0, len(rgb), 1440):
        data = rgb[at:at + 1440]
        sequence = sequence % 15 + 1
        out.append(struct.pack(">BBBBIH", 0x40 | (at + 1440 >= len(rgb)), sequence, 0x0B, 1, at,
                               len(data)) + data)
    return out, sequence


def percentile(values, pct):
    return sorted(values)[min(len(values) - 1, len(values) * pct // 100)]


def measure(fps, pixels, frames, seed):
    width = 16 if pixels <= 16 * 128 else 128
    height = pixels // width
    rng, took, sequence, torn = random.Random(seed), [], 0, 0
    with tempfile.TemporaryDirectory() as folder, \
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        s.settimeout(5)
        text = (f"lamp: {{enabled: true, width: {width}, height: {height}, fps: {fps}}}\n"
                "lamp_hardware: {limit_ma: 0}\n"
                "lamp_live: {ddp_port: 0, e131: false, artnet: false, wled: false, hyperion: false,"
                " nodes: false}\n"
                f"lamp_send:\n  - {{protocol: ddp, address: 127.0.0.1, port: {s.getsockname()[1]}}}\n")
        with open(os.path.join(folder, "hub.yaml"), "w") as f:
            f.write(text)
        hub = subprocess.Popen([NUTHATCH, "run", "--config", f.name, "--http", "127.0.0.1:0",
                                "--mqtt", "127.0.0.1:0", "--data", folder, "--ready-json",
                                "--console", "none"], stdout=subprocess.PIPE)
        try:
            address = json.loads(hub.stdout.readline())["http"]
            request(address, "/api/lamp", {"power": True, "brightness": 255, "transition_ms": 0,
                                           "overlay": {"enabled": False}})
            port = request(address, "/api/lamp/live")["ports"][0]["port"]
            time.sleep(1)
            for i in range(frames):
                level = i % 250 + 1
                out, sequence = packets(level, pixels, sequence)
                time.sleep(rng.uniform(0.02, 0.05))
                s.setblocking(False)
                try:
                    while True:
                        s.recv(2048)  # what came meanwhile
                except BlockingIOError:
                    pass
                s.settimeout(5)
                begin = time.perf_counter()
                for p in out:
                    s.sendto(p, ("127.0.0.1", port))
                levels = set()  # of one frame
                while True:
                    data = s.recv(2048)
                    levels |= set(data[10:])
                    if not data[0] & 1:
                        continue
                    torn += i > 0 and len(levels) > 1  # before the first one the effect is seen
                    if levels == {level}:
                        break
                    levels = set()
                took.append((time.perf_counter() - begin) * 1000)
            source = request(address, "/api/lamp/live")["sources"][0]
        finally:
            hub.terminate()
            hub.wait(10)
    return took, torn, source["incomplete"]


def row(fps, args):
    """Medians over the runs, and the spread of the 99th percentile."""
    runs = [measure(fps, args.pixels, args.frames, seed) for seed in range(1, args.runs + 1)]
    took = [r[0] for r in runs]
    p99 = [percentile(t, 99) for t in took]
    return {"fps": fps, "pixels": args.pixels, "frames": args.frames, "runs": args.runs,
            "torn": sum(r[1] for r in runs), "incomplete": sum(r[2] for r in runs),
            "slot_ms": round(1000 / fps, 2), "min_ms": round(min(min(t) for t in took), 2),
            "p50_ms": round(statistics.median(statistics.median(t) for t in took), 2),
            "p99_ms": round(statistics.median(p99), 2),
            "p99_lowest_ms": round(min(p99), 2), "p99_highest_ms": round(max(p99), 2)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=200)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--fps", type=int, action="append")
    parser.add_argument("--pixels", type=int, default=768)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    rows = [row(fps, args) for fps in args.fps or [40, 120]]
    if args.json:
        json.dump(rows, sys.stdout, indent=1)
        print()
        return 0
    for r in rows:
        print(f"{r['pixels']} pixels at {r['fps']} frames/s: a slot is {r['slot_ms']} ms; in to out "
              f"min {r['min_ms']}, median {r['p50_ms']}, p99 {r['p99_ms']} "
              f"({r['p99_lowest_ms']} to {r['p99_highest_ms']}) ms, {r['runs']} runs of "
              f"{r['frames']}; torn {r['torn']}, incomplete {r['incomplete']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
