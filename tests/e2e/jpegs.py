"""JPEG files for tests, made by hand: blocks of one colour each, so that nothing but their means is
coded; baseline, 4:4:4."""
import struct


def segment(marker, data):
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def jpeg(width, height, color=lambda x, y: (200, 40, 40), frame=0xC0, padding=0):
    """`color(x, y)` is the red, green and blue of the block of 8 x 8 pixels that begins there."""
    out = b"\xff\xd8" + segment(0xDB, b"\0" + b"\x08" * 64)
    for left in range(padding, 0, -60000):
        out += segment(0xFE, b" " * min(left, 60000))
    components = b"".join(bytes([i, 0x11, 0]) for i in (1, 2, 3))
    out += segment(frame, struct.pack(">BHHB", 8, height, width, 3) + components)
    # Codes of 4 bits for the 12 sizes of a difference; one of 1 bit that ends a block.
    out += segment(0xC4, b"\0" + bytes([0, 0, 0, 12] + [0] * 12) + bytes(range(12)))
    out += segment(0xC4, b"\x10" + bytes([1] + [0] * 15) + b"\0")
    out += segment(0xDA, b"\x03\1\0\2\0\3\0\0\x3f\0")
    bits, last = [], [0, 0, 0]
    for y in range(0, height, 8):
        for x in range(0, width, 8):
            r, g, b = color(x, y)
            luma = (0.299 * r + 0.587 * g + 0.114 * b - 128,
                    -0.1687 * r - 0.3313 * g + 0.5 * b, 0.5 * r - 0.4187 * g - 0.0813 * b)
            for i, value in enumerate(luma):
                mean = round(value)  # 8 times the mean, divided by the table's 8
                diff, last[i] = mean - last[i], mean
                size = abs(diff).bit_length()
                code = format(size, "04b")
                if size:
                    code += format(diff if diff > 0 else diff + (1 << size) - 1, f"0{size}b")
                bits.append(code + "0")
    text = "".join(bits)
    text += "1" * (-len(text) % 8)
    data = int(text, 2).to_bytes(len(text) // 8, "big")
    return out + data.replace(b"\xff", b"\xff\0") + b"\xff\xd9"


def form(data, boundary="xYzBoundary", name="file", filename="image.jpg"):
    """(content type, body) of a form with that file."""
    head = (f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; '
            f'filename="{filename}"\r\nContent-Type: image/jpeg\r\n\r\n').encode()
    return (f"multipart/form-data; boundary={boundary}",
            head + data + f"\r\n--{boundary}--\r\n".encode())
