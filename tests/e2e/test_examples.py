"""The example rooms on a running hub: they behave as the older firmware's modules did, and the simulated room is
played to its end."""
import os
import queue
import subprocess
import time
import unittest
import urllib.request

import paho.mqtt.client as paho

from hub import NUTHATCH, PATIENCE_S, ROOT, Hub

HUB = "audio: {output: none}\n"  # time goes on, unheard


class Player:
    """A client that hears all that is said and says what people and props do."""

    def __init__(self, hub, *filters):
        self.heard = queue.Queue()
        self.granted = queue.Queue()
        self.client = paho.Client(protocol=paho.MQTTv311)
        self.client.on_message = lambda c, u, m: self.heard.put((m.topic, m.payload.decode()))
        self.client.on_subscribe = lambda c, u, mid, granted: self.granted.put(granted)
        self.client.connect("127.0.0.1", hub.mqtt_port, 60)
        self.client.loop_start()
        for f in filters:
            self.client.subscribe(f, 1)
            self.granted.get(timeout=PATIENCE_S)

    def say(self, topic, payload=""):
        self.client.publish(topic, payload, 1).wait_for_publish(PATIENCE_S)

    def get(self, end):
        return self.heard.get(timeout=max(end - time.monotonic(), 0.01))

    def wait(self, *wanted):
        """The wanted messages in their order; others may stand between them."""
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

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()


class Example(unittest.TestCase):
    def play(self, name, *filters):
        self.hub = self.enterContext(Hub(HUB))
        with open(os.path.join(ROOT, "examples", "devices", name), "rb") as f:
            request = urllib.request.Request(self.hub.url("/api/devices/apply"), f.read(),
                                             {"Content-Type": "application/yaml"}, method="POST")
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as reply:
            self.assertEqual(reply.status, 200)
        player = Player(self.hub, *filters)
        self.addCleanup(player.close)
        return player

    def run_scenario(self, device, scenario):
        status, reply = self.hub.send_json("POST", "/api/devices/run", {"device": device, "scenario": scenario})
        self.assertEqual(status, 200, reply)


class Pictures(Example):
    CARDS = ("04A1B2C3", "04D4E5F6", "0411AA01", "0411AA02", "0411AA03")

    def test_rounds(self):
        player = self.play("pictures.yaml", "pictures/#", "robot/#")
        self.run_scenario("pictures", "scan")
        player.wait(("pictures/cmd/scan", "scan"))
        # Nobody answers: 700 ms later it has failed.
        player.wait(("pictures/lightsred", "fail"), ("robot/speak", "/sdcard/audio/pictures_fail.mp3"))
        for index, card in enumerate(self.CARDS, 1):
            player.say(f"pictures/scan/{index}", card.lower())
        player.wait(("pictures/lightsgreen", "ok"), ("robot/speak", "/sdcard/audio/pictures_ok.mp3"))
        player.say("pictures/scan/1", self.CARDS[0])
        player.say("pictures/check")
        player.wait(("pictures/lightsred", "fail"))
        self.run_scenario("pictures", "add_on")
        player.wait(("pictures/add_mode", "on"))


class Laser(Example):
    def test_held_and_commented(self):
        player = self.play("laser.yaml", "relay/#", "robot/#")
        player.say("laser/laserOn")
        player.say("laser/laserOn")
        topic, track = player.heard.get(timeout=PATIENCE_S)
        self.assertEqual(topic, "robot/laser/captured")
        self.assertRegex(track, r"^/sdcard/laser/([1-9]|[12]\d|3[0-2])\.mp3$")
        self.assertTrue(player.heard.empty())  # at most every 10 s


class Robot(Example):
    def test_moods_and_presets(self):
        player = self.play("robot.yaml", "audio/play")
        self.run_scenario("robot", "p1")
        player.wait(("audio/play", "/sdcard/audio/hello.mp3"))
        player.say("robot/laser/captured", "/sdcard/laser/7.mp3")
        player.wait(("audio/play", "/sdcard/laser/7.mp3"))
        for mood, topic in (("sarcastic", "robot/mode/sarcastic"), ("broken", "robot/broken/on")):
            player.say(topic, "on")
            player.say("robot/laser/captured", "/sdcard/laser/7.mp3")
            topic, track = player.heard.get(timeout=PATIENCE_S)
            self.assertRegex(track, rf"^/sdcard/{mood}/[1-8]\.mp3$")
        player.say("robot/mode/sarcastic", "off")  # is not the mood at hand
        player.say("robot/laser/captured", "/sdcard/laser/8.mp3")
        self.assertRegex(player.heard.get(timeout=PATIENCE_S)[1], r"^/sdcard/broken/")
        player.say("robot/broken/on", "off")
        player.say("robot/laser/captured", "/sdcard/laser/9.mp3")
        player.wait(("audio/play", "/sdcard/laser/9.mp3"))
        player.say("robot/speak", "/sdcard/audio/x.mp3")
        player.wait(("audio/play", "/sdcard/audio/x.mp3"))
        player.say("robot/laser/relayOn.mp3")
        player.wait(("audio/play", "/sdcard/laser/relayOn.mp3"))


class Room(Example):
    def start_props(self):
        sim = subprocess.Popen([NUTHATCH, "sim", "room", "--mqtt", f"127.0.0.1:{self.hub.mqtt_port}"],
                               stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        self.addCleanup(sim.wait, PATIENCE_S)
        self.addCleanup(sim.kill)
        self.addCleanup(sim.stdin.close)
        return sim

    def do(self, sim, *lines):
        sim.stdin.write("".join(line + "\n" for line in lines))
        sim.stdin.flush()

    def said(self, player, text):
        player.wait(("room/robot/said", text))

    def test_a_game_from_start_to_end(self):
        player = self.play("room.yaml", "room/#")
        sim = self.start_props()
        player.wait_all(*[(f"room/{prop}/status", "online")
                          for prop in ("reader1", "reader2", "beam", "door", "robot")])
        self.assertEqual(self.hub.send_json("POST", "/api/game/start", {"team": "Gulls"})[0], 200)
        self.said(player, "Who has moved the pictures of my cabin?")

        self.do(sim, "touch reader1", "touch reader2 04BADBAD")
        player.wait(("room/pictures/light", "red"))
        self.said(player, "That is not how it hung.")
        self.do(sim, "touch reader1", "touch reader2")
        player.wait(("room/pictures/light", "green"))
        self.said(player, "Good eyes! Now hold the light on my glass eye.")

        self.do(sim, "hold beam")
        player.wait(("room/beam/light", "on"), ("room/door/state", "open"))
        self.said(player, "The door is open. Farewell!")
        self.hub.wait_until(lambda: self.hub.get_json("/api/game")["state"] == "ended", "the end")

    def test_an_operator_helps(self):
        player = self.play("room.yaml", "room/#")
        self.start_props()
        player.wait(("room/robot/state", "silent"))
        self.assertEqual(self.hub.send_json("POST", "/api/game/start", {})[0], 200)
        self.said(player, "Who has moved the pictures of my cabin?")
        for hint in ({"index": 0}, {"text": 'Look at the "eye"'}):
            status, reply = self.hub.send_json("POST", "/api/game/hint", hint)
            self.assertEqual(status, 200, reply)
        self.said(player, "Two pictures want a card each")
        self.said(player, 'Look at the "eye"')
        self.run_scenario("pictures", "skip")
        player.wait(("room/pictures/light", "green"))
        self.run_scenario("beam", "skip")
        player.wait(("room/door/state", "open"))


if __name__ == "__main__":
    unittest.main()
