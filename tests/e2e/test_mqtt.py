"""The broker through real clients: mosquitto_pub and mosquitto_sub, paho, and sockets that misbehave."""
import queue
import random
import socket
import subprocess
import time
import unittest
import urllib.parse

import paho.mqtt.client as paho

from hub import PATIENCE_S, Hub


class Subscriber:
    """mosquitto_sub in the background; `lines` is what it printed so far."""

    def __init__(self, hub, *args, count=None):
        command = ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(hub.mqtt_port), "-v",
                   "-W", str(PATIENCE_S), *args]
        if count:
            command += ["-C", str(count)]
        before = hub.get_json("/api/mqtt")["counters"]["subscriptions"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        # One that has all it wants (retained messages) may be gone again before it is seen.
        hub.wait_until(lambda: self.process.poll() is not None or
                       hub.get_json("/api/mqtt")["counters"]["subscriptions"] > before,
                       "the subscription")

    def result(self):
        out, _ = self.process.communicate(timeout=PATIENCE_S + 10)
        return out.splitlines()


def publish(hub, *args, stdin=None):
    r = subprocess.run(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(hub.mqtt_port), *args],
                       input=stdin, capture_output=True, timeout=PATIENCE_S)
    return r.returncode


class Client:
    """paho with what it received in a queue."""

    def __init__(self, hub, client_id, clean=True, **will):
        self.messages = queue.Queue()
        self.done = queue.Queue()
        self.paho = paho.Client(client_id, clean_session=clean, protocol=paho.MQTTv311)
        self.paho.on_connect = lambda c, u, flags, rc: self.done.put((rc, flags["session present"]))
        self.paho.on_message = lambda c, u, m: self.messages.put(m)
        self.paho.on_subscribe = lambda c, u, mid, granted: self.done.put(granted)
        self.paho.on_disconnect = lambda c, u, rc: self.done.put(("gone", rc))
        self.paho.max_inflight_messages_set(1000)
        if will:
            self.paho.will_set(**will)
        self.paho.connect("127.0.0.1", hub.mqtt_port, 60)
        self.paho.loop_start()
        self.connected = self.done.get(timeout=PATIENCE_S)

    def subscribe(self, *filters):
        self.paho.subscribe(list(filters))
        return self.done.get(timeout=PATIENCE_S)

    def get(self):
        return self.messages.get(timeout=PATIENCE_S)

    def close(self):
        self.paho.disconnect()
        self.paho.loop_stop()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def raw_connect(hub, client_id, clean=True):
    s = hub.connect()
    body = b"\0\4MQTT\4" + bytes([2 if clean else 0]) + b"\0\0" + len(client_id).to_bytes(2, "big")
    s.sendall(bytes([0x10, len(body) + len(client_id)]) + body + client_id)
    assert s.recv(4)[:2] == b"\x20\2"
    return s


def raw_subscribe(s, topic, qos):
    s.sendall(bytes([0x82, 5 + len(topic)]) + b"\0\1" + len(topic).to_bytes(2, "big") + topic +
              bytes([qos]))
    assert s.recv(5)[:4] == b"\x90\3\0\1"


class Mosquitto(unittest.TestCase):
    def test_message_arrives_and_sys_is_hidden(self):
        with Hub("mqtt: {sys_interval_ms: 1000}\n") as hub:
            # Two rounds of $SYS go by before the message; one that saw them would have ended on them.
            everything = Subscriber(hub, "-t", "#", count=1)
            sys = Subscriber(hub, "-t", "$SYS/#", count=100)
            self.assertTrue(all(line.startswith("$SYS/broker/") for line in sys.result()))
            self.assertEqual(publish(hub, "-t", "porch/light", "-m", "on"), 0)
            self.assertEqual(everything.result(), ["porch/light on"])

    # [MQTT-7.0.0-2], [MQTT-7.1.1-1]
    def test_each_qos(self):
        with Hub() as hub:
            for qos in "012":
                sub = Subscriber(hub, "-t", "q/+", "-q", qos, count=20)
                text = "".join(f"{i}\n" for i in range(20)).encode()
                self.assertEqual(publish(hub, "-t", "q/x", "-q", qos, "-l", stdin=text), 0)
                self.assertEqual(sub.result(), [f"q/x {i}" for i in range(20)])

    def test_retained_set_replaced_and_cleared(self):
        with Hub() as hub:
            publish(hub, "-t", "r/1", "-r", "-m", "old")
            publish(hub, "-t", "r/1", "-r", "-m", "new")
            publish(hub, "-t", "r/2", "-r", "-q", "1", "-m", "two")
            self.assertEqual(sorted(Subscriber(hub, "-t", "r/#", count=2).result()),
                             ["r/1 new", "r/2 two"])
            found = hub.get_json("/api/mqtt/retained")
            self.assertEqual([(m["topic"], m["payload"]) for m in found["messages"]],
                             [("r/1", "new"), ("r/2", "two")])
            publish(hub, "-t", "r/1", "-r", "-n")
            self.assertEqual(hub.get_json("/api/mqtt/retained")["total"], 1)

    def test_large_payload_against_the_limit(self):
        with Hub("mqtt: {packet_max_bytes: 1100000, queue_max_bytes: 4000000}\n") as hub:
            sub = Subscriber(hub, "-t", "big", "-F", "%l", count=1)
            self.assertEqual(publish(hub, "-t", "big", "-s", stdin=b"x" * 1000000), 0)
            self.assertEqual(sub.result(), ["1000000"])
            watch = Subscriber(hub, "-t", "#", "-F", "%t", count=1)
            publish(hub, "-t", "big", "-s", "-q", "1", stdin=b"x" * 1200000)
            publish(hub, "-t", "small", "-m", "still here")
            self.assertEqual(watch.result(), ["small"])
            self.assertGreaterEqual(hub.get_json("/api/mqtt")["counters"]["protocol_errors"], 1)


class Paho(unittest.TestCase):
    def test_persistent_session_keeps_what_was_missed(self):
        with Hub() as hub:
            first = Client(hub, "keeper", clean=False)
            self.assertEqual(first.connected, (0, 0))
            first.subscribe(("keep/#", 1))
            first.close()
            with Client(hub, "sender") as sender:
                for i in range(50):
                    sender.paho.publish(f"keep/{i}", str(i), qos=i % 3).wait_for_publish()
            with Client(hub, "keeper", clean=False) as again:
                self.assertEqual(again.connected, (0, 1))
                got = [again.get() for _ in range(33)]
                self.assertEqual([int(m.payload) for m in got], [i for i in range(50) if i % 3])
            with Client(hub, "keeper", clean=True) as clean:
                self.assertEqual(clean.connected, (0, 0))

    def test_will_after_a_cut_but_not_after_a_goodbye(self):
        with Hub() as hub, Client(hub, "watcher") as watcher:
            watcher.subscribe(("will/#", 1))
            polite = Client(hub, "polite", topic="will/polite", payload="gone", qos=1)
            polite.close()
            rude = Client(hub, "rude", topic="will/rude", payload="gone", qos=1, retain=True)
            rude.paho.loop_stop()
            rude.paho.socket().close()
            m = watcher.get()
            self.assertEqual((m.topic, m.payload, m.qos), ("will/rude", b"gone", 1))
            self.assertTrue(watcher.messages.empty())
            self.assertEqual(hub.get_json("/api/mqtt/retained")["messages"][0]["topic"], "will/rude")

    def test_takeover(self):
        with Hub() as hub:
            first = Client(hub, "twin")
            with Client(hub, "twin"):
                self.assertEqual(first.done.get(timeout=PATIENCE_S)[0], "gone")
                first.paho.loop_stop()
                self.assertEqual(hub.get_json("/api/mqtt")["counters"]["takeovers"], 1)

    def test_lowest_qos_and_one_copy_for_overlapping_filters(self):
        with Hub() as hub, Client(hub, "a") as a, Client(hub, "b") as b:
            a.subscribe(("x/#", 0), ("x/+", 2))
            b.subscribe(("x/y", 1))
            with Client(hub, "c") as c:
                # One after the other: between different QoS no order is promised.
                for payload, qos, to_b in ((b"1", 2, 1), (b"2", 0, 0)):
                    c.paho.publish("x/y", payload, qos=qos).wait_for_publish()
                    for client, want in ((a, qos), (b, to_b)):
                        m = client.get()
                        self.assertEqual((m.payload, m.qos), (payload, want))
            time.sleep(0.2)
            self.assertTrue(a.messages.empty() and b.messages.empty())

    def test_many_through_qos_2_in_order(self):
        with Hub() as hub, Client(hub, "sub") as sub, Client(hub, "pub") as pub:
            sub.subscribe(("flow", 2))
            for i in range(2000):
                pub.paho.publish("flow", i.to_bytes(4, "big"), qos=2)
            got = [int.from_bytes(sub.get().payload, "big") for _ in range(2000)]
            self.assertEqual(got, list(range(2000)))
            time.sleep(0.2)
            self.assertTrue(sub.messages.empty())

    def test_bytes_are_kept_as_they_are(self):
        with Hub() as hub, Client(hub, "s") as s, Client(hub, "p") as p:
            s.subscribe(("bin/é/#", 1))
            for payload in (b"", b"\0", bytes(range(256)), b"x" * 60000):
                p.paho.publish("bin/é/1", payload, qos=1)
                self.assertEqual(s.get().payload, payload)


class Misbehaviour(unittest.TestCase):
    def test_stalled_reader_beside_fast_ones(self):
        with Hub() as hub, Client(hub, "fast") as fast, Client(hub, "pub") as pub:
            fast.subscribe(("load/#", 0))
            stalled = raw_connect(hub, b"stalled")
            stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            raw_subscribe(stalled, b"load/#", 0)
            payload = b"x" * 4000
            for i in range(3000):
                pub.paho.publish("load/a", payload, qos=0)
                if i % 100 == 99:
                    for _ in range(100):
                        fast.get()
            counters = hub.get_json("/api/mqtt")["counters"]
            self.assertGreater(counters["dropped_queue_full"], 0)
            self.assertLessEqual(counters["queued_bytes"], 300000)
            self.assertGreaterEqual(hub.get_json("/api/health")["heap_internal_min"], 102400)
            stalled.close()

    def test_garbage_closes_only_its_own_connection(self):
        rng = random.Random(7)
        rows = [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x10\xff\xff\xff\xff\x01", b"\x30\x05\0\3a/b",
                b"\x10\x0c\0\4MQTX\4\2\0\0\0\0", b"\x82\0", b"\0" * 100, b"\xff" * 1000]
        rows += [bytes(rng.randrange(256) for _ in range(rng.randrange(1, 300))) for _ in range(60)]
        with Hub("mqtt: {connect_timeout_ms: 500}\n") as hub, Client(hub, "good") as good:
            good.subscribe(("alive", 1))
            for row in rows:
                with hub.connect() as s:
                    s.sendall(row)
                    s.shutdown(socket.SHUT_WR)
                    while True:
                        try:
                            if not s.recv(4096):
                                break
                        except ConnectionResetError:
                            break
            for row in rows:
                s = raw_connect(hub, b"rude")
                try:
                    s.sendall(row)
                except OSError:
                    pass
                s.close()
            good.paho.publish("alive", "yes", qos=1)
            self.assertEqual(good.get().payload, b"yes")

    def test_silence_before_connect_is_ended(self):
        with Hub("mqtt: {connect_timeout_ms: 300}\n") as hub:
            with hub.connect() as s:
                self.assertEqual(s.recv(1), b"")

    def test_client_limit(self):
        with Hub("mqtt: {conn_max_count: 3}\n") as hub:
            held = [raw_connect(hub, b"c%d" % i) for i in range(3)]
            with hub.connect() as s:
                body = b"\0\4MQTT\4\2\0\0\0\1d"
                try:
                    s.sendall(bytes([0x10, len(body)]) + body)
                    self.assertIn(s.recv(4), (b"", b"\x20\2\0\3"))
                except ConnectionError:
                    pass
            held.pop().close()
            hub.wait_until(lambda: hub.get_json("/api/mqtt")["counters"]["clients"] == 2, "a place")
            raw_connect(hub, b"late").close()
            for s in held:
                s.close()

    def test_a_thousand_come_and_go(self):
        with Hub() as hub:
            before = hub.get_json("/api/memory")["owners"]
            for _ in range(5):
                socks = [raw_connect(hub, b"n%d" % i) for i in range(200)]
                for s in socks:
                    s.close()
                hub.wait_until(lambda: hub.get_json("/api/mqtt")["counters"]["clients"] == 0, "all gone")
            find = lambda owners: next(o for o in owners if o["name"] == "mqtt")["tiers"]
            after = hub.get_json("/api/memory")["owners"]
            for tier in (0, 1):
                grown = find(after)[tier]["current_bytes"] - find(before)[tier]["current_bytes"]
                self.assertLess(grown, 64 * 1024)  # pools may keep what they once needed


class Portal(unittest.TestCase):
    def test_clients_by_page(self):
        with Hub() as hub:
            socks = [raw_connect(hub, b"page-%02d" % i) for i in range(25)]
            seen = []
            for first in (0, 10, 20):
                page = hub.get_json(f"/api/mqtt/clients?first={first}&count=10")
                self.assertEqual(page["total"], 25)
                seen += [c["id"] for c in page["clients"]]
                self.assertTrue(all(c["peer"].startswith("127.0.0.1:") for c in page["clients"]))
            self.assertEqual(sorted(seen), [f"page-{i:02d}" for i in range(25)])
            for s in socks:
                s.close()

    def test_clients_found_and_in_order(self):
        ids = lambda hub, query: [c["id"] for c in hub.get_json("/api/mqtt/clients?" + query)["clients"]]
        with Hub() as hub:
            socks = [raw_connect(hub, b"order-%03d" % ((i * 7) % 90)) for i in range(90)]
            raw_subscribe(socks[3], b"a", 0)
            raw_subscribe(socks[3], b"b", 0)
            raw_subscribe(socks[4], b"a", 0)
            every = [f"order-{i:03}" for i in range(90)]
            pages = [ids(hub, f"first={first}&count=20") for first in range(0, 100, 20)]
            self.assertEqual(sum(pages, []), every)
            self.assertEqual(ids(hub, "order=down&count=3"), every[:-4:-1])
            self.assertEqual(ids(hub, "sort=subscriptions&order=down&count=2"), [every[21], every[28]])
            self.assertEqual(ids(hub, "find=R-08&count=4"), every[80:84])
            self.assertEqual(ids(hub, "state=away"), [])
            for s in socks:
                s.close()

    def test_a_client_is_sent_away(self):
        ask = lambda hub, what, client: hub.send_json("POST", "/api/mqtt/" + what, {"client": client})
        with Hub() as hub, Client(hub, "stays", clean=False) as c:
            c.subscribe(("t", 1))
            self.assertEqual(ask(hub, "disconnect", "stays"), (200, {"ok": True}))
            gone = c.done.get(timeout=PATIENCE_S)
            self.assertEqual(gone[0], "gone")
            self.assertEqual(c.done.get(timeout=PATIENCE_S), (0, 1))  # paho comes back to its session
            self.assertEqual(ask(hub, "forget", "stays"), (200, {"ok": True}))
            self.assertEqual(c.done.get(timeout=PATIENCE_S)[0], "gone")
            self.assertEqual(c.done.get(timeout=PATIENCE_S), (0, 0))  # and now to none
            c.close()
            hub.wait_until(lambda: hub.get_json("/api/mqtt/clients?state=away")["total"] == 1, "it is away")
            away = hub.get_json("/api/mqtt/clients")["clients"][0]
            self.assertEqual((away["id"], away["connected"], away["session_expiry_s"]), ("stays", False, None))
            self.assertLess(away["away_s"], PATIENCE_S)
            self.assertEqual(ask(hub, "disconnect", "stays")[0], 404)
            self.assertEqual(ask(hub, "forget", "stays")[0], 200)
            self.assertEqual(ask(hub, "forget", "stays")[0], 404)
            self.assertEqual(hub.get_json("/api/mqtt/clients")["total"], 0)

    def test_retained_as_a_tree(self):
        topics = ["a", "a/b/c", "a-b", "home/x", "home/kitchen/lamp", "\u00fc/1", "/"]
        with Hub() as hub, Client(hub, "writer") as c:
            for t in topics:
                c.paho.publish(t, "v:" + t, retain=True)
            hub.wait_until(lambda: hub.get_json("/api/mqtt")["counters"]["retained"] == len(topics), "all")

            def levels(parent, count):
                found, query = [], ""
                while True:
                    place = "" if parent is None else "&parent=" + urllib.parse.quote(parent)
                    page = hub.get_json(f"/api/mqtt/topics?count={count}{place}{query}")
                    found += page["topics"]
                    if page["next"] is None:
                        return found
                    query = "&from=" + urllib.parse.quote(page["next"])

            def walk(parent, count):
                for t in levels(parent, count):
                    path = t["level"] if parent is None else parent + "/" + t["level"]
                    if "bytes" in t:
                        self.assertEqual(t["payload"], "v:" + path)
                        yield path
                    if t["has_children"]:
                        yield from walk(path, count)

            for count in (1, 2, 200):
                self.assertEqual(sorted(walk(None, count)), sorted(topics))
            self.assertEqual(levels("nothing", 9), [])
            for bad in ("topics?parent=" + "x" * 600, "topics?from=%zz", "topics?count=201"):
                self.assertEqual(hub.send_json("GET", "/api/mqtt/" + bad, None)[0], 400)

    def test_subscriptions_of_a_client(self):
        with Hub() as hub, Client(hub, "reader") as c:
            filters = [f"garden/{i:03}/+" for i in range(30)]
            c.subscribe(*((f, 1) for f in filters))
            ask = lambda rest: hub.send_json("GET", "/api/mqtt/subscriptions?client=" + rest, None)
            self.assertEqual(ask("reader")[1], {
                "subscriptions": [{"filter": f, "qos": 1, "no_local": False, "retain_as_published": False,
                                   "retain_handling": 0} for f in filters], "next": None})
            page = ask("reader&first=3&count=5")[1]
            self.assertEqual([s["filter"] for s in page["subscriptions"]], filters[3:8])
            self.assertEqual(page["next"], 8)
            self.assertEqual(ask("nobody")[0], 404)
            for bad in ("", "x" * 300):
                self.assertEqual(ask(bad)[0], 400)

    def test_retained_by_page(self):
        with Hub() as hub, Client(hub, "p") as p:
            for i in range(60):
                p.paho.publish(f"room/{i:03d}", "\u00e9" * 300, qos=1, retain=True).wait_for_publish()
            p.paho.publish("room/bin", b"\xff\0", qos=1, retain=True).wait_for_publish()
            topics, after = [], ""
            while after is not None:
                page = hub.get_json(f"/api/mqtt/retained?count=7&after={after}")
                topics += [m["topic"] for m in page["messages"]]
                after = page["next"]
                for m in page["messages"]:
                    self.assertEqual(m["payload"], "\u00e9" * 64 if m["topic"] != "room/bin" else None)
            self.assertEqual(topics, [f"room/{i:03d}" for i in range(60)] + ["room/bin"])

    def test_pages_of_long_topics(self):
        with Hub("mqtt: {topic_max_bytes: 1600}\nhttp: {head_max_bytes: 16384}\n") as hub, Client(hub, "p") as p:
            sent = sorted(c * 750 + str(i) for i in range(3) for c in ('""', "\u00e9", "xx"))
            for topic in sent:
                p.paho.publish(topic, "x", qos=1, retain=True).wait_for_publish()
            got, after = [], ""
            while after is not None:
                page = hub.get_json("/api/mqtt/retained?count=1&after=" + urllib.parse.quote(after))
                after = page["next"]
                got += [after] * (after is not None)
                for m in page["messages"]:
                    self.assertLessEqual(len(m["topic"].encode()), 128)
                    self.assertNotIn("\ufffd", m["topic"])
            self.assertEqual(got, sent)

    def test_pages_refuse_nonsense(self):
        with Hub() as hub:
            for query in ("clients?first=x", "clients?count=-1", "clients?count=201", "clients?first=",
                          "clients?first=99999999999999999999", "retained?count=1e3",
                          "retained?after=" + "x" * 600, "retained?after=%zz"):
                with self.subTest(query=query):
                    status, error = hub.send_json("GET", "/api/mqtt/" + query, None)
                    self.assertEqual((status, error["error"]["code"]), (400, "bad_value"))
            for query in ("clients?first=2000000000", "clients?count=0", "retained?after=%ff",
                          "retained?count=0", "retained?after="):
                with self.subTest(query=query):
                    self.assertEqual(hub.send_json("GET", "/api/mqtt/" + query, None)[0], 200)

    def test_publish_form(self):
        with Hub() as hub, Client(hub, "s") as s:
            s.subscribe(("web/#", 1))
            ok = hub.send_json("POST", "/api/mqtt/publish", {"topic": "web/a", "payload": "hi", "qos": 1})
            self.assertEqual(ok, (200, {"ok": True}))
            self.assertEqual(s.get().payload, b"hi")
            for bad in ({"topic": "a/#"}, {"topic": ""}, {"topic": "a", "qos": 3}, {"payload": "x"},
                        {"topic": "x" * 300}, {"topic": "a", "retain": 1}):
                status, error = hub.send_json("POST", "/api/mqtt/publish", bad)
                self.assertEqual(status, 400, bad)
                self.assertIn("Nothing was published", error["error"]["message"])

    def test_publish_to_a_full_store_says_so(self):
        with Hub("mqtt: {retained_max_count: 1}\n") as hub:
            put = lambda topic: hub.send_json("POST", "/api/mqtt/publish",
                                              {"topic": topic, "payload": "x", "retain": True})
            self.assertEqual([put("a")[0], put("b")[0], put("a")[0]], [200, 507, 200])


if __name__ == "__main__":
    unittest.main()
