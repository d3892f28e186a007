"""Points of a simulated board go out to a mosquitto that is killed and restarted, a web server and an InfluxDB that
cut connections, and over a kill -9 of the hub; receivers that follow the rule of docs/battery-publish.md store each
point exactly once, in order."""
import contextlib
import http.server
import json
import os
import random
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import unittest

import paho.mqtt.client as paho

from battery_sim import BatterySim as Board
from hub import Hub
from test_bridge import Mosquitto

CONFIG = """name: attic
battery: {{enabled: true, path: '{path}', poll_ms: 200}}
battery_publish:
  enabled: true
  period_ms: 1000
  backoff_max_ms: 1000
{more}"""


def config(board, more):
    return CONFIG.format(path=board.link, more="".join(f"  {line}\n" for line in more.splitlines()))


class Store:
    """What a receiver keeps: of each boot the highest number counts."""

    def __init__(self):
        self.lock, self.last, self.points, self.doubles = threading.Lock(), {}, [], 0

    def take(self, boot, seq, point):
        with self.lock:
            if seq <= self.last.get(boot, 0):
                self.doubles += 1
            else:
                self.last[boot] = seq
                self.points.append((boot, seq, point))

    def numbers(self, boot):
        with self.lock:
            return [s for b, s, _ in self.points if b == boot]


def text_values(payload):
    return dict(pair.split("=") for pair in payload.decode().split(" "))


class Receiver:
    """A web server that may die before or behind a point, or have no time."""

    def __init__(self, moods=("answer",), certificate=None):
        self.store, self.moods, self.lines, self.writes, self.heads = Store(), moods, {}, 0, []
        self.certificate = certificate  # a folder with cert.pem and key.pem: by TLS
        self.random = random.Random(5)
        self.port, self.server = 0, None

    def start(self):
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                mood = receiver.random.choice(receiver.moods)
                if mood != "cut":
                    receiver.take(self, body)
                if mood in ("cut", "swallow"):
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                    self.connection.close()
                    return
                self.send_response(503 if mood == "busy" else 204)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def finish(self):
                with contextlib.suppress(OSError, ValueError):
                    super().finish()

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", self.port), Handler)
        self.port = self.server.server_address[1]
        if self.certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(f"{self.certificate}/cert.pem", f"{self.certificate}/key.pem")
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def take(self, request, body):
        self.heads.append((request.path, dict(request.headers)))
        if request.path.startswith("/api/v2/write"):
            self.writes += 1
            for line in body.decode().splitlines():
                self.lines[int(line.rsplit(" ", 1)[1])] = line  # as the database: the time is the key
            return
        point = json.loads(body)
        assert request.headers["Idempotency-Key"] == f"{point['boot']}-{point['seq']}"
        self.store.take(point["boot"], point["seq"], point)

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


class Ear:
    """A subscriber with a kept session, so a broker that restarts holds for it what it acknowledged."""

    def __init__(self, port, topic="tinybms/#"):
        self.store, self.reports, self.connected = Store(), [], threading.Event()
        self.client = paho.Client("ear", clean_session=False, protocol=paho.MQTTv311)
        self.client.on_connect = self.on_connect
        self.client.on_disconnect = lambda *_: self.connected.clear()
        self.client.on_subscribe = lambda *_: self.connected.set()
        self.client.on_message = self.on_message
        self.client.reconnect_delay_set(1, 1)
        self.topic = topic
        self.client.connect("127.0.0.1", port, 30)
        self.client.loop_start()

    def on_connect(self, client, *_):
        client.subscribe(self.topic, 1)

    def on_message(self, _client, _user, m):
        if m.topic.endswith("/status"):
            self.reports.append(json.loads(m.payload))
            return
        assert m.topic == "tinybms/telemetry" and not m.retain
        values = text_values(m.payload)
        self.store.take(int(values["boot"]), int(values["seq"]), values)

    def __enter__(self):
        assert self.connected.wait(30)
        return self

    def __exit__(self, *_):
        self.client.loop_stop()
        self.client.disconnect()


class BatteryPublish(unittest.TestCase):
    def metrics(self, hub):
        m = hub.get_json("/api/battery/publish")
        self.assertEqual(m["produced"] + m["restored"],
                         m["published_points"] + m["overwritten"] + m["buffered_points"])
        for sink in m["sinks"]:
            self.assertEqual(sink["owed"], sink["delivered"] + sink["dropped"] + sink["pending"])
        return m

    def sink(self, hub, name):
        return next(s for s in self.metrics(hub)["sinks"] if s["name"] == name)

    def drained(self, hub, name, least):
        """Nothing waits for it (but the point that is being made)."""
        def look():
            s = self.sink(hub, name)
            return s["delivered"] >= least and s["pending"] <= 1 and s
        return hub.wait_until(look, f"{name} has all")

    def check_run(self, store, boot, least):
        numbers = store.numbers(boot)
        self.assertGreaterEqual(len(numbers), least)
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)))

    def test_all_sinks(self):
        with Board() as board, Receiver() as r:
            more = (f"http: http://127.0.0.1:{r.port}\nmqtt: true\nstatus_ms: 1000\n"
                    f"influx: 'http://127.0.0.1:{r.port}?org=home&bucket=b'\n"
                    f"http_token_file: {board.folder}/token\ninflux_token_file: {board.folder}/token")
            with open(os.path.join(board.folder, "token"), "w") as f:
                f.write("s3cret\n")
            with Hub(config(board, more)) as hub, Ear(hub.mqtt_port) as ear:
                hub.wait_until(lambda: self.metrics(hub)["published_points"] >= 3, "three points everywhere")
                hub.wait_until(lambda: ear.reports and len(ear.store.points) >= 2, "a report and points by MQTT")
                m = self.metrics(hub)
                battery = hub.get_json("/api/battery")
            self.assertEqual({s["name"] for s in m["sinks"]}, {"http", "mqtt", "influx"})
            self.assertTrue(all(s["online"] and s["errors"] == 0 for s in m["sinks"]))
            boot = m["boot"]
            self.check_run(r.store, boot, 3)
            _, _, point = r.store.points[-1]
            self.assertEqual(list(point), ["ts_ms", "soc", "soh", "voltage_v", "current_a", "power_w", "temperature_c",
                                           "cell_min_mv", "cell_max_mv", "cell_delta_mv", "device", "boot", "seq",
                                           "uptime_ms"])
            self.assertEqual(point["device"], "attic")
            self.assertAlmostEqual(point["voltage_v"], battery["pack"]["voltage_v"], delta=1)
            self.assertAlmostEqual(point["soc"], battery["pack"]["soc_pct"], delta=1)
            self.assertLess(abs(point["ts_ms"] / 1000 - time.time()), 60)
            for path, head in r.heads:
                influx = path.startswith("/api/v2/")
                self.assertEqual(head["Authorization"], ("Token " if influx else "Bearer ") + "s3cret")
                self.assertEqual(path, "/api/v2/write?org=home&bucket=b&precision=ms" if influx
                                 else "/api/telemetry/local")
            for at, line in r.lines.items():
                self.assertRegex(line, r"^battery,device=attic ([a-z_]+=-?\d+\.\d{3},)+boot=\d+i,seq=\d+i \d{13}$")
            _, _, values = ear.store.points[-1]
            self.assertEqual(list(values), ["ts_ms", "soc", "voltage_v", "current_a", "power_w", "temp_c", "boot", "seq"])
            self.assertEqual(set(ear.reports[-1]), {"uptime_ms", "log_used", "log_capacity", "event_published",
                                                    "telemetry_backlog", "last_sync_ms", "publish_errors"})
            self.assertNotIn("s3cret", "\n".join(hub.lines))

    def test_mosquitto_is_killed(self):
        """Killed by its process id and started again, six times: each point once, in order; HTTP is not disturbed."""
        extra = "autosave_on_changes true\nautosave_interval 1\n"
        with Board() as board, Receiver() as r, Mosquitto(extra) as m, Ear(m.port) as ear:
            more = f"mqtt: true\nmqtt_broker: 127.0.0.1:{m.port}\nhttp: http://127.0.0.1:{r.port}/own"
            with Hub(config(board, more)) as hub:
                for _ in range(6):
                    self.drained(hub, "mqtt", len(ear.store.points) + 1)
                    self.assertTrue(ear.connected.wait(30))
                    m.stop(signal.SIGKILL)
                    away = self.metrics(hub)["produced"]
                    hub.wait_until(lambda: self.metrics(hub)["produced"] >= away + 2, "points meanwhile")
                    m.start()
                s = self.drained(hub, "mqtt", 15)
                hub.wait_until(lambda: len(ear.store.points) >= s["delivered"], "all of them heard")
                metrics = self.metrics(hub)
            self.check_run(ear.store, metrics["boot"], 15)
            self.check_run(r.store, metrics["boot"], 15)
            by_name = {s["name"]: s for s in metrics["sinks"]}
            self.assertEqual((by_name["http"]["errors"], by_name["http"]["dropped"], r.store.doubles), (0, 0, 0))
            self.assertEqual(by_name["mqtt"]["dropped"], 0)

    def test_connections_are_cut(self):
        """Before the point, behind it, or with 503; and for a while nobody listens."""
        with Board() as board, Receiver(("answer", "answer", "cut", "swallow", "busy")) as r:
            more = (f"http: http://127.0.0.1:{r.port}\ninflux: 'http://127.0.0.1:{r.port}?org=o&bucket=b'")
            with Hub(config(board, more)) as hub:
                hub.wait_until(lambda: r.store.doubles >= 2 and self.sink(hub, "http")["errors"] >= 5, "some doubles")
                r.stop()
                away = self.metrics(hub)["produced"]
                hub.wait_until(lambda: self.metrics(hub)["produced"] >= away + 3, "points meanwhile")
                r.moods = ("answer",)
                r.start()
                for name in ("http", "influx"):
                    s = self.drained(hub, name, away + 3)
                    self.assertEqual((s["online"], s["dropped"]), (True, 0))
                m = self.metrics(hub)
            self.check_run(r.store, m["boot"], away + 3)
            times = {seq: p["ts_ms"] for _, seq, p in r.store.points}
            for seq, at in times.items():
                if seq <= away:
                    self.assertIn(f"seq={seq}i ", r.lines[at])
            self.assertTrue(any("tried again until it works" in line for line in hub.lines))

    def test_kill_9(self):
        """What waited is there in the next life, behind an identity of its own, and goes out before the new points."""
        with Board() as board, Receiver() as r:
            r.stop()  # its port is known, and nobody is there
            more = f"http: http://127.0.0.1:{r.port}\nflash: true\nflash_ms: 10000"
            with Hub(config(board, more)) as hub:
                hub.wait_until(lambda: self.metrics(hub)["flash"]["writes"] >= 1, "a write")
                first = self.metrics(hub)
                self.assertLessEqual(first["flash"]["writes"], 1)
                hub.stop(signal.SIGKILL)
                r.start()
                hub.start()
                hub.wait_until(lambda: self.metrics(hub)["sinks"][0]["pending"] <= 1 and
                               self.metrics(hub)["produced"] >= 2, "all of it")
                second = self.metrics(hub)
                self.assertGreaterEqual(second["restored"], first["flash"]["points"])
            self.assertNotEqual(first["boot"], second["boot"])
            self.check_run(r.store, first["boot"], first["flash"]["points"])
            self.check_run(r.store, second["boot"], 2)
            boots = [b for b, _, _ in r.store.points]
            self.assertEqual(boots, sorted(boots, key=lambda b: b != first["boot"]))
            r.stop()
            r.start()  # for the end of the test

    def test_tls_and_password(self):
        """To a web server and a mosquitto by TLS, with certificates that are believed, and not by others."""
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                            "-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-subj", "/CN=127.0.0.1",
                            "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"],
                           cwd=folder, check=True, capture_output=True)
            subprocess.run(["mosquitto_passwd", "-c", "-b", f"{folder}/users", "pack", "right horse"], check=True)
            with open(f"{folder}/secret", "w") as f:
                f.write("right horse\n")
            with Board() as board, Receiver(certificate=folder) as r, \
                    Mosquitto(f"certfile {folder}/cert.pem\nkeyfile {folder}/key.pem\npassword_file {folder}/users\n") as m:
                with open(os.path.join(m.folder, "conf")) as f:
                    conf = f.read().replace("allow_anonymous true", "allow_anonymous false")
                with open(os.path.join(m.folder, "conf"), "w") as f:
                    f.write(conf)
                m.stop()
                m.start()
                more = (f"http: https://127.0.0.1:{r.port}\nmqtt: true\nmqtt_broker: 127.0.0.1:{m.port}\nmqtt_tls: true\n"
                        f"mqtt_user: pack\nmqtt_password_file: {folder}/secret\n")
                with Hub(config(board, more)) as hub:
                    hub.wait_line(rf"no points to https://127.0.0.1:{r.port}/api/telemetry/local: .*certificate")
                    hub.wait_line(rf"no points to 127.0.0.1:{m.port}: .*certificate.*next attempt")
                    self.assertEqual(r.store.points, [])
                    hub.write_config(config(board, more + f"tls_ca_file: {folder}/cert.pem"))
                    hub.send_json("POST", "/api/reboot", None)
                    hub.wait_until(lambda: len(r.store.points) >= 3, "points by HTTPS")
                    hub.wait_until(lambda: self.sink(hub, "mqtt")["delivered"] >= 3, "points by MQTT over TLS")
                    self.assertNotIn("right horse", "\n".join(hub.lines))

    def test_wrong_configuration(self):
        with Hub("battery: {enabled: true}\nbattery_publish: {enabled: true}\n") as hub:
            hub.wait_line("no receiver of points is named")
            self.assertEqual(hub.send_json("GET", "/api/battery/publish", None)[0], 404)


if __name__ == "__main__":
    unittest.main()
