"""The two brokers, each started alone, pinned to the first core, on a free port of the loopback."""
import getpass
import json
import os
import resource
import shutil
import socket
import subprocess
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("NH_BUILD_DIR", os.path.join(ROOT, "build", "bench"))
NUTHATCH = os.environ.get("NUTHATCH", os.path.join(BUILD, "nuthatch"))
LOAD = os.path.join(BUILD, "bench", "mqtt", "mqtt_load")
FLOOR = os.path.join(BUILD, "bench", "mqtt", "mqtt_floor")
BROKER_CORE, LOAD_CORE = 0, 1
STOP_S = 20
TICK_HZ = os.sysconf("SC_CLK_TCK")


def pinned(core, command):
    return ["taskset", "-c", str(core)] + command if (os.cpu_count() or 1) > 1 else command


def raise_descriptor_limit(want):
    """Lets this process and its children open `want` files; gives how many they may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < want:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (want, want))
            hard = want
        except (ValueError, OSError):
            pass
    soft = hard if hard != resource.RLIM_INFINITY else max(soft, want)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return soft


class Broker:
    """`with Kind() as broker:` gives one that listens on `port`."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="nuthatch-bench-")
        self.unix_path = os.path.join(self.folder.name, "mqtt.sock")
        try:
            self.start(self.folder.name)
        except BaseException:
            self.folder.cleanup()
            raise
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(STOP_S)
        if self.process.stdout:
            self.process.stdout.close()
        self.folder.cleanup()

    def private_bytes(self):
        """Memory that nobody shares with the process and that cannot be taken back, once it stays the
        same. Clean pages of files, of a store as of a program, go when the kernel wants them."""
        last = None
        while True:
            with open(f"/proc/{self.process.pid}/smaps_rollup") as f:
                now = sum(int(line.split()[1]) * 1024 for line in f
                          if line.startswith("Private_Dirty"))
            if now == last:
                return now
            last = now
            time.sleep(0.2)

    def cpu_s(self):
        with open(f"/proc/{self.process.pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK_HZ


class Nuthatch(Broker):
    name = "nuthatch"
    durability = "durable"

    def start(self, folder):
        config = os.path.join(folder, "hub.yaml")
        with open(config, "w") as f:
            # Queues without a practical bound, as mosquitto gets them below: neither may drop.
            f.write(f"mqtt: {{durability: {self.durability}, store_max_bytes: 4000000000,\n"
                    "       conn_max_count: 20000, session_max_count: 20000,\n"
                    "       queue_max_messages: 1000000, queue_max_bytes: 1000000000,\n"
                    "       retained_max_count: 1000000, retained_max_bytes: 100000000,\n"
                    f"       listeners: [{{listen: 'unix:{self.unix_path}'}}]}}\n"
                    "log: {level: warn}\nhealth: {publish: false}\n")
        self.process = subprocess.Popen(
            pinned(BROKER_CORE, [NUTHATCH, "run", "--config", config, "--board", "linux", "--http",
                                 "127.0.0.1:0", "--mqtt", "127.0.0.1:0", "--data",
                                 os.path.join(folder, "data"), "--ready-json"]),
            stdout=subprocess.PIPE, text=True)
        for line in self.process.stdout:
            if line.startswith("{"):
                self.port = int(json.loads(line)["mqtt"].rsplit(":", 1)[1])
                return
        raise SystemExit("nuthatch did not start")


class Mosquitto(Broker):
    name = "mosquitto"

    def start(self, folder):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        config = os.path.join(folder, "mosquitto.conf")
        with open(config, "w") as f:
            f.write(f"user {getpass.getuser()}\nlistener {self.port} 127.0.0.1\nallow_anonymous true\n"
                    f"listener 0 {self.unix_path}\n"
                    "max_queued_messages 0\nmax_inflight_messages 64\nset_tcp_nodelay true\n"
                    "log_type error\n")
        program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        self.process = subprocess.Popen(pinned(BROKER_CORE, [program, "-c", config]),
                                        stderr=subprocess.DEVNULL)
        for _ in range(500):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise SystemExit("mosquitto did not start")


class Floor(Broker):
    """No broker, but the system calls of taking a client in: what the machine allows."""
    name = "floor"

    def start(self, folder):
        self.process = subprocess.Popen(pinned(BROKER_CORE, [FLOOR]), stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())
