"""Who may use the broker and for what: users, rules, files of Mosquitto, reload, SCRAM, and the verbs."""
import base64
import contextlib
import hashlib
import hmac
import json
import os
import queue
import re
import signal
import socket
import subprocess
import tempfile
import time
import unittest

import paho.mqtt.client as paho

from hub import PATIENCE_S, Hub, run


def password_line(*args, password="correct horse"):
    code, out, err = run("passwd", *args, stdin=password + "\n")
    assert code == 0, err
    return out


class Client:
    """paho of either version, with what it was told in queues."""

    def __init__(self, hub, client_id, user=None, password="correct horse", version=4, will=None):
        self.told, self.messages, self.version = queue.Queue(), queue.Queue(), version
        protocol = paho.MQTTv5 if version == 5 else paho.MQTTv311
        kind = {} if version == 5 else {"clean_session": True}
        self.paho = paho.Client(client_id, protocol=protocol, reconnect_on_failure=False, **kind)
        self.paho.on_connect = lambda c, u, flags, rc, *p: self.told.put(("connack", self.code(rc)))
        self.paho.on_message = lambda c, u, m: self.messages.put((m.topic, m.payload.decode()))
        self.paho.on_subscribe = lambda c, u, mid, codes, *p: self.told.put(
            ("suback", [self.code(code) for code in codes]))
        self.paho.on_disconnect = lambda c, u, rc, *p: self.told.put(("gone", self.code(rc)))
        if user is not None:
            self.paho.username_pw_set(user, password)
        if will:
            self.paho.will_set(will)
        self.paho.connect("127.0.0.1", hub.mqtt_port, 60)
        self.paho.loop_start()
        self.connack = self.hear("connack")

    @staticmethod
    def code(rc):
        return getattr(rc, "value", rc)

    def hear(self, kind):
        while True:
            what, value = self.told.get(timeout=PATIENCE_S)
            if what == kind:
                return value

    def subscribe(self, *filters):
        self.paho.subscribe([(f, 1) for f in filters] if self.version == 4 else
                            [(f, paho.SubscribeOptions(qos=1)) for f in filters])
        return self.hear("suback")

    def publish(self, topic, payload="m", qos=1):
        """Whether it was acknowledged in time; its reason is what the counters tell."""
        info = self.paho.publish(topic, payload, qos)
        info.wait_for_publish(PATIENCE_S)
        return info.is_published()

    def next_message(self):
        return self.messages.get(timeout=PATIENCE_S)

    def close(self):
        self.paho.disconnect()
        self.paho.loop_stop()


CONFIG = """
mqtt:
  users:
{ann}{bob}{boss}
  acl:
    - {{user: ann, allow: both, filter: a/#}}
    - {{user: ann, deny: publish, filter: a/ro}}
    - {{user: bob, allow: subscribe, filter: a/#}}
    - {{user: boss, allow: both, filter: "#"}}
    - {{allow: both, filter: own/%u/%c/#}}
"""


def config_of(*names, text=CONFIG):
    lines = {name: password_line("--mosquitto", name) for name in names}
    return text.format(**{name: lines.get(name, "") for name in ("ann", "bob", "boss")})


class Users(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.config = config_of("ann", "bob", "boss")

    def test_signing_in(self):
        with Hub(self.config) as hub:
            for user, password, version, code in (("ann", "correct horse", 4, 0),
                                                  ("ann", "correct horse", 5, 0),
                                                  ("ann", "wrong horse", 4, 4),
                                                  ("eve", "correct horse", 5, 0x86),
                                                  (None, None, 4, 5), (None, None, 5, 0x87)):
                c = Client(hub, "c", user, password, version)
                self.assertEqual(c.connack, code, (user, password, version))
                c.close()

    def test_refusals_are_told(self):
        """From where, as whom and why; never the password, and no line is forged."""
        def told(hub, pattern):
            return [line["text"] for line in hub.get_json("/api/log")["lines"]
                    if re.search(pattern, line["text"])]
        with Hub(self.config) as hub:
            peer = r"^refused 127\.0\.0\.1:\d+"
            for client_id, user, password, pattern in (
                    ("c1", "ann", "wrong horse", ', client "c1", user "ann": wrong password$'),
                    ("c2", "eve", "wrong horse", ', client "c2", user "eve": unknown user$'),
                    ("c3", None, None, ', client "c3": no user name$'),
                    ("c4", "e\nnuthatch: x", "wrong horse", r', client "c4", user "e\?nuthatch: x": unknown')):
                Client(hub, client_id, user, password).close()
                hub.wait_until(lambda: told(hub, peer + pattern), pattern)
            time.sleep(1.1)  # the second with four lines is over
            with hub.connect() as s:
                s.sendall(b"GET / HTTP/1.1\r\n\r\n")
                self.assertEqual(s.recv(1), b"")
            with hub.connect() as s:
                s.sendall(b"\xc0\x00")  # a PINGREQ
                self.assertEqual(s.recv(1), b"")
            hub.wait_until(lambda: told(hub, r"^hung up on 127\.0\.0\.1:\d+: malformed packet$"), "HTTP")
            hub.wait_until(lambda: told(hub, r"^hung up on .*: its first packet is no CONNECT$"), "ping")
            for _ in range(50):
                with hub.connect() as s:
                    s.sendall(b"\xc0\x00")
                    self.assertEqual(s.recv(1), b"")
            hub.wait_until(lambda: told(hub, r"^\d+ more clients refused or at fault"), "the rest")
            lines = told(hub, "^hung up on|more clients")
            self.assertLess(len(lines), 30)
            counted = sum(int(line.split()[0]) for line in lines if "more clients" in line)
            hub.wait_until(lambda: sum(int(t.split()[0]) for t in told(hub, "^[0-9]+ more clients")) +
                           len(told(hub, "^hung up on")) == 52, "all of them")
            self.assertGreater(counted, 0)
            self.assertEqual(told(hub, "horse"), [])

    def test_rights(self):
        with Hub(self.config) as hub:
            boss = Client(hub, "boss", "boss")
            self.assertEqual(boss.subscribe("#"), [1])
            for version, refused in ((4, 0x80), (5, 0x87)):
                ann = Client(hub, "c1", "ann", version=version)
                self.assertEqual(ann.subscribe("a/#", "b/#", "#", "own/ann/c1/+", "own/ann/c2/+"),
                                 [1, refused, refused, 1, refused])
                # What is refused is acknowledged, and nobody hears of it.
                for topic in ("a/ro", "b/x", "own/bob/c1/x"):
                    self.assertTrue(ann.publish(topic, "no"))
                self.assertTrue(ann.publish("a/x", "yes"))
                self.assertTrue(ann.publish("own/ann/c1/x", "mine"))
                self.assertEqual(boss.next_message(), ("a/x", "yes"))
                self.assertEqual(boss.next_message(), ("own/ann/c1/x", "mine"))
                ann.close()
            bob = Client(hub, "c2", "bob")
            bob.subscribe("a/#")
            bob.publish("a/x", "bob may not")
            boss.publish("a/x", "boss may")
            self.assertEqual(bob.next_message(), ("a/x", "boss may"))
            bob.close()
            boss.close()

    def test_a_will_is_checked(self):
        with Hub(self.config) as hub:
            for topic, code in (("b/will", 5), ("a/will", 0)):
                c = Client(hub, "c1", "ann", will=topic)
                self.assertEqual(c.connack, code, topic)
                c.close()

    def test_limits_of_a_user(self):
        config = config_of("ann", "boss").replace('name: "ann"', 'name: "ann", conn_max_count: 2, '
                                                  'subscription_max_count: 1, client_id_prefix: c')
        with Hub(config) as hub:
            first, second = Client(hub, "c1", "ann"), Client(hub, "c2", "ann")
            self.assertEqual(Client(hub, "c3", "ann", version=5).connack, 0x97)
            self.assertEqual(Client(hub, "x1", "ann", version=5).connack, 0x85)
            self.assertEqual(first.subscribe("a/1"), [1])
            self.assertEqual(first.subscribe("a/2"), [0x80])
            first.close()
            second.close()

    def test_anonymous(self):
        for anonymous, code in (("auto", 5), ("loopback", 0), ("never", 5), ("always", 0)):
            config = self.config.replace("mqtt:", f"mqtt:\n  anonymous: {anonymous}", 1)
            with Hub(config) as hub:
                c = Client(hub, "c1")
                self.assertEqual(c.connack, code, anonymous)
                if code == 0:
                    self.assertEqual(c.subscribe("a/#"), [0x80])
                c.close()
        with Hub("mqtt: {anonymous: never}") as hub:
            self.assertEqual(Client(hub, "c1").connack, 5)

    def test_many_at_once(self):
        config = self.config.replace("mqtt:", "mqtt:\n  login_queue_max: 200", 1)
        with Hub(config) as hub:
            clients = [Client(hub, f"c{i}", "ann") for i in range(20)]
            self.assertEqual([c.connack for c in clients], [0] * 20)
            for c in clients:
                c.close()


class Reload(unittest.TestCase):
    def reload(self, hub, config, line):
        hub.write_config(config)
        at = len(hub.lines)
        hub.process.send_signal(signal.SIGHUP)
        hub.wait_line(line, after=at)

    def test_users_and_rules(self):
        first = config_of("ann", "bob", "boss")
        with Hub(first) as hub:
            ann, bob = Client(hub, "c1", "ann"), Client(hub, "c2", "bob", version=5)
            self.assertEqual(ann.subscribe("a/#"), [1])
            # Bob is gone, ann may less, and both were online.
            second = first.replace("{user: ann, allow: both, filter: a/#}",
                                   "{user: ann, allow: both, filter: a/x}")
            second = "".join(line for line in second.splitlines(True) if '"bob"' not in line)
            self.reload(hub, second, "read again")
            self.assertEqual(bob.hear("gone"), 0x87)
            self.assertEqual(Client(hub, "c3", "bob", version=5).connack, 0x86)
            boss = Client(hub, "boss", "boss")
            boss.publish("a/y", "not any more")
            boss.publish("a/x", "still")
            self.assertEqual(ann.next_message(), ("a/x", "still"))
            # A broken file changes nothing.
            self.reload(hub, second + "    - {user: ann, filter: a}\n", "not taken")
            self.assertTrue(ann.publish("a/x", "self"))
            self.assertEqual(ann.next_message(), ("a/x", "self"))
            # Another password closes who signed in with the old one, and lets the new one in.
            third = second.replace(second.split("password_hash: \"")[1].split("\"")[0],
                                   password_line("--mosquitto", "ann", password="another horse")
                                   .split("password_hash: \"")[1].split("\"")[0])
            self.reload(hub, third, "read again")
            ann.hear("gone")
            ann.close()
            self.assertEqual(Client(hub, "c1", "ann", "another horse").connack, 0)
            boss.close()

    def test_the_first_user(self):
        with Hub("") as hub:
            anonymous = Client(hub, "c1", version=5)
            self.assertEqual(anonymous.connack, 0)
            self.reload(hub, config_of("ann"), "read again")
            self.assertEqual(anonymous.hear("gone"), 0x87)
            self.assertEqual(Client(hub, "c2", "ann").connack, 0)


    def test_anonymous_from_fewer_places(self):
        """Who came in without a user is judged anew when such clients may come from fewer places."""
        with Hub("mqtt: {anonymous: always}\n") as hub:
            anonymous = Client(hub, "c1", version=5)
            self.reload(hub, "mqtt: {anonymous: always, qos_max: 1}\n", "read again")
            self.assertTrue(anonymous.publish("a"))
            self.reload(hub, "mqtt: {anonymous: loopback}\n", "read again")
            self.assertEqual(anonymous.hear("gone"), 0x87)
            again = Client(hub, "c1", version=5)
            self.assertEqual(again.connack, 0)
            self.reload(hub, "mqtt: {anonymous: always}\n", "read again")
            self.assertTrue(again.publish("a"))
            again.close()
            self.assertEqual(again.hear("gone"), 0)


class MosquittoFiles(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="nuthatch-test-")
        self.addCleanup(subprocess.run, ["rm", "-rf", self.folder])
        self.passwords, self.acl = (os.path.join(self.folder, n) for n in ("passwords", "acl"))
        open(self.passwords, "w").close()
        for user in ("ann", "bob"):
            subprocess.run(["mosquitto_passwd", "-b", self.passwords, user, user], check=True)
        with open(self.acl, "w") as f:
            f.write("topic read news/#\nuser ann\ntopic a/#\ntopic deny a/no\npattern write in/%u/%c\n")
        self.config = f"mqtt: {{password_file: {self.passwords}, acl_file: {self.acl}, anonymous: always}}\n"

    def test_they_mean_the_same(self):
        with Hub(self.config) as hub:
            ann = Client(hub, "c1", "ann", "ann")
            self.assertEqual(ann.connack, 0)
            self.assertEqual(Client(hub, "c9", "ann", "bob").connack, 4)
            self.assertEqual(ann.subscribe("a/x", "a/#", "news/1"), [1, 0x80, 0x80])
            ann.publish("a/no", "no")
            ann.publish("a/x", "yes")
            self.assertEqual(ann.next_message(), ("a/x", "yes"))
            anonymous = Client(hub, "c2")
            self.assertEqual(anonymous.subscribe("news/#", "a/x"), [1, 0x80])
            ann.close()
            anonymous.close()

    def test_any_filter(self):
        with Hub(self.config.replace("anonymous: always", "acl_subscribe: any")) as hub:
            ann = Client(hub, "c1", "ann", "ann")
            self.assertEqual(ann.subscribe("#"), [1])
            ann.publish("in/ann/c1", "written, not read")
            ann.publish("a/x", "read")
            self.assertEqual(ann.next_message(), ("a/x", "read"))
            ann.close()

    def test_faults_have_a_place(self):
        with open(self.acl, "a") as f:
            f.write("nobody\n")
        config = os.path.join(self.folder, "hub.yaml")
        with open(config, "w") as f:
            f.write(self.config)
        code, _, err = run("check", config)
        self.assertEqual((code, err), (1, f"{self.acl}:6: a line begins with topic, user, pattern or #\n"))
        code, out, _ = run("check", "--json", config)
        self.assertEqual(json.loads(out)["findings"][0]["file"], self.acl)
        code, _, err = run("run", "--config", config, "--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0",
                           "--data", os.path.join(self.folder, "data"))
        self.assertEqual(code, 1)
        self.assertIn(f"{self.acl}:6: ", err)

    def test_mosquitto_reads_what_passwd_writes(self):
        made = os.path.join(self.folder, "made")
        password_line("--file", made, "carl")
        self.assertEqual(os.stat(made).st_mode & 0o777, 0o600)
        password_line("--file", made, "dora", password="another horse")
        password_line("--file", made, "carl", password="changed horse")
        with open(made) as f:
            text = f.read()
        self.assertEqual([line.split(":")[0] for line in text.splitlines()], ["carl", "dora"])
        config = self.config.replace(self.passwords, made)
        with Hub(config) as hub:
            self.assertEqual(Client(hub, "c1", "carl", "changed horse").connack, 0)
            self.assertEqual(Client(hub, "c1", "carl", "correct horse").connack, 4)
        with mosquitto(f"password_file {made}\nallow_anonymous false\n", self.folder) as port:
            for password, is_in in (("changed horse", True), ("correct horse", False)):
                r = subprocess.run(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(port), "-t", "t", "-m",
                                    "m", "-u", "carl", "-P", password], capture_output=True,
                                   timeout=PATIENCE_S)
                self.assertEqual(r.returncode == 0, is_in, r.stderr)
        self.assertEqual(run("passwd", "--delete", "--file", made, "carl")[0], 0)
        code, _, err = run("passwd", "--delete", "--file", made, "carl")
        self.assertEqual(code, 1)
        self.assertIn("no such user", err)


@contextlib.contextmanager
def mosquitto(config, folder):
    """Debian's mosquitto with that configuration; gives its port."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    path = os.path.join(folder, "mosquitto.conf")
    with open(path, "w") as f:
        f.write(f"user {'root' if os.geteuid() == 0 else 'nobody'}\nlistener {port} 127.0.0.1\n{config}")
    process = subprocess.Popen(["mosquitto", "-c", path], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.02)
        yield port
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


# ---- SCRAM: a client of 5.0 by hand --------------------------------------------------------------


def text(b):
    return len(b).to_bytes(2, "big") + b


def packet(first, body):
    length, out = len(body), bytes([first])
    while True:
        out += bytes([length & 127 | (128 if length > 127 else 0)])
        length >>= 7
        if not length:
            return out + body


def properties(method, data):
    p = b"\x15" + text(method) + b"\x16" + text(data)
    assert len(p) < 16384
    return (bytes([len(p)]) if len(p) < 128 else bytes([len(p) & 127 | 128, len(p) >> 7])) + p


class Scram:
    """Signs in by SCRAM-SHA-256; `result` is the reason code of the CONNACK or DISCONNECT."""

    def __init__(self, hub, user, password, method=b"SCRAM-SHA-256"):
        self.user, self.password, self.method = user, password, method
        self.socket = hub.connect()
        self.nonce = base64.b64encode(os.urandom(12))
        body = text(b"MQTT") + b"\x05\x02\x00\x3c" + properties(method, self.first()) + text(b"scram")
        self.socket.sendall(packet(0x10, body))
        self.result = self.exchange()

    def first(self):
        self.bare = b"n=" + self.user.encode() + b",r=" + self.nonce
        return b"n,," + self.bare

    def take(self, n):
        out = b""
        while len(out) < n:
            got = self.socket.recv(n - len(out))
            if not got:
                raise ConnectionError
            out += got
        return out

    def read(self):
        first, length, shift = self.take(1)[0], 0, 0
        while True:
            byte = self.take(1)[0]
            length |= (byte & 127) << shift
            shift += 7
            if not byte & 128:
                return first, self.take(length)

    def data_of(self, body):
        at = body.index(b"\x16", body.index(b"\x15" + text(self.method)) + 3 + len(self.method))
        return body[at + 3:at + 3 + int.from_bytes(body[at + 1:at + 3], "big")]

    def final(self, challenge):
        fields = dict(part.split(b"=", 1) for part in challenge.split(b","))
        assert fields[b"r"].startswith(self.nonce)
        salted = hashlib.pbkdf2_hmac("sha256", self.password.encode(), base64.b64decode(fields[b"s"]),
                                     int(fields[b"i"]))
        mac = lambda key, value: hmac.new(key, value, "sha256").digest()
        without = b"c=biws,r=" + fields[b"r"]
        said = self.bare + b"," + challenge + b"," + without
        key = mac(salted, b"Client Key")
        proof = bytes(a ^ b for a, b in zip(key, mac(hashlib.sha256(key).digest(), said)))
        self.expected = b"v=" + base64.b64encode(mac(mac(salted, b"Server Key"), said))
        return without + b",p=" + base64.b64encode(proof)

    def exchange(self):
        first, body = self.read()
        if first == 0xF0 and body[0] == 0x18:
            self.socket.sendall(packet(0xF0, b"\x18" + properties(self.method,
                                                                  self.final(self.data_of(body)))))
            first, body = self.read()
        code = body[1] if first == 0x20 else body[0] if body else 0
        if code == 0:
            assert self.data_of(body) == self.expected
        else:
            self.socket.close()
        return code

    def again(self):
        self.socket.sendall(packet(0xF0, b"\x19" + properties(self.method, self.first())))
        return self.exchange()


class ScramSignIn(unittest.TestCase):
    def test_scram(self):
        line = password_line("--scram", "ann")
        self.assertIn("SCRAM-SHA-256$4096:", line)
        with Hub("mqtt:\n  users:\n" + line + password_line("--mosquitto", "bob")) as hub:
            ann = Scram(hub, "ann", "correct horse")
            self.assertEqual(ann.result, 0)
            self.assertEqual(ann.again(), 0)
            ann.password = "wrong horse"
            self.assertEqual(ann.again(), 0x87)
            self.assertEqual(Client(hub, "plain", "ann").connack, 0)  # in clear, the same password
            for user, password in (("ann", "wrong horse"), ("eve", "correct horse"),
                                   ("bob", "correct horse")):
                self.assertEqual(Scram(hub, user, password).result, 0x87, user)
            self.assertEqual(Scram(hub, "ann", "correct horse", b"SCRAM-SHA-1").result, 0x8C)


# ---- the verbs -----------------------------------------------------------------------------------


class Verbs(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="nuthatch-test-")
        self.addCleanup(subprocess.run, ["rm", "-rf", self.folder])

    def file(self, name, text_):
        path = os.path.join(self.folder, name)
        with open(path, "w") as f:
            f.write(text_)
        return path

    def test_acl_check(self):
        config = self.file("hub.yaml", config_of("ann", "bob", "boss"))
        for args, code, said in (
                (("ann", "publish", "a/x"), 0, "allowed: "),
                (("ann", "publish", "a/ro"), 1, "deny: publish"),
                (("ann", "subscribe", "a/#"), 0, "filter: a/#"),
                (("ann", "subscribe", "+/x"), 1, "no rule allows it, where a topic has 2 levels"),
                (("ann", "receive", "b/x"), 1, "no rule allows it"),
                (("--client-id", "c1", "ann", "publish", "own/ann/c1/x"), 0, "filter: own/%u/%c/#"),
                (("--client-id", "c/1", "ann", "publish", "a/x"), 1, "not let in"),
                (("eve", "publish", "a/x"), 1, "no such user"),
                (("-", "publish", "a/x"), 1, "no rule allows it"),
                (("--subscribe-any", "ann", "subscribe", "#"), 0, "any filter is granted")):
            got, out, err = run("acl", "check", "--config", config, *args)
            self.assertEqual((got, err), (code, ""), args)
            self.assertIn(said, out, args)
        got, out, _ = run("acl", "check", "--config", config, "--json", "ann", "publish", "a/ro")
        told = json.loads(out)
        self.assertFalse(told["allowed"])
        self.assertEqual(told["rule"]["deny"], "publish")
        self.assertEqual(told["rule"]["file"], config)

    def test_acl_check_of_a_file(self):
        acl = self.file("acl", "user ann\ntopic read a\ntopic read a/+/#\n")
        got, out, _ = run("acl", "check", "--acl-file", acl, "ann", "subscribe", "a/#")
        self.assertEqual((got, out), (0, "allowed: several rules cover it together\n"))
        for args in (("ann", "publish"), ("ann", "eat", "a"), ("ann", "publish", "a/+"),
                     ("ann", "subscribe", "a/#/b")):
            self.assertEqual(run("acl", "check", "--acl-file", acl, *args)[0], 2, args)
        self.assertEqual(run("acl", "check", "ann", "publish", "a")[0], 2)
        self.assertEqual(run("acl", "check", "--acl-file", "/no/such", "ann", "publish", "a")[0], 2)
        self.assertEqual(run("acl", "--help")[0], 0)

    def test_passwd(self):
        self.assertTrue(password_line().startswith('access: {user: admin, password_hash: "$argon2id$'))
        self.assertTrue(password_line('a"b').startswith('    - {name: "a\\"b", password_hash: "$argon2id$'))
        for args in (("--scram",), ("--file", "x"), ("--delete", "ann"), ("a", "b"), ("a:b",), ("*",),
                     ("",), ("--nonsense",)):
            self.assertEqual(run("passwd", *args, stdin="correct horse\n")[0], 2, args)
        for password in ("short", "x" * 257):
            self.assertEqual(run("passwd", "ann", stdin=password + "\n")[0], 1)
        self.assertEqual(run("passwd", "--file", "/no/such/folder/x", "ann", stdin="correct horse\n")[0], 1)

    def test_listening_wider_needs_users(self):
        users = "  users:\n" + password_line("--mosquitto", "ann")
        for config, code in (("mqtt: {listen: '0.0.0.0:1883'}\n", 1),
                             ("mqtt: {listen: '0.0.0.0:1883', anonymous: always}\n", 0),
                             ("mqtt:\n  listen: '0.0.0.0:1883'\n" + users, 0)):
            self.assertEqual(run("check", self.file("hub.yaml", config))[0], code, config)


if __name__ == "__main__":
    unittest.main()
