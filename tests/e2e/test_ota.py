"""A hub that updates itself: what is taken, what is refused, and that a bad version gives way.

Acceptance of updates: too large, empty, truncated, stalled, a second uploader, and the way back."""
import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest

from hub import Hub, NUTHATCH, PATIENCE_S

MAX_BYTES = 64 * 1024 * 1024  # the sanitizers' program is large


def ota(*args):
    return subprocess.run([NUTHATCH, "ota", *args], capture_output=True, text=True, timeout=120)


class Ota(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="nuthatch-ota-")
        cls.secret = os.path.join(cls.folder, "release.key")
        made = ota("keygen", "-o", cls.secret)
        assert made.returncode == 0, made.stderr
        cls.key = made.stdout.split()[0]
        cls.image = cls.sign("next.img", "9.9.9", NUTHATCH)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    @classmethod
    def sign(cls, name, version, program, *more, key=None):
        path = os.path.join(cls.folder, name)
        made = ota("sign", "--key", key or cls.secret, "--version", version, "-o", path, *more, program)
        assert made.returncode == 0, made.stderr
        return path

    def hub(self, more=""):
        return Hub(config=f"ota: {{enabled: true, key: \"{self.key}\", image_max_bytes: {MAX_BYTES}, "
                          f"confirm_after_ms: 300{more}}}")

    def post(self, hub, data, length=None, timeout=PATIENCE_S):
        host, port = hub.http.rsplit(":", 1)
        c = http.client.HTTPConnection(host, int(port), timeout=timeout)
        with contextlib.closing(c):
            c.putrequest("POST", "/api/ota")
            c.putheader("Content-Type", "application/octet-stream")
            c.putheader("Content-Length", str(len(data) if length is None else length))
            c.endheaders()
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                c.send(data)
            r = c.getresponse()
            return r.status, json.loads(r.read())

    def read(self, path):
        with open(path, "rb") as f:
            return f.read()

    def after_restart(self, hub, start):
        """The addresses of the next life: it prints them as the first one did."""
        hub.ready = json.loads(hub.wait_line(r"^\{", after=start))
        hub.http = hub.ready["http"]
        return hub.get_json("/api/ota")

    def assert_refused(self, hub, reply, status, code):
        self.assertEqual((reply[0], reply[1]["error"]["code"]), (status, code), reply)
        state = hub.get_json("/api/ota")
        self.assertEqual(state["slots"][0]["state"], "running")
        self.assertFalse(state["is_pending"])

    def test_update_stays_and_goes_back(self):
        with self.hub() as hub:
            lines, pid = len(hub.lines), hub.ready["pid"]
            pushed = ota("push", self.image, f"http://{hub.http}")
            self.assertEqual(pushed.returncode, 0, pushed.stderr)
            self.assertIn("restarts into version 9.9.9", pushed.stdout)
            state = self.after_restart(hub, lines)
            self.assertEqual(hub.ready["pid"], pid)  # a service manager sees the same process
            self.assertTrue(state["slots"][1]["state"].startswith("running"), state)
            hub.wait_until(lambda: not hub.get_json("/api/ota")["is_pending"], "confirmed")
            lines = len(hub.lines)
            self.assertEqual(hub.send_json("POST", "/api/ota/back", None)[0], 200)
            state = self.after_restart(hub, lines)
            self.assertEqual(state["slots"][0]["state"], "running")
            self.assertEqual(state["taken_back"], "9.9.9")

    def test_killed_before_it_is_confirmed(self):
        """Power goes while the new version has not proved itself: the one before comes back."""
        hub = self.hub()
        hub.write_config(f"ota: {{enabled: true, key: \"{self.key}\", image_max_bytes: {MAX_BYTES}, "
                         "confirm_after_ms: 600000, confirm_before_ms: 600000}")
        with hub:
            lines = len(hub.lines)
            self.assertEqual(self.post(hub, self.read(self.image))[0], 200)
            self.assertTrue(self.after_restart(hub, lines)["is_pending"])
            self.assertEqual(self.post(hub, self.read(self.image))[1]["error"]["code"],
                             "not_confirmed")
            hub.stop(signal.SIGKILL)
            hub.start()
            state = hub.get_json("/api/ota")
            self.assertEqual(state["slots"][0]["state"], "running")
            self.assertEqual(state["taken_back"], "9.9.9")

    def test_program_that_does_not_start(self):
        """What is signed and yet no program: the hub is back with the installed one."""
        path = os.path.join(self.folder, "no-program")
        with open(path, "wb") as f:
            f.write(b"#!/nonexistent/interpreter\n" * 50)
        image = self.sign("broken.img", "6.6.6", path)
        with self.hub() as hub:
            lines = len(hub.lines)
            self.assertEqual(self.post(hub, self.read(image))[0], 200)
            state = self.after_restart(hub, lines)
            self.assertEqual(state["slots"][0]["state"], "running")
            self.assertEqual(state["taken_back"], "6.6.6")

    def test_refused(self):
        good = self.read(self.image)
        stranger = os.path.join(self.folder, "stranger.key")
        self.assertEqual(ota("keygen", "-o", stranger).returncode, 0)
        with self.hub() as hub:
            large = MAX_BYTES + 257
            rows = [
                ("empty", b"", None, 400, "wrong_length"),
                ("too large", b"", large, 413, "too_large"),
                ("no image", b"x" * 5000, None, 400, "no_image"),
                ("half a head", good[:100], None, 400, "wrong_length"),
                ("truncated", good[:20000], None, 400, "wrong_length"),
                ("of a stranger",
                 self.read(self.sign("stranger.img", "1", NUTHATCH, key=stranger)), None, 403,
                 "wrong_signature"),
                ("of another machine",
                 self.read(self.sign("other.img", "1", NUTHATCH, "--target", "linux-pdp11")), None,
                 400, "wrong_target"),
                ("damaged", good[:30000] + bytes([good[30000] ^ 1]) + good[30001:], None, 400,
                 "wrong_hash"),
            ]
            for what, data, length, status, code in rows:
                with self.subTest(what):
                    # One byte makes the hub look at an announced length that is too large.
                    reply = self.post(hub, data if length is None else b"N", length)
                    self.assert_refused(hub, reply, status, code)

    def open_upload(self, hub, total):
        host, port = hub.http.rsplit(":", 1)
        s = socket.create_connection((host, int(port)), PATIENCE_S)
        s.sendall(f"POST /api/ota HTTP/1.1\r\nHost: {hub.http}\r\nContent-Length: {total}\r\n\r\n"
                  .encode())
        return s

    def test_second_uploader(self):
        good = self.read(self.image)
        with self.hub() as hub, self.open_upload(hub, len(good)) as first:
            first.sendall(good[:5000])
            hub.wait_until(lambda: hub.get_json("/api/ota")["bytes"] == 5000, "the first upload")
            self.assertEqual(self.post(hub, good[:300], len(good))[1]["error"]["code"],
                             "upload_running")
            lines = len(hub.lines)
            first.sendall(good[5000:])
            self.assertIn(b"200", first.recv(100))
            self.after_restart(hub, lines)

    def test_stalled(self):
        """Who stands still makes room; what comes then is told so."""
        good = self.read(self.image)
        with self.hub(", idle_timeout_ms: 1000") as hub, self.open_upload(hub, len(good)) as s:
            s.sendall(good[:5000])
            hub.wait_until(lambda: hub.get_json("/api/ota")["state"] == "failed", "given up")
            self.assertIn("stood still", hub.get_json("/api/ota")["error"])
            s.sendall(good[5000:6000])
            self.assertIn(b"408", s.recv(100))
            lines = len(hub.lines)
            self.assertEqual(self.post(hub, good)[0], 200)
            self.after_restart(hub, lines)

    def test_cut_off(self):
        good = self.read(self.image)
        with self.hub() as hub:
            with self.open_upload(hub, len(good)) as s:
                s.sendall(good[:5000])
                hub.wait_until(lambda: hub.get_json("/api/ota")["bytes"] == 5000, "the upload")
            hub.wait_until(lambda: hub.get_json("/api/ota")["state"] == "failed", "noticed")
            self.assertEqual(hub.get_json("/api/ota")["slots"][1]["state"], "empty")

    def test_killed_in_the_middle(self):
        """Power goes during an upload: the hub starts as before, and takes the next one."""
        good = self.read(self.image)
        with self.hub() as hub:
            with self.open_upload(hub, len(good)) as s:
                s.sendall(good[:len(good) // 2])
                hub.wait_until(lambda: hub.get_json("/api/ota")["bytes"] > 100000, "the upload")
                hub.stop(signal.SIGKILL)
            hub.start()
            self.assertEqual(hub.get_json("/api/ota")["slots"][1]["state"], "empty")
            lines = len(hub.lines)
            self.assertEqual(self.post(hub, good)[0], 200)
            self.after_restart(hub, lines)

    def test_off_by_default(self):
        with Hub() as hub:
            self.assertEqual(hub.send_json("POST", "/api/ota", {})[0], 404)
            pushed = ota("push", self.image, f"http://{hub.http}")
            self.assertEqual(pushed.returncode, 1)
            self.assertIn("does not update itself", pushed.stderr)


class Command(unittest.TestCase):
    def test_wrong_usage(self):
        for args in ([], ["fly"], ["sign"], ["keygen"], ["info"], ["push", "x"], ["--what"]):
            with self.subTest(args):
                self.assertEqual(ota(*args).returncode, 2)

    def test_key_is_not_overwritten(self):
        with tempfile.TemporaryDirectory() as d:
            key = os.path.join(d, "k")
            self.assertEqual(ota("keygen", "-o", key).returncode, 0)
            self.assertEqual(os.stat(key).st_mode & 0o777, 0o600)
            again = ota("keygen", "-o", key)
            self.assertEqual(again.returncode, 1)
            self.assertIn("File exists", again.stderr)

    def test_info(self):
        with tempfile.TemporaryDirectory() as d:
            key, image = os.path.join(d, "k"), os.path.join(d, "i")
            ota("keygen", "-o", key)
            ota("sign", "--key", key, "--version", "1.2", "-o", image, __file__)
            told = json.loads(ota("info", "--json", "--key", key, image).stdout)
            self.assertEqual((told["version"], told["whole"], told["signed"]), ("1.2", True, True))
            with open(image, "ab") as f:
                f.write(b"x")
            self.assertEqual(ota("info", image).returncode, 1)


if __name__ == "__main__":
    unittest.main()
