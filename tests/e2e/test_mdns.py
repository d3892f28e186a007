"""Found by name: what multicast DNS says of the hub, asked by a small resolver of our own on the loopback interface."""
import socket
import struct
import unittest

from hub import PATIENCE_S, Hub

GROUP, PORT = "224.0.0.251", 5353
A, PTR, TXT, SRV, ANY = 1, 12, 16, 33, 255
LAMP = "name: %s\nlamp: {enabled: true, width: 8, height: 8}\nmdns: {enabled: on, address: 127.0.0.1}\n"


def encode(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def decode(packet, at):
    labels, end = [], None
    for _ in range(100):
        n = packet[at]
        if n >= 0xC0:
            end = end or at + 2
            at = (n & 0x3F) << 8 | packet[at + 1]
        elif n == 0:
            return ".".join(labels), end or at + 1
        else:
            labels.append(packet[at + 1:at + 1 + n].decode())
            at += 1 + n
    raise AssertionError("a name without an end")


class Packet:
    """A whole packet, read strictly; records as (name, type, ttl, data)."""

    def __init__(self, packet, sender):
        self.sender = sender
        self.id, self.flags, *counts = struct.unpack(">6H", packet[:12])
        at, self.questions, self.records = 12, [], []
        for _ in range(counts[0]):
            name, at = decode(packet, at)
            self.questions.append((name, *struct.unpack(">HH", packet[at:at + 4])))
            at += 4
        for _ in range(sum(counts[1:])):
            name, at = decode(packet, at)
            kind, _class, ttl, size = struct.unpack(">HHIH", packet[at:at + 10])
            at += 10
            self.records.append((name, kind, ttl, self.data(packet, at, size, kind)))
            at += size
        assert at == len(packet), "bytes behind the last record"

    @staticmethod
    def data(packet, at, size, kind):
        if kind == A:
            return socket.inet_ntoa(packet[at:at + size])
        if kind == PTR:
            return decode(packet, at)[0]
        if kind == SRV:
            return decode(packet, at + 6)[0], struct.unpack(">H", packet[at + 4:at + 6])[0]
        return packet[at + 1:at + 1 + packet[at]].decode()

    @property
    def is_response(self):
        return bool(self.flags & 0x8000)


class Resolver:
    """`port` 0: an old resolver, which knows nothing of the group and is answered by itself."""

    def __init__(self, port=PORT):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("", port))
        here = socket.inet_aton("127.0.0.1")
        self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(GROUP) + here)
        self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, here)
        self.socket.settimeout(PATIENCE_S)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def ask(self, name, kind):
        self.socket.sendto(struct.pack(">6H", 77, 0, 1, 0, 0, 0) + encode(name) + struct.pack(">HH", kind, 1),
                           (GROUP, PORT))

    def hear(self, condition):
        """The first packet for which it holds."""
        for _ in range(1000):
            packet = Packet(*self.socket.recvfrom(9000))
            if condition(packet):
                return packet
        raise AssertionError("it never came")

    def hear_record(self, *want):
        """The first response with a record that begins so: (name, type, ...)."""
        return self.hear(lambda p: p.is_response and any(r[:len(want)] == want for r in p.records))


class Mdns(unittest.TestCase):
    def port(self, hub):
        return int(hub.http.rsplit(":", 1)[1])

    def test_announces_and_answers(self):
        with Resolver() as group, Hub(LAMP % "Attic1") as hub:
            hub.wait_line(r"to be found as Attic1\.local at 127\.0\.0\.1")
            packet = group.hear_record("_wled._tcp.local", PTR, 4500, "Attic1._wled._tcp.local")
            records = {(name, kind): (ttl, data) for name, kind, ttl, data in packet.records}
            port = self.port(hub)
            self.assertEqual(records["attic1.local", A], (120, "127.0.0.1"))
            self.assertEqual(records["Attic1._wled._tcp.local", SRV], (120, ("attic1.local", port)))
            self.assertEqual(records["Attic1._http._tcp.local", SRV], (120, ("attic1.local", port)))
            mac = hub.get_json("/json/info")["mac"]
            self.assertEqual(records["Attic1._wled._tcp.local", TXT], (4500, f"mac={mac}"))
            with Resolver(0) as old:
                for name, kind, data in (("_http._tcp.local", PTR, "Attic1._http._tcp.local"),
                                         ("attic1.local", A, "127.0.0.1"),
                                         ("ATTIC1._wled._TCP.local", SRV, ("attic1.local", port))):
                    old.ask(name, kind)
                    reply = old.hear(lambda p: p.is_response and p.id == 77)
                    self.assertEqual(len(reply.questions), 1)
                    self.assertEqual((reply.records[0][1], reply.records[0][3]), (kind, data))
                    self.assertLessEqual(max(record[2] for record in reply.records), 10)
            group.ask("_services._dns-sd._udp.local", PTR)
            group.hear_record("_services._dns-sd._udp.local", PTR, 4500, "_wled._tcp.local")
            hub.stop()
            group.hear_record("Attic1._wled._tcp.local", SRV, 0)  # good-bye

    def test_two_of_one_name(self):
        with Resolver() as group, Hub(LAMP % "Attic2") as first:
            group.hear_record("attic2.local", A)
            with Hub(LAMP % "Attic2") as second:
                packet = group.hear_record("attic2-2.local", A)
                records = {(name, kind): data for name, kind, _, data in packet.records}
                self.assertEqual(records["Attic2 (2)._wled._tcp.local", SRV], ("attic2-2.local", self.port(second)))
                self.assertNotEqual(self.port(first), self.port(second))

    def test_not_on_this_machine_alone(self):
        """Who listens on loopback only is not to be found, unless it is said; nor without a portal."""
        for config in ("mdns: {enabled: off, address: 127.0.0.1}\n", ""):
            with Hub("name: Attic3\n" + config) as hub, Resolver(0) as old, Hub(LAMP % "Attic4") as other:
                other.wait_line("to be found as")
                hub.wait_until(lambda: hub.get_json("/api/info"), "it runs")
                with Resolver() as group:
                    group.hear_record("attic4.local", A)
                old.ask("attic3.local", A)
                old.ask("attic4.local", A)
                reply = old.hear(lambda p: p.is_response)
                self.assertEqual(reply.records[0][0], "attic4.local")


if __name__ == "__main__":
    unittest.main()
