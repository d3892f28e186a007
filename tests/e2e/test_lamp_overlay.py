"""The lamp's genie as the configuration wants it, seen in the live picture; and what is refused."""
import tempfile
import unittest

from hub import Hub, run
from test_lamp import Picture, watch

LAMP = """
lamp: {enabled: true, width: 48, height: 16, fps: 60, save_delay_ms: 1}
lamp_overlay: {front_deg: 90, base_pct: 0, fade_ms: 0, blink_ms: 0}
"""


def dark_columns(picture):
    """Of the next frame that is white at its right end: the columns whose cell at the forehead is dark."""
    while True:
        _, _, width, _, _, pixels = picture.read()
        row = [max(pixels[(12 * width + x) * 3:][:3]) for x in range(width)]
        if row[-1] == 255:
            return [x for x in range(width) if row[x] < 60]


class Overlay(unittest.TestCase):
    def test_it_stands_where_the_configuration_says(self):
        with Hub(LAMP) as hub, watch(hub, "lamp_preview") as s:
            picture = Picture(s)
            hub.send_json("POST", "/api/lamp", {
                "effect": "SOLID", "colors": ["#ffffff", "#ffffff", "#ffffff"], "transition_ms": 0,
                "overlay": {"enabled": True, "mode": "idle", "blend": "alpha"}})
            dark = dark_columns(picture)
            while not dark:
                dark = dark_columns(picture)
            # A quarter of the way around, not in the middle: between columns 11 and 12.
            self.assertEqual(dark[0] + dark[-1], 23, dark)
            self.assertTrue(2 <= len(dark) <= 14, dark)
            hub.send_json("POST", "/api/lamp", {"overlay": {"enabled": False}})
            while dark_columns(picture):
                pass

    def test_what_is_refused(self):
        rows = [
            ("deadband_deg: 91", "/lamp_overlay/deadband_deg", "90"),
            ("front_deg: 360", "/lamp_overlay/front_deg", "359"),
            ("size_pct: 0", "/lamp_overlay/size_pct", "25 to 200"),
            ("blink_min_ms: 5000, blink_max_ms: 4000", "/lamp_overlay/blink_min_ms", "at most 4000"),
        ]
        for text, pointer, limit in rows:
            with tempfile.NamedTemporaryFile("w", suffix=".yaml") as f:
                f.write(f"lamp_overlay: {{{text}}}\n")
                f.flush()
                code, out, err = run("check", f.name)
                self.assertEqual(code, 1, text)
                self.assertIn(pointer, out + err)
                self.assertIn(limit, out + err)


if __name__ == "__main__":
    unittest.main()
