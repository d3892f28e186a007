"""The command: verbs, exit codes, configuration faults, signals."""
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.request

from hub import NUTHATCH, ROOT, Hub, run


class Verbs(unittest.TestCase):
    def test_help_and_usage(self):
        rows = [
            (["--help"], 0, "Usage"), (["run", "--help"], 0, "Examples"),
            (["check", "--help"], 0, "Examples"), (["passwd", "--help"], 0, "Example"),
            (["--version"], 0, "nuthatch"),
        ]
        for args, code, text in rows:
            with self.subTest(args=args):
                got, out, _ = run(*args)
                self.assertEqual(got, code)
                self.assertIn(text, out)
        for args in ([], ["fly"], ["run", "--fast"], ["run", "extra"], ["check"], ["sim", "home", "--seconds", "x"],
                     ["sim", "home", "--mqtt", "here:1"], ["sim"]):
            with self.subTest(args=args):
                got, _, err = run(*args)
                self.assertEqual(got, 2)
                self.assertTrue(err)

    def test_passwd_from_a_pipe(self):
        code, out, _ = run("passwd", stdin="correct horse\n")
        self.assertEqual(code, 0)
        self.assertIn("$argon2id$", out)
        self.assertNotIn("horse", out)
        code, out, err = run("passwd", stdin="short\n")
        self.assertEqual(code, 1)
        self.assertIn("8", err)


    def test_wrong_usage_says_what_is_missing(self):
        with tempfile.TemporaryDirectory() as folder:
            absent = os.path.join(folder, "nofile")
            rows = [(["passwd", "--delete", "x"], 2, "--delete needs --file FILE"),
                    (["passwd", "--file", absent], 2, "the NAME of the user is missing"),
                    (["passwd", "a", "b"], 2, "one NAME at a time"),
                    (["passwd", "--delete", "--file", absent, "x"], 1, "nofile: there is no such file"),
                    (["passwd", "--fast"], 2, "nuthatch passwd: unrecognized option '--fast'"),
                    (["passwd", "--fast"], 2, "nuthatch passwd --help shows the options"),
                    (["run", "--fast"], 2, "nuthatch run: unrecognized option"),
                    (["check"], 2, "the FILE is missing"), (["check", "a", "b"], 2, "one FILE at a time")]
            for args, want, text in rows:
                with self.subTest(args=args):
                    code, _, err = run(*args)
                    self.assertEqual(code, want)
                    self.assertIn(text, err)
        self.assertIn("8 to 256 bytes", run("passwd", "--help")[1])
        self.assertIn("file:PATH", run("run", "--help")[1])


class Check(unittest.TestCase):
    def check(self, text, *args, name="hub.yaml"):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, name)
            with open(path, "w") as f:
                f.write(text)
            code, out, err = run("check", *args, path)
            return code, out, err.replace(folder + "/", "")

    def test_good(self):
        for text in ("", "# nothing\n", "board: esp32\n", "mqtt:\n  listen: 127.0.0.1:0\n"):
            with self.subTest(text=text):
                code, out, err = self.check(text)
                self.assertEqual((code, err), (0, ""))
                self.assertIn("good", out)

    def test_every_fault_at_once(self):
        code, _, err = self.check("bord: esp32\nmqtt:\n  inflight_max: 0\n  packet_max_bytes: lots\n"
                                  "health: {heartbeat_ms: 5}\n")
        self.assertEqual(code, 1)
        for line in ("hub.yaml:1:1:", "hub.yaml:3:17:", "hub.yaml:4:21:", "hub.yaml:5:24:"):
            self.assertIn(line, err)
        self.assertIn("/mqtt/inflight_max", err)
        self.assertIn("65534", err)
        self.assertIn("lots", err)

    def test_every_stage_tells_its_faults(self):
        text = ("board: esp99\n"
                "health: {heartbeat_ms: 5}\n"
                "access: {password_hsh: x}\n"
                "http: {listen: 0.0.0.0:80}\n"
                "mqtt:\n"
                "  acl_file: nofile\n"
                "  users: [{name: '*'}, {nam: y}]\n"
                "  listeners: [{protocol: mqtt}, {listen: nowhere}]\n"
                "  bridges:\n"
                "    - {name: a/b, address: h, rulez: 1, rules: [{filter: a}, {filter: 'a/#/b', direction: in}]}\n")
        code, out, err = self.check(text)
        self.assertEqual((code, out), (1, ""))
        self.assertEqual(sorted(line.split(" ")[1] for line in err.splitlines()),
                         sorted(["/board", "/health/heartbeat_ms", "/access/password_hsh", "/mqtt/acl_file",
                                 "/mqtt/users/0/name", "/mqtt/users/1/nam", "/mqtt/users/1/name",
                                 "/mqtt/listeners/0/listen", "/mqtt/listeners/1/listen",
                                 "/mqtt/bridges/0/name", "/mqtt/bridges/0/address", "/mqtt/bridges/0/rulez",
                                 "/mqtt/bridges/0/rules/0/direction", "/mqtt/bridges/0/rules/1"]), err)
        for line in err.splitlines():
            self.assertRegex(line, r"^hub.yaml:\d+:\d+: /")
        self.assertIn("hub.yaml:10:28: /mqtt/bridges/0/address", err)
        _, out, _ = self.check(text, "--json")
        self.assertEqual(len(json.loads(out)["findings"]), len(err.splitlines()))

    def test_rules_beyond_the_table(self):
        rows = [
            ("board: esp99\n", "esp32-s3"), ("http: {listen: 0.0.0.0:80}\n", "password_hash"),
            ("mqtt: {listen: nowhere}\n", "/mqtt/listen"), ("console: lamp\n", "/console"),
            ("mqtt: {listen: '127.0.0.1:8080'}\n", "/mqtt/listen"),
            ("name: a/b\n", "/name"),
            ("http: {tls_listen: '127.0.0.1:8443'}\n", "tls_cert_file"),
            ("access: {password_hash: secret123}\n", "/access/password_hash"),
            ("name: a/b\n", "/name"), ("name: a+b\n", "/name"), ("name: 'a#'\n", "/name"),
            ("name: ''\n", "/name"), ('name: "a\\nb"\n', "control"),
            ('data: "a\\x7fb"\n', "/data"), ("console: 'pty:'\n", "/console"),
            ("access: {user: 'a:b', password_hash: $argon2id$x}\n", "/access/user"),
            ("access: {user: '', password_hash: $argon2id$x}\n", "/access/user"),
        ]
        for text, word in rows:
            with self.subTest(text=text):
                code, _, err = self.check(text)
                self.assertEqual(code, 1)
                self.assertIn(word, err)
                self.assertRegex(err, r"^hub.yaml:1:\d+: /")
                self.assertNotIn("secret123", err)

    def test_broken_yaml_and_missing_file(self):
        code, _, err = self.check("a: [1\nb: 2\n")
        self.assertEqual(code, 1)
        self.assertRegex(err, r"^hub.yaml:2:\d+: [^/]")
        code, _, err = self.check("mqtt: [1\nb: 2\n")
        self.assertEqual((code, err.count("\n")), (1, 1), err)
        code, _, err = run("check", "/nonexistent/hub.yaml")
        self.assertEqual((code, err), (1, "/nonexistent/hub.yaml: there is no such file\n"))
        code, _, err = run("check", ROOT)
        self.assertEqual((code, err), (1, f"{ROOT}: is a folder, not a file\n"))

    def test_findings_as_json(self):
        code, out, _ = self.check("mqtt: {inflight_max: 0}\n", "--json")
        self.assertEqual(code, 1)
        found = json.loads(out)
        self.assertFalse(found["good"])
        self.assertEqual(found["findings"][0]["field"], "/mqtt/inflight_max")

    def test_the_reference_lists_every_field(self):
        code, out, _ = run("check", "--fields")
        self.assertEqual(code, 0)
        with open(os.path.join(ROOT, "docs", "configuration.md")) as f:
            self.assertTrue(f.read().endswith(out), "docs/configuration.md: nuthatch check --fields")

    def test_device_fields_are_in_the_docs(self):
        out = subprocess.run([NUTHATCH, "check", "--device-fields"], capture_output=True, text=True,
                             check=True, timeout=60).stdout
        with open(os.path.join(ROOT, "docs", "devices-format.md")) as f:
            self.assertTrue(f.read().endswith(out), "docs/devices-format.md: nuthatch check --device-fields")

    def test_the_demo_home_is_good(self):
        self.assertEqual(run("check", os.path.join(ROOT, "examples", "home", "hub.yaml"))[0], 0)

    def test_json_only(self):
        rows = [('{"a":[1,2,{"b":null}]}', 0, ""), ('{"a":1,}', 1, ":1:8"), ("", 1, ""),
                ('["\\ud800"]', 1, ":1:"), ('[' * 40 + ']' * 40, 1, ""), ('"' + "x" * 5000 + '"', 0, "")]
        for text, want, where in rows:
            with self.subTest(text=text[:30]):
                code, _, err = self.check(text, "--json-only", name="x.json")
                self.assertEqual(code, want)
                self.assertIn(where, err)


class Life(unittest.TestCase):
    def test_starts_answers_and_stops(self):
        for sig in (signal.SIGTERM, signal.SIGINT):
            with Hub() as hub:
                self.assertEqual(hub.ready["pid"], hub.process.pid)
                self.assertEqual(hub.get_json("/api/info")["name"], "nuthatch")
                self.assertEqual(hub.stop(sig), 0)

    def test_stops_with_clients_connected(self):
        with Hub() as hub:
            socks = [hub.connect() for _ in range(5)]
            self.assertEqual(hub.stop(), 0)
            for s in socks:
                s.close()

    def test_reload_takes_a_good_file_and_refuses_a_bad_one(self):
        with Hub("health: {heartbeat_ms: 3600000}\n") as hub:
            hub.write_config("health: {heartbeat_ms: 1}\n")
            hub.process.send_signal(signal.SIGHUP)
            hub.wait_line("(?i)heartbeat_ms")
            hub.write_config("health: {heartbeat_ms: 1000}\n")
            hub.process.send_signal(signal.SIGHUP)
            hub.wait_line(r"^\[Mem\] hb ")

    def test_reload_tells_the_place_of_each_fault(self):
        rows = [("mqtt: [1\nb: 2\n", r"hub.yaml:2:\d+: .*','"),
                ("health: {heartbeat_ms: 1}\n", r"hub.yaml:1:24: /health/heartbeat_ms .*limit: "),
                ("name: a/b\n", "hub.yaml:1:7: /name is no level"),
                ("mqtt: {password_file: nofile}\n",
                 "hub.yaml:1:23: /mqtt/password_file there is no such file; has nofile")]
        with Hub("name: first\n") as hub:
            for text, line in rows:
                with self.subTest(text=text):
                    at = len(hub.lines)
                    hub.write_config(text)
                    hub.process.send_signal(signal.SIGHUP)
                    hub.wait_line(line, after=at)
                    hub.wait_line("not taken: the old configuration stays", after=at)
                    self.assertFalse([x for x in hub.lines[at:] if "wrong type" in x])

    def test_port_in_use_is_told(self):
        for taken, free in (("--mqtt", "--http"), ("--http", "--mqtt")):
            with self.subTest(taken=taken), socket.socket() as s:
                s.bind(("127.0.0.1", 0))
                s.listen(1)
                port = s.getsockname()[1]
                with tempfile.TemporaryDirectory() as folder:
                    code, _, err = run("run", taken, f"127.0.0.1:{port}", free, "127.0.0.1:0",
                                       "--data", folder)
                self.assertEqual(code, 1)
                self.assertIn(f"127.0.0.1:{port}: in use", err)

    def test_a_data_folder_that_cannot_be_is_told(self):
        with tempfile.NamedTemporaryFile() as f:
            code, _, err = run("run", "--mqtt", "127.0.0.1:0", "--http", "127.0.0.1:0", "--data",
                               f.name)
        self.assertEqual(code, 1)
        self.assertIn(f"data {f.name}: is a file, not a folder", err)
        self.assertNotIn("argument", err)

    def test_a_store_in_use_is_told(self):
        with Hub("") as hub:
            code, _, err = run("run", "--mqtt", "127.0.0.1:0", "--http", "127.0.0.1:0", "--data",
                               os.path.join(hub.folder, "data"))
        self.assertEqual(code, 1)
        self.assertIn("/mqtt: in use by another nuthatch", err)

    def test_the_start_says_what_is_spoken_where(self):
        with Hub("mqtt:\n  listeners:\n    - {listen: '127.0.0.1:0', protocol: websocket}\n"
                 "    - {listen: '127.0.0.1:0', proxy_protocol: required}\n") as hub:
            hub.wait_line(r"broker also at ws://127.0.0.1:\d+ ")
            hub.wait_line(r"broker also at mqtt://127.0.0.1:\d+, behind a proxy")

    def test_the_path_of_a_new_pty_is_told(self):
        with tempfile.TemporaryDirectory() as folder:
            p = subprocess.Popen([NUTHATCH, "run", "--mqtt", "127.0.0.1:0", "--http", "127.0.0.1:0",
                                  "--data", folder, "--console", "pty"], stdout=subprocess.PIPE)
            line = p.stdout.readline().decode()
            p.terminate()
            p.communicate(timeout=30)
        self.assertRegex(line, r"^telemetry on /dev/pts/\d+$")

    def test_survives_a_closed_standard_output(self):
        with Hub("health: {heartbeat_ms: 1000}\n") as hub:
            hub.process.stdout.close()
            time.sleep(1.5)  # one heartbeat into the closed pipe
            self.assertEqual(hub.get_json("/api/info")["name"], "nuthatch")

    def test_every_board(self):
        for board in ("esp32", "esp32-s3", "esp32-p4", "linux"):
            with self.subTest(board=board), Hub(board=board) as hub:
                self.assertEqual(hub.get_json("/api/info")["board"]["name"], board)
                self.assertFalse(hub.get_json("/api/memory")["tripwire"]["fired"])


class Home(unittest.TestCase):
    """scripts/run_home.sh, what `make run` starts."""

    def start(self, folder, *args):
        env = dict(os.environ, NUTHATCH=NUTHATCH, SIM_BATTERY_LINK=os.path.join(folder, "board"))
        p = subprocess.Popen([os.path.join(ROOT, "scripts", "run_home.sh"),
                              os.path.join(ROOT, "examples", "home", "hub.yaml"), os.path.join(folder, "data"),
                              "--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0", *args],
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env, text=True)
        self.addCleanup(p.stdout.close)
        self.addCleanup(p.wait, 60)
        self.addCleanup(p.terminate)
        return p

    def test_a_second_one_leaves_the_first_alone(self):
        with tempfile.TemporaryDirectory() as folder:
            board = os.path.join(folder, "board")
            first = self.start(folder, "--ready-json")
            lines = iter(first.stdout.readline, "")
            told = next(json.loads(line) for line in lines if line.startswith('{"http"'))
            end = time.monotonic() + 60
            while not os.path.exists(board):
                self.assertLess(time.monotonic(), end)
                time.sleep(0.05)
            at = os.readlink(board)
            second = self.start(folder)
            out, _ = second.communicate(timeout=60)
            self.assertNotEqual(second.returncode, 0, out)
            self.assertEqual(os.readlink(board), at)
            self.assertTrue(os.path.exists(board))
            with urllib.request.urlopen(f"http://{told['http']}/api/health", timeout=30) as reply:
                self.assertEqual(reply.status, 200)
            first.terminate()
            self.assertEqual(first.wait(60), 0)
            end = time.monotonic() + 60
            while os.path.lexists(board):  # its simulator ends with it
                self.assertLess(time.monotonic(), end)
                time.sleep(0.05)


if __name__ == "__main__":
    unittest.main()
