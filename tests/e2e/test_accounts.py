"""Who may use the portal: accounts, roles, sessions, delays, the first password, and no secret anywhere."""
import base64
import http.client
import json
import os
import re
import select
import signal
import subprocess
import tempfile
import unittest

from http_client import Client, Socket
from hub import Hub, run

PASSWORD = "correct horse"
_lines = {}


def hash_of(password=PASSWORD, *args):
    """A stored password; each is made once."""
    key = (password, args)
    if key not in _lines:
        code, out, err = run("passwd", *args, stdin=password + "\n")
        assert code == 0, err
        _lines[key] = re.search(r'password_hash: "([^"]+)"', out).group(1)
    return _lines[key]


def config(more=""):
    return f"access: {{user: root, password_hash: \"{hash_of()}\"{more}}}\n"


class Person:
    """Somebody at a browser: a cookie, and nothing else."""

    def __init__(self, hub):
        self.hub, self.cookie = hub, None

    def ask(self, method, path, value=None, headers=()):
        with Client(int(self.hub.http.rsplit(":", 1)[1])) as c:
            headers = list(headers) + (["Cookie: " + self.cookie] if self.cookie else [])
            body = None if value is None else json.dumps(value).encode()
            if value is None and method in ("POST", "PUT"):
                body = b""
            reply = c.ask(method, path, body, headers)
        if "set-cookie" in reply.headers:
            self.cookie = reply.headers["set-cookie"].split(";")[0]
        return reply

    def get(self, path):
        return self.ask("GET", path)

    def sign_in(self, username="root", password=PASSWORD):
        return self.ask("POST", "/api/auth/login", {"username": username, "password": password})

    def code(self, method, path, value=None):
        """(status, error code) of a refusal, (status, None) of a success."""
        reply = self.ask(method, path, value)
        return reply.status, reply.error()["code"] if reply.status >= 400 else None


def admin(hub):
    root = Person(hub)
    reply = root.sign_in()
    assert reply.status == 200, reply
    return root


def operator(hub, root, name="ann"):
    """An operator who has chosen a password."""
    reply = root.ask("POST", "/api/users", {"username": name, "password": "sunflower", "must_change": False})
    assert reply.status == 200, reply
    person = Person(hub)
    assert person.sign_in(name, "sunflower").status == 200
    return person


class FirstPassword(unittest.TestCase):
    def test_setup_from_here(self):
        with Hub() as hub:
            me, other = Person(hub), Person(hub)
            info = json.loads(me.get("/api/session/info").body)
            self.assertEqual((info["role"], info["username"], info["required"]), ("admin", None, False))
            self.assertEqual(me.code("POST", "/api/users", {"username": "ann", "password": "sunflower"}),
                             (409, "setup_needed"))
            for value, field in (({"username": "", "password": "nuthatches"}, "/username"),
                                 ({"username": "a:b", "password": "nuthatches"}, "/username"),
                                 ({"username": "boss", "password": "short"}, "/password")):
                reply = me.ask("POST", "/api/auth/setup", value)
                self.assertEqual(reply.status, 400)
                self.assertEqual(reply.error()["details"][0]["field"], field)
            port = int(hub.http.rsplit(":", 1)[1])
            here = type("Here", (), {"connect": staticmethod(lambda: Client(port))})
            with Socket(here) as s:
                self.assertEqual(me.ask("POST", "/api/auth/setup",
                                        {"username": "boss", "password": "nuthatches"}).status, 200)
                self.assertEqual(s.closed_with(), 1001)  # it was opened by anybody
            info = json.loads(me.get("/api/session/info").body)
            self.assertEqual((info["username"], info["required"]), ("boss", True))
            self.assertEqual(other.get("/api/info").status, 401)
            self.assertEqual(me.code("POST", "/api/auth/setup", {"username": "b2", "password": "nuthatches"}),
                             (409, "exists"))
            # It is kept over kill -9; sessions are not.
            hub.stop(signal.SIGKILL)
            hub.start()
            self.assertEqual(me.get("/api/info").status, 401)
            self.assertEqual(me.sign_in("boss", "nuthatches").status, 200)

    def test_damaged_accounts_open_nothing(self):
        with Hub() as hub:
            me = Person(hub)
            self.assertEqual(me.ask("POST", "/api/auth/setup",
                                    {"username": "boss", "password": "nuthatches"}).status, 200)
            hub.stop()
            folder = os.path.join(hub.folder, "data", "config")
            for name in os.listdir(folder):
                if name.startswith("accounts."):
                    with open(os.path.join(folder, name), "r+b") as f:
                        f.write(b"NOTHING")
            hub.start()
            hub.wait_line("accounts cannot be read")
            self.assertEqual(me.get("/api/info").status, 401)
            self.assertEqual(me.sign_in("boss", "nuthatches").status, 401)
            # Whoever has the file can mend it.
            hub.write_config(config())
            hub.process.send_signal(signal.SIGHUP)
            hub.wait_line("read again")
            root = Person(hub)
            hub.wait_until(lambda: root.sign_in().status == 200, "the wait for the wrong one before is over")
            self.assertEqual(root.code("POST", "/api/users", {"username": "ann", "password": "sunflower"}),
                             (409, "accounts_damaged"))

    def test_wider_needs_the_file(self):
        with tempfile.TemporaryDirectory() as folder:
            code, _, err = run("run", "--http", "0.0.0.0:0", "--mqtt", "127.0.0.1:0", "--data", folder)
        self.assertEqual(code, 2)
        self.assertIn("access.password_hash must be set", err)


class Roles(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.hub = Hub(config()).start()
        cls.addClassCleanup(cls.hub.__exit__, None, None, None)
        cls.root = admin(cls.hub)
        cls.ann = operator(cls.hub, cls.root)

    def routes(self):
        return json.loads(self.root.get("/api/routes").body)["routes"]

    def test_answers_of_the_sign_in(self):
        reply = Person(self.hub).sign_in("ann", "sunflower")
        self.assertEqual(json.loads(reply.body), {"status": "ok", "role": "user", "role_name": "operator",
                                                  "username": "ann", "must_change": False})
        info = json.loads(self.ann.get("/api/session/info").body)
        self.assertEqual(info, {"role": "user", "role_name": "operator", "username": "ann",
                                "must_change": False, "required": True, "in_file": False})

    def test_each_route_has_its_role(self):
        nobody, seen = Person(self.hub), set()
        for row in self.routes():
            seen.add(row["for"])
            method, path = row["method"], row["path"].replace("*", "x")
            if path in ("/api/auth/logout", "/api/auth/login", "/api/auth/password"):
                continue  # they change something for whoever asks, and have tests of their own
            with self.subTest(method=method, path=path):
                value = {} if row["body_max_bytes"] else None
                self.assertEqual(nobody.ask(method, path, value).status, 401)
                reply = self.ann.ask(method, path, value)
                if row["for"] == "admin":
                    self.assertEqual((reply.status, reply.error()["code"]), (403, "forbidden"))
                else:
                    self.assertNotIn(reply.status, (401, 403))
        self.assertEqual(seen, {"all", "operator", "admin"})

    def test_an_operator_starts_what_has_a_button(self):
        room = {"schema": 2, "devices": [{"id": "d", "scenarios": [
            {"id": "open", "name": "Open it", "button_enabled": True, "steps": []},
            {"id": "wipe", "name": "Wipe it", "steps": []}]}]}
        self.assertEqual(self.root.ask("POST", "/api/devices/apply", room).status, 200)
        for scenario, status in (("open", 200), ("Open it", 200), ("wipe", 403), ("Wipe it", 403), ("wIPE IT", 403),
                                 ("none", 404)):
            with self.subTest(scenario=scenario):
                reply = self.ann.ask("POST", "/api/devices/run", {"device": "d", "scenario": scenario})
                self.assertEqual(reply.status, status, reply.body)

    def test_what_changes_the_hub_is_for_admins(self):
        of_admins = {"POST /api/reboot", "PUT /api/settings", "POST /api/users", "PUT /api/users",
                     "DELETE /api/users", "POST /api/auth/setup", "POST /api/mqtt/publish",
                     "POST /api/mqtt/disconnect", "POST /api/mqtt/forget", "POST /api/memory/snapshot"}
        roles = {r["method"] + " " + r["path"]: r["for"] for r in self.routes()}
        self.assertEqual({name: roles.get(name) for name in of_admins}, dict.fromkeys(of_admins, "admin"))

    def test_feed(self):
        port = int(self.hub.http.rsplit(":", 1)[1])
        here = type("Here", (), {"connect": staticmethod(lambda: Client(port))})
        with Socket(here, ["Cookie: " + self.ann.cookie]) as s:
            s.say({"subscribe": ["mem"]})
            self.assertEqual(s.hear()["part"], "mem")
            s.say({"unsubscribe": ["mem"]})
            for part in ("log", "mqtt", "clients", "messages"):
                s.say({"subscribe": [part]})
                self.assertEqual(s.hear()["error"]["code"], "forbidden", part)
        with Socket(here, ["Cookie: " + self.root.cookie]) as s:
            s.say({"subscribe": ["log"]})
            self.assertEqual(s.hear()["part"], "log")

    def test_other_sites(self):
        here = "http://" + self.hub.http
        rows = [((), 400), (("Origin: " + here,), 400), (("Sec-Fetch-Site: same-origin", "Origin: " + here), 400),
                (("Origin: http://evil.example",), 403), (("Sec-Fetch-Site: cross-site",), 403),
                (("Sec-Fetch-Site: same-site", "Origin: " + here), 403), (("Referer: http://evil.example/",), 403),
                (("Referer: " + here + "/#/home",), 400), (("Origin: null",), 403)]
        for headers, status in rows:  # 400: it was looked at
            with self.subTest(headers=headers):
                reply = self.root.ask("POST", "/api/users", {"nonsense": 1}, headers)
                self.assertEqual(reply.status, status)
                if status == 403:
                    self.assertEqual(reply.error()["code"], "csrf")
        port = int(self.hub.http.rsplit(":", 1)[1])
        for headers, status in ((["Origin: http://evil.example"], 403), (["Origin: " + here], 101)):
            with Client(port) as c:
                self.assertEqual(Socket.handshake(c, ["Cookie: " + self.root.cookie] + headers).status, status)


class Accounts(unittest.TestCase):
    def test_life_of_an_account(self):
        with Hub(config(", account_max_count: 2")) as hub:
            root = admin(hub)
            add = {"username": "ann", "password": "sunflower"}
            self.assertEqual(root.code("POST", "/api/users", add), (200, None))
            self.assertEqual(root.code("POST", "/api/users", add), (409, "exists"))
            self.assertEqual(root.code("POST", "/api/users", {"username": "root", "password": "sunflower"}),
                             (409, "exists"))
            self.assertEqual(root.code("POST", "/api/users", {"username": "bob", "password": "sunflower",
                                                              "role": "admin", "must_change": False}), (200, None))
            self.assertEqual(root.code("POST", "/api/users", {"username": "cyd", "password": "sunflower"}),
                             (409, "full"))
            users = json.loads(root.get("/api/users").body)
            self.assertEqual([(u["username"], u["role"], u["in_file"]) for u in users["users"]],
                             [("root", "admin", True), ("ann", "operator", False), ("bob", "admin", False)])

            # The password that somebody else chose is changed first.
            ann = Person(hub)
            self.assertTrue(json.loads(ann.sign_in("ann", "sunflower").body)["must_change"])
            for method, path in (("GET", "/api/info"), ("GET", "/api/memory"), ("GET", "/api/users"),
                                 ("POST", "/api/reboot"), ("GET", "/nothing")):
                self.assertEqual(ann.code(method, path), (403, "password_change_required"), path)
            change = {"current_password": "sunflower", "new_password": "sunflower"}
            self.assertEqual(ann.code("POST", "/api/auth/password", change), (400, "bad_value"))
            change["new_password"] = "pumpkin seed"
            wrong = {**change, "current_password": "moonflower"}
            other = Person(hub)
            self.assertEqual(other.sign_in("ann", "sunflower").status, 200)
            self.assertEqual(ann.code("POST", "/api/auth/password", change), (200, None))
            self.assertEqual(ann.get("/api/info").status, 200)
            self.assertEqual(other.get("/api/info").status, 401)  # its session has ended
            self.assertEqual(ann.code("POST", "/api/auth/password", wrong), (403, "wrong_password"))
            self.assertEqual(ann.code("POST", "/api/auth/password", wrong), (429, "too_many"))
            self.assertEqual(ann.code("POST", "/api/auth/password", {"username": "bob", "new_password": "taken over"}),
                             (403, "forbidden"))

            # An admin sets it anew, disables, removes.
            self.assertEqual(root.code("POST", "/api/auth/password",
                                       {"username": "ann", "new_password": "melon seed"}), (200, None))
            self.assertEqual(ann.get("/api/info").status, 401)
            self.assertEqual(root.code("POST", "/api/auth/password",
                                       {"current_password": PASSWORD, "new_password": "melon seed"}),
                             (409, "in_file"))
            bob = Person(hub)
            hub.wait_until(lambda: bob.sign_in("bob", "sunflower").status == 200, "bob is let in")
            self.assertEqual(root.code("PUT", "/api/users", {"username": "bob", "enabled": False}), (200, None))
            self.assertEqual(bob.get("/api/info").status, 401)
            self.assertEqual(root.code("PUT", "/api/users", {"username": "bob", "enabled": True, "role": "operator"}),
                             (200, None))
            self.assertEqual(bob.get("/api/info").status, 401)
            self.assertEqual(root.code("DELETE", "/api/users?username=bob"), (200, None))
            self.assertEqual(root.code("DELETE", "/api/users?username=bob"), (404, "not_found"))
            self.assertEqual(root.code("DELETE", "/api/users?username=root"), (409, "in_file"))
            self.assertEqual(root.code("DELETE", "/api/users"), (404, "not_found"))

    def test_the_file_is_read_again(self):
        with Hub(config()) as hub:
            root = admin(hub)
            ann = operator(hub, root)
            hub.process.send_signal(signal.SIGHUP)  # the same
            hub.wait_line("read again")
            self.assertEqual(root.get("/api/info").status, 200)
            hub.write_config(f"access: {{user: root, password_hash: \"{hash_of('another one')}\"}}\n")
            hub.process.send_signal(signal.SIGHUP)
            hub.wait_until(lambda: root.get("/api/info").status == 401, "its session ends")
            self.assertEqual(ann.get("/api/info").status, 200)
            self.assertEqual(Person(hub).sign_in("root", "another one").status, 200)

    def test_sessions(self):
        with Hub(config(", session_max_count: 2")) as hub:
            people = [admin(hub) for _ in range(3)]
            self.assertEqual([p.get("/api/info").status for p in people], [401, 200, 200])
            self.assertEqual(len({p.cookie for p in people}), 3)
            self.assertEqual(json.loads(people[2].get("/api/users").body)["counters"]["sessions_full"], 1)
            self.assertEqual(people[1].code("POST", "/api/auth/logout"), (200, None))
            hub.stop()
            hub.start()  # sessions are in memory
            self.assertEqual(people[2].get("/api/info").status, 401)

    def test_cookie_over_tls(self):
        with tempfile.TemporaryDirectory() as folder:
            cert, key = os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                            "-nodes", "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=localhost", "-addext",
                            "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
            tls = f"http: {{tls_listen: '127.0.0.1:0', tls_cert_file: {cert}, tls_key_file: {key}}}\n"
            with Hub(config() + tls) as hub:
                for version in ("--http1.1", "--http2"):
                    r = subprocess.run(["curl", "-si", "--cacert", cert, version, "-d",
                                        json.dumps({"username": "root", "password": PASSWORD}),
                                        f"https://{hub.ready['https']}/api/auth/login"],
                                       capture_output=True, text=True, timeout=30)
                    self.assertRegex(r.stdout, r"(?i)set-cookie: nh_session=[0-9a-f]{32}; HttpOnly; SameSite=Strict; "
                                               r"Path=/; Secure\n", r.stderr)
                    # Basic, whose password is checked while the body waits.
                    r = subprocess.run(["curl", "-s", "--cacert", cert, version, "-u", "root:" + PASSWORD, "-d", "[]",
                                        f"https://{hub.ready['https']}/api/users"],
                                       capture_output=True, text=True, timeout=30)
                    self.assertEqual(json.loads(r.stdout)["error"]["code"], "bad_value")


class Guessing(unittest.TestCase):
    def test_one_text_and_a_growing_delay(self):
        with Hub(config(", login_delay_min_ms: 300, login_delay_max_ms: 600")) as hub:
            stranger = Person(hub)
            replies = {}
            for name in ("root", "nobody"):
                reply = hub.wait_until(lambda: (lambda r: r if r.status != 429 else None)(
                    stranger.sign_in(name, "guess")), "it is looked at")
                self.assertEqual(reply.status, 401)
                replies[name] = {k: v for k, v in reply.headers.items() if k != "date"}, reply.body
            self.assertEqual(replies["root"], replies["nobody"])
            reply = stranger.sign_in("root", "guess")
            self.assertEqual((reply.status, reply.headers["retry-after"]), (429, "1"))
            hub.wait_until(lambda: stranger.sign_in("root").status == 200, "the wait is over")
            counters = json.loads(stranger.get("/api/users").body)["counters"]
            self.assertEqual((counters["wrong"], counters["sign_ins"]), (2, 1))
            self.assertGreaterEqual(counters["slowed"], 1)

    def test_a_sign_in_stops_nobody(self):
        with Hub(config()) as hub:
            root = admin(hub)
            port = int(hub.http.rsplit(":", 1)[1])
            clients = [Client(port) for _ in range(8)]
            for i, c in enumerate(clients):
                body = json.dumps({"username": f"guest{i}", "password": "guess"}).encode()
                c.send(c.head("POST", "/api/auth/login", [f"Content-Length: {len(body)}"]).encode() + body)
            # Eight passwords take their time; what else is asked meanwhile is answered before the last.
            self.assertEqual(root.get("/api/info").status, 200)
            answered = select.select([c.socket for c in clients], [], [], 0)[0]
            self.assertLess(len(answered), 8)
            for c in clients:
                self.assertIn(c.reply().status, (401, 429))
                c.__exit__()

    def test_queue_is_bounded(self):
        with Hub(config(", login_queue_max: 2")) as hub:
            root = admin(hub)
            port = int(hub.http.rsplit(":", 1)[1])
            clients = [Client(port) for _ in range(12)]
            for i, c in enumerate(clients):
                body = json.dumps({"username": f"guest{i}", "password": "guess"}).encode()
                c.send(c.head("POST", "/api/auth/login", [f"Content-Length: {len(body)}"]).encode() + body)
            replies = [c.reply() for c in clients]
            for c in clients:
                c.__exit__()
            busy = [r for r in replies if r.status == 503]
            self.assertTrue(busy)
            self.assertEqual({r.headers["retry-after"] for r in busy}, {"1"})
            self.assertEqual(json.loads(root.get("/api/users").body)["counters"]["queue_full"], len(busy))


class Secrets(unittest.TestCase):
    def test_no_answer_and_no_line_has_one(self):
        secrets = {"right password": PASSWORD, "wrong password": "battery staple", "bridge": "bridge secret 1",
                   "hash": hash_of(), "argon2id user": hash_of("a1 password", "garden"),
                   "scram user": hash_of("s1 password", "--scram", "kitchen"),
                   "pbkdf2 user": hash_of("p1 password", "--mosquitto", "shed")}
        text = config() + f"""
log: {{level: debug}}
mqtt:
  users:
    - {{name: garden, password_hash: "{secrets['argon2id user']}"}}
    - {{name: kitchen, password_hash: "{secrets['scram user']}"}}
    - {{name: shed, password_hash: "{secrets['pbkdf2 user']}"}}
  bridges:
    - name: up
      address: 127.0.0.1:1
      user: bridge-user
      password: "{secrets['bridge']}"
      rules:
        - {{direction: out, filter: "a/#"}}
"""
        with Hub(text) as hub:
            root = admin(hub)
            secrets["session"] = root.cookie.split("=")[1]
            self.assertEqual(root.ask("POST", "/api/users", {"username": "ann", "password": "sunflower seed"}).status,
                             200)
            secrets["operator's password"] = "sunflower seed"
            Person(hub).sign_in("root", secrets["wrong password"])
            subprocess.run(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(hub.mqtt_port), "-u", "garden", "-P",
                            "a1 password", "-i", "c1", "-t", "a", "-m", "x", "-r"], capture_output=True, timeout=30)
            subprocess.run(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(hub.mqtt_port), "-u", "garden", "-P",
                            secrets["wrong password"], "-i", "c2", "-t", "a", "-m", "x"], capture_output=True, timeout=30)
            hub.process.send_signal(signal.SIGHUP)
            hub.wait_line("read again|not taken")
            answers = {}
            for row in json.loads(root.get("/api/routes").body)["routes"]:
                if row["method"] != "GET":
                    continue
                for query in ("", "?tier=internal", "?path=config", "?client=c1", "?username=ann"):
                    answers[row["path"] + query] = root.get(row["path"].replace("*", "x") + query).body
            self.assertGreater(len(answers), 60)
            with open(os.path.join(hub.folder, "data", "config",
                                   sorted(n for n in os.listdir(os.path.join(hub.folder, "data", "config"))
                                          if n.startswith("accounts."))[-1]), "rb") as f:
                secrets["operator's hash"] = re.search(rb'"name":"ann".*?"password_hash":"([^"]+)"',
                                                       f.read()).group(1).decode()
            hub.stop()
            answers["log"] = "\n".join(hub.lines).encode()
            answers["stderr"] = hub.stderr().encode()
            shown = " ".join(p for p in answers)
            self.assertIn("/api/settings", shown)
            for name, secret in secrets.items():
                forms = {secret, base64.b64encode(secret.encode()).decode(), json.dumps(secret)[1:-1],
                         secret.split("$")[-1] if "$" in secret else secret}
                for where, body in answers.items():
                    for form in forms:
                        self.assertNotIn(form.encode(), body, f"{name} in {where}")


class WithoutMemory(unittest.TestCase):
    def test_each_allocation_of_a_first_password(self):
        """An allocation fails somewhere on the way: refused, or done; then it works."""
        statuses = set()
        for n in range(84, 132, 4):
            with self.subTest(allocation=n):
                hub = Hub(f"faults: {{fail_nth: {n}}}\n")
                try:
                    hub.start()
                except AssertionError:  # that was still the start: test_faults.py looks at it
                    hub.stop()
                    continue
                with _Running(hub):
                    me = Person(hub)
                    first = self.setup(me)
                    statuses.add(first)
                    if first != 200:
                        hub.wait_until(lambda: self.setup(me) in (200, 409, 401), "the next try works")
                    person = Person(hub)
                    hub.wait_until(lambda: self.status(lambda: person.sign_in("boss", "nuthatches")) == 200, "signed in")
                    hub.wait_until(lambda: self.status(lambda: person.get("/api/users")) == 200, "listed")
        self.assertIn(200, statuses)

    @staticmethod
    def status(ask):
        try:
            return ask().status
        except (OSError, http.client.HTTPException):
            return 0

    def setup(self, person):
        return self.status(lambda: person.ask("POST", "/api/auth/setup",
                                              {"username": "boss", "password": "nuthatches"}))


class _Running:
    """A hub that runs already: stopped, and looked at, at the end."""

    def __init__(self, hub):
        self.hub = hub

    def __enter__(self):
        return self.hub

    def __exit__(self, *exc):
        return self.hub.__exit__(*exc)


if __name__ == "__main__":
    unittest.main()
