"""Faults of the older firmwares that a client sees, one test each; docs/old-faults.md lists all of
them and where each is shown."""
import json
import os
import queue
import socket
import unittest

import paho.mqtt.client as paho

from hub import PATIENCE_S, Hub


class Client:
    def __init__(self, hub, name, keepalive=60):
        self.got, self.done = queue.Queue(), queue.Queue()
        self.ends = 0
        self.paho = paho.Client(name, protocol=paho.MQTTv311)
        self.paho.max_inflight_messages_set(2000)
        self.paho.on_connect = lambda *_: self.done.put(1)
        self.paho.on_subscribe = lambda c, u, mid, granted: self.done.put(granted)
        self.paho.on_message = lambda c, u, m: self.got.put(m)
        self.paho.on_disconnect = self.on_disconnect
        self.paho.connect("127.0.0.1", hub.mqtt_port, keepalive)
        self.paho.loop_start()
        self.done.get(timeout=PATIENCE_S)

    def on_disconnect(self, *_):
        self.ends += 1

    def subscribe(self, topic, qos=0):
        self.paho.subscribe(topic, qos)
        return self.done.get(timeout=PATIENCE_S)

    def publish(self, topic, payload=b"", qos=0, retain=False):
        self.paho.publish(topic, payload, qos, retain).wait_for_publish(PATIENCE_S)

    def get(self):
        return self.got.get(timeout=PATIENCE_S)

    def nothing_before(self, marker_topic, publisher):
        """Whatever came until a marker, which is published now and on the same connection."""
        publisher.publish(marker_topic, b"marker", 1)
        came = []
        while (m := self.get()).topic != marker_topic:
            came.append(m)
        return came

    def close(self):
        self.paho.disconnect()
        self.paho.loop_stop()


class Faults(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.hub = Hub().start()

    @classmethod
    def tearDownClass(cls):
        cls.hub.__exit__(None, None, None)

    def client(self, name, **more):
        c = Client(self.hub, name, **more)
        self.addCleanup(c.close)
        return c

    def test_01_who_acknowledges_stays(self):
        sub, pub = self.client("f1s"), self.client("f1p")
        sub.subscribe("f1", 1)
        for i in range(1000):
            pub.paho.publish("f1", str(i), 1)
        self.assertEqual([int(sub.get().payload) for _ in range(1000)], list(range(1000)))
        self.assertEqual(sub.ends, 0)

    def test_02_a_message_arrives_once_and_whole(self):
        sub, pub = self.client("f2s"), self.client("f2p")
        sub.subscribe("#", 1)
        for topic in ("audio/play", "relay/1", "web/cmd", "pictures/scan/1", "laser/x"):
            pub.publish(topic, b"x" * 300, 1)
        came = sub.nothing_before("f2/end", pub)
        ours = [(m.topic, len(m.payload)) for m in came if not m.topic.startswith("nuthatch/")]
        self.assertEqual(ours, [(t, 300) for t in
                                ("audio/play", "relay/1", "web/cmd", "pictures/scan/1", "laser/x")])

    def test_03_qos_2_is_a_whole_handshake(self):
        """The older one took QoS 2 without an answer; this broker has all of it."""
        sub, pub = self.client("f3s"), self.client("f3p")
        sub.subscribe("f3", 2)
        pub.publish("f3", b"once", 2)
        self.assertEqual([(m.payload, m.qos) for m in [sub.get()]], [(b"once", 2)])
        self.assertEqual(sub.nothing_before("f3", pub), [])

    def test_04_the_lower_qos_counts(self):
        for wanted in (0, 1, 2):
            sub, pub = self.client(f"f4s{wanted}"), self.client(f"f4p{wanted}")
            sub.subscribe(f"f4/{wanted}", wanted)
            for sent in (0, 1, 2):
                pub.publish(f"f4/{wanted}", b"", sent)
                self.assertEqual(sub.get().qos, min(wanted, sent))

    def test_05_retain_is_told_to_new_subscribers_only(self):
        sub, late, pub = self.client("f5s"), self.client("f5l"), self.client("f5p")
        sub.subscribe("f5", 1)
        pub.publish("f5", b"x", 1, retain=True)
        late.subscribe("f5", 1)
        self.assertEqual((sub.get().retain, late.get().retain), (0, 1))

    def test_06_every_byte_passes(self):
        sub, pub = self.client("f6s"), self.client("f6p")
        sub.subscribe("f6")
        pub.publish("f6", bytes(range(256)))
        self.assertEqual(sub.get().payload, bytes(range(256)))

    def test_07_subscribing_again_is_one_subscription(self):
        sub, pub = self.client("f7s"), self.client("f7p")
        for _ in range(100):
            sub.subscribe("f7", 1)
        pub.publish("f7", b"x", 1)
        self.assertEqual(sub.get().payload, b"x")
        self.assertEqual(sub.nothing_before("f7", pub), [])

    def test_10_one_that_stalls_stops_nobody(self):
        stalled = socket.create_connection(("127.0.0.1", self.hub.mqtt_port))
        self.addCleanup(stalled.close)
        stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stalled.sendall(b"\x10\x10\x00\x04MQTT\x04\x02\x00\x00\x00\x04slow" + b"\x82\x08\x00\x01\x00\x03f10\x00")
        sub, pub = self.client("f10s"), self.client("f10p")
        sub.subscribe("f10")
        for i in range(300):
            pub.publish("f10", b"%6d" % i + b"x" * 8000)
            self.assertEqual(int(sub.get().payload[:6]), i)

    def test_22_no_way_out_of_the_card(self):
        secret = os.path.join(self.hub.folder, "data", "secret.wav")
        with open(secret, "wb") as f:
            f.write(b"RIFF")
        for path in ("/sdcard/../secret.wav", "/sdcard/%2e%2e/", "/sdcardX", "/sdcard/x/../../", "/etc",
                     "/sdcard/..%2f", "..", "/sdcard/%2e%2e%2fsecret.wav"):
            with self.subTest(path=path):
                with socket.create_connection(("127.0.0.1", int(self.hub.http.rsplit(":", 1)[1]))) as s:
                    s.sendall(f"GET /api/files?path={path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                              "Connection: close\r\n\r\n".encode())
                    reply = b""
                    while data := s.recv(4096):
                        reply += data
                self.assertTrue(reply.startswith(b"HTTP/1.1 400"), reply[:60])
                self.assertNotIn(b"secret", reply.split(b"\r\n\r\n", 1)[1])

    def test_23_any_name_is_listed(self):
        folder = os.path.join(self.hub.folder, "data", "sdcard")
        os.makedirs(folder, exist_ok=True)
        name = 'a "quote" and \\ and ü.wav'
        with open(os.path.join(folder, name), "wb") as f:
            f.write(b"RIFF")
        self.assertIn("/sdcard/" + name, [e["path"] for e in self.hub.get_json("/api/files?path=/sdcard")])

    def test_33_a_long_name_is_kept_whole(self):
        """The network is the host's here; the hub's own names are as long as they say."""
        with Hub(config="name: " + "n" * 32 + "\n") as hub:
            self.assertEqual(hub.get_json("/api/info")["name"], "n" * 32)

    def test_34_the_memory_card_is_no_access_card(self):
        sub, pub = self.client("f34s"), self.client("f34p")
        sub.subscribe("access/#", 1)
        folder = os.path.join(self.hub.folder, "data", "devices")
        os.rename(folder, folder + ".away")
        self.addCleanup(lambda: os.path.exists(folder) or os.rename(folder + ".away", folder))
        self.hub.wait_until(lambda: not self.hub.get_json("/api/devices")["card"], "the card is missed")
        os.rename(folder + ".away", folder)
        self.hub.wait_until(lambda: self.hub.get_json("/api/devices")["card"], "the card is back")
        self.assertEqual(sub.nothing_before("access/end", pub), [])


class Metrics(unittest.TestCase):
    def test_36_the_hub_publishes_its_figures(self):
        with Hub(config="health: {heartbeat_ms: 1000}\n") as hub:
            c = Client(hub, "f36")
            c.subscribe("nuthatch/+/health")
            self.assertIn("heap_free", json.loads(c.get().payload))
            c.close()


if __name__ == "__main__":
    unittest.main()
