"""One mosquitto.conf for Mosquitto and for `nuthatch mqtt`: the same file, the same clients, the same answers."""
import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

import paho.mqtt.client as paho

from hub import NUTHATCH, PATIENCE_S, ROOT, Hub, run

KINDS = ("mosquitto", "nuthatch")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Broker:
    """A broker of either kind from a mosquitto.conf; {port}, {second} and {folder} are filled in."""

    def __init__(self, kind, conf, files=None):
        self.kind, self.process = kind, None
        self.folder = tempfile.mkdtemp(prefix="nuthatch-mosquitto-conf-")
        self.port, self.second = free_port(), free_port()
        for name, text in (files or {}).items():
            self.write(name, text)
        self.conf = self.write("mosquitto.conf", "user root\n" + self.fill(conf))
        self.ports = [self.port, self.second] if "{second}" in conf else [self.port]

    def fill(self, text):
        return text.replace("{port}", str(self.port)).replace("{second}", str(self.second)).replace(
            "{folder}", self.folder)

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(self.fill(text))
        return path

    def path(self, name):
        return os.path.join(self.folder, name)

    def start(self, *args):
        command = ["mosquitto", "-c", self.conf] if self.kind == "mosquitto" else [
            NUTHATCH, "mqtt", "--mosquitto-conf", self.conf, *args]
        self.errors = open(self.path("stderr.txt"), "ab")
        self.process = subprocess.Popen(command, stdout=self.errors, stderr=self.errors)
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end and self.process.poll() is None:
            with contextlib.suppress(OSError):
                for port in self.ports:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                return self
            time.sleep(0.02)
        self.errors.close()
        raise AssertionError(f"{self.kind} does not start:\n{self.stderr()}")

    def read(self, name):
        with open(self.path(name)) as f:
            return f.read()

    def stderr(self):
        return self.read("stderr.txt")

    def stop(self, sig=signal.SIGTERM):
        self.process.send_signal(sig)
        code = self.process.wait(PATIENCE_S)
        self.errors.close()
        return code

    def wait_for(self, condition, what):
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            if condition():
                return
            time.sleep(0.02)
        raise AssertionError(f"never: {what}\n{self.stderr()}")

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, value, trace):
        if self.process and self.process.poll() is None:
            self.stop()
        text = self.stderr()
        shutil.rmtree(self.folder, ignore_errors=True)
        if kind is None and ("still holds" in text or "Sanitizer" in text):
            raise AssertionError(text)

    # ---- clients -----------------------------------------------------------------------------------

    def pub(self, topic, payload, *args, port=None):
        """Whether it went well, and what was said."""
        r = subprocess.run(["mosquitto_pub", *self.where(port, args), "-t", topic, "-m", payload, "-q", "1",
                            *args], capture_output=True, text=True, timeout=PATIENCE_S)
        return r.returncode == 0, r.stderr

    def sub(self, topic, *args, port=None, wait=PATIENCE_S, count=1):
        """The payloads that come."""
        r = subprocess.run(["mosquitto_sub", *self.where(port, args), "-t", topic, "-q", "1", "-C", str(count),
                            "-W", str(wait), *args], capture_output=True, text=True, timeout=PATIENCE_S + 5)
        return r.stdout.split()

    def where(self, port, args):
        return [] if "--unix" in args else ["-h", "localhost" if "--cafile" in args else "127.0.0.1", "-p",
                                            str(port or self.port)]


def password_file(*users):
    """Lines of mosquitto_passwd."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "passwords")
        open(path, "w").close()
        os.chmod(path, 0o600)
        for name, password in users:
            subprocess.run(["mosquitto_passwd", "-b", path, name, password], check=True, capture_output=True)
        with open(path) as f:
            return f.read()


class SameFileTest(unittest.TestCase):
    """Every test runs with both: what Mosquitto does is what is asked of nuthatch."""

    def assert_refused(self, result):
        self.assertFalse(result[0])
        self.assertRegex(result[1].lower(), "not authori[sz]ed|refused")

    def test_anonymous(self):
        for conf, is_let_in in (("listener {port} 127.0.0.1\n", False),
                                ("listener {port}\nallow_anonymous false\n", False),
                                ("listener {port}\nallow_anonymous true\n", True),
                                ("port {port}\n", False),
                                ("port {port}\nbind_address localhost\nallow_anonymous true\n", True)):
            for kind in KINDS:
                with self.subTest(kind), Broker(kind, conf) as b:
                    if is_let_in:
                        self.assertTrue(b.pub("a", "1")[0], conf)
                    else:
                        self.assert_refused(b.pub("a", "1"))

    def test_password_file(self):
        files = {"passwords": password_file(("ann", "p1"), ("bob", "p:2"))}
        conf = "listener {port}\npassword_file {folder}/passwords\n"
        for kind in KINDS:
            with self.subTest(kind), Broker(kind, conf, files) as b:
                self.assertTrue(b.pub("a", "1", "-u", "ann", "-P", "p1")[0])
                self.assertTrue(b.pub("a", "1", "-u", "bob", "-P", "p:2")[0])
                self.assert_refused(b.pub("a", "1", "-u", "ann", "-P", "p2"))
                self.assert_refused(b.pub("a", "1", "-u", "eve", "-P", "p1"))
                self.assert_refused(b.pub("a", "1"))

    def test_acl_file(self):
        files = {"passwords": password_file(("ann", "p"), ("bob", "p")),
                 "acl": "topic read news/#\n\nuser ann\ntopic readwrite garden/#\ntopic deny garden/secret\n\n"
                        "user bob\ntopic read garden/#\n\npattern write own/%u/#\npattern read own/%u/#\n"}
        ann, bob = ("-u", "ann", "-P", "p"), ("-u", "bob", "-P", "p")
        conf = ("listener {port}\nallow_anonymous true\npassword_file {folder}/passwords\n"
                "acl_file {folder}/acl\n")
        for kind in KINDS:
            with self.subTest(kind), Broker(kind, conf, files) as b:
                b.pub("garden/a", "ann", "-r", *ann)
                b.pub("garden/b", "bob", "-r", *bob)      # may not
                b.pub("garden/secret", "ann", "-r", *ann)  # may not
                b.pub("own/bob/x", "bob", "-r", *bob)
                b.pub("own/ann/x", "bob", "-r", *bob)     # may not
                b.pub("news/x", "nobody", "-r")           # may not
                b.pub("garden/end", "end", "-r", *ann)
                # The wide filter is granted, and gives what may be read.
                self.assertEqual(sorted(b.sub("#", *bob, wait=2, count=9)), ["ann", "bob", "end"])
                self.assertEqual(sorted(b.sub("#", *ann, wait=2, count=9)), ["ann", "end"])
                self.assertEqual(b.sub("garden/#", wait=1), [])

    def test_two_listeners(self):
        conf = "allow_anonymous true\nlistener {port} 127.0.0.1\nlistener {second}\n"
        for kind in KINDS:
            with self.subTest(kind), Broker(kind, conf) as b:
                self.assertTrue(b.pub("a", "one", "-r", port=b.second)[0])
                self.assertEqual(b.sub("a", port=b.port), ["one"])

    def test_unix_socket(self):
        conf = "allow_anonymous true\nlistener {port} 127.0.0.1\nlistener 0 {folder}/sock\n"
        for kind in KINDS:
            with self.subTest(kind), Broker(kind, conf) as b:
                ok, said = b.pub("a", "one", "-r", "--unix", b.path("sock"))
                self.assertTrue(ok, said)
                self.assertEqual(b.sub("a"), ["one"])

    def test_websockets(self):
        conf = ("allow_anonymous true\nlistener {port} 127.0.0.1\nlistener {second} 127.0.0.1\n"
                "protocol websockets\n")
        for kind in KINDS:
            with self.subTest(kind), Broker(kind, conf) as b:
                self.assertTrue(b.pub("a", "one", "-r")[0])
                got = []
                client = paho.Client("ws", transport="websockets")
                client.on_connect = lambda c, *rest: c.subscribe("a")
                client.on_message = lambda c, u, m: got.append(m.payload)
                client.connect("127.0.0.1", b.second)
                client.loop_start()
                b.wait_for(lambda: got == [b"one"], "a message over WebSocket")
                client.disconnect()
                client.loop_stop()

    def test_include_dir(self):
        files = {"d/B.conf": "max_keepalive 20\n", "d/a.conf": "allow_anonymous true\n",
                 "d/not": "nonsense\n"}
        conf = "listener {port} 127.0.0.1\ninclude_dir {folder}/d\n"
        for kind in KINDS:
            with self.subTest(kind), Broker(kind, conf, files) as b:
                self.assertTrue(b.pub("a", "1")[0])

    def test_limits(self):
        conf = ("listener {port} 127.0.0.1\nallow_anonymous true\nmax_packet_size 2000\nmax_qos 1\n"
                "retain_available false\nmax_keepalive 60\nmax_topic_alias 3\n")
        for kind in KINDS:
            with self.subTest(kind), Broker(kind, conf) as b:
                told = []
                client = paho.Client("c", protocol=paho.MQTTv5)
                client.on_connect = lambda c, u, flags, rc, properties: told.append(properties)
                client.connect("127.0.0.1", b.port, keepalive=600)
                client.loop_start()
                b.wait_for(lambda: told, "CONNACK")
                client.disconnect()
                client.loop_stop()
                self.assertEqual(told[0].MaximumPacketSize, 2000)
                self.assertEqual(told[0].MaximumQoS, 1)
                self.assertEqual(told[0].RetainAvailable, 0)
                self.assertEqual(told[0].ServerKeepAlive, 60)
                self.assertEqual(told[0].TopicAliasMaximum, 3)
                self.assertFalse(b.pub("a", "x" * 2000)[0])

    def test_persistence(self):
        conf = ("listener {port} 127.0.0.1\nallow_anonymous true\npersistence true\n"
                "persistence_location {folder}/\n")
        for kind in KINDS:
            with self.subTest(kind), Broker(kind, conf) as b:
                self.check_kept(b, signal.SIGTERM)

    def check_kept(self, b, sig):
        b.pub("kept", "retained", "-r")
        b.sub("queue", "-i", "away", "-c", wait=1)
        b.pub("queue", "waiting")
        b.stop(sig)
        b.start()
        self.assertEqual(b.sub("kept"), ["retained"])
        self.assertEqual(b.sub("queue", "-i", "away", "-c"), ["waiting"])

    def test_no_persistence(self):
        conf = "listener {port} 127.0.0.1\nallow_anonymous true\n"
        for kind in KINDS:
            with self.subTest(kind), Broker(kind, conf) as b:
                b.pub("kept", "retained", "-r")
                b.stop()
                b.start()
                self.assertEqual(b.sub("kept", wait=1), [])
                self.assertEqual(sorted(os.listdir(b.folder)), ["mosquitto.conf", "stderr.txt"])

    def test_reload_of_passwords(self):
        files = {"passwords": password_file(("ann", "old"))}
        fresh = password_file(("ann", "new"), ("bob", "p"))
        conf = "listener {port}\npassword_file {folder}/passwords\n"
        for kind in KINDS:
            with self.subTest(kind), Broker(kind, conf, files) as b:
                self.assertTrue(b.pub("a", "1", "-u", "ann", "-P", "old")[0])
                b.write("passwords", fresh)
                b.process.send_signal(signal.SIGHUP)
                b.wait_for(lambda: b.pub("a", "1", "-u", "bob", "-P", "p")[0], "a new user")
                self.assertTrue(b.pub("a", "1", "-u", "ann", "-P", "new")[0])
                self.assert_refused(b.pub("a", "1", "-u", "ann", "-P", "old"))

    def test_pid_file_and_end(self):
        conf = "listener {port} 127.0.0.1\npid_file {folder}/pid\n"
        for kind in KINDS:
            with self.subTest(kind), Broker(kind, conf) as b:
                self.assertEqual(int(b.read("pid")), b.process.pid)
                self.assertEqual(b.stop(signal.SIGTERM), 0)
                self.assertFalse(os.path.exists(b.path("pid")))

    def test_log_file(self):
        conf = ("listener {port} 127.0.0.1\nallow_anonymous true\nlog_dest file {folder}/log\n"
                "log_timestamp_format %Y-%m-%dT%H:%M\n")
        for kind in KINDS:
            with self.subTest(kind), Broker(kind, conf) as b:
                b.pub("a", "1", "-i", "visitor")
                b.wait_for(lambda: "visitor" in b.read("log"), "a line about the client")
                self.assertRegex(b.read("log"), r"(?m)^\d{4}-\d\d-\d\dT\d\d:\d\d: .*visitor")
                os.rename(b.path("log"), b.path("old"))
                b.process.send_signal(signal.SIGHUP)
                b.wait_for(lambda: os.path.exists(b.path("log")), "a new file")
                b.pub("a", "1", "-i", "second")
                b.wait_for(lambda: "second" in b.read("log"), "a line in it")
                self.assertNotIn("second", b.read("old"))

    def test_connection_messages(self):
        conf = "listener {port} 127.0.0.1\nallow_anonymous true\nconnection_messages false\n"
        for kind in KINDS:
            with self.subTest(kind), Broker(kind, conf) as b:
                b.pub("a", "1", "-i", "visitor")
                b.stop()
                self.assertNotIn("visitor", b.stderr())

    def test_faults_name_their_line(self):
        for text, line in (("listenr {port}\n", 2), ("listener {port}\nallow_anonymous yes\n", 3),
                           ("\n# x\nmax_qos 3\n", 4), ("listener {port}\nprotocol ftp\n", 3),
                           ("pid_file a\npid_file b\n", 3), ("topic #\n", 2), ("listener 99999\n", 2)):
            for kind in KINDS:
                with self.subTest(kind, text=text):
                    b = Broker(kind, text)
                    with self.assertRaises(AssertionError):
                        b.start()
                    self.assertIn(f"mosquitto.conf:{line}", b.stderr())
                    self.assertNotEqual(b.process.wait(PATIENCE_S), 0)
                    shutil.rmtree(b.folder)

    def test_bridge(self):
        """Each is bridged to the other kind by the same lines."""
        lines = ("connection up\naddress 127.0.0.1:{up}\ntopic out/# out 1 here/ there/\ntopic in/# in 1\n"
                 "topic both both 1\nrestart_timeout 1\nremote_username ann\nremote_password p\n"
                 "notification_topic up/state\n")
        files = {"passwords": password_file(("ann", "p"))}
        ann = ("-u", "ann", "-P", "p")
        conf = "listener {port} 127.0.0.1\npassword_file {folder}/passwords\n"
        for kind in KINDS:
            with self.subTest(kind), Broker(kind, conf, files) as b:
                other = KINDS[1 - KINDS.index(b.kind)]
                conf = "listener {port} 127.0.0.1\nallow_anonymous true\n" + lines.replace("{up}", str(b.port))
                with Broker(other, conf) as down:
                    self.assertEqual(b.sub("up/state", *ann), ["1"])
                    down.pub("here/out/a", "up", "-r")
                    self.assertEqual(b.sub("there/out/a", *ann), ["up"])
                    b.pub("in/a", "down", "-r", *ann)
                    down.wait_for(lambda: down.sub("in/a", wait=1) == ["down"], "a message down, retained")


class TlsTest(unittest.TestCase):
    """One authority, a server, a client."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="nuthatch-certs-")
        cls.make("ca", ["-x509", "-subj", "/CN=test authority"])
        cls.make("stranger", ["-x509", "-subj", "/CN=ann"])
        cls.sign("server", "/CN=localhost", "subjectAltName=DNS:localhost,IP:127.0.0.1")
        cls.sign("client", "/CN=ann", "keyUsage=digitalSignature")

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    @classmethod
    def openssl(cls, *args):
        subprocess.run(["openssl", *args], check=True, capture_output=True, cwd=cls.folder)

    @classmethod
    def make(cls, name, args):
        cls.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
                    f"{name}.key", "-out", f"{name}.pem", "-days", "2", *args)

    @classmethod
    def sign(cls, name, subject, extension):
        cls.make("request", ["-subj", subject])
        os.rename(os.path.join(cls.folder, "request.key"), os.path.join(cls.folder, f"{name}.key"))
        with open(os.path.join(cls.folder, "extension"), "w") as f:
            f.write(extension + "\n")
        cls.openssl("x509", "-req", "-in", "request.pem", "-CA", "ca.pem", "-CAkey", "ca.key",
                    "-CAcreateserial", "-out", f"{name}.pem", "-days", "2", "-extfile", "extension")

    def cert(self, name):
        return os.path.join(self.folder, name)

    def conf(self, extra):
        return (f"allow_anonymous true\nlistener {{port}} 127.0.0.1\nlistener {{second}} 127.0.0.1\n"
                f"certfile {self.cert('server.pem')}\nkeyfile {self.cert('server.key')}\n{extra}")

    def test_tls(self):
        for kind in KINDS:
            with self.subTest(kind), Broker(kind, self.conf("tls_version tlsv1.2\n")) as b:
                ok, said = b.pub("a", "1", "--cafile", self.cert("ca.pem"), port=b.second)
                self.assertTrue(ok, said)
                self.assertFalse(b.pub("a", "1", port=b.second)[0])

    def test_client_certificate_is_the_user(self):
        extra = f"cafile {self.cert('ca.pem')}\nrequire_certificate true\nuse_identity_as_username true\n" \
                "acl_file {folder}/acl\n"
        files = {"acl": "user ann\ntopic readwrite ann/#\n"}
        for kind in KINDS:
            with self.subTest(kind), Broker(kind, self.conf(extra), files) as b:
                own = ["--cafile", self.cert("ca.pem"), "--cert", self.cert("client.pem"), "--key",
                       self.cert("client.key")]
                strange = ["--cafile", self.cert("ca.pem"), "--cert", self.cert("stranger.pem"), "--key",
                           self.cert("stranger.key")]
                ok, said = b.pub("ann/a", "mine", "-r", *own, port=b.second)
                self.assertTrue(ok, said)
                self.assertEqual(b.sub("ann/#", *own, port=b.second), ["mine"])
                self.assertFalse(b.pub("a", "1", "--cafile", self.cert("ca.pem"), port=b.second)[0])
                self.assertFalse(b.pub("a", "1", *strange, port=b.second)[0])
                self.assertEqual(b.sub("ann/#", wait=1), [])


class NuthatchTest(unittest.TestCase):
    """What is nuthatch's own."""

    def test_killed(self):
        """With the file of the test above Mosquitto loses what was not saved; here it is on disk."""
        conf = ("listener {port} 127.0.0.1\nallow_anonymous true\npersistence true\n"
                "persistence_location {folder}/store\n")
        with Broker("nuthatch", conf) as b:
            SameFileTest.check_kept(self, b, signal.SIGKILL)

    def test_check_tells_in_the_order_of_lines(self):
        b = Broker("nuthatch", "max_inflight_messages abc\nbridge_bind_address x\nmemory_limit 3\nsys_interval x\n"
                               "retry_interval 3\nlistener 0\nuser x\n")
        code, _, err = run("mqtt", "-c", b.conf, "--check")
        lines = [int(line.split(":")[1]) for line in err.splitlines()]
        self.assertEqual((code, lines), (1, sorted(lines)), err)
        self.assertGreater(len(lines), 4)
        self.assertIn("has abc, limit: at most 65535\n", err)
        shutil.rmtree(b.folder)

    def test_check_tells_everything(self):
        b = Broker("nuthatch", "listener {port}\nuser x\nset_tcp_nodelay false\nauth_plugin /x.so\nfoo\n"
                               "password_file {folder}/none\n")
        code, out, err = run("mqtt", "-c", b.conf, "--check")
        self.assertEqual(code, 1)
        for text in (r":3: warning: user has no effect", r":4: warning: set_tcp_nodelay has no effect",
                     r":5: auth_plugin is refused: .*; has /x.so", r":6: foo is no option"):
            self.assertRegex(err, text)
        b.write("mosquitto.conf", "listener {port}\npassword_file {folder}/none\n")
        code, out, err = run("mqtt", "-c", b.conf, "--check")
        self.assertEqual((code, "no such file" in err), (1, True), err)
        b.write("mosquitto.conf", "listener {port}\nallow_anonymous true\n")
        code, out, err = run("mqtt", "-c", b.conf, "--check")
        self.assertEqual((code, out, err), (0, f"{b.conf}: good\n", ""))
        self.assertEqual(run("mqtt")[0], 2)
        self.assertEqual(run("mqtt", "--help")[0], 0)
        shutil.rmtree(b.folder)

    def test_a_broken_file_is_not_taken_at_a_reload(self):
        with Broker("nuthatch", "listener {port} 127.0.0.1\nallow_anonymous true\n") as b:
            b.write("mosquitto.conf", "listener {port} 127.0.0.1\nallow_anonymous yes\n")
            b.process.send_signal(signal.SIGHUP)
            b.wait_for(lambda: "the old configuration stays" in b.stderr(), "a word about it")
            self.assertIn("mosquitto.conf:2: allow_anonymous", b.stderr())
            self.assertTrue(b.pub("a", "1")[0])
            b.write("mosquitto.conf", "listener {port} 127.0.0.1\n")
            b.process.send_signal(signal.SIGHUP)
            b.wait_for(lambda: not b.pub("a", "1")[0], "anonymous clients are refused now")

    def test_debians_own_file(self):
        """The file of Debian's package, with its folders elsewhere."""
        with Broker("nuthatch", "pid_file {folder}/mosquitto.pid\n\npersistence true\n"
                                "persistence_location {folder}/lib/\n\nlog_dest file {folder}/mosquitto.log\n\n"
                                "include_dir {folder}/conf.d\n",
                    {"conf.d/local.conf": "listener {port}\nallow_anonymous true\n"}) as b:
            self.assertTrue(b.pub("a", "1")[0])

    def test_printed_as_hub_yaml(self):
        files = {"passwords": password_file(("ann", "p"))}
        b = Broker("nuthatch", "listener {port} 127.0.0.1\npassword_file {folder}/passwords\n", files)
        code, out, err = run("mqtt", "-c", b.conf, "--print")
        self.assertEqual(code, 0, err)
        config = out.replace(f"127.0.0.1:{b.port}", "127.0.0.1:0")
        with Hub(config, addresses=False) as hub:
            self.assertIsNone(hub.ready["http"])
            b.port = hub.mqtt_port
            self.assertTrue(b.pub("a", "1", "-u", "ann", "-P", "p")[0])
            self.assertFalse(b.pub("a", "1")[0])
        shutil.rmtree(b.folder)

    def test_the_page_has_the_table(self):
        with open(os.path.join(ROOT, "docs", "mosquitto-conf.md")) as f:
            page = f.read()
        rows = run("mqtt", "--options")[1]
        self.assertGreater(rows.count("\n"), 100)
        self.assertIn(rows, page, "nuthatch mqtt --options has another table than docs/mosquitto-conf.md")

    def test_retained_messages_are_brought_along(self):
        """As the page tells it: a bridge to the Mosquitto that was there before."""
        with Broker("mosquitto", "listener {port} 127.0.0.1\nallow_anonymous true\n") as old:
            old.pub("a/b", "one", "-r")
            old.pub("c", "two", "-r")
            conf = ("listener {port} 127.0.0.1\nallow_anonymous true\npersistence true\n"
                    "persistence_location {folder}/store\nconnection old\n"
                    f"address 127.0.0.1:{old.port}\ntopic # in 1\n")
            with Broker("nuthatch", conf) as b:
                b.wait_for(lambda: b.sub("c", wait=1) == ["two"], "what was retained")
                b.stop(signal.SIGKILL)
                b.start()
                self.assertEqual(sorted(b.sub("#", count=2)), ["one", "two"])

    def test_no_portal_and_no_folder(self):
        with Broker("nuthatch", "listener {port} 127.0.0.1\nallow_anonymous true\n") as b:
            sockets = subprocess.run(["ss", "-ltnp"], capture_output=True, text=True, timeout=30).stdout
            own = [line for line in sockets.splitlines() if f"pid={b.process.pid}," in line]
            self.assertEqual(len(own), 1, sockets)
            self.assertRegex(b.stderr(), r"(?m)^\d+: hub: portal off")
            self.assertIsNone(re.search(r"\[Mem\]", b.stderr()))


if __name__ == "__main__":
    unittest.main()
