"""The simulated quest room: its props speak MQTT as real ones do, however they are played."""
import json
import os
import pty
import queue
import subprocess
import time
import unittest

import paho.mqtt.client as paho

from hub import NUTHATCH, PATIENCE_S, Hub

PROPS = ("reader1", "reader2", "beam", "door", "robot", "desk", "player")


class Listener:
    """What is said below room/, as it comes."""

    def __init__(self, hub):
        self.heard = queue.Queue()
        self.ready = queue.Queue()
        self.client = paho.Client("listener", protocol=paho.MQTTv311)
        self.client.on_message = lambda c, u, m: self.heard.put((m.topic, m.payload.decode()))
        self.client.on_subscribe = lambda c, u, mid, granted: self.ready.put(granted)
        self.client.connect("127.0.0.1", hub.mqtt_port, 60)
        self.client.loop_start()
        self.client.subscribe("room/#", 1)
        self.ready.get(timeout=PATIENCE_S)

    def get(self, end):
        return self.heard.get(timeout=max(end - time.monotonic(), 0.01))

    def wait(self, *wanted):
        """The wanted messages of one prop, in their order; others may stand between them."""
        end = time.monotonic() + PATIENCE_S
        for message in wanted:
            while self.get(end) != message:
                pass

    def wait_all(self, *wanted):
        """The wanted messages in any order: those of different props have none."""
        end = time.monotonic() + PATIENCE_S
        missing = set(wanted)
        while missing:
            missing.discard(self.get(end))

    def say(self, topic, payload=""):
        self.client.publish(topic, payload, 1).wait_for_publish()

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()


class SimRoom(unittest.TestCase):
    def setUp(self):
        self.hub = self.enterContext(Hub())
        self.listener = Listener(self.hub)
        self.addCleanup(self.listener.close)

    def start(self, *args, stdin=subprocess.PIPE):
        sim = subprocess.Popen([NUTHATCH, "sim", "room", "--mqtt", f"127.0.0.1:{self.hub.mqtt_port}", *args],
                               stdin=stdin, stdout=subprocess.PIPE, text=True)
        self.addCleanup(sim.stdout.close)
        if sim.stdin:
            self.addCleanup(sim.stdin.close)
        self.addCleanup(sim.wait, PATIENCE_S)
        self.addCleanup(sim.kill)
        self.listener.wait_all(*[(f"room/{prop}/status", "online") for prop in PROPS])
        return sim

    def clients(self):
        return {c["id"] for c in self.hub.get_json("/api/mqtt/clients")["clients"] if c["connected"]}

    def retained(self):
        return {m["topic"]: m["payload"] for m in self.hub.get_json("/api/mqtt/retained")["messages"]}

    def test_played_by_lines(self):
        sim = self.start()
        sim.stdin.write("touch reader1 0411\ntouch reader2\nhold beam\nnonsense\nstate\n")
        sim.stdin.flush()
        self.listener.wait_all(("room/reader1/card", "0411"), ("room/reader2/card", "04D4E5F6"))
        self.listener.wait(*[("room/beam/held", "1")] * 4)
        sim.stdin.write("quit\n")
        out, _ = sim.communicate(timeout=PATIENCE_S)
        self.assertEqual(sim.returncode, 0)
        self.assertIn('"nonsense" is nothing to do here', out)
        self.assertIn("beam: held; door: closed; robot: silent", out)
        for prop in PROPS:
            self.assertEqual(self.retained()[f"room/{prop}/status"], "offline")

    def test_played_by_messages(self):
        sim = self.start(stdin=subprocess.DEVNULL)  # its input has ended: it goes on
        self.listener.say("sim/room/reader1/touch", "04AA")
        self.listener.say("sim/room/line", "touch reader2 04BB")
        self.listener.wait_all(("room/reader1/card", "04AA"), ("room/reader2/card", "04BB"))
        self.listener.say("sim/room/beam/hold", "30s")
        self.listener.wait(("room/beam/held", "1"))
        sim.terminate()
        self.assertEqual(sim.wait(PATIENCE_S), 0)

    def test_commands_are_obeyed_and_answered(self):
        self.start()
        command = json.dumps({"id": "r1", "do": "open"})
        self.listener.say("room/door/command", command)
        self.listener.wait(("room/door/result", "r1 accepted"), ("room/door/state", "moving"),
                           ("room/door/state", "open"), ("room/door/result", "r1 done"))
        self.listener.say("room/door/command", command)
        self.listener.wait(("room/door/result", "r1 done"))
        self.assertEqual(self.retained()["room/door/state"], "open")
        self.listener.say("room/robot/command", json.dumps({"id": "r2", "do": "say", "text": "Ahoy"}))
        self.listener.wait(("room/robot/result", "r2 accepted"), ("room/robot/state", "speaking"),
                           ("room/robot/said", "Ahoy"), ("room/robot/state", "silent"),
                           ("room/robot/result", "r2 done"))
        self.listener.say("room/robot/command", "x" * 5000)  # passed over
        self.listener.say("room/robot/command", json.dumps({"id": "r3", "do": "dance"}))
        self.listener.wait(("room/robot/result", "r3 failed"))

    def test_a_prop_without_power_is_told_by_its_will(self):
        sim = self.start()
        sim.stdin.write("off door\n")
        sim.stdin.flush()
        self.listener.wait(("room/door/status", "offline"))
        self.assertNotIn("room-door", self.clients())
        sim.stdin.write("on door\n")
        sim.stdin.flush()
        self.listener.wait(("room/door/status", "online"), ("room/door/state", "closed"))

    def test_played_by_keys(self):
        keys, terminal = pty.openpty()
        self.addCleanup(os.close, keys)
        # Of its own session, so that the terminal is its own.
        sim = subprocess.Popen(["setsid", "--ctty", NUTHATCH, "sim", "room", "--mqtt",
                                f"127.0.0.1:{self.hub.mqtt_port}"], stdin=terminal, stdout=subprocess.PIPE)
        os.close(terminal)
        self.addCleanup(sim.stdout.close)
        self.addCleanup(sim.wait, PATIENCE_S)
        self.addCleanup(sim.kill)
        self.listener.wait(("room/reader1/status", "online"))
        os.write(keys, b"14b")
        self.listener.wait_all(("room/reader1/card", "04A1B2C3"), ("room/reader2/card", "04BADBAD"),
                               ("room/beam/held", "1"))
        os.write(keys, b":touch reader1 0477\n")
        self.listener.wait(("room/reader1/card", "0477"))
        os.write(keys, b"q")
        self.assertEqual(sim.wait(PATIENCE_S), 0)

    def test_plays_by_itself(self):
        self.start("--auto", stdin=subprocess.DEVNULL)
        self.listener.wait_all(("room/reader1/card", "04A1B2C3"), ("room/reader2/card", "04BADBAD"))


if __name__ == "__main__":
    unittest.main()
