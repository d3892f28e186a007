"""Each allocation fails in turn, at the start and under first use: the hub runs or says why not."""
import contextlib
import http.client
import shutil
import signal
import subprocess
import unittest

from hub import PATIENCE_S, Hub

STARTS = range(1, 90)  # the start makes some 70 allocations
USES = range(67, 214, 6)
PATHS = ("/api/health", "/api/memory", "/api/memory/map", "/api/settings", "/api/mqtt/clients",
         "/api/mqtt/retained", "/metrics", "/api/log", "/api/info")


class Faults(unittest.TestCase):
    @contextlib.contextmanager
    def hub(self, n):
        """A hub whose n-th allocation fails; None, once it has said why it does not run."""
        hub = Hub(f"faults: {{fail_nth: {n}}}\n")
        try:
            hub.start()
        except AssertionError:  # no line of JSON
            self.assertEqual(hub.stop(), 1, hub.stderr())
            self.assertRegex(hub.stderr(), r"cannot start the \w+: out of memory")
            self.assertNotRegex(hub.stderr(), "still holds|Sanitizer")
            shutil.rmtree(hub.folder)
            yield None
            return
        with contextlib.ExitStack() as stack:
            stack.push(hub.__exit__)  # which looks for leaks and a bad end
            yield hub

    def test_at_the_start(self):
        ran = 0
        for n in STARTS:
            with self.subTest(allocation=n), self.hub(n) as hub:
                ran += hub is not None
        self.assertGreater(ran, 10)  # those after the start
        self.assertLess(ran, len(STARTS) - 20)

    def use(self, hub):
        # A request may be refused and a connection cut; that is what a lack of memory looks like.
        unreached = (OSError, http.client.HTTPException)
        for path in PATHS:
            with contextlib.suppress(*unreached):
                hub.get(path)
        for method, path, value in (
                ("PUT", "/api/settings", {"base_generation": 0, "values": {"/log/level": "debug"}}),
                ("POST", "/api/mqtt/publish", {"topic": "a", "payload": "b", "retain": True})):
            with contextlib.suppress(*unreached):
                hub.send_json(method, path, value)
        subprocess.run(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(hub.mqtt_port), "-t", "a/b",
                        "-m", "x", "-q", "1", "-r"], capture_output=True, timeout=PATIENCE_S)
        hub.process.send_signal(signal.SIGHUP)

    def answers(self, hub):
        with contextlib.suppress(OSError, http.client.HTTPException):  # the n-th may be this one's
            return hub.get_json("/api/info")["name"] == "nuthatch"

    def test_under_first_use(self):
        for n in USES:
            with self.subTest(allocation=n), self.hub(n) as hub:
                if hub:
                    self.use(hub)
                    hub.wait_until(lambda: self.answers(hub), "an answer")


if __name__ == "__main__":
    unittest.main()
