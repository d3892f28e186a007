"""Gate: what fits into the esp32-s3 profile (320 KiB + 8 MiB), with the promises of the profile held:
4,000 idle clients with a subscription each and 10,000 retained messages of 64 B, and it still works."""
import resource
import unittest

from hub import Hub
from test_mqtt_robust import (close_all, connect_packet, counters, crowd, is_closed, packet,
                              publish_packet, read_packet, subscribe_packet)

CLIENTS, RETAINED = 4000, 10000
FILES = CLIENTS + 500
INTERNAL_MIN_BYTES = 100 * 1024
FRAG_MAX_PCT = 40
CONFIG = f"""mqtt: {{conn_max_count: {CLIENTS + 50}, session_max_count: {CLIENTS + 50}}}
health: {{heartbeat_ms: 1000}}
"""


def raise_file_limit():
    """Whether this process and the hub may each open enough sockets."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < FILES:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))
        except (ValueError, OSError):
            return False
    elif soft != resource.RLIM_INFINITY and soft < FILES:
        resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, hard))
    return True


class Capacity(unittest.TestCase):
    def held(self, hub, what):
        health = hub.get_json("/api/health")
        print(f"{what}: internal min {health['heap_internal_min']}, fragmentation "
              f"{health['heap_fragmentation']} %, PSRAM free {health['psram_free']}")
        self.assertGreaterEqual(health["heap_internal_min"], INTERNAL_MIN_BYTES, what)
        self.assertLess(health["heap_fragmentation"], FRAG_MAX_PCT, what)
        for owner in hub.get_json("/api/memory")["owners"]:
            for tier in owner["tiers"]:
                self.assertEqual(tier["failed_count"], 0, (what, owner["name"]))

    def retain(self, hub):
        s, = crowd(hub, 1, b"keeper")
        for at in range(0, RETAINED, 500):
            s.sendall(b"".join(publish_packet(b"home/%05d/state" % i, b"%064d" % i, 1, 1 + i % 60000, True)
                               for i in range(at, at + 500)))
            rest = b""
            for _ in range(500):
                first, _, rest = read_packet(s, rest)
                self.assertEqual(first, 0x40)
        s.close()
        self.assertEqual(counters(hub)["retained"], RETAINED)

    def connect(self, hub):
        """Each with a subscription of its own, as devices have."""
        socks = []
        for at in range(0, CLIENTS, 200):
            some = [hub.connect() for _ in range(200)]
            for i, s in enumerate(some, at):
                s.sendall(connect_packet(b"device-%04d" % i) + subscribe_packet([b"device/%04d/set" % i], 1))
            for s in some:
                self.assertEqual(read_packet(s)[0], 0x20)
            socks += some
        hub.wait_until(lambda: counters(hub)["subscriptions"] >= CLIENTS, "all subscriptions")
        return socks

    def work(self, hub, socks):
        """A setting changes, every device is told something, and a newcomer asks for all that is kept."""
        status, _ = hub.send_json("PUT", "/api/settings", {
            "base_generation": 0, "values": {"/health/heartbeat_ms": 1500}})
        self.assertEqual(status, 200)
        s, = crowd(hub, 1, b"teller")
        for at in range(0, CLIENTS, 500):
            s.sendall(b"".join(publish_packet(b"device/%04d/set" % i, b"on", 0) for i in range(at, at + 500)))
        for i, device in enumerate(socks):
            rest = b""
            while b"device/%04d/set" % i not in rest:
                rest += device.recv(4096)
        s.sendall(packet(0x82, b"\0\2\0\6home/#\0"))
        rest, got = b"", set()
        while len(got) < RETAINED:
            first, body, rest = read_packet(s, rest)
            if first == 0x31:
                got.add(body[-64:])
        s.close()

    def test_four_thousand_clients_ten_thousand_retained(self):
        if not raise_file_limit():
            self.skipTest(f"needs {FILES} open files: ulimit -n")
        with Hub(CONFIG, board="esp32-s3") as hub:
            self.held(hub, "start")
            self.retain(hub)
            self.held(hub, "retained")
            socks = self.connect(hub)
            self.held(hub, "clients")
            self.work(hub, socks)
            at = len(hub.lines)
            for _ in range(2):  # a heartbeat takes its snapshot with all of it there
                hub.wait_line(r"^\[Mem\] hb ", after=at)
                at = len(hub.lines)
            self.held(hub, "work")
            self.assertFalse(any(is_closed(s) for s in socks))
            close_all(socks)
            hub.wait_until(lambda: counters(hub)["clients"] == 0, "all gone")
            self.held(hub, "gone")


if __name__ == "__main__":
    unittest.main()
