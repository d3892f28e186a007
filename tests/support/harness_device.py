"""A device for tests of the memory harness: prints the lines of a firmware on a pseudo terminal and
answers its routes. It has no memory to measure: its figures are made up, and what goes wrong with
it is asked for."""
import contextlib
import http.server
import json
import os
import pty
import shutil
import tempfile
import threading
import time
import tty

MACROS = {
    "success": True, "version": 9, "buttons_per_screen": 16,
    "defaults": {"screen_bg": 0, "button_bg": 1973790, "icon_color": 16777215,
                 "label_color": 16777215},
    "templates": [{"id": "round_ring_9", "name": "Round Ring (9)"}],
    "screens": [{"template": "round_ring_9", "buttons": [
        {"label": "größe \U0001f600", "action": "none", "payload": "a\nb\t\"c\"\\",
         "mqtt_topic": "", "icon": {"type": "none", "id": "", "display": ""}}] * 16}] * 8,
}
CONFIG = {"wifi_ssid": "house", "wifi_password": "", "device_name": "pad", "mqtt_host": "",
          "mqtt_port": 1883, "mqtt_password": "", "basic_auth_enabled": False,
          "basic_auth_password": "", "backlight_brightness": 100, "device_name_sanitized": "pad"}


class Device:
    """`with Device() as d:` has d.pty and d.address. Options:

    heartbeat_s; hotspot: the tags of a scenario; hin: the low water mark that it tells; tripwire:
    bytes, 0: off; words: lines to print behind the setup; answers: {"GET /": 500, ...}; serial:
    False prints nothing; silent: no marks of a boot; address_line: "Got IP:"; panel: its size;
    replugs: the line goes away at a reboot; hangs: what is never answered.
    """

    def __init__(self, heartbeat_s=0.5, hotspot=True, hin=150000, tripwire=0, words=(),
                 answers=None, serial=True, silent=False, address_line=True, panel=(64, 48),
                 replugs=False, hangs=()):
        self.heartbeat_s, self.hotspot, self.hin = heartbeat_s, hotspot, hin
        self.tripwire, self.words, self.answers = tripwire, words, answers or {}
        self.serial, self.silent, self.address_line = serial, silent, address_line
        self.panel, self.replugs, self.hangs = panel, replugs, hangs
        self.requests, self.bodies = [], {}
        self.boots = 0
        self.lock = threading.RLock()
        self.stopping = threading.Event()

    # ---- the line ------------------------------------------------------------------------------

    def say(self, text):
        if self.serial:
            with self.lock, contextlib.suppress(BlockingIOError):
                os.write(self.master, (text + "\r\n").encode())

    def snapshot(self, tag, hin=None):
        with self.lock:
            self.low = min(self.low, self.hin if hin is None else hin)
            low, free = self.low, max(self.low, 180000)
            self.say(f"[Mem] {tag} hf={free} hm={low} hl={free * 9 // 10} hi={free} hin={low} "
                     f"frag=10 pf=8000000 pm=7900000 pl=7800000 (0ms)")
            if self.tripwire and low < self.tripwire and not self.tripped:
                self.tripped = True
                self.say(f"[Mem] TRIPWIRE fired tag={tag} hin={low}B < {self.tripwire}B (hf=")
                self.say(f"[Mem] Task dump (2 tasks, sorted by stack margin) tag={tag} (0ms)")
                self.say("[Task] name=ipc0 prio=24 core=0 stack_rem=76B (0ms)")
                self.say("[Task] name=loop prio=1 core=-1 stack_rem=2048B (0ms)")

    def once(self, tag):
        if self.hotspot and tag not in self.seen:
            self.seen.add(tag)
            self.snapshot(tag)

    def hot(self, tag):
        if self.hotspot:
            self.snapshot(tag)

    def boot(self):
        with self.lock:
            self.boots += 1
            self.low, self.tripped, self.seen = 10 ** 9, False, set()
            self.started = time.monotonic()
            if not self.silent:
                self.say("ESP-ROM:esp32s3-20210327")
                self.say("rst:0x3 (RTC_SW_SYS_RST),boot:0x8 (SPI_FAST_FLASH_BOOT)")
                self.say("[System Boot] Starting...")
                self.say("  Firmware: v1.5.0")
                self.say("Done (0ms)")
            self.snapshot("boot", 250000)
            if self.address_line:
                self.say("[WiFi] Got IP: 127.0.0.1 (0ms)")
            self.say("[Main] Setup complete (0ms)")
            self.snapshot("setup", 200000)
            for line in self.words:
                self.say(line)
            for tag in ("mqtt_connect_attempt", "mqtt_connected", "mqtt_discovery_pre",
                        "mqtt_first_publish", "mqtt_discovery_post"):
                self.once(tag)

    def replug(self):
        """The line goes away and comes again by the same name, as a USB device does."""
        with self.lock:
            os.close(self.master)
            os.close(self.slave)
            self.plug()

    def plug(self):
        self.master, self.slave = pty.openpty()  # the slave stays open: the line never hangs up
        tty.setraw(self.slave)
        os.set_blocking(self.master, False)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.pty)
        os.symlink(os.ttyname(self.slave), self.pty)

    def beat(self):
        while not self.stopping.wait(self.heartbeat_s):
            self.say("[Heartbeat] Up: 1s | Heap: 1 | WiFi: 127.0.0.1 (pad) (0ms)")
            self.snapshot("hb")

    # ---- the routes ----------------------------------------------------------------------------

    def health(self):
        low = min(self.low, self.hin)
        return {"uptime_seconds": int(time.monotonic() - self.started), "reset_reason": "Software",
                "heap_free": 180000, "heap_min": low, "heap_largest": 160000,
                "heap_internal_free": 180000, "heap_internal_min": low,
                "heap_internal_largest": 160000, "heap_fragmentation": 11, "psram_free": 8000000,
                "psram_min": 7900000, "psram_largest": 7800000, "psram_fragmentation": 2}

    def answer(self, method, path, query, body):
        """(status, type, body) of a request."""
        pages = {"/": "http_root", "/network.html": "http_network",
                 "/firmware.html": "http_firmware"}
        if method == "GET" and path in pages:
            self.once(pages[path])
            return 200, "text/html", b"x" * 30000
        if method == "GET" and path in ("/portal.css", "/portal.js"):
            return 200, "text/css", b"y" * 20000
        if method == "POST" and path == "/api/macros":
            document = json.loads(body)
            for tag in ("begin", "parsed", "saved", "applied"):
                self.hot("http_macros_post_" + tag)
            good = document["screens"] == MACROS["screens"]
            return (200 if good else 400), "application/json", b'{"success":true}\n'
        if path == "/api/display/screen":
            self.hot("lvgl_switch_post_" + json.loads(body)["screen"])
        if path.startswith("/api/display/image"):
            return self.image(method, path, query, body)
        documents = {
            "/api/health": self.health(), "/api/macros": MACROS, "/api/config": CONFIG,
            "/api/mode": {"mode": "full", "ap_active": False},
            "/api/info": {"display_coord_width": self.panel[0],
                          "display_coord_height": self.panel[1], "current_screen": "macro1"},
            "/api/icons": {"icons": []}}
        if method == "GET" and path not in documents:
            return 404, "text/plain", b"Not found"
        value = documents.get(path, {"success": True}) if method == "GET" else {"success": True}
        return 200, "application/json", json.dumps(value).encode()

    def image(self, method, path, query, body):
        if method == "DELETE":
            self.snapshot("img_dismiss")
            return 200, "application/json", b'{"success":true}'
        is_strip = path.endswith("/strips")
        data = body if is_strip else body[body.find(b"\r\n\r\n") + 4:]
        kind = "strip" if is_strip else "img"
        at = data.find(b"\xff\xc0")
        size = (int.from_bytes(data[at + 7:at + 9], "big"), int.from_bytes(data[at + 5:at + 7], "big"))
        arguments = dict(part.split("=") for part in query.split("&") if "=" in part)
        in_order = int(arguments.get("strip_index", 0)) in (0, getattr(self, "next_strip", 0))
        whole = size[0] == self.panel[0] and (is_strip or size[1] == self.panel[1])
        if data[:2] != b"\xff\xd8" or at < 0 or not whole or len(body) > 300 * 1024 or \
                (is_strip and (not in_order or
                               int(arguments["strip_index"]) >= int(arguments["strip_count"]))):
            return 400, "application/json", b'{"success":false,"message":"Invalid JPEG"}'
        self.next_strip = int(arguments.get("strip_index", 0)) + 1
        self.snapshot(kind + "_pre_decode")
        self.snapshot(kind + "_post_decode")
        return 200, "application/json", b'{"success":true}'

    def handler(device):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_any(self):
                path, _, query = self.path.partition("?")
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                key = f"{self.command} {path}"
                with device.lock:
                    device.requests.append((key, self.path, dict(self.headers)))
                    device.bodies[key] = body
                if path == "/api/reboot":
                    self.close_connection = True
                    if device.replugs:
                        device.replug()
                        time.sleep(1)  # until it has been opened again
                    device.boot()  # the peer is gone already
                    return
                if key in device.hangs:
                    device.stopping.wait(60)
                    return
                status, kind, reply = device.answer(self.command, path, query, body)
                if key in device.answers:
                    status, reply = device.answers[key], b"{}"
                with contextlib.suppress(OSError):
                    self.send_response(status)
                    self.send_header("Content-Type", kind)
                    self.send_header("Content-Length", str(len(reply)))
                    self.end_headers()
                    self.wfile.write(reply)

            do_GET = do_POST = do_PUT = do_DELETE = do_any

            def log_message(self, *args):
                pass

            def handle(self):
                with contextlib.suppress(OSError):
                    super().handle()
        return Handler

    # ---- its life ------------------------------------------------------------------------------

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="nuthatch-device-")
        self.pty = os.path.join(self.folder, "tty")
        self.plug()
        self.low, self.tripped, self.seen = 10 ** 9, False, set()
        self.started = time.monotonic() - 100
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.address = f"127.0.0.1:{self.port}"
        self.threads = [threading.Thread(target=self.server.serve_forever, daemon=True),
                        threading.Thread(target=self.beat, daemon=True)]
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *exc):
        self.stopping.set()
        self.server.shutdown()
        self.server.server_close()
        for t in self.threads:
            t.join(5)
        os.close(self.master)
        os.close(self.slave)
        shutil.rmtree(self.folder)
