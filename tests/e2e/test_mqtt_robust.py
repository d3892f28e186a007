"""The broker against clients that mean it harm: others are served, memory holds, counters tell."""
import socket
import threading
import unittest

from hub import PATIENCE_S, Hub
from test_mqtt import Client

INTERNAL_MIN_BYTES = 100 * 1024
FRAG_MAX_PCT = 40
GRANTED_EACH = 64  # mqtt.subscription_max_count


def counters(hub):
    return hub.get_json("/api/mqtt")["counters"]


# ---- packets by hand -------------------------------------------------------------------------------

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


def connect_packet(client_id, keepalive_s=0, clean=True, will=None):
    flags = (2 if clean else 0) | (4 if will else 0)
    body = text(b"MQTT") + bytes([4, flags]) + keepalive_s.to_bytes(2, "big") + text(client_id)
    return packet(0x10, body + (text(will) + text(b"gone") if will else b""))


def publish_packet(topic, payload, qos=0, packet_id=1, retain=False):
    return packet(0x30 | qos << 1 | retain,
                  text(topic) + (packet_id.to_bytes(2, "big") if qos else b"") + payload)


def subscribe_packet(filters, qos=0):
    return packet(0x82, b"\0\1" + b"".join(text(f) + bytes([qos]) for f in filters))


def read_packet(s, rest=b""):
    """(first byte, body, what came behind it); an end in the middle is an error."""
    while True:
        length, shift, at = 0, 0, 1
        while at < len(rest):
            length |= (rest[at] & 127) << shift
            shift += 7
            at += 1
            if not rest[at - 1] & 128:
                if len(rest) >= at + length:
                    return rest[0], rest[at:at + length], rest[at + length:]
                break
        more = s.recv(65536)
        if not more:
            raise ConnectionError("closed")
        rest += more


def crowd(hub, count, name, filters=(), qos=0, **options):
    """`count` connections in; all ask at once, then each is answered."""
    socks = [hub.connect() for _ in range(count)]
    for i, s in enumerate(socks):
        s.sendall(connect_packet(b"%s-%04d" % (name, i), **options) +
                  (subscribe_packet(filters, qos) if filters else b""))
    for s in socks:
        first, body, rest = read_packet(s)
        assert (first, body) == (0x20, b"\0\0"), body
        if filters:
            first, body, rest = read_packet(s, rest)
            assert first == 0x90 and max(body[2:]) <= 2, body
    return socks


def close_all(socks):
    for s in socks:
        s.close()


def is_closed(s):
    """Whether the hub has closed it; what it still said is read."""
    s.settimeout(0)
    try:
        while s.recv(65536):
            pass
        return True
    except BlockingIOError:
        return False
    except OSError:
        return True


class Watch:
    """A well-behaved client beside the others: what it publishes comes back. Ends with the promises of
    the profile."""

    def __init__(self, hub, may_run_out=False):
        self.hub, self.may_run_out, self.count = hub, may_run_out, 0

    def __enter__(self):
        self.client = Client(self.hub, "watch")
        self.client.subscribe(("watch/#", 1))
        self.is_served()
        return self

    def is_served(self, more=b""):
        self.count += 1
        payload = b"%d " % self.count + more
        self.client.paho.publish("watch/me", payload, qos=1)
        got = self.client.get().payload
        assert got == payload, got[:40]

    def __exit__(self, kind, *_):
        if kind is None:
            self.is_served()
            health = self.hub.get_json("/api/health")
            assert health["heap_internal_min"] >= INTERNAL_MIN_BYTES, health["heap_internal_min"]
            assert health["heap_fragmentation"] < FRAG_MAX_PCT, health["heap_fragmentation"]
            for owner in self.hub.get_json("/api/memory")["owners"]:
                for tier in owner["tiers"]:
                    assert self.may_run_out or tier["failed_count"] == 0, owner
        self.client.close()


class Readers(unittest.TestCase):
    def test_readers_that_sleep_at_qos_0(self):
        with Hub() as hub, Watch(hub) as watch:
            slow = crowd(hub, 40, b"slow", [b"load/#"])
            for s in slow:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            flood, = crowd(hub, 1, b"flood")
            message = publish_packet(b"load/a", b"x" * 4000)
            for _ in range(40):
                flood.sendall(message * 50)
                watch.is_served()
            hub.wait_until(lambda: counters(hub)["messages_in_qos"][0] >= 2000, "all in")
            now = counters(hub)
            self.assertGreater(now["dropped_queue_full"], 0)
            self.assertLessEqual(now["queued_bytes"], 40 * (256 * 1024 + 4100))
            close_all(slow + [flood])

    def test_readers_that_do_not_acknowledge(self):
        with Hub("mqtt: {queue_max_messages: 50}\n") as hub, Watch(hub) as watch:
            slow = crowd(hub, 20, b"slow", [b"load/#"], qos=1)
            flood, = crowd(hub, 1, b"flood")
            flood.sendall(b"".join(publish_packet(b"load/a", b"x" * 500, 1, i + 1) for i in range(400)))
            watch.is_served()
            rest, acks = b"", []
            while len(acks) < 400:  # held back for a while, and then let go
                first, body, rest = read_packet(flood, rest)
                acks.append((first, int.from_bytes(body, "big")))
            self.assertEqual(acks, [(0x40, i + 1) for i in range(400)])
            now = counters(hub)
            self.assertGreater(now["pushbacks"], 0)
            self.assertGreater(now["dropped_queue_full"], 0)
            self.assertLessEqual(now["queued_messages"], 20 * 2 * 50)
            close_all(slow + [flood])

    def test_everything_to_everybody(self):
        with Hub() as hub, Watch(hub) as watch:
            readers = crowd(hub, 200, b"all", [b"#"])
            flood, = crowd(hub, 1, b"flood")
            flood.sendall(b"".join(publish_packet(b"load/%d" % i, b"x" * 60) for i in range(300)))
            watch.is_served()
            for s in readers:
                rest, got = b"", []
                while len(got) < 300:
                    _, body, rest = read_packet(s, rest)
                    if body[2:7] == b"load/":
                        got.append(int(body[7:-60]))
                self.assertEqual(got, list(range(300)))
            close_all(readers + [flood])


class Silence(unittest.TestCase):
    def test_half_open_connections(self):
        with Hub("mqtt: {connect_timeout_ms: 500}\n") as hub, Watch(hub) as watch:
            half = connect_packet(b"half")[:-2]
            socks = [hub.connect() for _ in range(200)]
            for s in socks[::2]:
                s.sendall(half)
            watch.is_served()
            hub.wait_until(lambda: counters(hub)["refused_connects"] >= 200, "all refused")
            self.assertTrue(all(hub.wait_until(lambda s=s: is_closed(s), "an end") for s in socks))
            close_all(socks)

    def test_liars_about_keep_alive(self):
        with Hub() as hub, Watch(hub) as watch:
            watch.client.subscribe(("will/#", 0))
            silent = crowd(hub, 30, b"silent", keepalive_s=1, will=b"will/silent")
            # One byte a time is no sign of life: a packet has to be whole.
            trickle = crowd(hub, 30, b"trickle", keepalive_s=1)
            honest, = crowd(hub, 1, b"honest", keepalive_s=1)
            slow = iter(publish_packet(b"trickle", b"x" * 10000))

            def go_on():
                byte = bytes([next(slow)])
                for s in trickle:
                    try:
                        s.sendall(byte)
                    except OSError:
                        pass  # it was closed, as it should be
                honest.sendall(b"\xc0\0")
                return counters(hub)["keepalive_timeouts"] >= 60

            hub.wait_until(go_on, "sixty liars closed")
            self.assertEqual([watch.client.get().topic for _ in silent], ["will/silent"] * 30)
            self.assertEqual(counters(hub)["keepalive_timeouts"], 60)
            self.assertFalse(is_closed(honest))
            close_all(silent + trickle + [honest])


class Bombs(unittest.TestCase):
    def test_subscriptions_without_end(self):
        with Hub() as hub, Watch(hub) as watch:
            s, = crowd(hub, 1, b"bomb")
            codes = b""
            for batch in range(5):
                s.sendall(subscribe_packet([b"b/%d/%04d" % (batch, i) for i in range(4000)]))
                first, body, _ = read_packet(s)
                self.assertEqual((first, len(body)), (0x90, 2 + 4000))
                codes += body[2:]
            self.assertEqual(codes, b"\0" * GRANTED_EACH + b"\x80" * (20000 - GRANTED_EACH))
            watch.is_served()
            s.close()

    def test_subscriptions_until_memory_is_full(self):
        with Hub("mqtt: {packet_max_bytes: 65536}\n") as hub, Watch(hub, may_run_out=True) as watch:
            socks, refused = [], 0
            for round_at in range(10):
                for s in crowd(hub, 40, b"bomb%d" % round_at):
                    s.sendall(subscribe_packet([b"%d/%d/" % (len(socks), i) + b"x" * 480
                                                for i in range(GRANTED_EACH)]))
                    _, body, _ = read_packet(s)
                    refused += body[2:].count(0x80)
                    socks.append(s)
                watch.is_served()
                if refused:
                    break
            self.assertGreater(refused, 0)
            watch.is_served()
            close_all(socks)
            hub.wait_until(lambda: counters(hub)["clients"] == 1, "all gone")
            fresh = crowd(hub, 40, b"fresh", [b"fresh/%d" % i for i in range(20)])  # room again
            close_all(fresh)

    def test_topics_too_deep(self):
        with Hub() as hub, Watch(hub) as watch:
            s, = crowd(hub, 1, b"deep")
            deep = b"/".join([b"a"] * 33)
            s.sendall(subscribe_packet([b"/".join([b"+"] * 33), deep, b"/" * 200, b"+/#"]))
            self.assertEqual(read_packet(s)[1], b"\0\1\x80\x80\x80\0")
            s.sendall(b"".join(publish_packet(t, b"", 1, 7) for t in (deep, b"/" * 500)))
            rest = b""
            for _ in range(2):  # acknowledged, and not passed on
                first, body, rest = read_packet(s, rest)
                self.assertEqual((first, body), (0x40, b"\0\7"))
            self.assertEqual(counters(hub)["publish_refused"], 2)
            watch.is_served()
            s.close()

    def test_wildcards_that_branch_at_each_level(self):
        # 2^10 filters of "a" and "+" that all end where no topic goes: each message walks them all.
        with Hub() as hub, Watch(hub) as watch:
            patterns = [b"/".join(b"+" if n >> k & 1 else b"a" for k in range(10)) + b"/end"
                        for n in range(1024)]
            socks = crowd(hub, 1024 // GRANTED_EACH, b"tree")
            for i, s in enumerate(socks):
                s.sendall(subscribe_packet(patterns[i * GRANTED_EACH:(i + 1) * GRANTED_EACH]))
                self.assertEqual(read_packet(s)[1], b"\0\1" + b"\0" * GRANTED_EACH)
            for i in range(500):
                socks[0].sendall(publish_packet(b"a/" * 10 + b"%d" % i, b"x"))
            watch.is_served()
            hub.wait_until(lambda: counters(hub)["messages_in_qos"][0] >= 500, "all in")
            socks[0].sendall(publish_packet(b"a/" * 10 + b"end", b"yes"))
            for s in socks:
                self.assertTrue(read_packet(s)[1].endswith(b"yes"))
            close_all(socks)

    def test_retained_flood(self):
        limits = "mqtt: {retained_max_count: 2000, retained_max_bytes: 200000}\n"
        with Hub(limits) as hub, Watch(hub) as watch:
            flood, = crowd(hub, 1, b"flood")
            for at in range(0, 6000, 500):
                flood.sendall(b"".join(publish_packet(b"flood/%05d" % i, b"x" * 50, retain=True)
                                       for i in range(at, at + 500)))
                watch.is_served()
            hub.wait_until(lambda: counters(hub)["messages_in_qos"][0] >= 6000, "all in")
            now = counters(hub)
            self.assertEqual(now["retained"] + now["retained_refused"], 6000)
            self.assertLessEqual(now["retained"], 2000)
            self.assertLessEqual(now["retained_bytes"], 200000)
            # What is kept is replayed whole, to several at once.
            readers = crowd(hub, 5, b"late")
            for s in readers:
                s.sendall(subscribe_packet([b"flood/#"]))
            for s in readers:
                rest, got = b"", 0
                while got < now["retained"]:
                    first, _, rest = read_packet(s, rest)
                    got += first == 0x31
            watch.is_served()
            close_all(readers + [flood])


class Storms(unittest.TestCase):
    def test_one_client_id_again_and_again(self):
        with Hub() as hub, Watch(hub) as watch:
            socks = []
            for i in range(300):
                s = hub.connect()
                s.sendall(connect_packet(b"same"))
                self.assertEqual(read_packet(s)[1], b"\0\0")
                socks.append(s)
                if i % 50 == 0:
                    watch.is_served()
            self.assertEqual(counters(hub)["takeovers"], 299)
            for s in socks[:-1]:
                hub.wait_until(lambda s=s: is_closed(s), "the one before ends")
            self.assertFalse(is_closed(socks[-1]))
            close_all(socks)

    def test_client_ids_without_end(self):
        with Hub("mqtt: {session_max_count: 100}\n") as hub, Watch(hub) as watch:
            for i in range(10):
                close_all(crowd(hub, 100, b"storm%d" % i, [b"s/%d" % i], clean=False))
                watch.is_served()
            hub.wait_until(lambda: counters(hub)["clients"] == 1, "all gone")
            now = counters(hub)
            self.assertLessEqual(now["sessions"], 101)
            self.assertGreaterEqual(now["sessions_evicted"], 900)

    def test_thousands_of_connects(self):
        with Hub() as hub, Watch(hub) as watch:
            def storm(name):
                for i in range(750):
                    with hub.connect() as s:
                        s.sendall(connect_packet(b"%s%d" % (name, i)))
                        s.recv(4)

            threads = [threading.Thread(target=storm, args=(b"%d-" % k,)) for k in range(4)]
            for t in threads:
                t.start()
            while any(t.is_alive() for t in threads):
                watch.is_served()
            for t in threads:
                t.join(PATIENCE_S)
            self.assertEqual(counters(hub)["connects_total"], 3001)
            hub.wait_until(lambda: counters(hub)["clients"] == 1, "all gone")


class Rates(unittest.TestCase):
    def test_connects_over_the_rate_are_refused(self):
        with Hub("mqtt: {connect_rate_max: 5}\n") as hub, Watch(hub) as watch:
            codes = []
            for i in range(40):
                with hub.connect() as s:
                    s.sendall(connect_packet(b"c%d" % i))
                    codes.append(s.recv(4))
            self.assertEqual(set(codes), {b"\x20\2\0\0", b"\x20\2\0\3"})
            self.assertEqual(counters(hub)["refused_connect_rate"], codes.count(b"\x20\2\0\3"))
            watch.is_served()

    def test_a_flood_is_held_to_its_rate(self):
        with Hub("mqtt: {publish_rate_max: 100}\n") as hub, Watch(hub) as watch:
            watch.client.subscribe(("flood/#", 0))
            flood, = crowd(hub, 1, b"flood")
            flood.sendall(publish_packet(b"flood/a", b"x" * 100) * 2000)  # twenty seconds' worth
            hub.wait_until(lambda: counters(hub)["publish_slowed"] > 0, "the flood is held back")
            watch.client.paho.publish("watch/me", "calm", qos=1)
            got = 0
            while watch.client.get().topic != "watch/me":
                got += 1
            self.assertLess(got, 2000)
            self.assertEqual(counters(hub)["dropped_queue_full"], 0)
            watch.client.paho.unsubscribe("flood/#")
            flood.close()


if __name__ == "__main__":
    unittest.main()
