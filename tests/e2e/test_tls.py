"""HTTPS and HTTP/2 on the hub itself, beside plain HTTP."""
import json
import os
import subprocess
import tempfile
import unittest

from hub import Hub


class Tls(unittest.TestCase):
    def test_http_2_and_1_over_tls(self):
        with tempfile.TemporaryDirectory() as folder:
            cert, key = os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                            "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", cert,
                            "-days", "2", "-subj", "/CN=localhost", "-addext",
                            "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True,
                           capture_output=True)
            with Hub(f"http: {{tls_listen: '127.0.0.1:0', tls_cert_file: {cert}, "
                     f"tls_key_file: {key}}}\n") as hub:
                for option, version in (("--http2", "2"), ("--http1.1", "1.1")):
                    r = subprocess.run(["curl", "-s", "--cacert", cert, option, "-w", "\n%{http_version}",
                                        f"https://{hub.ready['https']}/api/info"],
                                       capture_output=True, text=True, timeout=30)
                    self.assertEqual(r.returncode, 0, r.stderr)
                    body, got = r.stdout.rsplit("\n", 1)
                    self.assertEqual(got, version)
                    self.assertEqual(json.loads(body)["name"], "nuthatch")
                self.assertEqual(hub.get_json("/api/info")["listeners"]["https"], hub.ready["https"])

    def test_a_missing_certificate_is_told(self):
        from hub import run
        with tempfile.TemporaryDirectory() as folder:
            config = os.path.join(folder, "hub.yaml")
            with open(config, "w") as f:
                f.write("http: {listen: '127.0.0.1:0', tls_listen: '127.0.0.1:0', "
                        "tls_cert_file: /nonexistent.pem, tls_key_file: /nonexistent.key}\n"
                        "mqtt: {listen: '127.0.0.1:0'}\n")
            code, _, err = run("run", "--config", config, "--data", os.path.join(folder, "data"))
        self.assertEqual(code, 1)
        self.assertIn("tls", err.lower())

    def test_check_reads_the_files(self):
        from hub import run
        with tempfile.TemporaryDirectory() as folder:
            def path(name):
                return os.path.join(folder, name)
            for name in ("a", "b"):
                subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                                "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", path(name + ".key"), "-out",
                                path(name + ".pem"), "-days", "2", "-subj", "/CN=x"], check=True, capture_output=True)
            subprocess.run(["openssl", "ec", "-in", path("a.key"), "-aes128", "-passout", "pass:secret", "-out",
                            path("locked.key")], check=True, capture_output=True)
            with open(path("junk"), "w") as f:
                f.write("nothing of the kind\n")
            rows = [("a.pem", "a.key", "a.pem", ""),
                    ("no.pem", "a.key", "a.pem", "tls_cert_file not found"),
                    ("junk", "a.key", "a.pem", "tls_cert_file is no certificate in PEM"),
                    ("a.pem", "no.key", "a.pem", "tls_key_file not found"),
                    ("a.pem", "b.key", "a.pem", "tls_key_file key values mismatch"),
                    ("a.pem", "junk", "a.pem", "tls_key_file is not a private key in PEM"),
                    ("a.pem", ".", "a.pem", "tls_key_file is a folder"),
                    ("a.pem", "locked.key", "a.pem", "tls_key_file has a pass phrase"),
                    ("a.pem", "a.key", "junk", "tls_ca_file holds no certificate in PEM"),
                    ("a.pem", "a.key", "no.pem", "tls_ca_file not found")]
            for cert, key, ca, want in rows:
                with self.subTest(cert=cert, key=key, ca=ca):
                    files = f"tls_cert_file: {path(cert)}, tls_key_file: {path(key)}"
                    with open(path("hub.yaml"), "w") as f:
                        f.write("mqtt:\n  listeners:\n"
                                f"    - {{listen: '127.0.0.1:0', {files}, tls_ca_file: {path(ca)}}}\n"
                                f"http: {{tls_listen: '127.0.0.1:0', {files}}}\n")
                    code, _, err = run("check", path("hub.yaml"))
                    err = err.replace(folder + "/", "")
                    self.assertEqual(code, 1 if want else 0, err)
                    if want:
                        self.assertRegex(err, r"(?m)^hub.yaml:3:\d+: /mqtt/listeners/0/" + want)
                    if want and "tls_ca" not in want:
                        self.assertRegex(err, r"(?m)^hub.yaml:4:\d+: /http/" + want)


if __name__ == "__main__":
    unittest.main()
