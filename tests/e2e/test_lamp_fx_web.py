"""The lamp's effects for the browser: served packed, as WebAssembly, for good, and allowed to run."""
import glob
import gzip
import os
import unittest
import urllib.request

from hub import Hub

BUILD = os.environ.get("NH_BUILD_DIR", os.path.dirname(os.environ.get("NUTHATCH", "")))


class LampFxWeb(unittest.TestCase):
    def test_the_module_is_served_or_was_not_built(self):
        built = os.path.exists(os.path.join(BUILD, "web", "lamp_fx.wasm"))
        files = glob.glob(os.path.join(BUILD, "web", "dist", "lamp_fx-*.wasm"))
        self.assertEqual(len(files), 1 if built else 0)
        with Hub() as hub:
            for file in files:
                with urllib.request.urlopen(hub.url("/" + os.path.basename(file)), timeout=30) as r:
                    packed = r.read()
                self.assertEqual(r.headers["Content-Type"], "application/wasm")
                self.assertEqual(r.headers["Content-Encoding"], "gzip")
                self.assertIn("immutable", r.headers["Cache-Control"])
                self.assertIn("'wasm-unsafe-eval'", r.headers["Content-Security-Policy"])
                with open(file, "rb") as f:
                    self.assertEqual(gzip.decompress(packed), f.read())
                self.assertLess(len(packed), 40 * 1024)


if __name__ == "__main__":
    unittest.main()
