"""A hub for a test: its own ports, data folder and configuration, started and stopped for it."""
import contextlib
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
NUTHATCH = os.environ.get("NUTHATCH", os.path.join(ROOT, "build", "release", "nuthatch"))
START_S = 30  # the sanitizers are slow on a busy machine
PATIENCE_S = 30


class Hub:
    """`with Hub(config="mqtt: {...}") as hub:` gives a running hub with http, mqtt and its lines."""

    def __init__(self, config="", args=(), env=None, board=None, addresses=True):
        self.folder = tempfile.mkdtemp(prefix="nuthatch-test-")
        self.config_file = os.path.join(self.folder, "hub.yaml")
        self.write_config(config)
        self.addresses = ["--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0"] if addresses else []
        self.extra = list(args) + (["--board", board] if board else [])
        self.env = dict(os.environ, **(env or {}))
        self.lines = []
        self.exit_code = None

    def write_config(self, text):
        with open(self.config_file, "w") as f:
            f.write(text)

    def command(self):
        return [NUTHATCH, "run", "--config", self.config_file, *self.addresses, "--data",
                os.path.join(self.folder, "data"), "--ready-json", *self.extra]

    def start(self):
        self.errors = open(os.path.join(self.folder, "stderr.txt"), "ab")
        self.process = subprocess.Popen(self.command(), stdout=subprocess.PIPE, stderr=self.errors,
                                        env=self.env)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.rest, self.lines, self.exit_code = b"", [], None
        line = self.wait_line(r"^\{", START_S)
        self.ready = json.loads(line)
        self.http = self.ready["http"]
        self.mqtt_port = int((self.ready["mqtt"] or ":0").rsplit(":", 1)[1])
        return self

    def read_lines(self, timeout):
        """Takes what the hub has printed; waits up to `timeout` seconds for something."""
        if self.process.stdout.closed or not select.select([self.process.stdout], [], [], timeout)[0]:
            return False
        data = self.process.stdout.read()
        if not data:
            return False
        self.rest += data
        *whole, self.rest = self.rest.split(b"\n")
        self.lines += [line.decode("utf-8", "replace") for line in whole]
        return True

    def wait_line(self, pattern, timeout=PATIENCE_S, after=0):
        """The first line from index `after` that matches; fails with all lines when none comes."""
        end = time.monotonic() + timeout
        at = after
        while True:
            for line in self.lines[at:]:
                if re.search(pattern, line):
                    return line
            at = len(self.lines)
            left = end - time.monotonic()
            if left <= 0 or (not self.read_lines(min(left, 1)) and self.process.poll() is not None):
                raise AssertionError(f"no line {pattern!r} in:\n" + "\n".join(self.lines) +
                                     "\n" + self.stderr())

    def stderr(self):
        with open(os.path.join(self.folder, "stderr.txt")) as f:
            return f.read()

    def stop(self, sig=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(sig)
        # Keeps reading: a hub that cannot print must still stop, but what it says is worth seeing.
        end = time.monotonic() + PATIENCE_S
        while self.process.poll() is None and time.monotonic() < end:
            self.read_lines(0.05)
        self.exit_code = self.process.wait(1)
        with contextlib.suppress(ValueError):
            self.read_lines(0)
        self.process.stdout.close()
        self.errors.close()
        return self.exit_code

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, value, trace):
        died = self.process.poll() is not None and self.exit_code is None
        self.exit_code = self.process.poll() if died else self.exit_code
        if self.process.poll() is None:
            self.stop()
        text = self.stderr()
        if died and self.exit_code != -signal.SIGKILL:
            print(f"the hub died with {self.exit_code}:\n{text}")
        shutil.rmtree(self.folder, ignore_errors=True)
        if kind is None:
            if self.exit_code not in (0, -signal.SIGKILL):
                raise AssertionError(f"the hub ended with {self.exit_code}:\n{text}")
            if "still holds" in text or "Sanitizer" in text:
                raise AssertionError(text)

    # ---- asking it ---------------------------------------------------------------------------------

    def url(self, path):
        return f"http://{self.http}{path}"

    def get(self, path):
        with urllib.request.urlopen(self.url(path), timeout=PATIENCE_S) as r:
            return r.read()

    def get_json(self, path):
        return json.loads(self.get(path))

    def send_json(self, method, path, value):
        """(status, decoded reply) of a request with a JSON body; None: without one."""
        body = None if value is None else json.dumps(value).encode()
        request = urllib.request.Request(self.url(path), body,
                                         {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as r:
                return r.status, json.loads(r.read() or b"null")
        except urllib.error.HTTPError as e:
            with e:
                return e.code, json.loads(e.read() or b"null")

    def connect(self):
        s = socket.create_connection(("127.0.0.1", self.mqtt_port), PATIENCE_S)
        s.settimeout(PATIENCE_S)
        return s

    def wait_until(self, condition, what, timeout=PATIENCE_S):
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            value = condition()
            if value:
                return value
            self.read_lines(0.02)
        raise AssertionError(f"never: {what}")


def run(*args, stdin=None):
    """Runs the command; gives exit code, standard output and standard error."""
    r = subprocess.run([NUTHATCH, *args], input=stdin, capture_output=True, text=True, timeout=60)
    return r.returncode, r.stdout, r.stderr
