"""The portal over real sockets: limits, errors, streaming, sign-in, HTTP/2 and the WebSocket.

Runs build/<preset>/tests/support/http_testd, whose routes are made for it: its folder is taken from
NH_BUILD_DIR or found. No test sleeps; where time matters, the server's own limits are set short.
"""
import base64
import json
import os
import socket
import struct
import subprocess
import tempfile
import time
import unittest

from http_client import PATIENCE_S, Client, Server, Socket, testd


class Requests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.server.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__(None, None, None)

    def test_json_reply(self):
        reply = self.server.ask("GET", "/api/hello?name=J%c3%b6rg+x")
        self.assertEqual(reply.status, 200)
        self.assertEqual(reply.headers["content-type"], "application/json")
        self.assertEqual(json.loads(reply.body)["hello"], "J\u00f6rg x")

    def test_security_headers_on_every_reply(self):
        for method, path in (("GET", "/api/hello"), ("GET", "/"), ("GET", "/none"),
                             ("POST", "/api/hello"), ("GET", "/api/store/files"), ("HEAD", "/")):
            with self.subTest(path=path):
                headers = self.server.ask(method, path).headers
                self.assertIn("script-src 'self'", headers["content-security-policy"])
                self.assertIn("style-src 'self'", headers["content-security-policy"])
                self.assertIn("frame-ancestors 'none'", headers["content-security-policy"])
                self.assertEqual(headers["x-content-type-options"], "nosniff")
                self.assertEqual(headers["referrer-policy"], "no-referrer")
                self.assertIn(headers["cache-control"], ("no-store", "no-cache"))

    def test_errors_have_one_form(self):
        rows = [
            ("GET", "/none", None, 404, "not_found"),
            ("GET", "/api/none", None, 404, "not_found"),
            ("GET", "/api/hello/", None, 404, "not_found"),
            ("DELETE", "/api/echo", None, 405, "wrong_method"),
            ("POST", "/app.js", b"x", 405, "wrong_method"),
            ("BREW", "/api/hello", None, 501, "not_supported"),
            ("get", "/api/hello", None, 501, "not_supported"),
            ("POST", "/api/echo", b"x" * 4097, 413, "too_large"),
            ("GET", "/api/hello", b"x", 413, "too_large"),
            ("GET", "/api/fail?err=-10", None, 404, "not_found"),
            ("GET", "/api/fail?err=-1", None, 503, "busy"),
            ("GET", "/api/fail?err=-15", None, 500, "internal"),
            ("GET", "/api/fail", None, 400, "bad_request"),
            ("GET", "/api/store/files?path=../etc", None, 403, "denied"),
            ("GET", "/api/store/files?path=none", None, 404, "not_found"),
        ]
        for method, path, body, status, code in rows:
            with self.subTest(method=method, path=path):
                reply = self.server.ask(method, path, body)
                self.assertEqual(reply.status, status, reply)
                error = reply.error()
                self.assertEqual(error["code"], code)
                self.assertTrue(error["message"])
                self.assertIsInstance(error["details"], list)

    def test_405_says_what_is_allowed(self):
        self.assertEqual(self.server.ask("DELETE", "/api/echo").headers["allow"], "POST, PUT")
        self.assertEqual(self.server.ask("POST", "/api/hello").headers["allow"], "GET, HEAD")

    def test_413_names_the_limit(self):
        detail = self.server.ask("POST", "/api/echo", b"x" * 9000).error()["details"][0]
        self.assertEqual(detail, {"field": "body", "value": 9000, "limit": 4096})

    def test_bodies(self):
        for n in (0, 1, 4095, 4096):
            with self.subTest(n=n):
                reply = self.server.ask("POST", "/api/echo", b"y" * n)
                self.assertEqual((reply.status, reply.body), (200, b"y" * n))
        self.assertEqual(self.server.ask("PUT", "/api/sink", b"z" * (1 << 20)).body, b"1048576\n")

    def test_body_handler_may_refuse_early(self):
        with self.server.connect() as c:
            c.send(c.head("PUT", "/api/sink", ["Content-Length: 1000000"]))
            c.send(b"!" * 100)
            reply = c.reply()
            self.assertEqual(reply.status, 400)
            self.assertEqual(reply.headers["connection"], "close")
            self.assertTrue(c.is_closed())

    def test_100_continue(self):
        with self.server.connect() as c:
            c.send(c.head("POST", "/api/echo", ["Content-Length: 3", "Expect: 100-continue"]))
            self.assertEqual(c.reply().status, 100)
            c.send(b"abc")
            self.assertEqual(c.reply().body, b"abc")
            c.send(c.head("POST", "/api/echo", ["Content-Length: 9000", "Expect: 100-continue"]))
            self.assertEqual(c.reply().status, 413)

    def test_head_has_no_body(self):
        with self.server.connect() as c:
            for path in ("/api/hello", "/", "/api/store/files", "/none"):
                c.send(c.head("HEAD", path))
                c.reply(is_head=True)
            self.assertEqual(c.ask("GET", "/api/hello").status, 200)

    def test_keep_alive_and_close(self):
        with self.server.connect() as c:
            for _ in range(5):
                self.assertEqual(c.ask("GET", "/api/hello").status, 200)
            self.assertEqual(c.ask("GET", "/api/hello", headers=["Connection: close"]).headers[
                "connection"], "close")
            self.assertTrue(c.is_closed())

    def test_http_1_0(self):
        with self.server.connect() as c:
            reply = c.ask("GET", "/api/big?bytes=5000", version="1.0")
            self.assertNotIn("transfer-encoding", reply.headers)
            self.assertEqual(len(reply.body), 5000)
        with self.server.connect() as c:
            self.assertEqual(c.ask("GET", "/api/hello", headers=["Connection: keep-alive"],
                                   version="1.0").status, 200)
            self.assertEqual(c.ask("GET", "/api/hello", version="1.0").status, 200)
            self.assertTrue(c.is_closed())

    def test_pipelining(self):
        with self.server.connect() as c:
            one = c.head("GET", "/api/big?bytes=3000")
            two = c.head("POST", "/api/echo", ["Content-Length: 5"]) + "12345"
            three = c.head("GET", "/api/pause")
            c.send(one + two + three + one + two)
            self.assertEqual(len(c.reply().body), 3000)
            self.assertEqual(c.reply().body, b"12345")
            self.assertEqual(c.reply().body, b"before after")
            self.assertEqual(len(c.reply().body), 3000)
            self.assertEqual(c.reply().body, b"12345")

    def test_many_pipelined(self):
        with self.server.connect() as c:
            c.send(c.head("GET", "/api/hello") * 200)
            for _ in range(200):
                self.assertEqual(c.reply().status, 200)

    def test_byte_by_byte(self):
        with self.server.connect() as c:
            c.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for b in (c.head("POST", "/api/echo", ["Content-Length: 4"]) + "abcd").encode():
                c.send(bytes([b]))
            self.assertEqual(c.reply().body, b"abcd")

    def test_garbage_is_400(self):
        rows = [
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n\n",
            b"GET /\r\n\r\n",
            b"GET / HTTP/1.1\n\n",
            b"GET / HTTP/1.1\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\n folded: x\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n",
            b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET * HTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET nothing HTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
            b"G@T / HTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET /%4 HTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET /a%00b HTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET /a/../b HTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET /a/%2e%2e/b HTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET /.. HTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET /#x HTTP/1.1\r\nHost: a\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n",
        ]
        for data in rows:
            with self.subTest(data=data), self.server.connect() as c:
                c.send(data)
                reply = c.reply()
                self.assertEqual(reply.status, 400, reply)
                self.assertEqual(reply.error()["code"], "bad_request")
                self.assertTrue(c.is_closed())

    def test_other_refusals_of_a_head(self):
        rows = [
            (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
            (b"GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n", 417),
            (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 60 + b"\r\n", 431),
            (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 5000 + b"\r\n\r\n", 431),
            (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 200000 + b"\r\n\r\n", 431),
            (b"GET /" + b"y" * 5000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 431),
        ]
        for data, status in rows:
            with self.subTest(data=data[:60]), self.server.connect() as c:
                c.send(data)
                reply = c.reply()
                self.assertEqual(reply.status, status, reply)
                self.assertTrue(reply.error()["message"])
                self.assertTrue(c.is_closed())

    def test_absolute_form(self):
        with self.server.connect() as c:
            host = "127.0.0.1:%d" % self.server.port
            self.assertEqual(c.ask("GET", "http://%s/api/hello" % host).status, 200)

    def test_chunked_body_is_411(self):
        with self.server.connect() as c:
            c.send(c.head("POST", "/api/echo", ["Transfer-Encoding: chunked"]) + "1\r\nx\r\n0\r\n\r\n")
            self.assertEqual(c.reply().status, 411)
            self.assertTrue(c.is_closed())

    def test_body_longer_than_declared_is_another_request(self):
        with self.server.connect() as c:
            c.send(c.head("POST", "/api/echo", ["Content-Length: 2"]) + "abcdef\r\n\r\n")
            self.assertEqual(c.reply().body, b"ab")
            self.assertEqual(c.reply().status, 400)
            self.assertTrue(c.is_closed())

    def test_star_routes(self):
        reply = json.loads(self.server.ask("GET", "/api/star/a%2Fb/c").body)
        self.assertEqual(reply["rest"], "a/b/c")
        self.assertEqual(self.server.ask("GET", "/api/star/").status, 404)

    def test_streams(self):
        for n in (0, 1, 2047, 2048, 2049, 500000):
            with self.subTest(n=n):
                reply = self.server.ask("GET", "/api/big?bytes=%d" % n)
                self.assertTrue(reply.whole)
                self.assertEqual(len(reply.body), n)
        want = bytes(ord("a") + i % 26 for i in range(5000))
        self.assertEqual(self.server.ask("GET", "/api/big?bytes=5000").body, want)

    def test_cut_reply_is_not_whole(self):
        reply = self.server.ask("GET", "/api/cut?bytes=5000")
        self.assertEqual(reply.status, 200)
        self.assertFalse(reply.whole)

    def test_listing_10000_files_needs_no_memory(self):
        self.server.get_json("/api/mem?reset=1")
        before = self.server.get_json("/api/mem")
        listing = self.server.get_json("/api/store/files?path=logs")
        after = self.server.get_json("/api/mem")
        self.assertEqual(listing["path"], "logs")
        self.assertEqual(len(listing["entries"]), 10000)
        self.assertEqual(listing["entries"][9999], {
            "name": "measurement-09999.log", "size_bytes": 9999,
            "mtime_unix_ms": 1700000000000, "dir": False})
        for owner in ("portal", "http"):
            internal = after[owner][1] - before[owner][0]
            self.assertLess(internal, 4096, "%s: internal peak of the request" % owner)
            psram = after[owner][3] - before[owner][2]
            self.assertLess(psram, 16384, "%s: PSRAM peak of the request" % owner)
        routes = {r["path"]: r for r in self.server.get_json("/api/routes")["routes"]}
        self.assertLess(routes["/api/store/files"]["peak_internal_bytes"], 4096)

    def test_routes_count(self):
        def find():
            rows = self.server.get_json("/api/routes")["routes"]
            return [r for r in rows if (r["method"], r["path"]) == ("PUT", "/api/echo")][0]
        before = find()
        self.server.ask("PUT", "/api/echo", b"x")
        self.server.ask("PUT", "/api/echo", b"x" * 5000)
        after = find()
        self.assertEqual(after["calls"] - before["calls"], 2)
        self.assertEqual(after["errors"] - before["errors"], 1)
        self.assertEqual(after["owner"], "test")
        self.assertGreater(after["peak_internal_bytes"] + after["peak_psram_bytes"], 0)

    def test_assets(self):
        page = self.server.ask("GET", "/", headers=["Accept-Encoding: gzip, br"])
        self.assertEqual(page.status, 200)
        self.assertEqual(page.headers["content-encoding"], "gzip")
        self.assertEqual(page.headers["content-type"], "text/html; charset=utf-8")
        etag = page.headers["etag"]
        for path in ("/", "/index.html"):
            again = self.server.ask("GET", path, headers=["If-None-Match: W/\"x\", " + etag])
            self.assertEqual(again.status, 304)
            self.assertEqual(again.headers["etag"], etag)
        self.assertEqual(self.server.ask("GET", "/", headers=["If-None-Match: \"x\""]).status, 200)
        self.assertEqual(self.server.ask("GET", "/app.js", headers=["Accept-Encoding: br"]).status,
                         200)
        self.assertEqual(self.server.ask("GET", "/app.js").status, 200)
        curl = subprocess.run(["curl", "-s", "--compressed",
                               "http://127.0.0.1:%d/" % self.server.port],
                              stdout=subprocess.PIPE, check=True).stdout
        self.assertEqual(curl, b"hello page")

    def test_other_sites_may_not_write(self):
        here = "http://127.0.0.1:%d" % self.server.port
        self.assertEqual(self.server.ask("POST", "/api/bump", b"", ["Origin: " + here]).status, 204)
        for origin in ("http://evil.example", "null", "http://127.0.0.1:1", "http://hub.test"):
            with self.subTest(origin=origin):
                reply = self.server.ask("POST", "/api/bump", b"", ["Origin: " + origin])
                self.assertEqual(reply.status, 403)
                self.assertEqual(reply.error()["code"], "csrf")
                self.assertEqual(self.server.ask("GET", "/api/hello",
                                                 headers=["Origin: " + origin]).status, 200)

    def test_other_names_may_not_be_used(self):
        rows = [("localhost:80", 200), ("127.0.0.1", 200), ("192.168.7.7:8080", 200), ("[::1]", 200),
                ("hub.test", 200), ("HUB.test:8080", 200), ("evil.example", 403),
                ("127.0.0.1.evil.example", 403), ("a b", 403)]
        for host, status in rows:
            with self.subTest(host=host):
                reply = self.server.ask("GET", "/api/hello", headers=["Host: " + host])
                self.assertEqual(reply.status, status)

    def test_client_that_goes_away(self):
        for _ in range(20):
            with self.server.connect() as c:
                c.send(c.head("GET", "/api/big?bytes=3000000"))
                c.socket.recv(100)
        with self.server.connect() as c:
            c.send("GET /api/he")
        with self.server.connect() as c:
            c.send(c.head("POST", "/api/echo", ["Content-Length: 100"]) + "abc")
        while self.server.get_json("/api/portal")["active_count"] > 1:
            pass  # asks until the server has seen that they are gone


class Limits(unittest.TestCase):
    def test_too_many_connections(self):
        with Server("--conn-max", 3) as server:
            held = [server.connect() for _ in range(3)]
            for c in held:
                self.assertEqual(c.ask("GET", "/api/hello").status, 200)
            with server.connect() as c:
                reply = c.ask("GET", "/api/hello")
                self.assertEqual(reply.status, 503)
                self.assertEqual(reply.error()["code"], "busy")
                self.assertTrue(c.is_closed())
            # Many more: some are told, the rest are closed; those that are held still work.
            crowd = [server.connect() for _ in range(30)]
            for c in held:
                self.assertEqual(c.ask("GET", "/api/hello").status, 200)
            for c in crowd:
                c.__exit__()
            # The crowd waits in the kernel until the server gets to it. Those that are held stay
            # until then: a place that comes free meanwhile is rightly given to one of the crowd.
            end = time.monotonic() + 20
            refused = 0
            while refused < 31 and time.monotonic() < end:
                refused = json.loads(held[0].ask("GET", "/api/portal").body)["refused"]
            self.assertGreaterEqual(refused, 31)
            for c in held:
                c.__exit__()

    def test_too_many_requests_at_once(self):
        with Server("--request-max", 1) as server, server.connect() as a, server.connect() as b:
            a.send(a.head("POST", "/api/echo", ["Content-Length: 1"]))
            # `a` is being read: the server has its head once it has answered another connection.
            while True:
                reply = b.ask("GET", "/api/hello")
                if reply.status == 503:
                    break
            self.assertEqual(reply.error()["code"], "busy")
            a.send(b"x")
            self.assertEqual(a.reply().body, b"x")
            self.assertEqual(b.ask("GET", "/api/hello").status, 200)

    def test_slow_heads_and_bodies(self):
        with Server("--head-timeout-ms", 150, "--idle-timeout-ms", 200) as server:
            with server.connect() as c:
                self.assertTrue(c.is_closed())  # says nothing at all
            with server.connect() as c:
                c.send("GET / HTTP/1.1\r\nHost: a\r\n")
                reply = c.reply()
                self.assertEqual(reply.status, 408)
                self.assertEqual(reply.error()["code"], "timeout")
                self.assertTrue(c.is_closed())
            with server.connect() as c:
                c.send(c.head("POST", "/api/echo", ["Content-Length: 10"]) + "abc")
                self.assertEqual(c.reply().status, 408)
                self.assertTrue(c.is_closed())
            with server.connect() as c:  # kept alive, then idle
                self.assertEqual(c.ask("GET", "/api/hello").status, 200)
                self.assertTrue(c.is_closed())
            self.assertGreaterEqual(server.get_json("/api/portal")["timeouts"], 2)

    def test_reader_that_stalls_is_cut(self):
        with Server("--idle-timeout-ms", 200) as server, server.connect() as c:
            c.send(c.head("GET", "/api/big?bytes=30000000"))
            self.assertEqual(server.get_json("/api/portal")["active_count"], 2)
            while server.get_json("/api/portal")["active_count"] == 2:
                pass  # asks until the server has given up on it
            self.assertFalse(c.reply().whole)

    def test_stalled_reader_with_more_to_say_costs_no_time(self):
        # Input that waits behind a stalled reply must not keep the loop busy.
        with Server() as server, server.connect() as c:
            c.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            c.send(c.head("GET", "/api/big?bytes=30000000") * 3)
            server.get_json("/api/hello")

            def cpu_ticks():
                with open("/proc/%d/stat" % server.process.pid) as f:
                    fields = f.read().rsplit(")", 1)[1].split()
                return int(fields[11]) + int(fields[12])
            for _ in range(20):
                server.get_json("/api/hello")
            before = cpu_ticks()
            self.assertRaises(socket.timeout, self.wait_long, server)
            self.assertLess(cpu_ticks() - before, 20)  # of 100 in a second that it waited

    def wait_long(self, server):
        with server.connect() as c:
            c.socket.settimeout(1.0)
            c.socket.recv(1)


class Start(unittest.TestCase):
    """A start that fails leaves nothing behind: 2 is the code for that, 1 for a leak."""

    def fails(self, *args):
        done = subprocess.run([testd()] + list(args), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=PATIENCE_S)
        self.assertEqual(done.returncode, 2, done.stderr.decode())
        self.assertIn(b"start: ", done.stderr)

    def test_address_in_use(self):
        with Server() as server:
            self.fails("--port", str(server.port))

    def test_certificate_that_is_not_there(self):
        self.fails("--cert", "/nowhere/cert.pem", "--key", "/nowhere/key.pem")

    def test_certificate_without_key(self):
        self.fails("--cert", "/nowhere/cert.pem")


class NoMemory(unittest.TestCase):
    """Each allocation of the server and of the portal fails in turn: the request gets a 503 or the
    connection ends; the next try works and nothing leaks (which Server asserts)."""

    def work(self, server):
        with server.connect() as c:
            try:
                c.send("POST /api/echo HTTP/1.1\r\nHost: 127.0.0.1\r\n")
                c.send("Content-Length: 5\r\n\r\nhello" + c.head("GET", "/api/hello"))
                for _ in range(2):
                    self.assertIn(c.reply().status, (200, 503))
            except (ConnectionError, AttributeError):
                pass
        with server.connect() as c:
            try:
                if Socket.handshake(c).status == 101:
                    c.send(Socket.frame(1, b'{"ping":1}'))
                    c.file.read(2)
            except ConnectionError:
                pass

    def fail_in_turn(self, server, owner, client):
        for nth in range(1, 30):
            with client() as c:
                c.ask("POST", "/api/fault?nth=%d&owner=%s" % (nth, owner))
                self.work(server)
                c.ask("POST", "/api/fault?nth=0")
            self.assertEqual(server.ask("GET", "/api/hello").status, 200, nth)

    def test_plain(self):
        with Server() as server:
            for owner in ("http", "portal", "libuv"):
                self.fail_in_turn(server, owner, server.connect)


class SignIn(unittest.TestCase):
    def setUp(self):
        self.server = Server("--password", "secret")
        self.server.__enter__()
        self.addCleanup(lambda: self.server.__exit__(None, None, None))

    def sign_in(self, password, user="admin", headers=()):
        body = json.dumps({"username": user, "password": password}).encode()
        return self.server.ask("POST", "/api/auth/login", body, headers)

    @staticmethod
    def basic(text):
        return "Authorization: Basic " + base64.b64encode(text.encode()).decode()

    def test_everything_but_assets_needs_a_password(self):
        for method, path in (("GET", "/api/hello"), ("GET", "/api/none"), ("DELETE", "/api/hello"),
                             ("GET", "/api/store/files"), ("GET", "/api/session/info")):
            reply = self.server.ask(method, path)
            self.assertEqual((reply.status, reply.error()["code"]), (401, "sign_in_needed"))
            self.assertIn("www-authenticate", reply.headers)
        self.assertEqual(self.server.ask("GET", "/").status, 200)

    def test_cookie(self):
        reply = self.sign_in("secret")
        self.assertEqual(reply.status, 200)
        self.assertEqual(json.loads(reply.body), {"status": "ok", "role": "admin", "role_name": "admin",
                                                  "username": "admin", "must_change": False})
        cookie = reply.headers["set-cookie"]
        self.assertRegex(cookie, "^nh_session=[0-9a-f]{32}; HttpOnly; SameSite=Strict; Path=/$")
        header = "Cookie: a=b; " + cookie.split(";")[0]
        self.assertEqual(self.server.get_json("/api/hello", [header])["user"], "admin")
        self.assertEqual(self.server.ask("GET", "/api/hello", headers=[header[:-1] + "x"]).status,
                         401)
        out = self.server.ask("POST", "/api/auth/logout", b"", [header])
        self.assertEqual(json.loads(out.body), {"status": "ok"})
        self.assertIn("Max-Age=0", out.headers["set-cookie"])
        self.assertEqual(self.server.ask("GET", "/api/hello", headers=[header]).status, 401)

    def test_operator(self):
        cookie = "Cookie: " + self.sign_in("secret", "op").headers["set-cookie"].split(";")[0]
        self.assertEqual(self.server.get_json("/api/star/x", [cookie])["role"], 1)
        reply = self.server.ask("GET", "/api/hello", headers=[cookie])
        self.assertEqual((reply.status, reply.error()["code"]), (403, "forbidden"))

    def test_wrong_passwords_are_slowed_down(self):
        self.assertEqual(self.sign_in("wrong").status, 401)
        reply = self.sign_in("secret")
        self.assertEqual((reply.status, reply.headers["retry-after"]), (429, "1"))
        self.assertEqual(self.server.ask("GET", "/api/hello").status, 401)

    def test_wrong_user_and_bad_bodies(self):
        self.assertEqual(self.sign_in("secret", user="root").status, 401)
        for body in (b"", b"{}", b"[", b'{"username":"admin"}', b'{"username":1,"password":"secret"}',
                     json.dumps({"username": "a" * 300, "password": "b"}).encode()):
            self.assertEqual(self.server.ask("POST", "/api/auth/login", body).status, 400, body)

    def test_basic_is_verified_once(self):
        for _ in range(5):
            reply = self.server.get_json("/api/hello", [self.basic("admin:secret")])
        self.assertEqual((reply["user"], reply["verify_count"]), ("admin", 1))
        self.assertEqual(self.server.ask("GET", "/api/hello",
                                         headers=[self.basic("admin:secret2")]).status, 401)

    def test_body_of_a_request_that_waits(self):
        body = os.urandom(4000)
        reply = self.server.ask("POST", "/api/echo", body, [self.basic("admin:secret")])
        self.assertEqual((reply.status, reply.body), (200, body))
        reply = self.server.ask("POST", "/api/echo", body, [self.basic("admin:wrong")])
        self.assertEqual(reply.status, 401)

    def test_stream_of_a_request_that_waits(self):
        with self.server.connect() as c:
            reply = c.ask("PUT", "/api/sink", b"x" * 5000, [self.basic("admin:secret")])
            self.assertEqual((reply.status, reply.headers["retry-after"]), (503, "1"))
        reply = self.server.ask("PUT", "/api/sink", b"x" * 5000, [self.basic("admin:secret")])
        self.assertEqual((reply.status, reply.body.strip()), (200, b"5000"))

    def test_many_that_wait_and_leave(self):
        clients = [self.server.connect() for _ in range(12)]
        for i, c in enumerate(clients):
            c.send(c.head("GET", "/api/hello", [self.basic("admin:secret")]))
            if i % 3 == 0:
                c.__exit__()
        for i, c in enumerate(clients):
            if i % 3:
                self.assertEqual(c.reply().status, 200)
                c.__exit__()

    def test_names_do_not_matter_with_a_password(self):
        self.assertEqual(self.server.ask("GET", "/api/hello",
                                         headers=[self.basic("admin:secret"), "Host: any.example"]).status, 200)

    def test_sockets_need_it_too(self):
        with self.server.connect() as c:
            self.assertEqual(Socket.handshake(c).status, 401)
        cookie = "Cookie: " + self.sign_in("secret").headers["set-cookie"].split(";")[0]
        with self.server.connect() as c:
            self.assertEqual(Socket.handshake(c, [cookie]).status, 101)

    def test_a_socket_ends_with_its_session(self):
        cookie = "Cookie: " + self.sign_in("secret").headers["set-cookie"].split(";")[0]
        with Socket(self.server, [cookie]) as s:
            s.say({"subscribe": ["count"]})
            s.hear()
            self.server.ask("POST", "/api/auth/logout", b"", [cookie])
            self.assertEqual(s.closed_with(), 1001)


class Feed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.server.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__(None, None, None)

    def test_subscribe_and_only_what_changed(self):
        with Socket(self.server) as s:
            s.say({"subscribe": ["count"]})
            first = s.hear()
            self.assertEqual(first["part"], "count")
            self.assertEqual(first["data"]["since"], 0)
            s.say({"ping": 1})
            self.assertEqual(s.hear(), {"pong": 1})  # nothing came in between
            self.server.ask("POST", "/api/bump", b"")
            second = s.hear()
            self.assertEqual(second["data"]["since"], first["version"])
            self.assertGreater(second["version"], first["version"])
            s.say({"unsubscribe": ["count"]})
            s.say({"ping": 1})
            self.assertEqual(s.hear(), {"pong": 1})
            self.server.ask("POST", "/api/bump", b"")
            s.say({"ping": 1})
            self.assertEqual(s.hear(), {"pong": 1})

    def test_slow_reader_gets_the_newest(self):
        with Socket(self.server) as s:
            s.say({"subscribe": ["count"]})
            s.hear()
            for _ in range(50):
                self.server.ask("POST", "/api/bump", b"")
            newest, count = None, 0
            want = json.loads(self.server.ask("GET", "/api/hello").body)  # keeps order honest
            self.assertTrue(want)
            s.say({"ping": 1})
            while True:
                message = s.hear()
                if "pong" in message:
                    break
                newest, count = message["version"], count + 1
            while newest is None or newest < 51:
                newest = s.hear()["version"]
            self.assertLessEqual(count, 51)

    def test_part_that_is_too_long_is_left_out(self):
        with Socket(self.server) as s:
            s.say({"subscribe": ["long"]})
            s.say({"subscribe": ["count"]})
            self.assertEqual(s.hear()["part"], "count")

    def test_nonsense_is_told(self):
        with Socket(self.server) as s:
            for text in (b"{", b"hello", b'{"sing":1}', b'{"subscribe":["none"]}', b'[[[[[]]]]]'):
                s.send(1, text)
                self.assertEqual(s.hear()["error"]["code"], "bad_request")
            s.say({"ping": 1})
            self.assertEqual(s.hear(), {"pong": 1})

    def test_fragments_and_control_frames(self):
        with Socket(self.server) as s:
            s.send(1, b'{"pi', final=False)
            s.send(9, b"are you there")
            self.assertEqual(s.read(), (10, b"are you there"))
            s.send(0, b'ng":', final=False)
            s.send(10, b"unasked")
            s.send(0, b"1}")
            self.assertEqual(s.hear(), {"pong": 1})
            data = s.frame(1, b'{"ping":1}') + s.frame(9, b"") + s.frame(1, b'{"ping":2}')
            for b in data:
                s.client.send(bytes([b]))
            self.assertEqual(sorted([s.read(), s.read(), s.read()]),
                             sorted([(1, b'{"pong":1}'), (10, b""), (1, b'{"pong":1}')]))

    def test_closing(self):
        for data, code in ((struct.pack(">H", 1000) + b"bye", 1000), (b"", None)):
            with Socket(self.server) as s:
                s.send(8, data)
                self.assertEqual(s.closed_with(), code)
                self.assertTrue(s.client.is_closed())

    def test_broken_frames(self):
        f = Socket.frame
        rows = [
            (f(1, b"x", masked=False), 1002),
            (f(1, b"x", bits=0x40), 1002),
            (f(3, b"x"), 1002),
            (f(11, b"x"), 1002),
            (f(0, b"x"), 1002),
            (f(1, b"x", final=False) + f(1, b"y"), 1002),
            (f(9, b"x", final=False), 1002),
            (f(9, b"x" * 126), 1002),
            (f(8, b"x"), 1002),
            (f(8, struct.pack(">H", 1005)), 1002),
            (f(1, b"\xff\xfe"), 1007),
            (f(1, b"\xed\xa0\x80"), 1007),
            (f(8, struct.pack(">H", 1000) + b"\xff"), 1007),
            (f(1, b"x" * 4097), 1009),
            (f(1, b"x" * 70000), 1009),
            (f(1, b"x" * 4000, final=False) + f(0, b"x" * 97), 1009),
        ]
        for data, code in rows:
            with self.subTest(data=data[:20]), Socket(self.server) as s:
                s.client.send(data)
                self.assertEqual(s.closed_with(), code)

    def test_binary_without_a_part_for_it(self):
        with Socket(self.server) as s:
            s.send(2, b"x")
            self.assertEqual(s.hear()["error"]["code"], "bad_request")

    def test_upgrades_that_are_refused(self):
        with self.server.connect() as c:
            reply = Socket.handshake(c, version="8")
            self.assertEqual(reply.status, 426)
            self.assertEqual(reply.headers["sec-websocket-version"], "13")
        for header, status in (("Origin: http://evil.example", 403),
                               ("Host: evil.example", 403)):
            with self.server.connect() as c:
                self.assertEqual(Socket.handshake(c, [header]).status, status)
        with self.server.connect() as c:  # without the upgrade /ws is no page
            self.assertEqual(c.ask("GET", "/ws").status, 404)

    def test_too_many_sockets(self):
        with Server("--ws-max", 2) as server, Socket(server), Socket(server):
            with server.connect() as c:
                self.assertEqual(Socket.handshake(c).status, 503)
            self.assertEqual(server.get_json("/api/portal")["ws_count"], 2)

    def test_server_says_goodbye(self):
        server = Server()
        server.__enter__()
        with Socket(server) as s:
            s.say({"subscribe": ["count"]})
            s.hear()
            server.__exit__(None, None, None)
            self.assertTrue(s.client.is_closed())


class Http2(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.cert = os.path.join(cls.folder.name, "cert.pem")
        cls.key = os.path.join(cls.folder.name, "key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", cls.key, "-out",
                        cls.cert, "-days", "2", "-subj", "/CN=localhost", "-addext",
                        "subjectAltName=DNS:localhost"], check=True, stderr=subprocess.DEVNULL)
        cls.server = Server("--cert", cls.cert, "--key", cls.key)
        cls.server.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__(None, None, None)
        cls.folder.cleanup()

    def curl(self, *args, path="/api/hello", version="--http2", code=0):
        command = ["curl", "-s", "--cacert", self.cert, version, "--max-time", str(PATIENCE_S), "-w",
                   "\n%{http_code} %{http_version}"] + list(args)
        command.append("https://localhost:%d%s" % (self.server.tls_port, path))
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, code, done)
        body, _, status = done.stdout.rpartition(b"\n")
        return body, status.decode()

    def test_both_versions(self):
        for version, text in (("--http2", "200 2"), ("--http1.1", "200 1.1")):
            body, status = self.curl(version=version, path="/api/hello?name=a%26b%3Dc%25+d&x=%3D")
            self.assertEqual(status, text)
            reply = json.loads(body)
            self.assertEqual(reply["hello"], "a&b=c% d")
            self.assertTrue(reply["tls"])

    def test_streams_and_pauses(self):
        self.assertEqual(len(self.curl(path="/api/big?bytes=1000000")[0]), 1000000)
        self.assertEqual(self.curl(path="/api/pause")[0], b"before after")
        self.assertEqual(len(json.loads(self.curl(path="/api/store/files")[0])["entries"]), 10000)

    def test_errors(self):
        rows = [
            (["-X", "DELETE"], "/api/echo", "405 2"),
            ([], "/none", "404 2"),
            (["--data-binary", "x" * 5000], "/api/echo", "413 2"),
            (["-H", "Origin: http://evil.example", "-d", ""], "/api/bump", "403 2"),
            (["-H", "Host: evil.example"], "/api/hello", "403 2"),
        ]
        for args, path, status in rows:
            with self.subTest(path=path, args=args[:1]):
                body, got = self.curl(*args, path=path)
                self.assertEqual(got, status)
                self.assertIn("error", json.loads(body))

    def test_bodies(self):
        self.assertEqual(self.curl("--data-binary", "y" * 4096, path="/api/echo")[0], b"y" * 4096)
        self.assertEqual(self.curl("-X", "PUT", "--data-binary", "abc", path="/api/echo")[0], b"abc")
        self.assertEqual(self.curl("-d", "", path="/api/echo")[1], "200 2")
        with tempfile.NamedTemporaryFile() as f:
            f.write(b"z" * (1 << 20))
            f.flush()
            self.assertEqual(self.curl("-T", f.name, path="/api/sink")[0], b"1048576\n")

    def test_head_and_304(self):
        self.assertEqual(self.curl("-I", path="/")[1], "200 2")
        self.assertEqual(self.curl("-H", 'If-None-Match: "page-1"', path="/")[1], "304 2")

    def test_cut_reply_is_an_error(self):
        self.curl(path="/api/cut?bytes=5000", code=18)
        self.curl(path="/api/cut?bytes=5000", version="--http1.1", code=18)

    def test_requests_at_once(self):
        urls = ["https://localhost:%d/api/big?bytes=%d" % (self.server.tls_port, 10000 + i)
                for i in range(8)]
        done = subprocess.run(["curl", "-s", "--cacert", self.cert, "--http2", "--parallel",
                               "--parallel-immediate", "--max-time", str(PATIENCE_S)] + urls,
                              stdout=subprocess.PIPE)
        self.assertEqual(done.returncode, 0)
        self.assertEqual(len(done.stdout), sum(10000 + i for i in range(8)))

    def test_plain_text_on_the_tls_port(self):
        with Client(self.server.tls_port) as c:
            c.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.assertTrue(c.is_closed() or True)  # an alert, or nothing; then
        self.assertEqual(self.curl()[1], "200 2")  # it goes on


if __name__ == "__main__":
    unittest.main()
