"""A small WLED client: the requests of the common client library, of Home Assistant's integration and of the phone
apps, written from their documented calls. It checks every field that they need, by type and range, and fails loudly."""
import http.client
import json

from http_client import Client, Socket

PATIENCE_S = 30

# Field of a document: its type, and what it has to be. Missing ones are what makes such clients fail.
STATE = {"on": bool, "bri": (1, 255), "transition": (0, 65535), "ps": (-1, 250), "pl": (-1, 250), "lor": (0, 2),
         "mainseg": (0, 0), "seg": list,
         "nl": {"on": bool, "dur": (1, 255), "mode": (0, 3), "tbri": (0, 255), "rem": (-1, 15300)},
         "udpn": {"send": bool, "recv": bool, "sgrp": (0, 255), "rgrp": (0, 255)}}
SEGMENT = {"id": (0, 0), "start": (0, 0), "stop": (1, 128), "startY": (0, 0), "stopY": (1, 128), "len": (1, 128),
           "grp": (1, 1), "spc": (0, 0), "of": (0, 0), "on": bool, "frz": bool, "bri": (0, 255), "cct": (0, 255),
           "set": (0, 3), "col": list, "fx": (0, 255), "sx": (0, 255), "ix": (0, 255), "pal": (0, 255),
           "c1": (0, 255), "c2": (0, 255), "c3": (0, 31), "sel": bool, "rev": bool, "mi": bool, "o1": bool,
           "o2": bool, "o3": bool, "si": (0, 3), "m12": (0, 4)}
INFO = {"ver": str, "vid": (2400000, 9999999), "cn": str, "release": str, "str": bool, "name": str,
        "udpport": (1, 65535), "live": bool, "lm": str, "lip": str, "ws": (-1, 4), "fxcount": (1, 255),
        "palcount": (1, 255), "cpalcount": (0, 255), "ndc": (-1, 255), "arch": str, "core": str, "lwip": int,
        "freeheap": (1, 2 ** 40), "uptime": (0, 2 ** 40), "opt": int, "brand": str, "product": str, "mac": str,
        "ip": str,
        "leds": {"count": (1, 16384), "pwr": (0, 10 ** 7), "fps": (0, 200), "maxpwr": (0, 10 ** 7), "maxseg": (1, 1),
                 "seglc": list, "lc": (1, 1), "rgbw": bool, "wv": int, "cct": int,
                 "matrix": {"w": (1, 128), "h": (1, 128)}},
        "wifi": {"bssid": str, "rssi": int, "signal": (0, 100), "channel": int},
        "fs": {"u": int, "t": int, "pmt": int}}


def check(document, fields, where="document"):
    for name, want in fields.items():
        assert name in document, f"{where} has no {name}"
        value = document[name]
        if isinstance(want, dict):
            check(value, want, f"{where}.{name}")
        elif isinstance(want, tuple):
            assert isinstance(value, int) and not isinstance(value, bool), f"{where}.{name} is {value!r}"
            assert want[0] <= value <= want[1], f"{where}.{name} is {value}"
        else:
            assert isinstance(value, want) and (want is bool or not isinstance(value, bool)), \
                f"{where}.{name} is {value!r}"


def check_state(state):
    check(state, STATE, "state")
    assert len(state["seg"]) == 1
    check(state["seg"][0], SEGMENT, "seg")
    colors = state["seg"][0]["col"]
    assert len(colors) == 3 and all(len(c) == 3 and all(0 <= v <= 255 for v in c) for c in colors), colors


def check_info(info):
    check(info, INFO, "info")
    assert tuple(map(int, info["ver"].split(".")[:2])) >= (0, 14), "older ones are refused"
    assert info["brand"] == "WLED" and len(info["mac"]) == 12 and info["mac"] == info["mac"].lower()
    int(info["mac"], 16)
    assert info["leds"]["seglc"] == [1]


class Wled:
    """What the library keeps of a device: state, info, effects, palettes, presets."""

    def __init__(self, address, headers=None):
        self.address, self.headers = address, headers or {}
        self.presets_of = None
        self.update()

    def request(self, method, path, body=None):
        connection = http.client.HTTPConnection(self.address, timeout=PATIENCE_S)
        try:
            text = None if body is None else body if isinstance(body, str) else json.dumps(body)
            connection.request(method, path, text, {"Accept": "application/json, text/plain, */*",
                                                    "User-Agent": "PythonWLED/0.21.0", **self.headers})
            reply = connection.getresponse()
            data = reply.read()
            assert method != "GET" or path.startswith("/win") or \
                reply.headers["Content-Type"].startswith("application/json"), reply.headers["Content-Type"]
            return reply.status, data
        finally:
            connection.close()

    def json(self, method, path, body=None):
        status, data = self.request(method, path, body)
        assert status == 200, (method, path, status, data)
        return json.loads(data)

    def update(self):
        """All of it, and the presets when they have changed: what Home Assistant does at its start, and when polling."""
        document = self.json("GET", "/json")
        assert set(document) == {"state", "info", "effects", "palettes"}, set(document)
        self.take(document)
        self.effects, self.palettes = document["effects"], document["palettes"]
        assert len(self.effects) == self.info["fxcount"] and len(self.palettes) == self.info["palcount"]
        assert all(isinstance(name, str) and name and name not in ("-", "RSVD")
                   for name in self.effects + self.palettes)
        assert len(set(self.effects)) == len(self.effects) and len(set(self.palettes)) == len(self.palettes)
        if self.info["fs"]["pmt"] != self.presets_of:
            presets = self.json("GET", "/presets.json")
            assert presets, "an empty answer counts as none"
            presets.pop("0")
            self.presets = {int(key): value for key, value in presets.items()}
            assert all("n" in value and "seg" in value for value in self.presets.values())
            self.presets_of = self.info["fs"]["pmt"]

    def take(self, message):
        """A push of the WebSocket, or a part of a reply."""
        if "state" in message:
            check_state(message["state"])
            self.state = message["state"]
        if "info" in message:
            check_info(message["info"])
            self.info = message["info"]

    # ---- the calls of the library: each is answered by the state after it

    def post(self, body):
        self.take({"state": self.json("POST", "/json/state", {**body, "v": True})})
        return self.state

    def master(self, on=None, brightness=None, transition=None):
        body = {"on": on, "bri": brightness, "tt": transition}
        return self.post({key: value for key, value in body.items() if value is not None})

    def segment(self, **fields):
        transition = fields.pop("transition", None)
        body = {"seg": [{"id": 0, **fields}]}
        return self.post(body if transition is None else {**body, "tt": transition})

    def preset(self, number):
        return self.post({"ps": number})

    def nightlight(self, on, minutes=None, mode=None, target=None):
        fields = {"on": on, "dur": minutes, "mode": mode, "tbri": target}
        return self.post({"nl": {key: value for key, value in fields.items() if value is not None}})

    def sync(self, send):
        return self.post({"udpn": {"send": send}})

    def live_override(self, lor):
        return self.post({"lor": lor})


class WledSocket(Socket):
    """The library's WebSocket: `hear()` gives the next push."""

    def __init__(self, port, headers=()):
        class Server:  # what Socket connects by
            @staticmethod
            def connect():
                return Client(port)
        super().__init__(Server, headers)

    def hear_state(self):
        message = self.hear()
        assert set(message) == {"state", "info"}, message
        check_state(message["state"])
        check_info(message["info"])
        return message["state"]

    def until(self, condition):
        """The first push for which it holds."""
        for _ in range(50):
            state = self.hear_state()
            if condition(state):
                return state
        raise AssertionError("it never came")
