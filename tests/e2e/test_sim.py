"""The demo home's devices: they report, they come and go, and they end with who started them."""
import subprocess
import unittest

from hub import NUTHATCH, Hub


class Sim(unittest.TestCase):
    def test_devices_are_seen_and_end_with_their_parent(self):
        with Hub() as hub:
            parent = subprocess.Popen(
                ["sh", "-c", f'"{NUTHATCH}" sim home --with-parent --mqtt 127.0.0.1:{hub.mqtt_port} '
                             "& exec cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            ids = lambda: {c["id"] for c in hub.get_json("/api/mqtt/clients")["clients"] if c["connected"]}
            hub.wait_until(lambda: {"tank", "meter", "phone"} <= ids(), "the devices")
            told = lambda: {m["topic"]: m["payload"]
                            for m in hub.get_json("/api/mqtt/retained")["messages"]}
            hub.wait_until(lambda: "garden/tank/level" in told(), "a level")
            self.assertEqual(told()["devices/tank/status"], "online")
            _, errors = parent.communicate()  # cat ends; so do the devices, who hold its output
            self.assertEqual(errors, b"")
            hub.wait_until(lambda: not ids(), "nobody")
            self.assertEqual(told()["devices/tank/status"], "offline")


if __name__ == "__main__":
    unittest.main()
