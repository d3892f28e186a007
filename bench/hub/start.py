#!/usr/bin/env python3
"""From exec to the first answer of the portal, and the size of the stripped command.

  bench/hub/start.py [--runs N] [--json]      goals: under 100 ms, under 3 MiB
"""
import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
NUTHATCH = os.environ.get("NUTHATCH", os.path.join(ROOT, "build", "release", "nuthatch"))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def ask(port):
    """One request; True when the portal answered 200."""
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as s:
            s.sendall(b"GET /api/info HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            return s.recv(64).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def one_start():
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        begin = time.monotonic()
        hub = subprocess.Popen([NUTHATCH, "run", "--http", f"127.0.0.1:{port}", "--mqtt",
                                "127.0.0.1:0", "--data", folder], stdout=subprocess.DEVNULL)
        try:
            while not ask(port):
                if time.monotonic() - begin > 20:
                    raise SystemExit("the hub gave no answer in 20 s")
                time.sleep(0.0005)
            return (time.monotonic() - begin) * 1000
        finally:
            hub.terminate()
            hub.wait(10)


def stripped_bytes():
    with tempfile.TemporaryDirectory() as folder:
        path = shutil.copy(NUTHATCH, os.path.join(folder, "nuthatch"))
        subprocess.run(["strip", path], check=True)
        return os.path.getsize(path)


def main():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--runs", type=int, default=15)
    p.add_argument("--json", action="store_true")
    args = p.parse_args()
    starts = sorted(one_start() for _ in range(args.runs))
    result = {"runs": args.runs, "start_median_ms": round(statistics.median(starts), 1),
              "start_worst_ms": round(starts[-1], 1), "stripped_bytes": stripped_bytes()}
    if args.json:
        print(json.dumps(result))
    else:
        print(f"start to first answer: median {result['start_median_ms']} ms, "
              f"worst {result['start_worst_ms']} ms of {args.runs} (goal 100 ms)")
        print(f"stripped command: {result['stripped_bytes']:,} bytes (goal {3 << 20:,})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
