"""Gate: an idle hub with idle clients sleeps; only the heartbeat wakes it (strace -c over 10 s)."""
import re
import subprocess
import tempfile
import unittest

from hub import Hub
from test_mqtt import raw_connect, raw_subscribe

SECONDS = 10


class Idle(unittest.TestCase):
    def waits(self, hub):
        """How often all threads of the hub left their wait for events within SECONDS."""
        with tempfile.NamedTemporaryFile("r") as out:
            subprocess.run(["timeout", "-s", "INT", str(SECONDS), "strace", "-c", "-f", "-o", out.name,
                            "-p", str(hub.process.pid)], stderr=subprocess.DEVNULL, check=False)
            text = out.read()
        print(text)
        calls = 0
        for line in text.splitlines():
            m = re.match(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(epoll_\w*wait|poll|futex|"
                         r"clock_nanosleep|select|ppoll)$", line)
            if m:
                calls += int(m.group(1))
        return calls

    def test_no_wakeups_between_heartbeats(self):
        # The panel's first screen would end within the trace; the card is looked for by the clock.
        with Hub("health: {heartbeat_ms: 60000}\ndisplay: {splash_ms: 0}\n"
                 "devices: {card_poll_ms: 60000}\n") as hub:
            clients = [raw_connect(hub, b"idle%d" % i) for i in range(10)]
            raw_subscribe(clients[0], b"idle/#", 0)
            hub.get_json("/api/info")
            self.assertLessEqual(self.waits(hub), 2)  # entering the trace may end one wait
            for s in clients:
                s.close()

    def test_one_wakeup_a_heartbeat(self):
        with Hub("health: {heartbeat_ms: 2000}\n") as hub:
            self.assertLessEqual(self.waits(hub), 2 * (SECONDS // 2 + 2))


if __name__ == "__main__":
    unittest.main()
