"""Clients that keep to the standard over any number of lost connections, and what they say of it.

A publisher repeats what was not acknowledged; a subscriber remembers packet ids at QoS 2. Each
keeps a ledger: what was acknowledged, what came and how often.
"""
import collections
import socket
import threading
import time

PATIENCE_S = 60


def text_field(value):
    return len(value).to_bytes(2, "big") + value


def packet(first, body):
    head, n = bytearray([first]), len(body)
    while True:
        head.append(n & 127 | (128 if n > 127 else 0))
        n >>= 7
        if n == 0:
            return bytes(head) + body


def connect_packet(client_id, clean, keepalive_s=0):
    return packet(0x10, b"\0\4MQTT\4" + bytes([2 if clean else 0]) +
                  keepalive_s.to_bytes(2, "big") + text_field(client_id.encode()))


class Client(threading.Thread):
    """Connects, again and again, until it is told to stop; `on_packet` and `on_connack` are the rest."""

    def __init__(self, port_of, client_id, clean=False):
        super().__init__(daemon=True)
        self.port_of, self.client_id, self.clean = port_of, client_id, clean
        self.stopping = False
        self.lock = threading.Lock()
        self.connects = 0
        self.socket = None
        self.error = None

    def run(self):
        while not self.stopping:
            try:
                with socket.create_connection(("127.0.0.1", self.port_of()), 5) as s:
                    s.settimeout(0.05)
                    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    s.sendall(connect_packet(self.client_id, self.clean))
                    self.talk(s)
            except OSError:
                time.sleep(0.01)
            except AssertionError as e:
                self.error = e
                return

    def talk(self, s):
        data = b""
        self.socket = s
        while not self.stopping:
            with self.lock:
                self.idle(s)
            try:
                got = s.recv(65536)
            except socket.timeout:
                continue
            if not got:
                return
            data += got
            data = data[self.take(s, data):]

    def take(self, s, data):
        at = 0
        out = bytearray()
        with self.lock:
            while True:
                n, shift, i = 0, 0, at + 1
                while i < len(data):
                    n |= (data[i] & 127) << shift
                    shift += 7
                    i += 1
                    if not data[i - 1] & 128:
                        break
                else:
                    break
                if i + n > len(data):
                    break
                body = data[i:i + n]
                if data[at] >> 4 == 2:
                    assert body[1] == 0, f"{self.client_id}: refused {body[1]}"
                    self.connects += 1
                    out += self.on_connack(bool(body[0]))
                else:
                    out += self.on_packet(data[at], body)
                at = i + n
        if out:
            s.sendall(out)
        return at

    def idle(self, s):
        pass

    def on_connack(self, present):
        return b""

    def stop(self):
        self.stopping = True
        self.join(PATIENCE_S)


class Publisher(Client):
    def __init__(self, port_of, client_id, topic, window=20, qos_of=lambda n: 1 + n % 2, size=40):
        super().__init__(port_of, client_id)
        self.topic, self.window, self.qos_of, self.size = topic.encode(), window, qos_of, size
        self.under_way = collections.OrderedDict()  # packet id: [number, state]
        self.next_id, self.number = 1, 0
        self.acked = set()
        self.goes_on = True
        self.connected = False

    def message(self, number):
        return f"{self.client_id} {number} ".encode().ljust(self.size, b".")

    def publish(self, packet_id, number, dup=False):
        qos = self.qos_of(number)
        first = 0x30 | (8 if dup else 0) | qos << 1
        return packet(first, text_field(self.topic) + (packet_id.to_bytes(2, "big") if qos else b"") +
                      self.message(number))

    def talk(self, s):
        self.connected = False
        super().talk(s)

    def idle(self, s):
        if not self.connected:
            return
        out = bytearray()
        while self.goes_on and len(self.under_way) < self.window:
            while self.next_id in self.under_way:
                self.next_id = self.next_id % 65535 + 1
            out += self.publish(self.next_id, self.number)
            if self.qos_of(self.number) == 0:
                self.number += 1
                break  # one with each look
            self.under_way[self.next_id] = [self.number, "published"]
            self.number += 1
            self.next_id = self.next_id % 65535 + 1
        if out:
            s.sendall(out)

    def on_connack(self, present):
        self.connected = True
        out = bytearray()
        for packet_id, (number, state) in self.under_way.items():
            if state == "published":
                out += self.publish(packet_id, number, dup=True)
            else:
                out += packet(0x62, packet_id.to_bytes(2, "big"))
        return bytes(out)

    def on_packet(self, first, body):
        packet_id = int.from_bytes(body[:2], "big")
        kind = first >> 4
        if kind == 5:
            if packet_id in self.under_way:
                self.under_way[packet_id][1] = "released"
            return packet(0x62, body[:2])
        if kind in (4, 7) and packet_id in self.under_way:
            self.acked.add(self.under_way.pop(packet_id)[0])
        return b""


class Subscriber(Client):
    def __init__(self, port_of, client_id, topic_filter, clean=False):
        super().__init__(port_of, client_id, clean)
        self.filter = topic_filter.encode()
        self.heard = collections.Counter()
        self.ids = set()
        self.subscribed = threading.Event()

    def on_connack(self, present):
        if present:
            return b""
        assert self.clean or not self.subscribed.is_set(), f"{self.client_id}: its session is gone"
        self.ids.clear()
        return packet(0x82, b"\0\1" + text_field(self.filter) + b"\2")

    def on_packet(self, first, body):
        kind, qos = first >> 4, first >> 1 & 3
        if kind == 9:
            assert body[2] == 2
            self.subscribed.set()
        if kind == 6:
            self.ids.discard(body[:2])
            return packet(0x70, body[:2])
        if kind != 3:
            return b""
        at = 2 + int.from_bytes(body[:2], "big")
        packet_id = body[at:at + 2] if qos else b""
        name, number = body[at + len(packet_id):].split(b" ")[:2]
        if qos < 2 or packet_id not in self.ids:
            self.heard[(name.decode(), int(number))] += 1
        if qos == 2:
            self.ids.add(packet_id)
        return packet(0x40 if qos == 1 else 0x50, packet_id) if qos else b""


def check(publishers, subscribers):
    """Waits until all that is due came, and compares the ledgers. Gives how many messages."""
    for p in publishers:
        p.goes_on = False
    end = time.monotonic() + PATIENCE_S
    due = lambda: [(p, n) for p in publishers for n in range(p.number) if n not in p.acked]  # noqa
    while due() and time.monotonic() < end and not any(c.error for c in publishers + subscribers):
        time.sleep(0.02)
    for c in publishers + subscribers:
        assert c.error is None, c.error
    assert not due(), f"never acknowledged: {[(p.client_id, n) for p, n in due()][:10]}"
    want = {(p.client_id, n) for p in publishers for n in p.acked}
    kept = [s for s in subscribers if not s.clean]
    heard = -1
    while any(len(s.heard) < len(want) or want - set(s.heard) for s in kept) and \
            time.monotonic() < end:
        if sum(len(s.heard) for s in kept) != heard:  # as long as there is progress, there is time
            heard = sum(len(s.heard) for s in kept)
            end = time.monotonic() + PATIENCE_S
        time.sleep(0.05)
    by_name = {p.client_id: p for p in publishers}
    for s in kept:
        lost = sorted(want - set(s.heard))
        assert not lost, f"{s.client_id} never heard {lost[:10]} ({len(lost)})"
    for s in subscribers:
        twice = [(k, n) for k, n in s.heard.items() if n > 1 and by_name[k[0]].qos_of(k[1]) == 2]
        assert not twice, f"{s.client_id} heard twice at QoS 2: {twice[:10]} ({len(twice)})"
    return len(want)
