"""The demo home's devices: they report, they come and go, and they end with who started them."""
import socket
import subprocess
import tempfile
import unittest

from hub import NUTHATCH, PATIENCE_S, Hub, run


class Sim(unittest.TestCase):
    def test_devices_are_seen_and_end_with_their_parent(self):
        with Hub() as hub:
            parent = subprocess.Popen(
                ["sh", "-c", f'"{NUTHATCH}" sim home --with-parent --mqtt 127.0.0.1:{hub.mqtt_port} '
                             "& exec cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            ids = lambda: {c["id"] for c in hub.get_json("/api/mqtt/clients")["clients"] if c["connected"]}
            hub.wait_until(lambda: {"tank", "meter", "phone"} <= ids(), "the devices")
            told = lambda: {m["topic"]: m["payload"]
                            for m in hub.get_json("/api/mqtt/retained")["messages"]}
            hub.wait_until(lambda: "garden/tank/level" in told(), "a level")
            self.assertEqual(told()["devices/tank/status"], "online")
            _, errors = parent.communicate()  # cat ends; so do the devices, who hold its output
            self.assertEqual(errors, b"")
            hub.wait_until(lambda: not ids(), "nobody")
            self.assertEqual(told()["devices/tank/status"], "offline")

    def test_devices_sign_in(self):
        _, access, _ = run("passwd", stdin="correct horse\n")
        with Hub(access) as hub, tempfile.NamedTemporaryFile("w") as secret:
            secret.write("correct horse\nnot this line\n")
            secret.flush()
            sim = subprocess.Popen([NUTHATCH, "sim", "home", "--mqtt", f"127.0.0.1:{hub.mqtt_port}",
                                    "--user", "admin", "--password-file", secret.name])
            try:
                hub.wait_line(r"tank connected")
                hub.wait_line(r"meter connected")
            finally:
                sim.terminate()
                self.assertEqual(sim.wait(PATIENCE_S), 0)

    def start(self, port, *args):
        sim = subprocess.Popen([NUTHATCH, "sim", "home", "--mqtt", f"127.0.0.1:{port}", *args],
                               stderr=subprocess.PIPE, text=True)
        self.addCleanup(sim.stderr.close)
        self.addCleanup(sim.wait, PATIENCE_S)
        self.addCleanup(sim.kill)
        return sim

    def test_an_absent_broker_is_told_and_that_it_came(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            sim = self.start(s.getsockname()[1])
            self.assertIn("no broker: Connection refused; trying on", sim.stderr.readline())
            s.listen(20)
            peer, _ = s.accept()
            with peer:
                peer.sendall(b"\x20\x02\x00\x00")
                self.assertEqual(sim.stderr.readline(), "nuthatch sim: connected\n")

    def test_a_refusal_is_told(self):
        _, access, _ = run("passwd", stdin="correct horse\n")
        with Hub(access) as hub, tempfile.NamedTemporaryFile("w") as secret:
            secret.write("another horse\n")
            secret.flush()
            for args, reason in (([], "not allowed"),
                                 (["--user", "admin", "--password-file", secret.name], "user or password")):
                with self.subTest(reason=reason):
                    sim = self.start(hub.mqtt_port, *args)
                    line = sim.stderr.readline()
                    self.assertIn("refused by the broker: ", line)
                    self.assertTrue("not allowed" in line or reason in line, line)

    def test_faults_of_the_options(self):
        for args, told in ((["--password-file", "/no/such"], "/no/such"),
                           (["--user", "x" * 64], "63 bytes"), (["--seconds", "0"], "--seconds 0")):
            code, _, err = run("sim", "home", *args)
            self.assertEqual(code, 2)
            self.assertIn(told, err)


if __name__ == "__main__":
    unittest.main()
