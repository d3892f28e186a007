"""The broker against clients that mean it harm: others are served, memory holds, counters tell."""
import unittest

from hub import Hub
from test_mqtt import Client, raw_connect


def counters(hub):
    return hub.get_json("/api/mqtt")["counters"]


def packet(first, body):
    """A packet with its remaining length before the body."""
    length, left = b"", len(body)
    while True:
        length += bytes([(left & 127) | (128 if left > 127 else 0)])
        left >>= 7
        if not left:
            return bytes([first]) + length + body


def text(value):
    return len(value).to_bytes(2, "big") + value


def connect_packet(client_id, keepalive_s=0, clean=True):
    return packet(0x10, text(b"MQTT") + bytes([4, 2 if clean else 0]) + keepalive_s.to_bytes(2, "big") +
                  text(client_id))


def publish_packet(topic, payload, qos=0, packet_id=1, retain=False):
    return packet(0x30 | qos << 1 | retain,
                  text(topic) + (packet_id.to_bytes(2, "big") if qos else b"") + payload)


class Rates(unittest.TestCase):
    def test_connects_over_the_rate_are_refused(self):
        with Hub("mqtt: {connect_rate_max: 5}\n") as hub, Client(hub, "good") as good:
            good.subscribe(("alive", 1))
            codes = []
            for i in range(40):
                with hub.connect() as s:
                    s.sendall(connect_packet(b"c%d" % i))
                    codes.append(s.recv(4))
            self.assertEqual(set(codes), {b"\x20\2\0\0", b"\x20\2\0\3"})
            now = counters(hub)
            self.assertEqual(now["refused_connect_rate"], codes.count(b"\x20\2\0\3"))
            good.paho.publish("alive", "yes", qos=1)
            self.assertEqual(good.get().payload, b"yes")

    def test_a_flood_is_held_to_its_rate(self):
        with Hub("mqtt: {publish_rate_max: 100}\n") as hub, Client(hub, "good") as good:
            good.subscribe(("#", 0))
            flood = raw_connect(hub, b"flood")
            flood.sendall(publish_packet(b"flood", b"x" * 100) * 2000)  # twenty seconds' worth
            hub.wait_until(lambda: counters(hub)["publish_slowed"] > 0, "the flood is held back")
            good.paho.publish("calm", "yes", qos=1)
            got = 0
            while good.get().topic != "calm":
                got += 1
            self.assertLess(got, 2000)
            self.assertEqual(counters(hub)["dropped_queue_full"], 0)
            flood.close()


if __name__ == "__main__":
    unittest.main()
