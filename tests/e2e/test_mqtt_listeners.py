"""The broker's listeners through real clients: TLS, client certificates, WebSocket, Unix sockets,
IPv6, the PROXY header, the portal's port; certificates that are replaced under living connections."""
import contextlib
import json
import os
import queue
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import tempfile
import unittest

import paho.mqtt.client as paho

from hub import PATIENCE_S, Hub, run
from test_mqtt import Client

PROXY = b"\r\n\r\n\0\r\nQUIT\n"
CONNECT = b"\x10\x0f\0\4MQTT\4\2\0\0\0\3cli"
CONNACK = b"\x20\2\0\0"
# The portal's password: there is a user, and pages may call the hub by any name. Of "x".
PASSWORD = "access: {password_hash: '$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$" + 43 * "A" + "'}\n"


def openssl(*args):
    subprocess.run(["openssl", *args], check=True, capture_output=True)


class Certificates:
    """An authority, a hub and clients that it signed, and a stranger's; made once for all tests."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="nuthatch-certs-")
        self.authority("ca")
        self.authority("other")
        self.issue("hub", "ca", "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1")
        self.issue("hub2", "ca", "subjectAltName=DNS:localhost,IP:127.0.0.1")
        self.issue("ann", "ca", "subjectAltName=email:ann@example.org")
        self.issue("stranger", "other", "subjectAltName=DNS:stranger")

    def path(self, name):
        return os.path.join(self.folder, name)

    def key(self, name):
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out",
                self.path(name + ".key"))

    def authority(self, name):
        self.key(name)
        openssl("req", "-x509", "-new", "-key", self.path(name + ".key"), "-days", "2", "-subj",
                f"/CN={name}", "-out", self.path(name + ".pem"))

    def issue(self, name, by, extension):
        self.key(name)
        openssl("req", "-new", "-key", self.path(name + ".key"), "-subj", f"/CN={name}", "-out",
                self.path(name + ".csr"))
        with open(self.path("ext"), "w") as f:
            f.write(extension + "\n")
        openssl("x509", "-req", "-in", self.path(name + ".csr"), "-CA", self.path(by + ".pem"),
                "-CAkey", self.path(by + ".key"), "-CAcreateserial", "-days", "2", "-extfile",
                self.path("ext"), "-out", self.path(name + ".pem"))

    def server(self, name="hub"):
        return f"tls_cert_file: {self.path(name + '.pem')}, tls_key_file: {self.path(name + '.key')}"

    def options(self, *who):
        """mosquitto's options: believe our authority; show the certificate of `who`."""
        args = ["--cafile", self.path("ca.pem")]
        for name in who:
            args += ["--cert", self.path(name + ".pem"), "--key", self.path(name + ".key")]
        return args

    def context(self, ca="ca"):
        return ssl.create_default_context(cafile=self.path(ca + ".pem"))


certs = None


def setUpModule():
    global certs
    certs = Certificates()


def tearDownModule():
    shutil.rmtree(certs.folder, ignore_errors=True)


def listeners(*texts, more=""):
    return "mqtt: {" + more + "listeners: [" + ", ".join("{" + t + "}" for t in texts) + "]}\n"


def port_of(hub, index):
    """Of mqtt.listeners[index]; mqtt.listen stands before them."""
    return int(hub.ready["mqtt_listeners"][index + 1]["listen"].rsplit(":", 1)[1])


def publish(*args, host="127.0.0.1"):
    where = [] if "--unix" in args else ["-h", host]
    r = subprocess.run(["mosquitto_pub", *where, *args], capture_output=True, text=True,
                       timeout=PATIENCE_S)
    return r.returncode


def own_address():
    """An address of this machine that is not its loopback's; None: it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.connect(("192.0.2.1", 9))  # nothing is sent
        except OSError:
            return None
        address = s.getsockname()[0]
    return None if address.startswith("127.") else address


class Listening:
    """A subscriber at the plain listener with what came in a queue."""

    def __init__(self, hub, topic):
        self.client = Client(hub, "watcher")
        self.client.subscribe((topic, 0))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.close()

    def expect(self, test, *payloads):
        for payload in payloads:
            test.assertEqual(self.client.get().payload.decode(), payload)


def tls_connect(port, context):
    s = context.wrap_socket(socket.create_connection(("127.0.0.1", port), PATIENCE_S),
                            server_hostname="localhost")
    s.settimeout(PATIENCE_S)
    return s


def receive(s, count):
    data = b""
    while len(data) < count:
        piece = s.recv(count - len(data))
        if not piece:
            break
        data += piece
    return data


class Tls(unittest.TestCase):
    def test_mosquitto_over_tls(self):
        with Hub(listeners(f"listen: '127.0.0.1:0', {certs.server()}")) as hub:
            port = str(port_of(hub, 0))
            self.assertEqual(hub.ready["mqtt_listeners"][1],
                             {"listen": "127.0.0.1:" + port, "protocol": "mqtt", "tls": True})
            self.assertEqual(hub.get_json("/api/info")["mqtt_listeners"],
                             hub.ready["mqtt_listeners"])
            with Listening(hub, "t/#") as watch:
                for qos in "012":
                    self.assertEqual(publish("-p", port, "-t", "t/x", "-m", "over tls", "-q", qos,
                                             *certs.options(), host="localhost"), 0)
                watch.expect(self, *["over tls"] * 3)
                # Whoever does not believe our authority goes away, and so does plain MQTT.
                self.assertNotEqual(publish("-p", port, "-t", "t/x", "-m", "no", "--cafile",
                                            certs.path("other.pem"), host="localhost"), 0)
                self.assertNotEqual(publish("-p", port, "-t", "t/x", "-m", "no"), 0)
                self.assertEqual(publish("-p", str(hub.mqtt_port), "-t", "t/x", "-m", "plain"), 0)
                watch.expect(self, "plain")
            connections = hub.get_json("/api/mqtt")["connections"]
            self.assertEqual((connections["handshakes"], connections["handshake_timeouts"]), (0, 0))
            self.assertGreaterEqual(connections["handshake_failures"], 2)
            out = subprocess.Popen(["mosquitto_sub", "-h", "localhost", "-p", port, "-t", "b",
                                    "-C", "1", "-F", "%l", "-W", str(PATIENCE_S), *certs.options()],
                                   stdout=subprocess.PIPE, text=True)
            hub.wait_until(lambda: hub.get_json("/api/mqtt")["counters"]["subscriptions"] == 1,
                           "the subscription")
            big = certs.path("big")
            with open(big, "wb") as f:
                f.write(bytes(60000))
            publish("-p", port, "-t", "b", "-f", big, *certs.options(), host="localhost")
            self.assertEqual(out.communicate(timeout=PATIENCE_S)[0].strip(), "60000")

    def test_old_versions_are_refused(self):
        with Hub(listeners(f"listen: '127.0.0.1:0', {certs.server()}")) as hub:
            for version, ok in (("-tls1_1", False), ("-tls1_2", True), ("-tls1_3", True)):
                r = subprocess.run(["openssl", "s_client", version, "-cipher", "ALL:@SECLEVEL=0",
                                    "-connect", f"127.0.0.1:{port_of(hub, 0)}"], input=b"",
                                   capture_output=True, timeout=PATIENCE_S)
                self.assertEqual(r.returncode == 0, ok, version)

    def test_client_certificates(self):
        config = f"listen: '127.0.0.1:0', {certs.server()}, tls_ca_file: {certs.path('ca.pem')}"
        with Hub(listeners(config + ", client_cert: required",
                           config + ", client_cert: optional")) as hub:
            rows = [(0, (), False), (0, ("ann",), True), (0, ("stranger",), False),
                    (1, (), True), (1, ("ann",), True), (1, ("stranger",), False)]
            with Listening(hub, "c") as watch:
                for index, who, ok in rows:
                    code = publish("-p", str(port_of(hub, index)), "-t", "c", "-q", "1", "-m",
                                   f"{index} {who}", *certs.options(*who), host="localhost")
                    self.assertEqual(code == 0, ok, (index, who))
                    if ok:
                        watch.expect(self, f"{index} {who}")

    def test_the_certificate_is_the_user(self):
        config = (f"listen: '127.0.0.1:0', {certs.server()}, tls_ca_file: {certs.path('ca.pem')}, "
                  "client_cert: required, identity_as_user: ")
        rules = "acl: [{allow: subscribe, filter: '#'}, {allow: publish, filter: of/%u}], "
        with Hub(listeners(config + "cn", config + "san", more=rules)) as hub:
            with Listening(hub, "of/+") as watch:
                for index, topic in (0, "of/ann"), (1, "of/ann@example.org"), (0, "of/bob"):
                    publish("-p", str(port_of(hub, index)), "-t", topic, "-q", "1", "-m", topic,
                            *certs.options("ann"), host="localhost")
                publish("-p", str(port_of(hub, 0)), "-t", "of/ann", "-m", "end",
                        *certs.options("ann"), host="localhost")
                watch.expect(self, "of/ann", "of/ann@example.org", "end")
            self.assertEqual(hub.get_json("/api/mqtt")["counters"]["publish_denied"], 1)

    def test_certificates_are_replaced_under_living_connections(self):
        live = certs.path("live.pem"), certs.path("live.key")

        def put(name):
            shutil.copy(certs.path(name + ".pem"), live[0])
            shutil.copy(certs.path(name + ".key"), live[1])

        def serial(port):
            with tls_connect(port, certs.context()) as s:
                return s.getpeercert()["serialNumber"]

        put("hub")
        with Hub(listeners(f"listen: '127.0.0.1:0', {certs.server('live')}")) as hub:
            port = port_of(hub, 0)
            s = tls_connect(port, certs.context())
            s.sendall(CONNECT)
            self.assertEqual(receive(s, 4), CONNACK)
            first = serial(port)
            put("hub2")
            hub.process.send_signal(signal.SIGHUP)
            hub.wait_line("certificates read again")
            self.assertNotEqual(serial(port), first)
            shutil.copy(certs.path("hub.key"), live[1])  # of another certificate
            hub.process.send_signal(signal.SIGHUP)
            hub.wait_line("the old certificates stay: key .*live.key: key values mismatch")
            self.assertNotEqual(serial(port), first)
            for _ in range(3):
                s.sendall(b"\xc0\0")
                self.assertEqual(receive(s, 2), b"\xd0\0")
            s.close()

    def test_many_idle_connections(self):
        count = 120
        with Hub(listeners(f"listen: '127.0.0.1:0', {certs.server()}")) as hub:
            def figures():
                memory = hub.get_json("/api/memory")
                mqtt = next(o for o in memory["owners"] if o["name"] == "mqtt")
                return (memory["host"]["host_tls_bytes"],
                        sum(t["current_bytes"] for t in mqtt["tiers"]))

            port, context, clients = port_of(hub, 0), certs.context(), []
            before = figures()
            for i in range(count):
                s = tls_connect(port, context)
                client = b"%03d" % i
                s.sendall(b"\x10\x0f\0\4MQTT\4\2\0\0\0\3" + client)
                self.assertEqual(receive(s, 4), CONNACK)
                clients.append(s)
            if before[0] is not None:  # the host is looked at once a second
                hub.wait_until(lambda: figures()[0] - before[0] > 1000 * count, "memory of TLS")
            host, ours = (a - b for a, b in zip(figures(), before))
            print(f"an idle TLS client: {ours // count} B in the tiers, {host // count} B of the "
                  f"TLS library on the host")
            self.assertLess(ours // count, 900)
            if before[0] is not None:
                self.assertTrue(1000 < host // count < 30000, host // count)
            self.assertEqual(hub.get_json("/api/mqtt")["counters"]["clients"], count)
            for s in clients:
                s.close()
            hub.wait_until(lambda: hub.get_json("/api/mqtt")["counters"]["clients"] == 0, "the end")

    def test_a_bad_certificate_is_told_at_the_start(self):
        with tempfile.TemporaryDirectory() as folder:
            config = os.path.join(folder, "hub.yaml")
            garbage = os.path.join(folder, "garbage.pem")
            with open(garbage, "w") as f:
                f.write("nothing\n")
            for cert, why in (("/nonexistent.pem", "certificate /nonexistent.pem: not found"),
                              (garbage, "certificate " + garbage)):
                with open(config, "w") as f:
                    f.write("http: {listen: '127.0.0.1:0'}\n"
                            "mqtt: {listen: '', listeners: [{listen: '127.0.0.1:0', "
                            f"tls_cert_file: {cert}, tls_key_file: {certs.path('hub.key')}}}]}}\n")
                code, _, err = run("run", "--config", config, "--data",
                                   os.path.join(folder, "data"))
                self.assertEqual(code, 1)
                self.assertIn("mqtt.listeners.0 127.0.0.1:0: " + why, err)


class WaysIn(unittest.TestCase):
    def test_a_client_says_where_it_came_in(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "hub.sock")
            config = listeners(f"listen: '127.0.0.1:0', {certs.server()}",
                               "listen: '127.0.0.1:0', protocol: websocket", f"listen: 'unix:{path}'")
            with Hub(config) as hub, contextlib.ExitStack() as stack:
                def connect(client, where, port, **kind):
                    c = paho.Client(client, protocol=paho.MQTTv5, **kind)
                    if where == "tls":
                        c.tls_set_context(certs.context())
                    c.connect("127.0.0.1", port)
                    c.loop_start()
                    stack.callback(c.loop_stop)
                    stack.callback(c.disconnect)
                portal = int(hub.http.rsplit(":", 1)[1])
                connect("plain", "", hub.mqtt_port)
                connect("tls", "tls", port_of(hub, 0))
                connect("ws", "", port_of(hub, 1), transport="websockets")
                connect("portal", "", portal, transport="websockets")
                sub = subprocess.Popen(["mosquitto_sub", "--unix", path, "-t", "d", "-i", "unix"])
                stack.callback(sub.wait)
                stack.callback(sub.terminate)
                hub.wait_until(lambda: hub.get_json("/api/mqtt")["counters"]["clients"] == 5, "all")
                found = {c["id"]: c for c in hub.get_json("/api/mqtt/clients")["clients"]}
                doors = hub.get_json("/api/info")["mqtt_listeners"]
                self.assertEqual([(c["id"], c["listener"], c["protocol"], c["tls"]) for c in found.values()],
                                 [("plain", 0, "mqtt", False), ("portal", None, "websocket", False),
                                  ("tls", 1, "mqtt", True), ("unix", 3, "mqtt", False),
                                  ("ws", 2, "websocket", False)])
                self.assertEqual(doors[found["unix"]["listener"]]["listen"], "unix:" + path)
                self.assertGreater(min(c["bytes_in"] for c in found.values()), 10)
                self.assertGreaterEqual(min(c["bytes_out"] for c in found.values()), 4)


class UnixSocket(unittest.TestCase):
    def test_publish_and_subscribe(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "hub.sock")
            with Hub(listeners(f"listen: 'unix:{path}', mode: '0600'")) as hub:
                self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
                self.assertEqual(hub.ready["mqtt_listeners"][1]["listen"], "unix:" + path)
                with Listening(hub, "u/#") as watch:
                    self.assertEqual(publish("--unix", path, "-t", "u/x", "-m", "here", "-q", "2"),
                                     0)
                    watch.expect(self, "here")
                sub = subprocess.Popen(["mosquitto_sub", "--unix", path, "-t", "d", "-C", "1", "-W",
                                        str(PATIENCE_S), "-i", "by-unix"], stdout=subprocess.PIPE,
                                       text=True)
                hub.wait_until(lambda: hub.get_json("/api/mqtt")["counters"]["subscriptions"] == 1,
                               "the subscription")
                clients = hub.get_json("/api/mqtt/clients")["clients"]
                self.assertEqual([c["peer"] for c in clients if c["id"] == "by-unix"],
                                 [f"unix:{os.getuid()}"])
                publish("-p", str(hub.mqtt_port), "-t", "d", "-m", "down")
                self.assertEqual(sub.communicate(timeout=PATIENCE_S)[0].strip(), "down")
            self.assertFalse(os.path.exists(path))

    def test_left_behind_and_taken(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "hub.sock")
            config = listeners(f"listen: 'unix:{path}'")
            hub = Hub(config)
            with hub:
                hub.stop(signal.SIGKILL)
            self.assertTrue(os.path.exists(path))
            with Hub(config):  # nobody listens there: replaced
                self.assertEqual(publish("--unix", path, "-t", "x", "-m", "y"), 0)
                second = Hub(config)
                with self.assertRaises(AssertionError) as raised:  # somebody does
                    second.start()
                self.assertIn("in use", str(raised.exception))
                second.process.wait(PATIENCE_S)
                second.process.stdout.close()
                second.errors.close()
                shutil.rmtree(second.folder)
                self.assertEqual(publish("--unix", path, "-t", "x", "-m", "y"), 0)


def has_ipv6():
    with contextlib.suppress(OSError):
        with socket.socket(socket.AF_INET6) as s:
            s.bind(("::1", 0))
            return True
    return False


class Ipv6(unittest.TestCase):
    @unittest.skipUnless(has_ipv6(), "this machine has no IPv6 loopback")
    def test_loopback(self):
        with Hub(listeners("listen: '[::1]:0'")) as hub:
            port = str(port_of(hub, 0))
            self.assertEqual(hub.ready["mqtt_listeners"][1]["listen"], "[::1]:" + port)
            with Listening(hub, "six") as watch:
                self.assertEqual(publish("-p", port, "-t", "six", "-m", "6", host="::1"), 0)
                watch.expect(self, "6")

    @unittest.skipUnless(has_ipv6(), "this machine has no IPv6 loopback")
    def test_both_families_at_once(self):
        line = subprocess.run([os.environ.get("NUTHATCH", "nuthatch"), "passwd"],
                              input="secret secret\n", capture_output=True, text=True,
                              timeout=PATIENCE_S).stdout
        with Hub(line + listeners("listen: '[::]:0'")) as hub:
            port = str(port_of(hub, 0))
            user = ["-u", "admin", "-P", "secret secret"]
            for host in ("::1", "127.0.0.1"):
                self.assertEqual(publish("-p", port, "-t", "x", "-m", "y", *user, host=host), 0)
                self.assertNotEqual(publish("-p", port, "-t", "x", "-m", "y", host=host), 0)

    def test_wide_needs_a_password_or_certificates(self):
        with tempfile.TemporaryDirectory() as folder:
            config = os.path.join(folder, "hub.yaml")
            closed = (f"{certs.server()}, tls_ca_file: {certs.path('ca.pem')}, "
                      "client_cert: required")
            for text, ok in (("listen: '[::]:1884'", False), ("listen: '0.0.0.0:1884'", False),
                             (f"listen: '0.0.0.0:1884', {closed}", True),
                             (f"listen: '[::]:1884', {certs.server()}", False),
                             ("listen: 'unix:/tmp/x'", True)):
                with open(config, "w") as f:
                    f.write(listeners(text))
                self.assertEqual(run("check", config)[0] == 0, ok, text)


class Socket:
    """A WebSocket by hand."""

    def __init__(self, port, path="/mqtt", context=None, **headers):
        self.s = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
        if context:
            self.s = context.wrap_socket(self.s, server_hostname="localhost")
        self.s.settimeout(PATIENCE_S)
        fields = {"Host": f"127.0.0.1:{port}", "Upgrade": "websocket", "Connection": "Upgrade",
                  "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version": "13",
                  "Sec-WebSocket-Protocol": "mqtt"}
        fields.update({k.replace("_", "-"): v for k, v in headers.items()})
        lines = [f"GET {path} HTTP/1.1", *(f"{k}: {v}" for k, v in fields.items() if v)]
        self.s.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = self.s.recv(1)
            if not byte:
                break
            head += byte
        self.head = head.decode()
        self.status = int(self.head.split()[1])

    def send(self, payload, first=0x82):
        n = len(payload)
        size = bytes([0x80 | n]) if n < 126 else b"\xfe" + struct.pack(">H", n)
        mask = b"\x11\x22\x33\x44"
        self.s.sendall(bytes([first]) + size + mask +
                       bytes(b ^ mask[i & 3] for i, b in enumerate(payload)))

    def frame(self):
        head = receive(self.s, 2)
        if len(head) < 2:
            return None, b""
        size = head[1]
        if size == 126:
            size = struct.unpack(">H", receive(self.s, 2))[0]
        return head[0], receive(self.s, size)

    def receive(self, count):
        data = b""
        while len(data) < count:
            first, payload = self.frame()
            assert first == 0x82, first
            data += payload
        return data

    def close(self):
        self.s.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class WsClient(Client):
    """paho over a WebSocket."""

    def __init__(self, port, client_id, path="/mqtt", ca=None):
        self.messages, self.done = queue.Queue(), queue.Queue()
        self.paho = paho.Client(client_id, protocol=paho.MQTTv311, transport="websockets")
        self.paho.ws_set_options(path=path)
        self.paho.on_connect = lambda c, u, flags, rc: self.done.put((rc, flags["session present"]))
        self.paho.on_message = lambda c, u, m: self.messages.put(m)
        self.paho.on_subscribe = lambda c, u, mid, granted: self.done.put(granted)
        if ca:
            self.paho.tls_set(ca)
        self.paho.connect("localhost" if ca else "127.0.0.1", port, 60)
        self.paho.loop_start()
        self.connected = self.done.get(timeout=PATIENCE_S)


class Broker:
    """What every WebSocket of the broker must do; the classes below say where it listens."""

    def test_paho(self):
        with self.hub() as hub:
            port, ca = self.port(hub), self.ca()
            with WsClient(port, "ws-1", ca=ca) as ws, Listening(hub, "up/#") as watch:
                self.assertEqual(ws.connected, (0, 0))
                self.assertEqual(ws.subscribe(("down/#", 2)), (2,))
                for qos in (0, 1, 2):
                    ws.paho.publish("up/x", f"up {qos}", qos).wait_for_publish(PATIENCE_S)
                    watch.expect(self, f"up {qos}")
                    watch.client.paho.publish("down/x", f"down {qos}", qos)
                    m = ws.get()
                    self.assertEqual((m.payload.decode(), m.qos), (f"down {qos}", qos))
                ws.paho.publish("down/big", bytes(50000), 1)  # by itself and back
                self.assertEqual(len(ws.get().payload), 50000)

    # [MQTT-6.0.0-1], [MQTT-6.0.0-2], [MQTT-6.0.0-4], [MQTT5-6.0.0-2], [MQTT5-6.0.0-4]
    def test_packets_do_not_care_for_frames(self):
        with self.hub() as hub:
            with self.socket(hub) as ws:
                self.assertEqual(ws.status, 101)
                self.assertIn("Sec-WebSocket-Protocol: mqtt", ws.head)
                for byte in CONNECT:
                    ws.send(bytes([byte]))
                self.assertEqual(ws.receive(4), CONNACK)
                ws.send(b"\xc0\0" * 5 + b"\xc0")  # five and a half
                ws.send(b"", first=0x89)
                self.assertEqual(ws.frame(), (0x82, b"\xd0\0" * 5))
                self.assertEqual(ws.frame(), (0x8A, b""))
                ws.send(b"\0", first=0x02)  # the rest, in a message of three parts
                ws.send(b"", first=0x00)
                ws.send(b"\xc0\0", first=0x80)
                self.assertEqual(ws.receive(4), b"\xd0\0\xd0\0")
                ws.send(b"\xe0\0")  # DISCONNECT: the hub closes
                self.assertEqual(ws.frame(), (0x88, b"\x03\xe8"))

    # [MQTT-6.0.0-1], [MQTT-6.0.0-3], [MQTT5-6.0.0-1], [MQTT5-6.0.0-3]
    def test_what_is_refused(self):
        with self.hub() as hub:
            rows = [({"Sec_WebSocket_Protocol": None}, 400),
                    ({"Sec_WebSocket_Protocol": "mqttv3.1"}, 400),
                    ({"Sec_WebSocket_Version": "8"}, 426),
                    ({"Origin": "http://evil.example"}, 403),
                    ({"Origin": "null"}, 403),
                    ({"Host": "evil.example", "Origin": "http://evil.example"}, 403),
                    ({"Host": "evil.example"}, 101),  # no browser
                    ({"Sec_WebSocket_Protocol": "chat, mqtt"}, 101)]
            for headers, status in rows:
                with self.socket(hub, **headers) as ws:
                    self.assertEqual(ws.status, status, headers)
            with self.socket(hub) as ws:
                ws.send(b"\x10", first=0x81)  # a text frame
                self.assertEqual(ws.frame(), (0x88, b"\x03\xeb"))
            with self.socket(hub) as ws:
                ws.send(b"\xf0\0")  # no packet at all
                self.assertEqual(ws.frame()[0], 0x88)

    def test_a_slow_reader_loses_nothing(self):
        with self.hub() as hub:
            with self.socket(hub) as ws, hub.connect() as plain:
                ws.send(CONNECT + b"\x82\6\0\1\0\1s\1")
                self.assertEqual(ws.receive(9), CONNACK + b"\x90\3\0\1\1")
                plain.sendall(b"\x10\x0f\0\4MQTT\4\2\0\0\0\3pub")
                self.assertEqual(receive(plain, 4), CONNACK)
                count = 300
                for i in range(count):  # QoS 1, 4 KiB each: more than sockets hold
                    body = b"\0\1s" + struct.pack(">H", i + 1) + struct.pack(">I", i) * 1024
                    plain.sendall(b"\x32" + bytes([len(body) & 127 | 128, len(body) >> 7]) + body)
                data = b""
                for i in range(count):
                    while len(data) < 4104:
                        data += ws.frame()[1]
                    self.assertEqual(data[8:4104], struct.pack(">I", i) * 1024, i)
                    ws.send(b"\x40\2" + data[6:8])
                    data = data[4104:]


class OwnListener(Broker, unittest.TestCase):
    def hub(self):
        return Hub(listeners("listen: '127.0.0.1:0', protocol: websocket"))

    def port(self, hub):
        return port_of(hub, 0)

    def ca(self):
        return None

    def socket(self, hub, **headers):
        return Socket(self.port(hub), **headers)

    def test_path_and_origins(self):
        with Hub(listeners("listen: '127.0.0.1:0', protocol: websocket, ws_path: /broker, "
                           "ws_origins: 'https://panel.example'")) as hub:
            port = port_of(hub, 0)
            for path, origin, status in (("/broker", None, 101), ("/mqtt", None, 404),
                                         ("/broker", "https://panel.example", 101),
                                         ("/broker", "http://panel.example", 403),
                                         ("/broker", f"http://127.0.0.1:{port}", 403)):
                with Socket(port, path=path, Origin=origin) as ws:
                    self.assertEqual(ws.status, status, (path, origin))

    def test_frame_limit(self):
        with Hub("mqtt: {ws_frame_max_bytes: 1024, listeners: [{listen: '127.0.0.1:0', "
                 "protocol: websocket}]}\n") as hub:
            with Socket(port_of(hub, 0)) as ws:
                ws.send(bytes(1025))
                self.assertEqual(ws.frame(), (0x88, b"\x03\xf1"))


class OverTls(OwnListener):
    def hub(self):
        return Hub(listeners(f"listen: '127.0.0.1:0', protocol: websocket, {certs.server()}"))

    def ca(self):
        return certs.path("ca.pem")

    def socket(self, hub, **headers):
        return Socket(self.port(hub), context=certs.context(), **headers)


class PortalPort(Broker, unittest.TestCase):
    def hub(self):
        return Hub()

    def port(self, hub):
        return int(hub.http.rsplit(":", 1)[1])

    def ca(self):
        return None

    def socket(self, hub, **headers):
        return Socket(self.port(hub), context=None, **headers)

    def test_a_plain_request_is_no_socket(self):
        with self.hub() as hub:
            r = subprocess.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}",
                                hub.url("/mqtt")], capture_output=True, text=True, timeout=30)
            self.assertEqual(r.stdout, "404")

    def test_peer_and_will(self):
        with self.hub() as hub, Listening(hub, "will") as watch:
            with self.socket(hub) as ws:
                ws.send(b"\x10\x1a\0\4MQTT\4\6\0\0\0\3web\0\4will\0\3bye")
                self.assertEqual(ws.receive(4), CONNACK)
                peers = {c["id"]: c["peer"]
                         for c in hub.get_json("/api/mqtt/clients")["clients"]}
                self.assertEqual(peers["web"].rsplit(":", 1)[1], str(ws.s.getsockname()[1]))
            watch.expect(self, "bye")

    def test_over_https(self):
        with Hub(f"http: {{tls_listen: '127.0.0.1:0', {certs.server()}}}\n") as hub:
            port = int(hub.ready["https"].rsplit(":", 1)[1])
            with WsClient(port, "wss", ca=certs.path("ca.pem")) as ws:
                ws.subscribe(("w", 1))
                ws.paho.publish("w", "round", 1)
                self.assertEqual(ws.get().payload, b"round")

    def test_the_portal_goes_on_beside_it(self):
        with self.hub() as hub:
            sockets = [self.socket(hub) for _ in range(10)]
            for i, ws in enumerate(sockets):
                ws.send(b"\x10\x0f\0\4MQTT\4\2\0\0\0\3%03d" % i)
                self.assertEqual(ws.receive(4), CONNACK)
            self.assertEqual(hub.get_json("/api/mqtt")["counters"]["clients"], 10)
            for ws in sockets:
                ws.close()
            hub.wait_until(lambda: hub.get_json("/api/mqtt")["counters"]["clients"] == 0, "the end")

    def test_stop_with_open_sockets(self):
        with self.hub() as hub:
            with self.socket(hub) as ws:
                ws.send(CONNECT)
                self.assertEqual(ws.receive(4), CONNACK)
                self.assertEqual(hub.stop(), 0)


class Proxy(unittest.TestCase):
    FROM_FAR = "anonymous: always, "  # whom the proxy speaks for does not come from this machine

    def header(self, address, port):
        body = socket.inet_aton(address) + b"\x7f\0\0\1" + struct.pack(">HH", port, 1883)
        return PROXY + b"\x21\x11" + struct.pack(">H", len(body)) + body

    def test_the_peer_is_who_the_proxy_says(self):
        with Hub(listeners("listen: '127.0.0.1:0', proxy_protocol: required", more=self.FROM_FAR)) as hub:
            with socket.create_connection(("127.0.0.1", port_of(hub, 0)), PATIENCE_S) as s:
                s.sendall(self.header("203.0.113.9", 4711) + CONNECT)
                self.assertEqual(receive(s, 4), CONNACK)
                clients = hub.get_json("/api/mqtt/clients")["clients"]
                self.assertEqual([c["peer"] for c in clients], ["203.0.113.9:4711"])

    def test_without_it_nobody_gets_in(self):
        with Hub(listeners("listen: '127.0.0.1:0', proxy_protocol: required")) as hub:
            for first in (CONNECT, b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" + CONNECT,
                          PROXY + b"\x21\x11\0\0" + CONNECT):
                with socket.create_connection(("127.0.0.1", port_of(hub, 0)), PATIENCE_S) as s:
                    s.settimeout(PATIENCE_S)
                    s.sendall(first)
                    with contextlib.suppress(ConnectionResetError):
                        self.assertEqual(receive(s, 1), b"")
            hub.wait_line("refused 127.0.0.1:.* did not begin with a PROXY header")

    def test_before_tls_and_websocket(self):
        text = f"listen: '127.0.0.1:0', proxy_protocol: required, {certs.server()}"
        with Hub(listeners(text, text + ", protocol: websocket", more=self.FROM_FAR)) as hub:
            with socket.create_connection(("127.0.0.1", port_of(hub, 0)), PATIENCE_S) as s:
                s.settimeout(PATIENCE_S)
                s.sendall(self.header("203.0.113.9", 4711))
                with certs.context().wrap_socket(s, server_hostname="localhost") as tls:
                    tls.sendall(CONNECT)
                    self.assertEqual(receive(tls, 4), CONNACK)


    def test_who_is_of_this_machine(self):
        """anonymous: loopback is for who is here, not for who a proxy here speaks for."""
        with Hub(listeners("listen: '127.0.0.1:0', proxy_protocol: required",
                           more="anonymous: loopback, ")) as hub:
            for name, header, code in (("far", self.header("203.0.113.9", 4711), 5),
                                       ("here", self.header("127.0.0.1", 4711), 0),
                                       ("it does not say", PROXY + b"\x21\0\0\0", 5),
                                       ("itself", PROXY + b"\x20\0\0\0", 0)):
                with socket.create_connection(("127.0.0.1", port_of(hub, 0)), PATIENCE_S) as s:
                    s.settimeout(PATIENCE_S)
                    s.sendall(header + CONNECT)
                    self.assertEqual(receive(s, 4), b"\x20\2\0" + bytes([code]), name)

    def test_a_proxy_elsewhere_vouches_for_nobody_here(self):
        address = own_address()
        if not address:
            self.skipTest("this machine has no address but its loopback's")
        with Hub(PASSWORD + listeners("listen: '0.0.0.0:0', proxy_protocol: required",
                                      more="anonymous: loopback, ")) as hub:
            for proxy, code in (("127.0.0.1", 0), (address, 5)):
                with socket.create_connection((proxy, port_of(hub, 0)), PATIENCE_S) as s:
                    s.settimeout(PATIENCE_S)
                    s.sendall(self.header("127.0.0.1", 4711) + CONNECT)
                    self.assertEqual(receive(s, 4), b"\x20\2\0" + bytes([code]), proxy)


class Pages(unittest.TestCase):
    """A page of a stranger whose name was pointed at this machine comes from this machine."""

    def test_a_name_that_is_not_ours(self):
        for anonymous, status in (("auto", 101), ("never", 101), ("loopback", 403), ("always", 403)):
            with Hub(PASSWORD + listeners("listen: '127.0.0.1:0', protocol: websocket",
                                          more=f"anonymous: {anonymous}, ")) as hub:
                for port in (port_of(hub, 0), int(hub.http.rsplit(":", 1)[1])):
                    for host, want in (("evil.example", status), ("127.0.0.1", 101)):
                        host = f"{host}:{port}"
                        with Socket(port, Host=host, Origin=f"http://{host}") as ws:
                            self.assertEqual(ws.status, want, (anonymous, host))

    def test_after_a_reload(self):
        config = PASSWORD + listeners("listen: '127.0.0.1:0', protocol: websocket")
        with Hub(config) as hub:
            for more, status in (("anonymous: loopback, ", 403), ("", 101)):
                hub.write_config(config.replace("mqtt: {", "mqtt: {" + more))
                at = len(hub.lines)
                hub.process.send_signal(signal.SIGHUP)
                hub.wait_line("read again", after=at)
                for port in (port_of(hub, 0), int(hub.http.rsplit(":", 1)[1])):
                    host = f"evil.example:{port}"
                    with Socket(port, Host=host, Origin=f"http://{host}") as ws:
                        self.assertEqual(ws.status, status, (more, host))


class Together(unittest.TestCase):
    def test_one_broker_behind_all(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "hub.sock")
            config = listeners(f"listen: 'unix:{path}'", f"listen: '127.0.0.1:0', {certs.server()}",
                               "listen: '127.0.0.1:0', protocol: websocket")
            with Hub(config) as hub, \
                    WsClient(port_of(hub, 2), "by-ws") as ws, \
                    WsClient(int(hub.http.rsplit(":", 1)[1]), "by-portal") as portal, \
                    Listening(hub, "all/#") as watch:
                ws.subscribe(("all/#", 1))
                portal.subscribe(("all/#", 1))
                count = 20
                for i in range(count):
                    self.assertEqual(publish("--unix", path, "-t", "all/u", "-m", f"u{i}"), 0)
                for i in range(count):
                    portal.paho.publish("all/p", f"p{i}", 1)
                self.assertEqual(publish("-p", str(port_of(hub, 1)), "-t", "all/t", "-m", "last",
                                         *certs.options(), host="localhost"), 0)
                want = {f"u{i}" for i in range(count)} | {f"p{i}" for i in range(count)} | {"last"}
                for who in (ws, portal, watch.client):
                    got = [who.get().payload.decode() for _ in range(2 * count + 1)]
                    self.assertEqual(set(got), want)

    def test_a_restart_in_place_keeps_the_ports(self):
        with Hub(listeners(f"listen: '127.0.0.1:0', {certs.server()}",
                           "listen: '127.0.0.1:0', protocol: websocket")) as hub:
            before = hub.ready["mqtt_listeners"]
            after = len(hub.lines)
            self.assertEqual(hub.send_json("POST", "/api/reboot", None)[0], 200)
            line = hub.wait_line(r"^\{", after=after)
            self.assertEqual(json.loads(line)["mqtt_listeners"], before)

    def test_no_plain_listener(self):
        with Hub("mqtt: {listen: '', listeners: [{listen: '127.0.0.1:0', protocol: websocket}]}\n",
                 args=["--http", "127.0.0.1:0"], addresses=False) as hub:
            self.assertIsNone(hub.ready["mqtt"])
            port = int(hub.ready["mqtt_listeners"][0]["listen"].rsplit(":", 1)[1])
            with WsClient(port, "only") as ws:
                self.assertEqual(ws.connected, (0, 0))


if __name__ == "__main__":
    unittest.main()
