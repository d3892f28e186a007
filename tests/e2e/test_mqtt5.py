"""MQTT 5.0 through real clients: mosquitto_pub, mosquitto_sub and paho, beside clients of 3.1.1."""
import queue
import socket
import subprocess
import unittest

import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from hub import PATIENCE_S, Hub


class Subscriber:
    """mosquitto_sub of 5.0 in the background; `result()` gives its lines."""

    def __init__(self, hub, *args, count=None):
        command = ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(hub.mqtt_port), "-V", "mqttv5",
                   "-W", str(PATIENCE_S), *args]
        if count:
            command += ["-C", str(count)]
        before = hub.get_json("/api/mqtt")["counters"]["subscriptions"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        hub.wait_until(lambda: self.process.poll() is not None or
                       hub.get_json("/api/mqtt")["counters"]["subscriptions"] > before,
                       "the subscription")

    def result(self):
        out, _ = self.process.communicate(timeout=PATIENCE_S + 10)
        return out.splitlines()


def publish(hub, *args, stdin=None):
    r = subprocess.run(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(hub.mqtt_port), "-V", "mqttv5",
                        *args], input=stdin, capture_output=True, timeout=PATIENCE_S)
    return r.returncode, r.stderr.decode()


def properties(packet, **values):
    p = Properties(packet)
    for name, value in values.items():
        setattr(p, name, value)
    return p


class Client:
    """paho of 5.0 with what it received in a queue; `connected` is (reason, flags, properties)."""

    def __init__(self, hub, client_id, clean=True, will=None, will_properties=None, **connect):
        self.messages = queue.Queue()
        self.done = queue.Queue()
        self.paho = paho.Client(client_id, protocol=paho.MQTTv5)
        self.paho.on_connect = lambda c, u, flags, rc, props: self.done.put((rc.value, flags, props))
        self.paho.on_message = lambda c, u, m: self.messages.put(m)
        self.paho.on_subscribe = lambda c, u, mid, codes, props: self.done.put([r.value for r in codes])
        self.paho.on_unsubscribe = lambda c, u, mid, props, codes: self.done.put(codes)
        self.paho.on_disconnect = lambda c, u, rc, props=None: self.done.put(("gone", rc))
        if will:
            self.paho.will_set(*will, properties=will_properties)
        self.paho.connect("127.0.0.1", hub.mqtt_port, 60, clean_start=clean,
                          properties=properties(PacketTypes.CONNECT, **connect))
        self.paho.loop_start()
        self.connected = self.done.get(timeout=PATIENCE_S)

    def subscribe(self, topic, options, **props):
        p = properties(PacketTypes.SUBSCRIBE, **props) if props else None
        self.paho.subscribe(topic, options=options, properties=p)
        return self.done.get(timeout=PATIENCE_S)

    def publish(self, topic, payload, qos=0, retain=False, **props):
        p = properties(PacketTypes.PUBLISH, **props) if props else None
        info = self.paho.publish(topic, payload, qos, retain, properties=p)
        info.wait_for_publish()

    def get(self):
        return self.messages.get(timeout=PATIENCE_S)

    def close(self):
        self.paho.disconnect()
        self.paho.loop_stop()

    def cut(self):
        """The line is cut: no DISCONNECT, so the will is due."""
        self.paho.loop_stop()
        self.paho._sock.shutdown(socket.SHUT_RDWR)
        self.paho._sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Mosquitto(unittest.TestCase):
    # [MQTT5-4.2.0-1]
    def test_each_qos_and_properties(self):
        with Hub() as hub:
            for qos in "012":
                with self.subTest(qos=qos):
                    sub = Subscriber(hub, "-t", "q/+", "-q", qos, "-F", "%t %p %C %F %R %D %P", count=5)
                    text = "".join(f"{i}\n" for i in range(5)).encode()
                    props = ["-D", "publish", "content-type", "text/plain",
                             "-D", "publish", "payload-format-indicator", "1",
                             "-D", "publish", "response-topic", "back/here",
                             "-D", "publish", "correlation-data", "c0",
                             "-D", "publish", "user-property", "a", "1",
                             "-D", "publish", "user-property", "b", "2"]
                    self.assertEqual(publish(hub, "-t", "q/x", "-q", qos, "-l", *props, stdin=text)[0], 0)
                    self.assertEqual(sub.result(),
                                     [f"q/x {i} text/plain 1 back/here c0 a:1 b:2" for i in range(5)])

    def test_old_and_new_hear_each_other(self):
        with Hub() as hub:
            new = Subscriber(hub, "-t", "x/#", "-q", "1", "-v", count=2)
            old = subprocess.Popen(["mosquitto_sub", "-h", "127.0.0.1", "-p", str(hub.mqtt_port), "-V",
                                    "mqttv311", "-t", "x/#", "-q", "1", "-v", "-C", "2", "-W",
                                    str(PATIENCE_S)], stdout=subprocess.PIPE, text=True)
            hub.wait_until(lambda: hub.get_json("/api/mqtt")["counters"]["subscriptions"] == 2, "both")
            self.assertEqual(publish(hub, "-t", "x/new", "-m", "1", "-D", "publish", "content-type", "t")[0], 0)
            subprocess.run(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(hub.mqtt_port), "-V", "mqttv311",
                            "-q", "1", "-t", "x/old", "-m", "2"], check=True, timeout=PATIENCE_S)
            self.assertEqual(new.result(), ["x/new 1", "x/old 2"])
            self.assertEqual(old.communicate(timeout=PATIENCE_S + 10)[0].splitlines(), ["x/new 1", "x/old 2"])
            kinds = {c["version"] for c in hub.get_json("/api/mqtt/clients")["clients"]}
            self.assertLessEqual(kinds, {"5.0", "3.1.1"})

    def test_retained_with_expiry_and_identifier(self):
        with Hub() as hub:
            publish(hub, "-t", "r/1", "-r", "-m", "kept", "-D", "publish", "message-expiry-interval", "600")
            sub = Subscriber(hub, "-t", "r/#", "-D", "subscribe", "subscription-identifier", "42",
                             "-F", "%t %p %r %S %E", count=1)
            topic, payload, retain, label, left = sub.result()[0].split()
            self.assertEqual((topic, payload, retain, label), ("r/1", "kept", "1", "42"))
            self.assertTrue(1 <= int(left) <= 600)

    def test_shared_subscriptions_deal_out(self):
        with Hub() as hub:
            # At QoS 1 one that leaves behind its tenth, not acknowledged yet, has it dealt out again.
            subs = [Subscriber(hub, "-t", "$share/g/s/#", "-q", "0", "-F", "%p", count=10) for _ in range(3)]
            text = "".join(f"{i}\n" for i in range(30)).encode()
            self.assertEqual(publish(hub, "-t", "s/x", "-q", "1", "-l", stdin=text)[0], 0)
            got = [sub.result() for sub in subs]
            self.assertEqual(sorted(int(p) for lines in got for p in lines), list(range(30)))


class Paho(unittest.TestCase):
    def test_connack_says_what_there_is(self):
        with Hub("mqtt: {session_expiry_max_s: 60, topic_alias_max: 7}\n") as hub, \
                Client(hub, "", SessionExpiryInterval=3600) as c:
            reason, flags, props = c.connected
            self.assertEqual((reason, flags["session present"]), (0, 0))
            self.assertTrue(props.AssignedClientIdentifier.startswith("auto-"))
            self.assertEqual((props.SessionExpiryInterval, props.TopicAliasMaximum), (60, 7))
            self.assertEqual(props.MaximumPacketSize, 65536)

    def test_session_is_kept_for_its_time(self):
        with Hub() as hub, Client(hub, "pub") as pub:
            sub = Client(hub, "sub", SessionExpiryInterval=600)
            self.assertEqual(sub.subscribe("t/#", SubscribeOptions(qos=1)), [1])
            sub.close()
            pub.publish("t/1", "missed", 1, UserProperty=("k", "v"))
            with Client(hub, "sub", clean=False, SessionExpiryInterval=600) as sub:
                self.assertEqual(sub.connected[1]["session present"], 1)
                m = sub.get()
                self.assertEqual((m.payload, m.properties.UserProperty), (b"missed", [("k", "v")]))
            with Client(hub, "sub", clean=True) as sub:
                self.assertEqual(sub.connected[1]["session present"], 0)

    def test_options_of_a_subscription(self):
        with Hub() as hub, Client(hub, "a") as a, Client(hub, "b") as b:
            a.publish("t", "kept", 1, True)
            self.assertEqual(a.subscribe("t", SubscribeOptions(1, noLocal=True, retainAsPublished=True,
                                                               retainHandling=2), SubscriptionIdentifier=5), [1])
            a.publish("t", "own", 1)
            b.publish("t", "other", 1, True)
            m = a.get()
            self.assertEqual((m.payload, m.retain, m.properties.SubscriptionIdentifier), (b"other", True, [5]))
            self.assertTrue(a.messages.empty())

    def test_will_after_its_delay(self):
        with Hub() as hub, Client(hub, "s") as s:
            s.subscribe("will", SubscribeOptions(1))
            dying = Client(hub, "d", will=("will", "bye", 1), SessionExpiryInterval=600,
                           will_properties=properties(PacketTypes.WILLMESSAGE, WillDelayInterval=1,
                                                      ContentType="text"))
            dying.cut()
            m = s.get()
            self.assertEqual((m.payload, m.properties.ContentType), (b"bye", "text"))

    def test_taken_over_and_told(self):
        with Hub() as hub:
            first = Client(hub, "same")
            first.paho.reconnect_delay_set(1000, 1000)
            second = Client(hub, "same")
            gone, reason = first.done.get(timeout=PATIENCE_S)
            self.assertEqual((gone, reason.value), ("gone", 0x8E))
            first.paho.loop_stop()
            second.close()

    def test_told_when_the_hub_stops(self):
        with Hub() as hub:
            c = Client(hub, "c")
            c.paho.reconnect_delay_set(1000, 1000)
            hub.stop()
            gone, reason = c.done.get(timeout=PATIENCE_S)
            self.assertEqual((gone, reason.value), ("gone", 0x8B))
            c.paho.loop_stop()

    def test_limits_of_the_client(self):
        with Hub() as hub, Client(hub, "pub") as pub, \
                Client(hub, "small", MaximumPacketSize=100, TopicAliasMaximum=3, ReceiveMaximum=1) as small:
            small.subscribe("long/topic/name", SubscribeOptions(1))
            pub.publish("long/topic/name", "x" * 200, 1)
            for i in range(5):
                pub.publish("long/topic/name", str(i), 1)
            self.assertEqual([small.get().payload for _ in range(5)], [b"0", b"1", b"2", b"3", b"4"])


class Raw(unittest.TestCase):
    def test_other_versions_are_refused(self):
        with Hub() as hub:
            for level, expected in ((3, b"\x20\2\0\1"), (6, b"\x20")):
                s = hub.connect()
                s.sendall(b"\x10\x0f\0\4MQTT" + bytes([level]) + b"\2\0\0\0\3abc")
                answer = s.recv(64)
                self.assertEqual(answer[:len(expected)], expected)
                if level == 6:
                    self.assertEqual(answer[3], 0x84)
                self.assertEqual(s.recv(64), b"")
                s.close()


class Portal(unittest.TestCase):
    def test_publish_with_properties(self):
        with Hub() as hub, Client(hub, "reader") as c:
            c.subscribe("p", SubscribeOptions(qos=1, noLocal=True, retainHandling=2), SubscriptionIdentifier=7)
            form = {"topic": "p", "payload": "x", "qos": 1, "content_type": "text/plain", "response_topic": "r",
                    "expiry_s": 600, "user_properties": [{"name": "a", "value": "1"}, {"name": "a", "value": "2"}]}
            self.assertEqual(hub.send_json("POST", "/api/mqtt/publish", form), (200, {"ok": True}))
            p = c.get().properties
            self.assertEqual((p.ContentType, p.ResponseTopic, p.UserProperty), ("text/plain", "r", [("a", "1"), ("a", "2")]))
            self.assertIn(p.MessageExpiryInterval, range(590, 601))
            self.assertEqual(hub.get_json("/api/mqtt/subscriptions?client=reader")["subscriptions"],
                             [{"filter": "p", "qos": 1, "no_local": True, "retain_as_published": False,
                               "retain_handling": 2, "identifier": 7}])

    def test_who_is_sent_away_is_told(self):
        with Hub() as hub, Client(hub, "five") as c:
            reasons = queue.Queue()
            c.paho.on_disconnect = lambda client, u, rc, props=None: reasons.put(int(getattr(rc, "value", rc)))
            hub.send_json("POST", "/api/mqtt/disconnect", {"client": "five"})
            self.assertEqual(reasons.get(timeout=PATIENCE_S), 0x98)


if __name__ == "__main__":
    unittest.main()
