"""Live data for the lamp over UDP, by senders of this file's own, and its frames out to another hub.

Row 14 of the lamp's check-list: what is shown is of one frame, and the effect comes back.
"""
import binascii
import json
import re
import socket
import struct
import tempfile
import time
import unittest
import urllib.request

from http_client import Client, Socket
from hub import Hub, run

PIXELS = 768
PORTS = ("ddp", "e131", "artnet", "wled", "hyperion", "nodes")


def config(live="", rest=""):
    """Every port a free one."""
    ports = "".join(f"  {name}_port: 0\n" for name in PORTS)
    return f"lamp:\n  enabled: true\n  fps: 60\nlamp_hardware: {{limit_ma: 0}}\nlamp_live:\n{ports}{live}{rest}"


class Live:
    """A running hub with a lit lamp, its UDP ports, and what it shows."""

    def __init__(self, hub):
        self.hub = hub
        self.ports = {p["name"]: p["port"] for p in self.get()["ports"]}
        status, _ = hub.send_json("POST", "/api/lamp", {"power": True, "brightness": 255})
        assert status == 200
        hub.wait_until(lambda: self.lamp()["power_state"] == "on", "the lamp is on")

    def get(self):
        return self.hub.get_json("/api/lamp/live")

    def lamp(self):
        return self.hub.get_json("/api/lamp")

    def count(self, protocol, what):
        return next(p for p in self.get()["protocols"] if p["protocol"] == protocol)[what]

    def until(self, condition, what):
        return self.hub.wait_until(condition, what)


class Sender:
    """A UDP socket at an address of this machine."""

    def __init__(self, address="127.0.0.1"):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 0))
        self.socket.settimeout(30)
        self.sequence = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, port, *packets):
        for p in packets:
            self.socket.sendto(p, ("127.0.0.1", port))

    def next(self, what, first, last):
        self.sequence[what] = self.sequence.get(what, first - 1) + 1
        if self.sequence[what] > last:
            self.sequence[what] = first
        return self.sequence[what]

    # ---- packets, as the protocols have them

    def ddp(self, rgb, push=True):
        out = []
        for at in range(0, len(rgb), 1440):
            data = rgb[at:at + 1440]
            last = at + 1440 >= len(rgb)
            out.append(struct.pack(">BBBBIH", 0x40 | (push and last), self.next("ddp", 1, 15), 0x0B,
                                   1, at, len(data)) + data)
        return out

    def e131(self, rgb, first=1, priority=100, options=0, cid=b"e" * 16, name=b"desk"):
        sequence, out = self.next("e131", 0, 255), []
        for n in range(0, len(rgb), 510):
            data = rgb[n:n + 510]
            dmp = struct.pack(">HBBHHHB", 0x7000 | len(data) + 11, 2, 0xA1, 0, 1, len(data) + 1,
                              0) + data
            frame = struct.pack(">HI64sBHBBH", 0x7000 | len(dmp) + 77, 2, name, priority, 0,
                                sequence, options, first + n // 510) + dmp
            out.append(b"\x00\x10\x00\x00ASC-E1.17\x00\x00\x00" +
                       struct.pack(">HI16s", 0x7000 | len(frame) + 22, 4, cid) + frame)
        return out

    def artnet(self, rgb, first=0):
        sequence, out = self.next("artnet", 1, 255), []
        for n in range(0, len(rgb), 510):
            data = rgb[n:n + 510]
            out.append(b"Art-Net\x00" + struct.pack("<H", 0x5000) + b"\x00\x0e" +
                       bytes([sequence, 0]) + struct.pack("<H", first + n // 510) +
                       struct.pack(">H", len(data)) + data)
        return out

    def dnrgb(self, rgb, timeout_s=2):
        return [bytes([4, timeout_s]) + struct.pack(">H", at // 3) + rgb[at:at + 1467]
                for at in range(0, len(rgb), 1467)]

    def tpm2(self, rgb):
        parts = [rgb[at:at + 1470] for at in range(0, len(rgb), 1470)]
        return [b"\x9c\xda" + struct.pack(">HBB", len(p), i + 1, len(parts)) + p + b"\x36"
                for i, p in enumerate(parts)]


def solid(level):
    return bytes([level]) * (PIXELS * 3)


def picture(seed):
    return bytes((i * 7 + i // 3 * seed) & 255 for i in range(PIXELS * 3))


def to_canvas(rgb, width=16, height=48):
    """Rows from the bottom of what a chain of three panels, wired as a serpentine, shows."""
    out = bytearray(len(rgb))
    for y in range(height):
        for x in range(width):
            at = y // 16 * 256 + y % 16 * 16 + (x if y % 2 == 0 else 15 - x)
            out[3 * (y * width + x):3 * (y * width + x) + 3] = rgb[3 * at:3 * at + 3]
    return bytes(out)


class Preview:
    """Whole frames of the feed's part lamp_preview; layout: docs/lamp.md."""

    def __init__(self, hub):
        self.http = hub.http
        self.socket = Socket(self)
        self.socket.say({"subscribe": ["lamp_preview"]})
        self.rows = {}

    def connect(self):
        return Client(int(self.http.rsplit(":", 1)[1]))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.client.__exit__()

    def frame(self):
        """(flags, pixels from the bottom) of the next whole frame."""
        while True:
            opcode, data = self.socket.read()
            if opcode != 2 or data[0] != 2:
                continue
            _, version, flags, _, width, height, _, first, count = struct.unpack("<BBBBHHIHH",
                                                                                 data[:16])
            assert version == 1
            if first == 0:
                self.rows = {}
            for i in range(count):
                self.rows[first + i] = data[16 + i * width * 3:16 + (i + 1) * width * 3]
            if flags & 128 and len(self.rows) == height:
                return flags, b"".join(self.rows[y] for y in range(height))


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Row14Test(unittest.TestCase):
    """What is seen is of one frame, and the effect comes back."""

    def never_torn(self, protocol, packets_of, port):
        """Frames of one level each; those of odd numbers lack a packet; all that is seen is looked at."""
        with Hub(config("  timeout_ms: 600\n")) as hub, Sender() as sender, Preview(hub) as seen:
            live, levels = Live(hub), set()
            for i in range(1, 120):
                packets = packets_of(sender, solid(i + 100))
                if i % 2 == 1:
                    del packets[i // 2 % len(packets)]
                for p in packets:
                    sender.send(live.ports[port], p)
                    time.sleep(0.002)
                time.sleep(0.004)
            sent = 119 * len(packets_of(sender, solid(0))) - 60
            live.until(lambda: live.count(protocol, "packets") == sent, "every packet came in")
            for flags, rgb in iter(seen.frame, None):
                if flags & 4:
                    if any(rgb):
                        self.assertEqual(len(set(rgb)), 1, "a torn frame")
                        levels.add(rgb[0])
                elif levels:
                    break  # the effect is back
            self.assertGreater(len(levels), 10)
            self.assertTrue(all(level % 2 == 0 for level in levels), levels)
            self.assertGreater(live.count(protocol, "incomplete"), 30)
            self.assertGreater(live.count(protocol, "frames"), 55)
            self.assertIsNone(live.lamp()["info"]["live"])
            # Its own time-out may come a moment behind the lamp's.
            live.until(lambda: live.get()["lost"] == 1, "the source is counted as lost")

    def test_ddp(self):
        self.never_torn("DDP", Sender.ddp, "DDP")

    def test_e131(self):
        self.never_torn("E1.31", Sender.e131, "E1.31")


class ProtocolTest(unittest.TestCase):
    def test_each_protocol_shows_its_picture(self):
        with Hub(config("  timeout_ms: 100\n")) as hub, Preview(hub) as seen:
            live = Live(hub)
            rows = (("DDP", "DDP", Sender.ddp), ("E1.31", "E1.31", Sender.e131),
                    ("Art-Net", "Art-Net", Sender.artnet), ("WLED UDP", "WLED UDP", Sender.dnrgb),
                    ("TPM2.NET", "TPM2.NET", Sender.tpm2), ("TPM2.NET", "WLED UDP", Sender.tpm2),
                    ("Hyperion", "Hyperion", lambda _, rgb: [rgb[:1470]]))
            for seed, (protocol, port, make) in enumerate(rows, 1):
                with self.subTest(protocol=protocol, port=port), Sender() as sender:
                    live.until(lambda: live.get()["live"] is None, "the one before has left")
                    rgb = picture(seed)
                    want = to_canvas(rgb if protocol != "Hyperion" else
                                     rgb[:1470] + bytes(PIXELS * 3 - 1470))
                    crc = f"{binascii.crc32(want):08x}"
                    for _ in range(500):
                        sender.send(live.ports[port], *make(sender, rgb))
                        now = live.get()["live"]
                        _, shown = seen.frame()
                        if shown == want:
                            break
                    self.assertEqual(shown, want)
                    self.assertEqual(now["protocol"], protocol)
                    self.assertEqual(now["from"], "127.0.0.1")
                    self.assertGreater(live.count(protocol, "frames"), 0)
                    self.assertEqual(live.count(protocol, "malformed"), 0, crc)

    def test_rows_from_the_top(self):
        with Hub(config("  pixel_order: rows\n")) as hub, Sender() as sender, Preview(hub) as seen:
            live, rgb = Live(hub), picture(3)
            rows = [rgb[y * 48:(y + 1) * 48] for y in range(48)]
            want = b"".join(reversed(rows))
            for _ in range(500):
                sender.send(live.ports["DDP"], *sender.ddp(rgb))
                if seen.frame()[1] == want:
                    return
            self.fail("the picture was never seen")

    def test_who_has_the_lamp(self):
        with Hub(config()) as hub, Sender() as first, Sender("127.0.0.2") as second:
            live = Live(hub)
            first.send(live.ports["DDP"], *first.ddp(solid(10)))
            live.until(lambda: live.get()["live"], "the first one has it")
            second.send(live.ports["DDP"], *second.ddp(solid(20)))
            live.until(lambda: live.count("DDP", "refused") == 2, "the second one is refused")
            self.assertEqual(live.get()["live"]["from"], "127.0.0.1")
            second.send(live.ports["E1.31"], *second.e131(solid(30), priority=150))
            live.until(lambda: live.get()["live"]["protocol"] == "E1.31", "more priority")
            self.assertEqual(live.get()["live"], {"protocol": "E1.31", "from": "127.0.0.2",
                                                  "priority": 150})
            self.assertEqual(live.lamp()["info"]["live"],
                             {"protocol": "E1.31", "from": "127.0.0.2"})
            self.assertEqual([s["name"] for s in live.get()["sources"]], [None, None, "desk"])
            second.send(live.ports["E1.31"], *second.e131(solid(0)[:510], options=0x40))
            live.until(lambda: live.get()["live"] is None, "the end of the stream")
            live.until(lambda: live.lamp()["info"]["live"] is None, "the effect is back")

    def test_off_and_release(self):
        with Hub(config()) as hub, Sender() as sender:
            live = Live(hub)
            sender.send(live.ports["DDP"], *sender.ddp(solid(10)))
            live.until(lambda: live.get()["live"], "live")
            status, now = hub.send_json("POST", "/api/lamp/live", {"release": True})
            self.assertEqual((status, now["live"], now["sources"][0]["released"]),
                             (200, None, True))
            sender.send(live.ports["DDP"], *sender.ddp(solid(10)))
            live.until(lambda: live.count("DDP", "refused") == 2, "it goes on, and is refused")
            status, now = hub.send_json("POST", "/api/lamp/live", {"enabled": False})
            self.assertEqual((status, now["enabled"]), (200, False))
            sender.send(live.ports["Art-Net"], *sender.artnet(solid(10)))
            live.until(lambda: live.count("Art-Net", "refused") == 5, "nothing is taken")
            hub.send_json("POST", "/api/lamp/live", {"enabled": True})
            sender.send(live.ports["Art-Net"], *sender.artnet(solid(10)))
            live.until(lambda: live.get()["live"], "live again")
            self.assertEqual(hub.send_json("POST", "/api/lamp/live", {"enabled": 1})[0], 400)
            self.assertEqual(hub.send_json("POST", "/api/lamp/live", {"on": True})[0], 400)

    def test_wled_leaves(self):
        with Hub(config()) as hub, Sender() as sender:
            live = Live(hub)
            sender.send(live.ports["WLED UDP"], *sender.dnrgb(solid(10), 255))
            live.until(lambda: live.lamp()["info"]["live"], "live")
            sender.send(live.ports["WLED UDP"], b"\x02\x00")
            live.until(lambda: live.lamp()["info"]["live"] is None, "it has left")
            self.assertEqual(live.get()["ended"], 1)

    def test_nonsense_is_counted(self):
        with Hub(config()) as hub, Sender() as sender:
            live = Live(hub)
            for name, port in live.ports.items():
                sender.send(port, b"", b"x", bytes(3000), bytes(range(256)) * 5)
            live.until(lambda: live.count("DDP", "malformed") == 3, "counted")
            ddp = next(p for p in live.get()["ports"] if p["name"] == "DDP")
            self.assertEqual((ddp["received"], ddp["dropped"]), (3, 1))
            self.assertEqual(live.count("E1.31", "malformed"), 3)

    def test_a_crowd_is_told_whole(self):
        """As many as there may be of each, under the longest names that a datagram can have."""
        targets = "".join(f"  - {{protocol: ddp, address: 127.0.0.1, port: {free_port()}}}\n" for _ in range(8))
        with Hub(config(rest="lamp_send:\n" + targets)) as hub, Sender() as sender:
            live = Live(hub)
            for i in range(8):
                sender.send(live.ports["E1.31"], *sender.e131(solid(1), cid=bytes([i]) * 16, name=b"\x01" * 63))
            for i in range(16):
                sender.send(live.ports["TPM2.NET"], b"\xff\x01" + bytes([10, 0, 0, i]) + b"\x02" * 32 +
                            b"\xa0\x01" + bytes(4))
            live.until(lambda: len(live.get()["nodes"]) == 16, "all nodes are heard")
            told = live.get()
            self.assertEqual(len(told["sources"]), 8)
            self.assertEqual(told["sources"][7]["name"], "\x01" * 63)
            self.assertEqual(told["nodes"][15]["name"], "\x02" * 32)
            self.assertEqual(len(told["send"]["targets"]), 8)

    def test_who_looks_for_nodes(self):
        with Hub("name: hall\n" + config()) as hub, Sender() as sender:
            live = Live(hub)
            sender.send(live.ports["Art-Net"], b"Art-Net\x00\x00\x20\x00\x0e\x02\x00")
            for index, (ports, universe) in enumerate(((4, 0), (1, 4)), 1):
                reply = sender.socket.recv(1000)
                self.assertEqual(len(reply), 239)
                self.assertEqual(reply[:10], b"Art-Net\x00\x00\x21")
                self.assertEqual(reply[10:14], bytes([127, 0, 0, 1]))
                self.assertEqual(reply[26:31], b"hall\x00")
                self.assertEqual((reply[173], reply[190], reply[211]), (ports, universe, index))

    def test_a_port_in_use_is_a_warning(self):
        with Sender() as taken:
            port = taken.socket.getsockname()[1]
            text = config().replace("ddp_port: 0", f"ddp_port: {port}")
            with Hub(text) as hub, Sender() as sender:
                live = Live(hub)
                hub.wait_line(f"no DDP: 127.0.0.1 port {port}: in use")
                ports = {p["name"]: p for p in live.get()["ports"]}
                self.assertEqual((ports["DDP"]["port"], ports["DDP"]["error"]), (port, "in use"))
                sender.send(live.ports["Art-Net"], *sender.artnet(solid(10)))
                live.until(lambda: live.get()["live"], "the others are there")

    def test_off_by_configuration(self):
        with Hub(config("  enabled: false\n")) as hub:
            now = hub.get_json("/api/lamp/live")
            self.assertEqual((now["enabled"], now["live"], now["ports"]), (False, None, []))
            self.assertEqual(hub.send_json("POST", "/api/lamp/live", {"enabled": True})[0], 409)

    def test_memory_that_is_refused(self):
        """Each allocation of the lamp's owner in turn: the hub runs on with what it got."""
        seen = set()
        for nth in range(1, 40):
            rest = (f"faults: {{owner: lamp, fail_nth: {nth}}}\n"
                    "lamp_send:\n  - {protocol: ddp, address: 127.0.0.1, port: 9}\n")
            with Hub(config(rest=rest)) as hub:
                told = [line for line in hub.lines if "out of memory" in line]
                seen.add(re.sub(r".*lamp\W+", "", told[0]) if told else "all is there")
                self.assertIn(b"uptime_ms", hub.get("/api/info"))
                if not told:
                    break
        self.assertIn("all is there", seen)
        self.assertGreater(len(seen), 2, seen)

    def test_multicast(self):
        """Universes come by their groups; an open address needs a password."""
        code, line, err = run("passwd", stdin="correct horse\n")
        self.assertEqual(code, 0, err)
        port = free_port()
        text = config("  listen: 0.0.0.0\n  e131_multicast: true\n  e131_interface: 127.0.0.1\n"
                      "  e131_universe: 9\n", rest=line).replace("e131_port: 0", f"e131_port: {port}")
        with Hub(text) as hub, Sender() as sender:
            password = urllib.request.HTTPPasswordMgrWithDefaultRealm()
            password.add_password(None, f"http://{hub.http}", "admin", "correct horse")
            ask = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(password)).open

            def live():
                with ask(hub.url("/api/lamp/live"), timeout=30) as r:
                    return json.load(r)
            sender.socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF,
                                     socket.inet_aton("127.0.0.1"))
            for universe, packet in enumerate(sender.e131(solid(7), first=9), 9):
                sender.socket.sendto(packet, (f"239.255.0.{universe}", port))
            source = hub.wait_until(lambda: live()["sources"], "it comes in")[0]
            hub.wait_until(lambda: live()["sources"][0]["frames"] == 1, "and is a frame")
            self.assertEqual(source["name"], "desk")
            self.assertEqual((live()["groups"], live()["groups_wanted"]), (5, 5))


class SendTest(unittest.TestCase):
    """What one hub shows, another one shows too: CRC for CRC."""

    def follows(self, protocol, fields):
        with Hub(config()) as b:
            other = Live(b)
            port = other.ports[{"ddp": "DDP", "e131": "E1.31", "artnet": "Art-Net"}[protocol]]
            send = (f"lamp_send:\n  - {{protocol: {protocol}, address: 127.0.0.1, "
                    f"port: {port}{fields}}}\n")
            with Hub(config(rest=send)) as a:
                live = Live(a)
                a.send_json("POST", "/api/lamp", {"effect": "DIAG RAINBOW", "overlay":
                                                  {"enabled": False}, "transition_ms": 0})
                b.send_json("POST", "/api/lamp", {"overlay": {"enabled": False}})
                other.until(lambda: other.lamp()["info"]["live"], "frames arrive")
                # A frame that stands still is the same at both.
                crcs = set()
                for _ in range(3):
                    a.send_json("POST", "/api/lamp", {"paused": True})
                    same = (lambda: live.lamp()["info"]["frame_crc"] ==
                            other.lamp()["info"]["frame_crc"] and
                            live.lamp()["info"]["frame_crc"])
                    crcs.add(other.until(same, "the same frame"))
                    a.send_json("POST", "/api/lamp", {"paused": False})
                    a.wait_until(lambda: live.lamp()["info"]["frame_crc"] not in crcs, "it moves")
                self.assertEqual(len(crcs), 3)
                target = live.get()["send"]["targets"][0]
                self.assertEqual((target["failed"], target["error"]), (0, None))
                self.assertTrue(target["sending"])
                self.assertEqual(target["packets"] % {"ddp": 2}.get(protocol, 5), 0)
                names = {"ddp": "DDP", "e131": "E1.31", "artnet": "Art-Net"}
                self.assertEqual(other.count(names[protocol], "malformed"), 0)
                # Off: the other one is dark, and has its effect again.
                a.send_json("POST", "/api/lamp", {"power": False})
                a.wait_until(lambda: not live.get()["send"]["targets"][0]["sending"], "it ended")
                other.until(lambda: other.lamp()["info"]["live"] is None, "the effect is back")

    def test_ddp(self):
        self.follows("ddp", "")

    def test_e131(self):
        self.follows("e131", ", priority: 120")

    def test_artnet(self):
        self.follows("artnet", "")

    def test_configuration(self):
        text = config(rest="lamp_send:\n  - {protocol: ddp, address: lamp.local}\n"
                           "  - {protocol: artnet, address: 10.0.0.1, start: 768, universe: 32765}\n")
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as f:
            f.write(text.replace("ddp_port: 0", "ddp_port: 0\n  listen: 0.0.0.0"))
            f.flush()
            code, out, err = run("check", f.name)
        self.assertEqual(code, 1, out + err)
        for what in ("/lamp_send/0/address", "/lamp_send/1/start", "/lamp_send/1/universe",
                     "/lamp_live/listen"):
            self.assertIn(what, out + err)

    def test_what_cannot_be_reached(self):
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as f:
            f.write("lamp_live: {e131_multicast: true, sync_send: 1}\n")
            f.flush()
            code, out, err = run("check", f.name)
        self.assertEqual(code, 1, out + err)
        for what in ("/lamp_live/e131_multicast", "/lamp_live/sync_address"):
            self.assertIn(what, out + err)


class SyncTest(unittest.TestCase):
    def test_two_hubs_follow_each_other(self):
        """Each change is told once, whoever begins: no echo."""
        one, two = free_port(), free_port()

        def text(own, other):
            return config(f"  sync_send: 1\n  sync_receive: 1\n  sync_address: 127.0.0.1\n"
                          f"  sync_port: {other}\n").replace("wled_port: 0", f"wled_port: {own}")
        with Hub(text(one, two)) as a, Hub(text(two, one)) as b:
            first, second = Live(a), Live(b)

            def same(key):
                return first.lamp()[key] == second.lamp()[key]

            def figures(what):
                return [h.get()["sync"][what] for h in (first, second)]
            # Of the beginning one may have been sent before the other hub was there.
            a.send_json("POST", "/api/lamp", {"text": "x", "brightness": 66, "transition_ms": 0})
            b.wait_until(lambda: second.lamp()["brightness"] == 66, "the beginning is over")
            sent, taken = figures("sent"), figures("taken")
            for hub, change, key in (
                    (a, {"brightness": 77, "transition_ms": 0}, "brightness"),
                    (b, {"effect": "CONFETTI"}, "effect"),
                    (a, {"colors": ["#112233", "#445566"]}, "colors"),
                    (b, {"speed_pct": 300, "intensity": 9}, "speed_pct"),
                    (a, {"palette": 3}, "palette"),
                    (b, {"power": False}, "power")):
                hub.send_json("POST", "/api/lamp", change)
                want = hub.get_json("/api/lamp")[key]
                a.wait_until(lambda: first.lamp()[key] == want and second.lamp()[key] == want,
                             f"{key} is the same at both")
            self.assertTrue(same("brightness") and same("effect") and same("palette"))
            self.assertEqual(second.lamp()["changed"]["by"], "http")
            by = first.lamp()["changed"]
            self.assertEqual((by["by"], by["who"]), ("wled", "sync 127.0.0.1"))
            # Three of each, and not one more: an echo would be.
            self.assertEqual([n - m for n, m in zip(figures("sent"), sent)], [3, 3])
            self.assertEqual([n - m for n, m in zip(figures("taken"), taken)], [3, 3])

    def test_groups(self):
        port = free_port()
        text = config("  sync_receive: 2\n").replace("wled_port: 0", f"wled_port: {port}")
        packet = bytearray(41)
        packet[1:6] = [1, 200, 1, 2, 3]
        packet[8:12] = [1, 128, 0, 12]
        with Hub(text) as hub, Sender() as sender:
            live = Live(hub)
            packet[36] = 1
            sender.send(port, bytes(packet))
            live.until(lambda: live.get()["sync"]["passed_over"] == 1, "of another group")
            packet[36] = 3
            sender.send(port, bytes(packet))
            live.until(lambda: live.lamp()["brightness"] == 200, "of its group")
            self.assertEqual(live.lamp()["colors"][0], "#010203")
            self.assertEqual(live.lamp()["effect_index"], 1)
            packet[2] = 0
            sender.send(port, bytes(packet))
            live.until(lambda: live.lamp()["power"] is False, "off")
            self.assertEqual(live.lamp()["brightness"], 200)

    def test_nodes(self):
        with Hub(config()) as hub, Sender() as sender:
            live = Live(hub)
            beacon = b"\xff\x01" + bytes([10, 0, 0, 7]) + b"porch".ljust(32, b"\0") + b"\xa0\x01" + \
                struct.pack("<I", 2401290)
            sender.send(live.ports["TPM2.NET"], beacon)
            node = live.until(lambda: live.get()["nodes"], "the node is seen")[0]
            self.assertEqual((node["name"], node["ip"], node["on"]), ("porch", "10.0.0.7", True))


if __name__ == "__main__":
    unittest.main()
