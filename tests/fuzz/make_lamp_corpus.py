"""Writes the first inputs of the fuzz targets of the lamp's datagrams: valid ones and broken ones."""
import os
import struct

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus")


def write(target, name, data):
    folder = os.path.join(HERE, target)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as f:
        f.write(data)


def ddp(flags, sequence, kind, to, offset, data, said=None):
    return struct.pack(">BBBBIH", flags, sequence, kind, to, offset,
                       len(data) if said is None else said) + data


def e131(universe, sequence, channels, priority=100, options=0, start=0):
    dmp = struct.pack(">HBBHHHB", 0x7000 | len(channels) + 11, 2, 0xA1, 0, 1, len(channels) + 1,
                      start) + channels
    frame = struct.pack(">HI64sBHBBH", 0x7000 | len(dmp) + 77, 2, b"corpus", priority, 0, sequence,
                        options, universe) + dmp
    root = struct.pack(">HI16s", 0x7000 | len(frame) + 22, 4, bytes(range(16))) + frame
    return b"\x00\x10\x00\x00ASC-E1.17\x00\x00\x00" + root


def artnet(op, rest):
    return b"Art-Net\x00" + struct.pack("<H", op) + b"\x00\x0e" + rest


def main():
    rgb = bytes(range(30))
    for name, data in {
            "first": ddp(0x40, 1, 0x0B, 1, 0, rgb), "push": ddp(0x41, 2, 0x0B, 1, 30, rgb),
            "rgbw": ddp(0x41, 0, 0x1B, 1, 0, rgb[:28]), "time": b"\x51\x01\x0b\x01" + bytes(4) +
            b"\x00\x03" + bytes(7), "query": ddp(0x42, 0, 0, 251, 0, b""),
            "cut": ddp(0x41, 3, 0x0B, 1, 0, rgb, 31), "far": ddp(0x41, 3, 0, 255, 2**32 - 1, rgb),
            "head": b"\x41\x01\x0b"}.items():
        write("fuzz_lamp_ddp", name, data)
    good = e131(1, 0, rgb)
    for name, data in {
            "data": good, "end": e131(5, 255, rgb, 200, 0x40), "preview": e131(1, 3, b"", 0, 0x80),
            "start": e131(1, 3, rgb, start=0xDD), "cut": good[:-3], "head": good[:60],
            "sync": b"\x00\x10\x00\x00ASC-E1.17\x00\x00\x00\x70\x21\x00\x00\x00\x08" + bytes(16) +
            b"\x70\x0b\x00\x00\x00\x01\x07\x1f\x40\x00\x00"}.items():
        write("fuzz_lamp_e131", name, data)
    for name, data in {
            "dmx": artnet(0x5000, b"\x01\x00\x00\x00\x00\x1e" + rgb),
            "odd": artnet(0x5000, b"\x00\x00\x34\x12\x00\x1d" + rgb),
            "cut": artnet(0x5000, b"\x00\x00\x00\x00\x02\x00" + rgb),
            "poll": artnet(0x2000, b"\x02\x00"), "sync": artnet(0x5200, b"\x00\x00"),
            "other": artnet(0x9700, b"\x00\x00")}.items():
        write("fuzz_lamp_artnet", name, data)
    state = bytes.fromhex("000180ffa000000082820182020304" "05c8bc021106070809" "01010203"
                          "04010a0b0c0d02038100000024")
    for name, data in {
            "warls": b"\x01\x02\x05\xff\x00\x00", "drgb": b"\x02\x02" + rgb,
            "drgbw": b"\x03\xff" + rgb, "dnrgb": b"\x04\x02\x01\xe9" + rgb,
            "dnrgbw": b"\x05\x02\x00\x10" + rgb, "leave": b"\x02\x00", "short": b"\x04\x02\x01",
            "tpm2": b"\x9c\xda\x00\x1e\x01\x02" + rgb + b"\x36",
            "tpm2-cut": b"\x9c\xda\xff\xff\x01\x02" + rgb, "state": state, "state-old": state[:24],
            "beacon": b"\xff\x01\x7f\x00\x00\x01" + b"lamp".ljust(32, b"\x00") + b"\xa0\x01" +
            struct.pack("<I", 2401290)}.items():
        write("fuzz_lamp_wled_udp", name, data)


def receiver():
    """Plays of the receiver: port, address, pause, length, bytes."""
    def play(name, mode, packets):
        out = bytes([mode])
        for port, source, pause, data in packets:
            out += struct.pack(">BBBH", port, source, pause, len(data)) + data
        write("fuzz_lamp_receiver", name, out)

    rgb = bytes(range(90)) * 4
    play("ddp", 0, [(0, 0, 25, ddp(0x40 | i % 2, i % 15 + 1, 0x0B, 1, i % 2 * 360, rgb))
                    for i in range(12)])
    play("e131", 1, [(1, 0, 5, e131(i % 2 + 1, i // 2, rgb)) for i in range(12)])
    play("artnet", 3, [(2, 1, 5, artnet(0x5000, bytes([i // 2 + 1, 0, i % 2, 0, 1, 0x68]) + rgb))
                       for i in range(12)] + [(2, 1, 1, artnet(0x2000, b"\2\0")),
                                              (2, 1, 1, artnet(0x5200, b"\0\0"))])
    play("wled", 0, [(3, 255, 50, b"\2\2" + rgb), (3, 0, 0, b"\4\1\0\x50" + rgb),
                     (3, 252, 1, b"\4\xff\0\0" + rgb), (3, 253, 255, b"\2\0"),
                     (5, 0, 1, b"\x9c\xda\x01\x68\x01\x02" + rgb + b"\x36"),
                     (5, 0, 1, b"\x9c\xda\x01\x68\x02\x02" + rgb + b"\x36"), (4, 2, 9, rgb)])


if __name__ == "__main__":
    main()
    receiver()
