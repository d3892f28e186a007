"""Scenarios of a running hub: over MQTT and HTTP, over applies, restarts and kills."""
import json
import os
import re
import signal
import time
import unittest
import urllib.error
import urllib.request

import paho.mqtt.client as mqtt

from hub import PATIENCE_S, ROOT, Hub


def wait_for(condition):
    """What the condition gives, as soon as it gives something."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError("it never came")


def publish(topic, payload="", **more):
    return {"type": "mqtt_publish", "topic": topic, "payload": payload, **more}


def delay(ms):
    return {"type": "delay", "delay_ms": ms}


ROOM = {
    "schema": 2,
    "variables": [{"name": "score", "value": 0, "persist": True}],
    "game": {"duration_ms": 3600000, "on_start": {"device": "door", "scenario": "welcome"},
             "hints": [{"text": "Look up", "topic": "hints/screen"}]},
    "devices": [{
        "id": "door", "display_name": "The door",
        "status": {"topic": "door/status", "online_payload": "1", "offline_payload": "0"},
        "safe_off": [{"topic": "door/cmd", "payload": "close"}],
        "commands": [{"id": "open", "topic": "door/cmd", "payload": "open {{request_id}}",
                      "result_topic": "door/result", "done_payload": "done {{request_id}}",
                      "timeout_ms": 20000}],
        "scenarios": [
            {"id": "welcome", "steps": [publish("out", "welcome")]},
            {"id": "echo", "mode": "parallel", "triggers": [{"type": "topic", "topic": "in/+", "id": "t"}],
             "steps": [publish("out", "{{trigger.topic}} {{trigger.payload}}", qos=1)]},
            {"id": "second", "triggers": [{"type": "topic", "topic": "chain/1"}],
             "steps": [publish("chain/2", "x" * 300)]},
            {"id": "third", "triggers": [{"type": "topic", "topic": "chain/2"}],
             "steps": [publish("out", "chained")]},
            {"id": "loop", "triggers": [{"type": "topic", "topic": "loop"}], "steps": [publish("loop", "again")]},
            {"id": "wait", "mode": "parallel", "max": 100, "on_stop": [publish("out", "stopped")],
             "steps": [{"type": "wait_operator", "text": "Ready, {{score}}?"},
                       publish("out", "operator {{wait.completed}}")]},
            {"id": "event", "steps": [{"type": "wait_event", "topic": "event/+"},
                                      publish("out", "event {{wait.payload}}")]},
            {"id": "kept", "persist": True, "steps": [
                {"type": "set", "variable": "score", "expression": "score + 1"},
                {"type": "wait_flags", "wait": {"requirements": [{"flag": "go"}]}},
                publish("out", "kept {{score}}")]},
            {"id": "cut", "steps": [delay(3600000)]},
            {"id": "open", "steps": [{"type": "command", "command": "open"}, publish("out", "opened")]},
            {"id": "retained", "steps": [publish("state", "kept", retain=True)]},
            {"id": "count", "steps": [{"type": "repeat", "count": 3, "steps": [publish("out", "{{repeat.index}}")]}]},
            {"id": "param", "triggers": [{"type": "http", "name": "hook"}, {"type": "button", "name": "red"}],
             "steps": [publish("out", "p={{p}}")]},
            {"id": "bad", "steps": [{"type": "stop", "result": "failed", "reason": "enough"}]},
        ],
    }],
}


def request(hub, path, body=None, method=None):
    data = None if body is None else json.dumps(body).encode()
    r = urllib.request.Request(hub.url(path), data, {"Content-Type": "application/json"},
                               method=method or ("POST" if data is not None else "GET"))
    try:
        with urllib.request.urlopen(r, timeout=60) as reply:
            text = reply.read()
            return reply.status, json.loads(text) if "json" in reply.headers["Content-Type"] else text.decode()
    except urllib.error.HTTPError as e:
        with e:
            return e.code, json.loads(e.read())


def post(hub, path, body):
    return request(hub, path, body)


def run(hub, scenario, **more):
    return post(hub, "/api/devices/run", {"device": "door", "scenario": scenario, **more})


def apply(hub, room=ROOM, query=""):
    status, reply = post(hub, "/api/devices/apply" + query, room)
    assert status == 200, reply
    return reply


class Listener:
    """What was published, in order."""

    def __init__(self, hub, *filters):
        self.messages = []
        self.ready = set()
        self.client = mqtt.Client()
        self.client.on_message = lambda c, u, m: self.messages.append((m.topic, m.payload.decode()))
        self.client.on_subscribe = lambda c, u, mid, q: self.ready.add(mid)
        self.client.connect("127.0.0.1", hub.mqtt_port)
        self.client.loop_start()
        for f in filters:
            mid = self.client.subscribe(f, 1)[1]
            wait_for(lambda mid=mid: mid in self.ready)

    def publish(self, topic, payload="", **more):
        self.client.publish(topic, payload, **more).wait_for_publish(PATIENCE_S)

    def expect(self, *payloads):
        wait_for(lambda: len(self.messages) >= len(payloads))
        got = [payload for _, payload in self.messages[:len(payloads)]]
        assert got == list(payloads), (got, payloads)
        del self.messages[:len(payloads)]

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()


class Running(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.hub = Hub().start()
        apply(cls.hub)

    @classmethod
    def tearDownClass(cls):
        cls.hub.__exit__(None, None, None)

    def setUp(self):
        self.out = Listener(self.hub, "out")
        self.addCleanup(self.out.close)
        self.addCleanup(lambda: post(self.hub, "/api/automation/cancel", {"all": True}))

    def instances(self):
        return [i for i in self.hub.get_json("/api/automation")["list"]
                if i["state"] in ("running", "waiting", "queued")]

    def test_messages_arrive_once_and_whole(self):
        big = Listener(self.hub, "chain/#")
        self.addCleanup(big.close)
        self.out.publish("in/a", "hello")
        self.out.expect("in/a hello")
        self.out.publish("chain/1")
        self.out.expect("chained")
        wait_for(lambda: len(big.messages) >= 2)
        self.assertEqual(big.messages, [("chain/1", ""), ("chain/2", "x" * 300)])

    def test_run_and_what_it_answers(self):
        status, reply = run(self.hub, "count")
        self.assertEqual((status, reply["status"]), (200, "queued"))
        self.out.expect("1", "2", "3")
        self.assertEqual(run(self.hub, "none")[0], 404)
        status, reply = post(self.hub, "/api/devices/run", {"device": "door", "scenari": "count"})
        self.assertEqual(status, 400)
        self.assertIn("scenari", reply["error"]["message"])
        self.assertEqual(run(self.hub, "param", parameters={"p": 1.5})[0], 200)
        self.out.expect("p=1.5")
        self.assertEqual(post(self.hub, "/api/automation/call",
                              {"name": "hook", "parameters": {"p": "x"}})[1]["started"], 1)
        self.out.expect("p=x")
        self.assertEqual(post(self.hub, "/api/automation/button", {"name": "red"})[0], 200)
        self.out.expect("p={{p}}")
        self.assertEqual(post(self.hub, "/api/automation/button", {"name": "blue"})[0], 404)

    def test_thirty_wait_and_one_more_runs(self):
        ids = [run(self.hub, "wait")[1]["instance"] for _ in range(30)]
        rows = self.instances()
        self.assertEqual([r["id"] for r in rows], ids)
        self.assertEqual({(r["state"], r["wait"], r["step"]) for r in rows},
                         {("waiting", "operator", "/steps/0")})
        self.assertTrue(rows[0]["text"].startswith("Ready, "))
        self.out.publish("in/a", "at once")
        self.out.expect("in/a at once")
        self.assertEqual(post(self.hub, "/api/automation/force", {"instance": ids[0]})[0], 200)
        self.out.expect("operator true")
        self.assertEqual(post(self.hub, "/api/automation/skip", {"instance": ids[1]})[0], 200)
        self.out.expect("operator false")
        self.assertEqual(post(self.hub, "/api/automation/cancel", {"instance": ids[2]})[0], 200)
        self.out.expect("stopped")
        self.assertEqual(post(self.hub, "/api/automation/skip", {"instance": ids[2]})[0], 404)
        self.assertEqual(post(self.hub, "/api/automation/cancel", {"device": "door"})[1]["cancelled"], 27)
        self.out.expect(*["stopped"] * 27)

    def test_waits_for_messages(self):
        run(self.hub, "event")
        self.out.publish("event/7", "seven")
        self.out.expect("event seven")
        commands = Listener(self.hub, "door/cmd")
        self.addCleanup(commands.close)
        run(self.hub, "open")
        wait_for(lambda: commands.messages)
        request_id = commands.messages[0][1].split()[1]
        self.out.publish("door/result", "done other")
        self.out.publish("door/result", "done " + request_id)
        self.out.expect("opened")

    def test_retained_and_status(self):
        run(self.hub, "retained")
        late = Listener(self.hub, "state")
        self.addCleanup(late.close)
        late.expect("kept")
        self.out.publish("door/status", "1")
        monitors = wait_for(lambda: [m for m in self.hub.get_json("/api/automation/monitors")
                                     if m["status"] == "online"])
        self.assertEqual(monitors[0]["id"], "door")

    def test_a_loop_is_suspended(self):
        self.out.publish("loop")
        rows = wait_for(lambda: [r for r in self.hub.get_json("/api/automation")["list"]
                                 if r["state"] == "suspended"])
        self.assertEqual(rows[0]["scenario"], "loop")
        self.out.publish("in/a", "others go on")
        self.out.expect("in/a others go on")

    def test_flags_variables_traces(self):
        self.assertEqual(post(self.hub, "/api/automation/flag", {"flag": "Lamp", "value": True})[0], 200)
        self.assertIn({"name": "Lamp", "value": True}, self.hub.get_json("/api/automation/flags"))
        post(self.hub, "/api/automation/variable", {"variable": "color", "value": "blue"})
        self.assertIn({"name": "color", "value": "blue", "persist": False},
                      self.hub.get_json("/api/automation/variables"))
        run(self.hub, "bad")
        traced = [t for t in self.hub.get_json("/api/automation/traces") if t["scenario"] == "bad"]
        self.assertEqual(traced[0]["failed"], 1)
        records = self.hub.get_json("/api/automation/traces?device=door&scenario=bad&failed=true")
        self.assertEqual([(r["kind"], r["result"]) for r in records],
                         [("begin", "http"), ("step", "ok"), ("end", "failed")])
        self.assertEqual(records[1]["path"], "/steps/0")
        self.assertEqual(records[2]["text"], "enough")
        self.assertEqual(request(self.hub, "/api/automation/traces?device=door&scenario=none")[0], 404)

    def test_every_limit_has_a_counter_that_the_docs_list(self):
        counters = self.hub.get_json("/api/automation")["counters"]
        with open(os.path.join(ROOT, "docs", "automation.md")) as f:
            table = f.read().split("## Limits")[1]
        rows = [line.split("|")[1:4] for line in table.splitlines() if line.startswith("| `")]
        listed = {name for row in rows for name in re.findall("`([a-z_]+)`", row[0] + row[1])}
        for name in {name for row in rows for name in re.findall("`([a-z_]+)`", row[2])}:
            self.assertIn(name, counters)
        with open(os.path.join(ROOT, "docs", "configuration.md")) as f:
            fields = set(re.findall("`automation.([a-z_]+)`", f.read())) - {"journal"}
        self.assertEqual(fields - listed, set())

    def test_dry_run(self):
        status, reply = post(self.hub, "/api/automation/dry_run", {"device": "door", "scenario": "cut"})
        self.assertEqual(status, 200)
        self.assertEqual([(line["at_ms"], line["kind"]) for line in reply["lines"]],
                         [(0, "begin"), (0, "wait"), (3600000, "step"), (3600000, "end")])
        self.assertFalse(reply["is_cut"])
        self.assertEqual(self.instances(), [])

    def test_game(self):
        self.assertEqual(post(self.hub, "/api/game/start", {"team": "Owls"})[1]["state"], "running")
        self.out.expect("welcome")
        self.assertEqual(post(self.hub, "/api/game/start", {})[0], 409)
        self.assertEqual(post(self.hub, "/api/game/add", {"ms": 60000})[1]["added_ms"], 60000)
        self.assertTrue(post(self.hub, "/api/game/pause", {})[1]["paused"])
        left = self.hub.get_json("/api/game")["left_ms"]
        self.assertEqual(self.hub.get_json("/api/game")["left_ms"], left)
        self.assertFalse(post(self.hub, "/api/game/resume", {})[1]["paused"])
        hints = Listener(self.hub, "hints/screen")
        self.addCleanup(hints.close)
        self.assertEqual(post(self.hub, "/api/game/hint", {"index": 0})[0], 200)
        self.assertEqual(post(self.hub, "/api/game/hint", {"text": 'Try "4"'})[0], 200)
        hints.expect("Look up", 'Try "4"')
        safe = Listener(self.hub, "door/cmd")
        self.addCleanup(safe.close)
        self.assertEqual(post(self.hub, "/api/game/reset", {})[1]["state"], "idle")
        safe.expect("close")
        actions = [e["action"] for e in self.hub.get_json("/api/game/log")]
        self.assertEqual(actions[-7:], ["start", "add", "pause", "resume", "hint", "hint", "reset"])
        table = request(self.hub, "/api/game/log?format=csv")[1]
        self.assertIn('http,hint,"Try ""4""",""\r\n', table)
        self.assertIn("http,add,\"'+60000 ms\",\"\"\r\n", table)


class Restarts(unittest.TestCase):
    def test_applies_keep_and_cancel_what_runs(self):
        with Hub() as hub:
            apply(hub)
            out = Listener(hub, "out")
            first = run(hub, "wait")[1]["instance"]
            room = json.loads(json.dumps(ROOM))
            room["devices"][0]["scenarios"] = room["devices"][0]["scenarios"][:1]
            reply = apply(hub, room, "?running=keep")
            self.assertEqual([r["id"] for r in reply["running"]], [first])
            post(hub, "/api/automation/force", {"instance": first})
            out.expect("operator true")
            apply(hub)
            run(hub, "wait")
            apply(hub, room, "?running=cancel")
            out.expect("stopped")
            out.close()

    def test_a_kill_cuts_short_or_goes_on(self):
        with Hub() as hub:
            apply(hub)
            goes_on, cut = (run(hub, s)[1]["instance"] for s in ("kept", "cut"))
            post(hub, "/api/automation/variable", {"variable": "score", "value": 5})
            self.wait_until_durable(hub)
            hub.stop(signal.SIGKILL)
            hub.start()
            rows = {r["scenario"]: r for r in hub.get_json("/api/automation")["list"] if "id" in r
                    and r["state"] in ("waiting", "cut_short")}
            self.assertEqual((rows["kept"]["id"], rows["kept"]["state"]), (goes_on, "waiting"))
            self.assertEqual((rows["cut"]["id"], rows["cut"]["state"]), (cut, "cut_short"))
            self.assertEqual(rows["cut"]["reason"], "it does not persist")
            out = Listener(hub, "out")
            post(hub, "/api/automation/flag", {"flag": "go", "value": True})
            out.expect("kept 5")
            out.close()
            self.wait_until_durable(hub)  # that they have ended
            hub.stop(signal.SIGKILL)
            hub.start()
            states = [r["state"] for r in hub.get_json("/api/automation")["list"]]
            self.assertNotIn("cut_short", states)
            self.assertNotIn("resumed", states)

    def test_waits_outlive_an_undone_trial(self):
        def room(of_cut, more=()):
            return {"schema": 2, "devices": [{"id": "door", "scenarios": [
                *more,
                {"id": "same", "persist": True, "steps": [
                    delay(1500), publish("same", "done", retain=True)]},
                {"id": "cut", "persist": True, "steps": [delay(3600000), publish("out", of_cut)]}]}]}

        boot = {"id": "boot", "triggers": [{"type": "boot"}], "steps": [publish("boot", "back", retain=True)]}
        trial = {**boot, "steps": [publish("boot", "trial", retain=True)]}
        with Hub() as hub:
            apply(hub, room("before", [boot]))
            apply(hub, room("on trial", [trial]), "?confirm_s=3600")
            same, cut = (run(hub, s)[1]["instance"] for s in ("same", "cut"))
            self.wait_until_durable(hub)
            hub.stop(signal.SIGKILL)
            hub.start()
            rows = {r["scenario"]: r for r in hub.get_json("/api/automation")["list"] if "id" in r}
            self.assertEqual(rows["cut"]["id"], cut)
            self.assertEqual(rows["cut"]["reason"], "its scenario has changed")
            log = [e["text"] for e in hub.get_json("/api/game/log") if e["action"] == "cut_short"]
            self.assertEqual(log, ["door/cut: its scenario has changed"])
            self.assertEqual(hub.get_json("/api/automation")["counters"]["resumed"], 1)
            # What triggers at a start is that of the configuration that was put back, and nothing else.
            for topic, text in (("boot", "back"), ("same", "done")):
                out = Listener(hub, topic)
                out.expect(text)
                out.close()

    def wait_until_durable(self, hub):
        wait_for(lambda: hub.get_json("/api/automation")["counters"]["journal_dirty"] == 0)

    def test_three_crashes_in_a_row(self):
        with Hub() as hub:
            for count in range(1, 4):
                self.assertTrue(hub.get_json("/api/automation")["enabled"])
                wait_for(lambda count=count: kept(hub, b"boot", bytes([count])))
                self.wait_until_durable(hub)  # the file has a value before it is one of the store
                hub.stop(signal.SIGKILL)
                hub.start()
            self.assertFalse(hub.get_json("/api/automation")["enabled"])
            self.assertEqual(post(hub, "/api/automation/enable", {"enabled": True})[0], 200)
            self.assertTrue(hub.get_json("/api/automation")["enabled"])


def kept(hub, key, value=b""):
    """Whether the journal's file has a key, with a value that begins so: after the key stands a sum."""
    try:
        with open(f"{hub.folder}/data/automation/data.mdb", "rb") as f:
            return re.search(re.escape(b"automation\0" + key) + b"[\\x00-\\xff]{4}" + re.escape(value), f.read())
    except FileNotFoundError:
        return None


if __name__ == "__main__":
    unittest.main()
