"""A game as its operator runs it: the actions, the clock, hints, what waits, a safe room and the log."""
import csv
import io
import json
import unittest

from hub import Hub
from test_accounts import admin, config, operator
from test_automation import Listener, delay, publish, wait_for

ROOM = {
    "schema": 2,
    "game": {"duration_ms": 600000, "on_start": {"device": "door", "scenario": "welcome"},
             "hints": [{"text": "Look up", "topic": "hints/screen"}, {"text": "Count them", "topic": "hints/screen"}]},
    "devices": [
        {"id": "door", "display_name": "The door",
         "safe_off": [{"topic": "door/cmd", "payload": "open"}],
         "scenarios": [
             {"id": "welcome", "name": "Welcome", "steps": [publish("out", "welcome")]},
             {"id": "open", "name": "Open", "button_enabled": True, "button_label": "Open the door",
              "steps": [publish("out", "opened")]},
             {"id": "ask", "name": "Ask the operator", "button_enabled": True,
              "steps": [{"type": "wait_operator", "text": "Is everybody in?"},
                        publish("out", "operator {{wait.completed}}")]},
             {"id": "wait", "name": "Wait for a flag", "button_enabled": True,
              "steps": [{"type": "wait_flags", "wait": {"requirements": [{"flag": "key_found"}]}},
                        publish("out", "flag {{wait.completed}}")]},
             {"id": "slow", "name": "Slow", "button_enabled": True, "on_stop": [publish("out", "stopped")],
              "steps": [delay(3600000), publish("out", "too late")]},
             {"id": "later", "triggers": [{"type": "topic", "topic": "later"}],
              "conditions": [{"type": "flag", "flag": "key_found"}], "steps": [publish("out", "later")]},
             {"id": "set", "name": "Set a flag", "steps": [{"type": "set_flag", "flag": "key_found", "value": True}]},
         ]},
        {"id": "eye", "display_name": "The glass eye",
         "template": {"type": "signal_hold", "signal": {
             "heartbeat_topic": "eye/held", "required_hold_ms": 60000, "signal_topic": "eye/light"}}},
    ],
}


class Game(unittest.TestCase):
    """`ann` is an operator; the room belongs to `root`."""

    def setUp(self):
        self.hub = Hub(config() + "mqtt: {anonymous: always}\n").start()
        self.addCleanup(self.hub.__exit__, None, None, None)
        self.root = admin(self.hub)
        self.ann = operator(self.hub, self.root)
        self.assertEqual(self.root.ask("POST", "/api/devices/apply", ROOM).status, 200)
        self.out = Listener(self.hub, "out")
        self.addCleanup(self.out.close)

    def do(self, path, value=None, status=200, who=None):
        reply = (who or self.ann).ask("POST", path, value)
        self.assertEqual(reply.status, status, reply)
        return json.loads(reply.body)

    def refused(self, path, value, status):
        """The error of what is asked of a hub that refuses it, and stays as it is."""
        before = self.get("/api/game")
        error = self.do(path, value, status)["error"]
        after = self.get("/api/game")
        for changing in ("elapsed_ms", "left_ms"):
            before.pop(changing), after.pop(changing)
        self.assertEqual(after, before)
        self.assertIn("Nothing was changed.", error["message"])
        return error

    def test_what_is_refused_names_field_value_and_limit(self):
        long = self.refused("/api/game/start", {"team": "o" * 64}, 400)
        self.assertEqual((long["code"], long["details"]), ("too_long", [{"field": "/team", "limit": 63}]))
        self.assertIn("No game runs", self.refused("/api/game/add", {"ms": 1}, 409)["message"])
        self.do("/api/game/start", {"team": "Owls"})
        self.assertIn("A game runs already", self.refused("/api/game/start", {"team": "Larks"}, 409)["message"])
        far = self.refused("/api/game/add", {"ms": 86400001}, 400)
        self.assertEqual(far["details"], [{"field": "/ms", "value": 86400001, "limit": 86400000}])
        for path, value, field, told in (
                ("/api/game/hint", {"index": 9}, "/index", "9"),
                ("/api/automation/skip", {"instance": 99}, "/instance", "99"),
                ("/api/automation/cancel", {"instance": 99}, "/instance", "99"),
                ("/api/automation/cancel", {"device": "no"}, "/device", "no"),
                ("/api/automation/button", {"name": "no"}, "/name", "no"),
                ("/api/devices/run", {"device": "door", "scenario": "no"}, "/scenario", "door/no")):
            with self.subTest(path, **value):
                error = self.refused(path, value, 404)
                self.assertEqual(error["details"], [{"field": field, "value": told}])
                self.assertIn(f'"{told}": there is none', error["message"])

    def test_a_trace_says_what_began_it_and_why_it_did_not_begin(self):
        self.out.publish("later", "too early")
        self.assertEqual(self.root.ask("POST", "/api/devices/run", {"device": "door", "scenario": "set"}).status, 200)
        self.out.publish("later", "in time")
        self.out.expect("later")
        records = json.loads(self.root.get("/api/automation/traces?device=door&scenario=later").body)
        self.assertEqual([(r["kind"], r["result"], r.get("text")) for r in records],
                         [("ignored", "conditions", None), ("begin", "mqtt", "later = in time"),
                          ("step", "ok", "out = later"), ("end", "done", None)])

    def get(self, path):
        reply = self.ann.get(path)
        self.assertEqual(reply.status, 200, reply)
        return json.loads(reply.body)

    def start(self, scenario):
        return self.do("/api/devices/run", {"device": "door", "scenario": scenario})["instance"]

    def waiting(self, instance):
        return wait_for(lambda: [r for r in self.get("/api/automation")["list"]
                                 if r["id"] == instance and r["state"] == "waiting"])[0]

    def log(self):
        return self.get("/api/game/log")

    def test_what_the_operator_sees(self):
        actions = self.get("/api/automation/actions")
        self.assertEqual([(a["scenario"], a.get("button")) for a in actions if a["device"] == "door"],
                         [("welcome", None), ("open", "Open the door"), ("ask", "Ask the operator"),
                          ("wait", "Wait for a flag"), ("slow", "Slow"), ("later", None), ("set", None)])
        self.assertEqual({a["device_name"] for a in actions}, {"The door"})
        self.assertEqual([h["text"] for h in self.get("/api/game/hints")], ["Look up", "Count them"])
        self.assertEqual([(m["id"], m["template"], m["state"]) for m in self.get("/api/automation/monitors")],
                         [("eye", "signal_hold", "idle")])
        for path in ("/api/devices/backups", "/api/automation/traces"):  # of the editor
            self.assertEqual(self.ann.get(path).status, 403, path)
        self.start("open")
        self.out.expect("opened")
        done = {a["scenario"]: a["done"] for a in self.get("/api/automation/actions")}
        self.assertEqual((done["open"], done["ask"]), (1, 0))

    def test_hints(self):
        screen = Listener(self.hub, "hints/screen")
        self.addCleanup(screen.close)
        self.do("/api/game/start")
        self.do("/api/game/hint", {"index": 1})
        self.do("/api/game/hint", {"text": "Try again"})
        screen.expect("Count them", "Try again")
        self.assertEqual(self.get("/api/game")["hints_sent"], 2)
        for value in (None, {}, {"index": 0, "text": "x"}):
            self.do("/api/game/hint", value, 400)
        self.do("/api/game/hint", {"index": 7}, 404)
        self.assertEqual(self.get("/api/game")["hints_sent"], 2)

    def test_clock(self):
        for path in ("stop", "add"):  # nothing runs yet
            self.do("/api/game/" + path, {"ms": 1}, 409)
        self.assertEqual(self.do("/api/game/start", {"team": "The Owls"})["team"], "The Owls")
        self.out.expect("welcome")
        self.do("/api/game/start", None, 409)
        self.do("/api/game/add", None, 400)
        self.assertEqual(self.do("/api/game/add", {"ms": 90000})["added_ms"], 90000)
        self.assertEqual(self.do("/api/game/add", {"ms": -30000})["added_ms"], 60000)
        self.do("/api/game/add", {"ms": 1 << 40}, 400)
        self.waiting(self.start("wait"))
        self.assertTrue(self.do("/api/game/pause")["paused"])
        stood = self.get("/api/game")
        self.assertEqual(stood, self.get("/api/game"))
        self.assertEqual(stood["left_ms"] + stood["elapsed_ms"], 660000)
        self.do("/api/automation/flag", {"flag": "key_found", "value": True}, who=self.root)
        self.start("open")  # what the operator starts runs at once; what waits goes on with the clock
        self.out.expect("opened")
        self.assertEqual(self.out.messages, [])
        self.assertFalse(self.do("/api/game/resume")["paused"])
        self.out.expect("flag true")
        self.assertEqual(self.do("/api/game/stop")["state"], "ended")

    def test_skip_and_force(self):
        ask = self.start("ask")
        row = self.waiting(ask)
        self.assertEqual((row["wait"], row["text"], row["device"]), ("operator", "Is everybody in?", "door"))
        self.do("/api/automation/force", {"instance": ask})
        self.out.expect("operator true")
        wait = self.start("wait")
        self.waiting(wait)
        self.do("/api/automation/skip", {"instance": wait})
        self.out.expect("flag false")
        for path in ("skip", "force"):
            self.do("/api/automation/" + path, {"instance": wait}, 404)  # it has ended
            self.do("/api/automation/" + path, None, 400)
        slow = self.start("slow")
        self.waiting(slow)
        self.assertEqual(self.do("/api/automation/cancel", {"instance": slow})["cancelled"], 1)
        self.out.expect("stopped")

    def test_reset_makes_the_room_safe(self):
        safe = Listener(self.hub, "door/cmd")
        self.addCleanup(safe.close)
        self.do("/api/game/start", {"team": "Owls"})
        self.out.expect("welcome")
        self.do("/api/automation/flag", {"flag": "key_found", "value": True}, who=self.root)
        self.waiting(self.start("slow"))
        safe.publish("eye/held")
        wait_for(lambda: self.get("/api/automation/monitors")[0]["state"] != "idle")
        self.do("/api/game/add", {"ms": 1000})
        game = self.do("/api/game/reset")
        self.assertEqual((game["state"], game["added_ms"], game["elapsed_ms"]), ("idle", 0, 0))
        self.out.expect("stopped")
        safe.expect("open")
        self.assertEqual([r for r in self.get("/api/automation")["list"] if r["state"] == "waiting"], [])
        self.assertEqual({f["name"]: f["value"] for f in self.get("/api/automation/flags")}.get("key_found", False),
                         False)
        self.assertEqual(self.get("/api/automation/monitors")[0]["state"], "idle")
        self.do("/api/game/start")  # and the next one may come in
        self.out.expect("welcome")

    def test_the_log_names_who_did_it(self):
        self.do("/api/game/start", {"team": "=SUM(A1), the \"best\""})
        self.do("/api/game/hint", {"text": "@home"})
        self.do("/api/game/add", {"ms": 60000}, who=self.root)
        self.start("open")
        rows = self.log()
        self.assertEqual([(r["user"], r["origin"], r["action"]) for r in rows[-4:]],
                         [("ann", "http", "start"), ("ann", "http", "hint"), ("root", "http", "add"),
                          ("ann", "http", "run")])
        self.assertEqual(rows[-1]["text"], "door/open")
        self.assertLessEqual(rows[0]["unix_ms"], rows[-1]["unix_ms"])
        reply = self.ann.get("/api/game/log?format=csv")
        self.assertIn("game.csv", reply.headers["content-disposition"])
        table = list(csv.DictReader(io.StringIO(reply.body.decode(), newline="")))
        self.assertEqual(list(table[0]), ["time", "origin", "action", "text", "user"])
        self.assertEqual([(r["user"], r["action"], r["text"]) for r in table[-4:]],
                         [("ann", "start", "'=SUM(A1), the \"best\""), ("ann", "hint", "'@home"),
                          ("root", "add", "'+60000 ms"), ("ann", "run", "door/open")])
        self.assertEqual(self.ann.code("GET", "/api/game/log?fromat=csv"), (400, "unknown_parameter"))

    def test_many_rows_are_all_in_the_export(self):
        for i in range(140):  # more than the log keeps
            self.do("/api/game/hint", {"text": f"{i} " + '"' * 60})
        rows = self.log()
        table = list(csv.DictReader(io.StringIO(self.ann.get("/api/game/log?format=csv").body.decode(), newline="")))
        self.assertEqual(len(rows), 128)
        self.assertEqual([r["text"] for r in rows], [r["text"] for r in table])
        self.assertTrue(rows[-1]["text"].startswith("139 "))


if __name__ == "__main__":
    unittest.main()
