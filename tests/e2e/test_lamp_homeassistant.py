"""The lamp in Home Assistant, by the hub's own broker and by a mosquitto, and its own topics. Here a client stands in for
Home Assistant: it takes the discovery documents by the keys that are documented, and no others, and works the entities
as Home Assistant would. Row 15 of docs/lamp.md."""
import json
import queue
import re
import subprocess
import unittest

import paho.mqtt.client as paho

from hub import PATIENCE_S, Hub
from test_bridge import Mosquitto

LAMP = "name: attic\nlamp: {enabled: true, width: 16, height: 16, fps: 60, transition_ms: 0}\n"

ABBREVIATIONS = {"avty_t": "availability_topic", "bri_scl": "brightness_scale", "cmd_t": "command_topic",
                 "dev": "device", "dev_cla": "device_class", "flsh_tlng": "flash_time_long",
                 "flsh_tsht": "flash_time_short", "fx_list": "effect_list", "o": "origin",
                 "pl_avail": "payload_available", "pl_not_avail": "payload_not_available",
                 "stat_cla": "state_class", "stat_t": "state_topic", "sup_clrm": "supported_color_modes",
                 "uniq_id": "unique_id", "unit_of_meas": "unit_of_measurement", "val_tpl": "value_template"}
COMMON = {"name", "unique_id", "default_entity_id", "availability_topic", "payload_available",
          "payload_not_available", "device", "origin", "icon", "entity_category"}
KEYS = {  # documented keys of each platform that are used; those that it must have
    "light": ({"schema", "state_topic", "command_topic", "brightness", "brightness_scale", "supported_color_modes",
               "effect", "effect_list", "flash_time_short", "flash_time_long"}, {"schema", "command_topic"}),
    "number": ({"state_topic", "command_topic", "value_template", "min", "max", "step", "mode",
                "unit_of_measurement"}, {"command_topic", "min", "max"}),
    "select": ({"state_topic", "command_topic", "value_template", "options"}, {"command_topic", "options"}),
    "switch": ({"state_topic", "command_topic", "value_template"}, {"command_topic"}),
    "button": ({"command_topic"}, {"command_topic"}),
    "sensor": ({"state_topic", "value_template", "unit_of_measurement", "device_class", "state_class"},
               {"state_topic"}),
}
DEVICE = {"ids": "identifiers", "name": "name", "mdl": "model", "sw": "sw_version"}
ENTITIES = """light.lamp number.lamp_speed number.lamp_intensity select.lamp_palette switch.lamp_pause
 switch.lamp_overlay button.lamp_next button.lamp_previous sensor.lamp_fps sensor.lamp_current""".split()


def expand(document):
    """Abbreviations and "~" as Home Assistant reads them; a key that it does not know is an error here."""
    document = {ABBREVIATIONS.get(key, key): value for key, value in document.items()}
    base = document.pop("~")
    for key, value in document.items():
        if isinstance(value, str) and key.endswith("_topic"):
            document[key] = base + value[1:] if value.startswith("~") else value
    document["device"] = {DEVICE[key]: value for key, value in document["device"].items()}
    return document


def check_discovery(component, document, name):
    allowed, needed = KEYS[component]
    keys = set(document)
    assert keys <= allowed | COMMON, (component, keys - allowed - COMMON)
    assert needed | {"unique_id", "device", "origin", "availability_topic"} <= keys, (component, keys)
    assert document["device"]["identifiers"] == [name] and document["origin"]["name"] == "nuthatch"
    assert document["default_entity_id"] == f"{component}.{document['unique_id']}"
    assert (document["payload_available"], document["payload_not_available"]) == ("online", "offline")
    for key in keys & {"state_topic", "command_topic", "availability_topic"}:
        assert re.fullmatch(rf"devices/{name}/[a-z_/]+", document[key]), document[key]
    if component == "light":
        assert document["schema"] == "json" and document["brightness_scale"] == 255
        assert document["supported_color_modes"] in (["brightness"], ["rgb"])
        effects = document["effect_list"]
        assert effects and len(set(effects)) == len(effects)
    if component == "number":
        assert document["min"] < document["max"] and document["step"] >= 0.001
        assert document["mode"] in ("auto", "box", "slider")
    if component == "select":
        assert all(isinstance(option, str) for option in document["options"])


class HomeAssistant:
    """Home Assistant's stand-in: its MQTT integration, as far as these entities need it."""

    def __init__(self, port, name="attic"):
        self.name, self.documents, self.values, self.news = name, {}, {}, queue.Queue()
        self.client = paho.Client("homeassistant", protocol=paho.MQTTv311)
        self.client.on_connect = lambda c, *_: c.subscribe(
            [("homeassistant/+/+/+/config", 0), (f"devices/{name}/#", 0)])
        self.client.on_message = self.on_message
        self.client.connect("127.0.0.1", port, 30)
        self.client.loop_start()

    def on_message(self, _client, _user, m):
        self.news.put((m.topic, m.payload))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.loop_stop()
        self.client.disconnect()

    def take(self):
        topic, payload = self.news.get(timeout=PATIENCE_S)
        match = re.fullmatch(r"homeassistant/(\w+)/[\w-]+/(\w+)/config", topic)
        if not match:
            self.values[topic] = payload
        elif match[2].startswith("lamp"):
            document = expand(json.loads(payload))
            check_discovery(match[1], document, self.name)
            self.documents[f"{match[1]}.{match[2]}"] = document

    def until(self, condition):
        while not condition():
            self.take()

    def discover(self):
        self.until(lambda: set(ENTITIES) <= set(self.documents))
        self.until(lambda: self.values.get(self.documents["light.lamp"]["availability_topic"]) == b"online")
        self.until(lambda: self.state() and "fps" in self.state("sensor.lamp_fps"))

    def state(self, entity="light.lamp"):
        return json.loads(self.values.get(self.documents[entity]["state_topic"], b"{}"))

    def value(self, entity):
        field = re.fullmatch(r"\{\{ value_json\.(\w+) \}\}", self.documents[entity]["value_template"])[1]
        return self.state(entity).get(field)

    def send(self, entity, payload):
        payload = payload if isinstance(payload, str) else json.dumps(payload)
        self.client.publish(self.documents[entity]["command_topic"], payload, 0)

    def light(self, **fields):
        """A command of the light; "state" is always in it. Waits for the state that it asks for."""
        self.send("light.lamp", {"state": "ON", **fields})
        want = {"state": "ON", **{key: value for key, value in fields.items()
                                  if key in ("state", "effect", "brightness", "color")}}
        self.until(lambda: want.items() <= self.state().items())
        return self.state()


class Lamp(unittest.TestCase):
    def check(self, hub, ha):
        """Discovery is accepted; on, off, brightness and each effect go there and back."""
        ha.discover()
        effects = [e["name"] for e in hub.get_json("/api/lamp/effects")["effects"]]
        self.assertEqual(ha.documents["light.lamp"]["effect_list"], effects)
        self.assertNotIn("color_mode", ha.documents["light.lamp"])
        ha.light(brightness=120)
        self.assertEqual(hub.get_json("/api/lamp")["brightness"], 120)
        ha.light(state="OFF")
        self.assertFalse(hub.get_json("/api/lamp")["power"])
        self.assertEqual(ha.light()["brightness"], 120)  # on, as bright as it was
        self.assertEqual(ha.light(color={"r": 1, "g": 2, "b": 3})["color_mode"], "rgb")
        for effect in effects:
            ha.light(effect=effect)
            self.assertEqual(hub.get_json("/api/lamp")["effect"], effect)
        ha.send("light.lamp", {"state": "ON", "brightness": 0})  # 0 is off
        ha.until(lambda: ha.state()["state"] == "OFF")
        self.assertEqual(ha.light()["brightness"], 120)
        for entity, payload, want in (("number.lamp_speed", "250", 250), ("number.lamp_intensity", "9", 9),
                                      ("select.lamp_palette", ha.documents["select.lamp_palette"]["options"][2], None),
                                      ("select.lamp_palette", "auto", None), ("switch.lamp_pause", "ON", None),
                                      ("switch.lamp_pause", "OFF", None), ("switch.lamp_overlay", "ON", None)):
            ha.send(entity, payload)
            ha.until(lambda e=entity, w=payload if want is None else want: ha.value(e) == w)
        ha.light(effect=effects[0])
        ha.send("button.lamp_next", "PRESS")
        ha.until(lambda: ha.state()["effect"] == effects[1])
        ha.send("button.lamp_previous", "PRESS")
        ha.until(lambda: ha.state()["effect"] == effects[0])
        self.assertIsInstance(ha.value("sensor.lamp_fps"), (int, float))
        self.assertGreaterEqual(ha.value("sensor.lamp_current"), 0)
        # A change by another way is told; what cannot be is not done.
        hub.send_json("POST", "/api/lamp", {"brightness": 7})
        ha.until(lambda: ha.state()["brightness"] == 7)
        ha.send("light.lamp", {"state": "ON", "effect": "NO SUCH EFFECT"})
        ha.light(brightness=8)
        self.assertEqual(ha.state()["effect"], effects[0])
        self.assertEqual(hub.get_json("/api/lamp")["changed"]["who"], "Home Assistant")

    def restart_home_assistant(self, ha):
        ha.documents.clear()
        ha.client.publish("homeassistant/status", "offline")
        ha.client.publish("homeassistant/status", "online")
        ha.until(lambda: set(ENTITIES) <= set(ha.documents))

    def test_row_15_own_broker(self):
        with Hub(LAMP + "homeassistant: {enabled: true, interval_s: 1}\n") as hub, \
                HomeAssistant(hub.mqtt_port) as ha:
            self.check(hub, ha)
            self.restart_home_assistant(ha)

    def test_row_15_another_broker(self):
        with Mosquitto() as m, Hub(LAMP + f"homeassistant: {{enabled: true, broker: '127.0.0.1:{m.port}', "
                                   "interval_s: 1}\n") as hub:
            with HomeAssistant(m.port) as ha:
                self.check(hub, ha)
                self.restart_home_assistant(ha)
                # What a broker has kept of a command is of another day: a new connection does not obey it.
                ha.light(brightness=50)
                topic = ha.documents["light.lamp"]["command_topic"]
                ha.client.publish(topic, "OFF", 0, True)
                ha.until(lambda: ha.state()["state"] == "OFF")
                ha.light(brightness=50)
                hub.stop()
                ha.until(lambda: ha.values["devices/attic/availability"] == b"offline")
            hub.start()
            with HomeAssistant(m.port) as ha:
                ha.discover()
                self.assertEqual(ha.state()["state"], "ON")
                ha.light(brightness=51)


class Topics(unittest.TestCase):
    """The hub's own topics and those of a WLED device, by mosquitto's tools."""

    def publish(self, hub, topic, payload):
        subprocess.run(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(hub.mqtt_port), "-t", topic, "-m", payload],
                       check=True, timeout=PATIENCE_S)

    def retained(self, hub, topic):
        r = subprocess.run(["mosquitto_sub", "-h", "127.0.0.1", "-p", str(hub.mqtt_port), "-t", topic, "-C", "1",
                            "--retained-only", "-W", "10"], capture_output=True, timeout=PATIENCE_S, text=True)
        return r.stdout.strip()

    def until(self, hub, **fields):
        return hub.wait_until(lambda: fields.items() <= hub.get_json("/api/lamp").items(), fields)

    def test_topics(self):
        with Hub(LAMP) as hub:
            self.assertEqual(self.retained(hub, "wled/attic/status"), "online")
            self.publish(hub, "attic/lamp/set", '{"effect":"FIRE","brightness":60,"colors":["#0a0b0c"]}')
            self.until(hub, effect="FIRE", brightness=60)
            state = json.loads(self.retained(hub, "attic/lamp/state"))
            self.assertEqual((state["effect"], state["brightness"], state["colors"][0]), ("FIRE", 60, "#0a0b0c"))
            # What a state says can be sent as a command.
            self.publish(hub, "attic/lamp/set", "OFF")
            self.until(hub, power=False)
            state.pop("seq")
            self.publish(hub, "attic/lamp/set", json.dumps(state))
            self.until(hub, power=True, effect="FIRE", brightness=60)
            self.publish(hub, "wled/attic", "T")
            self.until(hub, power=False)
            self.publish(hub, "wled/attic", "99")
            self.until(hub, power=True, brightness=99)
            self.publish(hub, "wled/attic/col", "#FF0102")
            self.until(hub, colors=["#ff0102", "#000000", "#0000ff"])
            self.publish(hub, "wled/attic/api", '{"on":true,"bri":7,"seg":{"sx":255}}')
            self.until(hub, brightness=7, speed_pct=300)
            self.publish(hub, "wled/all/api", "A=8&SX=128")
            self.until(hub, brightness=8, speed_pct=100)
            by = hub.get_json("/api/lamp")["changed"]["by"]
            self.assertEqual(by, "mqtt")

    def test_publications(self):
        heard = queue.Queue()
        with Hub(LAMP) as hub:
            client = paho.Client("ear", protocol=paho.MQTTv311)
            client.on_message = lambda c, u, m: heard.put((m.topic, m.payload))
            client.on_connect = lambda c, *_: c.subscribe([("wled/attic/#", 0), ("attic/lamp/#", 0)])
            client.on_subscribe = lambda *_: heard.put(("subscribed", b""))
            client.connect("127.0.0.1", hub.mqtt_port, 30)
            client.loop_start()
            seen = {}

            def until(condition):
                while not condition():
                    topic, payload = heard.get(timeout=PATIENCE_S)
                    seen[topic] = payload
            until(lambda: "subscribed" in seen)
            hub.send_json("POST", "/api/lamp", {"brightness": 200, "colors": ["#123456"]})
            until(lambda: seen.get("wled/attic/g") == b"200" and seen.get("wled/attic/c") == b"#123456" and
                  b"<ac>200</ac>" in seen.get("wled/attic/v", b""))
            until(lambda: json.loads(seen.get("attic/lamp/state", b"{}")).get("brightness") == 200)
            # No echo: what is said brings nothing forth.
            seq = hub.get_json("/api/lamp")["seq"]
            client.publish("attic/lamp/set", '{"brightness":201}')
            until(lambda: seen.get("wled/attic/g") == b"201")
            self.assertEqual(hub.get_json("/api/lamp")["seq"], seq + 1)
            hub.stop()
            client.loop_stop()

    def test_off(self):
        with Hub(LAMP + "lamp_mqtt: {enabled: false}\n") as hub:
            before = hub.get_json("/api/lamp")
            self.publish(hub, "attic/lamp/set", "OFF")
            self.publish(hub, "wled/attic", "OFF")
            self.assertEqual(hub.get_json("/api/lamp")["seq"], before["seq"])
            self.assertEqual(hub.get_json("/api/mqtt/topics?parent=attic")["topics"], [])


if __name__ == "__main__":
    unittest.main()
