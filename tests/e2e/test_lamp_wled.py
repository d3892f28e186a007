"""WLED's clients at the lamp: what the client library, Home Assistant's integration and the phone apps ask, by HTTP and
WebSocket. Row 13 of docs/lamp.md."""
import json
import socket
import unittest

from hub import Hub, run
from http_client import Client, Socket
from wled_client import Wled, WledSocket

LAMP = "name: attic\nlamp: {enabled: true, width: 16, height: 24, fps: 60, transition_ms: 0}\n"


def port_of(hub):
    return int(hub.http.rsplit(":", 1)[1])


class WledClients(unittest.TestCase):
    def test_row_13_library(self):
        """The library loads it without an error, each effect can be chosen, each change is pushed."""
        with Hub(LAMP) as hub:
            wled = Wled(hub.http)
            self.assertGreaterEqual(len(wled.effects), 32)
            self.assertEqual(wled.info["leds"]["matrix"], {"w": 16, "h": 24})
            self.assertEqual((wled.info["name"], wled.info["product"]), ("attic", "nuthatch"))
            names = [e["name"] for e in hub.get_json("/api/lamp/effects")["effects"]]
            self.assertEqual(wled.effects, names)
            self.assertEqual(wled.palettes[0], "Default")
            with WledSocket(port_of(hub)) as ws:
                ws.hear_state()
                for index, name in enumerate(wled.effects):
                    self.assertEqual(wled.segment(fx=index)["seg"][0]["fx"], index)
                    ws.until(lambda state, want=index: state["seg"][0]["fx"] == want)
                    self.assertEqual(hub.get_json("/api/lamp")["effect"], name)
                for index in range(len(wled.palettes)):
                    self.assertEqual(wled.segment(pal=index)["seg"][0]["pal"], index)
                for sx in (0, 1, 64, 127, 128, 129, 200, 255):
                    self.assertEqual(wled.segment(sx=sx)["seg"][0]["sx"], sx)
                wled.segment(sx=128)
                self.assertEqual(hub.get_json("/api/lamp")["speed_pct"], 100)
                # A change by another way is pushed as well.
                hub.send_json("POST", "/api/lamp", {"brightness": 33, "effect": "FIRE"})
                state = ws.until(lambda state: state["bri"] == 33)
                self.assertEqual(state["seg"][0]["fx"], names.index("FIRE"))

    def test_home_assistant(self):
        """What its integration does: load, poll, light, numbers, switches, presets, night light."""
        with Hub(LAMP) as hub:
            wled = Wled(hub.http)
            # Its light of one segment: the segment full, the lamp as bright as wished.
            wled.segment(bri=255, col=[[255, 10, 20]], transition=0)
            self.assertEqual(wled.master(on=True, brightness=77)["bri"], 77)
            self.assertEqual(wled.state["seg"][0]["col"][0], [255, 10, 20])
            self.assertFalse(wled.master(on=False, transition=2)["on"])
            self.assertEqual(wled.master(on=True)["bri"], 77)
            self.assertTrue(wled.segment(frz=True)["seg"][0]["frz"])
            self.assertTrue(hub.get_json("/api/lamp")["paused"])
            wled.segment(frz=False)
            self.assertEqual(wled.segment(sx=255, ix=3, rev=True)["seg"][0]["ix"], 3)
            self.assertEqual(hub.get_json("/api/lamp")["speed_pct"], 300)
            self.assertEqual(wled.live_override(1)["lor"], 1)
            self.assertEqual(wled.live_override(0)["lor"], 0)
            self.assertTrue(wled.sync(True)["udpn"]["send"])
            self.assertFalse(wled.sync(False)["udpn"]["send"])
            self.assertEqual(wled.post({"transition": 12})["transition"], 12)
            night = wled.nightlight(True, minutes=5, mode=1, target=3)["nl"]
            self.assertEqual((night["on"], night["dur"], night["mode"], night["tbri"]), (True, 5, 1, 3))
            self.assertLessEqual(night["rem"], 300)
            self.assertEqual(wled.nightlight(False)["nl"]["rem"], -1)
            # A preset: saved, found by polling because pmt has changed, chosen.
            wled.post({"psave": 4, "n": "Evening", "ib": True, "sb": True})
            wled.update()
            self.assertEqual(wled.presets[4]["n"], "Evening")
            wled.master(brightness=200)
            self.assertEqual(wled.state["ps"], -1)
            self.assertEqual((wled.preset(4)["bri"], wled.state["ps"]), (77, 4))
            wled.post({"pdel": 4})
            wled.update()
            self.assertEqual(wled.presets, {})

    def test_presets_outlive_a_restart(self):
        with Hub(LAMP) as hub:
            wled = Wled(hub.http)
            wled.post({"bri": 19, "psave": 7, "n": "Dim"})
            hub.send_json("POST", "/api/reboot", None)
            hub.wait_until(lambda: sum("Setup complete" in line for line in hub.lines) == 2, "the second life")
            wled.update()
            self.assertEqual(wled.presets[7]["bri"], 19)

    def test_apps(self):
        """What the phone apps and the device's own page ask beside it."""
        with Hub(LAMP) as hub:
            wled = Wled(hub.http)
            get = lambda path: wled.json("GET", path)
            self.assertEqual(set(get("/json/si")), {"state", "info"})
            self.assertEqual(get("/json/eff"), wled.effects)
            self.assertEqual(get("/json/pal"), wled.palettes)
            self.assertEqual(len(get("/json/fxdata")), len(wled.effects))
            self.assertEqual(get("/json/nodes"), {"nodes": []})
            self.assertEqual(get("/json/cfg")["id"]["name"], "attic")
            pages = get("/json/palx?page=0")["m"] + 1
            colors = {int(k): v for page in range(pages) for k, v in get(f"/json/palx?page={page}")["p"].items()}
            self.assertEqual(sorted(colors), list(range(len(wled.palettes))))
            self.assertTrue(all(len(stop) == 4 for stops in colors.values() for stop in stops))
            self.assertEqual(wled.json("POST", "/json", {"on": "t"}), {"success": True})
            self.assertEqual(set(wled.json("POST", "/json/si", {"on": "t", "v": True})), {"state", "info"})
            self.assertEqual(wled.request("POST", "/json/state", "{")[::1], (400, b'{"error":9}'))
            self.assertEqual(wled.request("POST", "/json/state", "[]"), (400, b'{"error":9}'))
            self.assertEqual(wled.request("GET", "/json/nothing"), (501, b'{"error":4}'))
            status, xml = wled.request("GET", "/win&A=44&FX=2&SX=128")
            self.assertEqual(status, 200)
            self.assertIn(b"<ac>44</ac>", xml)
            self.assertIn(b"<fx>2</fx>", wled.request("GET", "/win?A=~10")[1])
            self.assertEqual(hub.get_json("/api/lamp")["brightness"], 54)

    def test_pixels(self):
        with Hub(LAMP) as hub:
            wled = Wled(hub.http)
            whole = [f"{i % 256:02X}{255 - i % 256:02X}40" for i in range(16 * 24)]
            wled.post({"seg": {"i": whole}})
            self.assertEqual(hub.get_json("/api/lamp")["info"]["live"]["protocol"], "WLED JSON")

            def shown():
                live = wled.json("GET", "/json/live")
                return live["leds"] == whole and live
            live = hub.wait_until(shown, "the client's own picture")
            self.assertEqual((live["n"], live["w"], live["h"]), (1, 16, 24))
            wled.post({"seg": {"i": [0, 16, "FF0000"]}})
            whole[:16] = ["FF0000"] * 16
            hub.wait_until(shown, "the rest of it stays")
            wled.segment(fx=0)
            hub.wait_until(lambda: hub.get_json("/api/lamp")["info"]["live"] is None, "the effect is back")


    def test_live_override(self):
        """While live data comes, a client may ask for the effect: until the data pauses, or for good."""
        with Hub(LAMP + "lamp_live: {ddp_port: 0, timeout_ms: 300}\n") as hub, \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            wled = Wled(hub.http)
            ports = {p["name"].lower(): p["port"] for p in hub.get_json("/api/lamp/live")["ports"]}
            frame = bytes([0x41, 1, 0x0B, 1]) + bytes(4) + (16 * 24 * 3).to_bytes(2, "big") + bytes(16 * 24 * 3)

            def live():
                sender.sendto(frame, ("127.0.0.1", ports["ddp"]))
                return wled.json("GET", "/json/info")["live"]
            hub.wait_until(live, "live data is shown")
            self.assertEqual(wled.live_override(2)["lor"], 2)
            hub.wait_until(lambda: not live(), "the effect is back")
            for _ in range(20):
                self.assertFalse(live())
            self.assertEqual(wled.live_override(0)["lor"], 0)
            hub.wait_until(live, "live data is shown again")
            wled.live_override(1)
            self.assertFalse(live())
            hub.wait_until(lambda: wled.json("GET", "/json/state")["lor"] == 1, "as asked")
            wled.live_override(0)
            hub.wait_until(live, "and again")


class WledSockets(unittest.TestCase):
    def test_commands_and_pushes(self):
        with Hub(LAMP) as hub, WledSocket(port_of(hub)) as one, WledSocket(port_of(hub)) as other:
            one.hear_state()
            other.hear_state()
            one.send(1, b"ping")
            self.assertEqual(one.read(), (1, b"pong"))
            one.say({"on": False, "seg": [{"id": 0, "fx": 1}]})
            for ws in (one, other):
                self.assertEqual(ws.until(lambda state: not state["on"])["seg"][0]["fx"], 1)
            one.say({"on": "t", "bri": "~5"})
            for ws in (one, other):
                ws.until(lambda state: state["on"])
            one.say({"v": True})
            one.hear_state()
            one.send(1, b"{]")
            while True:
                message = one.hear()
                if "error" in message:
                    break
            self.assertEqual(message, {"error": 9})

    def test_live_view(self):
        with Hub(LAMP) as hub, WledSocket(port_of(hub)) as ws:
            ws.hear_state()
            ws.say({"lv": True})
            frames = []
            while len(frames) < 3:
                opcode, data = ws.read()
                if opcode == 2:
                    self.assertEqual((data[:4], len(data)), (b"L\x02\x10\x18", 4 + 3 * 16 * 24))
                    frames.append(data)
            self.assertGreater(len(set(frames)), 1)  # it moves
            ws.say({"lv": False})
            ws.send(1, b"ping")
            while ws.read() != (1, b"pong"):
                pass

    def test_four_clients(self):
        with Hub(LAMP) as hub:
            clients = [WledSocket(port_of(hub)) for _ in range(4)]
            for ws in clients:
                ws.hear_state()
            with Client(port_of(hub)) as fifth:
                self.assertEqual(Socket.handshake(fifth).status, 503)
            self.assertEqual(Wled(hub.http).info["ws"], 4)
            # A page of the hub is none of them; and a place is free again.
            with Socket(type("S", (), {"connect": staticmethod(lambda: Client(port_of(hub)))}),
                        [f"Origin: http://{hub.http}"]) as page:
                page.say({"subscribe": ["lamp"]})
                self.assertEqual(page.hear()["part"], "lamp")
            clients.pop().__exit__()
            hub.wait_until(lambda: Wled(hub.http).info["ws"] == 3, "one has gone")
            with WledSocket(port_of(hub)) as ws:
                ws.hear_state()
            for ws in clients:
                ws.__exit__()

    def test_feed_without_a_page(self):
        """Who subscribes is the feed's, though no page speaks for it."""
        with Hub(LAMP) as hub, WledSocket(port_of(hub)) as ws:
            ws.hear_state()
            ws.say({"subscribe": ["lamp"]})
            while True:
                message = ws.hear()
                if "part" in message:
                    break
            self.assertEqual(message["part"], "lamp")
            hub.wait_until(lambda: Wled(hub.http).info["ws"] == 0, "it is no WLED client any more")


class WledAccess(unittest.TestCase):
    def hub(self, config):
        code, line, err = run("passwd", stdin="correct horse\n")
        self.assertEqual(code, 0, err)
        return Hub(LAMP + config + line)

    def ask(self, hub, method, path, headers=()):
        with Client(port_of(hub)) as c:
            body = b'{"bri":9}' if method == "POST" else None
            return c.ask(method, path, body, list(headers)).status

    def test_signs_in_like_everybody(self):
        with self.hub("") as hub:
            for method, path in (("GET", "/json"), ("POST", "/json/state"), ("GET", "/win&A=3"),
                                 ("GET", "/presets.json"), ("GET", "/json/nothing")):
                self.assertEqual(self.ask(hub, method, path), 401, path)
            with Client(port_of(hub)) as c:
                self.assertEqual(Socket.handshake(c).status, 401)

    def test_open(self):
        with self.hub("lamp_wled: {open: true}\n") as hub:
            hub.wait_line(r"lamp_wled\.open: whoever reaches the portal may switch the lamp")
            wled = Wled(hub.http)
            self.assertEqual(wled.master(brightness=12)["bri"], 12)
            for path in ("/api/lamp", "/api/health", "/api/config", "/api/settings"):
                self.assertEqual(self.ask(hub, "GET", path), 401, path)
            self.assertEqual(self.ask(hub, "POST", "/api/lamp"), 401)
            with WledSocket(port_of(hub)) as ws:
                ws.hear_state()
                ws.say({"subscribe": ["log"]})  # not for who did not sign in: a word that says nothing
                ws.say({"bri": 13})
                ws.until(lambda state: state["bri"] == 13)
            # Pages of other sites, and other names for the hub, are kept out as everywhere.
            for headers in (["Origin: http://evil.example"], ["Sec-Fetch-Site: cross-site"], ["Host: evil.example"]):
                self.assertEqual(self.ask(hub, "POST", "/json/state", headers), 403, headers)
                self.assertEqual(self.ask(hub, "GET", "/win&A=200", headers), 403, headers)
                with Client(port_of(hub)) as c:
                    self.assertIn(Socket.handshake(c, headers).status, (401, 403), headers)
            self.assertEqual(wled.json("GET", "/json/state")["bri"], 13)

    def test_check_warns(self):
        with Hub("") as hub:
            hub.write_config(LAMP + "lamp_wled: {open: true}\n")
            code, out, err = run("check", hub.config_file)
            self.assertEqual(code, 0, err)
            self.assertIn("without a password", out + err)

    def test_off(self):
        with Hub(LAMP + "lamp_wled: {enabled: false}\n") as hub:
            self.assertEqual(self.ask(hub, "GET", "/json"), 404)
            with Socket(type("S", (), {"connect": staticmethod(lambda: Client(port_of(hub)))})) as ws:
                ws.say({"subscribe": ["lamp"]})
                self.assertEqual(ws.hear()["part"], "lamp")


class WledSlowReader(unittest.TestCase):
    def test_slow_reader(self):
        """A client that takes its time gets the same document, and holds up nobody."""
        with Hub(LAMP) as hub, Client(port_of(hub)) as slow:
            slow.send(slow.head("GET", "/json"))
            wled = Wled(hub.http)
            self.assertEqual(wled.master(brightness=99)["bri"], 99)
            document = json.loads(slow.reply().body)
            self.assertEqual(document["effects"], wled.effects)


if __name__ == "__main__":
    unittest.main()
