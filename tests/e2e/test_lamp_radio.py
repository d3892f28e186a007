"""A hub's lamp and `nuthatch remote`, by radio: pairing, commands over a bad air, the screen."""
import json
import os
import random
import re
import select
import signal
import subprocess
import termios
import time
import unittest

from hub import NUTHATCH, PATIENCE_S, Hub
from terminal import Terminal


class Radio(unittest.TestCase):
    """One hub with a lamp on a group of its own for all tests of a class."""
    AIR = EXTRA = ""
    REMOTE_AIR = ()

    @classmethod
    def setUpClass(cls):
        cls.port = random.SystemRandom().randrange(33000, 60000)
        cls.hub = Hub("lamp: {enabled: true, width: 8, height: 8}\n"
                      f"lamp_radio: {{enabled: true, port: {cls.port}{cls.AIR}}}\n" + cls.EXTRA)
        cls.hub.start()
        cls.addClassCleanup(cls.hub.__exit__, None, None, None)
        cls.state = os.path.join(cls.hub.folder, "remote")
        cls.pair()

    @classmethod
    def command(cls, *words):
        return [NUTHATCH, "remote", "--state", cls.state, "--port", str(cls.port), *cls.REMOTE_AIR,
                *words]

    @classmethod
    def remote(cls, *words, code=0, stdin=""):
        done = subprocess.run(cls.command(*words), capture_output=True, text=True, input=stdin,
                              timeout=120)
        if done.returncode != code:
            raise AssertionError(f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done.stdout if code == 0 else done.stderr

    @classmethod
    def pair(cls):
        cls.hub.send_json("POST", "/api/lamp/radio/pair", {"seconds": 120})
        with subprocess.Popen(cls.command("pair", "--yes", "--json", "--name", "script"), text=True,
                              stdout=subprocess.PIPE) as p:
            first = json.loads(p.stdout.readline())
            status, reply = cls.hub.send_json("POST", "/api/lamp/radio/accept",
                                    {"code": first["code"]})
            assert status == 200, reply
            assert json.loads(p.stdout.readline()) == {"paired": first["lamp"]}
        assert p.returncode == 0

    def lamp(self):
        return self.hub.send_json("GET", "/api/lamp", None)[1]

    def radio(self):
        return self.hub.send_json("GET", "/api/lamp/radio", None)[1]


class CleanAir(Radio):
    def test_set_and_status(self):
        text = self.remote("--set", "effect=confetti", "brightness=120", "speed=150", "pause=on")
        self.assertIn("CONFETTI, brightness 120, speed 150 %, paused", text)
        lamp = self.lamp()
        self.assertEqual((lamp["effect"], lamp["brightness"], lamp["speed_pct"], lamp["paused"]),
                         ("CONFETTI", 120, 150, True))
        self.assertEqual((lamp["changed"]["by"], lamp["changed"]["who"]), ("radio", "script"))
        status = json.loads(self.remote("status", "--json"))
        self.assertEqual(status["effect"], "CONFETTI")
        self.assertEqual(status["lamp"]["key"], "paired")
        self.assertEqual(status["seq"], lamp["seq"])
        self.assertEqual(status["repeats"], 0)
        self.remote("--set", "pause=off", "speed=100")

    def test_more_than_version_1(self):
        self.remote("--set", "intensity=200", "palette=3", "overlay=on", "overlay_mode=speak",
                    "overlay_blend=add", "volume=33")
        lamp = self.lamp()
        self.assertEqual((lamp["intensity"], lamp["palette_index"]), (200, 3))
        self.assertEqual((lamp["overlay"]["enabled"], lamp["overlay"]["mode"],
                          lamp["overlay"]["blend"]), (True, "speak", "add"))
        status = json.loads(self.remote("status", "--json"))
        self.assertEqual((status["volume"], status["overlay"]["mode"]), (33, "speak"))
        self.remote("--set", "palette=auto", "overlay=off", "intensity=128")
        self.assertEqual(self.lamp()["palette"], "auto")

    def test_power_and_what_is_refused(self):
        # It is lit first and put out last, whatever the order of the words.
        self.remote("--set", "power=off", "brightness=77")
        self.assertEqual((self.lamp()["power"], self.lamp()["brightness"]), (False, 77))
        self.assertIn("brightness=5: refused: the lamp is off",
                      self.remote("--set", "brightness=5", code=1))
        self.remote("--set", "brightness=66", "power=on")
        self.assertEqual((self.lamp()["power"], self.lamp()["brightness"]), (True, 66))
        before = self.lamp()["effect"]
        self.assertIn("no such effect", self.remote("--set", "effect=0xCAFE", code=1))
        self.assertIn('no effect "nope"', self.remote("--set", "effect=nope", code=1))
        self.assertIn("no such effect or palette", self.remote("--set", "palette=254", code=1))
        self.assertEqual(self.lamp()["effect"], before)

    def test_list(self):
        effects = self.hub.send_json("GET", "/api/lamp/effects", None)[1]["effects"]
        self.assertEqual(json.loads(self.remote("list", "--json")),
                         [{"id": e["id"], "name": e["name"]} for e in effects])
        self.assertIn("FIRE", self.remote("list"))

    def test_volume_is_the_players(self):
        self.remote("--set", "volume=41")
        end = time.monotonic() + PATIENCE_S  # the player takes it in its own time
        while self.hub.send_json("GET", "/api/audio", None)[1]["volume"] != 41:
            self.assertLess(time.monotonic(), end)

    def test_ping(self):
        before = self.lamp()
        pings = json.loads(self.remote("ping", "50", "--json"))
        self.assertEqual((pings["answered"], pings["failed"]), (50, 0))
        self.assertLessEqual(pings["p50_us"], pings["p99_us"])
        self.assertEqual(self.lamp()["seq"], before["seq"])  # it changes nothing
        self.remote("ping", "0", code=2)

    def test_update_is_asked_for(self):
        self.assertIn("The lamp takes no updates", self.remote("ota", "--yes"))
        self.remote("ota", code=1, stdin="n\n")

    def test_wrong_usage(self):
        for words in (["--set"], ["--set", "brightness"], ["--set", "brightness=256"],
                      ["--set", "colour=red"], ["--set", "power=maybe"], ["dance"], ["status", "x"],
                      ["--channel", "14", "status"], ["--nothing"], ["add", "here"],
                      ["add", "02:00:00:00:00:01", "70000"]):
            self.assertTrue(self.remote(*words, code=2), words)
        self.assertIn("is no terminal", self.remote(code=2))
        self.assertIn("Examples:", self.remote("--help"))

    def test_nobody_there(self):
        with Hub() as other:  # for its folder
            state = ["--state", os.path.join(other.folder, "r")]
            self.assertIn("no lamp is paired", self.remote(*state, "status", code=1))
            self.remote(*state, "add", "02:4e:48:00:00:99", "5")
            self.assertIn("version 1", self.remote(*state, "lamps"))
            self.assertIn("does not answer",
                          self.remote(*state, "--timeout", "1", "--set", "power=on", code=1))
            self.assertIn("no lamp answered", self.remote(*state, "pair", "--seconds", "1", code=1))
            self.remote(*state, "forget", "02:4e:48:00:00:99")
            self.assertEqual(self.remote(*state, "lamps", "--json"), "[]\n")
            self.assertEqual(os.stat(state[1]).st_mode & 0o777, 0o700)

    def test_one_remote_for_a_folder(self):
        with Terminal(self.command()) as t:
            t.shows("Brightness")
            self.assertIn("in use by another remote", self.remote("status", code=1))

    def test_restart_of_the_hub(self):
        self.hub.stop()
        self.hub.start()
        status = json.loads(self.remote("status", "--json"))
        self.assertEqual(status["repeats"], 0)  # an orderly end: nothing had to be said twice
        self.hub.stop(signal.SIGKILL)
        self.hub.start()
        self.remote("--set", "brightness=31")
        self.assertEqual(self.lamp()["brightness"], 31)
        self.assertEqual(len(self.radio()["peers"]), 1)

    def test_requests(self):
        radio = self.radio()
        self.assertEqual((radio["channel"], radio["allow_v1"], radio["pairing"]), (1, False, None))
        peer = radio["peers"][0]
        self.assertEqual((peer["name"], peer["key"]), ("script", "paired"))
        self.assertNotIn("key_bytes", peer)

        def ask(method, path, body=None):
            return self.hub.send_json(method, path, body)

        status, reply = ask("POST", "/api/lamp/radio/pair", {"seconds": 20, "confirm": False})
        self.assertEqual((status, reply["pairing"]["confirm"], reply["pairing"]["code"]),
                         (200, False, None))
        self.assertLessEqual(reply["pairing"]["left_s"], 20)
        self.assertIsNone(ask("POST", "/api/lamp/radio/pair", {"seconds": 0})[1]["pairing"])
        self.assertEqual(ask("POST", "/api/lamp/radio/pair", {"seconds": 301})[0], 400)
        self.assertEqual(ask("POST", "/api/lamp/radio/pair", {"second": 1})[0], 400)
        self.assertEqual(ask("POST", "/api/lamp/radio/accept", {"code": "12345"})[0], 400)
        self.assertEqual(ask("POST", "/api/lamp/radio/accept", {"code": "123456"})[0], 404)
        self.assertEqual(ask("DELETE", "/api/lamp/radio/peers/02:00:00:00:00:01")[0], 404)
        self.assertEqual(ask("DELETE", "/api/lamp/radio/peers/x")[0], 404)


class Forgotten(Radio):
    def test_removed_and_other_digits(self):
        address = self.radio()["peers"][0]["address"]
        status, reply = self.hub.send_json("DELETE", f"/api/lamp/radio/peers/{address}", None)
        self.assertEqual((status, reply["peers"]), (200, []))
        self.remote("--timeout", "1", "--set", "brightness=3", code=1)
        self.hub.send_json("POST", "/api/lamp/radio/pair", {"seconds": 60})
        with subprocess.Popen(self.command("pair", "--yes", "--json"), text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as p:
            code = int(json.loads(p.stdout.readline())["code"])
            status, reply = self.hub.send_json("POST", "/api/lamp/radio/accept",
                                    {"code": f"{(code + 1) % 1000000:06}"})
            self.assertEqual((status, reply["error"]["code"]), (409, "other_code"))
            self.assertIn("it was refused", p.stderr.read())
        self.assertEqual(p.returncode, 1)
        self.assertEqual(self.radio()["peers"], [])


class Version1(Radio):
    """An older remote: no key, taken by its first frame while the window asks for no digits."""
    AIR = ", allow_v1: true"
    EXTRA = "ota: {enabled: true, key: " + "ab" * 32 + "}\n"

    @classmethod
    def pair(cls):
        radio = cls.hub.send_json("GET", "/api/lamp/radio", None)[1]
        cls.remote("add", radio["address"], "111")
        cls.remote("--timeout", "1", "--set", "brightness=3", code=1)
        cls.hub.send_json("POST", "/api/lamp/radio/pair", {"seconds": 60, "confirm": False})
        cls.remote("--set", "brightness=4")
        cls.hub.send_json("POST", "/api/lamp/radio/pair", {"seconds": 0})

    def test_update(self):
        self.assertIn("The lamp is ready.", self.remote("ota", "--yes"))

    def test_commands(self):
        self.assertEqual(self.radio()["peers"][0]["key"], "none")
        self.assertIn("CUBES, brightness 9", self.remote("--set", "effect=CUBES", "brightness=9"))
        self.assertEqual((self.lamp()["effect"], self.lamp()["brightness"]), ("CUBES", 9))
        self.assertIn("unknown command", self.remote("--set", "intensity=9", code=1))
        self.assertNotIn("intensity", json.loads(self.remote("status", "--json")))
        with Terminal(self.command()) as t:
            t.shows("▶ CUBES")
            self.assertNotIn("Intensity", t.shows("Volume").text())


class BadAir(Radio):
    """30 % of the frames are lost both ways, they are late, out of order, and some come twice."""
    AIR = ", loss_pct: 30, delay_ms: 15, duplicate_pct: 10"
    REMOTE_AIR = ("--loss-pct", "30", "--delay-ms", "15", "--duplicate-pct", "10")

    def test_every_command_is_applied_once(self):
        before = self.radio()["counters"]["applied"]
        seq = self.lamp()["seq"]
        for n in range(8):
            self.remote("--timeout", "60", "--set", f"brightness={n + 10}", f"speed={n + 50}")
            lamp = self.lamp()
            self.assertEqual((lamp["brightness"], lamp["speed_pct"]), (n + 10, n + 50))
        counters = self.radio()["counters"]
        self.assertEqual(counters["applied"] - before, 16)
        self.assertEqual(self.lamp()["seq"] - seq, 16)
        self.assertGreater(counters["air_lost"], 0)
        self.assertEqual(counters["forged"], 0)

    def test_list_comes_whole(self):
        effects = self.hub.send_json("GET", "/api/lamp/effects", None)[1]["effects"]
        for name in os.listdir(self.state):
            if name.startswith("list-"):
                os.remove(os.path.join(self.state, name))
        self.assertEqual(len(json.loads(self.remote("--timeout", "60", "list", "--json"))),
                         len(effects))

    def test_screen(self):
        with Terminal(self.command()) as t:
            t.shows("Effects [1-9]")
            for _ in range(3):
                t.key("+")
            want = re.search(r"Brightness\s+\S+ (\d+)", t.shows(r"Brightness").text())
            end = time.monotonic() + PATIENCE_S
            while str(self.lamp()["brightness"]) != want[1] and time.monotonic() < end:
                t.read(0.1)
                want = re.search(r"Brightness\s+\S+ (\d+)", t.screen.text())
            self.assertEqual(str(self.lamp()["brightness"]), want[1])
            t.key("f10")
            self.assertEqual(t.wait(), 0)


class TheScreen(Radio):
    def setUp(self):
        self.remote("--set", "power=on", "effect=FIRE", "brightness=100", "speed=100", "pause=off")

    def test_effects_and_controls(self):
        with Terminal(self.command()) as t:
            t.shows("▶ FIRE")
            t.shows(r"\d+ dBm  ch 1 ")
            t.key("r", "a", "d")
            t.shows("/RAD ")
            t.key("enter")
            t.shows("▶ RADIAL RIPPLE")
            self.assertEqual(self.lamp()["effect"], "RADIAL RIPPLE")
            t.key("esc")
            t.shows("Effects [1-9]")
            t.key("end", "enter")
            last = self.hub.send_json("GET", "/api/lamp/effects", None)[1]["effects"][-1]["name"]
            t.shows(f"▶ {re.escape(last)}")
            t.key("tab", "down", "down", "right")
            t.shows(r"Brightness +█+░+ 105")
            t.key("down", "left")
            t.shows(r"Speed +█+░+ 95 %")
            t.key("f2")
            t.shows("○ off")
            t.key("f2")
            t.shows("● on")
            t.key("f3")
            t.shows("stands still")
            t.key("f4")
            t.shows("● shown")
            self.settles(lambda l: l["overlay"]["enabled"] and l["paused"] and l["brightness"] == 105
                         and l["speed_pct"] == 95)
            t.key("f4", "f3")
            t.shows("○ hidden")
            t.key("q")
            self.assertEqual(t.wait(), 0)

    def settles(self, condition):
        end = time.monotonic() + PATIENCE_S
        while not condition(self.lamp()):
            self.assertLess(time.monotonic(), end, self.lamp())

    def test_what_others_do_is_seen(self):
        with Terminal(self.command()) as t:
            t.shows("▶ FIRE")
            self.hub.send_json("POST", "/api/lamp", {"effect": "CUBES", "brightness": 44})
            t.shows("▶ CUBES")
            t.shows("Brightness +█+░+ 44")

    def test_update_is_confirmed(self):
        with Terminal(self.command()) as t:
            t.shows("▶ FIRE")
            t.key("f8")
            t.shows("Ask the lamp for an update")
            t.key("n")
            t.until(lambda s: "Ask the lamp" not in s.text(), "the question gone")
            t.key("f8")
            t.shows("Ask the lamp for an update")
            t.key("y")
            t.shows("takes no updates")

    def test_pairing(self):
        state = self.state + "-2"
        with Terminal(self.command("--state", state)) as t:
            t.shows("No lamp is paired yet")
            self.hub.send_json("POST", "/api/lamp/radio/pair", {"seconds": 60})
            t.key("f6")
            t.shows("same digits")
            code = re.search(r"(\d{3}) (\d{3})", t.screen.text())
            t.key("y")
            t.shows("Confirm the digits at the lamp")
            self.hub.send_json("POST", "/api/lamp/radio/accept", {"code": code[1] + code[2]})
            t.shows("Paired")
            t.shows("▶ FIRE")
        peers = [p["address"] for p in self.radio()["peers"]]
        with open(os.path.join(state, "address")) as f:
            self.assertIn(f.read(), peers)

    def test_size(self):
        with Terminal(self.command(), rows=24, columns=80) as t:
            text = t.shows("▶ FIRE").text().split("\n")
            self.assertTrue(all(len(line) <= 80 for line in text))
            t.resize(10, 40)
            t.shows("too small")
            t.resize(40, 132)
            t.until(lambda s: "F10 end" in s.line(39), "the last line")
            t.shows("▶ FIRE")

    def test_terminal_is_as_before(self):
        """However it ends: by a key, a signal, or a fault of its own."""
        ends = {"key": None, "TERM": signal.SIGTERM, "INT": signal.SIGINT, "SEGV": signal.SIGSEGV,
                "ABRT": signal.SIGABRT}
        for name, sig in ends.items():
            # The shell keeps the terminal when the remote is gone.
            words = " ".join(f"'{w}'" for w in self.command())
            with Terminal(["/bin/sh", "-c", f"{words}; stty -a; echo all is over"]) as t:
                before = t.modes()
                t.shows("▶ FIRE")
                self.assertTrue(t.screen.is_alternate)
                self.assertFalse(t.modes()[3] & termios.ICANON)
                if sig is None:
                    t.key("\x03")
                else:
                    os.kill(self.child_of(t.pid), sig)
                t.shows("all is over")
                self.assertEqual((t.screen.is_alternate, t.screen.cursor_hidden), (False, False),
                                 name)
                self.assertIn(" icanon", t.screen.text(), name)
                self.assertIn(" echo ", t.screen.text(), name)
                self.assertTrue(before)

    @staticmethod
    def child_of(pid):
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            return int(f.read().split()[0])

    def test_terminal_goes_away(self):
        t = Terminal(self.command())
        t.__enter__()
        t.shows("▶ FIRE")
        os.close(t.fd)
        end = time.monotonic() + PATIENCE_S
        pid, status = 0, 0
        while pid == 0 and time.monotonic() < end:
            pid, status = os.waitpid(t.pid, os.WNOHANG)
            select.select([], [], [], 0.05)
        self.assertEqual(pid, t.pid)
        self.assertTrue(os.WIFEXITED(status) or os.WTERMSIG(status) == signal.SIGHUP)


del Radio  # not itself a test

if __name__ == "__main__":
    unittest.main()
