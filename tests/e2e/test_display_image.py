"""Images from outside: whole, in strips, from an address; who is refused, and that nobody holds the
panel for longer than its time."""
import contextlib
import http.server
import json
import socket
import threading
import time
import unittest
import urllib.error
import urllib.request

from hub import Hub
from jpegs import form, jpeg
from test_display import png_pixels, send, until

SIDE = 360
CONFIG = """
display: {splash_ms: 0, strip_timeout_ms: 1000, upload_timeout_ms: 1500}
"""


def halves(x, y):
    return (248, 0, 0) if x < 176 else (0, 252, 0) if y < 176 else (0, 0, 248)


def near(pixel, r, g, b):
    return (abs((pixel >> 11) - (r >> 3)) < 3 and abs((pixel >> 5 & 63) - (g >> 2)) < 5 and
            abs((pixel & 31) - (b >> 3)) < 3)


def post(hub, path, data, content_type):
    request = urllib.request.Request(hub.url(path), data, {"Content-Type": content_type},
                                     method="POST")
    try:
        with urllib.request.urlopen(request, timeout=30) as r:
            return r.status, json.loads(r.read())
    except urllib.error.HTTPError as e:
        with e:
            return e.code, json.loads(e.read())


def post_image(hub, data, query=""):
    kind, body = form(data)
    return post(hub, f"/api/display/image{query}", body, kind)


def post_strip(hub, data, index, count, width=SIDE, height=SIDE, more=""):
    return post(hub, f"/api/display/image/strips?strip_index={index}&strip_count={count}"
                f"&width={width}&height={height}{more}", data, "application/octet-stream")


def screenshot(hub):
    return png_pixels(hub.get("/api/display/screenshot"))[2]


def screen(hub):
    return hub.get_json("/api/display")["screen"]


class Pictures(http.server.BaseHTTPRequestHandler):
    """What is asked for by name."""

    def do_GET(self):
        data = jpeg(SIDE, SIDE, halves)
        name = self.path.lstrip("/")
        if name == "stall":
            time.sleep(3)
        self.send_response({"missing": 404, "moved": 302}.get(name, 200))
        if name == "moved":
            self.send_header("Location", "/ok")
        if name != "unknown":
            size = {"large": 400000, "empty": 0}.get(name, len(data) * (2 if name == "cut" else 1))
            self.send_header("Content-Length", str(size))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(b"no picture" * 900 if name == "text" else data)
        self.close_connection = True

    def log_message(self, *args):
        pass


class Images(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.hub = Hub(config=CONFIG).start()

    @classmethod
    def tearDownClass(cls):
        assert cls.hub.stop() == 0, cls.hub.stderr()
        text = cls.hub.stderr()
        assert "still holds" not in text and "Sanitizer" not in text, text

    def tearDown(self):
        send(self.hub, "DELETE", "/api/display/image")
        until(self.hub, "/api/display",
              lambda d: d["screen"] != "direct_image" and d["image"]["state"] == "idle")

    def check_halves(self):
        pixels = screenshot(self.hub)
        for x, y, color in [(50, 50, (248, 0, 0)), (50, 300, (248, 0, 0)), (300, 50, (0, 252, 0)),
                            (300, 300, (0, 0, 248)), (1, 1, (248, 0, 0)), (358, 358, (0, 0, 248))]:
            self.assertTrue(near(pixels[y * SIDE + x], *color), (x, y, hex(pixels[y * SIDE + x])))

    # ---- whole ---------------------------------------------------------------------------------

    def test_whole(self):
        hub = self.hub
        before, mark = screen(hub), len(hub.lines)
        self.assertEqual(post_image(hub, jpeg(SIDE, SIDE, halves), "?timeout=0"),
                         (200, {"success": True,
                                "message": "Image queued for display (0s timeout)"}))
        self.assertEqual(screen(hub), "direct_image")
        self.check_halves()
        for tag in ["img_pre_clear", "img_post_clear", "img_pre_alloc", "img_post_alloc",
                    "img_pre_decode", "img_post_decode"]:
            hub.wait_line(rf"^\[Mem\] {tag} hf=\d+ ", after=mark)
        self.assertEqual(send(hub, "DELETE", "/api/display/image"),
                         (200, {"success": True, "message": "Image dismiss queued"}))
        until(hub, "/api/display", lambda d: d["screen"] == before)
        hub.wait_line(r"^\[Mem\] img_dismiss hf=", after=mark)
        self.assertEqual(send(hub, "DELETE", "/api/display/image")[0], 200)  # nothing is shown

    def test_body_without_a_form(self):
        status, _ = post(self.hub, "/api/display/image", jpeg(SIDE, SIDE, halves), "image/jpeg")
        self.assertEqual(status, 200)
        self.check_halves()

    def test_timeout_brings_back_the_screen(self):
        hub = self.hub
        send(hub, "PUT", "/api/display/screen", {"screen": "test"})
        until(hub, "/api/display", lambda d: d["screen"] == "test")
        before = screenshot(hub)
        for query, told in [("?timeout=1", 1), ("?timeout=99999999", 86400), ("", 10),
                            ("?timeout=abc", 0)]:
            status, answer = post_image(hub, jpeg(SIDE, SIDE), query)
            self.assertEqual((status, answer["message"]),
                             (200, f"Image queued for display ({told}s timeout)"))
        status, _ = post_image(hub, jpeg(SIDE, SIDE), "?timeout=1")
        until(hub, "/api/display", lambda d: d["screen"] == "test")
        self.assertEqual(screenshot(hub), before)

    def test_refused(self):
        hub, good = self.hub, jpeg(SIDE, SIDE)
        wrong_size = "Unsupported JPEG dimensions: got 352x360, expected 360x360"
        for data, want in [
                (b"", "No data received"),
                (b"GIF89a not a picture", "Invalid JPEG file"),
                (b"\xff\xd8\xff\xe0\0\4ab", "Invalid JPEG header (missing SOF marker)"),
                (jpeg(352, SIDE), wrong_size),
                (jpeg(SIDE, SIDE, frame=0xC2),
                 "Unsupported JPEG: progressive encoding (use baseline JPEG)"),
                (good[:len(good) // 2], "Invalid JPEG file"),
                (jpeg(SIDE, SIDE, padding=310000), "Image too large"),
        ]:
            status, answer = post_image(hub, data)
            self.assertEqual((status, answer["success"], answer["message"]), (400, False, want))
            self.assertEqual(screen(hub) == "direct_image", False)
            self.assertEqual(post_image(hub, good)[0], 200)  # and the next one is shown
            send(hub, "DELETE", "/api/display/image")
            until(hub, "/api/display", lambda d: d["screen"] != "direct_image")
        self.assertEqual(send(hub, "POST", "/api/display/image")[0], 400)
        kind, body = form(good)
        self.assertEqual(post(hub, "/api/display/image", body[:-20], kind),
                         (400, {"success": False, "message": "Incomplete upload", "error": {
                             "code": "bad_image", "message": "Incomplete upload", "details": []}}))

    def test_in_the_screen_for_images(self):
        hub = self.hub
        send(hub, "PUT", "/api/display/screen", {"screen": "lvgl_image"})
        until(hub, "/api/display", lambda d: d["screen"] == "lvgl_image")
        mark = len(hub.lines)
        self.assertEqual(post_image(hub, jpeg(SIDE, SIDE, halves))[0], 200)
        self.assertEqual(screen(hub), "lvgl_image")
        hub.wait_line(r"^\[Mem\] img_lvgl_post hf=", after=mark)
        pixels = screenshot(hub)
        self.assertTrue(near(pixels[150 * SIDE + 140], 248, 0, 0))
        self.assertTrue(near(pixels[250 * SIDE + 250], 0, 0, 248))
        self.assertFalse(near(pixels[10 * SIDE + 180], 248, 0, 0))
        send(hub, "PUT", "/api/display/screen", {"screen": "macro1"})

    # ---- strips ----------------------------------------------------------------------------------

    def strips(self, rows, height=SIDE, width=SIDE):
        return [jpeg(width, min(rows, height - y), lambda x, row, y=y: halves(x, y + row))
                for y in range(0, height, rows)]

    def test_strips(self):
        hub = self.hub
        mark = len(hub.lines)
        parts = self.strips(48)
        for i, part in enumerate(parts):
            status, answer = post_strip(hub, part, i, len(parts), more="&timeout=0")
            self.assertEqual((status, answer),
                             (200, {"success": True, "strip_index": i, "strip_count": len(parts),
                                    "complete": i + 1 == len(parts)}))
        self.check_halves()
        for tag in ["strip_pre_alloc", "strip_pre_decode", "strip_post_decode"]:
            hub.wait_line(rf"^\[Mem\] {tag} hf=", after=mark)
        self.assertEqual(screen(hub), "direct_image")

    def test_strips_of_a_smaller_image(self):
        parts = self.strips(16, 64, 80)
        for i, part in enumerate(parts):
            status, answer = post_strip(self.hub, part, i, len(parts), 80, 64)
            self.assertEqual(status, 200, answer)
        pixels = screenshot(self.hub)
        self.assertTrue(near(pixels[180 * SIDE + 180], 248, 0, 0))
        self.assertEqual(pixels[50 * SIDE + 180], 0)

    def test_strips_refused(self):
        hub, part = self.hub, jpeg(SIDE, 48)
        missing = "Missing required parameters: strip_index, strip_count, width, height"
        for path, message in [("", missing), ("?strip_index=0&strip_count=2&width=360", missing)]:
            for body in (part, b""):
                status, answer = post(hub, "/api/display/image/strips" + path, body, "image/jpeg")
                self.assertEqual((status, answer["message"]), (400, message))
        for index, count, width, height, data, message in [
                (2, 2, 360, 360, part, "Invalid strip index"),
                (1, 8, 360, 360, part, "Invalid strip index"),  # nobody sent the first
                ("x", 8, 360, 360, part, "Invalid strip index"),
                (0, 8, 361, 360, part, "Invalid image dimensions"),
                (0, 8, 360, 0, part, "Invalid image dimensions"),
                (0, 8, 360, 360, b"no picture", "Invalid JPEG data"),
                (0, 8, 352, 360, part,
                 "Unsupported JPEG dimensions: got 360x48, expected 352x1..360"),
                (0, 1, 360, 32, part,
                 "Unsupported JPEG dimensions: got 360x48, expected 360x1..32"),
        ]:
            status, answer = post_strip(hub, data, index, count, width, height)
            self.assertEqual((status, answer["message"]), (400, message))
        self.assertEqual(post_strip(hub, part, 0, 8)[0], 200)
        self.assertEqual(post_strip(hub, part, 2, 8)[1]["message"], "Invalid strip index")
        self.assertEqual(post_strip(hub, part, 0, 8)[0], 200)  # its sender begins again

    def test_strips_that_stop(self):
        hub, part = self.hub, jpeg(SIDE, 48)
        before = screen(hub)
        timeouts = hub.get_json("/api/display")["image"]["timeouts"]
        self.assertEqual(post_strip(hub, part, 0, 8)[0], 200)
        until(hub, "/api/display", lambda d: d["screen"] == before)  # half an image does not stay
        # One that meets the very moment is told so; whoever comes later has nothing to go on with.
        if post_strip(hub, part, 1, 8)[0] == 409:
            timeouts -= 1
        self.assertEqual(post_strip(hub, part, 1, 8)[1]["message"], "Invalid strip index")
        self.assertEqual(hub.get_json("/api/display")["image"]["timeouts"], timeouts + 1)

    # ---- who is in the way -------------------------------------------------------------------------

    def half_an_upload(self):
        kind, body = form(jpeg(SIDE, SIDE, halves))
        s = socket.create_connection(("127.0.0.1", int(self.hub.http.rsplit(":", 1)[1])), 30)
        s.sendall(f"POST /api/display/image HTTP/1.1\r\nHost: {self.hub.http}\r\nContent-Type: "
                  f"{kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body[:3000])
        until(self.hub, "/api/display", lambda d: d["image"]["state"] == "receiving")
        return s, body[3000:]

    def test_one_at_a_time(self):
        hub = self.hub
        s, rest = self.half_an_upload()
        with s:
            for status, answer in [post_image(hub, jpeg(SIDE, SIDE)),
                                   post_strip(hub, jpeg(SIDE, 48), 0, 8),
                                   send(hub, "POST", "/api/display/image_url",
                                        {"url": "http://127.0.0.1:1/x"})]:
                self.assertEqual(status, 409, answer)
                self.assertIn(answer["message"], ("Upload busy", "Busy"))
            s.sendall(rest)
            self.assertIn(b" 200 ", s.recv(4096))
        self.check_halves()  # and nothing of the others is in it

    def test_a_client_that_goes_frees_it_at_once(self):
        s, _ = self.half_an_upload()
        s.close()
        until(self.hub, "/api/display", lambda d: d["image"]["state"] == "idle")
        self.assertEqual(post_image(self.hub, jpeg(SIDE, SIDE))[0], 200)

    def test_a_client_that_stalls_loses_it(self):
        hub = self.hub
        s, rest = self.half_an_upload()
        with s:
            end = time.monotonic() + 20
            status = 409
            while status == 409 and time.monotonic() < end:
                status, _ = post_image(hub, jpeg(SIDE, SIDE), "?timeout=0")
            self.assertEqual(status, 200)
            want = screenshot(hub)
            s.sendall(rest)
            self.assertIn(b" 409 ", s.recv(4096))
        self.assertEqual(screenshot(hub), want)

    # ---- addresses -----------------------------------------------------------------------------

    def test_from_an_address(self):
        hub = self.hub
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pictures)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        base = f"http://127.0.0.1:{server.server_port}/"
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        mark = len(hub.lines)
        answer = send(hub, "POST", "/api/display/image_url?timeout=0", {"url": base + "ok"})
        self.assertEqual(answer, (200, {"success": True, "message": "Image URL queued"}))
        until(hub, "/api/display", lambda d: d["screen"] == "direct_image")
        self.check_halves()
        for tag in ["urlimg_pre_download", "urlimg_post_download", "img_post_decode"]:
            hub.wait_line(rf"^\[Mem\] {tag} hf=", after=mark)
        for name, why in [("missing", "no image"), ("moved", "no image"),
                          ("unknown", "does not say how long"), ("large", "more than 307200"),
                          ("empty", "too large"), ("text", "Invalid JPEG file"), ("cut", "")]:
            before = hub.get_json("/api/display")["image"]["failed"]
            mark = len(hub.lines)
            self.assertEqual(
                send(hub, "POST", "/api/display/image_url", {"url": base + name})[0], 200)
            image = until(hub, "/api/display", lambda d: d["image"]["failed"] > before)["image"]
            self.assertIn(why, image["last_error"], name)
            hub.wait_line(r"^\[Mem\] urlimg_download_fail hf=", after=mark)
            self.assertEqual(image["state"], "idle")
        send(hub, "POST", "/api/display/image_url?timeout=1", {"url": base + "stall"})
        self.assertEqual(send(hub, "POST", "/api/display/image_url", {"url": base + "ok"})[0], 409)
        until(hub, "/api/display", lambda d: d["image"]["state"] == "idle")

    def test_addresses_refused(self):
        for body, status, message in [
                (b"{", 400, "Invalid JSON"),
                ({}, 400, "Missing url"),
                ({"url": 5}, 400, "Missing url"),
                ({"url": "http://a/" + "x" * 300}, 400, "URL too long"),
                ({"url": "ftp://a/b"}, 400, "Invalid url: http://host/path or https://host/path"),
                ({"url": "x", "more": "y" * 1100}, 413, "Body too large"),
        ]:
            got, answer = send(self.hub, "POST", "/api/display/image_url", body)
            self.assertEqual((got, answer["message"]), (status, message))


class NoRoom(unittest.TestCase):
    def test_headroom(self):
        with Hub(config="display: {image_headroom_bytes: 1000000}\n") as hub:
            status, answer = post_image(hub, jpeg(SIDE, SIDE))
            self.assertEqual(status, 507)
            self.assertRegex(answer["message"], r"^Insufficient internal memory: need 976KB decode "
                                                r"headroom, have \d+KB\.$")
            hub.wait_line(r"^\[Mem\] img_insufficient hf=")
            status, answer = post_strip(hub, jpeg(SIDE, 48), 0, 8)
            self.assertEqual(status, 507, answer)
            status, answer = send(hub, "POST", "/api/display/image_url",
                                  {"url": "http://127.0.0.1:9/"})
            self.assertEqual(status, 507, answer)  # before anything is asked for there
            self.assertRegex(answer["message"], "^Insufficient internal memory: need 976KB")
            image = hub.get_json("/api/display")["image"]
            self.assertEqual((image["no_memory"], image["failed"]), (3, 0))

    def test_no_psram_left(self):
        with Hub(config="faults: {fail_per_million: 1000000, owner: display}\n") as hub:
            self.assertEqual(send(hub, "GET", "/api/display")[0], 404)  # it could not be made


if __name__ == "__main__":
    unittest.main()
