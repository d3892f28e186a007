"""nuthatch lamp: files that others read, the same bytes each time, and a preview on a terminal."""
import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import tempfile
import termios
import unittest
import urllib.request
import zlib

from gifs import Gif
from hub import NUTHATCH, Hub
from hub import run as hub_run


def run(*args, **kw):
    return subprocess.run([NUTHATCH, "lamp", *args], capture_output=True, text=True, timeout=120, **kw)


def png_rows(data):
    """Rows of (r, g, b); the writer filters by Sub alone."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, packed, size = 8, b"", None
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8:at + 8 + length]
        assert struct.unpack_from(">I", data, at + 8 + length)[0] == zlib.crc32(kind + body)
        size = struct.unpack_from(">II", body) if kind == b"IHDR" else size
        packed += body if kind == b"IDAT" else b""
        at += 12 + length
    raw, rows = zlib.decompress(packed), []
    for y in range(size[1]):
        line, left, row = raw[y * (1 + 3 * size[0]):][:1 + 3 * size[0]], (0, 0, 0), []
        assert line[0] == 1
        for x in range(size[0]):
            left = tuple((line[1 + 3 * x + k] + left[k]) & 255 for k in range(3))
            row.append(left)
        rows.append(row)
    return rows


class Record(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def file(self, name):
        return os.path.join(self.folder.name, name)

    def record(self, name, *args):
        done = run("record", "-o", self.file(name), *args)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr, "")
        if "%" in name:
            return done.stdout
        with open(self.file(name), "rb") as f:
            return f.read()

    def test_a_gif_is_read_and_moves(self):
        data = self.record("a.gif", "--effect", "plasma", "--seconds", "1", "--fps", "12", "--scale", "3",
                           "--size", "10x7")
        gif = Gif(data)
        self.assertEqual((gif.width, gif.height, gif.loops), (30, 21, 0))
        self.assertEqual(len(gif.frames), 12)
        self.assertEqual(sum(delay for delay, _ in gif.frames), 100)
        pictures = [json.dumps(rows) for _, rows in gif.frames]
        self.assertEqual(len(set(pictures)), 12)
        for _, rows in gif.frames:  # each pixel of the lamp is a square
            for y in range(21):
                for x in range(30):
                    self.assertEqual(rows[y][x], rows[y // 3 * 3][x // 3 * 3])

    def test_the_same_call_gives_the_same_bytes(self):
        for effect in ("fire", "fireworks", "pond", "equalizer", "clock"):
            args = ("--effect", effect, "--seconds", "0.5", "--scale", "2")
            self.assertEqual(self.record("a.gif", *args), self.record("b.gif", *args), effect)
        other = self.record("c.gif", "--effect", "fire", "--seconds", "0.5", "--scale", "2", "--seed", "2")
        with open(self.file("a.gif"), "rb") as f:
            self.assertNotEqual(other, f.read())

    def test_every_effect_records(self):
        names = [e["name"] for e in json.loads(run("list", "--json").stdout)["effects"]]
        self.assertGreaterEqual(len(names), 36)
        for name in names:
            gif = Gif(self.record("e.gif", "--effect", name, "--seconds", "2", "--fps", "3", "--scale", "1",
                                  "--size", "16x16"))
            self.assertEqual(len(gif.frames), 6, name)
            pictures = len({json.dumps(rows) for _, rows in gif.frames})
            self.assertGreater(pictures, 0 if name == "SOLID" else 1, name)

    def test_a_png_is_the_frame_of_the_gif(self):
        # Few colours, so that the GIF has them all.
        common = ("--effect", "matrix-rain", "--size", "16x12", "--scale", "2", "--gap", "1")
        gif = Gif(self.record("m.gif", *common, "--seconds", "1", "--fps", "4"))
        self.record("m-%02d.png", *common, "--seconds", "1", "--fps", "4")
        self.assertEqual(sorted(os.listdir(self.folder.name)),
                         ["m-00.png", "m-01.png", "m-02.png", "m-03.png", "m.gif"])
        for n, (_, rows) in enumerate(gif.frames):
            with open(self.file(f"m-{n:02}.png"), "rb") as f:
                self.assertEqual(png_rows(f.read()), rows)
        one = png_rows(self.record("one.png", *common, "--start", "0.75"))
        self.assertEqual(one, gif.frames[3][1])

    def test_palette_text_and_colours_are_seen(self):
        def pixels(*args):
            return {p for row in png_rows(self.record("x.png", "--scale", "1", *args)) for p in row}
        red = pixels("--effect", "text", "--text", "Hi", "--colors", "ff0000,000010,ff0000", "--size", "32x9")
        self.assertEqual(red, {(255, 0, 0), (0, 0, 16)})
        self.assertNotEqual(pixels("--effect", "noise", "--palette", "ice"),
                            pixels("--effect", "noise", "--palette", "forest"))
        self.assertNotEqual(pixels("--effect", "clock", "--clock", "11:11"), pixels("--effect", "clock"))

    def test_what_is_wrong_is_told_and_nothing_is_left(self):
        rows = [
            (("record",), 2, "-o FILE is missing"),
            (("record", "-o", "a.jpg"), 2, "neither in .gif nor in .png"),
            (("record", "-o", "a.gif", "--fps", "60"), 2, "at most 50 frames"),
            (("record", "-o", "a.gif", "--seconds", "3600"), 2, "over 6000 frames"),
            (("record", "-o", "a.gif", "--effect", "nope"), 2, 'no effect "nope"'),
            (("record", "-o", "a.gif", "--size", "0x9"), 2, "--size 0x9"),
            (("record", "-o", "a.gif", "--scale", "17"), 2, "from 1 to 16"),
            (("record", "-o", "a%n.png"), 2, "as %d or %04d"),
            (("record", "-o", "none/a.gif", "--seconds", "0.1"), 1, "No such file"),
            (("preview", "--depth", "8"), 2, "none of true, 256, plain"),
            (("preview", "--seconds", "0"), 2, "from 0.01 to 3600"),
            (("dance",), 2, "Usage: nuthatch lamp"),
            ((), 2, "Usage: nuthatch lamp"),
        ]
        for args, code, text in rows:
            done = run(*args, cwd=self.folder.name)
            self.assertEqual((done.returncode, done.stdout), (code, ""), args)
            self.assertIn(text, done.stderr)
        self.assertEqual(os.listdir(self.folder.name), [])

    def test_an_old_file_stays_when_the_new_one_fails(self):
        with open(self.file("a.gif"), "wb") as f:
            f.write(b"old")
        os.mkdir(self.file("a.gif.part"))  # in the way
        self.assertEqual(run("record", "-o", self.file("a.gif"), "--seconds", "0.1").returncode, 1)
        with open(self.file("a.gif"), "rb") as f:
            self.assertEqual(f.read(), b"old")


class Preview(unittest.TestCase):
    def play(self, *args, keys=b"", size=(60, 60), env=None, wait=b" q\x1b[K"):
        """What a terminal gets until the preview ends; `keys` are pressed once `wait` was shown."""
        pid, fd = pty.fork()
        if pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
            for name in ("NO_COLOR", "COLORTERM"):
                os.environ.pop(name, None)
            os.environ.update({"TERM": "xterm-256color", **(env or {})})
            try:
                os.execv(NUTHATCH, [NUTHATCH, "lamp", "preview", *args])
            finally:
                os._exit(127)  # this process must run no tests
        out = b""
        while select.select([fd], [], [], 60)[0]:
            try:
                got = os.read(fd, 65536)
            except OSError:  # the other end is closed
                break
            if not got:
                break
            out += got
            if keys and wait in out:
                os.write(fd, keys[:1])
                keys = keys[1:]
        os.close(fd)
        return out, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def test_it_plays_and_leaves_the_terminal_as_it_was(self):
        out, code = self.play("--effect", "noise", "--seconds", "0.3", "--size", "8x8")
        self.assertEqual(code, 0)
        self.assertTrue(out.startswith(b"\x1b[?1049h\x1b[?25l"))
        self.assertTrue(out.endswith(b"\x1b[0m\x1b[?25h\x1b[?1049l"))
        frames = out.split(b"\x1b[H")[1:]
        self.assertGreater(len(set(frames)), 1)
        self.assertEqual(frames[0].count("\u2580".encode()), 32)
        self.assertIn(b"\x1b[38;5;", frames[0])
        self.assertIn(b"NOISE  100 %", frames[0])

    def test_keys(self):
        out, code = self.play("--effect", "noise", "--size", "8x8", "--seconds", "3", keys=b"n+",
                              env={"COLORTERM": "truecolor"})
        self.assertEqual(code, 0)
        self.assertIn(b"\x1b[38;2;", out)
        self.assertIn(b"CLOUDS", out)
        self.assertIn(b"110 %", out)

    def test_a_terminal_that_is_too_small_is_told(self):
        out, code = self.play("--size", "100x8", "--seconds", "5", size=(20, 40))
        self.assertEqual(code, 1)
        self.assertIn(b"need 100 x 5 characters", out)

    def test_a_hub_is_followed(self):
        with Hub(config="lamp: {enabled: true, width: 8, height: 6}") as hub:
            url = f"http://{hub.http}"
            state = json.dumps({"power": True, "effect": "SOLID", "colors": ["#ff0010"], "brightness": 50}).encode()
            urllib.request.urlopen(hub.url("/api/lamp"), state, timeout=30).close()
            out, code = self.play("--url", url, "--depth", "true", keys=b"q", wait=b"\x1b[38;2;255;0;16m")
            self.assertEqual(code, 0)
            self.assertIn(f"{hub.http}  8 x 6  on".encode(), out)
            self.assertIn(b"brightness 50", out)
            self.assertTrue(out.endswith(b"\x1b[0m\x1b[?25h\x1b[?1049l"))
            done = run("preview", "--url", url, "--once")
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertEqual([len(line) for line in done.stdout.splitlines()], [16] * 6)

    def test_a_hub_with_a_password_wants_it(self):
        code, out, err = hub_run("passwd", stdin="correct horse\n")
        self.assertEqual(code, 0, err)
        stored = re.search(r'password_hash: "([^"]+)"', out).group(1)
        config = f'access: {{user: root, password_hash: "{stored}"}}\nlamp: {{enabled: true, width: 8, height: 6}}\n'
        with Hub(config=config) as hub, tempfile.TemporaryDirectory() as folder:
            call = ("preview", "--url", f"http://{hub.http}", "--once")
            done = run(*call)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn("sign in by --user and --password-file", done.stderr)
            file = os.path.join(folder, "password")
            with open(file, "w", encoding="utf-8") as f:
                f.write("correct horse\n")
            done = run(*call, "--user", "root", "--password-file", file)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertEqual(len(done.stdout.splitlines()), 6)
            self.assertEqual(run(*call, "--user", "root", "--password-file", folder + "/none").returncode, 2)

    def test_what_cannot_be_followed_is_told(self):
        with Hub() as hub:  # its lamp is off by default
            done = run("preview", "--url", f"http://{hub.http}", "--once")
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn("the hub says: There is no", done.stderr)
        for url, code, text in (("http://127.0.0.1:1", 1, "Connection refused"), ("ws://127.0.0.1", 2, "is not http://"),
                                ("http://127.0.0.1:1/path", 2, "is not http://")):
            done = run("preview", "--url", url, "--once")
            self.assertEqual((done.returncode, done.stdout), (code, ""), url)
            self.assertIn(text, done.stderr)

    def test_one_frame_in_a_pipe(self):
        done = run("preview", "--effect", "heartbeat", "--size", "12x6")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual([len(line) for line in done.stdout.splitlines()], [24] * 6)
        self.assertTrue(re.search(r"[#%@]", done.stdout))
        again = run("preview", "--effect", "heartbeat", "--size", "12x6", "--once", "--depth", "true")
        self.assertEqual(again.stdout.count("\n"), 3)
        self.assertIn("\x1b[38;2;", again.stdout)

    def test_help_and_list(self):
        done = run("--help")
        self.assertEqual(done.returncode, 0)
        for word in ("Examples:", "--palette", "preview", "record", "list"):
            self.assertIn(word, done.stdout)
        listed = run("list").stdout
        for e in json.loads(run("list", "--json").stdout)["effects"]:
            self.assertIn(f"{e['name']:16} 0x{e['id']:04X}", listed)
        self.assertEqual(run("preview", "--list").stdout, listed)


if __name__ == "__main__":
    unittest.main()
