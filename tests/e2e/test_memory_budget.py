"""The promise of the esp32-s3 profile: internal low water of 100 KiB and fragmentation under 40 %
through pages, bursts of requests, settings, floods of messages and many clients at once."""
import json
import signal
import socket
import threading
import time
import unittest
import urllib.error
import urllib.request

from hub import PATIENCE_S, Hub
from test_mqtt import raw_connect, raw_subscribe

INTERNAL_MIN_BYTES = 100 * 1024
FRAG_MAX_PCT = 40


def burst(hub, paths, workers=6):
    """Requests the paths, `workers` at a time, each on its own connection; gives what failed."""
    failed, left, lock = [], list(paths), threading.Lock()

    def work():
        while True:
            with lock:
                if not left:
                    return
                path = left.pop()
            try:
                request = urllib.request.Request(hub.url(path), headers={"Accept-Encoding": "gzip"})
                with urllib.request.urlopen(request, timeout=PATIENCE_S) as r:
                    r.read()
            except OSError as e:
                with lock:
                    failed.append((path, str(e)))

    threads = [threading.Thread(target=work) for _ in range(workers)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return failed


class Budget(unittest.TestCase):
    def held(self, hub, what):
        health = hub.get_json("/api/health")
        self.assertGreaterEqual(health["heap_internal_min"], INTERNAL_MIN_BYTES, what)
        self.assertLess(health["heap_fragmentation"], FRAG_MAX_PCT, what)
        memory = hub.get_json("/api/memory")
        for owner in memory["owners"]:
            for tier in owner["tiers"]:
                self.assertEqual(tier["failed_count"], 0, (what, owner["name"]))

    def test_pages_and_bursts(self):
        with Hub(board="esp32-s3") as hub:
            self.held(hub, "start")
            for _ in range(3):
                self.assertEqual(burst(hub, ["/", "/app.css", "/api/info", "/api/health", "/api/memory",
                                             "/api/memory/map?tier=psram", "/api/memory/history",
                                             "/api/mqtt", "/api/mqtt/clients", "/api/settings",
                                             "/api/routes", "/metrics", "/api/log", "/api/files",
                                             "/api/store/files", "/api/audio"] * 4), [])
            self.held(hub, "bursts")
            for i in range(20):
                generation = hub.get_json("/api/settings")["generation"]
                status, _ = hub.send_json("PUT", "/api/settings", {
                    "base_generation": generation, "values": {"/health/heartbeat_ms": 5000 + i}})
                self.assertEqual(status, 200)
            self.held(hub, "settings")

    def test_clients_and_messages(self):
        with Hub(board="esp32-s3") as hub:
            clients = [raw_connect(hub, b"client-%03d" % i) for i in range(300)]
            for i, s in enumerate(clients):
                raw_subscribe(s, b"room/%03d/#" % i, 1)
            self.held(hub, "300 clients")
            for i in range(500):
                topic = b"keep/%03d" % i
                clients[0].sendall(bytes([0x31, 2 + len(topic) + 100]) + len(topic).to_bytes(2, "big") +
                                   topic + b"x" * 100)
            hub.wait_until(lambda: hub.get_json("/api/mqtt")["counters"]["retained"] == 500, "retained")
            self.held(hub, "500 retained messages")
            # Every client's queue is filled and none reads: PSRAM takes it, within its bounds.
            for i in range(300):
                topic = b"room/%03d/x" % i
                for _ in range(20):
                    clients[0].sendall(bytes([0x30, 0x80 | (2 + len(topic) + 4000) & 127,
                                              (2 + len(topic) + 4000) >> 7]) +
                                       len(topic).to_bytes(2, "big") + topic + b"y" * 4000)
            hub.wait_until(lambda: hub.get_json("/api/mqtt")["counters"]["messages_in"] >= 6500, "all in")
            self.held(hub, "6,000 messages to readers that sleep")
            for s in clients:
                s.close()

    def test_what_waits_for_a_restart(self):
        def waiting(hub):
            return [f["pointer"] for f in hub.get_json("/api/settings")["fields"] if f["waits"]]

        with Hub("mqtt: {inflight_max: 10}\n") as hub:
            self.assertEqual(waiting(hub), [])
            status, _ = hub.send_json("PUT", "/api/settings", {
                "base_generation": 0, "values": {"/mqtt/inflight_max": 20, "/log/level": "debug"}})
            self.assertEqual((status, waiting(hub)), (200, ["/mqtt/inflight_max"]))
            hub.write_config("mqtt: {inflight_max: 10, queue_max_messages: 77}\n")
            hub.process.send_signal(signal.SIGHUP)
            hub.wait_until(lambda: "/mqtt/queue_max_messages" in waiting(hub), "read again")
            status, _ = hub.send_json("PUT", "/api/settings", {
                "base_generation": 1, "values": {"/mqtt/inflight_max": None}})
            self.assertEqual((status, waiting(hub)), (200, ["/mqtt/queue_max_messages"]))
            # What is no field and was never kept cannot be taken back.
            status, reply = hub.send_json("PUT", "/api/settings", {
                "base_generation": 2, "values": {"/mqtt/no_such": None}})
            self.assertEqual((status, reply["error"]["details"][0]["field"]), (400, "/mqtt/no_such"))

    def test_settings_survive_a_kill(self):
        hub = Hub(board="esp32-s3")
        with hub:
            status, reply = hub.send_json("PUT", "/api/settings", {
                "base_generation": 0, "values": {"/name": "cellar", "/mqtt/inflight_max": 9}})
            self.assertEqual((status, reply["generation"]), (200, 1))
            self.assertEqual(reply["restart_needed"], ["/mqtt/inflight_max"])
            self.assertEqual(hub.get_json("/api/info")["name"], "cellar")
            hub.process.kill()
            hub.process.wait()
            hub.process.stdout.close()
            hub.start()
            fields = {f["pointer"]: f for f in hub.get_json("/api/settings")["fields"]}
            self.assertEqual(fields["/mqtt/inflight_max"]["value"], 9)
            self.assertEqual(fields["/mqtt/inflight_max"]["source"], "settings")
            self.assertEqual(hub.get_json("/api/mqtt")["limits"]["inflight"], 9)


class Settings(unittest.TestCase):
    def test_faults_change_nothing(self):
        with Hub() as hub:
            rows = [
                ({"/mqtt/inflight_max": 0}, "/mqtt/inflight_max"), ({"/mqtt/nothing": 1}, "/mqtt/nothing"),
                ({"/log/level": "loud"}, "/log/level"), ({"/name": 5}, "/name"),
                ({"/name": "x" * 40}, "/name"), ({"/data": "/tmp"}, "/data"),
                ({"/access/password_hash": "x"}, "/access/password_hash"),
                ({"/http/listen": "0.0.0.0:80"}, "/http/listen"), ({"name": 1}, "name"),
                ({"/http": {"tls_cert_file": "/x"}}, "/http"), ({"/health": {"publish": False}}, "/health"),
                ({"/name": "a/#"}, "/name"), ({"/name": "\x1b[2J"}, "/name"), ({"/name": "\u00e9" * 17}, "/name"),
                ({"/": 1}, "/"), ({"": 1}, ""), ({"/a/b/c": 1}, "/a/b/c"), ({'/a"': 1}, '/a"'),
                ({"/budgets": [{"owner": "mqtt"}]}, "/budgets"), ({"/mqtt/inflight_max": 1e400}, None),
                ({"/mqtt/inflight_max": 1.5}, "/mqtt/inflight_max"),
                ({"/mqtt/inflight_max": 2 ** 70}, "/mqtt/inflight_max"), ({"/name": "y" * 3000}, None),
                ({"/name": [[[[1]]]]}, "/name"), ({"/" + "z" * 500: 1}, "/" + "z" * 10),
            ]
            for values, field in rows:
                with self.subTest(values=values):
                    status, error = hub.send_json("PUT", "/api/settings",
                                                  {"base_generation": 0, "values": values})
                    self.assertEqual(status, 400, error)
                    if field is not None:
                        self.assertTrue(any(d["field"].startswith(field)
                                            for d in error["error"]["details"]), error)
            for raw in (b'{"base_generation":0,"values":{"/name":NaN}}', b'[' * 4000,
                        b'{"base_generation":0,"values":' + b'{"a":' * 200 + b'1' + b'}' * 201,
                        b'{"base_generation":0,"values":{"/name":"\xff"}}', b'{"values":{},"values":{}',
                        b'{"base_generation":0,"values":{}} 1'):
                request = urllib.request.Request(hub.url("/api/settings"), raw, method="PUT")
                with self.subTest(raw=raw[:60]), self.assertRaises(urllib.error.HTTPError) as refused:
                    urllib.request.urlopen(request, timeout=PATIENCE_S)
                refused.exception.close()
                self.assertEqual(refused.exception.code, 400)
            for body in ([], {}, {"values": 5, "base_generation": 0}, "x"):
                self.assertEqual(hub.send_json("PUT", "/api/settings", body)[0], 400)
            self.assertEqual(hub.get_json("/api/settings")["generation"], 0)

    def test_conflict_and_taking_back(self):
        with Hub("name: attic\n") as hub:
            put = lambda base, **values: hub.send_json(
                "PUT", "/api/settings",
                {"base_generation": base, "values": {"/" + k: v for k, v in values.items()}})
            self.assertEqual(put(0, name="a")[0], 200)
            self.assertEqual(put(0, name="b")[0], 409)
            self.assertEqual(put(1, name="c")[0], 200)
            self.assertEqual(hub.get_json("/api/info")["name"], "c")
            self.assertEqual(put(2, name=None)[0], 200)
            self.assertEqual(hub.get_json("/api/info")["name"], "attic")

    def test_secrets_stay_hidden(self):
        import subprocess
        from hub import NUTHATCH
        made = subprocess.run([NUTHATCH, "passwd"], input="correct horse\n", capture_output=True,
                              text=True, check=True).stdout
        with Hub(made) as hub:
            with self.assertRaises(urllib.error.HTTPError) as refused:
                hub.get("/api/settings")
            refused.exception.close()
            self.assertEqual(refused.exception.code, 401)
            manager = urllib.request.HTTPPasswordMgrWithPriorAuth()
            manager.add_password(None, hub.url("/"), "admin", "correct horse", is_authenticated=True)
            opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(manager))
            with opener.open(hub.url("/api/settings"), timeout=PATIENCE_S) as r:
                text = r.read().decode()
            self.assertNotIn("argon2", text)
            self.assertIn('"***"', text)
            hub.process.kill()

    def test_password_guards_the_broker_too(self):
        import subprocess
        from hub import NUTHATCH
        made = subprocess.run([NUTHATCH, "passwd"], input="correct horse\n", capture_output=True,
                              text=True, check=True).stdout
        with Hub(made) as hub:
            pub = lambda *args: subprocess.run(
                ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(hub.mqtt_port), "-t", "a", "-m", "b", *args],
                capture_output=True, timeout=PATIENCE_S).returncode
            self.assertNotEqual(pub(), 0)
            self.assertNotEqual(pub("-u", "admin", "-P", "wrong horse"), 0)
            self.assertEqual(pub("-u", "admin", "-P", "correct horse"), 0)


class Restart(unittest.TestCase):
    def test_in_place_on_the_same_addresses(self):
        with Hub() as hub:
            before = dict(hub.ready)
            for _ in range(3):
                at = len(hub.lines)
                self.assertEqual(hub.send_json("POST", "/api/reboot", None)[0], 200)
                line = hub.wait_line(r"^\{", after=at)
                ready = json.loads(line)
                self.assertEqual((ready["http"], ready["mqtt"], ready["pid"]),
                                 (before["http"], before["mqtt"], before["pid"]))
                hub.wait_line(r"^\[Mem\] boot ", after=at)
            self.assertLess(hub.get_json("/api/info")["uptime_ms"], 60000)

    def test_a_new_address_is_taken(self):
        with Hub("http: {listen: '127.0.0.1:0'}\nmqtt: {listen: '127.0.0.1:0'}\n",
                 addresses=False) as hub:
            with socket.socket() as s:
                s.bind(("127.0.0.1", 0))
                port = s.getsockname()[1]
            listen = f"127.0.0.1:{port}"
            hub.write_config(f"http: {{listen: '{listen}'}}\nmqtt: {{listen: '127.0.0.1:0'}}\n")
            at = len(hub.lines)
            self.assertEqual(hub.send_json("POST", "/api/reboot", None)[0], 200)
            self.assertEqual(json.loads(hub.wait_line(r"^\{", after=at))["http"], listen)

    def test_told_to_stop_wins(self):
        with Hub() as hub:
            # Both wait while the process is held: the timer of the restart, and the signal.
            self.assertEqual(hub.send_json("POST", "/api/reboot", None)[0], 200)
            hub.process.send_signal(signal.SIGSTOP)
            time.sleep(0.2)  # past the restart's delay
            hub.process.send_signal(signal.SIGTERM)
            hub.process.send_signal(signal.SIGCONT)
            self.assertEqual(hub.stop(), 0)
            self.assertEqual(sum(line.startswith("[System Boot]") for line in hub.lines), 1)

    def test_signals_while_it_restarts(self):
        with Hub() as hub:
            at = len(hub.lines)
            self.assertEqual(hub.send_json("POST", "/api/reboot", None)[0], 200)
            # Hundreds of them, some between the two lives: none may end the process.
            while not any(line.startswith("{") for line in hub.lines[at:]):
                self.assertIsNone(hub.process.poll())
                hub.process.send_signal(signal.SIGHUP)
                hub.read_lines(0.001)


if __name__ == "__main__":
    unittest.main()
