"""Reads an animated GIF89a, so that tests need no library for it."""
import struct


def _unpack(data, min_size):
    """The numbers that LZW codes of `data` stand for."""
    clear, out, bits, have, at = 1 << min_size, bytearray(), 0, 0, 0
    size, table, last = min_size + 1, None, None
    while True:
        while have < size:
            bits |= data[at] << have
            have += 8
            at += 1
        code, bits, have = bits & ((1 << size) - 1), bits >> size, have - size
        if code == clear:
            size, last = min_size + 1, None
            table = [bytes([i]) for i in range(clear)] + [b"", b""]
            continue
        if code == clear + 1:
            return bytes(out)
        entry = table[code] if code < len(table) else last + last[:1]
        out += entry
        if last is not None and len(table) < 4096:
            table.append(last + entry[:1])
            if len(table) == 1 << size and size < 12:
                size += 1
        last = entry


def _blocks(data, at):
    """(bytes of the sub-blocks from `at`, where they end)."""
    out = bytearray()
    while data[at]:
        out += data[at + 1:at + 1 + data[at]]
        at += 1 + data[at]
    return bytes(out), at + 1


class Gif:
    """width, height, loops, and frames: (delay in 1/100 s, rows of (r, g, b) as a viewer shows them)."""

    def __init__(self, data):
        assert data[:6] == b"GIF89a", data[:6]
        self.width, self.height, flags = struct.unpack_from("<HHB", data, 6)
        count, at = 2 << (flags & 7), 13
        colors = [tuple(data[at + 3 * i:at + 3 * i + 3]) for i in range(count)]
        at += 3 * count
        shown = [[(0, 0, 0)] * self.width for _ in range(self.height)]
        self.frames, self.loops, delay, clear = [], None, 0, None
        while data[at] != 0x3B:
            kind = data[at]
            if kind == 0x21:
                body, end = _blocks(data, at + 2)
                if data[at + 1] == 0xF9:
                    delay, clear = struct.unpack_from("<H", body, 1)[0], body[3] if body[0] & 1 else None
                elif body.startswith(b"NETSCAPE2.0"):
                    self.loops = struct.unpack_from("<H", body, 12)[0]
                at = end
                continue
            assert kind == 0x2C, kind
            left, top, width, height = struct.unpack_from("<HHHH", data, at + 1)
            packed, end = _blocks(data, at + 11)
            pixels = _unpack(packed, data[at + 10])
            assert len(pixels) == width * height
            for i, index in enumerate(pixels):
                if index != clear:
                    shown[top + i // width][left + i % width] = colors[index]
            self.frames.append((delay, [row[:] for row in shown]))
            at = end
        assert at == len(data) - 1
