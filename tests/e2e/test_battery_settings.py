"""Settings of a simulated board through a hub: by HTTP, as files by the command, over restarts and bad lines."""
import json
import os
import re
import subprocess
import time
import unittest

from battery_sim import BatterySim
from hub import NUTHATCH, PATIENCE_S, ROOT, Hub, run

URL = "/api/battery/settings"


def eventually(what, ask):
    end = time.monotonic() + PATIENCE_S
    while True:
        got = ask()
        if got or time.monotonic() > end:
            assert got, what
            return got
        time.sleep(0.05)


class OnABoard(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.board = BatterySim("--cells", "13", "--soc", "60")
        cls.board.start()
        cls.addClassCleanup(cls.board.__exit__, None, None, None)
        cls.hub = Hub(f"battery: {{enabled: true, path: {cls.board.link}}}\n")
        cls.hub.start()
        cls.addClassCleanup(cls.hub.__exit__, None, None, None)
        eventually("the board answers", lambda: cls.hub.get_json("/api/battery")["connected"]["local"])

    def tearDown(self):
        self.board.say("clean")

    def settings(self, fresh=True):
        reply = self.hub.get_json(URL + ("?fresh=1" if fresh else ""))
        return {s["key"]: s for s in reply["settings"]}

    def put(self, **changes):
        """A change, with its token if it needs one."""
        status, reply = self.hub.send_json("PUT", URL, {"changes": changes})
        if status == 409:
            status, reply = self.hub.send_json("PUT", URL,
                                               {"changes": changes, "token": reply["token"]})
        return status, reply


class Settings(OnABoard):
    def cli(self, *words, code=0, stdin=""):
        done = subprocess.run([NUTHATCH, "battery", *words, "--hub", f"http://{self.hub.http}"],
                              capture_output=True, text=True, input=stdin, timeout=120)
        self.assertEqual(done.returncode, code, (words, done.stdout, done.stderr))
        return done.stdout + done.stderr

    def file(self, name):
        return os.path.join(self.hub.folder, name)

    # ---- by HTTP -----------------------------------------------------------------------------------

    def test_list(self):
        settings = self.settings()
        self.assertEqual(len(settings), 40)
        self.assertEqual(settings["cell_count"]["value"], 13)
        self.assertEqual(settings["cell_count"]["address"], 307)
        self.assertEqual(settings["battery_capacity_ah"]["value"], 100)

    def test_change_is_on_the_board(self):
        for value in (25, 26):
            status, reply = self.put(charger_startup_delay_s=value)
            self.assertEqual((status, reply["results"]),
                             (200, [{"key": "charger_startup_delay_s", "outcome": "done",
                                     "value": value}]))
            registers = self.hub.get_json("/api/battery/registers?first=310&count=1&max_age_ms=1")
            self.assertEqual(registers["values"], [value])

    def test_four_voltages_up_and_down(self):
        before = self.settings()
        keys = ("undervoltage_cutoff_mv", "fully_discharged_voltage_mv", "fully_charged_voltage_mv",
                "overvoltage_cutoff_mv")
        old = [before[k]["value"] for k in keys]
        for values in ([2000, 2100, 2200, 2300], [3000, 3200, 4100, 4300], old):
            status, reply = self.put(**dict(zip(keys, values)))
            self.assertEqual(status, 200, reply)
            self.assertEqual({r["outcome"] for r in reply["results"]}, {"done"})
        after = self.settings()
        self.assertEqual([after[k]["value"] for k in keys], old)

    def test_silent_board(self):
        self.board.say("silence 60")
        status, reply = self.hub.send_json("PUT", URL, {"changes": {"charger_startup_delay_s": 40}})
        self.assertEqual((status, reply["error"]["code"]), (504, "no_answer"))
        self.board.say("silence 0")
        eventually("it is back", lambda: self.hub.get_json("/api/battery")["connected"]["local"])
        self.assertNotEqual(self.settings()["charger_startup_delay_s"]["value"], 40)

    def test_mode_restarts_the_board(self):
        for value in (1, 0):
            status, reply = self.put(operation_mode=value)
            self.assertEqual((status, reply["results"][0]["outcome"]), (200, "done"), reply)
        self.assertEqual(self.settings()["operation_mode"]["value"], 0)

    def test_charge_and_health_are_told(self):
        status, reply = self.put(state_of_charge_permille=55, state_of_health_permille=98)
        self.assertEqual(status, 200)
        self.assertEqual([r["outcome"] for r in reply["results"]], ["done", "done"])
        eventually("the gauge has it",
                   lambda: abs(self.hub.get_json("/api/battery")["pack"]["soc_pct"] - 55) < 0.5)

    def test_on_a_bad_line(self):
        """With a wrong bit in 0.3 % of all bytes each change ends, and what is told is what is there."""
        self.board.say("flip 0.3")
        told = []
        for i in range(20):
            status, reply = self.put(charge_restart_level_percent=60 + i)
            self.assertIn(status, (200, 504), reply)
            told.append((60 + i, reply["results"][0] if status == 200 else None))
            self.board.say("clean")
            now = self.settings()["charge_restart_level_percent"]["value"]
            if status == 200 and reply["results"][0]["outcome"] == "done":
                self.assertEqual(now, 60 + i)
            elif status == 504:
                self.assertNotEqual(now, 60 + i)
            self.board.say("flip 0.3")
        self.assertGreater(sum(r is not None and r["outcome"] == "done" for _, r in told), 10, told)

    def test_control(self):
        for action in ("clear_events", "clear_statistics", "restart"):
            status, reply = self.hub.send_json("POST", "/api/battery/control", {"action": action})
            self.assertEqual((status, reply["changes"][0]["key"]), (409, action))
            status, reply = self.hub.send_json("POST", "/api/battery/control",
                                               {"action": action, "token": reply["token"]})
            self.assertEqual((status, reply), (200, {"action": action, "outcome": "done"}))
        eventually("it starts again", lambda: any(
            e["id"] == 0x61 for e in self.hub.get_json("/api/battery/events")["events"]))

    def test_backups_survive(self):
        first = self.settings()["battery_max_cycles"]["value"]
        for i in range(1, 6):  # more than of other documents are kept
            self.assertEqual(self.put(battery_max_cycles=first + i)[0], 200)
        backups = self.hub.get_json(URL + "/backups")["backups"]
        values = []
        for b in backups[:5]:
            e = self.hub.get_json(f"{URL}/export?generation={b['generation']}")
            values.append(e["settings"]["battery_max_cycles"])
        self.assertEqual(values, [first + i for i in range(4, -1, -1)])
        self.assertRegex(self.cli("settings", "backups"),
                         rf"(?m)^ +{backups[0]['generation']}  20\d\d-\d\d-\d\d \d\d:")
        path = self.file("before.json")
        self.cli("settings", "export", path, "--backup", str(backups[4]["generation"]))
        self.cli("settings", "apply", path, "--yes")
        self.assertEqual(self.settings()["battery_max_cycles"]["value"], first)
        self.hub.wait_line(rf"battery_max_cycles was {first + 5}, is {first}")

    # ---- the command -------------------------------------------------------------------------------

    def test_export_compare_apply(self):
        path = self.file("pack.json")
        self.cli("settings", "export", path)
        with open(path) as f:
            saved = json.load(f)
        self.assertEqual(saved["format"], "nuthatch battery settings")
        self.assertEqual(saved["settings"]["cell_count"], 13)
        version = eventually("the version", lambda: self.hub.get_json("/api/battery")["version"])
        self.assertEqual(saved["board"]["serial"], version["serial"])
        self.assertIn("has what", self.cli("settings", "compare", path))
        changed = saved["settings"]["early_balancing_threshold_mv"] + 7
        self.cli("settings", "set", f"early_balancing_threshold_mv={changed}",
                 "broadcast_interval=off")
        text = self.cli("settings", "compare", path, code=1)
        self.assertRegex(text, rf"early_balancing_threshold_mv +{changed} -> {changed - 7}")
        self.assertIn("nothing was changed", self.cli("settings", "apply", path, code=1, stdin="n\n"))
        self.assertIn("1 of 1 settings", self.cli("settings", "apply", path, stdin="y\n"))
        self.assertIn("has what", self.cli("settings", "compare", path))

    def test_files_that_cannot_be_compared(self):
        """What a file says in vain is named; it is not the board's, and nothing of it is written."""
        before = self.settings()["charger_startup_delay_s"]["value"]
        path = self.file("odd.json")
        for settings, says in (
                ({"volts": 1, "charger_startup_delay_s": before}, "volts: there is no setting"),
                ({"charger_startup_delay_s": "x", "cell_count": 13}, "charger_startup_delay_s: x is"),
                ({"charger_startup_delay_s": [], "battery_max_cycles": 1}, "allowed: a number"),
                ({}, "names no setting")):
            with open(path, "w") as f:
                json.dump({"settings": settings}, f)
            for words in (("compare", path), ("compare", path, "--json"),
                          ("apply", path, "--yes")):
                text = self.cli("settings", *words, code=1)
                self.assertIn(says, text)
                self.assertNotIn("has what", text)
            self.assertIn("nothing was changed", text)
        after = self.settings()
        self.assertEqual(after["charger_startup_delay_s"]["value"], before)
        self.assertNotEqual(after["battery_max_cycles"]["value"], 1)

    def test_dangerous_by_the_command(self):
        old = self.settings()["overheat_cutoff_c"]["value"]
        text = self.cli("settings", "set", f"overheat_cutoff_c={old - 1}", code=1, stdin="n\n")
        self.assertIn("dangerous", text)
        self.assertEqual(self.settings()["overheat_cutoff_c"]["value"], old)
        self.cli("settings", "set", f"overheat_cutoff_c={old - 1}", stdin="y\n")
        self.assertEqual(self.settings()["overheat_cutoff_c"]["value"], old - 1)
        self.cli("settings", "set", f"overheat_cutoff_c={old}", "--yes")

    def test_wrong_words(self):
        self.assertIn("5 to 60 s",
                      self.cli("settings", "set", "charger_startup_delay_s=99", code=1))
        self.assertIn("no setting", self.cli("settings", "set", "volts=1", code=1))
        self.assertIn("KEY=VALUE", self.cli("settings", "set", "volts", code=2))
        self.cli("settings", "apply", code=2)
        self.cli("settings", code=2)
        self.assertIn("No such file", self.cli("settings", "apply", "/nowhere/x", code=1))


class Refusing(OnABoard):
    def test_refused_by_the_board(self):
        before = self.settings()["charger_disable_delay_s"]["value"]
        self.board.say("nack 311 7")  # who asks for 311 is refused, reading too
        status, reply = self.put(charger_disable_delay_s=before + 1)
        self.board.say("nack none")
        self.assertEqual((status, reply["error"]["code"]), (502, "refused"))
        self.assertIn("code 7", reply["error"]["message"])
        self.assertEqual(self.settings()["charger_disable_delay_s"]["value"], before)

    def test_refused_after_a_silence(self):
        """Behind time-outs a refusal may be that of an earlier question; it is heard soon."""
        self.board.say("drop 2")
        self.assertIn(self.put(charger_disable_delay_s=7)[0], (200, 504))
        self.board.say("clean")
        self.board.say("nack 311 7")
        eventually("it is refused", lambda: self.put(charger_disable_delay_s=8)[0] == 502)
        self.board.say("nack none")


class WithPassword(unittest.TestCase):
    def test_command_signs_in(self):
        code, out, err = run("passwd", stdin="correct horse\n")
        self.assertEqual(code, 0, err)
        line = re.search(r'password_hash: "([^"]+)"', out).group(1)
        with BatterySim("--cells", "13") as board, Hub(
                f"access: {{user: root, password_hash: \"{line}\"}}\n"
                f"battery: {{enabled: true, path: {board.link}}}\n") as hub:
            secret = os.path.join(hub.folder, "secret")

            def cli(password, *words):
                with open(secret, "w") as f:
                    f.write(password + "\n")
                return run("battery", "settings", *words, "--hub", f"http://{hub.http}", "--user",
                           "root", "--password-file", secret)

            code, _, err = run("battery", "settings", "export", "--hub", f"http://{hub.http}")
            self.assertEqual(code, 1)
            self.assertRegex(err, "(?i)sign in")
            self.assertEqual(cli("wrong horse", "export")[0], 1)
            change = ("set", "overheat_cutoff_c=55", "charger_startup_delay_s=30", "--yes")
            code, out, err = eventually("a change", lambda: (
                lambda done: done if done[0] == 0 else None)(cli("correct horse", *change)))
            self.assertIn("2 of 2 settings", out)
            exported = json.loads(cli("correct horse", "export")[1])
            self.assertEqual(exported["settings"]["overheat_cutoff_c"], 55)


class Registers(unittest.TestCase):
    def test_doc_is_the_table(self):
        done = subprocess.run([NUTHATCH, "battery", "registers", "--markdown"], capture_output=True,
                              text=True, timeout=60)
        with open(os.path.join(ROOT, "docs", "battery-registers.md")) as f:
            self.assertTrue(f.read().endswith(done.stdout))

    def test_no_hub(self):
        done = subprocess.run([NUTHATCH, "battery", "settings", "export", "--hub",
                               "http://127.0.0.1:1"], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 1)
        self.assertIn("refused", done.stderr)


if __name__ == "__main__":
    unittest.main()
