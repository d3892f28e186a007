"""Writes the first inputs of fuzz_tinybms: the command that was sent, how the rest is cut, then bytes of the line."""
import os
import struct

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus", "fuzz_tinybms")


def crc(data):
    c = 0xFFFF
    for b in data:
        c ^= b
        for _ in range(8):
            c = c >> 1 ^ (0xA001 if c & 1 else 0)
    return struct.pack("<H", c)


def frame(*parts):
    data = b"\xaa" + b"".join(bytes([p]) if isinstance(p, int) else p for p in parts)
    return data + crc(data)


def main():
    live = frame(0x03, 112, bytes(range(112)))
    text = b"BPV:51.20\tMINCV:3.31\tSOC:73\r\n"
    inputs = {
        "live": (0x03, 6, live),
        "longest": (0x03, 63, frame(0x03, 254, b"\xaa" * 254)),
        "two": (0x03, 1, live + live),
        "text_around": (0x03, 9, text + live + text),
        "heads": (0x03, 2, b"\xaa" * 9 + live),
        "false_start": (0x03, 3, b"\xaa\x03\xfe" + live),
        "cut": (0x03, 3, live[:60]),
        "bit": (0x03, 3, live[:30] + bytes([live[30] ^ 4]) + live[31:]),
        "stray": (0x14, 4, frame(0x15, b"\0\0\x48\xc1") + frame(0x14, b"\xcd\xcc\x4c\x42")),
        "own_block": (0x07, 1, frame(0x07, 62, bytes(range(62)))),
        "several_packets": (0x07, 1, frame(0x07, 0x81, bytes(1)) + frame(0x07, 2, b"\x42\x0e")),
        "list": (0x09, 1, frame(0x09, 8, b"\x2c\x01\x42\x0e\x2d\x01\xb2\x0c")),
        "ack": (0x0D, 1, frame(0x01, 0x0D)),
        "ack_of_a_read": (0x03, 1, frame(0x01, 0x03)),
        "nack": (0x10, 1, frame(0x00, 0x10, 0x00)),
        "echo": (0x10, 1, frame(0x10, b"\x01\x3b\x00\x02")),
        "events": (0x12, 5, frame(0x12, 200, b"\x40\x42\x0f\0" + b"\x3f\x42\x0f\x61" * 49)),
        "no_events": (0x11, 5, frame(0x11, 4, b"\x40\x42\x0f\0")),
        "cells": (0x1C, 5, frame(0x1C, 32, b"\xfa\x80" * 16)),
        "length_0": (0x1C, 5, frame(0x1C, 0)),
        "temperatures": (0x1B, 1, frame(0x1B, 6, b"\xfd\0\0\x80\0\x80")),
        "settings": (0x1D, 7, frame(0x1D, 200, bytes(200))),
        "version": (0x1E, 1, frame(0x1E, 5, b"\x05\0\x0a\xd2\x04")),
        "long_version": (0x1F, 1, frame(0x1F, 7, b"\x05\0\x0a\xd2\x04\x03\x06")),
        "distance": (0x20, 1, frame(0x20, bytes(12))),
        # As a request: command, option, address, count, with lists.
        "write": (0x10, 0, b"\x01\x3b\x02\x03\x10\x68\x09\xc4"),
        "write_list": (0x0D, 0x2C, b"\x01\x01\x01\x03"),
    }
    os.makedirs(HERE, exist_ok=True)
    for name, (command, cut, line) in inputs.items():
        with open(os.path.join(HERE, name), "wb") as f:
            f.write(bytes([command, cut]) + line)


if __name__ == "__main__":
    main()
