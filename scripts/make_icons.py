#!/usr/bin/python3
"""make_icons.py ICONS.txt OUT.c [--sheet OUT.png]: the built-in icons as program constants.

Reads the drawings (their language stands at the head of ICONS.txt), makes a coverage mask of
64 x 64 of each and writes it packed: a byte below 0x80 is a run of that many and one pixels that
are empty, below 0xC0 of full ones; the others are followed by that many and one pixels of 4 bits.
--sheet makes a picture of all of them, to look at.
"""
import argparse
import math
import re
import struct
import sys
import zlib

SIDE = 64
UNIT = SIDE / 24
ID = re.compile(r"[a-z0-9_]{1,31}")


def segment(px, py, ax, ay, bx, by):
    """The distance of a point from a line."""
    dx, dy = bx - ax, by - ay
    length = dx * dx + dy * dy
    t = max(0.0, min(1.0, ((px - ax) * dx + (py - ay) * dy) / length)) if length else 0.0
    return math.hypot(px - ax - t * dx, py - ay - t * dy)


def line_shape(points, width):
    def distance(x, y):
        return min(segment(x, y, *a, *b) for a, b in zip(points, points[1:])) - width / 2
    return distance, box_of(points, width / 2)


def polygon_shape(points):
    edges = list(zip(points, points[1:] + points[:1]))

    def distance(x, y):
        inside = False
        for (ax, ay), (bx, by) in edges:
            if (ay > y) != (by > y) and x < (bx - ax) * (y - ay) / (by - ay) + ax:
                inside = not inside
        d = min(segment(x, y, *a, *b) for a, b in edges)
        return -d if inside else d
    return distance, box_of(points, 0)


def disc_shape(x, y, r):
    return lambda px, py: math.hypot(px - x, py - y) - r, (x - r, y - r, x + r, y + r)


def circle_shape(x, y, r, width):
    return (lambda px, py: abs(math.hypot(px - x, py - y) - r) - width / 2,
            (x - r - width, y - r - width, x + r + width, y + r + width))


def arc_shape(x, y, r, begin, end, width):
    middle, half = math.radians((begin + end) / 2), math.radians((end - begin) / 2)
    ends = [(x + r * math.cos(math.radians(a)), y + r * math.sin(math.radians(a)))
            for a in (begin, end)]

    def distance(px, py):
        angle = math.atan2(py - y, px - x) - middle
        angle = (angle + math.pi) % (2 * math.pi) - math.pi
        if abs(angle) <= half:
            return abs(math.hypot(px - x, py - y) - r) - width / 2
        return min(math.hypot(px - ex, py - ey) for ex, ey in ends) - width / 2
    return distance, (x - r - width, y - r - width, x + r + width, y + r + width)


def box_shape(x, y, w, h, r):
    cx, cy = x + w / 2, y + h / 2

    def distance(px, py):
        dx, dy = abs(px - cx) - w / 2 + r, abs(py - cy) - h / 2 + r
        return math.hypot(max(dx, 0), max(dy, 0)) + min(max(dx, dy), 0) - r
    return distance, (x, y, x + w, y + h)


def frame_shape(x, y, w, h, r, width):
    inner, box = box_shape(x, y, w, h, r)
    return (lambda px, py: abs(inner(px, py)) - width / 2,
            (box[0] - width, box[1] - width, box[2] + width, box[3] + width))


def box_of(points, margin):
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    return min(xs) - margin, min(ys) - margin, max(xs) + margin, max(ys) + margin


def shape_of(command, n, width):
    points = list(zip(n[0::2], n[1::2]))
    if command == "l":
        return line_shape(points, width)
    if command == "o":
        return line_shape(points + points[:1], width)
    if command == "p":
        return polygon_shape(points)
    if command == "c":
        return circle_shape(*n, width)
    if command == "d":
        return disc_shape(*n)
    if command == "a":
        return arc_shape(*n, width)
    if command == "b":
        return frame_shape(*n, width)
    if command == "r":
        return box_shape(*n)
    raise ValueError(f"no command {command!r}")


def lay(mask, shape, takes_away):
    """Lays a shape over the mask, or takes it away; a pixel at an edge is covered in part."""
    distance, (x0, y0, x1, y1) = shape
    for py in range(max(0, int(y0 * UNIT) - 2), min(SIDE, int(y1 * UNIT) + 3)):
        for px in range(max(0, int(x0 * UNIT) - 2), min(SIDE, int(x1 * UNIT) + 3)):
            d = distance((px + 0.5) / UNIT, (py + 0.5) / UNIT) * UNIT
            cover = max(0.0, min(1.0, 0.5 - d))
            at = py * SIDE + px
            mask[at] = min(mask[at], 1 - cover) if takes_away else max(mask[at], cover)


def draw(mask, text, drawings):
    width = 2.0
    for part in text.split(";"):
        words = part.split()
        if not words:
            continue
        takes_away, command = words[0].startswith("-"), words[0].lstrip("-")
        if command == "use":
            draw(mask, drawings[words[1]], drawings)
        elif command == "slash":
            lay(mask, line_shape([(5, 2), (22, 19)], 2.4), True)
            lay(mask, line_shape([(3, 3), (21, 21)], 2.2), False)
        elif command == "w":
            width = float(words[1])
        else:
            lay(mask, shape_of(command, [float(w) for w in words[1:]], width), takes_away)


def pack(levels):
    out, at = bytearray(), 0

    def run(value, most):
        n = at
        while n < len(levels) and levels[n] == value and n - at < most:
            n += 1
        return n - at
    while at < len(levels):
        empty, full = run(0, 128), run(15, 64)
        if empty or full:
            out.append(empty - 1 if empty else 0x80 + full - 1)
            at += empty or full
            continue
        n = at
        while n < len(levels) and 0 < levels[n] < 15 and n - at < 64:
            n += 1
        part = levels[at:n]
        out.append(0xC0 + len(part) - 1)
        part = part + [0] * (len(part) % 2)
        out.extend(a << 4 | b for a, b in zip(part[0::2], part[1::2]))
        at = n
    return bytes(out)


def read(path):
    drawings = {}
    with open(path, encoding="ascii") as f:
        for number, line in enumerate(f, 1):
            line = line.split("#")[0].strip()
            if not line:
                continue
            name, _, text = line.partition(":")
            if not ID.fullmatch(name) or name in drawings or not text:
                raise SystemExit(f"{path}:{number}: not an icon, or there twice")
            drawings[name] = text
    return drawings


def write_c(path, icons):
    with open(path, "w", encoding="ascii") as f:
        f.write("// Made from icons.txt by scripts/make_icons.py.\n\n"
                '#include "components/macropad/icon_set.h"\n\n')
        for name, packed in icons:
            f.write(f"static const uint8_t {name}_mask[] = {{\n")
            for at in range(0, len(packed), 20):
                f.write("    " + ", ".join(f"{b:3d}" for b in packed[at:at + 20]) + ",\n")
            f.write("};\n\n")
        f.write("const struct nh_icon_builtin nh_icon_set[] = {\n")
        for name, _ in icons:
            f.write(f'    {{"{name}", {name}_mask, sizeof {name}_mask}},\n')
        f.write(f"}};\nconst size_t nh_icon_set_count = {len(icons)};\n")


def write_png(path, masks, columns=16):
    rows = (len(masks) + columns - 1) // columns
    width, height = columns * SIDE, rows * SIDE
    pixels = bytearray(width * height)
    for i, mask in enumerate(masks):
        for y in range(SIDE):
            at = (i // columns * SIDE + y) * width + i % columns * SIDE
            pixels[at:at + SIDE] = bytes(round(v * 255) for v in mask[y * SIDE:(y + 1) * SIDE])
    raw = b"".join(b"\0" + bytes(pixels[y * width:(y + 1) * width]) for y in range(height))

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))
    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">2I5B", width, height, 8, 0, 0, 0, 0)) +
                chunk(b"IDAT", zlib.compress(raw, 9)) + chunk(b"IEND", b""))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("icons")
    parser.add_argument("out")
    parser.add_argument("--sheet")
    args = parser.parse_args()
    drawings, icons, masks = read(args.icons), [], []
    for name in sorted(drawings):
        mask = [0.0] * (SIDE * SIDE)
        draw(mask, drawings[name], drawings)
        if max(mask) < 1:
            raise SystemExit(f"{name}: nothing is to be seen")
        masks.append(mask)
        icons.append((name, pack([round(v * 15) for v in mask])))
    write_c(args.out, icons)
    if args.sheet:
        write_png(args.sheet, masks)


if __name__ == "__main__":
    sys.exit(main())
