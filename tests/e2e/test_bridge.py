"""A bridge to a real mosquitto: restarted, killed and cut off in the middle, with a ledger on both sides."""
import contextlib
import os
import queue
import random
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

import paho.mqtt.client as paho

from hub import PATIENCE_S, Hub

RULES = """
        - {filter: "t/#", direction: both, qos: 2}
        - {filter: "temp/#", direction: out, qos: 1, local_prefix: home/, remote_prefix: hub-1/}
        - {filter: "cmd/+", direction: in, qos: 1, remote_prefix: hub-1/}
"""


def bridge_config(port, extra=""):
    lines = "".join(f"      {line}\n" for line in extra.splitlines())
    return (f"mqtt:\n  queue_max_messages: 100000\n  queue_max_bytes: 8000000\n  bridges:\n    - name: up\n"
            f"      address: 127.0.0.1:{port}\n      backoff_min_ms: 50\n      backoff_max_ms: 400\n"
            f"{lines}      rules:{RULES}")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Mosquitto:
    """A mosquitto with a store of its own, that can be stopped and started again."""

    def __init__(self, extra=""):
        self.folder = tempfile.mkdtemp(prefix="nuthatch-mosquitto-")
        self.port = free_port()
        self.process = None
        with open(os.path.join(self.folder, "conf"), "w") as f:
            f.write(f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence true\n"
                    f"persistence_location {self.folder}/\nmax_queued_messages 0\nuser root\n{extra}")

    def start(self):
        self.process = subprocess.Popen(["mosquitto", "-c", os.path.join(self.folder, "conf")],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            time.sleep(0.02)
        raise AssertionError("mosquitto does not start")

    def stop(self, sig=signal.SIGTERM):
        self.process.send_signal(sig)
        self.process.wait(PATIENCE_S)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.stop(signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)


class Proxy:
    """Passes bytes to `port`; cut() ends what is there, wherever it is."""

    def __init__(self, port):
        self.target = port
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen()
        self.port = self.listener.getsockname()[1]
        self.pairs = {}
        self.cuts = 0
        self.wants_cut = threading.Event()
        self.is_over = False
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def accept(self):
        near, _ = self.listener.accept()
        try:
            far = socket.create_connection(("127.0.0.1", self.target), 5)
        except OSError:
            near.close()
            return
        self.pairs[near], self.pairs[far] = far, near

    def drop(self, s):
        other = self.pairs.pop(s, None)
        if other:
            self.pairs.pop(other, None)
            other.close()
        s.close()

    def carry(self, s):
        try:
            # Small pieces: a cut falls into the middle of something.
            data = s.recv(97)
            self.pairs[s].sendall(data)
        except OSError:
            data = b""
        if not data:
            self.drop(s)

    def run(self):
        while not self.is_over:
            ready, _, _ = select.select([self.listener, *self.pairs], [], [], 0.05)
            for s in ready:
                if s is self.listener:
                    self.accept()
                elif s in self.pairs:
                    self.carry(s)
            if self.wants_cut.is_set():
                self.wants_cut.clear()
                self.cuts += bool(self.pairs)
                for s in list(self.pairs):
                    self.drop(s)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.is_over = True
        self.thread.join()
        for s in [self.listener, *self.pairs]:
            s.close()


class Client:
    """paho with a kept session that comes back by itself; what it received in a queue."""

    def __init__(self, port, client_id, *filters, qos=2, **options):
        self.messages = queue.Queue()
        self.ready = threading.Event()
        self.filters, self.qos = filters, qos
        self.paho = paho.Client(client_id, clean_session=False, protocol=paho.MQTTv311)
        self.paho.on_connect = self.on_connect
        self.paho.on_subscribe = lambda *_: self.ready.set()
        self.paho.on_message = lambda c, u, m: self.messages.put(m)
        self.paho.reconnect_delay_set(0.05, 0.2)
        self.paho.max_inflight_messages_set(20)
        self.paho.max_queued_messages_set(0)
        self.paho.connect("127.0.0.1", port, **options)
        self.paho.loop_start()
        assert self.ready.wait(PATIENCE_S), "no answer"

    def on_connect(self, *_):
        if self.filters:
            self.paho.subscribe([(f, self.qos) for f in self.filters])
        else:
            self.ready.set()

    def publish(self, topic, payload, qos=0, retain=False):
        return self.paho.publish(topic, payload, qos, retain)

    def get(self, timeout=PATIENCE_S):
        m = self.messages.get(timeout=timeout)
        return m.topic, m.payload.decode(), m.qos

    def close(self):
        self.paho.disconnect()
        self.paho.loop_stop()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def connected(hub):
    hub.wait_line(r"up: connected to", after=0)


def wait_state(client, value):
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        topic, payload, _ = client.get()
        if topic == "$SYS/broker/connection/up/state" and payload == value:
            return
    raise AssertionError(f"the state never became {value}")


class Carry(unittest.TestCase):
    def check_carrying(self, extra=""):
        with Mosquitto() as there, Hub(bridge_config(there.port, extra)) as hub, \
                Client(hub.mqtt_port, "home", "#", "$SYS/broker/connection/+/state") as home, \
                Client(there.port, "there", "#") as other:
            wait_state(home, "1")
            home.publish("home/temp/1", "20", 2)
            self.assertEqual(home.get(), ("home/temp/1", "20", 2))
            self.assertEqual(other.get(), ("hub-1/temp/1", "20", 1))
            other.publish("hub-1/cmd/x", "go", 1)
            self.assertEqual(other.get(), ("hub-1/cmd/x", "go", 1))
            self.assertEqual(home.get(), ("cmd/x", "go", 1))
            # What goes both ways comes to each side once: the last one has nothing before it.
            for i in range(20):
                home.publish("t/a", f"home {i}", i % 3)
                other.publish("t/a", f"there {i}", i % 3)
            expected = sorted([f"home {i}" for i in range(20)] + [f"there {i}" for i in range(20)])
            self.assertEqual(sorted(home.get()[1] for _ in range(40)), expected)
            self.assertEqual(sorted(other.get()[1] for _ in range(40)), expected)
            home.publish("t/a", "last", 2)
            self.assertEqual(home.get()[1], "last")
            self.assertEqual(other.get()[1], "last")

    def test_mqtt_5(self):
        self.check_carrying()

    def test_mqtt_3(self):
        self.check_carrying("version: 3.1.1\n")

    def test_mqtt_3_as_bridge(self):
        self.check_carrying("version: 3.1.1\nbridge_bit: true\n")

    def test_state_and_status_follow_the_connection(self):
        with Mosquitto() as there, \
                Hub(bridge_config(there.port, "status_topic: bridges/up\n")) as hub, \
                Client(hub.mqtt_port, "home", "$SYS/broker/connection/+/state") as home, \
                Client(there.port, "there", "bridges/#") as other:
            wait_state(home, "1")
            self.assertEqual(other.get()[:2], ("bridges/up", "1"))
            there.stop()
            wait_state(home, "0")
            there.start()
            wait_state(home, "1")

    def test_wrong_password_is_told(self):
        with Mosquitto() as there, Hub(bridge_config(there.port)) as hub:
            hub.wait_line(r"up: connected to")
            there.stop()
            hub.wait_line(r"up: .*; next attempt in \d+ ms")


class Ledger:
    """Publishes numbered messages on both sides, at QoS 1 and 2 in turn, and checks what comes over."""

    def __init__(self, home, other, count):
        self.home, self.other, self.count = home, other, count

    def publish(self, at):
        self.home.publish("t/h", f"{at}", 1 + at % 2)
        self.other.publish("t/o", f"{at}", 1 + at % 2)

    def check(self, test):
        for topic, ear in ("t/h", self.other), ("t/o", self.home):
            seen = {}
            end = time.monotonic() + 2 * PATIENCE_S
            while len(seen) < self.count and time.monotonic() < end:
                with contextlib.suppress(queue.Empty):
                    m = ear.messages.get(timeout=1)
                    test.assertEqual(m.topic, topic)
                    # What the ear's own broker says twice is that one's affair, and marked.
                    seen.setdefault(int(m.payload), []).append(m.dup)
            lost = [i for i in range(self.count) if i not in seen]
            test.assertEqual(lost, [], f"lost on the way of {topic}")
            twice = [i for i in range(self.count) if i % 2 and seen[i].count(False) > 1]
            test.assertEqual(twice, [], f"QoS 2 more than once on the way of {topic}")


class Cut(unittest.TestCase):
    COUNT = 600

    def test_connection_cut_in_the_middle(self):
        rng = random.Random(7)
        for version in "5.0", "3.1.1":
            with self.subTest(version), Mosquitto() as there, Proxy(there.port) as proxy, \
                    Hub(bridge_config(proxy.port, f"version: {version}\n")) as hub:
                connected(hub)
                with Client(hub.mqtt_port, "home", "t/o", qos=1) as home, \
                        Client(there.port, "there", "t/h", qos=1) as other:
                    ledger = Ledger(home, other, self.COUNT)
                    for i in range(self.COUNT):
                        ledger.publish(i)
                        if rng.random() < 0.05:
                            proxy.wants_cut.set()
                            time.sleep(rng.random() * 0.02)  # how far it gets is chance, too
                    ledger.check(self)
                self.assertGreater(proxy.cuts, 3)

    def test_mosquitto_restarted_in_the_middle(self):
        with Mosquitto() as there, Hub(bridge_config(there.port)) as hub:
            connected(hub)
            with Client(hub.mqtt_port, "home", "t/o", qos=1) as home, \
                    Client(there.port, "there", "t/h", qos=1) as other:
                ledger = Ledger(home, other, self.COUNT)
                for i in range(self.COUNT):
                    ledger.publish(i)
                    if i % 150 == 100:
                        there.stop()  # it writes its store
                        there.start()
                ledger.check(self)

    def test_mosquitto_killed_in_the_middle(self):
        # What mosquitto had in memory alone is gone: only what comes afterwards is counted.
        with Mosquitto() as there, Hub(bridge_config(there.port)) as hub:
            connected(hub)
            with Client(hub.mqtt_port, "home", "t/o") as home:
                with Client(there.port, "there", "t/h") as other:
                    ledger = Ledger(home, other, 50)
                    for i in range(50):
                        ledger.publish(i)
                    there.stop(signal.SIGKILL)
                    other.close()
                lines = len(hub.lines)
                there.start()
                hub.wait_line(r"up: connected to", after=lines)
                with Client(there.port, "again", "t/h") as other:
                    while not home.messages.empty():
                        home.messages.get()
                    ledger = Ledger(home, other, 100)
                    for i in range(1000, 1100):
                        home.publish("t/h", f"{i}", 2)
                    got = []
                    while len(got) < 100 or got[-1] != 1099:
                        value = int(other.get()[1])
                        got += [value] if value >= 1000 else []
                    self.assertEqual(got, list(range(1000, 1100)))


if __name__ == "__main__":
    unittest.main()
