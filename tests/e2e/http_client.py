"""What the tests of HTTP share: a server made for them, and clients of HTTP/1.1 and WebSocket that
hide nothing. http.client refuses some of what is sent here; so it is done by hand."""
import base64
import hashlib
import json
import os
import signal
import socket
import struct
import subprocess
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PATIENCE_S = 30  # of a socket; the sanitizers are slow on a busy machine


def testd():
    folders = [os.environ.get("NH_BUILD_DIR")] if os.environ.get("NH_BUILD_DIR") else []
    folders += [os.path.join(ROOT, "build", n) for n in ("asan", "debug", "release")]
    for folder in folders:
        path = os.path.join(folder, "tests", "support", "http_testd")
        if os.path.exists(path):
            return path
    raise unittest.SkipTest("http_testd is not built: cmake --preset asan")


class Server:
    """`with Server("--conn-max", 4) as s:`; leaving asserts that nothing leaked."""

    def __init__(self, *args):
        self.args = [str(a) for a in args]

    def __enter__(self):
        self.process = subprocess.Popen([testd()] + self.args, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(self.process.communicate()[1].decode())
        ready = json.loads(line)
        self.port, self.tls_port = ready["http"], ready["https"]
        return self

    def __exit__(self, *exc):
        self.process.send_signal(signal.SIGTERM)
        try:
            errors = self.process.communicate(timeout=PATIENCE_S)[1].decode()
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        if exc[0] is None and self.process.returncode != 0:
            raise AssertionError("http_testd ended with %d:\n%s" % (self.process.returncode, errors))

    def connect(self):
        return Client(self.port)

    def ask(self, method, path, body=None, headers=(), version="1.1"):
        with self.connect() as c:
            return c.ask(method, path, body, headers, version)

    def get_json(self, path, headers=()):
        reply = self.ask("GET", path, headers=headers)
        assert reply.status == 200, reply
        return json.loads(reply.body)


class Reply:
    def __init__(self, status, headers, body, whole):
        self.status, self.headers, self.body, self.whole = status, headers, body, whole

    def __repr__(self):
        return "%d %r %r" % (self.status, self.headers, self.body[:300])

    def error(self):
        """The JSON error form, which every error has."""
        return json.loads(self.body)["error"]


class Client:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        self.file = self.socket.makefile("rb")
        self.port = port

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.file.close()
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data.encode() if isinstance(data, str) else data)

    def head(self, method, path, headers=(), version="1.1"):
        host = [] if any(h.lower().startswith("host:") for h in headers) else [
            "Host: 127.0.0.1:%d" % self.port]
        lines = ["%s %s HTTP/%s" % (method, path, version)] + host + list(headers)
        return "\r\n".join(lines) + "\r\n\r\n"

    def ask(self, method, path, body=None, headers=(), version="1.1"):
        headers = list(headers)
        if body is not None and not any(h.lower().startswith("content-length") for h in headers):
            headers.append("Content-Length: %d" % len(body))
        self.send(self.head(method, path, headers, version).encode() + (body or b""))
        return self.reply(method == "HEAD")

    def reply(self, is_head=False):
        line = self.file.readline()
        if not line:
            raise ConnectionError("closed without a reply")
        status = int(line.split()[1])
        headers = {}
        while True:
            line = self.file.readline().strip().decode()
            if not line:
                break
            name, value = line.split(":", 1)
            assert name.lower() not in headers, "twice: " + name
            headers[name.lower()] = value.strip()
        if is_head or status in (204, 304, 100, 101):
            return Reply(status, headers, b"", True)
        if headers.get("transfer-encoding") == "chunked":
            return Reply(status, headers, *self.chunks())
        if "content-length" in headers:
            body = self.file.read(int(headers["content-length"]))
            return Reply(status, headers, body, len(body) == int(headers["content-length"]))
        return Reply(status, headers, self.file.read(), True)

    def chunks(self):
        body = b""
        while True:
            line = self.file.readline()
            if not line.endswith(b"\r\n"):
                return body, False
            size = int(line, 16)
            part = self.file.read(size)
            body += part
            if len(part) < size or self.file.read(2) != b"\r\n":
                return body, False
            if size == 0:
                return body, True

    def is_closed(self):
        """Waits for the server's end."""
        try:
            return self.file.read(1) == b""
        except ConnectionResetError:
            return True


class Socket:
    """A small WebSocket client (RFC 6455), strict about what the server sends."""

    KEY = base64.b64encode(b"0123456789abcdef").decode()

    def __init__(self, server, headers=()):
        self.client = server.connect()
        reply = self.handshake(self.client, headers)
        assert reply.status == 101, reply
        want = hashlib.sha1((self.KEY + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
        assert reply.headers["sec-websocket-accept"] == base64.b64encode(want).decode()

    @classmethod
    def handshake(cls, client, headers=(), version="13"):
        client.send(client.head("GET", "/ws", [
            "Upgrade: websocket", "Connection: keep-alive, Upgrade",
            "Sec-WebSocket-Key: " + cls.KEY, "Sec-WebSocket-Version: " + version] + list(headers)))
        return client.reply()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.client.__exit__()

    @staticmethod
    def frame(opcode, data, final=True, masked=True, bits=0):
        size = len(data)
        head = bytes([(0x80 if final else 0) | bits | opcode])
        flag = 0x80 if masked else 0
        if size < 126:
            head += bytes([flag | size])
        elif size < 65536:
            head += bytes([flag | 126]) + struct.pack(">H", size)
        else:
            head += bytes([flag | 127]) + struct.pack(">Q", size)
        if not masked:
            return head + data
        mask = b"\x11\x22\x33\x44"
        return head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data))

    def send(self, opcode, data, **kw):
        self.client.send(self.frame(opcode, data, **kw))

    def say(self, value):
        self.send(1, json.dumps(value).encode())

    def read(self):
        head = self.client.file.read(2)
        if len(head) < 2:
            return None, b""
        assert head[0] & 0xF0 == 0x80 and not head[1] & 0x80
        size = head[1]
        if size == 126:
            size = struct.unpack(">H", self.client.file.read(2))[0]
        return head[0] & 15, self.client.file.read(size)

    def hear(self):
        opcode, data = self.read()
        assert opcode == 1, (opcode, data)
        return json.loads(data)

    def closed_with(self):
        opcode, data = self.read()
        assert opcode == 8, (opcode, data)
        return struct.unpack(">H", data[:2])[0] if data else None
