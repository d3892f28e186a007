"""The simulated battery board on its terminal: other people's programs read and write it."""
import ctypes
import os
import re
import select
import shutil
import struct
import subprocess
import tempfile
import termios
import time
import tty
import unittest

from pymodbus.client import ModbusSerialClient

from battery_sim import BatterySim
from hub import NUTHATCH, PATIENCE_S

SLAVE = 0xAA


def crc(data):
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ 0xA001 if value & 1 else value >> 1
    return struct.pack("<H", value)


class Line:
    """Raw bytes to a terminal and back."""

    def __init__(self, path):
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self.fd)
        termios.tcflush(self.fd, termios.TCIOFLUSH)

    def ask(self, text, length):
        request = bytes.fromhex(text)
        os.write(self.fd, request + crc(request))
        return self.read(length)

    def read(self, length):
        got = b""
        end = time.monotonic() + PATIENCE_S
        while len(got) < length:
            if not select.select([self.fd], [], [], max(end - time.monotonic(), 0))[0]:
                raise AssertionError(f"{len(got)} bytes of {length}: {got.hex(' ')}")
            got += os.read(self.fd, length - len(got))
        return got

    def close(self):
        os.close(self.fd)


class Clients(unittest.TestCase):
    """One board for all tests of a class; a test leaves it as it was."""

    @classmethod
    def setUpClass(cls):
        cls.board = cls.enterClassContext(BatterySim("--soc", "73.25", "--sensors", "1"))

    def line(self):
        line = Line(self.board.link)
        self.addCleanup(line.close)
        return line

    # ---- mbpoll, a program on libmodbus

    def mbpoll(self, *args, code=0):
        done = subprocess.run(["mbpoll", "-m", "rtu", "-a", str(SLAVE), "-b", "115200", "-P", "none",
                               "-0", "-o", "5", *args], capture_output=True, text=True,
                              timeout=60)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout

    def values(self, text):
        return {int(a): float(v) for a, v in re.findall(r"^\[(\d+)\]:\s+(-?[\d.e+-]+)", text, re.M)}

    def test_mbpoll_reads(self):
        cells = self.values(self.mbpoll("-t", "4", "-r", "0", "-c", "16", "-1", self.board.link))
        self.assertEqual(len(cells), 16)
        for i in range(13):
            self.assertTrue(32000 < cells[i] < 34000, cells)
        self.assertEqual(cells[13] + cells[14] + cells[15], 0)
        pack = self.values(self.mbpoll("-t", "4:float", "-r", "36", "-c", "2", "-1", self.board.link))
        self.assertAlmostEqual(pack[36], sum(cells.values()) / 10000, delta=0.1)
        self.assertEqual(pack[38], 0)
        live = self.values(self.mbpoll("-t", "4", "-r", "0", "-c", "56", "-1", self.board.link))
        self.assertEqual((live[50], live[53]), (0x97, 13))
        soc = self.values(self.mbpoll("-t", "4:int", "-r", "46", "-c", "1", "-1", self.board.link))
        self.assertEqual(soc[46], 73250000)

    def test_mbpoll_writes(self):
        # One register goes by function 6, which the board has not.
        text = self.mbpoll("-t", "4", "-r", "315", "-1", self.board.link, "3650", code=1)
        self.assertNotIn("Written 1", text)
        self.assertEqual(self.values(self.mbpoll("-t", "4", "-r", "315", "-c", "1", "-1",
                                                 self.board.link)), {315: 3800})
        self.assertIn("Written 2", self.mbpoll("-t", "4", "-r", "315", "-1", self.board.link, "4200",
                                               "2500"))
        self.assertEqual(self.values(self.mbpoll("-t", "4", "-r", "315", "-c", "2", "-1",
                                                 self.board.link)), {315: 4200, 316: 2500})
        self.mbpoll("-t", "4", "-r", "315", "-1", self.board.link, "3800", "2600")

    # ---- libmodbus itself

    def libmodbus(self):
        lib = ctypes.CDLL("libmodbus.so.5", use_errno=True)
        lib.modbus_new_rtu.restype = ctypes.c_void_p
        lib.modbus_new_rtu.argtypes = [ctypes.c_char_p, ctypes.c_int, ctypes.c_char, ctypes.c_int,
                                       ctypes.c_int]
        for name in ("connect", "close", "free"):
            getattr(lib, f"modbus_{name}").argtypes = [ctypes.c_void_p]
        lib.modbus_set_slave.argtypes = [ctypes.c_void_p, ctypes.c_int]
        lib.modbus_set_response_timeout.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint32]
        for name in ("read_registers", "write_registers"):
            getattr(lib, f"modbus_{name}").argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int,
                                                       ctypes.POINTER(ctypes.c_uint16)]
        ctx = lib.modbus_new_rtu(self.board.link.encode(), 115200, b"N", 8, 1)
        self.addCleanup(lib.modbus_free, ctx)
        self.assertEqual(lib.modbus_set_slave(ctx, SLAVE), 0)
        self.assertEqual(lib.modbus_set_response_timeout(ctx, 5, 0), 0)
        self.assertEqual(lib.modbus_connect(ctx), 0)
        self.addCleanup(lib.modbus_close, ctx)
        return lib, ctx

    def test_libmodbus(self):
        lib, ctx = self.libmodbus()
        words = (ctypes.c_uint16 * 125)()
        for _ in range(50):
            self.assertEqual(lib.modbus_read_registers(ctx, 0, 56, words), 56)
            self.assertEqual(words[53], 13)
            self.assertTrue(words[40] <= min(words[0:13]) / 10 + 1)
        self.assertEqual(lib.modbus_read_registers(ctx, 300, 100, words), 100)
        self.assertEqual((words[0], words[7]), (3600, 13))
        self.assertEqual(lib.modbus_read_registers(ctx, 500, 10, words), 10)
        self.assertEqual(words[2], 1234)
        new = (ctypes.c_uint16 * 2)(3590, 2950)
        self.assertEqual(lib.modbus_write_registers(ctx, 300, 2, new), 2)
        self.assertEqual(lib.modbus_read_registers(ctx, 300, 2, words), 2)
        self.assertEqual(list(words[:2]), [3590, 2950])
        new = (ctypes.c_uint16 * 2)(3600, 2900)
        self.assertEqual(lib.modbus_write_registers(ctx, 300, 2, new), 2)

    # ---- pymodbus

    def test_pymodbus(self):
        client = ModbusSerialClient(port=self.board.link, baudrate=115200, timeout=5)
        self.assertTrue(client.connect())
        self.addCleanup(client.close)
        words = client.read_holding_registers(0, 56, slave=SLAVE).registers
        voltage, current = struct.unpack("<ff", struct.pack("<4H", *words[36:40]))
        self.assertAlmostEqual(voltage, sum(words[:16]) / 10000, delta=0.01)
        self.assertEqual(current, 0)
        reply = client.write_registers(303, [3410, 1500], slave=SLAVE)
        self.assertFalse(reply.isError(), reply)
        self.assertEqual(client.read_holding_registers(303, 2, slave=SLAVE).registers, [3410, 1500])
        client.write_registers(303, [3400, 2000], slave=SLAVE)

    # ---- the board's own commands

    def test_own_commands(self):
        line = self.line()
        cells = line.ask("AA 1C", 31)
        self.assertEqual(cells[:3], b"\xaa\x1c\x1a")
        self.assertEqual(cells[-2:], crc(cells[:-2]))
        low, high = line.ask("AA 17", 6), line.ask("AA 16", 6)
        self.assertTrue(low[2] | low[3] << 8 <= high[2] | high[3] << 8)
        self.assertEqual(line.ask("AA 1A", 8)[2:6], struct.pack("<I", 73250000))
        pairs = line.ask("AA 09 04 33 01 2C 01", 13)
        self.assertEqual(struct.unpack("<4H", pairs[3:11]), (307, 13, 300, 3600))
        self.assertEqual(line.ask("AA 0D 04 2F 01 52 0D", 5), bytes.fromhex("AA 01 0D 91 B5"))
        self.assertEqual(line.ask("AA 07 01 2F 01", 7)[3:5], struct.pack("<H", 3410))
        line.ask("AA 0D 04 2F 01 48 0D", 5)
        self.assertEqual(line.ask("AA 0D 04 2F 01 00 00", 6), bytes.fromhex("AA 00 0D 00 25 6C"))
        events = line.ask("AA 12", 13)
        self.assertEqual(events[10], 0x61)
        version = line.ask("AA 1F", 12)
        self.assertEqual(version[3:10], bytes.fromhex("05 00 0A D2 04 03 06"))

    def test_text_between_answers(self):
        line = self.line()
        self.board.say("text 1 1")
        text = line.read(200)
        self.assertIn(b"\tSOC:73.25\t", text)
        self.board.say("text 1 0")


class Cable(unittest.TestCase):
    def test_lines_of_the_input(self):
        board = self.enterContext(BatterySim())
        line = Line(board.link)
        self.addCleanup(line.close)
        board.say("load 12.5")
        end = time.monotonic() + PATIENCE_S
        while struct.unpack("<f", line.ask("AA 15", 8)[2:6])[0] != -12.5:
            self.assertLess(time.monotonic(), end)
        self.assertEqual(line.ask("AA 18", 6)[2], 0x93)
        self.assertIn("is no line that the board knows", board.say("dance"))
        self.assertIn("wire: 14 is not a number from 1 to 13", board.say("wire 14 open"))
        self.assertIn("unplug [SECONDS]", board.say("help"))
        self.assertRegex(board.say("counters"), r"bytes \d+ in")

    def test_the_path_comes_first(self):
        with BatterySim() as board:
            self.assertEqual(os.readlink(board.link), board.path)
            line = Line(board.path)
            self.addCleanup(line.close)
            self.assertEqual(len(line.ask("AA 18", 6)), 6)
        self.assertFalse(os.path.lexists(board.link))

    def test_killed_it_leaves_no_name(self):
        with BatterySim() as board:
            board.process.kill()
            end = time.monotonic() + PATIENCE_S
            while os.path.lexists(board.link):  # it would show the terminal of somebody else soon
                self.assertLess(time.monotonic(), end)
                time.sleep(0.01)

    def test_the_name_is_of_who_took_it_last(self):
        with BatterySim() as board:
            first = board.process
            first.kill()
            first.wait(PATIENCE_S)
            board.start()
            self.assertEqual(first.stdout.read(), "")
            self.assertEqual(os.readlink(board.link), board.path)
            first.stdin.close()
            first.stdout.close()

    def test_unplugged_and_plugged_in(self):
        with BatterySim("--soc", "40") as board:
            line = Line(board.link)
            line.ask("AA 1A", 8)
            board.say("unplug")
            self.assertFalse(os.path.lexists(board.link))
            self.assertEqual(select.select([line.fd], [], [], PATIENCE_S)[0], [line.fd])
            with self.assertRaises(OSError):
                os.read(line.fd, 1) or os.write(line.fd, b"?")
            line.close()
            self.assertEqual(board.say("plug"), os.readlink(board.link))
            line = Line(board.link)
            self.assertEqual(line.ask("AA 1A", 8)[2:6], struct.pack("<I", 40000000))
            line.close()
            board.say("unplug 0.2")
            end = time.monotonic() + PATIENCE_S
            while not os.path.lexists(board.link):
                self.assertLess(time.monotonic(), end)
                board.state()
            line = Line(board.link)
            line.ask("AA 1A", 8)
            line.close()

    def test_a_link_has_one_simulator(self):
        with BatterySim() as board:
            for line in ("load 1", "unplug"):  # also while its cable is out
                board.say(line)
                done = subprocess.run([NUTHATCH, "sim", "battery", "--link", board.link], timeout=60,
                                      capture_output=True, text=True, stdin=subprocess.DEVNULL)
                self.assertEqual((done.returncode, done.stdout), (1, ""))
                self.assertIn(f"{board.link} is the terminal of another simulator", done.stderr)
                board.say("plug")
                self.assertTrue(os.path.exists(board.link))
            line = Line(board.link)
            self.addCleanup(line.close)
            self.assertEqual(len(line.ask("AA 18", 6)), 6)

    def test_the_link_of_another_stays(self):
        board = BatterySim().start()
        self.addCleanup(shutil.rmtree, board.folder)
        board.process.kill()
        board.stop()
        board.start()  # a lock that its owner could not give back does not stop the next
        self.assertEqual(os.readlink(board.link), board.path)
        os.remove(board.link)
        os.symlink("/dev/null", board.link)
        board.stop()
        self.assertEqual(os.readlink(board.link), "/dev/null")
        self.assertEqual(os.listdir(board.folder), ["board"])  # and no lock file

    def test_a_file_keeps_its_place(self):
        with tempfile.NamedTemporaryFile() as file:
            done = subprocess.run([NUTHATCH, "sim", "battery", "--link", file.name], timeout=60,
                                  capture_output=True, text=True)
            self.assertEqual(done.returncode, 1)
            self.assertIn("File exists", done.stderr)
            self.assertTrue(os.path.isfile(file.name))

    def test_sleeps(self):
        with BatterySim("--sleep", "--line", "sleep now") as board:
            line = Line(board.link)
            self.addCleanup(line.close)
            self.assertIn(", asleep", board.state())
            end = time.monotonic() + PATIENCE_S
            asked = 0
            while asked == 0 or not select.select([line.fd], [], [], 0.25)[0]:
                self.assertLess(time.monotonic(), end)
                os.write(line.fd, bytes.fromhex("AA 18 7F 1A"))
                asked += 1
            self.assertGreater(asked, 1)  # the first only wakes it up
            self.assertEqual(line.read(6)[:2], b"\xaa\x18")
            self.assertIn("wake-ups 1", board.say("counters"))

    def test_ends_with_its_time_and_its_parent(self):
        done = subprocess.run([NUTHATCH, "sim", "battery", "--seconds", "1"], timeout=60,
                              capture_output=True, text=True, stdin=subprocess.DEVNULL)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        with subprocess.Popen(["sh", "-c", '"$0" sim battery --with-parent & read end', NUTHATCH],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
            self.assertTrue(parent.stdout.readline())
            parent.stdin.close()
            self.assertEqual(parent.stdout.read(), b"")  # its output has come to an end

    def test_wrong_usage(self):
        for words, told in ((["--cells", "3"], "--cells 3 is not a number from 4 to 16"),
                            (["--chemistry", "lead"], "neither lfp nor nmc"),
                            (["--flip", "101"], "flip: 101 is not a number from 0 to 100"),
                            (["--profile", "night"], "profile: idle, charge, discharge or day"),
                            (["--seconds", "0"], "--seconds 0"), (["here"], '"here" is no option'),
                            (["--nothing"], "--nothing"), (["--line", "x" * 70], "bytes long")):
            done = subprocess.run([NUTHATCH, "sim", "battery", *words], capture_output=True,
                                  text=True, timeout=60)
            self.assertEqual(done.returncode, 2, words)
            self.assertIn(told, done.stdout + done.stderr, words)
        done = subprocess.run([NUTHATCH, "sim", "battery", "--help"], capture_output=True, text=True,
                              timeout=60)
        self.assertEqual(done.returncode, 0)
        self.assertIn("Examples:", done.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
