"""A terminal for a test: a program on a pty, and what its screen shows."""
import codecs
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time

PATIENCE_S = 30
LINES = {"l": "┌", "k": "┐", "m": "└", "j": "┘", "q": "─", "x": "│"}


class Screen:
    """Enough of xterm to know what stands where: cursor, erasing, lines and characters moved."""

    def __init__(self, rows, columns):
        self.rows, self.columns = rows, columns
        self.clear()
        self.rest = ""
        self.last = " "
        self.is_alternate = self.cursor_hidden = self.draws_lines = False

    def clear(self):
        self.cells = [[" "] * self.columns for _ in range(self.rows)]
        self.y = self.x = 0
        self.top, self.bottom = 0, self.rows - 1

    def text(self):
        return "\n".join("".join(row).rstrip() for row in self.cells)

    def line(self, y):
        return "".join(self.cells[y]).rstrip()

    def feed(self, text):
        text = self.rest + text
        self.rest = ""
        at = 0
        while at < len(text):
            if text[at] != "\x1b":
                self.put(text[at])
                at += 1
                continue
            m = re.compile(r"\x1b(?:\[([?>]?)([\d;]*)([@-~])|[()](.)|\](?:.*?)(?:\x07|\x1b\\)|([^\[()\]]))",
                           re.S).match(text, at)
            if not m:
                self.rest = text[at:]
                return
            if m[3]:
                self.control(m[1], m[2], m[3])
            elif m[4]:
                self.draws_lines = m[4] == "0" and text[m.start() + 1] == "("
            elif m[5]:
                self.escape(m[5])
            at = m.end()

    def scroll(self, by):
        region = self.cells[self.top:self.bottom + 1]
        blank = [[" "] * self.columns for _ in range(min(abs(by), len(region)))]
        region = region[by:] + blank if by > 0 else blank + region[:by]
        self.cells[self.top:self.bottom + 1] = region[:self.bottom + 1 - self.top]

    def escape(self, c):
        if c == "M":
            if self.y == self.top:
                self.scroll(-1)
            else:
                self.y -= 1
        elif c == "c":
            self.clear()

    def put(self, c):
        if c == "\r":
            self.x = 0
        elif c == "\n":
            if self.y == self.bottom:
                self.scroll(1)
            else:
                self.y += 1
        elif c == "\b":
            self.x = max(0, self.x - 1)
        elif c == "\t":
            self.x = min(self.columns - 1, self.x // 8 * 8 + 8)
        elif c >= " ":
            if self.x == self.columns:
                self.x = 0
                self.y = min(self.y + 1, self.rows - 1)
            c = LINES.get(c, c) if self.draws_lines else c
            self.cells[self.y][self.x] = self.last = c
            self.x += 1

    def control(self, mark, numbers, c):
        n = [int(part) if part else 0 for part in numbers.split(";")]
        one = max(1, n[0])
        self.x = min(self.x, self.columns - 1) if c not in "m" else self.x
        if mark == "?":
            if n[0] == 1049:
                self.is_alternate = c == "h"
                self.clear()
            if n[0] == 25:
                self.cursor_hidden = c == "l"
        elif c in "Hf":
            self.y = min(one, self.rows) - 1
            self.x = min(max(1, n[1] if len(n) > 1 else 1), self.columns) - 1
        elif c == "A":
            self.y = max(0, self.y - one)
        elif c == "B":
            self.y = min(self.rows - 1, self.y + one)
        elif c == "C":
            self.x = min(self.columns - 1, self.x + one)
        elif c == "D":
            self.x = max(0, self.x - one)
        elif c == "G":
            self.x = one - 1
        elif c == "d":
            self.y = one - 1
        elif c == "J":
            start = 0 if n[0] == 2 else self.y * self.columns + self.x
            end = self.y * self.columns + self.x + 1 if n[0] == 1 else self.rows * self.columns
            for i in range(0 if n[0] == 1 else start, end):
                self.cells[i // self.columns][i % self.columns] = " "
        elif c == "K":
            first, end = (0, self.x + 1) if n[0] == 1 else (0 if n[0] == 2 else self.x, self.columns)
            self.cells[self.y][first:end] = [" "] * (end - first)
        elif c == "X":
            end = min(self.columns, self.x + one)
            self.cells[self.y][self.x:end] = [" "] * (end - self.x)
        elif c == "P":
            row = self.cells[self.y]
            self.cells[self.y] = (row[:self.x] + row[self.x + one:] + [" "] * one)[:self.columns]
        elif c == "@":
            row = self.cells[self.y]
            self.cells[self.y] = (row[:self.x] + [" "] * one + row[self.x:])[:self.columns]
        elif c == "b":
            for _ in range(one):
                self.put(self.last)
        elif c == "r":
            self.top = one - 1
            self.bottom = (n[1] if len(n) > 1 and n[1] else self.rows) - 1
            self.y = self.x = 0
        elif c in "ST":
            self.scroll(one if c == "S" else -one)
        elif c in "LM":
            top = self.top
            self.top = self.y
            self.scroll(one if c == "M" else -one)
            self.top = top


class Terminal:
    """`with Terminal([...]) as t:` runs a program on a pty of its own."""

    KEYS = {"up": "\x1bOA", "down": "\x1bOB", "right": "\x1bOC", "left": "\x1bOD", "home": "\x1bOH",
            "end": "\x1bOF", "pgup": "\x1b[5~", "pgdn": "\x1b[6~", "f1": "\x1bOP", "f2": "\x1bOQ",
            "f3": "\x1bOR", "f4": "\x1bOS", "f5": "\x1b[15~", "f6": "\x1b[17~", "f8": "\x1b[19~",
            "f10": "\x1b[21~", "enter": "\r", "tab": "\t", "esc": "\x1b", "backspace": "\x7f"}

    def __init__(self, command, rows=24, columns=80, env=None):
        self.command, self.env = command, dict(os.environ, TERM="xterm-256color",
                                               LC_ALL="C.UTF-8", **(env or {}))
        self.screen = Screen(rows, columns)
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.exit_code = None

    def __enter__(self):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                # Before the program asks for it.
                fcntl.ioctl(0, termios.TIOCSWINSZ,
                            struct.pack("HHHH", self.screen.rows, self.screen.columns, 0, 0))
                os.execvpe(self.command[0], self.command, self.env)
            finally:
                os._exit(127)
        return self

    def __exit__(self, kind, value, trace):
        if self.exit_code is None:
            os.kill(self.pid, signal.SIGTERM)
            self.wait()
        os.close(self.fd)

    def resize(self, rows, columns):
        self.screen.rows, self.screen.columns = rows, columns
        self.screen.clear()
        # The kernel sends SIGWINCH.
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, timeout):
        """Takes what came. False: nothing did, or the program has ended."""
        if not select.select([self.fd], [], [], timeout)[0]:
            return False
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            return False
        self.screen.feed(self.decoder.decode(data))
        return bool(data)

    def until(self, condition, what, patience=PATIENCE_S):
        end = time.monotonic() + patience
        while not condition(self.screen):
            left = end - time.monotonic()
            if left <= 0 or (not self.read(min(left, 1)) and self.ended()):
                raise AssertionError(f"the screen never showed {what}:\n{self.screen.text()}")
        return self.screen

    def shows(self, pattern):
        return self.until(lambda s: re.search(pattern, s.text()), repr(pattern))

    def key(self, *names):
        for name in names:
            os.write(self.fd, self.KEYS.get(name, name).encode())

    def ended(self):
        if self.exit_code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.exit_code = os.waitstatus_to_exitcode(status)
        return self.exit_code is not None

    def wait(self):
        end = time.monotonic() + PATIENCE_S
        while not self.ended():
            self.read(0.05)
            if time.monotonic() > end:
                raise AssertionError(f"the program does not end:\n{self.screen.text()}")
        while self.read(0.05):
            pass
        return self.exit_code

    def modes(self):
        return termios.tcgetattr(self.fd)
