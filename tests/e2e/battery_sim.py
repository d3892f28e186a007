"""A simulated battery board for a test, on a pseudo terminal of its own."""
import os
import shutil
import subprocess
import tempfile

from hub import NUTHATCH, PATIENCE_S


class BatterySim:
    """`with BatterySim("--cells", "13") as board:` has board.link, the name of its terminal."""

    def __init__(self, *args):
        self.folder = tempfile.mkdtemp(prefix="nuthatch-board-")
        self.link = os.path.join(self.folder, "board")
        self.args = args

    def start(self):
        self.process = subprocess.Popen([NUTHATCH, "sim", "battery", "--link", self.link, *self.args],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.path = self.process.stdout.readline().strip()
        assert self.path.startswith("/dev/"), self.path
        return self

    def say(self, line):
        """Has a line done; returns what the board says to it."""
        self.process.stdin.write(line + "\nstate\n")
        self.process.stdin.flush()
        said = []
        while True:
            text = self.process.stdout.readline()
            assert text, "the board has ended"
            if " %, status " in text:  # the answer to "state"
                return "".join(said).strip()
            said.append(text)

    def state(self):
        self.process.stdin.write("state\n")
        self.process.stdin.flush()
        return self.process.stdout.readline()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.stdin.close()
        self.process.stdout.close()
        return self.process.wait(PATIENCE_S)

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
