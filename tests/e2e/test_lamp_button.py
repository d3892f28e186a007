"""The lamp's button by the portal: levels, clicks, traces that are played; what gestures do; and the
bytes that an SPI output gets."""
import json
import os
import tempfile
import unittest

from hub import Hub, run

LAMP = """
lamp: {enabled: true, width: 16, height: 16, transition_ms: 0}
lamp_button: {debounce_ms: 5, click_gap_ms: 60, long_ms: 400, rate_ms: 5}
"""


class Button(unittest.TestCase):
    def post(self, hub, body, status=200):
        got, reply = hub.send_json("POST", "/api/lamp/button", body)
        self.assertEqual(got, status, reply)
        return reply

    def lamp(self, hub):
        return hub.get_json("/api/lamp")

    def wait_click(self, hub, count):
        """The button's state once it was told `count` gestures in all."""
        return hub.wait_until(
            lambda: (b := hub.get_json("/api/lamp/button"))["portal"]["gestures"] >= count and b,
            f"gesture {count}")

    def test_clicks_by_name(self):
        with Hub(LAMP) as hub:
            hub.wait_until(lambda: self.lamp(hub)["power_state"] == "on", "the lamp is lit")
            first = self.lamp(hub)
            self.post(hub, {"click": "short"})
            hub.wait_until(lambda: self.lamp(hub)["paused"], "paused")
            self.post(hub, {"click": "short"})
            hub.wait_until(lambda: not self.lamp(hub)["paused"], "goes on")
            self.post(hub, {"click": "double"})
            hub.wait_until(lambda: self.lamp(hub)["effect_id"] != first["effect_id"],
                           "the next effect")
            self.post(hub, {"click": "triple"})
            hub.wait_until(lambda: self.lamp(hub)["effect_id"] == first["effect_id"],
                           "the one before")
            self.assertEqual(self.lamp(hub)["changed"]["by"], "button")
            self.post(hub, {"click": "long"})
            hub.wait_until(lambda: self.lamp(hub)["power_state"] == "off", "off")
            # While it is off, clicks do nothing; a long press brings it back.
            reply = self.post(hub, {"click": "short"})
            self.assertEqual((reply["last"]["done"], reply["ignored"]), (False, 1))
            self.post(hub, {"click": "long"})
            hub.wait_until(lambda: self.lamp(hub)["power_state"] == "on", "on")
            self.assertFalse(self.lamp(hub)["paused"])

    def test_levels_and_traces(self):
        with Hub(LAMP) as hub:
            hub.wait_until(lambda: self.lamp(hub)["power_state"] == "on", "the lamp is lit")
            for count, (trace, click) in enumerate([([20], "short"), ([20, 20, 20], "double"),
                                                    ([20] * 7, "triple"), ([20, 20, 450], "long")], 1):
                self.assertTrue(self.post(hub, {"trace": trace})["playing"])
                self.post(hub, {"level": True}, 409)
                last = self.wait_click(hub, count)["last"]
                self.assertEqual((last["click"], last["from"]), (click, "portal"))
                # Pressed again before the release has counted, it would be a bounce.
                hub.wait_until(lambda: not (b := hub.get_json("/api/lamp/button"))["playing"] and
                               not b["portal"]["down"], "its end")
            self.post(hub, {"level": True})
            hub.wait_until(lambda: hub.get_json("/api/lamp/button")["portal"]["down"], "down")
            self.post(hub, {"level": False})
            self.wait_click(hub, 5)

    def test_faults(self):
        with Hub(LAMP) as hub:
            for body in ({}, {"level": 1}, {"click": "five"}, {"level": True, "click": "short"},
                         {"trace": []}, {"trace": [0]}, {"trace": [10001]}, {"trace": [1] * 33}, {"x": 1}):
                self.post(hub, body, 400)
            self.assertEqual(hub.get_json("/api/lamp/button")["portal"]["gestures"], 0)

    def test_actions_are_settings(self):
        with Hub(LAMP.replace("}\n", ", short: brighter, double: darker, long: none}\n", 2)
                 .replace(", short: brighter, double: darker, long: none}", "}", 1)) as hub:
            actions = hub.get_json("/api/lamp/button")["actions"]
            self.assertEqual(actions, {"short": "brighter", "double": "darker", "triple": "previous",
                                       "long": "none"})
            self.post(hub, {"click": "short"})
            hub.wait_until(lambda: self.lamp(hub)["brightness"] == 128, "brighter")
            self.post(hub, {"click": "double"})
            hub.wait_until(lambda: self.lamp(hub)["brightness"] == 102, "darker")
            self.assertFalse(self.post(hub, {"click": "long"})["last"]["done"])

    def test_gestures_start_scenarios(self):
        with tempfile.TemporaryDirectory() as folder:
            devices = os.path.join(folder, "devices.yaml")
            with open(devices, "w") as f:
                f.write("schema: 2\ndevices:\n  - id: light\n    scenarios:\n      - id: dim\n"
                        "        triggers: [{type: button, name: lamp_double}]\n"
                        "        steps: [{type: lamp, brightness: 7}]\n")
            with Hub(LAMP.replace("rate_ms: 5", "rate_ms: 5, double: none") +
                     f"devices: {{start_file: {devices}}}\n") as hub:
                self.assertTrue(self.post(hub, {"click": "double"})["last"]["done"])
                hub.wait_until(lambda: self.lamp(hub)["brightness"] == 7, "the scenario's step")
                self.assertEqual(self.lamp(hub)["changed"]["by"], "automation")

    def test_a_page_that_went_away(self):
        with Hub(LAMP.replace("long_ms: 400", "long_ms: 50")) as hub:
            self.post(hub, {"level": True})
            self.assertEqual(self.wait_click(hub, 1)["last"]["click"], "long")
            hub.wait_until(lambda: not hub.get_json("/api/lamp/button")["portal"]["down"], "comes up")
            self.assertEqual(hub.get_json("/api/lamp/button")["portal"]["gestures"], 1)

    def test_a_line_that_is_not_there(self):
        with Hub(LAMP.replace("long_ms: 400", "long_ms: 400, chip: /dev/gpiochip77")) as hub:
            hub.wait_line("/dev/gpiochip77 line 0: not found")
            self.assertFalse(hub.get_json("/api/lamp/button")["has_line"])
            self.post(hub, {"click": "short"})

    def test_without_a_lamp(self):
        with Hub("") as hub:
            self.post(hub, {"click": "short"}, 404)


class Output(unittest.TestCase):
    def test_each_allocation_fails(self):
        """Of the lamp's, LEDs and button with it: the hub runs with or without the lamp and holds nothing."""
        lit = 0
        with tempfile.TemporaryDirectory() as folder:
            line = os.path.join(folder, "spi")
            open(line, "w").close()
            for n in range(1, 30):
                with self.subTest(allocation=n), Hub(
                        LAMP + f"lamp_hardware: {{output: 'spi:{line}', limit_ma: 0}}\n"
                        f"faults: {{fail_nth: {n}, owner: lamp}}\n") as hub:
                    status, reply = hub.send_json("GET", "/api/lamp", None)
                    self.assertIn(status, (200, 404), reply)
                    lit += status == 200
        self.assertGreater(lit, 2)
        self.assertLess(lit, 27)

    def test_spi(self):
        with tempfile.TemporaryDirectory() as folder:
            line = os.path.join(folder, "spi")
            open(line, "w").close()
            with Hub(LAMP + f"lamp_hardware: {{output: 'spi:{line}', limit_ma: 0}}\n") as hub:
                size = 4 + 256 * 12 + 120
                hub.wait_until(lambda: os.path.getsize(line) == size, "a frame")
                hub.send_json("POST", "/api/lamp", {"brightness": 0})

                def is_dark():
                    with open(line, "rb") as f:
                        return f.read() == bytes(4) + b"\x88" * (256 * 12) + bytes(120)
                hub.wait_until(is_dark, "zeros on the wire")

    def test_the_tools_of_who_solders(self):
        with tempfile.TemporaryDirectory() as folder:
            line, config = os.path.join(folder, "spi"), os.path.join(folder, "hub.yaml")
            open(line, "w").close()
            with open(config, "w") as f:
                f.write("lamp: {width: 4, height: 2}\n"
                        f"lamp_hardware: {{output: 'spi:{line}', order: rgb, panel_columns: 2}}\n")
            # Two panels of 2 x 2, each a serpentine from its bottom left.
            self.assertEqual(run("lamp", "wiring", "--config", config), (0, "3 2 7 6\n0 1 4 5\n", ""))
            code, out, _ = run("lamp", "wiring", "--config", config, "--json")
            self.assertEqual((code, json.loads(out)["leds"]), (0, [0, 1, 4, 5, 3, 2, 7, 6]))
            for where, led in ((("--at", "2,1"), 7), (("--led", "3"), 3), ((), 0)):
                code, out, err = run("lamp", "pixel", "--config", config, *where, "--color", "ff0080",
                                     "--level", "255", "--seconds", "0")
                self.assertEqual((code, err), (0, ""))
                self.assertIn(f"LED {led} of 8", out)
                with open(line, "rb") as f:
                    sent = f.read()
                at = 4 + led * 12
                self.assertEqual(sent[at:at + 12], b"\xee" * 4 + b"\x88" * 4 + b"\xe8\x88\x88\x88")
                self.assertEqual(sent[4:at] + sent[at + 12:], b"\x88" * 84 + bytes(120))
            for wrong, code in (("--at=4,0", 2), ("--led=8", 2), ("--color=12345", 2), ("--level=256", 2),
                                ("--seconds=-1", 2), ("--at=1", 2), ("--x", 2)):
                self.assertEqual(run("lamp", "pixel", "--config", config, wrong)[0], code, wrong)
            self.assertIn("there are no LEDs", run("lamp", "pixel")[2])
            self.assertIn("not 0, 90", self.refused(config, "rotation_deg: 45"))

    def test_wirings_are_settings(self):
        rows = (
            ("led_serpentine: true", "7 6 5 4\n0 1 2 3\n"),
            ("led_serpentine: false", "4 5 6 7\n0 1 2 3\n"),
            ("led_lines: columns", "1 2 5 6\n0 3 4 7\n"),
            ("led_start: top_right, led_serpentine: false", "3 2 1 0\n7 6 5 4\n"),
            ("panel_columns: 2, panel_start: bottom_right", "7 6 3 2\n4 5 0 1\n"),
            ("rotation_deg: 180", "3 2 1 0\n4 5 6 7\n"),
            ("panel_columns: 2, panel_rows: 2, panel_serpentine: true, panel_turned: true", "7 6 5 4\n0 1 2 3\n"),
            ("panel_columns: 4, panel_rows: 2, panel_serpentine: true, panel_lines: columns", "1 2 5 6\n0 3 4 7\n"),
        )
        with tempfile.TemporaryDirectory() as folder:
            config = os.path.join(folder, "hub.yaml")
            for text, want in rows:
                with open(config, "w") as f:
                    f.write(f"lamp: {{width: 4, height: 2}}\nlamp_hardware: {{{text}}}\n")
                self.assertEqual(run("lamp", "wiring", "--config", config), (0, want, ""), text)

    def refused(self, config, text):
        with open(config, "w") as f:
            f.write(f"lamp_hardware: {{{text}}}\n")
        code, _, err = run("lamp", "wiring", "--config", config)
        self.assertEqual(code, 2)
        return err

    def test_a_device_that_is_not_there(self):
        with Hub(LAMP + "lamp_hardware: {output: 'spi:/dev/spidev77.0'}\n") as hub:
            hub.wait_line("the LEDs at /dev/spidev77.0: not found")
            hub.wait_until(lambda: hub.get_json("/api/lamp")["power_state"] == "on", "it runs without")

    def test_what_is_refused(self):
        rows = [
            ("lamp: {width: 16}\nlamp_hardware: {panel_columns: 3}", "/lamp_hardware/panel_columns", "16"),
            ("lamp: {width: 128, height: 128}", "/lamp_hardware/limit_ma", "16484"),
            ("lamp_hardware: {rotation_deg: 45}", "/lamp_hardware/rotation_deg", "270"),
            ("lamp_hardware: {output: dmx}", "/lamp_hardware/output", "spi:"),
        ]
        for text, pointer, limit in rows:
            with tempfile.NamedTemporaryFile("w", suffix=".yaml") as f:
                f.write(text)
                f.flush()
                code, out, err = run("check", f.name)
                self.assertEqual(code, 1, text)
                self.assertIn(pointer, out + err)
                self.assertIn(limit, out + err)


if __name__ == "__main__":
    unittest.main()
