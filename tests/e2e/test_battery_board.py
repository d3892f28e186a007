"""A hub and the simulated battery board on a terminal: read, unplugged, asleep, on a bad line."""
import os
import time
import unittest

from battery_sim import BatterySim
from hub import PATIENCE_S, ROOT, Hub

STALE_MS = 2000
POLL_MS = 200
LIVE = ("soc", "voltage", "current", "status", "cells", "temp_bms")


class Pack(unittest.TestCase):
    """A hub and its board for each test."""
    ARGS = ()
    FIELDS = ""

    def config(self):
        return (f"battery: {{enabled: true, path: {self.board.link}, poll_ms: {POLL_MS}, "
                f"stale_ms: {STALE_MS}{self.FIELDS}}}\n")

    def setUp(self):
        self.board = self.enterContext(BatterySim("--soc", "60", *self.ARGS))
        self.hub = self.enterContext(Hub(self.config()))
        self.wait(lambda b: b["connected"]["local"] and not b["fields"]["cells"]["stale"])

    def battery(self):
        b = self.hub.get_json("/api/battery")
        self.check(b)
        return b

    def check(self, b):
        """What must hold of every reply, at any moment."""
        cells = b.get("cells") or {}
        if cells.get("mv"):
            mv = cells["mv"]
            self.assertEqual(len(mv), 13)
            self.assertEqual((cells["min_mv"], cells["max_mv"]), (min(mv), max(mv)))
            self.assertAlmostEqual(cells["delta_mv"], max(mv) - min(mv), places=1)
            self.assertTrue(2500 < min(mv) and max(mv) < 4000, mv)
            self.assertAlmostEqual(b["pack"]["voltage_v"], sum(mv) / 1000, delta=0.2)
        for name in LIVE:
            field = b["fields"].get(name)
            if field and field["age_ms"] is not None and not field["stale"]:
                self.assertLessEqual(field["age_ms"], STALE_MS, name)

    def wait(self, is_so):
        end = time.monotonic() + PATIENCE_S
        while True:
            b = self.battery()
            if is_so(b):
                return b
            self.assertLess(time.monotonic(), end, b)
            time.sleep(0.02)

    def is_fresh(self, b):
        return b["connected"]["local"] and not any(b["fields"][name]["stale"] for name in LIVE)



class Board(Pack):
    def test_what_the_board_says(self):
        b = self.wait(self.is_fresh)
        self.assertEqual((b["source"], b["cells"]["count"]), ("local", 13))
        self.assertAlmostEqual(b["pack"]["soc_pct"], 60, delta=0.1)
        self.assertEqual(b["pack"]["status"], "idle")
        self.board.say("load 20")
        b = self.wait(lambda b: b["pack"]["current_a"] == -20)
        self.assertEqual(b["pack"]["status"], "discharging")
        self.assertAlmostEqual(b["pack"]["power_w"], -20 * b["pack"]["voltage_v"], delta=1)
        self.board.say("load 0")
        self.board.say("charger on 15")
        b = self.wait(lambda b: b["pack"]["current_a"] == 15)
        self.assertEqual(b["pack"]["status"], "charging")
        b = self.wait(lambda b: b["pack"].get("capacity_ah"))
        self.assertEqual(b["pack"]["capacity_ah"], 100)
        self.assertEqual(b["limits"]["over_mv"], 3800)
        b = self.wait(lambda b: (b.get("version") or {}).get("firmware_internal"))
        self.assertEqual(b["version"]["firmware_internal"], 1234)

    def test_the_plug_is_pulled(self):
        for _ in range(2):
            self.wait(self.is_fresh)
            before = self.battery()
            self.board.say("unplug")
            b = self.wait(lambda b: all(b["fields"][name]["stale"] for name in LIVE))
            for name in LIVE:
                self.assertGreater(b["fields"][name]["age_ms"], STALE_MS, name)  # not before
            # What was last known stays, and says so; nothing stands in for it.
            self.assertAlmostEqual(b["pack"]["soc_pct"], before["pack"]["soc_pct"], delta=0.1)
            self.wait(lambda b: not b["connected"]["local"])
            self.board.say("plug")
            self.wait(self.is_fresh)
        self.assertGreaterEqual(self.battery()["line"]["reconnects"], 2)

    def test_a_board_without_answers(self):
        self.wait(self.is_fresh)
        self.board.say("silence 6")
        self.wait(lambda b: all(b["fields"][name]["stale"] for name in LIVE))
        self.wait(self.is_fresh)
        self.assertGreater(self.battery()["line"]["timeouts"], 0)

    def test_a_bad_line(self):
        for order in ("flip 1", "lose 0.5", "texts 2", "text 1 2", "late 5 100", "restart"):
            self.board.say(order)
        before = self.battery()["line"]["reads_ok"]
        b = self.wait(lambda b: b["line"]["reads_ok"] > before + 20 and b["line"]["crc_errors"] > 5)
        self.assertGreater(b["line"]["dropped_bytes"], 0)
        self.board.say("clean")
        self.board.say("text 1 0")
        self.wait(self.is_fresh)

    def test_an_open_wire_of_a_cell(self):
        self.wait(self.is_fresh)
        self.board.say("wire 5 open")
        # The board says 0: that is no voltage of a cell, and is not shown as one.
        self.wait(lambda b: b["line"]["implausible"] > 0)
        self.wait(lambda b: b["pack"]["status"] == "fault")
        self.board.say("wire 5 ok")
        self.wait(lambda b: not b["fields"]["cells"]["stale"])


class Asleep(Pack):
    ARGS = ("--sleep", "--line", "sleep now")

    def test_it_is_woken(self):
        b = self.wait(self.is_fresh)
        self.assertGreaterEqual(b["line"]["wakeups"], 1)
        self.assertIn("wake-ups 1", self.board.say("counters"))
        self.assertNotIn("asleep", self.board.state())


class Descending(Pack):
    ARGS = ("--descending",)
    FIELDS = ", descending: true"

    def test_the_other_order_of_cells(self):
        b = self.wait(self.is_fresh)
        words = self.hub.get_json("/api/battery/registers?first=0&count=16&max_age_ms=10000")["values"]
        self.assertEqual(words[:3], [0, 0, 0])
        self.assertEqual(b["cells"]["count"], 13)


class DemoHome(Pack):
    """What `make run` starts, with all its parts."""
    ARGS = ("--profile", "day", "--factor", "60")

    def config(self):
        with open(os.path.join(ROOT, "examples", "home", "hub.yaml")) as f:
            text = f.read()
        self.assertIn("build/battery.tty", text)
        return text.replace("build/battery.tty", self.board.link).replace(
            "examples/", os.path.join(ROOT, "examples", ""))

    def test_it_shows_its_pack(self):
        b = self.wait(lambda b: self.is_fresh(b) and b["pack"]["status"] == "charging")
        self.assertEqual((b["source"], b["cells"]["count"]), ("local", 13))
        self.wait(lambda b: b["pack"]["soc_pct"] > 60.05)  # the sun goes on


if __name__ == "__main__":
    unittest.main(verbosity=2)
