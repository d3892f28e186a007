"""What was acknowledged outlives kill -9, a full disk and a damaged store: ledgers on both sides."""
import os
import random
import signal
import time
import unittest

from hub import PATIENCE_S, Hub, START_S  # noqa: F401
from mqtt_ledger import Client, Publisher, Subscriber, check, packet, text_field

KILLS = int(os.environ.get("NH_KILLS", "25"))


def kill(hub):
    hub.process.send_signal(signal.SIGKILL)
    hub.process.wait(PATIENCE_S)
    hub.process.stdout.close()
    hub.errors.close()


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
        config = "mqtt: {inflight_max: 40, queue_memory_max_bytes: 4096, queue_max_messages: 1000000,"
        config += " queue_max_bytes: 268435456}"
        with Hub(config=config) as hub:
            port_of = lambda: hub.mqtt_port  # noqa: E731
            subscribers = [Subscriber(port_of, f"sub{i}", "ledger/#") for i in range(2)]
            subscribers.append(Subscriber(port_of, "clean", "ledger/#", clean=True))
            publishers = [Publisher(port_of, f"pub{i}", f"ledger/{i}") for i in range(2)]
            for s in subscribers:
                s.start()
            for s in subscribers:
                self.assertTrue(s.subscribed.wait(PATIENCE_S))
            for p in publishers:
                p.start()
            for _ in range(KILLS):
                self.life(hub, publishers, subscribers, rng)
                kill(hub)
                hub.start()
            count = check(publishers, subscribers)
            print(f"{count} messages acknowledged over {KILLS} kills, none lost, none twice at QoS 2")
            for c in publishers + subscribers:
                c.stop()
            counters = hub.get_json("/api/mqtt")["counters"]
            self.assertEqual(counters["queued_messages"], 0)


if __name__ == "__main__":
    unittest.main()
