"""docs/lamp-gallery.md and its pictures are those of the effects that the program has, to the byte."""
import os
import subprocess
import sys
import unittest

from hub import NUTHATCH, ROOT

SCRIPT = os.path.join(ROOT, "scripts", "lamp_gallery.py")


class Gallery(unittest.TestCase):
    def test_page_and_pictures_are_of_today(self):
        done = subprocess.run([sys.executable, SCRIPT, NUTHATCH, "--check"], capture_output=True, text=True, timeout=280)
        self.assertEqual(done.returncode, 0, f"{done.stdout}{done.stderr}\nscripts/lamp_gallery.py NUTHATCH writes them")


if __name__ == "__main__":
    unittest.main()
