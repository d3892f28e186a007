#!/usr/bin/env python3
"""size_table.py --doc FILE --build DIR [--write] ARCHIVE...: flash and RAM of the core by module.

Prints the table (and leaves it in BUILD/size_table.md). Without --write it is compared with the one in FILE: a module that grew by more
than a tenth (and by more than SLACK bytes), or that FILE does not know, fails the check.
"""

import argparse
import pathlib
import re
import subprocess
import sys

GROWTH = 1.10
SLACK = 256  # a small module may grow by this without a word

HEADER = """# Size on a 32-bit chip, by module

Compiled for `rv32imac` by Debian's GCC at `-Os`; written by `make size`, checked by `make test-rv32`:
a module that grows by more than a tenth needs this page written anew, in the same commit.

- Flash: code and constants of the whole module. A program that uses a part of it links less.
- RAM: static data. What a module allocates is in its memory contract, not here.
- Largest frame: the stack of its hungriest function, callees not counted.

"""
COLUMNS = """| module | flash, bytes | RAM, bytes | largest frame, bytes | in |
|---|---:|---:|---:|---|
"""


def archive_size(archive):
    """(flash, ram) summed over the objects of an archive."""
    text = subprocess.run(["riscv64-unknown-elf-size", "-A", archive], check=True,
                          capture_output=True, text=True).stdout
    flash = ram = 0
    for name, size in re.findall(r"^(\.\S+)\s+(\d+)\s+\d+$", text, re.MULTILINE):
        if name.startswith((".text", ".rodata", ".srodata", ".data", ".sdata")):
            flash += int(size)
        if name.startswith((".data", ".sdata", ".bss", ".sbss")):
            ram += int(size)
    return flash, ram


def largest_frame(build, target):
    """(bytes, function) of the largest stack frame, from the compiler's .su files."""
    best = (0, "-")
    for path in build.rglob(f"CMakeFiles/{target}.dir/**/*.su"):
        for line in path.read_text().splitlines():
            place, size, _ = line.split("\t")
            best = max(best, (int(size), place.split(":")[-1]))
    return best


def measure(archives, build):
    rows = {}
    for archive in archives:
        target = pathlib.Path(archive).stem.removeprefix("lib")
        rows[target.removeprefix("nh_")] = (*archive_size(archive), *largest_frame(build, target))
    return rows


def table(rows):
    lines = [f"| {name} | {flash} | {ram} | {frame} | `{function}` |"
             for name, (flash, ram, frame, function) in rows.items()]
    flash, ram = (sum(row[i] for row in rows.values()) for i in (0, 1))
    lines.append(f"| all | {flash} | {ram} | | |")
    return COLUMNS + "\n".join(lines) + "\n"


def written(doc):
    """{module: (flash, ram)} as the page has it."""
    text = doc.read_text() if doc.exists() else ""
    rows = re.findall(r"^\| (\w+) \| (\d+) \| (\d+) \|", text, re.MULTILINE)
    return {name: (int(flash), int(ram)) for name, flash, ram in rows if name != "all"}


def findings(rows, before):
    for name, (flash, ram, _, _) in rows.items():
        if name not in before:
            yield f"{name}: not in the page yet"
            continue
        for what, now, then in (("flash", flash, before[name][0]), ("RAM", ram, before[name][1])):
            if now > max(then * GROWTH, then + SLACK):
                yield f"{name}: {what} grew from {then} to {now} bytes"
    for name in before.keys() - rows.keys():
        yield f"{name}: in the page, but no longer built"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--doc", type=pathlib.Path, required=True)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("archives", nargs="+")
    args = parser.parse_args()
    rows = measure(args.archives, args.build)
    (args.build / "size_table.md").write_text(table(rows))
    print(table(rows), end="")
    if args.write:
        args.doc.write_text(HEADER + table(rows))
        return 0
    bad = list(findings(rows, written(args.doc)))
    for line in bad:
        print(line)
    if bad:
        print("If that is meant: make size, and commit docs/mcu-size.md with the change.")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
