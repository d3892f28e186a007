"""The configuration of devices over HTTP and on the card: every change whole or not at all."""
import http.client
import json
import os
import random
import signal
import subprocess
import tempfile
import threading
import unittest
import urllib.error
import urllib.request

import http_client
from hub import NUTHATCH, ROOT, Hub

FIXTURES = os.path.join(ROOT, "tests", "fixtures", "devices")
APPLIES = int(os.environ.get("NH_APPLIES", "1000"))
KILLS = int(os.environ.get("NH_KILLS", "12"))


def fixture(name):
    with open(os.path.join(FIXTURES, name), "rb") as f:
        return f.read()


def room(name, scenarios=3):
    steps = [{"type": "mqtt_publish", "topic": f"relay/{name}", "payload": "on"},
             {"type": "delay", "delay_ms": 100}]
    return {"schema": 2, "devices": [{"id": name, "display_name": f"Room {name}", "scenarios": [
        {"id": f"s{i}", "name": f"Scenario {i}", "steps": steps} for i in range(scenarios)]}]}


def post(hub, path, body, content_type="application/json"):
    request = urllib.request.Request(hub.url(path), body, {"Content-Type": content_type}, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=60) as r:
            return r.status, json.loads(r.read())
    except urllib.error.HTTPError as e:
        with e:
            return e.code, json.loads(e.read())


def apply(hub, document, query=""):
    return post(hub, "/api/devices/apply" + query, json.dumps(document).encode())


def in_force(hub):
    devices = hub.get_json("/api/devices/config")["devices"]
    return devices[0]["id"] if devices else ""


class Api(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.hub = Hub().start()

    @classmethod
    def tearDownClass(cls):
        cls.hub.__exit__(None, None, None)

    def test_older_generations_come_back(self):
        for name in ("first_generation.json", "second_generation.json"):
            document = json.loads(fixture(name))
            status, reply = post(self.hub, "/api/devices/apply", fixture(name))
            self.assertEqual((status, reply["errors"]), (200, 0), reply)
            got = self.hub.get_json("/api/devices/config")
            self.assertEqual(got["devices"],
                             json.loads(json.dumps(document["devices"]).replace('"name": "Hall"',
                                                                                '"display_name": "Hall"')))

    def test_yaml_and_json_are_the_same(self):
        status, reply = post(self.hub, "/api/devices/apply", fixture("everything.yaml"),
                             "application/yaml")
        self.assertEqual(status, 200, reply)
        as_json = self.hub.get("/api/devices/config")
        as_yaml = self.hub.get("/api/devices/config?format=yaml")
        self.assertEqual(post(self.hub, "/api/devices/apply", as_yaml, "application/yaml")[0], 200)
        again = json.loads(self.hub.get("/api/devices/config"))
        first = json.loads(as_json)
        self.assertEqual(again.pop("generation"), first.pop("generation") + 1)
        self.assertEqual(again, first)

    def test_all_findings_at_once(self):
        document = {"schema": 2, "devices": [
            {"id": "a", "oops": 1, "scenarios": [{"id": "s", "steps": [{"type": "jump"}]}]},
            {"id": "b", "scenarios": [{"id": "s", "steps": [{"type": "mqtt_publish"}]}]}]}
        status, reply = post(self.hub, "/api/devices/validate", json.dumps(document).encode())
        self.assertEqual((status, reply["ok"], reply["errors"]), (200, False, 3))
        self.assertEqual([(f["path"], f["code"]) for f in reply["findings"]],
                         [("/devices/0/oops", "unknown_field"),
                          ("/devices/0/scenarios/0/steps/0/type", "unknown_type"),
                          ("/devices/1/scenarios/0/steps/0/topic", "required")])
        before = self.hub.get("/api/devices/config")
        status, reply = apply(self.hub, document)
        self.assertEqual((status, reply["error"]["code"], reply["errors"]), (400, "invalid", 3))
        self.assertEqual(self.hub.get("/api/devices/config"), before)

    def test_tracks_that_are_not_on_the_card(self):
        """A warning for each: of the room as it is, so it stops nothing. By any way of naming one."""
        play = [{"type": "audio_play", "track": t} for t in
                ("/sdcard/is.wav", "is.wav", "/sdcard/none.wav", "sub/none.mp3", "{{ which }}.wav", "/sdcard/sub")]
        document = {"schema": 2, "devices": [{"id": "a", "scenarios": [{"id": "s", "steps": [
            {"type": "repeat", "count": 2, "steps": play}]}]}]}
        with Hub() as hub:
            card = os.path.join(hub.folder, "data", "sdcard")
            os.makedirs(os.path.join(card, "sub"))
            with open(os.path.join(card, "is.wav"), "wb") as f:
                f.write(b"RIFF")
            for path, reply_of in (("validate", lambda: post(hub, "/api/devices/validate",
                                                             json.dumps(document).encode())),
                                   ("apply", lambda: apply(hub, document))):
                status, reply = reply_of()
                self.assertEqual((status, reply["errors"]), (200, 0), path)
                self.assertEqual([(f["path"][-len("/steps/0/track"):], f["code"], f["severity"])
                                  for f in reply["findings"]],
                                 [(f"/steps/{i}/track", "no_track", "warning") for i in (2, 3, 5)], path)
            os.rename(card, card + ".out")  # nobody can tell without the card
            status, reply = post(hub, "/api/devices/validate", json.dumps(document).encode())
            self.assertEqual((status, reply["findings"]), (200, []))

    def test_limits_do_not_hide_findings(self):
        """Over a limit, and wrong in other places: all of it is told, by the hub as by `nuthatch check`."""
        document = room("a", 1)
        document["devices"][0]["scenarios"][0]["steps"] = [{"type": "jump"}, {"type": "delay", "delay_ms": -1}]
        body = (" " * 2000 + json.dumps(document)).encode()
        codes = ["too_long", "unknown_type", "range"]
        with Hub("devices: {document_max_bytes: 1024}\n") as hub:
            status, reply = post(hub, "/api/devices/validate", body)
            self.assertEqual((status, [f["code"] for f in reply["findings"]]), (200, codes))
            status, reply = post(hub, "/api/devices/apply", body)
            self.assertEqual((status, reply["errors"]), (400, 3))
            for path in ("/api/devices/validate", "/api/devices/apply"):
                status, reply = post(hub, path, b"#" * 5000 + b"\nschema: 2\n", "application/yaml")
                self.assertEqual((status, reply["error"]["code"]), (413, "too_large"))
                self.assertIn("1024 bytes", reply["error"]["message"])
            self.assertEqual(hub.get_json("/api/devices")["devices"], 0)
        for form in ("json", "yaml"):
            with self.subTest(form=form), tempfile.TemporaryDirectory() as folder:
                name = os.path.join(folder, "devices." + form)
                with open(name, "wb") as f:
                    f.write(body if form == "json" else b"#" + b"x" * 2000 + b"\n" + body.lstrip())
                config = os.path.join(folder, "hub.yaml")
                with open(config, "w") as f:
                    f.write("devices: {document_max_bytes: 1024}\n")
                ran = subprocess.run([NUTHATCH, "check", "--json", "--config", config, name], capture_output=True,
                                     text=True, timeout=60)
                self.assertEqual(ran.returncode, 1)
                self.assertEqual(sorted(f["code"] for f in json.loads(ran.stdout)["findings"]), sorted(codes))
                ran = subprocess.run([NUTHATCH, "check", "--json", name], capture_output=True, text=True, timeout=60)
                self.assertEqual(sorted(f["code"] for f in json.loads(ran.stdout)["findings"]), sorted(codes[1:]))

    def test_check_of_a_file_over_the_limit(self):
        """The standard limits are the hub's: what it would refuse, the check refuses."""
        with tempfile.TemporaryDirectory() as folder:
            name = os.path.join(folder, "devices.yaml")
            with open(name, "w") as f:
                f.write("schema: 2\ndevices: [{id: a, oops: 1}]\n" + ("#" * 99 + "\n") * 10500)
            ran = subprocess.run([NUTHATCH, "check", "--json", name], capture_output=True, text=True, timeout=60)
            self.assertEqual(ran.returncode, 1)
            self.assertEqual(sorted(f["code"] for f in json.loads(ran.stdout)["findings"]),
                             ["too_long", "unknown_field"])

    def test_parameters_that_are_none(self):
        before = self.hub.get("/api/devices/config")
        for method, path, name in (("POST", "/api/devices/apply?profil=kids", "profil"),
                                   ("POST", "/api/devices/validate?x", "x"),
                                   ("POST", "/api/devices/apply?confirm_s=9&base=3", "base"),
                                   ("GET", "/api/devices/config?formt=yaml", "formt"),
                                   ("GET", "/api/devices?a=1", "a"),
                                   ("GET", "/api/automation/traces?dev=a", "dev"),
                                   ("POST", "/api/game/start?team=x", "team"),
                                   ("GET", "/api/status?all=1", "all")):
            with self.subTest(path=path):
                status, reply = self.hub.send_json(method, path, room("x") if method == "POST" else None)
                self.assertEqual((status, reply["error"]["code"]), (400, "unknown_parameter"))
                self.assertIn(f'no parameter "{name}"', reply["error"]["message"])
        self.assertEqual(self.hub.get("/api/devices/config"), before)

    def test_numbers_of_an_apply(self):
        for name, value, limit in (("confirm_s", "86401", 86400), ("confirm_s", "soon", 86400),
                                   ("base_generation", "-1", 2**32 - 1)):
            status, reply = apply(self.hub, room("no"), f"?{name}={value}")
            self.assertEqual(status, 400)
            self.assertEqual(reply["error"]["details"], [{"field": name, "value": value, "limit": limit}])

    def test_forms_of_a_download(self):
        for path in ("/api/devices/config", "/api/devices/profile/download"):
            for form, kind in (("json", "application/json"), ("yaml", "application/yaml")):
                with urllib.request.urlopen(self.hub.url(f"{path}?format={form}"), timeout=60) as r:
                    self.assertEqual(r.headers["Content-Type"], kind)
                    if "download" in path:
                        self.assertIn(f'"devices.{form}"', r.headers["Content-Disposition"])
            with self.assertRaises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(self.hub.url(path + "?format=xml"), timeout=60)
            with refused.exception as e:
                self.assertEqual(e.code, 400)
                self.assertEqual(json.loads(e.read())["error"]["details"],
                                 [{"field": "format", "value": "xml", "limit": "json or yaml"}])

    def test_posts_without_a_body(self):
        """As `curl -X POST` sends them: neither length nor body."""
        def bare(path):
            host, port = self.hub.http.rsplit(":", 1)
            with http_client.Client(int(port)) as c:
                c.send(f"POST {path} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n")
                return c.reply()
        for path, code in (("/api/devices/apply", "no_body"), ("/api/devices/validate", "no_body"),
                           ("/api/devices/rollback", "bad_value"), ("/api/devices/profile/create", "bad_id"),
                           ("/api/devices/run", "invalid"), ("/api/automation/skip", "invalid"),
                           ("/api/automation/cancel", "invalid"), ("/api/automation/flag", "invalid"),
                           ("/api/publish", "no_body"), ("/api/game/hint", "invalid")):
            with self.subTest(path=path):
                reply = bare(path)
                self.assertEqual((reply.status, reply.error()["code"]), (400, code), reply)
                self.assertRegex(reply.error()["message"], "needed|missing|has to be")
        for path in ("/api/devices/snapshot", "/api/devices/sync", "/api/game/start", "/api/game/pause",
                     "/api/game/resume", "/api/game/reset"):
            with self.subTest(path=path):
                self.assertEqual(bare(path).status, 200, path)

    def test_a_board_without_psram_has_none(self):
        with Hub(board="esp32") as hub:
            for path in ("/api/devices", "/api/devices/config", "/api/automation", "/api/game"):
                with self.assertRaises(urllib.error.HTTPError) as e:
                    hub.get(path)
                with e.exception as reply:
                    self.assertEqual(reply.code, 404, path)
            self.assertIn("off: board esp32 has no PSRAM", str(hub.get_json("/api/log")))
            self.assertEqual(hub.get_json("/api/status")["uid_monitor"], [])

    def test_where_it_comes_from(self):
        with Hub() as hub:
            def source():
                d = hub.get_json("/api/devices")
                return d["source"], d["changed_by"]
            self.assertEqual(source(), ("empty", ""))
            apply(hub, room("x"))
            self.assertEqual(source(), ("applied", "127.0.0.1"))
            apply(hub, room("y"))
            first = hub.get_json("/api/devices/backups")[-1]["generation"]
            self.assertEqual(hub.send_json("POST", "/api/devices/rollback", {"generation": first})[0], 200)
            self.assertEqual(source(), ("backup", "127.0.0.1"))
            hub.stop()
            hub.start()
            self.assertEqual(source(), ("card", ""))

    def test_broken_bodies(self):
        before = self.hub.get("/api/devices/config")
        for body in (b" ", b"[", b"{}", b"\xff", b'{"schema":2,"devices":[' + b"{" * 100,
                     b'{"schema":2,"devices":[]}{'):
            with self.subTest(body=body[:20]):
                status, reply = post(self.hub, "/api/devices/apply", body)
                self.assertEqual(status, 400)
                self.assertTrue(reply["findings"])
        for body in (b"a: [", b"- 1", b"a: &x 1\nb: *x\n", b"\x00"):
            with self.subTest(yaml=body):
                self.assertEqual(post(self.hub, "/api/devices/apply", body, "text/yaml")[0], 400)
        self.assertEqual(self.hub.get("/api/devices/config"), before)

    def test_base_generation(self):
        apply(self.hub, room("x"))
        generation = self.hub.get_json("/api/devices")["generation"]
        self.assertEqual(apply(self.hub, room("y"), f"?base_generation={generation}")[0], 200)
        status, reply = apply(self.hub, room("z"), f"?base_generation={generation}")
        self.assertEqual((status, reply["error"]["code"]), (409, "conflict"))
        self.assertEqual(in_force(self.hub), "y")
        self.assertEqual(apply(self.hub, room("z"), "?base_generation=x")[0], 400)
        self.assertEqual(apply(self.hub, room("z"), "?running=perhaps")[0], 400)

    def test_more_than_the_automation_has_room_for(self):
        old = room("fits")
        old["devices"][0]["scenarios"][0]["triggers"] = [{"type": "http", "name": "go"}]
        apply(self.hub, old)
        before = self.hub.get_json("/api/devices")
        post(self.hub, "/api/automation/call", b'{"name":"go"}')
        big = room("big", 1)
        big["devices"] = [dict(big["devices"][0], id=f"big{d}", scenarios=[{"id": "s", "steps": [
            {"type": "set_flag", "flag": f"f{d}_{i}", "value": True} for i in range(100)]}])
            for d in range(3)]
        for path, status in ("/api/devices/validate", 200), ("/api/devices/apply", 400):
            got, reply = post(self.hub, path, json.dumps(big).encode())
            self.assertEqual((got, reply["errors"]), (status, 1), reply)
            finding = [f for f in reply["findings"] if f["severity"] == "error"][0]
            self.assertEqual((finding["code"], finding["message"]), (
                "over_limit", "it names 300 flags; automation.flag_max_count allows 256"))
        self.assertEqual(in_force(self.hub), "fits")
        after = self.hub.get_json("/api/devices")
        self.assertEqual(after["generation"], before["generation"])
        self.assertEqual(post(self.hub, "/api/automation/call", b'{"name":"go"}')[0], 200)
        self.assertFalse([f for f in self.hub.get_json("/api/automation/flags")
                          if f["name"].startswith("f0_")])

    def test_backups_and_rollback(self):
        apply(self.hub, room("first"))
        generation = self.hub.get_json("/api/devices")["generation"]
        apply(self.hub, room("second"))
        self.assertIn(generation, [b["generation"] for b in self.hub.get_json("/api/devices/backups")])
        backup = self.hub.get_json(f"/api/devices/backup?generation={generation}")
        self.assertEqual(backup["devices"][0]["id"], "first")
        status, reply = self.hub.send_json("POST", "/api/devices/rollback", {"generation": generation})
        self.assertEqual((status, reply["generation"]), (200, generation + 2))
        self.assertEqual(in_force(self.hub), "first")
        self.assertEqual(self.hub.send_json("POST", "/api/devices/rollback", {"generation": 999999})[0], 404)

    def test_profiles(self):
        apply(self.hub, room("main"))
        send = self.hub.send_json
        self.assertEqual(send("POST", "/api/devices/profile/create",
                              {"id": "kids", "name": "Kids", "clone": "default"})[0], 200)
        self.assertEqual(send("POST", "/api/devices/profile/create", {"id": "kids"})[0], 409)
        self.assertEqual(send("POST", "/api/devices/profile/create", {"id": "no good"})[0], 400)
        self.assertEqual(apply(self.hub, room("kid"), "?profile=kids")[0], 200)
        self.assertEqual(in_force(self.hub), "main")
        self.assertEqual(self.hub.get_json("/api/devices/config?profile=kids")["devices"][0]["id"], "kid")
        # As the older generation's page asks: parameters.
        self.assertEqual(post(self.hub, "/api/devices/profile/activate?id=kids", b"")[0], 200)
        self.assertEqual(in_force(self.hub), "kid")
        self.assertEqual(send("POST", "/api/devices/profile/delete", {"id": "kids"})[0], 409)
        self.assertEqual(send("POST", "/api/devices/profile/activate", {"id": "default"})[0], 200)
        self.assertEqual(send("POST", "/api/devices/profile/rename", {"id": "kids", "name": "Small"})[0], 200)
        names = {p["id"]: (p["name"], p["active"]) for p in self.hub.get_json("/api/devices/profiles")}
        self.assertEqual(names, {"default": ("default", True), "kids": ("Small", False)})
        self.assertEqual(send("POST", "/api/devices/profile/delete", {"id": "kids"})[0], 200)

    def test_values_are_not_cut(self):
        """A name that is too long is refused: cut, it would be that of another profile."""
        apply(self.hub, room("main"))
        longest = "k" * 31
        self.assertEqual(self.hub.send_json("POST", "/api/devices/profile/create", {"id": longest})[0], 200)
        for verb in ("create", "delete", "activate"):
            status, reply = post(self.hub, f"/api/devices/profile/{verb}?id={longest}k", b"")
            self.assertEqual((status, reply["error"]["code"]), (400, "bad_value"))
            self.assertIn("id has 32 bytes, limit 31", reply["error"]["message"])
        self.assertEqual(in_force(self.hub), "main")
        self.assertEqual(post(self.hub, f"/api/devices/profile/delete?id={longest}", b"")[0], 200)
        generation = self.hub.get_json("/api/devices/backups")[0]["generation"]
        for wrong in ("", "x", f"{generation}x", "-1", str(2**32 + generation)):
            with self.subTest(generation=wrong), self.assertRaises(urllib.error.HTTPError) as e:
                self.hub.get_json(f"/api/devices/backup?generation={wrong}")
            with e.exception:
                self.assertEqual(e.exception.code, 400)

    def test_confirm_window(self):
        apply(self.hub, room("good"))
        self.assertEqual(apply(self.hub, room("risky"), "?confirm_s=1")[0], 200)
        self.hub.wait_line("nobody confirmed the change")
        self.assertEqual(in_force(self.hub), "good")
        self.assertEqual(self.hub.get_json("/api/devices")["changed_by"], "")  # the hub itself
        back = self.hub.get_json("/api/devices")["generation"]
        apply(self.hub, room("kept"), "?confirm_s=60")
        state = self.hub.get_json("/api/devices")
        self.assertEqual((state["changed_by"], state["confirm_back"]), ("127.0.0.1", back))
        self.assertEqual(self.hub.send_json("POST", "/api/devices/confirm", None)[0], 200)
        self.assertEqual(self.hub.get_json("/api/devices")["confirm_ms"], 0)

    def test_schema_tells_every_object(self):
        objects = self.hub.get_json("/api/devices/schema")["objects"]
        self.assertEqual(objects[0]["name"], "configuration")
        for o in objects:
            for f in o["fields"]:
                if "ref" in f:
                    self.assertEqual(objects[f["ref"]]["name"], f["object"])
                self.assertEqual("max_count" in f, f["kind"] in ("list", "texts"))
        device = next(o for o in objects if o["name"] == "device")
        rows = {f["name"]: f for f in device["fields"]}
        self.assertEqual((rows["tabs"]["max_count"], rows["display_name"]["alias"]), (12, "name"))


class Load(unittest.TestCase):
    def test_a_thousand_applies_under_load(self):
        """Readers stream the configuration while it is replaced: each sees one generation whole."""
        with Hub() as hub:
            stop, faults, reads = threading.Event(), [], [0]

            def read():
                while not stop.is_set():
                    try:
                        c = hub.get_json("/api/devices/config")
                        if c["devices"] and len({d["id"] for d in c["devices"]}) != 1:
                            faults.append(c)
                        reads[0] += 1
                    except Exception as e:  # noqa: BLE001: whatever it is, it is a fault
                        faults.append(repr(e))

            readers = [threading.Thread(target=read) for _ in range(2)]
            for t in readers:
                t.start()
            for i in range(APPLIES):
                status, reply = apply(hub, room(f"r{i % 7}", 8))
                self.assertEqual((status, reply.get("generation")), (200, i + 2))
            stop.set()
            for t in readers:
                t.join()
            self.assertEqual(faults, [])
            self.assertGreater(reads[0], 50)
            owners = {o["name"]: o for o in hub.get_json("/api/memory")["owners"]}
            internal, psram = owners["devices"]["tiers"]
            print(f"peak of {APPLIES} applies: {internal['peak_bytes']} internal, {psram['peak_bytes']} PSRAM")
            self.assertLess(psram["peak_bytes"], 128 * 1024)
            self.assertLess(internal["peak_bytes"], 2 * 1024)

    def test_killed_in_the_middle(self):
        """What was answered is there after kill -9; what was not is there whole or not at all."""
        rng = random.Random(5)
        hub = Hub()
        acked, known, number = "", {""}, 0
        try:
            for _ in range(KILLS):
                hub.start()
                self.assertIn(in_force(hub), known, "neither the old nor the new")
                if acked:
                    self.assertEqual(in_force(hub) in known, True)
                known = {in_force(hub)}
                timer = threading.Timer(rng.uniform(0.02, 0.4), hub.process.kill)
                timer.start()
                try:
                    while True:
                        number += 1
                        known.add(f"n{number}")
                        self.assertEqual(apply(hub, room(f"n{number}"))[0], 200)
                        acked = f"n{number}"
                        known = {acked}
                except (OSError, http.client.HTTPException, ValueError):
                    pass
                timer.join()
                hub.stop()
            hub.start()
            self.assertIn(in_force(hub), known)
            self.assertIsNone(hub.get_json("/api/devices")["degraded"])
        finally:
            hub.__exit__(None, None, None)


class OverTheLimit(unittest.TestCase):
    """A hub that starts with more than its automation has room for: it can be edited, and all else goes on."""

    def test_lowered_limits(self):
        with Hub() as hub:
            document = room("much")
            for i, scenario in enumerate(document["devices"][0]["scenarios"]):
                scenario["steps"] = [{"type": "set_flag", "flag": f"f{i}", "value": True}]
            self.assertEqual(apply(hub, document)[0], 200)
            hub.stop()
            hub.write_config("automation: {flag_max_count: 2}\n")
            hub.start()
            state = hub.get_json("/api/devices")
            self.assertIn("more than the limits allow", state["degraded"])
            self.assertEqual(in_force(hub), "much")
            for path in ("automation", "automation/flags", "automation/variables", "automation/traces",
                         "automation/monitors", "automation/actions", "game", "game/hints", "game/log", "health"):
                request = urllib.request.Request(hub.url("/api/" + path))
                try:
                    urllib.request.urlopen(request, timeout=60).close()
                except urllib.error.HTTPError as e:
                    e.close()
                    self.assertEqual(e.code, 404, path)
            for path, body in (("devices/run", {"device": "much", "scenario": "s0"}),
                               ("devices/signal/reset", {"device": "much"}),
                               ("automation/dry_run", {"device": "much", "scenario": "s0"}),
                               ("automation/button", {"name": "b"}), ("automation/call", {"name": "b"}),
                               ("automation/flag", {"flag": "a", "value": True}),
                               ("automation/cancel", {"all": True}), ("game/start", {}), ("game/hint", {"index": 0}),
                               ("game/stop", {}), ("game/reset", {})):
                self.assertLess(post(hub, "/api/" + path, json.dumps(body).encode())[0], 500, path)
            self.assertEqual(apply(hub, document)[0], 400)
            self.assertEqual(apply(hub, room("less"))[0], 200)
            self.assertIsNone(hub.get_json("/api/devices")["degraded"])
            self.assertEqual(post(hub, "/api/devices/run", b'{"device":"less","scenario":"s0"}')[0], 200)


class Card(unittest.TestCase):
    def test_gone_and_back(self):
        with Hub() as hub:
            folder = os.path.join(hub.folder, "card")
            os.mkdir(folder)
            hub.write_config(f"devices: {{dir: {folder}, card_poll_ms: 100}}\n")
            hub.stop()
            hub.start()
            apply(hub, room("a"))
            self.assertTrue(os.path.exists(os.path.join(folder, "default.json")))
            os.rename(folder, folder + ".away")
            self.assertEqual(apply(hub, room("b"))[0], 200)
            state = hub.get_json("/api/devices")
            self.assertEqual((state["card"], state["saved"]), (False, False))
            hub.stop(signal.SIGKILL)
            hub.start()
            self.assertEqual(in_force(hub), "b")  # from the copy in the store
            self.assertIn("no card", hub.get_json("/api/devices")["degraded"])
            os.rename(folder + ".away", folder)
            hub.wait_line("the card is back")
            with open(os.path.join(folder, "default.json")) as f:
                self.assertEqual(json.load(f)["devices"][0]["id"], "b")
            # Both changed: nobody's is lost.
            os.rename(folder, folder + ".away")
            apply(hub, room("hub"))
            with open(os.path.join(folder + ".away", "default.json"), "w") as f:
                json.dump(dict(room("card"), generation=50), f)
            os.rename(folder + ".away", folder)
            hub.wait_line("choose which one stays")
            self.assertEqual(in_force(hub), "hub")
            self.assertEqual(hub.send_json("POST", "/api/devices/sync", {"keep": "card"})[0], 200)
            self.assertEqual(in_force(hub), "card")

    def test_unreadable_file_is_kept(self):
        with Hub() as hub:
            apply(hub, room("mine"))
            hub.stop()
            path = os.path.join(hub.folder, "data", "devices", "default.json")
            with open(path, "w") as f:
                f.write('{"schema": 2, "devices": [{"id": "precious"')
            hub.start()
            self.assertEqual(in_force(hub), "mine")
            with open(path + ".bad") as f:
                self.assertIn("precious", f.read())


class CommandLine(unittest.TestCase):
    def check(self, text, *options):
        with tempfile.TemporaryDirectory(prefix="nuthatch-test-") as folder:
            path = os.path.join(folder, "devices.yaml")
            with open(path, "w") as f:
                f.write(text)
            run = subprocess.run([NUTHATCH, "check", *options, path], capture_output=True, text=True,
                                 timeout=60)
            return run.returncode, run.stdout.replace(path, "FILE"), run.stderr.replace(path, "FILE")

    def test_good(self):
        self.assertEqual(self.check("schema: 2\ndevices: []\n"), (0, "FILE: good\n", ""))

    def test_places(self):
        code, _, err = self.check("schema: 2\ndevices:\n  - id: a\n    scenarios:\n      - id: s\n"
                                  "        steps:\n          - {type: run, scenario: nowhere}\n")
        self.assertEqual(code, 1)
        self.assertEqual(err, "FILE:7:25: error: /devices/0/scenarios/0/steps/0/scenario: the device has "
                              'no scenario "nowhere" [no_scenario]\n')

    def test_json(self):
        code, out, _ = self.check('{"schema":2,"devices":[{"id":"a"},{"id":"a"}]}', "--json")
        reply = json.loads(out)
        self.assertEqual((code, reply["good"]), (1, False))
        self.assertEqual([(f["line"], f["column"], f["code"]) for f in reply["findings"]],
                         [(1, 36, "not_unique")])


if __name__ == "__main__":
    unittest.main()
