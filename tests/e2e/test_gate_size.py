"""Gate: the stripped command stays under 3 MiB."""
import os
import shutil
import subprocess
import tempfile
import unittest

from hub import NUTHATCH

LIMIT_BYTES = 3 * 1024 * 1024


class Size(unittest.TestCase):
    def test_stripped_command(self):
        with tempfile.TemporaryDirectory() as folder:
            path = shutil.copy(NUTHATCH, os.path.join(folder, "nuthatch"))
            subprocess.run(["strip", path], check=True)
            size = os.path.getsize(path)
        print(f"stripped: {size} bytes, limit {LIMIT_BYTES}")
        self.assertLess(size, LIMIT_BYTES)


if __name__ == "__main__":
    unittest.main()
