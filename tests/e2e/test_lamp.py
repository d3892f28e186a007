"""The lamp through the portal: commands, feed, live picture, what outlives a restart, scenarios."""
import json
import os
import pathlib
import signal
import struct
import tempfile
import unittest

from http_client import Client, Socket
from hub import Hub, run

LAMP = "lamp: {enabled: true, fps: 60, save_delay_ms: 1}\n"


def watch(hub, *parts):
    class Server:
        @staticmethod
        def connect():
            return Client(int(hub.http.rsplit(":", 1)[1]))

    s = Socket(Server)
    s.say({"subscribe": list(parts)})
    return s


class Picture:
    """Frames as a page puts them together; the layout is that of docs/lamp.md."""

    def __init__(self, socket):
        self.socket, self.rows, self.number = socket, {}, None

    def read(self):
        """The next whole frame: (flags, brightness, width, height, number, pixels)."""
        while True:
            opcode, data = self.socket.read()
            if opcode != 2:
                continue
            channel, layout, flags, brightness, w, h, number, first, count = struct.unpack(
                "<BBBBHHIHH", data[:16])
            assert (channel, layout) == (2, 1) and len(data) == 16 + count * w * 3, data[:16]
            if number != self.number:
                assert first == 0
                self.rows, self.number = {}, number
            assert len(self.rows) == first
            for y in range(count):
                self.rows[first + y] = data[16 + y * w * 3:16 + (y + 1) * w * 3]
            assert bool(flags & 128) == (len(self.rows) == h)
            if flags & 128:
                return flags & 127, brightness, w, h, number, b"".join(self.rows[y] for y in range(h))


class Lamp(unittest.TestCase):
    def post(self, hub, body, status=200):
        got, reply = hub.send_json("POST", "/api/lamp", body)
        self.assertEqual(got, status, reply)
        return reply

    def test_commands(self):
        with Hub(config=LAMP) as hub:
            hub.wait_until(lambda: hub.get_json("/api/lamp")["power_state"] == "on", "it is lit")
            for effect in hub.get_json("/api/lamp/effects")["effects"]:
                state = self.post(hub, {"effect": effect["name"].lower(), "brightness": 10})
                self.assertEqual((state["effect"], state["effect_index"]),
                                 (effect["name"], effect["index"]))
            seq = state["seq"]
            self.assertEqual(self.post(hub, {"effect": state["effect"]})["seq"], seq)
            self.post(hub, {"effect": "NO SUCH"}, 404)
            self.post(hub, {"brightness": "much"}, 400)
            self.assertEqual(hub.get_json("/api/lamp")["seq"], seq)
            state = self.post(hub, {"brightness": 1000, "speed_pct": 1})
            self.assertEqual((state["brightness"], state["speed_pct"], state["seq"]), (255, 10, seq + 1))
            self.assertEqual(state["changed"]["by"], "http")
            self.assertEqual(self.post(hub, {"power": False})["power"], False)
            hub.wait_until(lambda: hub.get_json("/api/lamp")["power_state"] == "off", "it is dark")
            self.assertEqual(hub.get_json("/api/lamp")["info"]["estimate_ma"], 0)

    def test_health_knows_it(self):
        with Hub(config=LAMP) as hub:
            def figures():
                lines = hub.get("/metrics").decode().splitlines()
                return {n: float(v) for n, v in (x.split() for x in lines if x.startswith("nuthatch_lamp_"))}
            got = hub.wait_until(lambda: (lambda f: f["nuthatch_lamp_fps"] and f)(figures()), "frames")
            self.assertEqual(sorted(got), [f"nuthatch_lamp_{n}" for n in (
                "current_milliamperes", "fps", "late_frames_total", "refused_commands_total",
                "show_failures_total")])
            self.assertGreater(got["nuthatch_lamp_current_milliamperes"], 100)
            self.assertIs(hub.get_json("/api/info")["has_lamp"], True)
            self.assertIn(b'nuthatch_task_stack_margin_bytes{task="render"}', hub.get("/metrics"))
        with Hub() as hub:
            self.assertNotIn(b"nuthatch_lamp", b"".join(
                x for x in hub.get("/metrics").splitlines() if not x.startswith(b"#")))
            self.assertIs(hub.get_json("/api/info")["has_lamp"], False)

    def test_every_change_is_pushed(self):
        with Hub(config=LAMP) as hub, watch(hub, "lamp") as s:
            seen = []
            for brightness in (7, 8, 9):
                self.post(hub, {"brightness": brightness})
                while True:
                    opcode, data = s.read()
                    message = json.loads(data)
                    if message.get("part") == "lamp" and message["data"]["brightness"] == brightness:
                        break
                seen.append(message["data"]["seq"])
            self.assertEqual(seen, [1, 2, 3])
            self.assertEqual(sorted(message["data"]), sorted(hub.get_json("/api/lamp")))

    def test_live_picture(self):
        with Hub(config=LAMP) as hub, watch(hub, "lamp_preview") as s:
            p = Picture(s)
            self.post(hub, {"effect": "DIAG RAINBOW", "brightness": 55})
            frames = [p.read() for _ in range(40)]
            self.assertEqual({f[2:4] for f in frames}, {(16, 48)})
            self.assertEqual(len({f[5] for f in frames[-20:]}), 20)  # each is another
            while frames[-1][:2] != (1, 55):
                frames.append(p.read())
            # Paused it stands still: nothing is sent but what changes the picture's head.
            self.post(hub, {"paused": True})
            while not frames[-1][0] & 2:
                frames.append(p.read())
            self.post(hub, {"brightness": 56})
            after = p.read()
            self.assertEqual((after[1], after[5]), (56, frames[-1][5]))
            self.post(hub, {"power": False})
            while after[0] & 1:
                after = p.read()
            self.assertFalse(any(after[5]))

    def test_large_picture_is_whole(self):
        config = "lamp: {enabled: true, width: 128, height: 128, fps: 60}\nlamp_hardware: {limit_ma: 0}\n"
        with Hub(config=config) as hub, watch(hub, "lamp_preview") as s:
            p = Picture(s)
            self.post(hub, {"command": "next"})
            numbers = [p.read()[4] for _ in range(20)]
            self.assertEqual(numbers, sorted(numbers))

    def test_state_outlives_a_restart(self):
        with Hub(config=LAMP) as hub:
            status, palette = hub.send_json("POST", "/api/lamp/palettes", {
                "name": "MINE", "stops": [{"at": 0, "color": "#ff0000"}, {"at": 9, "color": "#00ff00"}]})
            self.assertEqual(status, 201)
            want = {"effect": "SNOW FALL", "brightness": 77, "speed_pct": 33, "palette": "MINE",
                    "text": "hé", "power": False, "colors": ["#010203", "#040506", "#070809"]}
            self.post(hub, want)
            hub.stop()
            hub.start()
            state = hub.get_json("/api/lamp")
            self.assertEqual({k: state[k] for k in want}, want)
            self.assertEqual((state["power_state"], state["seq"]), ("off", 0))
            # What was written before the power went is there.
            self.post(hub, {"brightness": 78})
            written = os.path.join(hub.folder, "data", "config")
            hub.wait_until(lambda: any(b'"brightness":78' in pathlib.Path(written, n).read_bytes()
                                       for n in os.listdir(written) if n.startswith("lamp.")
                                       and n != "lamp.tmp"), "written")
            hub.process.send_signal(signal.SIGKILL)
            hub.process.wait()
            hub.start()
            self.assertEqual(hub.get_json("/api/lamp")["brightness"], 78)
            self.assertEqual(hub.send_json("DELETE", f"/api/lamp/palettes/{palette['index']}", None)[0], 204)
            self.assertEqual(hub.get_json("/api/lamp")["palette"], "auto")

    def test_scenario_sets_it(self):
        devices = {"schema": 2, "devices": [{"id": "d", "scenarios": [{"id": "s", "button_enabled": True,
                   "steps": [{"type": "lamp", "effect": "CONFETTI", "brightness": 9,
                              "overlay": {"enabled": True, "angle_deg": 90}}]}]}]}
        with Hub(config=LAMP) as hub:
            self.assertEqual(hub.send_json("POST", "/api/devices/apply", devices)[0], 200)
            self.assertEqual(hub.send_json("POST", "/api/devices/run", {"device": "d", "scenario": "s"})[0],
                             200)
            state = hub.wait_until(lambda: (lambda s: s["seq"] and s)(hub.get_json("/api/lamp")), "set")
            self.assertEqual((state["effect"], state["brightness"], state["changed"]["by"]),
                             ("CONFETTI", 9, "automation"))
            self.assertEqual(state["overlay"]["angle_deg"], 90)
            devices["devices"][0]["scenarios"][0]["steps"][0]["effect"] = "CONFETI"
            status, reply = hub.send_json("POST", "/api/devices/validate", devices)
            self.assertIn("CONFETI", json.dumps(reply))
            with tempfile.NamedTemporaryFile("w", suffix=".json") as f:
                json.dump(devices, f)
                f.flush()
                code, out, err = run("check", f.name)
            self.assertEqual(code, 1)
            self.assertIn("effect \"CONFETI\": is no effect", err)

    def test_configuration(self):
        for text, fault in [("fps: 9", "/lamp/fps"), ("fps: 121", "/lamp/fps"), ("width: 129", "/lamp/width"),
                            ("height: 0", "/lamp/height"),
                            ("save_delay_ms: 9, save_deadline_ms: 8", "/lamp/save_deadline_ms")]:
            with tempfile.NamedTemporaryFile("w", suffix=".yaml") as f:
                f.write(f"lamp: {{{text}}}\n")
                f.flush()
                code, out, err = run("check", f.name)
            self.assertEqual(code, 1, text)
            self.assertIn(fault, err)
        with Hub() as hub:  # off by default
            self.assertEqual(hub.send_json("GET", "/api/lamp", None)[0], 404)

    def test_without_memory(self):
        """The lamp's n-th allocation fails: there is none, and the hub runs; or it came later."""
        missing = 0
        for n in range(1, 25):
            config = f"faults: {{fail_nth: {n}, owner: lamp}}\n{LAMP}"
            with self.subTest(allocation=n), Hub(config=config) as hub:
                status = hub.send_json("GET", "/api/lamp", None)[0]
                missing += status == 404
                if status == 200:
                    self.post(hub, {"brightness": 3})
        self.assertGreater(missing, 5)


if __name__ == "__main__":
    unittest.main()
