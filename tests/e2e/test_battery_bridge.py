"""The pack for its neighbours, with the simulated board on a pseudo terminal: topics by mosquitto's tools, every entity of
Home Assistant against the retained topics, Prometheus, and an inverter in Python on the CAN bus: on vcan0 where this kernel
has one, else on the stand-in by datagrams."""
import json
import queue
import re
import socket
import struct
import subprocess
import unittest

import paho.mqtt.client as paho

from battery_sim import BatterySim
from hub import PATIENCE_S, Hub
from test_bridge import Mosquitto

CELLS = 13

ABBREVIATIONS = {"avty": "availability", "stat_t": "state_topic", "val_tpl": "value_template",
                 "unit_of_meas": "unit_of_measurement", "dev_cla": "device_class", "stat_cla": "state_class",
                 "uniq_id": "unique_id", "avty_mode": "availability_mode", "dev": "device", "o": "origin"}
ALLOWED = {"name", "unique_id", "default_entity_id", "availability", "availability_mode", "device", "origin", "icon",
           "entity_category", "state_topic", "value_template", "unit_of_measurement", "device_class", "expire_after"}
SENSOR_ONLY = {"state_class", "suggested_display_precision"}
UNITS = {"voltage": {"V", "mV"}, "current": {"A"}, "power": {"W"}, "battery": {"%"}, "temperature": {"°C"},
         "energy": {"kWh"}, "duration": {"s", "min"}}
# What the neighbourhood calls them, with the unit that each must have (None: it has none).
NAMES = {"total_voltage": "V", "current": "A", "power": "W", "charging_power": "W", "discharging_power": "W",
         "state_of_charge": "%", "state_of_health": "%", "capacity_remaining": "Ah", "min_cell_voltage": "V",
         "max_cell_voltage": "V", "delta_cell_voltage": "mV", "average_cell_voltage": "V", "min_voltage_cell": None,
         "max_voltage_cell": None, "temperature_sensor_1": "°C", "mosfet_temperature": "°C", "charging_cycles": None,
         "total_runtime": "s", "errors_bitmask": None, "errors": None, "charged_energy": "kWh",
         "discharged_energy": "kWh", "problem": None, "charging": None, "balancing": None,
         **{f"cell_voltage_{i:02}": "V" for i in range(1, CELLS + 1)}}


def config(board, more="", bridge=""):
    return (f"name: shed\nbattery: {{enabled: true, path: '{board.link}'}}\n"
            f"battery_bridge: {{state_ms: 1000, cells_ms: 1000{bridge}}}\n{more}")


def pack_board():
    return BatterySim("--cells", str(CELLS), "--line", "profile idle", "--line", "load 12")


class Mosquitto_tools:
    def __init__(self, port):
        self.where = ["-h", "127.0.0.1", "-p", str(port)]

    def publish(self, topic, payload, *more):
        subprocess.run(["mosquitto_pub", *self.where, "-t", topic, "-m", payload, *more], check=True, timeout=PATIENCE_S)

    def retained(self, topic):
        r = subprocess.run(["mosquitto_sub", *self.where, "-t", topic, "-C", "1", "--retained-only", "-W", "10"],
                           capture_output=True, timeout=PATIENCE_S, text=True)
        return r.stdout.rstrip("\n")

    def until(self, topic, condition):
        """Waits until a message of the topic is as it should be."""
        with subprocess.Popen(["mosquitto_sub", *self.where, "-t", topic, "-W", str(PATIENCE_S)], stdout=subprocess.PIPE,
                              text=True) as p:
            for line in p.stdout:
                if condition(line.rstrip("\n")):
                    p.terminate()
                    return line.rstrip("\n")
        raise AssertionError(f"{topic} was never as it should be")


class Topics(unittest.TestCase):
    def ask(self, tools, command, *more):
        """A command and its answer, which is listened for before it is sent."""
        heard = queue.Queue()
        client = paho.Client("asks", protocol=paho.MQTTv311)
        client.on_connect = lambda c, *_: c.subscribe("shed/battery/register/result", 0)
        client.on_subscribe = lambda *_: heard.put(None)
        client.on_message = lambda c, u, m: heard.put(json.loads(m.payload))
        client.connect("127.0.0.1", int(tools.where[3]), 30)
        client.loop_start()
        try:
            self.assertIsNone(heard.get(timeout=PATIENCE_S))
            tools.publish("shed/battery/register/set", json.dumps(command), *more)
            return heard.get(timeout=PATIENCE_S)
        finally:
            client.loop_stop()
            client.disconnect()

    def test_topics(self):
        with pack_board() as board, Hub(config(board, bridge=", victron: true")) as hub:
            tools = Mosquitto_tools(hub.mqtt_port)
            tools.until("shed/battery/status", lambda text: text == "online")
            state = json.loads(tools.until("shed/battery/state", lambda text: json.loads(text)["current"] is not None))
            self.assertAlmostEqual(state["current"], -12, delta=0.5)
            self.assertEqual(state["status"], "discharging")
            self.assertEqual((state["charging"], state["charging_power"]), ("OFF", 0))
            self.assertAlmostEqual(state["discharging_power"], -state["power"], delta=1)
            cells = json.loads(tools.retained("shed/battery/cells"))
            names = [name for name in cells if name.startswith("cell_voltage_")]
            self.assertEqual(names, [f"cell_voltage_{i:02}" for i in range(1, CELLS + 1)])
            self.assertLessEqual(cells["min_cell_voltage"], cells["average_cell_voltage"])
            pack = hub.get_json("/api/battery")["pack"]
            self.assertAlmostEqual(state["total_voltage"], pack["voltage_v"], delta=0.5)
            self.assertAlmostEqual(sum(cells[name] for name in names), pack["voltage_v"], delta=0.5)
            # One word a value, as the JSON has it.
            self.assertRegex(tools.retained("shed/battery/value/total_voltage"), r"^\d\d\.\d\d$")
            self.assertRegex(tools.retained("shed/battery/value/cell_voltage_13"), r"^\d\.\d{3}$")
            self.assertEqual(tools.retained("shed/battery/value/status"), "discharging")
            victron = json.loads(tools.until("shed/battery/victron", lambda text: True))
            self.assertTrue({"Dc", "Soc", "Alarms", "Info", "Voltages"} <= set(victron))
            self.assertEqual(len(victron["Voltages"]), CELLS)

    def test_registers(self):
        with pack_board() as board, Hub(config(board)) as hub:
            tools = Mosquitto_tools(hub.mqtt_port)
            tools.until("shed/battery/status", lambda text: text == "online")
            answer = self.ask(tools, {"key": "cell_count", "read": True})
            self.assertEqual(answer, {"key": "cell_count", "address": 307, "action": "read", "outcome": "done",
                                      "value": CELLS})
            answer = self.ask(tools, {"address": 308, "value": 33})
            self.assertEqual((answer["outcome"], answer["value"]), ("done", 33))
            self.assertEqual(tools.until("shed/battery/register/allowed_disbalance_mv", lambda text: text == "33"), "33")
            self.assertEqual(self.ask(tools, {"address": 308, "read": True})["value"], 33)
            answer = self.ask(tools, {"address": 308, "value": 1000})
            self.assertEqual(answer["outcome"], "refused")
            self.assertIn("15 to 100", answer["error"])
            answer = self.ask(tools, {"key": "overvoltage_cutoff_mv", "value": 3700})
            self.assertIn("confirmation", answer["error"])
            self.assertEqual(self.ask(tools, {"address": 308, "read": True})["value"], 33)
            board.say("nack 308 7")
            answer = self.ask(tools, {"address": 308, "read": True})
            self.assertEqual((answer["outcome"], answer["code"]), ("refused", 7))
            self.assertGreaterEqual(hub.get_json("/api/battery/bridge")["mqtt"]["commands"], 7)

    def test_a_kept_command_is_of_another_day(self):
        with pack_board() as board, Hub(config(board)) as hub:
            tools = Mosquitto_tools(hub.mqtt_port)
            tools.until("shed/battery/status", lambda text: text == "online")
            kept = {"address": 308, "value": 44}
            self.assertEqual(self.ask(tools, kept, "-r")["value"], 44)
            self.assertEqual(self.ask(tools, {"address": 308, "value": 33})["value"], 33)
            hub.stop()
            hub.start()
            tools = Mosquitto_tools(hub.mqtt_port)
            self.assertEqual(json.loads(tools.retained("shed/battery/register/set")), kept)
            tools.until("shed/battery/status", lambda text: text == "online")
            self.assertEqual(self.ask(tools, {"address": 308, "read": True})["value"], 33)
            self.assertEqual(hub.get_json("/api/battery/bridge")["mqtt"]["commands"], 1)

    def test_unplugged(self):
        with pack_board() as board, Hub(config(board)) as hub:
            tools = Mosquitto_tools(hub.mqtt_port)
            tools.until("shed/battery/status", lambda text: text == "online")
            board.say("unplug")
            tools.until("shed/battery/status", lambda text: text == "offline")
            lines = hub.get("/metrics").decode().splitlines()
            self.assertFalse([x for x in lines if x.startswith("battery_voltage_volts")])
            self.assertFalse(hub.get_json("/api/battery/bridge")["online"])
            board.say("plug")
            tools.until("shed/battery/status", lambda text: text == "online")
            hub.stop()

    def test_prometheus(self):
        with pack_board() as board, Hub(config(board)) as hub:
            hub.wait_until(lambda: b"battery_voltage_volts " in hub.get("/metrics"), "a pack")
            text = hub.get("/metrics").decode()
            families = re.findall(r"^# TYPE (\S+) (?:gauge|counter|histogram)$", text, re.M)
            self.assertEqual(len(families), len(set(families)))
            values = {}
            for line in text.splitlines():
                if not line.startswith("#"):
                    match = re.fullmatch(r'(\w+(?:\{\w+="[^"]*"(?:,\w+="[^"]*")*\})?) (-?\d+(?:\.\d+)?)', line)
                    self.assertTrue(match, line)
                    values[match[1]] = float(match[2])
            self.assertAlmostEqual(values["battery_current_amperes"], -12, delta=0.5)
            self.assertTrue(0 < values["battery_soc_ratio"] <= 1)
            self.assertEqual(len([name for name in values if name.startswith("battery_cell_voltage_volts{")]), CELLS)
            self.assertEqual(values['battery_status{state="discharging"}'], 1)
            self.assertGreater(values['tinybms_transactions_total{result="ok"}'], 0)
            self.assertEqual(values['battery_connected{source="local"}'], 1)
            self.assertEqual(values['tinybms_latency_seconds_bucket{le="+Inf"}'], values["tinybms_latency_seconds_count"])
            steps = [value for name, value in values.items() if name.startswith("tinybms_latency_seconds_bucket")]
            self.assertEqual(steps, sorted(steps))

    def test_switched_off(self):
        with pack_board() as board, Hub(config(board, bridge=", mqtt: false, homeassistant: false",
                                               more="homeassistant: {enabled: true}\n")) as hub:
            hub.wait_until(lambda: hub.get_json("/api/battery/bridge")["online"], "a pack")
            self.assertEqual(hub.get_json("/api/mqtt/topics?parent=shed")["topics"], [])
            self.assertEqual(hub.get_json("/api/battery/bridge")["mqtt"]["messages"], 0)
            self.assertIsNone(hub.get_json("/api/battery/bridge")["can"])


class HomeAssistant:
    """Home Assistant's stand-in: takes the documents of the pack by the documented keys, and no others."""

    def __init__(self, port):
        self.documents, self.values, self.news = {}, {}, queue.Queue()
        self.client = paho.Client("homeassistant", protocol=paho.MQTTv311)
        self.client.on_connect = lambda c, *_: c.subscribe([("homeassistant/+/+/+/config", 0), ("devices/shed/#", 0)])
        self.client.on_message = lambda c, u, m: self.news.put((m.topic, m.payload))
        self.client.connect("127.0.0.1", port, 30)
        self.client.loop_start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.loop_stop()
        self.client.disconnect()

    def take(self):
        topic, payload = self.news.get(timeout=PATIENCE_S)
        match = re.fullmatch(r"homeassistant/(\w+)/shed/(\w+)/config", topic)
        if not match:
            self.values[topic] = payload
        elif not payload:
            self.documents.pop(match[2], None)
        elif b"~/battery/" in payload:
            document = {ABBREVIATIONS.get(key, key): value for key, value in json.loads(payload).items()}
            self.check(match[1], match[2], document)
            self.documents[match[2]] = document

    def check(self, component, key, document):
        assert document.pop("~") == "devices/shed"
        allowed = ALLOWED | (SENSOR_ONLY if component == "sensor" else set())
        assert set(document) <= allowed, (key, set(document) - allowed)
        assert document["unique_id"] == f"shed_{key}" and document["default_entity_id"] == f"{component}.shed_{key}"
        assert document["availability"] == [{"t": "~/availability"},
                                            {"t": "~/battery/link", "val_tpl": "{{ value_json.state }}"}]
        assert document["availability_mode"] == "all" and document["device"]["ids"] == ["shed"]
        assert re.fullmatch(r"~/battery/(state|cells|meters)", document["state_topic"])
        assert document["value_template"] == "{{ value_json.%s }}" % key
        assert document["expire_after"] == (7200 if document["state_topic"].endswith("meters") else 20)
        unit, device_class = document.get("unit_of_measurement"), document.get("device_class")
        if component == "sensor" and device_class:
            assert unit in UNITS[device_class], (key, unit)
        if device_class == "energy":
            assert document["state_class"] == "total_increasing"
        if component == "binary_sensor":
            assert device_class in (None, "problem", "battery_charging")

    def state(self, document):
        return json.loads(self.values.get(document["state_topic"].replace("~", "devices/shed"), b"{}"))

    def until(self, condition):
        while not condition():
            self.take()


class Discovery(unittest.TestCase):
    def check(self, hub, port, board):
        with HomeAssistant(port) as ha:
            ha.until(lambda: set(NAMES) <= set(ha.documents))
            link = "devices/shed/battery/link"
            ha.until(lambda: json.loads(ha.values.get(link, b"{}")).get("state") == "online")
            ha.until(lambda: all(key in ha.state(document) for key, document in ha.documents.items()))
            self.assertNotIn("cell_voltage_14", ha.documents)
            for key, unit in NAMES.items():
                self.assertEqual(ha.documents[key].get("unit_of_measurement"), unit, key)
            # What stands in the topics is what the hub says of the pack.
            ha.until(lambda: ha.state(ha.documents["status"])["status"] == "discharging")
            pack = hub.get_json("/api/battery")["pack"]
            value = ha.state(ha.documents["total_voltage"])["total_voltage"]
            self.assertAlmostEqual(value, pack["voltage_v"], delta=0.5)
            self.assertEqual(ha.state(ha.documents["problem"])["problem"], "OFF")
            # Everything there is, is told: no key of a message without an entity.
            for name in ("state", "cells", "meters"):
                keys = set(json.loads(ha.values[f"devices/shed/battery/{name}"])) - {"balancing_bitmask"}
                self.assertEqual(keys - set(ha.documents), set())
            board.say("unplug")
            ha.until(lambda: json.loads(ha.values[link])["state"] == "offline")
            board.say("plug")
            ha.until(lambda: json.loads(ha.values[link])["state"] == "online")

    def test_own_broker(self):
        with pack_board() as board, Hub(config(board, "homeassistant: {enabled: true}\n")) as hub:
            self.check(hub, hub.mqtt_port, board)

    def test_another_broker(self):
        with Mosquitto() as m, pack_board() as board, \
                Hub(config(board, f"homeassistant: {{enabled: true, broker: '127.0.0.1:{m.port}'}}\n")) as hub:
            self.check(hub, m.port, board)


class Bus:
    """One end of the inverter's bus: vcan0 where the kernel has one, else the stand-in."""

    def __init__(self):
        try:
            self.socket = socket.socket(socket.AF_CAN, socket.SOCK_RAW, socket.CAN_RAW)
            self.socket.bind(("vcan0",))
            self.name, self.peer, self.kind = "vcan0", None, "SocketCAN, vcan0"
        except (OSError, AttributeError) as why:
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.socket.bind(("127.0.0.1", 0))
            self.name, self.peer = f"udp:127.0.0.1:{self.socket.getsockname()[1]}", None
            self.kind = f"the stand-in, for this kernel has no vcan0: {why}"
        self.socket.settimeout(PATIENCE_S)

    def __enter__(self):
        print(f"CAN by {self.kind}")
        return self

    def __exit__(self, *_):
        self.socket.close()

    def receive(self):
        frame, peer = self.socket.recvfrom(16)
        self.peer = peer
        ident, length, data = struct.unpack("<IB3x8s", frame)
        return ident, data[:length]

    def send(self, ident, data):
        frame = struct.pack("<IB3x8s", ident, len(data), data)
        if self.name == "vcan0":
            self.socket.send(frame)
        else:
            self.socket.sendto(frame, self.peer)

    def collect(self, wanted):
        """The newest frame of each identifier, once all wanted ones have come."""
        frames = {}
        while not wanted <= set(frames):
            ident, data = self.receive()
            frames[ident] = data
        return frames


class Inverter(unittest.TestCase):
    VICTRON = {0x351, 0x355, 0x356, 0x35A, 0x35E, 0x35F, 0x370, 0x371, 0x372, 0x373, 0x374, 0x375, 0x376, 0x377, 0x378,
               0x379, 0x380, 0x381, 0x382}
    PYLONTECH = {0x351, 0x355, 0x356, 0x359, 0x35C, 0x35E}

    def test_victron(self):
        with Bus() as bus, pack_board() as board, \
                Hub(config(board, bridge=f", can: '{bus.name}', can_charge_max_a: 7")) as hub:
            frames = bus.collect(self.VICTRON)
            battery = hub.get_json("/api/battery")
            cvl, ccl, dcl, dvl = struct.unpack("<HhhH", frames[0x351])
            limits = battery["limits"]
            self.assertEqual(cvl, round(limits["full_mv"] * CELLS / 100))
            self.assertEqual(ccl, min(limits["charge_a"], 7) * 10)
            self.assertTrue(0 < dcl <= limits["discharge_a"] * 10)
            self.assertEqual(dvl, round(limits["empty_mv"] * CELLS / 100))
            soc, _soh, fine = struct.unpack("<HHH", frames[0x355])
            self.assertEqual(soc, round(battery["pack"]["soc_pct"]))
            self.assertAlmostEqual(fine / 100, battery["pack"]["soc_pct"], delta=0.5)
            volts, amperes, _degrees = struct.unpack("<hhh", frames[0x356])
            self.assertAlmostEqual(volts / 100, battery["pack"]["voltage_v"], delta=0.5)
            self.assertAlmostEqual(amperes / 10, -12, delta=0.5)
            self.assertEqual(frames[0x35A][7] >> 2 & 3, 2)  # the system is well
            self.assertNotIn(1, [frames[0x35A][0] >> shift & 3 for shift in (0, 2, 4, 6)])
            low, high = struct.unpack("<HH", frames[0x373][:4])
            self.assertTrue(2000 < low <= high < 4500)
            self.assertEqual(frames[0x35E].rstrip(b"\0"), b"Enepaq")
            self.assertTrue(frames[0x370].startswith(b"shed"))
            bus.send(0x307, b"\0\0\0\0VIC\0")
            bus.send(0x305, bytes(8))
            hub.wait_until(lambda: hub.get_json("/api/battery/bridge")["can"]["inverter"]["alive"], "the inverter")
            can = hub.get_json("/api/battery/bridge")["can"]
            self.assertEqual((can["inverter"]["identity"], can["phase"], can["open"]), ("VIC", "fresh", True))

    def test_pylontech(self):
        with Bus() as bus, pack_board() as board, \
                Hub(config(board, bridge=f", can: '{bus.name}', can_dialect: pylontech")):
            frames = bus.collect(self.PYLONTECH)
            self.assertEqual(set(frames), self.PYLONTECH)
            self.assertEqual(frames[0x35E], b"PYLON   ")
            self.assertEqual(frames[0x35C][0] & 0xC0, 0xC0)
            self.assertEqual(frames[0x359][:4], bytes(4))

    def test_lost_board(self):
        """Limits stand for the hold, then they are 0, then nothing is said, until the board is back."""
        bridge = ", can_hold_ms: 2000, can_zero_ms: 2000"
        with Bus() as bus, pack_board() as board, Hub(config(board, bridge=f"{bridge}, can: '{bus.name}'")) as hub:
            board.say("soc 40")
            bus.collect({0x351, 0x356})
            board.say("unplug")
            limits = []
            while not limits or limits[-1] != (0, 0):
                ident, data = bus.receive()
                if ident == 0x351:
                    limits.append(struct.unpack("<hh", data[2:6]))
            self.assertGreater(limits[0][1], 0)
            hub.wait_line("limits for the inverter: hold")
            hub.wait_line("limits for the inverter: zero")
            frames = bus.collect({0x35A, 0x372})
            self.assertEqual(frames[0x35A][7] >> 2 & 3, 1)  # the system is lost
            self.assertNotIn(0x356, frames)
            hub.wait_until(lambda: hub.get_json("/api/battery/bridge")["can"]["phase"] == "silent", "silence")
            sent = hub.get_json("/api/battery/bridge")["can"]["frames_out"]
            tools = Mosquitto_tools(hub.mqtt_port)
            for _ in range(2):  # the hub's beat goes on, and nothing comes of it
                tools.until("$SYS/broker/uptime", lambda text: True)
            self.assertEqual(hub.get_json("/api/battery/bridge")["can"]["frames_out"], sent)
            board.say("plug")
            hub.wait_until(lambda: hub.get_json("/api/battery/bridge")["can"]["phase"] == "fresh", "the board")

    def test_alarm(self):
        """A hot pack: the bit of its alarm is 1, not 2, no current either way, and everybody else hears of it too."""
        with Bus() as bus, pack_board() as board, Hub(config(board, bridge=f", can: '{bus.name}'")) as hub:
            tools = Mosquitto_tools(hub.mqtt_port)
            frames = bus.collect({0x351, 0x35A})
            self.assertEqual(frames[0x35A][0] >> 6 & 3, 2)
            board.say("ext1 50")
            tools.until("shed/battery/value/problem", lambda text: text == "ON")
            tools.until("shed/battery/value/errors", lambda text: text != "none")
            while frames[0x35A][0] >> 6 & 3 != 1 or struct.unpack("<hh", frames[0x351][2:6]) != (0, 0):
                frames.update(bus.collect({0x351, 0x35A}))
            self.assertEqual(frames[0x35A][0] >> 2 & 3, 2)  # voltage is well
            self.assertIn(b'battery_alarms{severity="critical"} ', hub.get("/metrics"))

    def test_no_such_interface(self):
        with pack_board() as board, Hub(config(board, bridge=", can: nosuchcan")) as hub:
            hub.wait_line(r"CAN nosuchcan cannot be opened: (there is no such interface|this kernel has no CAN)")
            hub.wait_until(lambda: hub.get_json("/api/battery/bridge")["online"], "a pack")
            self.assertFalse(hub.get_json("/api/battery/bridge")["can"]["open"])


if __name__ == "__main__":
    unittest.main()
