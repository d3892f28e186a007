"""Alarms, meters, history, modes and the feed of a hub beside a simulated board; killed in between."""
import contextlib
import csv
import glob
import io
import json
import os
import signal
import time
import unittest

from battery_sim import BatterySim
from http_client import Client, Socket
from hub import PATIENCE_S, Hub

CELL_COUNT = 13


class Feed:
    """What a page has after each message of part "battery"."""

    def __init__(self, hub):
        self.client = Client(int(hub.http.rsplit(":", 1)[1]))
        self.socket = Socket(self)
        self.socket.say({"subscribe": ["battery"]})
        self.state, self.messages = {}, 0

    def connect(self):
        return self.client

    def read(self):
        opcode, text = self.socket.read()
        assert opcode == 1, opcode
        message = json.loads(text)
        if message.get("part") == "battery":
            self.messages += 1
            assert len(text) <= 4000, len(text)
            self.state.update(message["data"])

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.client.__exit__()


class Alarms(unittest.TestCase):
    def setUp(self):
        self.board = self.enterContext(BatterySim("--soc", "60"))
        self.hub = self.enterContext(
            Hub(f"battery: {{enabled: true, path: {self.board.link}, poll_ms: 100, mode: auto}}\n"))
        self.wait("/api/battery", lambda b: b["limits"] and not b["fields"]["cells"]["stale"])

    def wait(self, path, is_so):
        end = time.monotonic() + PATIENCE_S
        while True:
            reply = self.hub.get_json(path)
            if is_so(reply):
                return reply
            self.assertLess(time.monotonic(), end, reply)
            time.sleep(0.05)

    def active(self, code):
        def find(reply):
            return next((a for a in reply["active"] if a["code"] == code), None)
        return find(self.wait("/api/battery/alarms", find))

    def gone(self, code):
        self.wait("/api/battery/alarms", lambda r: all(a["code"] != code for a in r["active"]))

    def acknowledge(self, what):
        return self.hub.send_json("POST", "/api/battery/alarms/acknowledge", what)

    def is_kept(self, text):
        files = glob.glob(os.path.join(self.hub.folder, "data", "config", "battery_alarms.[0-9]*"))
        newest = max(files, key=lambda f: int(f.rsplit(".", 1)[1]), default=None)
        with contextlib.suppress(FileNotFoundError):  # it was replaced meanwhile
            with open(newest, errors="replace") as f:
                return text in f.read()

    def test_from_raised_to_history_over_a_kill(self):
        self.board.say("load 62")  # 65 A are allowed
        a = self.active(7)
        self.assertEqual((a["severity"], a["state"], a["source"]), ("warning", "active", "local"))
        self.assertAlmostEqual(a["threshold"], 58.5)
        self.assertEqual(self.hub.get_json("/api/battery")["alarms"],
                         {"active": 1, "unacknowledged": 1, "worst": "warning"})
        status, reply = self.acknowledge({"id": a["id"]})
        self.assertEqual((status, reply["active"][0]["state"]), (200, "acknowledged"))
        self.assertEqual(self.acknowledge({"id": 9999})[0], 404)
        self.assertEqual(self.acknowledge({"all": True, "id": 1})[0], 400)
        # It is on disk soon; then the power goes.
        self.hub.wait_until(lambda: self.hub.get_json("/api/battery")["pack"]["energy_out_kwh"] > 0.002,
                            "energy")
        self.hub.wait_until(lambda: self.is_kept('"code":7,"severity":1,"state":1'), "it is kept")
        self.hub.stop(signal.SIGKILL)
        self.hub.start()
        again = self.active(7)
        self.assertEqual((again["id"], again["state"]), (a["id"], "acknowledged"))
        self.board.say("load 0")
        self.gone(7)
        history = self.hub.get_json("/api/battery/alarms")["history"]
        past = next(h for h in history if h["id"] == a["id"])
        self.assertEqual(past["state"], "cleared")
        self.assertGreater(past["cleared_ms"], past["raised_ms"])
        # A stop that is no kill loses nothing of the meters.
        before = self.hub.get_json("/api/battery")["pack"]["energy_out_kwh"]
        self.hub.stop()
        self.hub.start()
        self.assertGreaterEqual(self.hub.get_json("/api/battery")["pack"]["energy_out_kwh"], before)

    def test_the_boards_own_log(self):
        self.board.say("charger on 10")
        events = self.wait("/api/battery/events",
                           lambda r: any(e["text"] == "charging started" for e in r["events"]))["events"]
        self.assertEqual([e["age_s"] for e in events], sorted(e["age_s"] for e in events))
        noted = self.wait("/api/battery/alarms", lambda r: any(h["code"] == 100 + 0x62 for h in r["history"]))
        self.assertTrue(all(h["state"] == "cleared" for h in noted["history"] if h["severity"] == "info"))
        self.board.say("charger off")
        self.board.say("wire 5 open")  # the board sees 0 V: under-voltage
        a = self.active(100 + 0x02)
        self.assertEqual(a["severity"], "critical")
        self.active(25)
        self.board.say("wire 5 ok")
        self.board.say("charger on 10")  # under-voltage recovers by the charger alone
        self.gone(25)
        self.gone(100 + 0x02)

    def test_modes_toggled_while_the_board_sends(self):
        generation = self.hub.get_json("/api/battery")["generation"]
        for i in range(60):
            mode = ("local", "remote", "auto")[i % 3]
            status, b = self.hub.send_json("POST", "/api/battery/mode", {"mode": mode})
            self.assertEqual((status, b["mode"]), (200, mode))
            generation += b["generation"] != generation
            self.assertEqual(b["generation"], generation)
            self.assertEqual(b["cells"]["count"], 0)  # nothing of the older one is left
            self.assertIsNone(b["pack"]["voltage_v"])
            b = self.hub.get_json("/api/battery")
            self.assertIn(b["cells"]["count"], (0,) if mode == "remote" else (0, CELL_COUNT))
        self.assertEqual(self.hub.send_json("POST", "/api/battery/mode", {"mode": "both"})[0], 400)
        self.wait("/api/battery", lambda b: b["source"] == "local" and b["cells"]["count"] == CELL_COUNT)

    def test_history_and_its_csv(self):
        self.board.say("load 20")
        reply = self.wait("/api/battery/history?range=1h&points=4096",
                          lambda r: sum(s["current"] == -20 for s in r["samples"]) >= 2)
        times = [s["timestamp_ms"] for s in reply["samples"]]
        self.assertEqual(times, sorted(set(times)))
        self.assertLess(abs(times[-1] - time.time() * 1000), 20000)
        self.assertEqual(len(self.hub.get_json("/api/battery/history?points=1")["samples"]), 1)
        rows = list(csv.DictReader(io.StringIO(
            self.hub.get("/api/battery/history?range=24h&format=csv").decode())))
        self.assertEqual(list(rows[0]), ["timestamp_ms", "voltage", "current", "temperature", "soc",
                                         "cell_min_mv", "cell_max_mv"])
        self.assertAlmostEqual(float(rows[-1]["voltage"]), 43, delta=1)
        for period in ("hours", "days"):
            p = self.hub.get_json(f"/api/battery/history/{period}")["periods"][-1]
            self.assertEqual(p["current_a"]["min"], -20)
            row = list(csv.DictReader(io.StringIO(
                self.hub.get(f"/api/battery/history/{period}?format=csv").decode())))[-1]
            self.assertEqual(int(row["start_ms"]), p["start_ms"])

    def test_the_feed_has_all_that_the_route_has(self):
        with Feed(self.hub) as feed:
            while "line" not in feed.state or "pack" not in feed.state:
                feed.read()
            self.assertEqual(set(feed.state), set(self.hub.get_json("/api/battery")))
            self.board.say("load 30")
            while feed.state["pack"]["current_a"] != -30:
                feed.read()
            self.assertLess(feed.messages, 400)


if __name__ == "__main__":
    unittest.main(verbosity=2)
