"""What was acknowledged outlives kill -9, a full disk and a damaged store: ledgers on both sides."""
import os
import random
import resource
import signal
import time
import unittest

from hub import PATIENCE_S, Hub
from mqtt_ledger import Publisher, Subscriber, check

KILLS = int(os.environ.get("NH_KILLS", "20"))
QUEUED = int(os.environ.get("NH_QUEUED", "20000"))
LONG_QUEUES = "queue_max_messages: 1000000, queue_max_bytes: 1073741824"


def kill(hub):
    hub.process.send_signal(signal.SIGKILL)
    hub.process.wait(PATIENCE_S)
    hub.process.stdout.close()
    hub.errors.close()


def port_of(hub):
    return lambda: hub.mqtt_port


def start(subscribers, publishers):
    for s in subscribers:
        s.start()
    for s in subscribers:
        assert s.subscribed.wait(PATIENCE_S)
    for p in publishers:
        p.start()


def stop(*clients):
    for c in sum(clients, []):
        c.stop()


def counters(hub):
    return hub.get_json("/api/mqtt")["counters"]


def log_has(hub, text):
    return any(text in line["text"] for line in hub.get_json("/api/log")["lines"])


def store_file(hub):
    return os.path.join(hub.folder, "data", "mqtt", "data.mdb")


class Killed(unittest.TestCase):
    def life(self, hub, publishers, subscribers, rng):
        """Lets them talk until a few more messages were acknowledged, then a random moment longer."""
        goal = sum(len(p.acked) for p in publishers) + rng.randrange(1, 200)
        hub.wait_until(lambda: sum(len(p.acked) for p in publishers) >= goal or
                       any(c.error for c in publishers + subscribers), "acknowledgements")
        time.sleep(rng.random() * 0.03)

    def test_ledger_over_many_kills(self):
        seed = int(os.environ.get("NH_SEED", random.randrange(1 << 30)))
        rng = random.Random(seed)
        print(f"seed {seed}, {KILLS} kills")
        config = "mqtt: {inflight_max: 40, queue_memory_max_bytes: 4096, " + LONG_QUEUES + "}"
        with Hub(config=config) as hub:
            subscribers = [Subscriber(port_of(hub), f"sub{i}", "ledger/#") for i in range(2)]
            subscribers.append(Subscriber(port_of(hub), "clean", "ledger/#", clean=True))
            publishers = [Publisher(port_of(hub), f"pub{i}", f"ledger/{i}") for i in range(2)]
            start(subscribers, publishers)
            for _ in range(KILLS):
                self.life(hub, publishers, subscribers, rng)
                kill(hub)
                hub.start()
            count = check(publishers, subscribers)
            print(f"{count} messages acknowledged over {KILLS} kills, none lost, none twice at QoS 2")
            stop(subscribers, publishers)
            self.assertEqual(counters(hub)["queued_messages"], 0)

    def test_long_queue_is_not_read_at_start(self):
        """A queue of many messages is on disk alone: it costs no memory, and comes in order."""
        with Hub(config="mqtt: {" + LONG_QUEUES + "}") as hub:
            sub = Subscriber(port_of(hub), "sub", "queue")
            start([sub], [])
            stop([sub])
            pub = Publisher(port_of(hub), "pub", "queue", window=1000, qos_of=lambda n: 1, size=100)
            start([], [pub])
            hub.wait_until(lambda: len(pub.acked) >= QUEUED, "messages in the queue", QUEUED / 100)
            pub.goes_on = False
            hub.wait_until(lambda: len(pub.acked) == pub.number, "the last acknowledgements")
            stop([pub])
            kill(hub)
            before = time.monotonic()
            hub.start()
            took_s = time.monotonic() - before
            queue = counters(hub)
            self.assertEqual(queue["queued_messages"], pub.number)
            self.assertEqual(queue["paged_messages"], pub.number)
            owners = {o["name"]: o for o in hub.get_json("/api/memory")["owners"]}
            held = sum(t["current_bytes"] for t in owners["mqtt"]["tiers"])
            print(f"{pub.number} messages queued: started in {took_s:.1f} s, the broker holds {held}")
            self.assertLess(held, 1 << 20)
            again = Subscriber(port_of(hub), "sub", "queue")
            again.start()
            hub.wait_until(lambda: len(again.heard) == pub.number, "the queue", QUEUED / 100)
            self.assertEqual([n for _, n in again.heard], list(range(pub.number)))  # in order
            stop([again])


class Disk(unittest.TestCase):
    def settled(self, hub, pub):
        """How many were acknowledged, once what had been sent before has reached the publisher."""
        seen = [-1]

        def is_quiet():
            last, seen[0] = seen[0], len(pub.acked)
            time.sleep(0.3)  # between two looks; the condition is that nothing came
            return last == seen[0]
        hub.wait_until(is_quiet, "an end of acknowledgements")
        return seen[0]

    def test_full(self):
        """Nothing is acknowledged that is not on disk; all goes on when there is room."""
        with Hub() as hub:
            sub = Subscriber(port_of(hub), "sub", "full/#")
            quick = Subscriber(port_of(hub), "quick", "quick", clean=True)
            pub = Publisher(port_of(hub), "pub", "full/1", size=400)
            start([sub, quick], [pub])
            hub.wait_until(lambda: len(pub.acked) > 50, "acknowledgements")
            size = os.path.getsize(store_file(hub))
            sub.stop()  # what comes now stays in the store
            limits = resource.prlimit(hub.process.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(hub.process.pid, resource.RLIMIT_FSIZE, (size, limits[1]))
            hub.wait_until(lambda: log_has(hub, "CANNOT BE WRITTEN"), "the store fails")
            self.assertTrue(counters(hub)["store_error"])
            acked = self.settled(hub, pub)
            # Who needs no store is served as ever.
            other = Publisher(port_of(hub), "other", "quick", qos_of=lambda n: 0, size=40)
            other.clean = True
            start([], [other])
            hub.wait_until(lambda: len(quick.heard) > 20, "what needs no store")
            other.goes_on = False
            self.assertEqual(len(pub.acked), acked)
            # Nor is the portal told that something is kept. A write that ends at the limit is cut short,
            # which is a failure; one that begins there finds no space.
            for message in {"retain": True}, {"qos": 1}:
                got = hub.send_json("POST", "/api/mqtt/publish",
                                    {"topic": "by/hand", "payload": "x", **message})
                self.assertIn((got[0], got[1]["error"]["code"]),
                              ((507, "no_space"), (503, "store_failed")))
            got = hub.send_json("POST", "/api/mqtt/publish", {"topic": "by/hand", "payload": "x"})
            self.assertEqual(got[0], 200, got)
            resource.prlimit(hub.process.pid, resource.RLIMIT_FSIZE, limits)
            hub.wait_until(lambda: log_has(hub, "written again"), "the store works")
            hub.wait_until(lambda: len(pub.acked) > acked + 50, "acknowledgements")
            again = Subscriber(port_of(hub), "sub", "full/#")
            again.heard, again.ids = sub.heard, sub.ids
            again.subscribed.set()
            again.start()
            check([pub], [again])
            self.assertGreater(counters(hub)["store_errors"], 0)
            self.assertIsNone(counters(hub)["store_error"])
            durability = hub.get_json("/api/mqtt")["durability"]
            self.assertEqual(durability["mode"], "durable")
            self.assertLess(durability["used_bytes"], durability["max_bytes"])
            stop([pub, again, quick, other])

    def test_damaged(self):
        """A store that cannot be used is set aside, loudly; the hub starts without it."""
        with Hub() as hub:
            sub = Subscriber(port_of(hub), "sub", "t")
            start([sub], [])
            stop([sub])
            hub.stop()
            with open(store_file(hub), "r+b") as f:
                f.write(b"\xAA" * os.path.getsize(store_file(hub)))
            hub.start()
            self.assertTrue(os.path.exists(os.path.join(hub.folder, "data", "mqtt.bad-1", "data.mdb")))
            hub.wait_until(lambda: log_has(hub, "CANNOT BE USED"), "a loud message")
            self.assertEqual(counters(hub)["sessions"], 0)
            again = Subscriber(port_of(hub), "sub", "t")
            start([again], [])
            stop([again])
            kill(hub)
            hub.start()
            self.assertEqual(counters(hub)["sessions"], 1)

    def test_empty(self):
        """A file that lost all its bytes is damage, not a new store."""
        with Hub() as hub:
            hub.stop()
            os.truncate(store_file(hub), 0)
            hub.start()
            self.assertTrue(os.path.exists(os.path.join(hub.folder, "data", "mqtt.bad-1", "data.mdb")))
            hub.wait_until(lambda: log_has(hub, "CANNOT BE USED"), "a loud message")

    def test_modes(self):
        """What each mode keeps over an orderly end."""
        for mode, kept in (("durable", 1), ("interval", 1), ("memory", 0)):
            with Hub(config=f"mqtt: {{durability: {mode}, durability_interval_ms: 600000}}") as hub:
                sub = Subscriber(port_of(hub), "sub", "t")
                start([sub], [])
                stop([sub])
                self.assertEqual(hub.stop(), 0)
                hub.start()
                self.assertEqual(counters(hub)["sessions"], kept, mode)


if __name__ == "__main__":
    unittest.main()
