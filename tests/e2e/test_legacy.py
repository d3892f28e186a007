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

    def test_monitors(self):
        """Each kind of template in its group, however many devices there are."""
        readers = [{"source_id": f"room/reader/{i}/" + "x" * 80, "label": f"Reader {i}", "values": ["04AA"]}
                   for i in range(8)]
        devices = [{"id": f"uid{i}", "display_name": f'Pictures "{i}"',
                    "template": {"type": "uid_validator", "uid": {"slots": readers}}} for i in range(8)]
        devices += [{"id": "eye", "template": {"type": "signal_hold", "signal": {
                        "signal_topic": "eye/light", "heartbeat_topic": "eye/held", "reset_topic": "eye/reset",
                        "required_hold_ms": 5000}}},
                    {"id": "lock", "template": {"type": "sequence_lock", "sequence": {
                        "steps": [{"topic": "lock/a"}, {"topic": "lock/b", "payload": "1"}], "timeout_ms": 9000}}}]
        with Hub() as hub:
            status = hub.get_json("/api/status")
            for group in ("uid_monitor", "signal_monitor", "sequence_monitor"):
                self.assertEqual(status[group], [])
            code, reply = hub.send_json("POST", "/api/devices/apply", {"schema": 2, "devices": devices})
            self.assertEqual(code, 200, reply)
            status = hub.get_json("/api/status")
            self.assertEqual([(m["id"], m["name"]) for m in status["uid_monitor"]],
                             [(f"uid{i}", f'Pictures "{i}"') for i in range(8)])
            self.assertEqual(status["uid_monitor"][7]["slots"][7]["label"], "Reader 7")
            for field in ("index", "source", "label", "last_value"):
                self.assertIn(field, status["uid_monitor"][0]["slots"][0])
            (signal,), (sequence,) = status["signal_monitor"], status["sequence_monitor"]
            for field in ("id", "name", "state", "active", "completed", "progress_ms", "required_hold_ms",
                          "heartbeat_timeout_ms", "time_left_ms", "heartbeat_topic", "reset_topic"):
                self.assertIn(field, signal)
            self.assertEqual((signal["id"], signal["time_left_ms"]), ("eye", 5000))
            for field in ("id", "name", "state", "active", "current_step_index", "completed_steps", "total_steps",
                          "timeout_ms", "time_left_ms", "reset_on_error", "expected_topic", "expected_payload",
                          "payload_required"):
                self.assertIn(field, sequence)
            self.assertEqual((sequence["id"], sequence["expected_topic"]), ("lock", "lock/a"))

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
