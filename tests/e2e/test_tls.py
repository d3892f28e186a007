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


if __name__ == "__main__":
    unittest.main()
