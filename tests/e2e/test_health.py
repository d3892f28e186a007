"""Telemetry: the console's lines, /api/health, /metrics, the tripwire, the pty."""
import json
import os
import re
import select
import tempfile
import time
import threading
import unittest
import urllib.error

from hub import Hub

MEM = (r"^\[Mem\] (\S+) hf=(\d+) hm=(\d+) hl=(\d+) hi=(\d+) hin=(\d+) frag=(\d+) "
       r"pf=(\d+) pm=(\d+) pl=(\d+) \(\d+ms\)$")
INT_FIELDS = """uptime_seconds heap_free heap_min heap_size heap_largest heap_internal_free
 heap_internal_min heap_internal_largest psram_free psram_min psram_largest heap_fragmentation
 psram_fragmentation heap_internal_free_min_window heap_internal_free_max_window
 heap_internal_largest_min_window heap_fragmentation_max_window psram_free_min_window
 psram_free_max_window psram_largest_min_window psram_fragmentation_max_window flash_used
 fs_used_bytes fs_total_bytes""".split()
OTHER_FIELDS = """reset_reason cpu_freq cpu_usage cpu_temperature flash_total fs_type fs_mounted
 mqtt_enabled mqtt_publish_enabled mqtt_connected mqtt_last_health_publish_ms
 mqtt_health_publish_age_ms display_fps display_lv_timer_us display_present_us wifi_rssi
 wifi_channel ip_address hostname""".split()
ALARMS = re.compile(r"guru meditation|panic'ed|stack canary|^backtrace:|abort\(\)|brownout", re.I)


class Lines(unittest.TestCase):
    def test_cpu(self):
        """Known a second after the start, from the first question on."""
        with Hub() as hub:
            time.sleep(1.2)  # a span of the clock's, without a question meanwhile
            self.assertIn(hub.get_json("/api/health")["cpu_usage"], range(0, 401))

    def test_order_and_form(self):
        with Hub("health: {heartbeat_ms: 1000}\n") as hub:
            hub.wait_line(r"^\[Mem\] hb ")
            order = [r"^\[System Boot\]", r"^  Firmware: v", r"^\[Mem\] boot ",
                     r"^\[Main\] Setup complete", r"^\[Mem\] setup ", r"^\[Heartbeat\] Up: ",
                     r"^\[Mem\] hb "]
            at = -1
            for pattern in order:
                found = [i for i, line in enumerate(hub.lines) if re.search(pattern, line)]
                self.assertTrue(found, pattern)
                self.assertGreater(found[0], at, pattern)
                at = found[0]
            for line in hub.lines:
                self.assertIsNone(ALARMS.search(line), line)
                if "[Mem]" in line:
                    m = re.match(MEM, line)
                    self.assertTrue(m, line)
                    hf, hm, hl, hi, hin, frag, pf, pm, pl = map(int, m.groups()[1:])
                    self.assertLessEqual(hl, hi)
                    self.assertLessEqual(hi, hf)
                    self.assertLessEqual(hin, hi)
                    self.assertLessEqual(pl, pf)
                    self.assertLessEqual(pm, pf)
                    self.assertIn(frag, range(101))

    def test_client_ids_cannot_fake_a_crash(self):
        with Hub() as hub:
            with hub.connect() as s:
                cid = b"Guru Meditation Error Got IP: 1.2.3.4"
                body = b"\0\4MQTT\4\2\0\0" + len(cid).to_bytes(2, "big") + cid
                s.sendall(bytes([0x10, len(body)]) + body)
                self.assertEqual(s.recv(4), b"\x20\2\0\0")
            hub.wait_line("connected")
            for line in hub.lines:
                self.assertNotIn("Guru Meditation", line)
                self.assertNotIn("Got IP: 1", line)

    def test_tripwire_fires_once_and_dumps_the_tasks(self):
        with Hub("health: {heartbeat_ms: 1000, tripwire_bytes: 300000}\n") as hub:
            hub.wait_line(r"^\[Mem\] hb ")
            hub.send_json("POST", "/api/memory/snapshot", {"tag": "again"})
            hub.wait_line(r"^\[Mem\] again ")
            fired = [i for i, line in enumerate(hub.lines) if "TRIPWIRE" in line]
            self.assertEqual(len(fired), 1)
            i = fired[0]
            self.assertRegex(hub.lines[i],
                             r"^\[Mem\] TRIPWIRE fired tag=\S+ hin=\d+B < 300000B")
            self.assertRegex(hub.lines[i - 1], MEM)
            self.assertRegex(hub.lines[i + 1],
                             r"^\[Mem\] Task dump \(\d+ tasks, sorted by stack margin\) tag=\S+")
            self.assertRegex(hub.lines[i + 2],
                             r"^\[Task\] name=\S+ prio=\d+ core=-?\d+ stack_rem=\d+B")
            self.assertTrue(hub.get_json("/api/memory")["tripwire"]["fired"])

    def test_pty(self):
        with tempfile.TemporaryDirectory() as folder:
            link = os.path.join(folder, "console")
            with Hub("health: {heartbeat_ms: 1000, hotspot_tags: true}\n",
                     args=["--console", "pty:" + link]) as hub:
                self.assertTrue(hub.ready["console"])
                self.assertTrue(os.path.islink(link))
                fd = os.open(link, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
                def read_until(word):
                    data, end = b"", time.monotonic() + 20
                    while word not in data and time.monotonic() < end:
                        if select.select([fd], [], [], 1)[0]:
                            data += os.read(fd, 4096)
                    self.assertIn(word, data)
                    return data

                read_until(b"[Mem] hb")
                for life in (1, 2):
                    for path in ("/", "/", "/network.html", "/portal.css", "/firmware.html"):
                        hub.get(path)
                    data = read_until(b"[Mem] http_firmware ")
                    for once in (rb"\[Mem\] http_root ", rb"\[Mem\] http_network ",
                                 rb"\[Portal\] AsyncTCP stack watermark: task=loop rem=\d+ units "
                                 rb"\(\d+ B\), unit=1 B, CONFIG_ASYNC_TCP_STACK_SIZE\(raw\)=\d+ "):
                        self.assertEqual(len(re.findall(rb"(?m)^" + once, data)), 1, once)
                    if life == 1:  # begins all of it anew, on the same terminal
                        hub.send_json("POST", "/api/reboot", None)
                        data = read_until(b"[Mem] setup ")
                        at = [data.find(x) for x in (b"\nESP-ROM:esp32", b"\n[System Boot]", b"\n  Firmware: v",
                                                     b"\n[Mem] boot ", b"\n[Main] Setup complete")]
                        self.assertEqual(at, sorted(at))
                        self.assertGreaterEqual(at[0], 0)
                os.close(fd)
                self.assertFalse([x for x in hub.lines if x.startswith("[Mem]")])


class Http(unittest.TestCase):
    def test_health_has_every_field(self):
        with Hub() as hub:
            health = hub.get_json("/api/health")
            for name in INT_FIELDS:
                self.assertIsInstance(health[name], int, name)
            for name in OTHER_FIELDS:
                self.assertIn(name, health)
            self.assertEqual(health["heap_size"], 320 * 1024)
            self.assertLessEqual(health["heap_internal_min"], health["heap_internal_free"])

    def test_radio_is_charged(self):
        with Hub() as hub:
            memory = hub.get_json("/api/memory")
            owners = {o["name"]: o for o in memory["owners"]}
            self.assertGreaterEqual(owners["radio"]["tiers"][0]["charged_bytes"], 64 * 1024)
            self.assertGreaterEqual(owners["tasks"]["tiers"][0]["charged_bytes"], 4096)
            self.assertTrue(any(t["name"] == "loop" for t in memory["tasks"]))
            for tier, info in enumerate(memory["tiers"]):
                used = sum(o["tiers"][tier]["current_bytes"] for o in memory["owners"])
                self.assertLessEqual(used, info["size_bytes"] - info["free_bytes"])

    def test_a_keyboard_is_charged(self):
        """On the chip it is one by Bluetooth, whatever it is on the machine that runs this."""
        charged = {}
        for keyboard in ("off", "feed"):
            with Hub(config=f"macropad: {{keyboard: {keyboard}}}") as hub:
                owners = {o["name"]: o for o in hub.get_json("/api/memory")["owners"]}
                charged[keyboard] = owners["radio"]["tiers"][0]["charged_bytes"]
        self.assertEqual(charged["feed"] - charged["off"], 40 * 1024)

    def test_metrics_are_prometheus_text(self):
        with Hub() as hub:
            text = hub.get("/metrics").decode()
            self.assertIn('nuthatch_memory_free_bytes{tier="internal"} ', text)
            self.assertIn('nuthatch_owner_bytes{owner="mqtt",tier="psram"} ', text)
            self.assertIn('nuthatch_task_stack_margin_bytes{task="loop"} ', text)
            typed = set()
            for line in text.splitlines():
                if line.startswith("# TYPE "):
                    typed.add(line.split()[2])
                elif not line.startswith("#"):
                    m = re.match(r'^([a-z_]+)(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? \d+$', line)
                    self.assertTrue(m, line)
                    self.assertIn(m.group(1), typed)

    def test_map_adds_up(self):
        with Hub() as hub:
            for tier in ("internal", "psram"):
                found = hub.get_json("/api/memory/map?tier=" + tier)
                end = 0
                for offset, size, owner in found["blocks"]:
                    self.assertGreaterEqual(offset, end)
                    self.assertLess(owner, len(found["owners"]))
                    end = offset + size
                self.assertLessEqual(end, found["size_bytes"])
            with self.assertRaises(urllib.error.HTTPError) as refused:
                hub.get("/api/memory/map?tier=tape")
            with refused.exception as e:
                self.assertEqual(e.code, 400)
                self.assertIn("tape", json.loads(e.read())["error"]["message"])

    def test_map_is_whole_while_memory_changes(self):
        with Hub() as hub:
            stop = threading.Event()

            def churn():
                while not stop.is_set():
                    socks = [hub.connect() for _ in range(20)]
                    for s in socks:
                        s.sendall(b"\x10\x0e\0\4MQTT\4\2\0\0\0\2" + b"%02x" % (s.fileno() & 255))
                        s.recv(4)
                        s.close()

            churner = threading.Thread(target=churn)
            churner.start()
            try:
                for i in range(40):
                    end, found = 0, hub.get_json("/api/memory/map?tier=" + ("psram", "internal")[i % 2])
                    for offset, size, owner in found["blocks"]:
                        self.assertGreaterEqual(offset, end)
                        self.assertLess(owner, len(found["owners"]))
                        end = offset + size
            finally:
                stop.set()
                churner.join()

    def test_snapshots_and_history(self):
        with Hub() as hub:
            for i in range(30):
                status, row = hub.send_json("POST", "/api/memory/snapshot", {"tag": f"t {i}"})
                self.assertEqual(status, 200)
                self.assertEqual(row["tag"], f"t_{i}")
            history = hub.get_json("/api/memory/history")
            tags = [r[-1] for r in history["rows"]]
            self.assertEqual(tags[:2], ["boot", "setup"])
            self.assertEqual(tags[-30:], [f"t_{i}" for i in range(30)])
            self.assertEqual(len(history["columns"]), len(history["rows"][0]))
            for bad in ({"tag": 5}, {"tag": "x" * 40}, []):
                self.assertEqual(hub.send_json("POST", "/api/memory/snapshot", bad)[0], 400)

    def test_log(self):
        with Hub() as hub:
            lines = hub.get_json("/api/log")["lines"]
            self.assertTrue(any("portal http://" in x["text"] for x in lines))
            seq = lines[-1]["seq"]
            self.assertEqual(hub.get_json(f"/api/log?after={seq}")["lines"], [])


if __name__ == "__main__":
    unittest.main()
