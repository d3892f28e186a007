"""Routes of the older firmwares: they answer as listed, change nothing by GET unless told to, and
tell no secret."""
import unittest
import urllib.error

from hub import Hub


class Legacy(unittest.TestCase):
    def test_answers(self):
        with Hub() as hub:
            self.assertEqual(hub.get("/api/ping"), b"pong")
            status = hub.get_json("/api/status")
            for group, fields in {"wifi": ("ssid", "host", "sta_ip", "ap"),
                                  "mqtt": ("id", "port", "keepalive"),
                                  "sd": ("ok", "total", "free"),
                                  "clients": ("total",),
                                  "audio": ("volume", "playing", "paused", "progress", "pos_ms", "dur_ms",
                                            "bitrate", "path", "message", "fmt")}.items():
                for field in fields:
                    self.assertIn(field, status[group])
            self.assertEqual(status["mqtt"]["port"], hub.mqtt_port)
            self.assertLessEqual(status["mem"]["dram"]["free_kb"], status["mem"]["dram"]["total_kb"])
            self.assertEqual(hub.get_json("/api/ota/status")["phase"], "idle")
            self.assertEqual(hub.get_json("/api/wifi/scan"), [])
            self.assertEqual(hub.send_json("POST", "/api/config/wifi", {"ssid": "x" * 32})[0], 501)

    def test_changes_by_get_need_the_switch(self):
        with Hub() as hub:
            with self.assertRaises(urllib.error.HTTPError) as e:
                hub.get("/api/publish?topic=a&payload=b")
            with e.exception as reply:
                self.assertEqual((reply.code, reply.headers["Allow"]), (405, "POST"))
            hub.write_config("compat: {get_changes: true}\n")
            hub.stop()
            hub.start()
            self.assertEqual(hub.get("/api/publish?topic=room/light&payload=o%6E"), b"ok")
            topics = hub.get_json("/api/mqtt/retained")
            self.assertNotIn("room/light", str(topics))  # never retained, as before
            with self.assertRaises(urllib.error.HTTPError) as e:
                hub.get("/api/publish?payload=b")
            with e.exception as reply:
                self.assertEqual(reply.code, 400)


if __name__ == "__main__":
    unittest.main()
