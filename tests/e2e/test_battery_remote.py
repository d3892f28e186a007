"""The battery over the network: a hub at the board is the gateway of another, with a link between
that is cut at random; an older gateway, played here; what is kept when a hub is killed."""
import base64
import contextlib
import hashlib
import json
import os
import random
import select
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

from battery_sim import BatterySim
from http_client import Client, Socket
from hub import PATIENCE_S, Hub, run

SEED = random.SystemRandom().randrange(1 << 32)


class Link:
    """A wire between a client and a port that can be cut at any byte, and mended."""

    def __init__(self, port):
        self.target = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.is_up, self.is_over = True, False
        self.pairs, self.lock = [], threading.Lock()
        self.passed = self.cuts = 0
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while not self.is_over:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                if not self.is_up:
                    near.close()
                    continue
                try:
                    far = socket.create_connection(("127.0.0.1", self.target), 5)
                except OSError:
                    near.close()
                    continue
                self.pairs.append((near, far))
            threading.Thread(target=self.carry, args=(near, far), daemon=True).start()

    def carry(self, near, far):
        with contextlib.suppress(OSError, ValueError):
            while True:
                ready, _, _ = select.select([near, far], [], [], 60)
                for s in ready:
                    data = s.recv(random.choice((1, 7, 100, 4096)))
                    if not data:
                        return self.drop(near, far)
                    (far if s is near else near).sendall(data)
                    self.passed += len(data)
        return self.drop(near, far)

    def drop(self, near, far):
        with self.lock:
            if (near, far) in self.pairs:
                self.pairs.remove((near, far))
        for s in (near, far):
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)
            s.close()

    def cut(self):
        with self.lock:
            self.is_up = False
            pairs, self.pairs = self.pairs, []
            self.cuts += 1
        for pair in pairs:
            for s in pair:
                with contextlib.suppress(OSError):
                    s.shutdown(socket.SHUT_RDWR)

    def mend(self):
        with self.lock:
            self.is_up = True

    def close(self):
        self.is_over = True
        self.cut()
        self.listener.close()


class Gateway:
    """An older gateway: nested configuration, keys at the top, messages in fragments."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.values = {"pack_voltage_v": 51.2, "pack_current_a": 4, "state_of_charge_pct": 50}
        self.posts, self.answers, self.pongs = [], 200, 0
        self.is_over = False
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while not self.is_over:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(s,), daemon=True).start()

    def serve(self, s):
        with s, contextlib.suppress(OSError, ValueError):
            s.settimeout(PATIENCE_S)
            head = b""
            while b"\r\n\r\n" not in head:
                piece = s.recv(4096)
                if not piece:
                    return
                head += piece
            head, body = head.split(b"\r\n\r\n", 1)
            lines = head.decode().split("\r\n")
            method, path, _ = lines[0].split(" ")
            headers = dict(line.lower().split(": ", 1) for line in lines[1:])
            while len(body) < int(headers.get("content-length", 0)):
                body += s.recv(4096)
            if path.startswith("/ws/"):
                key = next(x[19:] for x in lines if x.startswith("Sec-WebSocket-Key: "))
                self.shake(s, path, key)
            else:
                self.answer(s, method, path, body)

    def answer(self, s, method, path, body):
        status, value = 404, {}
        if method == "POST":
            self.posts.append((path, json.loads(body)))
            status = self.answers
        elif path == "/api/config":
            status, value = 200, {"device": {"name": "old"}, "uart": {"baudrate": 115200, "parity": "N"},
                                  "wifi": {"sta_ssid": "boat"}, "can": {"bitrate": 500000}}
        elif path == "/api/alerts/history":
            status, value = 200, [{"alert_id": 7, "timestamp": 1764547200123, "severity": 2, "status": 2,
                                   "message": "old \"one\""}]
        data = json.dumps(value).encode()
        s.sendall(f"HTTP/1.1 {status} X\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data)

    def shake(self, s, path, key):
        if path == "/ws/alerts":  # this one has no such socket
            s.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            return
        accept = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
        s.sendall(b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
                  + base64.b64encode(accept) + b"\r\n\r\n")
        if path == "/ws/events":
            s.sendall(Socket.frame(1, b'{"type":"wifi","key":"wifi_sta_got_ip","event_id":"0x1303",'
                                      b'"status":"on"}', masked=False))
            s.recv(1)
            return
        while not self.is_over:
            text = json.dumps(self.values).encode()
            cut = random.randrange(len(text))
            s.sendall(Socket.frame(1, text[:cut], final=False, masked=False) +
                      Socket.frame(9, b"there?", masked=False))
            s.sendall(Socket.frame(0, text[cut:], masked=False))
            ready, _, _ = select.select([s], [], [], 0.05)
            if ready:
                data = s.recv(4096)
                if not data:
                    return
                self.pongs += data.count(b"\x8a")

    def close(self):
        self.is_over = True
        self.listener.close()


def remote(gateway, **more):
    fields = "".join(f", {k}: {v}" for k, v in more.items())
    return ("battery: {enabled: true, mode: remote}\n"
            f"battery_remote: {{gateway: 'http://127.0.0.1:{gateway}', backoff_max_ms: 1000{fields}}}\n")


def battery(hub):
    return hub.get_json("/api/battery")


def info(hub):
    return hub.get_json("/api/battery/remote")


class TwoHubs(unittest.TestCase):
    def setUp(self):
        self.stack = contextlib.ExitStack()
        self.addCleanup(self.stack.close)
        self.board = self.stack.enter_context(BatterySim("--cells", "13"))
        self.near = self.stack.enter_context(Hub(
            f"battery: {{enabled: true, path: {self.board.link}, mode: local}}\n"
            "battery_remote: {serve: true, frame_ms: 100}\n"))
        self.near.wait_until(lambda: battery(self.near)["pack"]["voltage_v"], "the board answers")
        self.link = Link(int(self.near.http.rsplit(":", 1)[1]))
        self.stack.callback(self.link.close)

    def open_far(self, **more):
        return self.stack.enter_context(Hub(remote(self.link.port, **more)))

    def is_live(self, hub):
        b = battery(hub)
        return b["source"] == "remote" and b["fields"]["voltage"] and not b["fields"]["voltage"]["stale"] and b

    def test_the_same_pack(self):
        far = self.open_far()
        b = far.wait_until(lambda: self.is_live(far), "values come")
        self.assertEqual(b["cells"]["count"], 13)
        far.wait_until(lambda: battery(far)["version"] and battery(far)["limits"], "also what changes seldom")
        a = battery(self.near)
        b = battery(far)
        self.assertEqual(b["version"], a["version"])
        self.assertEqual(b["limits"], a["limits"])
        self.assertAlmostEqual(b["pack"]["voltage_v"], a["pack"]["voltage_v"], delta=1)
        self.near.wait_until(lambda: info(self.near)["clients"] == 3, "all three sockets")

    def test_what_a_hub_takes_of_a_configuration(self):
        """As docs/battery-remote.md, section "Configuration", says."""
        far = self.open_far()
        far.wait_until(lambda: self.is_live(far), "values come")
        path = "/api/battery/remote/config"
        far.send_json("PUT", path, {"mqtt_broker": "10.0.0.2:1883"})
        error = far.wait_until(lambda: info(far)["config_error"], "it is told")
        self.assertEqual((error["keys"], error["status"], error["given_up"]), (["mqtt_broker"], 405, True))
        self.assertIn("POST /api/mqtt/config was answered 405", error["text"])
        self.assertEqual(info(far)["pending"], [])
        far.send_json("PUT", path, {"wifi_ssid": "boat", "can_bitrate": 250000})
        far.wait_until(lambda: not info(far)["pending"], "the hub says yes")
        self.near.wait_until(lambda: self.near.get_json("/api/config")["wifi_ssid"] == "boat", "it has it")
        status, i = far.send_json("DELETE", path, None)
        self.assertEqual((status, i["config_error"]), (200, None))
        status, error = far.send_json("PUT", path, {"wifi": {"channel": 7}})
        self.assertEqual((status, error["error"]["details"][0]["field"]), (400, "wifi.channel"))

    def test_link_cut_at_random(self):
        far = self.open_far()
        far.wait_until(lambda: self.is_live(far), "values come")
        rng = random.Random(SEED)
        for n in range(8):
            end = self.link.passed + rng.randrange(1, 20000)  # at any byte of any message
            far.wait_until(lambda: self.link.passed >= end, "bytes pass")
            self.link.cut()
            far.wait_until(lambda: not info(far)["connected"], f"it is told (seed {SEED})")
            if n % 4 == 0:
                far.wait_until(lambda: battery(far)["fields"]["voltage"]["stale"], "stale")
            self.link.mend()
            far.wait_until(lambda: info(far)["connected"], f"it comes back (seed {SEED})")
            b = far.wait_until(lambda: self.is_live(far), f"values come again (seed {SEED})")
            c = b["cells"]
            self.assertTrue(c["min_mv"] <= c["avg_mv"] <= c["max_mv"] and len(c["mv"]) == 13, c)
            self.assertTrue(30 < b["pack"]["voltage_v"] < 60, b["pack"])
        i = info(far)
        self.assertEqual((i["frames_bad"], i["values_bad"]), (0, 0))
        self.assertGreaterEqual(i["reconnects"], 8)

    def test_killed(self):
        """What was known is there again after kill -9: not older than the interval, and stale."""
        far = self.open_far(save_delay_ms=1000, save_deadline_ms=2000)
        far.wait_until(lambda: self.is_live(far), "values come")
        far.wait_until(lambda: info(far)["kept"]["flushes"] >= 2, "it is written")
        before = battery(far)
        killed_ms = time.time() * 1000
        far.stop(signal.SIGKILL)
        self.link.cut()
        far.start()
        b = far.wait_until(lambda: battery(far) if battery(far)["pack"]["voltage_v"] else None, "restored")
        self.assertEqual(b["source"], "store")
        self.assertTrue(b["fields"]["voltage"]["stale"])
        self.assertEqual(b["cells"]["count"], 13)
        self.assertAlmostEqual(b["pack"]["voltage_v"], before["pack"]["voltage_v"], delta=1)
        kept_ms = info(far)["kept"]["restored_unix_ms"]
        low_ms = time.time() * 1000 - kept_ms
        b = battery(far)
        for age in (b["age_ms"], b["fields"]["voltage"]["age_ms"], b["fields"]["soc"]["age_ms"]):
            self.assertGreaterEqual(age, low_ms - 2)  # since it was measured, not since the start
            self.assertLessEqual(age, time.time() * 1000 - kept_ms + 2)
        age_ms = killed_ms - kept_ms
        self.assertLess(age_ms, 2000 + 3000)  # the interval, and a busy machine
        self.link.mend()
        far.wait_until(lambda: self.is_live(far), "a live value goes over it")

    def test_sockets_and_routes(self):
        port = int(self.near.http.rsplit(":", 1)[1])

        class At(Socket):
            @classmethod
            def handshake(cls, client, headers=(), version="13"):
                client.send(client.head("GET", headers[0], [
                    "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: " + cls.KEY,
                    "Sec-WebSocket-Version: 13"]))
                return client.reply()

        class Server:
            @staticmethod
            def connect():
                return Client(port)

        with At(Server, ["/ws/telemetry"]) as s:
            for _ in range(3):
                b = s.hear()["battery"]
                self.assertEqual(b["type"], "battery")
                self.assertEqual(len(b["cell_voltage_mv"]), b["series_cell_count"])
                self.assertLess(abs(b["timestamp_ms"] - time.time() * 1000), 60000)
        with At(Server, ["/ws/alerts"]) as s:
            self.assertEqual(set(s.hear()), {"active", "history"})
        with At(Server, ["/ws/events"]) as s:
            self.assertEqual(s.hear()["key"], "storage_history_ready")
        config = self.near.get_json("/api/config")
        self.assertEqual((config["uart_baudrate"], config["uart_parity"]), (115200, "N"))
        self.assertIsInstance(self.near.get_json("/api/history?range=1h")["samples"], list)
        self.assertIsInstance(self.near.get_json("/api/alerts/history"), list)
        point = {"soc": 50, "device": "x", "boot": 1, "seq": 1}
        for want in ({"taken": 1, "doubles": 0}, {"taken": 0, "doubles": 1}):
            self.assertEqual(self.near.send_json("POST", "/api/telemetry/local", point), (200, want))


class Points(unittest.TestCase):
    def test_points_over_a_bad_link(self):
        """Each point of a hub that publishes counts once at another, whatever the link does to it."""
        with contextlib.ExitStack() as stack:
            board = stack.enter_context(BatterySim("--cells", "13"))
            taker = stack.enter_context(Hub("battery: {enabled: true}\nbattery_remote: {serve: true}\n"))
            link = Link(int(taker.http.rsplit(":", 1)[1]))
            stack.callback(link.close)
            giver = stack.enter_context(Hub(
                f"battery: {{enabled: true, path: {board.link}}}\n"
                f"battery_publish: {{enabled: true, period_ms: 1000, backoff_max_ms: 1000, flush_per_s: 100, "
                f"http: 'http://127.0.0.1:{link.port}'}}\n"))
            rng = random.Random(SEED)

            def taken():
                return taker.get_json("/api/telemetry/local")
            giver.wait_until(lambda: taken()["taken"], "the first point")
            for _ in range(8):
                end = link.passed + rng.randrange(1, 1500)  # in the request, or in the answer to it
                giver.wait_until(lambda: link.passed >= end, "bytes pass")
                link.cut()
                time.sleep(rng.random())  # how long it is away
                link.mend()
            last = taken()["senders"][0]["seq"]
            end = giver.wait_until(lambda: taken() if taken()["senders"][0]["seq"] >= last + 3 else None, "more")
            sender = end["senders"][0]
            self.assertEqual((end["missing"], end["late"], end["bad"]), (0, 0, 0), f"seed {SEED}: {end}")
            self.assertEqual(len(end["senders"]), 1)
            self.assertEqual(end["taken"], sender["points"])
            first = sender["seq"] - sender["points"] + 1
            self.assertIn(first, (0, 1), f"seed {SEED}: {end}")  # none was left out


class OlderGateway(unittest.TestCase):
    def test_older_gateway(self):
        gateway = Gateway()
        self.addCleanup(gateway.close)
        with Hub(remote(gateway.port)) as hub:
            b = hub.wait_until(lambda: battery(hub) if battery(hub)["source"] == "remote" else None, "values")
            self.assertEqual(b["pack"]["voltage_v"], 51.2)
            self.assertAlmostEqual(b["pack"]["power_w"], 204.8)
            i = hub.wait_until(lambda: info(hub) if info(hub)["alerts"] and info(hub)["events"] else None,
                               "what it tells beside")
            self.assertEqual(i["config"]["wifi_ssid"], "boat")
            self.assertEqual(i["alerts"][0]["message"], "old \"one\"")
            self.assertEqual(i["alerts"][0]["timestamp_ms"], 1764547200123)
            self.assertEqual(i["events"][0]["id"], 0x1303)
            self.assertEqual(i["sockets"], {"telemetry": True, "events": True, "alerts": False})
            # A change waits until the gateway says yes.
            gateway.answers = 500
            status, i = hub.send_json("PUT", "/api/battery/remote/config", {"wifi_ssid": "a \"b\""})
            self.assertEqual((status, i["pending"]), (200, ["wifi_ssid"]))
            hub.wait_until(lambda: gateway.posts, "it is told")
            self.assertEqual(gateway.posts[0], ("/api/config", {"wifi_ssid": "a \"b\""}))
            gateway.answers = 200
            hub.send_json("PUT", "/api/battery/remote/config", {"can_bitrate": 250000})
            hub.wait_until(lambda: info(hub)["pending"] == [], "it says yes")
            self.assertEqual(gateway.posts[-1][1], {"wifi_ssid": "a \"b\"", "can_bitrate": 250000})
            # Nonsense is not known, and what was known becomes stale.
            gateway.values = {"pack_voltage_v": "much", "state_of_charge_pct": 101}
            hub.wait_until(lambda: info(hub)["values_bad"] >= 2, "it is counted")
            hub.wait_until(lambda: battery(hub)["fields"]["voltage"]["stale"], "it is stale")
            self.assertEqual(battery(hub)["pack"]["voltage_v"], 51.2)
            self.assertGreater(gateway.pongs, 0)

    def test_with_a_password(self):
        code, line, err = run("passwd", stdin="a long secret\n")  # access: {user: admin, ...}
        self.assertEqual(code, 0, err)
        config = (line + "battery: {enabled: true}\nbattery_remote: {serve: true}\n")
        with Hub(config) as near:
            port = int(near.http.rsplit(":", 1)[1])
            with Hub(remote(port)) as far:
                far.wait_until(lambda: "user and password" in (info(far)["reason"] or ""), "it is told")
            with Hub() as far:
                path = os.path.join(far.folder, "secret")
                with open(path, "w") as f:
                    f.write("a long secret\n")
                far.stop()
                far.write_config(remote(port, user="admin", password_file=path))
                far.start()
                far.wait_until(lambda: info(far)["connected"] and info(far)["frames_in"], "frames")


    def test_over_tls(self):
        with tempfile.TemporaryDirectory() as folder:
            cert, key = os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                            "-nodes", "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=localhost",
                            "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True)
            with Hub(f"http: {{tls_listen: '127.0.0.1:0', tls_cert_file: {cert}, tls_key_file: {key}}}\n"
                     "battery: {enabled: true}\nbattery_remote: {serve: true}\n") as near:
                port = near.ready["https"].rsplit(":", 1)[1]
                with Hub("battery: {enabled: true, mode: remote}\nbattery_remote: "
                         f"{{gateway: 'https://localhost:{port}', tls_ca_file: {cert}}}\n") as far:
                    far.wait_until(lambda: info(far)["frames_in"], "frames")
                    self.assertEqual(info(far)["sockets"]["telemetry"], True)
                with Hub("battery: {enabled: true, mode: remote}\nbattery_remote: "
                         f"{{gateway: 'https://localhost:{port}'}}\n") as far:
                    reason = far.wait_until(lambda: info(far)["reason"], "it is not believed")
                    self.assertIn("certificate", reason)


class Check(unittest.TestCase):
    def test_check(self):
        rows = [("gateway: '192.168.4.1'", "/battery_remote/gateway"),
                ("gateway: 'http://a/b'", "/battery_remote/gateway"),
                ("save_delay_ms: 9000, save_deadline_ms: 8000", "/battery_remote/save_deadline_ms")]
        for fields, pointer in rows:
            with Hub() as hub:
                hub.write_config(f"battery_remote: {{{fields}}}\n")
                code, out, err = run("check", hub.config_file)
                self.assertEqual(code, 1, out + err)
                self.assertIn(pointer, out + err)

    def test_files_of_passwords(self):
        with tempfile.TemporaryDirectory() as folder:
            absent, empty, long = (os.path.join(folder, name) for name in ("absent", "empty", "long"))
            for path, text in ((empty, "\n"), (long, "x" * 200)):
                with open(path, "w") as f:
                    f.write(text)
            fields = ("battery_remote.password_file", "battery_publish.http_token_file",
                      "battery_publish.influx_token_file", "battery_publish.mqtt_password_file")
            for field in fields:
                part, name = field.split(".")
                for path, text in ((absent, "there is no such file"), (folder, "is a folder"),
                                   (empty, "its first line is empty"), (long, "its first line is too long")):
                    with self.subTest(field=field, text=text), Hub() as hub:
                        hub.write_config(f"{part}: {{{name}: {path}, mqtt_user: me}}\n" if "mqtt" in name
                                         else f"{part}: {{{name}: {path}}}\n")
                        code, out, err = run("check", hub.config_file)
                        self.assertEqual((code, out), (1, ""))
                        self.assertIn(f"/{part}/{name} {text}; has {path[:40]}", err)

    def test_the_hub_tells_it_too(self):
        with Hub("battery: {enabled: true}\n"
                 "battery_remote: {gateway: 'http://127.0.0.1:1', password_file: /nowhere/file}\n"
                 "battery_publish: {enabled: true, http: 'http://127.0.0.1:1', http_token_file: /nowhere/else}\n") as hub:
            for text in ("battery_remote.password_file /nowhere/file: there is no such file",
                         "battery_publish.http_token_file /nowhere/else: there is no such file"):
                hub.wait_until(lambda: any(text in line for line in hub.lines) or text in hub.stderr()
                               or hub.read_lines(0.1) and False, text)


if __name__ == "__main__":
    unittest.main(verbosity=2)
