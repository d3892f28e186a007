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

import mqtt_ledger
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

    def __init__(self, port, client_id, *filters, qos=2, clean=False):
        self.messages = queue.Queue()
        self.ready = threading.Event()
        self.filters, self.qos = filters, qos
        self.paho = paho.Client(client_id, clean_session=clean, protocol=paho.MQTTv311)
        self.paho.on_connect = self.on_connect
        self.paho.on_subscribe = lambda *_: self.ready.set()
        self.paho.on_message = lambda c, u, m: self.messages.put(m)
        self.paho.reconnect_delay_set(0.05, 0.2)
        self.paho.max_inflight_messages_set(20)
        self.paho.max_queued_messages_set(0)
        self.paho.connect("127.0.0.1", port)
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
    hub.wait_until(lambda: hub.get_json("/api/mqtt/bridges")["bridges"][0]["subscribed"], "subscriptions")


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

    # [MQTT-7.1.2-1], [MQTT5-4.2.0-1]
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

    def test_is_told_and_counted(self):
        with Mosquitto() as there, Hub(bridge_config(there.port)) as hub, \
                Client(hub.mqtt_port, "home") as home:
            connected(hub)
            home.publish("t/a", "x", 1).wait_for_publish()
            one = hub.wait_until(lambda: [b for b in hub.get_json("/api/mqtt/bridges")["bridges"]
                                          if b["messages_out"] == 1], "the message")[0]
            self.assertEqual((one["name"], one["state"], one["connects"]), ("up", "online", 1))
            names = [c["id"] for c in hub.get_json("/api/mqtt/clients")["clients"]]
            self.assertIn("$bridge/up", names)
            there.stop()
            hub.wait_line(r"up: .*; next attempt in \d+ ms")
            one = hub.get_json("/api/mqtt/bridges")["bridges"][0]
            self.assertNotEqual(one["state"], "online")

    def test_nobody_else_gets_its_queue(self):
        with Mosquitto() as there, Hub(bridge_config(there.port)) as hub:
            connected(hub)
            r = subprocess.run(["mosquitto_sub", "-h", "127.0.0.1", "-p", str(hub.mqtt_port), "-i",
                                "$bridge/up", "-t", "#"], capture_output=True, timeout=PATIENCE_S)
            self.assertNotEqual(r.returncode, 0)


class Ring(unittest.TestCase):
    def test_two_hubs_that_bridge_each_other(self):
        # Each of the two bridges carries everything both ways: without the marks a message would go
        # round for ever.
        port = free_port()
        with Hub(bridge_config(port).replace("name: up", "name: a")) as one:
            config = bridge_config(one.mqtt_port).replace("name: up", "name: b")
            with Hub(config + "\n", args=("--mqtt", f"127.0.0.1:{port}")) as two:
                one.wait_line(r"a: connected to")
                two.wait_line(r"b: connected to")
                with Client(one.mqtt_port, "one", "t/#") as left, \
                        Client(port, "two", "t/#") as right:
                    for i in range(10):
                        left.publish("t/x", f"{i}", 1)
                    for client in left, right:
                        seen = set()
                        while len(seen) < 10:
                            seen.add(client.get()[1])

                    def carried():
                        return sum(b["messages_in"] + b["messages_out"] for hub in (one, two)
                                   for b in hub.get_json("/api/mqtt/bridges")["bridges"])

                    before = [-1]

                    def is_quiet():
                        last, before[0] = before[0], carried()
                        time.sleep(0.2)  # between two looks; the condition is that nothing moved
                        return last == before[0]
                    one.wait_until(is_quiet, "an end")
                    self.assertLessEqual(before[0], 100)


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
        # Mosquitto 2.0 confuses the packet ids of clients that it has something for when it is
        # started anew, and paho cannot get over that. So paho has no session there: each message
        # out is retained under a topic of its own, and read when all is over.
        with Mosquitto() as there, Hub(bridge_config(there.port)) as hub, \
                Client(hub.mqtt_port, "home", "t/o/+", qos=1) as home:
            connected(hub)
            for start in range(0, self.COUNT, 100):
                with Client(there.port, f"there {start}", clean=True) as other:
                    last = None
                    for i in range(start, start + 100):
                        home.publish(f"t/h/{i}", "x", 1 + i % 2, True)
                        last = other.publish(f"t/o/{i}", "x", 1 + i % 2)
                    last.wait_for_publish(PATIENCE_S)
                there.stop()  # it writes its store
                there.start()
            self.take_all(home, "t/o/")
            with Client(there.port, "after", "t/h/+", clean=True) as after:
                self.take_all(after, "t/h/")

    def take_all(self, client, prefix):
        wanted = {f"{prefix}{i}" for i in range(self.COUNT)}
        end = time.monotonic() + 2 * PATIENCE_S
        while wanted and time.monotonic() < end:
            with contextlib.suppress(queue.Empty):
                wanted.discard(client.messages.get(timeout=1).topic)
        self.assertEqual(wanted, set())

    def test_mosquitto_killed_in_the_middle(self):
        # What mosquitto had in memory alone is gone with it. What is published afterwards comes,
        # even under packet ids that were in use.
        with Mosquitto() as there, Hub(bridge_config(there.port)) as hub, \
                Client(hub.mqtt_port, "home") as home:
            connected(hub)
            for i in range(100):
                home.publish("t/h", f"{i}", 1 + i % 2)
            there.stop(signal.SIGKILL)
            lines = len(hub.lines)
            there.start()
            hub.wait_line(r"up: connected to", after=lines)
            with Client(there.port, "again", "t/h") as other:
                home.publish("t/h", "begin", 2)
                while other.get()[1] != "begin":
                    pass
                for i in range(100):
                    home.publish("t/h", f"new {i}", 2)
                self.assertEqual([other.get()[1] for _ in range(100)],
                                 [f"new {i}" for i in range(100)])


class HubKilled(unittest.TestCase):
    """The bridge's own queue and its packet ids are the store's: none lost, none twice at QoS 2."""
    KILLS = 8

    def check_ledgers(self, hub, port, names):
        """Between the hub, which is killed again and again, and the broker at `port`."""
        rng = random.Random(11)
        connected(hub)
        here_of, there_of = lambda: hub.mqtt_port, lambda: port
        pairs = []
        for name in names:
            from_of, to_of = (here_of, there_of) if name == "h" else (there_of, here_of)
            sub = mqtt_ledger.Subscriber(to_of, f"sub-{name}", f"t/{name}")
            sub.start()
            self.assertTrue(sub.subscribed.wait(PATIENCE_S))
            pairs.append((mqtt_ledger.Publisher(from_of, f"pub-{name}", f"t/{name}"), sub))
        for pub, _ in pairs:
            pub.start()
        for _ in range(self.KILLS):
            goals = [len(pub.acked) + rng.randrange(1, 100) for pub, _ in pairs]
            hub.wait_until(lambda: all(len(pub.acked) >= g for (pub, _), g in zip(pairs, goals)),
                           "acknowledgements")
            hub.stop(signal.SIGKILL)
            for pub, _ in pairs:  # what comes meanwhile waits at its broker, but not without end
                pub.goes_on = False
            hub.start()
            for pub, _ in pairs:
                pub.goes_on = True
        for pub, sub in pairs:
            self.assertGreater(mqtt_ledger.check([pub], [sub]), 0)
            pub.stop()
            sub.stop()

    def test_to_another_hub(self):
        # On a busy machine more waits for the bridge than a queue takes by default.
        room = "mqtt: {queue_max_messages: 60000, queue_max_bytes: 16777216}"
        with Hub(room) as there, Hub(bridge_config(there.mqtt_port)) as hub:
            self.check_ledgers(hub, there.mqtt_port, "ho")

    # One way only: Mosquitto 2.0 gives messages that a client has not acknowledged when it comes back
    # under new packet ids.
    def test_to_mosquitto(self):
        with Mosquitto() as there, Hub(bridge_config(there.port)) as hub:
            self.check_ledgers(hub, there.port, "h")


class Tls(unittest.TestCase):
    def make_certificates(self, folder):
        """An authority, and a certificate of it for localhost."""
        def openssl(*args):
            subprocess.run(["openssl", *args], check=True, capture_output=True, cwd=folder)
        for name in "ca", "stranger":
            openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                    "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", "2",
                    "-subj", f"/CN={name}")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost")
        with open(os.path.join(folder, "ext"), "w") as f:
            f.write("subjectAltName=DNS:localhost\n")
        openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                "-CAcreateserial", "-out", "server.pem", "-days", "2", "-extfile", "ext")

    def test_certificate_is_checked(self):
        with tempfile.TemporaryDirectory() as folder:
            self.make_certificates(folder)
            tls = "".join(f"{key} {folder}/{file}\n" for key, file in (
                ("cafile", "ca.pem"), ("certfile", "server.pem"), ("keyfile", "server.key")))
            with Mosquitto(tls) as there:
                def config(host, ca):
                    return bridge_config(there.port, f"tls: true\ntls_ca_file: {folder}/{ca}.pem\n") \
                        .replace("127.0.0.1", host)
                with Hub(config("localhost", "ca")) as hub:
                    connected(hub)
                with Hub(config("localhost", "stranger")) as hub:
                    hub.wait_line(r"up: .*certificate.*; next attempt")
                with Hub(config("127.0.0.1", "ca")) as hub:
                    hub.wait_line(r"up: .*; next attempt")
                    self.assertNotIn("connected to", "".join(hub.lines))


if __name__ == "__main__":
    unittest.main()
