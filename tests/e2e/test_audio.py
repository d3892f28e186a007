"""The audio player end to end: what is heard, measured in the file that it plays into; the card's
folders; every way to lead a path out of it; the older routes; an output that is not there."""
import array
import json
import math
import os
import re
import struct
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request
import wave

from http_client import Client, Socket
from hub import Hub

RATE = 44100
OUT = "out.wav"


def samples(hz, seconds, amplitude=16384, rate=RATE):
    """Left has the tone, right the same upside down."""
    out = array.array("h")
    for i in range(int(seconds * rate)):
        v = round(amplitude * math.sin(2 * math.pi * hz * i / rate))
        out.extend((v, -v))
    return out


def write_wav(path, data, rate=RATE, channels=2):
    with wave.open(path, "wb") as w:
        w.setnchannels(channels)
        w.setsampwidth(2)
        w.setframerate(rate)
        w.writeframes(data.tobytes())


class Heard:
    """A recording of the player, both channels."""

    def __init__(self, path):
        with wave.open(path, "rb") as w:
            assert (w.getnchannels(), w.getsampwidth(), w.getframerate()) == (2, 2, RATE)
            data = array.array("h", w.readframes(w.getnframes()))
        self.left, self.right = data[0::2], data[1::2]

    def sound(self, quiet=3):
        """First and last frame that is heard."""
        at = [i for i, v in enumerate(self.left) if abs(v) > quiet]
        return (at[0], at[-1]) if at else (0, 0)

    def rms(self, begin, end):
        part = self.left[begin:end]
        return math.sqrt(sum(v * v for v in part) / max(1, len(part)))

    def hz(self, begin, end):
        part = self.left[begin:end]
        return sum(a < 0 <= b for a, b in zip(part, part[1:])) * RATE / len(part)

    def step(self):
        return max((abs(b - a) for a, b in zip(self.left, self.left[1:])), default=0)


def step_max(amplitude, hz):
    """Of a tone, with room for an edge of 5 ms."""
    tone, edge = 2 * amplitude * math.sin(math.pi * hz / RATE), amplitude * 200 / RATE
    return math.hypot(tone, edge) + 3


def db(a, b):
    return 20 * math.log10(a / b)


class AudioHub(Hub):
    def __init__(self, output="null", more="", **kw):
        super().__init__("", **kw)
        self.out = os.path.join(self.folder, OUT)
        output = output.replace(OUT, self.out)
        self.write_config(f"audio: {{output: '{output}'}}\n{more}")
        self.card = os.path.join(self.folder, "data", "sdcard")
        os.makedirs(self.card)

    def tone(self, name, hz=441, seconds=0.5, **kw):
        write_wav(os.path.join(self.card, name), samples(hz, seconds, **kw))

    def audio(self, verb, **body):
        return self.send_json("POST", "/api/audio/" + verb, body)

    def channel(self, name):
        return {c["channel"]: c for c in self.get_json("/api/audio")["channels"]}[name]

    def wait_state(self, channel, state):
        return self.wait_until(lambda: self.channel(channel)["state"] == state and
                               self.channel(channel), f"{channel} {state}")

    def play(self, name, channel="effect", **more):
        status, reply = self.audio("play", path="/sdcard/" + name, channel=channel, **more)
        assert status == 202, reply
        return reply["instance"]


class Playing(unittest.TestCase):
    def test_on_the_null_device(self):
        """The whole way through ALSA, in time."""
        with AudioHub("null") as hub:
            hub.tone("a.wav", seconds=0.6)
            began = time.monotonic()
            instance = hub.play("a.wav")
            c = hub.wait_state("effect", "playing")
            self.assertEqual((c["instance"], c["path"], c["fmt"], c["dur_ms"], c["loop"]),
                             (instance, "/sdcard/a.wav", "wav", 600, False))
            self.assertIn(c["bitrate_kbps"], range(1400, 1420))
            self.assertEqual(hub.get_json("/api/audio")["output"]["state"], "open")
            hub.wait_state("effect", "idle")
            self.assertGreater(time.monotonic() - began, 0.5)
            self.assertEqual(hub.get_json("/api/audio")["output_failures"], 0)
            self.assertEqual(hub.play("a.wav"), instance + 1)

    def test_what_is_heard(self):
        with AudioHub("file:" + OUT) as hub:
            hub.tone("a.wav", seconds=1)
            self.assertEqual(hub.audio("volume", volume=100)[0], 200)
            hub.play("a.wav")
            hub.wait_state("effect", "playing")
            hub.wait_state("effect", "idle")
            hub.stop()
            heard = Heard(hub.out)
            first, last = heard.sound()
            self.assertAlmostEqual(last - first, RATE, delta=150)
            self.assertAlmostEqual(heard.hz(first + 1000, last - 1000), 441, delta=2)
            self.assertAlmostEqual(db(heard.rms(first + 1000, last - 1000), 16384 / math.sqrt(2)), 0,
                                   delta=0.1)
            self.assertLess(heard.step(), step_max(16384, 441))
            self.assertTrue(all(abs(a + b) <= 1 for a, b in zip(heard.left, heard.right)))

    def test_default_volume_is_15_db_down(self):
        with AudioHub("file:" + OUT) as hub:
            hub.tone("a.wav")
            self.assertEqual(hub.get_json("/api/audio")["volume"], 70)
            hub.play("a.wav")
            hub.wait_state("effect", "playing")
            hub.wait_state("effect", "idle")
            hub.stop()
            heard = Heard(hub.out)
            first, last = heard.sound()
            self.assertAlmostEqual(db(heard.rms(first + 1000, last - 1000), 16384 / math.sqrt(2)), -15,
                                   delta=0.1)

    def test_pause_seek_and_stop_do_not_click(self):
        with AudioHub("file:" + OUT) as hub:
            hub.tone("a.wav", seconds=20)
            hub.audio("volume", volume=100)
            instance = hub.play("a.wav", seek_ms=3000)
            self.assertGreaterEqual(hub.wait_state("effect", "playing")["pos_ms"], 3000)
            self.assertEqual(hub.audio("seek", instance=instance, pos_ms=10003)[0], 200)
            hub.wait_until(lambda: hub.channel("effect")["pos_ms"] > 10100, "sought")
            self.assertEqual(hub.audio("pause", channel="effect")[0], 200)
            paused = hub.wait_state("effect", "paused")
            self.assertTrue(paused["paused"])
            self.assertEqual(hub.audio("resume", all=True)[0], 200)
            hub.wait_state("effect", "playing")
            hub.wait_until(lambda: hub.channel("effect")["pos_ms"] > paused["pos_ms"] + 100, "goes on")
            self.assertEqual(hub.audio("stop", instance=instance)[0], 200)
            hub.wait_state("effect", "idle")
            hub.stop()
            heard = Heard(hub.out)
            self.assertGreater(max(heard.left), 16000)
            self.assertLess(heard.step(), step_max(16384, 441))

    def test_background_is_ducked_and_goes_on(self):
        with AudioHub("file:" + OUT) as hub:
            hub.tone("bg.wav", seconds=0.5)  # whole turns: it loops without a seam
            write_wav(os.path.join(hub.card, "quiet.wav"), array.array("h", bytes(4 * RATE)))
            hub.audio("volume", volume=100)
            background = hub.play("bg.wav", "background", loop=True)
            hub.wait_until(lambda: hub.channel("background")["state"] == "playing", "background")
            time.sleep(0.4)  # of it alone, to be measured
            effect = hub.play("quiet.wav", "effect")
            hub.wait_state("effect", "playing")
            time.sleep(0.5)
            self.assertEqual(hub.audio("stop", instance=effect)[0], 200)
            hub.wait_state("effect", "idle")
            time.sleep(1)  # the background comes back within half a second
            self.assertEqual(hub.channel("background")["instance"], background)
            self.assertEqual(hub.channel("background")["state"], "playing")  # fault 19
            hub.stop()
            heard = Heard(hub.out)
            parts = [heard.rms(i, i + 2000) for i in range(0, len(heard.left) - 2000, 2000)]
            loud = max(parts)
            self.assertAlmostEqual(db(loud, 16384 / math.sqrt(2)), 0, delta=0.2)
            steady = [p for p in parts if p > 500][3:-3]  # without its begin and end
            self.assertAlmostEqual(db(min(steady), loud), -12, delta=0.3)
            self.assertAlmostEqual(db(steady[-1], loud), 0, delta=0.3)
            self.assertLess(heard.step(), step_max(16384, 441))

    def test_fades(self):
        with AudioHub("file:" + OUT) as hub:
            hub.tone("a.wav", seconds=5)
            hub.audio("volume", volume=100)
            instance = hub.play("a.wav", fade_ms=500)
            hub.wait_until(lambda: hub.channel("effect")["pos_ms"] > 600, "faded in")
            self.assertEqual(hub.audio("stop", instance=instance, fade_ms=500)[0], 200)
            hub.wait_state("effect", "idle")
            hub.stop()
            heard = Heard(hub.out)
            first, last = heard.sound()
            rise = [heard.rms(first + i, first + i + 1000) for i in range(0, 20000, 2000)]
            fall = [heard.rms(last - i - 1000, last - i) for i in range(0, 20000, 2000)]
            self.assertEqual(rise, sorted(rise))
            self.assertEqual(fall, sorted(fall))
            self.assertLess(heard.step(), step_max(16384, 441))

    def test_volume_is_kept(self):
        hub = AudioHub("null")
        with hub:
            self.assertEqual(hub.audio("volume", volume=30)[0], 200)  # row 35
            hub.wait_until(lambda: hub.get_json("/api/audio")["volume"] == 30, "applied")
            kept = os.path.join(hub.folder, "data", "config")
            hub.wait_until(lambda: any(re.match(r"audio\.\d+$", n) for n in os.listdir(kept)), "kept")
            hub.process.kill()
            hub.process.wait()
            hub.process.stdout.close()
            hub.start()
            self.assertEqual(hub.get_json("/api/audio")["volume"], 30)

    def test_an_output_that_is_not_there(self):
        with AudioHub("no_such_device") as hub:
            hub.tone("a.wav", seconds=0.3)
            hub.play("a.wav")
            output = hub.wait_until(lambda: hub.get_json("/api/audio")["output"]["state"] == "failed" and
                                    hub.get_json("/api/audio")["output"], "failed")
            self.assertTrue(output["message"].startswith("audio output failed: no_such_device"), output)
            hub.wait_line(r"audio output failed: no_such_device.*tried again in 1 s")
            hub.wait_state("effect", "idle")  # time went on
            self.assertEqual(hub.audio("volume", volume=10)[0], 200)  # and the hub runs on

    def test_no_card(self):
        with AudioHub("none") as hub:
            hub.tone("a.wav")
            os.rename(hub.card, hub.card + ".away")
            status, reply = hub.audio("play", path="/sdcard/a.wav")
            self.assertEqual((status, reply["error"]["code"]), (409, "no_card"))
            self.assertIn("sd not mounted", reply["error"]["message"])
            hub.wait_until(lambda: hub.channel("effect")["message"] == "the card is missing", "told")
            self.assertEqual(hub.send_json("GET", "/api/files", None)[0], 409)
            os.rename(hub.card + ".away", hub.card)
            self.assertEqual(hub.audio("play", path="/sdcard/a.wav")[0], 202)

    def test_feed(self):
        with AudioHub("null") as hub:
            hub.tone("a.wav", seconds=10)
            port = int(hub.http.rsplit(":", 1)[1])

            class Server:
                @staticmethod
                def connect():
                    return Client(port)
            with Socket(Server) as s:
                s.say({"subscribe": ["audio"]})
                first = s.hear()
                self.assertEqual(first["part"], "audio")
                self.assertEqual(first["data"]["channels"][1]["state"], "idle")
                hub.play("a.wav")
                seen = s.hear()
                while seen["data"]["channels"][1]["state"] != "playing":
                    seen = s.hear()
                self.assertGreater(seen["version"], first["version"])
                later = s.hear()  # and its place, now and then
                while later["data"]["channels"][1]["pos_ms"] < 1000:
                    later = s.hear()

    def test_not_enabled(self):
        with Hub("audio: {enabled: false}\n") as hub:
            for path in ("/api/audio", "/api/files"):
                self.assertEqual(hub.send_json("GET", path, None)[0], 404)
            self.assertNotIn("audio", [t["name"] for t in hub.get_json("/api/memory")["tasks"]])


class Requests(unittest.TestCase):
    def test_bodies(self):
        rows = [
            ("play", {}, 400, "bad_value"), ("play", {"path": "/sdcard/none.wav"}, 404, "not_found"),
            ("play", {"path": "/sdcard/a.wav", "volume": 101}, 400, "bad_value"),
            ("play", {"path": "/sdcard/a.wav", "fade_ms": 60001}, 400, "bad_value"),
            ("play", {"path": "/sdcard/a.wav", "channel": "third"}, 400, "bad_value"),
            ("play", {"path": "/sdcard/a.wav", "speed": 2}, 400, "bad_value"),
            ("play", {"path": "/sdcard/" + "a" * 300}, 400, "bad_value"),
            ("play", {"path": "/sdcard"}, 400, "bad_path"),
            ("stop", {}, 400, "bad_value"), ("stop", {"all": False}, 400, "bad_value"),
            ("stop", {"all": True, "channel": "effect"}, 400, "bad_value"),
            ("stop", {"instance": 77}, 404, "not_found"), ("stop", {"all": True}, 200, None),
            ("stop", {"channel": "background"}, 200, None), ("pause", {"channel": "effect"}, 404, "not_found"),
            ("pause", {"all": True}, 200, None), ("resume", {"instance": 1}, 404, "not_found"),
            ("seek", {"channel": "effect", "pos_ms": 0}, 404, "not_found"),
            ("seek", {"channel": "effect"}, 400, "bad_value"), ("seek", {"pos_ms": 5}, 400, "bad_value"),
            ("volume", {}, 400, "bad_value"), ("volume", {"volume": 101}, 400, "bad_value"),
            ("volume", {"volume": -1}, 400, "bad_value"),
            ("volume", {"volume": 10, "channel": "effect"}, 404, "not_found"),
        ]
        with AudioHub("null") as hub:
            hub.tone("a.wav")
            for verb, body, status, code in rows:
                with self.subTest(verb=verb, body=body):
                    got, reply = hub.audio(verb, **body)
                    self.assertEqual(got, status, reply)
                    self.assertEqual((reply.get("error") or {}).get("code"), code)

    def test_seek_past_the_end(self):
        with AudioHub("null") as hub:
            hub.tone("a.wav", seconds=5)
            instance = hub.play("a.wav", loop=True)
            hub.wait_until(lambda: hub.channel("effect")["dur_ms"] == 5000, "known")
            self.assertEqual(hub.audio("seek", instance=instance, pos_ms=5000)[0], 400)
            self.assertEqual(hub.audio("seek", instance=instance, pos_ms=4999)[0], 200)

    def test_older_routes(self):
        gets = ("play?path=/sdcard/a.wav", "stop", "pause", "resume", "volume?val=20", "seek?pos=100")
        with AudioHub("null") as hub:
            hub.tone("a.wav")
            for get in gets:
                with self.subTest(get=get), self.assertRaises(urllib.error.HTTPError) as refused:
                    hub.get("/api/audio/" + get)
                refused.exception.close()
                self.assertEqual(refused.exception.code, 405)
                self.assertEqual(refused.exception.headers["Allow"], "POST")
        with AudioHub("null", "compat: {get_changes: true}\n") as hub:
            hub.tone("a.wav", seconds=9)
            self.assertEqual(hub.get("/api/audio/play?path=/sdcard/a.wav&volume=40"), b"ok")
            hub.wait_state("effect", "playing")
            hub.wait_until(lambda: hub.get_json("/api/audio")["volume"] == 40, "volume")
            self.assertEqual(hub.get("/api/audio/seek?pos=5000"), b"ok")
            hub.wait_until(lambda: hub.channel("effect")["pos_ms"] >= 5000, "sought")
            self.assertEqual(hub.get("/api/audio/pause"), b"ok")
            hub.wait_state("effect", "paused")
            self.assertEqual(hub.get("/api/audio/resume"), b"ok")
            self.assertEqual(hub.get("/api/audio/volume?val=20"), b"ok")
            hub.wait_until(lambda: hub.get_json("/api/audio")["volume"] == 20, "volume")
            self.assertEqual(hub.get("/api/audio/stop"), b"ok")
            hub.wait_state("effect", "idle")
            for get, status, text in (("play", 400, "path required"), ("seek", 400, "pos required"),
                                      ("seek?pos=5", 400, "seek failed"), ("volume?val=x", 400, "val is"),
                                      ("play?path=/sdcard/../x", 400, "bad path"),
                                      ("play?path=%00", 400, "bad path"),
                                      ("play?path=/sdcard/none.wav", 404, "There is no")):
                with self.subTest(get=get):
                    got, reply = hub.send_json("GET", "/api/audio/" + get, None)
                    self.assertEqual(got, status)
                    self.assertIn(text, reply["error"]["message"])
            self.assertEqual(hub.audio("stop", all=True)[0], 200)  # and the new form beside it

    def test_who_may_be_set_where(self):
        with AudioHub("null") as hub:
            fields = {f["pointer"]: f for f in hub.get_json("/api/settings")["fields"]}
            self.assertTrue(fields["/audio/duck_db"]["writable"])
            for pointer in ("/audio/output", "/audio/root", "/compat/get_changes"):
                self.assertFalse(fields[pointer]["writable"], pointer)


class Card(unittest.TestCase):
    def test_paths(self):
        """Row 22: no spelling leads out."""
        bad = ["/sdcardX", "/sdcardX/a.wav", "/etc", "", "/", "sdcard", "a.wav", "/sdcard/..",
               "/sdcard/../data", "/sdcard/a/../../x", "/sdcard/..\\x", "/sdcard\\..\\x",
               "/sdcard/a\\b", "/sdcard/link", "/sdcard/link/passwd", "/sdcard/" + "a" * 300]
        raw = ["/sdcard/%2e%2e/x", "/sdcard/%2E%2E", "/sdcard/.%2e/x", "%2fsdcard%2f..%2fx", "%00",
               "/sdcard/%00", "/sdcard/a%00.wav", "/sdcard/%5c..", "/sdcard/a%0ab", "/sdcard/%zz",
               "%2e%2e"]
        with AudioHub("null") as hub:
            os.symlink("/etc", os.path.join(hub.card, "link"))
            for path in bad + raw:
                quoted = path if path in raw else urllib.parse.quote(path)
                for route in ("/api/files?path=", "/api/files/meta?path="):
                    with self.subTest(route=route, path=path):
                        status, reply = hub.send_json("GET", route + quoted, None)
                        self.assertEqual((status, reply["error"]["code"]), (400, "bad_path"), reply)
                        self.assertIn("bad path", reply["error"]["message"])
                if path in bad and len(path) < 200:
                    with self.subTest(play=path):
                        status, reply = hub.audio("play", path=path)
                        self.assertEqual((status, reply["error"]["code"]), (400, "bad_path"), reply)
            # Decoded once: what is encoded twice is a name, and nothing of that name is there.
            self.assertEqual(hub.send_json("GET", "/api/files?path=/sdcard/%252e%252e/x", None)[0], 404)
            os.makedirs(os.path.join(hub.card, "%2e%2e"))
            self.assertEqual(hub.send_json("GET", "/api/files?path=/sdcard/%252e%252e", None), (200, []))
            self.assertEqual(hub.send_json("GET", "/api/files", None)[0], 200)

    def test_listing(self):
        names = ["a.wav", "b.MP3", "c.ogg", "d.flac", 'quote".wav', "back\\slash.wav", "\u00e9.wav",
                 "line\nbreak.wav", "tab\t.wav"]
        with AudioHub("null") as hub:
            for name in names + ["notes.txt", "x.wav.bak"]:
                with open(os.path.join(hub.card, name), "wb") as f:
                    f.write(b"x" * 10)
            for folder in ("sub", "System Volume Information", "SYSTEM~1"):
                os.makedirs(os.path.join(hub.card, folder))
            with open(os.path.join(hub.card, "y" * 200 + ".wav"), "wb"):
                pass
            os.symlink("/etc/passwd", os.path.join(hub.card, "link.wav"))
            for path in ("", "?path=/sdcard", "?path=/sdcard/", "?path=/sdcard//./"):
                got = hub.get_json("/api/files" + path)
                self.assertEqual(sorted(e["path"] for e in got),
                                 sorted(f"/sdcard/{n}" for n in names + ["sub"]))
            for e in got:
                self.assertEqual(list(e), ["path", "size", "dur", "dir"])
                want = (0, 0, True) if e["path"] == "/sdcard/sub" else (10, 0, False)
                self.assertEqual((e["size"], e["dur"], e["dir"]), want)
            hub.tone("sub/deep.wav")
            self.assertEqual([e["path"] for e in hub.get_json("/api/files?path=/sdcard/sub")],
                             ["/sdcard/sub/deep.wav"])
            self.assertEqual(hub.send_json("GET", "/api/files?path=/sdcard/none", None)[0], 404)

    def test_durations(self):
        with AudioHub("null") as hub:
            hub.tone("two.wav", seconds=2)
            with open(os.path.join(hub.card, "two.wav"), "rb") as f:
                plain = f.read()
            info = b"LIST" + struct.pack("<I", 27) + b"INFO" + b"x" * 23 + b"\0"
            made = {"list.wav": plain[:36] + info + plain[36:],  # row 24
                    "zero.wav": plain[:40] + struct.pack("<I", 0) + plain[44:],
                    "open.wav": plain[:40] + struct.pack("<I", 0xFFFFFFFF) + plain[44:]}
            for name, data in made.items():
                with open(os.path.join(hub.card, name), "wb") as f:
                    f.write(data)
            with open(os.path.join(hub.card, "broken.wav"), "wb") as f:
                f.write(b"RIFFxxxxWAVE")
            self.assertEqual({e["dur"] for e in hub.get_json("/api/files")}, {0})
            got = {e["path"]: e["dur"] for e in hub.get_json("/api/files?meta=1")}
            self.assertEqual(got, {"/sdcard/" + n: 2 for n in [*made, "two.wav"]} | {"/sdcard/broken.wav": 0})
            meta = hub.get_json("/api/files/meta?path=/sdcard/list.wav")
            self.assertEqual((meta["dur_ms"], meta["fmt"], meta["rate_hz"], meta["channels"]),
                             (2000, "wav", RATE, 2))
            # A changed file is looked at again.
            hub.tone("list.wav", seconds=1)
            self.assertEqual(hub.get_json("/api/files/meta?path=/sdcard/list.wav")["dur_ms"], 1000)
            for path, status in (("/sdcard/none.wav", 404), ("/sdcard", 400)):
                self.assertEqual(hub.send_json("GET", "/api/files/meta?path=" + path, None)[0], status)
            for name in made:  # and they play, to their end
                hub.audio("play", path="/sdcard/" + name, seek_ms=1500 if name != "list.wav" else 500)
                hub.wait_state("effect", "playing")
                self.assertEqual(hub.channel("effect")["dur_ms"], 1000 if name == "list.wav" else 2000)
                hub.wait_state("effect", "idle")
                self.assertEqual(hub.channel("effect")["message"], "")

    def test_ten_thousand_tracks_in_little_memory(self):
        with AudioHub("null", board="esp32-s3") as hub:
            for i in range(10000):
                with open(os.path.join(hub.card, f"track-{i:05d}.wav"), "wb") as f:
                    f.write(b"x" * (i % 100))

            def owners():
                return {o["name"]: o["tiers"] for o in hub.get_json("/api/memory")["owners"]}
            before = owners()
            got = hub.get_json("/api/files")
            after = owners()
            self.assertEqual(len(got), 10000)
            self.assertEqual({e["path"]: e["size"] for e in got},
                             {f"/sdcard/track-{i:05d}.wav": i % 100 for i in range(10000)})
            for owner in ("audio", "portal", "http"):
                self.assertLess(after[owner][0]["peak_bytes"] - before[owner][0]["current_bytes"], 4096,
                                owner)
            route = [r for r in hub.get_json("/api/routes")["routes"] if r["path"] == "/api/files"][0]
            self.assertLess(route["peak_internal_bytes"], 4096)
            print("peak of /api/files with 10,000 tracks: internal", route["peak_internal_bytes"],
                  "psram", route["peak_psram_bytes"])
            # Pages: each track once.
            seen = []
            for offset in range(0, 10001, 777):
                page = hub.get_json(f"/api/files?offset={offset}&limit=777")
                self.assertEqual(len(page), min(777, 10000 - offset))
                seen += [e["path"] for e in page]
            self.assertEqual(len(set(seen)), 10000)
            page = hub.get_json("/api/files?meta=1&offset=9990")
            self.assertEqual(len(page), 10)
            self.assertEqual(len(hub.get_json("/api/files?meta=1")), 50)
            for query in ("limit=0", "limit=-1", "limit=x", "offset=-1", "offset=x", "meta=2", "meta=1&limit=201"):
                status, reply = hub.send_json("GET", "/api/files?" + query, None)
                self.assertEqual((status, reply["error"]["code"]), (400, "bad_value"), query)
            health = hub.get_json("/api/health")
            self.assertGreaterEqual(health["heap_internal_min"], 100 * 1024)

    def test_store_files_are_elsewhere(self):
        with AudioHub("null") as hub:
            entries = json.loads(hub.get("/api/store/files"))["entries"]
            self.assertIn("sdcard", [e["name"] for e in entries])


if __name__ == "__main__":
    unittest.main()
