"""The surface of the older macro pad firmware: its routes, its pages' names, and a run of its memory
test harness as its documents describe it, over a pseudo terminal and plain HTTP."""
import base64
import concurrent.futures
import contextlib
import json
import os
import re
import select
import socket
import tempfile
import time
import unittest
import urllib.error
import urllib.request

from hub import Hub, run

STRINGS = """version build_date build_time chip_model mac_address wifi_hostname mdns_name hostname
 project_name project_display_name board_name""".split()
INTS = """chip_revision chip_cores cpu_freq flash_chip_size psram_size free_heap sketch_size
 free_sketch_space health_poll_interval_ms health_history_seconds""".split()
BOOLS = "github_updates_enabled has_mqtt has_backlight has_display".split()
CONFIG = {"wifi_ssid": str, "wifi_password": str, "device_name": str, "fixed_ip": str, "subnet_mask": str,
          "gateway": str, "dns1": str, "dns2": str, "dummy_setting": str, "mqtt_host": str, "mqtt_port": int,
          "mqtt_username": str, "mqtt_password": str, "mqtt_interval_seconds": int,
          "basic_auth_enabled": bool, "basic_auth_username": str, "basic_auth_password": str,
          "backlight_brightness": int, "screen_saver_enabled": bool, "screen_saver_timeout_seconds": int,
          "screen_saver_fade_out_ms": int, "screen_saver_fade_in_ms": int, "screen_saver_wake_on_touch": bool}
SECRETS = ("wifi_password", "mqtt_password", "basic_auth_password")


class Routes(unittest.TestCase):
    def test_info_and_mode(self):
        with Hub() as hub:
            info = hub.get_json("/api/info")
            for names, kind in ((STRINGS, str), (INTS, int), (BOOLS, bool)):
                for name in names:
                    self.assertIs(type(info[name]), kind, name)
            self.assertRegex(info["mdns_name"], r"^[a-z0-9-]+\.local$")
            if info["has_display"]:
                self.assertIsInstance(info["available_screens"], list)
            self.assertEqual(hub.get_json("/api/mode"), {"mode": "full", "ap_active": False})

    def test_pages(self):
        with Hub() as hub:
            for path, kind, cache in (("/home.html", "text/html", "no-store"),
                                      ("/network.html", "text/html", "no-store"),
                                      ("/firmware.html", "text/html", "no-store"),
                                      ("/portal.css", "text/css", "public, max-age=600"),
                                      ("/portal.js", "javascript", "public, max-age=600")):
                request = urllib.request.Request(hub.url(path), headers={"Accept-Encoding": "identity"})
                with urllib.request.urlopen(request, timeout=30) as r:
                    self.assertEqual(r.headers["Content-Encoding"], "gzip", path)
                    self.assertEqual(r.headers["Vary"], "Accept-Encoding")
                    self.assertEqual(r.headers["Cache-Control"], cache)
                    self.assertIn(kind, r.headers["Content-Type"])
                    self.assertEqual(r.read(2), b"\x1f\x8b")

    def test_updates_are_the_hosts(self):
        def upload(name):
            body = (f'--x\r\nContent-Disposition: form-data; name="firmware"; filename="{name}"\r\n'
                    'Content-Type: application/octet-stream\r\n\r\n').encode() + bytes(300000) + b"\r\n--x--\r\n"
            request = urllib.request.Request(hub.url("/api/update"), body,
                                             {"Content-Type": "multipart/form-data; boundary=x"})
            with self.assertRaises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(request, timeout=30)
            with refused.exception as e:
                return e.code, json.loads(e.read())

        with Hub() as hub:
            self.assertEqual(upload("notes.txt"),
                             (400, {"success": False, "message": "Only .bin files are supported"}))
            code, reply = upload("macropad-v9.bin")
            self.assertEqual((code, reply["success"]), (500, False))
            self.assertTrue(reply["message"].startswith("OTA begin failed"))
            disabled = (404, {"success": False, "message": "GitHub updates disabled"})
            self.assertEqual(hub.send_json("GET", "/api/firmware/latest", None), disabled)
            self.assertEqual(hub.send_json("POST", "/api/firmware/update", None), disabled)
            status = hub.get_json("/api/firmware/update/status")
            self.assertEqual(status, {"enabled": False, "in_progress": False, "state": "idle", "progress": 0,
                                      "total": 0, "latest_version": "", "error": ""})
            firmware = hub.get_json("/api/firmware")
            self.assertEqual([v["version"] for v in firmware["history"]], [firmware["version"]])
            self.assertEqual(firmware["slots"][0]["state"], "running")
            hub.stop()
            hub.start()  # the same version: no second entry
            self.assertEqual(hub.get_json("/api/firmware")["history"], firmware["history"])


class Config(unittest.TestCase):
    def test_round_trip(self):
        with Hub("name: attic\n") as hub:
            first = hub.get_json("/api/config")
            for name, kind in CONFIG.items():
                self.assertIs(type(first[name]), kind, name)
            self.assertEqual(first["device_name"], "attic")
            self.assertEqual(first["device_name_sanitized"], "attic")
            self.assertTrue(first["wifi_ssid"])
            saved = (200, {"success": True, "message": "Configuration saved"})
            self.assertEqual(hub.send_json("POST", "/api/config?no_reboot=1", {
                "device_name": "Desk Pad", "mqtt_password": "hidden", "mqtt_host": "broker.lan",
                "mqtt_port": "8883", "screen_saver_enabled": "on", "dummy_setting": "é😀"}), saved)
            changed = hub.get_json("/api/config")
            expected = dict(first, device_name="Desk Pad", device_name_sanitized="desk-pad",
                            mqtt_host="broker.lan", mqtt_port=8883, screen_saver_enabled=True,
                            dummy_setting="é😀")
            self.assertEqual(changed, expected)
            self.assertEqual(hub.get_json("/api/info")["wifi_hostname"], "desk-pad")
            # Those of the panel are the hub's own settings, in force at once.
            saver = {f["pointer"]: f["value"] for f in hub.get_json("/api/settings")["fields"]}["/display/saver"]
            self.assertIs(saver, True)
            self.assertEqual(hub.send_json("POST", "/api/config?no_reboot=1", {"backlight_brightness": "40"}), saved)
            self.assertEqual(hub.send_json("POST", "/api/config?no_reboot=1", {"backlight_brightness": 100}), saved)
            # Its own answer posted back, with blank secrets, changes nothing; nor does a restart.
            self.assertEqual(hub.send_json("POST", "/api/config?no_reboot=1", changed), saved)
            hub.stop()
            hub.start()
            self.assertEqual(hub.get_json("/api/config"), changed)
            folder = os.path.join(hub.folder, "data", "config")
            with open(os.path.join(folder, "device.2"), "rb") as f:
                self.assertIn(b'"mqtt_password":"hidden"', f.read())

    def test_refused_changes_nothing(self):
        with Hub() as hub:
            before = hub.get_json("/api/config")
            for body, status, message in (
                    ({"wifi_ssid": ""}, 400, "Invalid configuration"),
                    ({"device_name": "***"}, 400, "device_name"),
                    ({"dns1": "1.1.1.1", "mqtt_port": 70000}, 400, "mqtt_port 70000"),
                    ({"dns1": "1.1.1.1", "screen_saver_timeout_seconds": 0}, 400, "saver_timeout_s"),
                    ({"device_name": "x" * 32}, 400, "at most 31 bytes"),
                    ({"dns1": "1.1.1.1", "basic_auth_enabled": True}, 403, "Basic Auth settings cannot be changed"),
                    ([], 400, "Invalid JSON")):
                code, reply = hub.send_json("POST", "/api/config?no_reboot=1", body)
                self.assertEqual((code, reply["success"]), (status, False), body)
                self.assertIn(message, reply["message"])
                self.assertEqual(hub.get_json("/api/config"), before)
            self.assertEqual(hub.send_json("POST", "/api/config", {"dummy_setting": "x" * 9000})[0], 413)

    def test_restarts_unless_told_not_to(self):
        with Hub() as hub:
            for method, body, field in (("POST", {"dummy_setting": "kept", "backlight_brightness": 30}, "kept"),
                                        ("DELETE", None, "")):
                at = len(hub.lines)
                self.assertEqual(hub.send_json(method, "/api/config", body)[0], 200)
                hub.wait_line(r"^\[Main\] Setup complete", after=at)
                config = hub.get_json("/api/config")
                self.assertEqual(config["dummy_setting"], field)
                self.assertEqual(config["backlight_brightness"], 30 if field else 100)


class Access(unittest.TestCase):
    def setUp(self):
        code, self.config, err = run("passwd", stdin="long enough\n")
        self.assertEqual(code, 0, err)

    def test_reboot_by_who_is_gone(self):
        """The first request of all, so that its password is still being checked when it has gone."""
        with Hub(self.config) as hub:
            for password, reboots in (("long enough", True), ("wrong", False)):
                at = len(hub.lines)
                host, port = hub.http.rsplit(":", 1)
                header = base64.b64encode(f"admin:{password}".encode()).decode()
                with socket.create_connection((host, int(port)), 5) as s:
                    s.sendall(f"POST /api/reboot HTTP/1.1\r\nHost: {host}\r\nAuthorization: Basic {header}\r\n"
                              "Content-Length: 0\r\nConnection: close\r\n\r\n".encode())
                if reboots:
                    hub.wait_line(r"^\[Main\] Setup complete", after=at)
                else:
                    hub.wait_line("wrong user or password", after=at)

    def test_basic_unasked(self):
        with Hub(self.config) as hub:
            def ask(password, path):
                header = "Basic " + base64.b64encode(f"admin:{password}".encode()).decode()
                request = urllib.request.Request(hub.url(path), headers={"Authorization": header})
                try:
                    with urllib.request.urlopen(request, timeout=60) as r:
                        return r.status, json.loads(r.read())
                except urllib.error.HTTPError as e:
                    with e:
                        return e.code, None

            with concurrent.futures.ThreadPoolExecutor(6) as pool:
                burst = list(pool.map(lambda path: ask("long enough", path),
                                      ["/api/mode", "/api/config", "/api/info"] * 2))
            self.assertEqual([status for status, _ in burst], [200] * 6)
            config = burst[1][1]
            self.assertEqual((config["basic_auth_enabled"], config["basic_auth_username"],
                              config["basic_auth_password_set"]), (True, "admin", True))
            self.assertEqual(ask("wrong", "/api/info")[0], 401)
            with self.assertRaises(urllib.error.HTTPError) as refused:
                hub.get("/api/config")
            with refused.exception as e:
                self.assertEqual(e.code, 401)
            # Its page is for everybody, as are the files it loads: it asks who one is.
            self.assertEqual(hub.get("/portal.css")[:2], b"\x1f\x8b")


# ---- a run of the harness -------------------------------------------------------------------------

MEM = re.compile(r"^\[Mem\] (\S+)\s+hf=(\d+)\s+hm=(\d+)\s+hl=(\d+)\s+hi=(\d+)\s+hin=(\d+)\s+frag=(\d+)"
                 r"\s+pf=(\d+)\s+pm=(\d+)\s+pl=(\d+)")
ALARMS = re.compile(r"guru meditation error|panic'ed|stack canary watchpoint triggered|^backtrace:|abort\(\)|brownout",
                    re.I)


class Device:
    """What a harness sees: lines of a serial port, waited for in order, and HTTP on an address."""

    def __init__(self, port, address):
        self.fd = os.open(port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        self.address = address
        self.rest, self.queue, self.log, self.snapshots = b"", [], [], []

    def close(self):
        os.close(self.fd)

    def take(self, timeout):
        if not select.select([self.fd], [], [], timeout)[0]:
            return
        *lines, self.rest = (self.rest + os.read(self.fd, 4096)).split(b"\n")
        for line in (x.decode().rstrip("\r") for x in lines):
            self.log.append(line)
            self.queue.append(line)
            if m := MEM.match(line):
                self.snapshots.append((m.group(1), *map(int, m.groups()[1:])))

    def wait(self, pattern, timeout):
        """Drops the lines before the first that matches; None: it did not come."""
        end = time.monotonic() + timeout
        while True:
            while self.queue:
                line = self.queue.pop(0)
                if m := re.search(pattern, line):
                    return m
            left = end - time.monotonic()
            if left <= 0:
                return None
            self.take(min(left, 0.5))

    def reboot(self):
        """Sends the request and is gone before there can be a reply."""
        host, _, port = self.address.partition(":")
        with socket.create_connection((host, int(port or 80)), 0.5) as s:
            s.sendall(f"POST /api/reboot HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n"
                      "Connection: close\r\n\r\n".encode())

    def ask(self, method, path, body=None, read=True, timeout=20):
        headers = {"User-Agent": "memory_test_harness/1.0", "Connection": "close"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(f"http://{self.address}{path}",
                                         None if body is None else json.dumps(body).encode(), headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as r:
                return r.status, r.read() if read else b""
        except urllib.error.HTTPError as e:
            with e:
                return e.code, e.read()


class Harness(unittest.TestCase):
    def scenario(self, hub, device):
        """The steps of S2, S4, S5 and S6, those whose parts this hub has."""
        self.assertTrue(device.wait(r"(?i)^ESP-ROM:esp32", 20))
        if ":" not in device.address:
            self.assertEqual(device.wait(r"Got IP:\s+(\d+\.\d+\.\d+\.\d+)", 45).group(1), device.address)
        self.assertTrue(device.wait(r"^\[Main\]\s+Setup complete", 30))
        for _ in range(2):
            status, body = device.ask("GET", "/api/health", timeout=5)
            self.assertEqual(status, 200)
            self.assertIs(type(json.loads(body)["heap_internal_free"]), int)
            self.assertIs(type(json.loads(body)["psram_free"]), int)
        for path in ("/", "/network.html", "/firmware.html"):
            self.assertEqual(device.ask("GET", path, read=False, timeout=5)[0], 200, path)
        for path in ("/", "/portal.css", "/portal.js"):
            self.assertEqual(device.ask("GET", path, timeout=10)[0], 200, path)
        parts = ["/api/mode", "/api/config", "/api/info", "/api/health", "/api/health"]
        has_macros = device.ask("GET", "/api/macros")[0] != 404
        has_icons = device.ask("GET", "/api/icons")[0] != 404
        parts += ["/api/macros"] * has_macros + ["/api/icons"] * has_icons
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            for status, body in pool.map(lambda path: device.ask("GET", path), parts):
                self.assertEqual(status, 200, body)
                json.loads(body)
        if has_macros:
            macros = json.loads(device.ask("GET", "/api/macros", timeout=15)[1])
            body = {"defaults": macros["defaults"], "screens": macros["screens"]}
            self.assertEqual(device.ask("POST", "/api/macros", body)[0], 200)
        device.ask("POST", "/api/icons/gc", timeout=10)  # any answer will do
        for screen in ("test", "info"):
            device.ask("PUT", "/api/display/screen", {"screen": screen}, timeout=5)  # any answer will do
        config = json.loads(device.ask("GET", "/api/config", timeout=10)[1])
        body = {name: "" if name in SECRETS else config[name] for name in CONFIG}
        self.assertEqual(device.ask("POST", "/api/config?no_reboot=1", body, timeout=15)[0], 200)
        self.assertTrue(device.wait(r"\[Mem\]\s+hb\b", 90))

    def check_log(self, device, lives):
        tags = [s[0] for s in device.snapshots]
        for once in ("boot", "setup", "http_root", "http_network", "http_firmware"):
            self.assertEqual(tags.count(once), lives, once)
        for line in device.log:
            self.assertIsNone(ALARMS.search(line), line)
            if "[Mem]" in line or "[Task]" in line:
                self.assertIn(line[:4], ("[Mem", "[Tas"), line)
        self.assertEqual(sum(1 for x in device.log if x.startswith("[Portal] AsyncTCP stack watermark: task=")), lives)
        for _, hf, hm, hl, hi, hin, frag, pf, pm, pl in device.snapshots:
            self.assertTrue(hl <= hi <= hf and hin <= hi and hm <= hf and pl <= pf and pm <= pf and frag <= 100)

    def run_twice(self, http, address):
        with tempfile.TemporaryDirectory() as folder:
            link = os.path.join(folder, "serial")
            with Hub("health: {heartbeat_ms: 1000, hotspot_tags: true}\n",
                     args=["--console", "pty:" + link, *(["--http", http] if http else [])]) as hub:
                device = Device(link, address or hub.http)
                with contextlib.closing(device):
                    self.scenario(hub, device)
                    for _ in range(2):  # on the same terminal, from the beginning
                        device.reboot()
                        self.scenario(hub, device)
                    self.check_log(device, 3)
                self.assertEqual(os.path.realpath(link), os.path.realpath(hub.ready["console"]))

    def test_on_a_free_port(self):
        self.run_twice(None, None)

    def test_on_port_80(self):
        address = "127.77.%d.%d" % (os.getpid() // 250 % 250, os.getpid() % 250 + 1)
        with socket.socket() as s:
            try:
                s.bind((address, 80))
            except PermissionError:
                self.skipTest("port 80 is not for this user")
        self.run_twice(address + ":80", address)

    def test_a_reader_that_stops_reading(self):
        """The hub goes on, and what it says later is whole lines again."""
        with tempfile.TemporaryDirectory() as folder:
            link = os.path.join(folder, "serial")
            with Hub("health: {heartbeat_ms: 1000, hotspot_tags: true}\n", args=["--console", "pty:" + link]) as hub:
                fd = os.open(link, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
                for i in range(600):
                    hub.send_json("POST", "/api/memory/snapshot", {"tag": f"flood{i}"})
                data, end = b"", time.monotonic() + 30
                while b"[Mem] after " not in data and time.monotonic() < end:
                    if select.select([fd], [], [], 0.3)[0]:
                        data += os.read(fd, 4096)
                    else:
                        hub.send_json("POST", "/api/memory/snapshot", {"tag": "after"})
                os.close(fd)
                self.assertIn(b"[Mem] after ", data)
                lines = [x for x in data.decode().split("\n")[:-1] if "[Mem]" in x]
                for line in lines:
                    self.assertTrue(MEM.match(line), line)
                self.assertLess(len(lines), 600)


if __name__ == "__main__":
    unittest.main()
