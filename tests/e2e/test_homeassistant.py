"""Home Assistant hears of the hub: by the hub's own broker, and by a mosquitto that is killed, restarted, and
asks for a password."""
import contextlib
import json
import queue
import re
import signal
import socket
import subprocess
import tempfile
import os
import unittest

import paho.mqtt.client as paho

from hub import Hub
from test_bridge import Mosquitto

SENSORS = """uptime reset_reason cpu_usage cpu_temperature heap_free heap_min heap_fragmentation flash_used
 flash_total wifi_rssi""".split()
API_ONLY = """cpu_freq heap_size heap_internal_free_min_window heap_internal_free_max_window
 heap_internal_largest_min_window heap_fragmentation_max_window psram_free_min_window psram_free_max_window
 psram_largest_min_window psram_fragmentation_max_window wifi_channel ip_address hostname""".split()


class Ear:
    """Hears everything at a broker; the newest message of each topic, and all in order."""

    def __init__(self, port, user=None, password=None):
        self.topics, self.all = {}, queue.Queue()
        self.client = paho.Client("ear", protocol=paho.MQTTv311)
        if user:
            self.client.username_pw_set(user, password)
        self.client.on_connect = lambda c, *_: c.subscribe([("devices/#", 0), ("homeassistant/#", 0)])
        self.client.on_message = self.on_message
        self.client.connect("127.0.0.1", port, 30)
        self.client.loop_start()

    def on_message(self, _client, _user, m):
        self.topics[m.topic] = (m.payload, m.retain)
        self.all.put((m.topic, m.payload))

    def wait(self, hub, topic, payload=None):
        return hub.wait_until(lambda: self.topics.get(topic) and payload in (None, self.topics[topic][0])
                              and self.topics[topic], topic)[0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.loop_stop()
        self.client.disconnect()


class HomeAssistant(unittest.TestCase):
    def check_device(self, hub, ear, name, title):
        self.assertEqual(ear.wait(hub, f"devices/{name}/availability", b"online"), b"online")
        state = json.loads(ear.wait(hub, f"devices/{name}/health/state"))
        health = hub.get_json("/api/health")
        self.assertEqual(set(health) - set(state), set(API_ONLY))
        self.assertEqual(set(state) - set(health), set())
        for sensor in SENSORS:
            config = json.loads(ear.wait(hub, f"homeassistant/sensor/{name}/{sensor}/config"))
            self.assertEqual(config["~"], f"devices/{name}")
            self.assertEqual(config["uniq_id"], f"{name}_{sensor}")
            self.assertEqual(config["object_id"], f"{name}_{sensor}")
            self.assertEqual((config["stat_t"], config["avty_t"], config["pl_avail"], config["pl_not_avail"],
                              config["entity_category"]),
                             ("~/health/state", "~/availability", "online", "offline", "diagnostic"))
            field = re.fullmatch(r"\{\{ value_json\.(\w+) \}\}", config["val_tpl"]).group(1)
            self.assertIn(field, state)
            self.assertEqual((config["dev"]["ids"], config["dev"]["name"]), ([name], title))
        button = json.loads(ear.wait(hub, f"homeassistant/event/{name}/button/config"))
        self.assertEqual(button["event_types"], ["press", "hold"])
        self.assertEqual(json.loads(ear.wait(hub, f"homeassistant/sensor/{name}/uptime/config"))["unit_of_meas"], "s")

    def press_a_button(self, hub, ear, name):
        """Its event, and what it publishes, are heard at the broker that Home Assistant listens to."""
        macros = hub.get_json("/api/macros")
        macros["screens"][1]["buttons"][3].update(label="Müte", action="mqtt_send", mqtt_topic="devices/lamp/set",
                                                  payload="toggle")
        body = {"defaults": macros["defaults"], "screens": macros["screens"]}
        self.assertEqual(hub.send_json("POST", "/api/macros", body)[0], 200)
        self.assertEqual(hub.send_json("POST", "/api/macropad/press", {"screen": 2, "slot": 3})[0], 200)
        self.assertEqual(ear.wait(hub, "devices/lamp/set"), b"toggle")
        self.assertEqual(json.loads(ear.wait(hub, f"devices/{name}/event")),
                         {"event_type": "press", "page": 1, "slot": 3, "label": "Müte"})
        self.assertFalse(ear.topics[f"devices/{name}/event"][1])

    def test_the_own_broker(self):
        with Hub("name: attic\nhomeassistant: {enabled: true, interval_s: 1}\n"
                 "health: {hotspot_tags: true}\n") as hub, Ear(hub.mqtt_port) as ear:
            self.check_device(hub, ear, "attic", "attic")
            self.press_a_button(hub, ear, "attic")
            first = hub.get_json("/api/homeassistant")
            self.assertEqual((first["broker"], first["state"], first["dropped_long"]), (None, "online", 0))
            hub.wait_until(lambda: hub.get_json("/api/homeassistant")["messages"] > first["messages"], "another state")
            health = hub.get_json("/api/health")
            self.assertTrue(health["mqtt_connected"])
            self.assertIsInstance(health["mqtt_health_publish_age_ms"], int)
            at = [next(i for i, line in enumerate(hub.lines) if line.startswith(f"[Mem] {tag} "))
                  for tag in ("setup", "mqtt_connect_attempt", "mqtt_connected", "mqtt_discovery_pre",
                              "mqtt_first_publish", "mqtt_discovery_post")]
            self.assertEqual(at, sorted(at))

    def test_retained(self):
        with Hub("name: attic\nhomeassistant: {enabled: true, interval_s: 0}\n") as hub:
            hub.wait_until(lambda: hub.get_json("/api/homeassistant")["last_state_age_ms"] is not None, "a state")
            with Ear(hub.mqtt_port) as ear:  # which came later
                self.check_device(hub, ear, "attic", "attic")
                self.assertTrue(ear.topics["devices/attic/availability"][1])

    def test_mosquitto_is_killed(self):
        with Mosquitto() as m, Hub(f"homeassistant: {{enabled: true, broker: '127.0.0.1:{m.port}', interval_s: 1, "
                                   "backoff_min_ms: 100, backoff_max_ms: 400}\n"
                                   "health: {hotspot_tags: true}\n") as hub:
            self.assertEqual(hub.send_json("POST", "/api/config?no_reboot=1", {"device_name": "Desk Pad"})[0], 200)
            hub.send_json("POST", "/api/reboot", None)
            hub.wait_line(r"connected to 127\.0\.0\.1:\d+ as desk-pad")
            with Ear(m.port) as ear:
                self.check_device(hub, ear, "desk-pad", "Desk Pad")
                self.press_a_button(hub, ear, "desk-pad")
                m.stop(signal.SIGKILL)
                hub.wait_line(r"\[Homeassistant\] Warning: 127.0.0.1:\d+: .*next attempt in")
                hub.wait_until(lambda: hub.get_json("/api/homeassistant")["failures"] >= 3, "three failures")
                away = hub.get_json("/api/homeassistant")
                self.assertFalse(away["online"])
                self.assertFalse(hub.get_json("/api/health")["mqtt_connected"])
                with contextlib.suppress(FileNotFoundError):
                    os.remove(os.path.join(m.folder, "mosquitto.db"))
                ear.topics.clear()  # a broker that has lost everything
                m.start()
                self.check_device(hub, ear, "desk-pad", "Desk Pad")
            # An orderly end says so itself, and once-tags were not said again.
            with Ear(m.port) as ear:
                hub.stop()
                self.assertEqual(ear.wait(hub, "devices/desk-pad/availability", b"offline"), b"offline")
            for tag in ("mqtt_connect_attempt", "mqtt_connected", "mqtt_first_publish", "mqtt_discovery_post"):
                self.assertLessEqual(sum(line.startswith(f"[Mem] {tag} ") for line in hub.lines), 2, tag)

    def test_the_will(self):
        with Mosquitto() as m, Hub(f"name: attic\nhomeassistant: {{enabled: true, broker: '127.0.0.1:{m.port}'}}\n") as hub:
            with Ear(m.port) as ear:
                ear.wait(hub, "devices/attic/availability", b"online")
                hub.stop(signal.SIGKILL)
                self.assertEqual(ear.wait(hub, "devices/attic/availability", b"offline"), b"offline")

    def test_password(self):
        with tempfile.TemporaryDirectory() as folder:
            users, secret = os.path.join(folder, "users"), os.path.join(folder, "secret")
            subprocess.run(["mosquitto_passwd", "-c", "-b", users, "pad", "right horse"], check=True)
            with open(secret, "w") as f:
                f.write("wrong horse\n")
            with Mosquitto(f"password_file {users}\n") as m:
                with open(os.path.join(m.folder, "conf")) as f:
                    conf = f.read().replace("allow_anonymous true", "allow_anonymous false")
                with open(os.path.join(m.folder, "conf"), "w") as f:
                    f.write(conf)
                m.stop()
                m.start()
                with Hub(f"name: attic\nhomeassistant: {{enabled: true, broker: '127.0.0.1:{m.port}', user: pad, "
                         f"password_file: {secret}, backoff_min_ms: 100, backoff_max_ms: 200}}\n") as hub:
                    hub.wait_line(r"Homeassistant.*(not authorized|user name or password).*next attempt")
                    with open(secret, "w") as f:
                        f.write("right horse\n")
                    hub.send_json("POST", "/api/reboot", None)
                    hub.wait_line(r"connected to 127\.0\.0\.1:\d+ as attic")
                    for line in hub.lines:
                        self.assertNotIn("right horse", line)

    def test_tls(self):
        """By a certificate that is believed, and not by one that the machine does not know."""
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                            "-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-subj", "/CN=127.0.0.1",
                            "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"],
                           cwd=folder, check=True, capture_output=True)
            with Mosquitto(f"certfile {folder}/cert.pem\nkeyfile {folder}/key.pem\n") as m:
                config = (f"name: attic\nhomeassistant: {{enabled: true, broker: '127.0.0.1:{m.port}', tls: true, "
                          "backoff_min_ms: 100%s}\n")
                with Hub(config % "") as hub:
                    hub.wait_line(r"\[Homeassistant\] Warning: .*certificate.*next attempt")
                    hub.write_config(config % f", tls_ca_file: {folder}/cert.pem")
                    hub.send_json("POST", "/api/reboot", None)
                    hub.wait_line(r"connected to 127\.0\.0\.1:\d+ as attic")
                    hub.wait_until(lambda: hub.get_json("/api/homeassistant")["last_state_age_ms"] is not None, "a state")

    def test_the_old_settings_name_the_broker(self):
        with Mosquitto() as m, Hub("name: attic\n") as hub:
            with self.assertRaises(Exception):
                hub.get_json("/api/homeassistant")  # not on
            status, _ = hub.send_json("POST", "/api/config", {
                "mqtt_host": "127.0.0.1", "mqtt_port": m.port, "mqtt_interval_seconds": 1})
            self.assertEqual(status, 200)
            hub.wait_line(r"connected to 127\.0\.0\.1:\d+ as attic")
            with Ear(m.port) as ear:
                self.check_device(hub, ear, "attic", "attic")
                self.assertEqual(hub.get_json("/api/homeassistant")["interval_s"], 1)

    def test_a_broker_that_does_not_answer(self):
        """It takes the connection and says nothing: counted, and the hub goes on as before."""
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            s.listen()
            with Hub(f"homeassistant: {{enabled: true, broker: '127.0.0.1:{s.getsockname()[1]}'}}\n") as hub:
                hub.wait_until(lambda: hub.get_json("/api/homeassistant")["state"] == "greeting", "a greeting")
                self.assertEqual(hub.stop(), 0)


if __name__ == "__main__":
    unittest.main()
