"""The panel through the portal: screens, sleep, brightness, and what a wrong request is told."""
import ctypes.util
import json
import struct
import time
import unittest
import urllib.error
import urllib.request
import zlib

from http_client import Client, Socket
from hub import Hub

SCREENS = [f"macro{n}" for n in range(1, 9)] + ["info", "test", "error", "lvgl_image"]


def until(hub, path, condition, timeout=20):
    end = time.monotonic() + timeout
    while True:
        value = hub.get_json(path)
        if condition(value):
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{path} stays {value}")
        time.sleep(0.02)


def send(hub, method, path, body=None):
    """(status, decoded reply); a body that is bytes goes as it is."""
    data = json.dumps(body).encode() if isinstance(body, dict) else body
    request = urllib.request.Request(hub.url(path), data, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as r:
            return r.status, json.loads(r.read())
    except urllib.error.HTTPError as e:
        with e:
            return e.code, json.loads(e.read())


def png_pixels(data):
    """(width, height, RGB565 of every pixel) of a PNG as this hub makes them."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, packed = 8, b""
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + size]
        assert struct.unpack(">I", data[at + 8 + size:at + 12 + size])[0] == zlib.crc32(kind + body)
        if kind == b"IHDR":
            width, height = struct.unpack(">II", body[:8])
        elif kind == b"IDAT":
            packed += body
        at += 12 + size
    raw, pixels = zlib.decompress(packed), []
    for y in range(height):
        line = raw[y * (width * 3 + 1):(y + 1) * (width * 3 + 1)]
        assert line[0] == 1
        rgb = [0, 0, 0]
        for x in range(width):
            rgb = [(a + b) & 255 for a, b in zip(rgb, line[1 + 3 * x:4 + 3 * x])]
            pixels.append((rgb[0] >> 3) << 11 | (rgb[1] >> 2) << 5 | rgb[2] >> 3)
    return width, height, pixels


class Mirror:
    """What a page draws of the binary messages; the format is that of docs/display.md."""

    def __init__(self, socket):
        self.socket, self.pixels = socket, []

    def read(self):
        opcode, data = self.socket.read()
        if opcode != 2:
            return
        assert data[:2] == b"\x01\x01"
        width, height = struct.unpack("<HH", data[2:6])
        self.pixels = self.pixels or [None] * (width * height)
        at = 6
        while at < len(data):
            x, y, w, h, size = struct.unpack("<HHBBH", data[at:at + 8])
            at, end, n = at + 8, at + 8 + size, 0
            while at < end:
                b, at = data[at], at + 1
                count, step = (b + 1, 2) if b < 128 else (b - 126, 0)
                for _ in range(count):
                    self.pixels[(y + n // w) * width + x + n % w] = data[at] | data[at + 1] << 8
                    n, at = n + 1, at + step
                at += 0 if step else 2
            assert n == w * h


class Display(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.hub = Hub(config="display: {splash_ms: 0}\nhealth: {hotspot_tags: true}\n").start()

    @classmethod
    def tearDownClass(cls):
        assert cls.hub.stop() == 0, cls.hub.stderr()

    def ask(self, method, path, body=None, status=200):
        got, answer = send(self.hub, method, path, body)
        self.assertEqual(got, status, answer)
        return answer

    def test_screens(self):
        hub = self.hub
        self.assertEqual([s["id"] for s in hub.get_json("/api/display")["screens"]], SCREENS)
        for screen in SCREENS + ["macro1"]:
            mark = len(hub.lines)
            before = hub.get_json("/api/display")["screen"]
            answer = self.ask("PUT", "/api/display/screen", {"screen": screen, "more": [1, {}]})
            self.assertEqual(answer, {"success": True, "screen": screen})
            until(hub, "/api/display", lambda d: d["screen"] == screen)
            if before != screen:
                hub.wait_line(rf"^\[Mem\] lvgl_switch_pre_{before} hf=", after=mark)
                hub.wait_line(rf"^\[Mem\] lvgl_switch_post_{screen} hf=", after=mark)

    def test_wrong_requests(self):
        for method, path, body, status, message in [
                ("PUT", "screen", b"{", 400, "Invalid JSON"),
                ("PUT", "screen", b"", 400, "Invalid JSON"),
                ("PUT", "screen", {}, 400, "Missing screen ID"),
                ("PUT", "screen", {"screen": 7}, 400, "Invalid screen ID"),
                ("PUT", "screen", {"screen": ""}, 400, "Invalid screen ID"),
                ("PUT", "screen", {"screen": "macro9"}, 404, "Screen not found"),
                ("PUT", "screen", {"screen": "splash"}, 404, "Screen not found"),
                ("PUT", "brightness", b"[]", 400, "Invalid JSON"),
                ("PUT", "brightness", {}, 400, "Missing brightness value"),
                ("PUT", "brightness", {"brightness": -1}, 400,
                 "Invalid brightness: a number from 0 to 100"),
        ]:
            answer = self.ask(method, f"/api/display/{path}", body, status)
            self.assertEqual((answer["success"], answer["message"]), (False, message))

    def test_sleep_and_wake(self):
        hub = self.hub
        state = hub.get_json("/api/display/sleep")
        self.assertEqual(state, {"enabled": False, "state": 0, "current_brightness": 100,
                                 "target_brightness": 100, "seconds_until_sleep": 0})
        self.assertEqual(self.ask("POST", "/api/display/sleep"), {"success": True})
        until(hub, "/api/display/sleep", lambda s: s["state"] == 2 and s["current_brightness"] == 0)
        self.ask("POST", "/api/display/activity")
        self.assertEqual(hub.get_json("/api/display/sleep")["state"], 2)
        self.ask("POST", "/api/display/activity?wake=1")
        until(hub, "/api/display/sleep", lambda s: s["state"] == 0)
        self.ask("POST", "/api/display/sleep")
        self.ask("POST", "/api/display/wake")
        until(hub, "/api/display/sleep",
              lambda s: s["state"] == 0 and s["current_brightness"] == 100)

    def test_brightness(self):
        hub = self.hub
        for value, want in [(40, 40), (500, 100), (0, 0), (99.6, 100), (100, 100)]:
            answer = self.ask("PUT", "/api/display/brightness", {"brightness": value})
            self.assertEqual(answer, {"success": True, "brightness": want})
            until(hub, "/api/display/sleep", lambda s: s["current_brightness"] == want)

    def test_settings_apply_at_once(self):
        hub = self.hub

        def put(values):
            base = hub.get_json("/api/settings")["generation"]
            answer = self.ask("PUT", "/api/settings", {"base_generation": base, "values": values})
            self.assertEqual(answer["restart_needed"], [])

        put({"/display/saver": True, "/display/saver_timeout_s": 3600,
             "/display/brightness_pct": 70})
        state = until(hub, "/api/display/sleep", lambda s: s["current_brightness"] == 70)
        self.assertTrue(state["enabled"])
        self.assertIn(state["seconds_until_sleep"], range(3500, 3601))
        put({"/display/saver": False, "/display/brightness_pct": 100})
        until(hub, "/api/display/sleep", lambda s: s["current_brightness"] == 100)

    def test_idle_paints_nothing(self):
        hub = self.hub
        self.ask("PUT", "/api/display/screen", {"screen": "macro8"})
        until(hub, "/api/display", lambda d: d["screen"] == "macro8")
        frames = hub.get_json("/api/display")["counters"]["flushes"]
        for _ in range(20):
            hub.get_json("/api/info")
        self.assertEqual(hub.get_json("/api/display")["counters"]["flushes"], frames)


    # ---- what it shows -----------------------------------------------------------------------------

    def screenshot(self):
        with urllib.request.urlopen(self.hub.url("/api/display/screenshot"), timeout=30) as r:
            self.assertEqual(r.headers["Content-Type"], "image/png")
            return png_pixels(r.read())

    def watch(self):
        hub = self.hub

        class Server:
            @staticmethod
            def connect():
                return Client(int(hub.http.rsplit(":", 1)[1]))

        s = Socket(Server)
        s.say({"subscribe": ["mirror"]})
        return s

    def test_screenshot_and_mirror_show_the_same(self):
        hub = self.hub
        with self.watch() as s:
            seen = Mirror(s)
            for screen in ["test", "macro2", "error"]:
                self.ask("PUT", "/api/display/screen", {"screen": screen})
                until(hub, "/api/display", lambda d: d["screen"] == screen)
                want = self.screenshot()
                self.assertEqual((want[0], want[1]), (360, 360))
                self.assertGreater(len(set(want[2])), 3)
                while seen.pixels != want[2]:
                    seen.read()

    def test_clicks_in_the_mirror(self):
        hub = self.hub
        self.ask("PUT", "/api/display/screen", {"screen": "info"})
        until(hub, "/api/display", lambda d: d["screen"] == "info")
        with self.watch() as s:
            s.send(2, bytes([1, 0]) + struct.pack("<hh", 100, 100))
            s.send(2, bytes([1, 2]) + struct.pack("<hh", 100, 100))
            until(hub, "/api/display", lambda d: d["screen"] == "test")
            s.send(2, bytes([1, 0]) + struct.pack("<hh", 10, 300))
            s.say({"ping": 1})
            while s.read() != (1, b'{"pong":1}'):  # it has seen the finger, and goes with it down
                pass
        until(hub, "/api/display", lambda d: d["screen"] == "info")
        with self.watch() as s:
            s.send(2, b"\x07hello")  # no such channel
            while True:
                opcode, data = s.read()
                if opcode == 1:
                    break
            self.assertEqual(json.loads(data)["error"]["code"], "bad_request")

    def test_a_click_on_a_macro_button(self):
        hub = self.hub
        document = hub.get_json("/api/macros")
        buttons = document["screens"][0]["buttons"]
        buttons[8].update(label="Next", action="nav_next")  # in the middle
        buttons[0].update(label="Info", action="nav_to", payload="info")
        self.ask("PUT", "/api/display/screen", {"screen": "macro1"})
        until(hub, "/api/display", lambda d: d["screen"] == "macro1")
        before = self.screenshot()[2]
        body = {"defaults": document["defaults"], "screens": document["screens"]}
        self.ask("POST", "/api/macros", body)
        hub.wait_until(lambda: self.screenshot()[2] != before, "the new buttons on the panel")
        for x, y, screen in [(180, 180, "macro2"), (180, 45, "info")]:
            self.ask("PUT", "/api/display/screen", {"screen": "macro1"})
            until(hub, "/api/display", lambda d: d["screen"] == "macro1")
            with self.watch() as s:
                s.send(2, bytes([1, 0]) + struct.pack("<hh", x, y))
                s.send(2, bytes([1, 2]) + struct.pack("<hh", x, y))
                until(hub, "/api/display", lambda d: d["screen"] == screen)

    def test_nobody_who_watches_costs_nothing(self):
        with self.watch() as s:
            seen = Mirror(s)
            self.ask("PUT", "/api/display/screen", {"screen": "macro7"})
            until(self.hub, "/api/display", lambda d: d["screen"] == "macro7")
            want = self.screenshot()[2]
            while seen.pixels != want:
                seen.read()
            s.say({"ping": 1})  # nothing else comes before its answer
            self.assertEqual(s.hear(), {"pong": 1})


class Window(unittest.TestCase):
    def test_window(self):
        if not ctypes.util.find_library("SDL2-2.0"):
            self.skipTest("no libsdl2-2.0-0")
        with Hub(args=["--window"], env={"SDL_VIDEODRIVER": "dummy"}) as hub:
            send(hub, "PUT", "/api/display/screen", {"screen": "test"})
            until(hub, "/api/display", lambda d: d["screen"] == "test")
            mark = len(hub.lines)
            hub.send_json("POST", "/api/reboot", None)  # in place: the window is another one
            hub.wait_line(r"^\[Main\] Setup complete", after=mark)
            until(hub, "/api/display", lambda d: d["screen"] in ("splash", "macro1"))

    def test_no_desktop(self):
        hub = Hub(args=["--window"], env={"SDL_VIDEODRIVER": "nothing"})
        with self.assertRaises(AssertionError):
            hub.start()
        hub.stop()
        self.assertEqual(hub.exit_code, 1)
        self.assertRegex(hub.stderr(), "nuthatch: --window: .")


class NoDisplay(unittest.TestCase):
    def test_off(self):
        with Hub(config="display: {enabled: false}\n") as hub:
            self.assertEqual(send(hub, "GET", "/api/display")[0], 404)
        with Hub(config="display: {font: /nowhere.ttf, width: 240, height: 320, shape: square}\n",
                 board="esp32-p4") as hub:
            state = hub.get_json("/api/display")
            self.assertEqual((state["width"], state["height"], state["round"]), (240, 320, False))
        with Hub(board="esp32") as hub:
            self.assertEqual(send(hub, "GET", "/api/display")[0], 404)


if __name__ == "__main__":
    unittest.main()
