"""The macro pad end to end: its document in and out through a real socket, over a restart and a
kill, while clients break off, and what it costs."""
import json
import os
import re
import signal
import socket
import struct
import tempfile
import unittest
import urllib.error
import urllib.request

from http_client import Client, Socket
from hub import Hub, run
from test_display import png_pixels
from test_mqtt import Subscriber

WORST = "\x01"  # JSON needs six bytes for it


def worst_document():
    button = {"payload": WORST * 255, "mqtt_topic": WORST * 127, "label": WORST * 15,
              "action": "mqtt_send", "button_bg": 0xFFFFFF, "icon_color": 0xFFFFFF,
              "label_color": 0xFFFFFF,
              "icon": {"display": WORST * 63, "id": WORST * 31, "type": "emoji"}}
    return {"defaults": {"screen_bg": 1, "button_bg": 2, "icon_color": 3, "label_color": 4},
            "screens": [{"screen_bg": 5, "template": "round_pie_8", "buttons": [button] * 16}] * 8}


def pick(document):
    return {"defaults": document["defaults"], "screens": document["screens"]}


class Check(unittest.TestCase):
    """nuthatch check of a document, without a hub."""

    def check(self, document, *options):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "macros.json")
            with open(path, "w", encoding="utf-8") as f:
                f.write(document if isinstance(document, str) else json.dumps(document))
            code, out, err = run("check", *options, path)
            return code, out.replace(path, "m"), err.replace(path, "m")

    def document(self, button):
        buttons = [{"action": "none"}] * 15
        return {"screens": [{"buttons": [button] + buttons}] + [{"buttons": buttons + [{}]}] * 7}

    def test_good(self):
        button = {"action": "send_keys", "payload": "CTRL c", "icon": {"type": "builtin", "id": "Copy"}}
        self.assertEqual(self.check(self.document(button)), (0, "m: good\n", ""))

    def test_faults(self):
        button = {"action": "send_keys", "payload": "CTRL c v\nNOPE\nSTRING \u00e9", "label": "l" * 16,
                  "icon": {"type": "builtin", "id": "nope"}}
        code, _, err = self.check(self.document(button))
        self.assertEqual((code, err.splitlines()), (1, [
            "m: warning: texts longer than their limit, which are cut; has 1",
            "m: warning: /screens/0/buttons/0/payload line 1, column 8 of the script: Left out; has v",
            "m: /screens/0/buttons/0/payload line 2, column 1 of the script: Unknown token; has NOPE",
            "m: /screens/0/buttons/0/payload line 3, column 8 of the script: "
            "No key of the layout makes this; has \u00e9",
            "m: /screens/0/buttons/0/icon/id there is no built-in icon of that name; has nope"]))
        code, out, _ = self.check({"screens": []}, "--json")
        found = json.loads(out)["findings"]
        self.assertEqual((code, found[0]["field"], found[0]["value"], found[0]["limit"]),
                         (1, "/screens", "0", "8"))
        code, _, err = self.check('{"screens": [')
        self.assertEqual((code, err.split(" ")[0]), (1, "m:1:14:"), err)

    def test_by_the_layout_of_a_hub(self):
        button = {"action": "send_keys", "payload": "STRING \u00e9"}
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "hub.yaml")
            with open(path, "w", encoding="utf-8") as f:
                f.write("macropad: {layout: de}\n")
            self.assertEqual(self.check(self.document(button), "--config", path)[0], 0)
        self.assertEqual(self.check(self.document(button))[0], 1)


class MacroDocument(unittest.TestCase):
    def post(self, hub, document):
        return hub.send_json("POST", "/api/macros", document)

    def half_post(self, hub, body, keep=False):
        host, port = hub.http.rsplit(":", 1)
        s = socket.create_connection((host, int(port)))
        s.sendall(b"POST /api/macros HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"
                  b"Content-Length: %d\r\n\r\n" % (hub.http.encode(), len(body)))
        s.sendall(body[:len(body) // 2])
        if not keep:
            s.close()
        return s

    def test_round_trip_and_restart(self):
        with Hub() as hub:
            first = hub.get_json("/api/macros")
            self.assertEqual((first["success"], first["version"], first["buttons_per_screen"]),
                             (True, 9, 16))
            self.assertEqual([len(s["buttons"]) for s in first["screens"]], [16] * 8)
            self.assertEqual([t["id"] for t in first["templates"]],
                             ["round_ring_9", "round_pie_8", "round_stack_sides_5",
                              "round_wide_sides_3", "round_split_sides_4"])
            changed = pick(first)
            changed["screens"][2]["buttons"][5] = {
                "label": "\u00dcber \U0001f600", "action": "mqtt_send", "payload": "{\"on\": true}",
                "mqtt_topic": "room/lamp/set", "button_bg": 255,
                "icon": {"type": "emoji", "id": "emoji_u1f600", "display": "\U0001f600"}}
            self.assertEqual(self.post(hub, changed), (200, {"success": True}))
            second = hub.get_json("/api/macros")
            self.assertEqual(pick(second), changed)
            self.assertEqual(self.post(hub, pick(second))[0], 200)
            hub.stop(signal.SIGKILL)
            hub.start()
            self.assertEqual(hub.get_json("/api/macros"), second)

    def test_the_fullest_document_costs_no_internal_memory(self):
        with Hub() as hub:
            document = worst_document()
            self.assertGreater(len(json.dumps(document)), 380000)
            self.assertEqual(self.post(hub, document)[0], 200)
            self.assertEqual(pick(hub.get_json("/api/macros")), document)
            rows = [r for r in hub.get_json("/api/routes")["routes"] if r["path"] == "/api/macros"]
            self.assertEqual(sorted(r["method"] for r in rows), ["GET", "POST"])
            for row in rows:
                self.assertLess(row["peak_internal_bytes"], 8192, row)

    def test_clients_that_break_off(self):
        with Hub(config="macropad: {upload_timeout_ms: 1000}") as hub:
            body = json.dumps(worst_document()).encode()
            good = pick(hub.get_json("/api/macros"))
            for _ in range(5):
                self.half_post(hub, body)
            def posted():
                status, reply = self.post(hub, good)
                if status != 200:
                    self.assertEqual((status, reply["message"]),
                                     (409, "Another macros update is in progress"))
                return status == 200
            # Gone is gone, as soon as the hub has seen it.
            hub.wait_until(posted, "the end of who is gone")
            # One that stays and says nothing gives way after its time.
            with self.half_post(hub, body, keep=True):
                hub.wait_until(posted, "the end of who is silent")
            self.assertEqual(pick(hub.get_json("/api/macros")), good)

    def test_faults(self):
        with Hub() as hub:
            good = pick(hub.get_json("/api/macros"))
            for screens, message in (
                    (None, "Missing screens[]"), ([], "screens[] has wrong length"),
                    ([1] * 8, "screens[] entries must be objects"),
                    ([{}] * 8, "Each screen must have buttons[]"),
                    ([{"buttons": []}] * 8, "buttons[] has wrong length"),
                    ([{"buttons": [0] * 16}] * 8, "buttons[] entries must be objects"),
                    ([{"buttons": [{"action": "mqtt_send"}] * 16}] * 8,
                     "mqtt_send requires mqtt_topic")):
                status, reply = self.post(hub, {"screens": screens})
                self.assertEqual((status, reply["success"], reply["message"]), (400, False, message))
                self.assertRegex(reply["error"]["details"][0]["field"], "^/screens")
            self.assertEqual(pick(hub.get_json("/api/macros")), good)

    def buttons(self, hub, *buttons):
        """Puts these on screen 1, from slot 0."""
        document = pick(hub.get_json("/api/macros"))
        document["screens"][0]["buttons"][:len(buttons)] = buttons
        self.assertEqual(self.post(hub, document)[0], 200)

    def press(self, hub, slot):
        return hub.send_json("POST", "/api/macropad/press", {"screen": 1, "slot": slot})

    def feed(self, hub, part):
        server = type("Server", (), {"connect": staticmethod(
            lambda: Client(int(hub.http.rsplit(":", 1)[1])))})
        socket_ = Socket(server)
        socket_.say({"subscribe": [part]})
        return socket_

    def test_buttons_type(self):
        with Hub(config="macropad: {keyboard: feed, layout: de}") as hub:
            self.buttons(hub, {"action": "send_keys", "payload": "STRING Gr\u00fc\u00dfe\nCTRL c"},
                         {"action": "send_keys", "payload": "DELAY 3600000\nSTRING never"})
            with self.feed(hub, "typed") as s:
                self.assertEqual(s.hear()["data"], {"keyboard": "feed", "entries": []})
                self.assertEqual(self.press(hub, 0)[0], 200)
                heard = []
                while len(heard) < 2:
                    heard += s.hear()["data"]["entries"]
            self.assertEqual([(e["kind"], e["text"], e["screen"], e["slot"]) for e in heard],
                             [("text", "Gr\u00fc\u00dfe", 1, 0), ("chord", "CTRL+c", 1, 0)])
            # A delay of an hour: the hub answers, and it can be broken off.
            self.assertEqual(self.press(hub, 1)[0], 200)
            hub.wait_until(lambda: hub.get_json("/api/macropad")["keyboard"]["waiting"] == 1,
                           "the first script's end")
            self.assertEqual(hub.send_json("POST", "/api/macropad/stop", None)[1]["stopped"], 1)
            # What was typed is not in the log.
            self.assertNotIn("Gr\u00fc\u00dfe", hub.get("/api/log").decode())

    def test_buttons_publish(self):
        with Hub(config="macropad: {keyboard: off, lamp_topic: wled/desk/api}") as hub:
            self.buttons(hub, {"action": "mqtt_send", "mqtt_topic": "room/a", "payload": "on"},
                         {"action": "mqtt_send", "mqtt_topic": "room/#", "payload": "on"},
                         {"action": "lamp_effect", "payload": "{\"fx\":9}"},
                         {"action": "run_scenario", "payload": "nobody/nothing"},
                         {"action": "send_keys", "payload": "a"})
            heard = Subscriber(hub, "-t", "#", count=2)
            self.assertEqual(self.press(hub, 0)[0], 200)
            self.assertEqual(self.press(hub, 2)[0], 200)
            self.assertEqual(heard.result(), ["room/a on", "wled/desk/api {\"fx\":9}"])
            for slot, status in ((1, 400), (3, 404), (4, 501), (5, 404)):
                got, reply = self.press(hub, slot)
                self.assertEqual(got, status, reply)
                self.assertIn(f"macro1 slot {slot}", reply["error"]["message"])
            hub.wait_line(r"macro1 slot 1: mqtt_send: ")
            self.assertEqual(hub.get_json("/api/macropad")["presses_failed"], 3)

    def install(self, hub, icon, blob):
        request = urllib.request.Request(hub.url(f"/api/icons/install?id={icon}"), blob, method="POST",
                                         headers={"Content-Type": "application/octet-stream"})
        try:
            with urllib.request.urlopen(request, timeout=30) as r:
                return r.status, json.loads(r.read())
        except urllib.error.HTTPError as e:
            with e:
                return e.code, json.loads(e.read())

    def test_icons(self):
        with Hub() as hub:
            built_in = hub.get_json("/api/icons")["icons"]
            self.assertGreaterEqual(len(built_in), 102)
            self.assertTrue(all(i["kind"] == "mask" for i in built_in))
            blob = b"ICN1" + struct.pack("<HHB3xI", 64, 64, 1, 64 * 64 * 3) + b"\x12\x34\xff" * 4096
            for icon in ("emoji_u1f600", "user_cat", "user_dog"):
                self.assertEqual(self.install(hub, icon, blob), (200, {"success": True}))
            self.assertEqual(self.install(hub, "user_bad", blob[:-1])[1]["message"],
                             "Blob length mismatch")
            self.assertEqual(hub.get("/api/icons/data?id=user_cat"), blob)
            self.assertEqual(len(hub.get("/api/icons/data?id=play")), 16 + 4096)
            self.buttons(hub, {"action": "go_back", "icon": {"type": "emoji", "id": "emoji_u1f600"}},
                         {"action": "go_back", "icon": {"type": "asset", "id": "User-Cat"}})
            self.assertEqual(hub.send_json("POST", "/api/icons/gc", None),
                             (200, {"success": True, "deleted": 1, "bytes_freed": len(blob)}))
            hub.stop(signal.SIGKILL)
            hub.start()
            listed = hub.get_json("/api/icons/installed")
            self.assertEqual(listed["success"], True)
            self.assertEqual(sorted(i["id"] for i in listed["icons"]), ["emoji_u1f600", "user_cat"])
            for row in hub.get_json("/api/routes")["routes"]:
                if row["path"].startswith("/api/icons"):
                    self.assertLess(row["peak_internal_bytes"], 8192, row)

    def test_buttons_lead_to_screens(self):
        with Hub(config="display: {splash_ms: 0}") as hub:
            def shows(screen):
                hub.wait_until(lambda: hub.get_json("/api/display")["screen"] == screen, screen)
            self.buttons(hub, {"action": "nav_next"}, {"action": "nav_to", "payload": "info"},
                         {"action": "go_back"}, {"action": "nav_to", "payload": "nowhere"},
                         {"action": "nav_prev"},
                         {"action": "mqtt_send", "mqtt_topic": "a/#", "payload": "x"})
            for slot, screen in ((0, "macro2"), (1, "info"), (2, "macro2"), (3, "macro1"),
                                 (4, "macro8"), (5, "error")):
                self.press(hub, slot)
                shows(screen)

    def test_a_finger_on_the_panel(self):
        """The panel shows an icon as soon as it is installed, and a touch does what the button says."""
        with Hub(config="display: {splash_ms: 0}") as hub:
            nobody = {"action": "none"}
            self.buttons(hub, *[nobody] * 8,
                         {"action": "mqtt_send", "mqtt_topic": "room/pad", "payload": "touched",
                          "icon": {"type": "asset", "id": "user_red"}})
            red = b"ICN1" + struct.pack("<HHB3xI", 64, 64, 1, 64 * 64 * 3) + b"\x00\xf8\xff" * 4096

            def is_red():
                with urllib.request.urlopen(hub.url("/api/display/screenshot"), timeout=30) as r:
                    width, height, pixels = png_pixels(r.read())
                return pixels[height // 2 * width + width // 2] == 0xF800
            self.assertFalse(is_red())
            self.assertEqual(self.install(hub, "user_red", red)[0], 200)
            hub.wait_until(is_red, "the icon on the panel")
            heard = Subscriber(hub, "-t", "room/pad", count=1)
            with self.feed(hub, "mirror") as s:
                for phase in (0, 2):
                    s.send(2, bytes([1, phase]) + struct.pack("<hh", 180, 180))
                self.assertEqual(heard.result(), ["room/pad touched"])

    def test_the_demo_home(self):
        """The document of the demo: every button does something there, and nothing is cut."""
        root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        start = os.path.join(root, "examples", "home", "macros.json")
        room = os.path.join(root, "examples", "devices", "room.yaml")
        config = (f"macropad: {{start_file: {start}, keyboard: feed}}\n"
                  "lamp: {enabled: true}\n"
                  f"devices: {{start_file: {room}}}\n")
        with Hub(config=config) as hub, open(start, encoding="utf-8") as f:
            wanted = json.load(f)
            document = hub.get_json("/api/macros")
            self.assertEqual(pick(document), pick(wanted))
            builtin = {i["id"] for i in hub.get_json("/api/icons")["icons"]}
            for number, screen in enumerate(document["screens"], 1):
                for slot, button in enumerate(screen["buttons"]):
                    if button["icon"]["type"] == "builtin":
                        self.assertIn(button["icon"]["id"], builtin)
                    if button["action"] == "send_keys":
                        found = hub.send_json("POST", "/api/macropad/check",
                                              {"script": button["payload"]})[1]
                        self.assertEqual(found["findings"], [], button)
                    if button["action"] == "lamp_effect":
                        self.assertEqual(hub.send_json("POST", "/api/macropad/press",
                                                       {"screen": number, "slot": slot})[0], 200)
                    if button["action"] == "run_scenario":
                        status, reply = hub.send_json("POST", "/api/macropad/press",
                                                      {"screen": number, "slot": slot})
                        self.assertNotEqual(status, 404, (button, reply))
            lamp = hub.get_json("/api/lamp")
            self.assertEqual((lamp["effect"], lamp["changed"]["by"]), ("FIRE", "button"))

    def test_without_memory(self):
        """The pad's n-th allocation fails, in the start or under use: the next try works."""
        blob = b"ICN1" + struct.pack("<HHB3xI", 64, 64, 1, 64 * 64 * 3) + b"\x12\x34\xff" * 4096
        good = {"screens": [{"buttons": [{"action": "mqtt_send", "mqtt_topic": "a" * 120,
                                          "payload": "b" * 250}] * 16}] * 8}
        refused = 0
        for n in range(1, 30):
            config = (f"faults: {{fail_nth: {n}, owner: macropad}}\nmacropad: {{keyboard: feed}}\n"
                      "display: {enabled: false}\n")
            with self.subTest(allocation=n), Hub(config=config) as hub:
                if hub.send_json("GET", "/api/macropad", None)[0] == 404:
                    hub.wait_line("the macro pad cannot be started: out of memory; there is none")
                    refused += 1
                    continue
                did = [what() for _ in range(2) for what in (
                    lambda: self.post(hub, good)[0], lambda: self.install(hub, "user_a", blob)[0])]
                self.assertLessEqual(set(did), {200, 500, 503})
                self.assertGreaterEqual(did.count(200), 3, did)  # one allocation, one refusal
                refused += did.count(200) < 4
                self.assertEqual(len(hub.get_json("/api/macros")["screens"]), 8)
        self.assertGreater(refused, 8)

    def test_off(self):
        with Hub(config="macropad: {enabled: false}") as hub:
            self.assertEqual(hub.send_json("GET", "/api/macros", None)[0], 404)
            self.assertFalse([line for line in hub.lines if re.search("macro", line)])


if __name__ == "__main__":
    unittest.main()
