#!/usr/bin/env python3
"""check_symbols.py ARCHIVE...: what the core's archives need from outside is in the list below.

The list is the whole dependence of core and mqtt on a C library: no allocator, no files, no clock,
no locale, no atomic operation that the chip lacks. A name more is a decision, made here.
"""

import subprocess
import sys

ALLOWED = set("""
memcpy memmove memset memcmp memchr memrchr
strlen strnlen strcmp strncmp strchr strrchr strstr strspn strcspn
snprintf vsnprintf
""".split())

# The compiler's own helpers (64-bit division, soft floating point, save and restore of registers).
HELPERS = tuple("""
__div __udiv __mod __umod __mul __ash __lsh __lshr __clz __ctz __popcount __bswap __ffs
__add __sub __neg __eq __ne __lt __le __gt __ge __cmp __unord __fix __float __extend __trunc
__riscv_save_ __riscv_restore_
""".split())


def symbols(archive):
    """(defined, undefined) global names of an archive; the latter with the object that needs them."""
    text = subprocess.run(["riscv64-unknown-elf-nm", "-A", "-g", archive], check=True,
                          capture_output=True, text=True).stdout
    defined, undefined = set(), {}
    for line in text.splitlines():
        place, _, rest = line.rpartition(":")
        fields = rest.split()
        if not fields:
            continue
        kind, name = fields[-2], fields[-1]
        if kind in "Uw":
            undefined.setdefault(name, place.split("/")[-1])
        else:
            defined.add(name)
    return defined, undefined


def main(archives):
    defined, undefined = set(), {}
    for archive in archives:
        has, needs = symbols(archive)
        defined |= has
        undefined.update(needs)
    outside = {name: place for name, place in undefined.items() if name not in defined}
    bad = {name: place for name, place in sorted(outside.items())
           if name not in ALLOWED and not name.startswith(HELPERS)}
    for name, place in bad.items():
        print(f"{place}: {name} is not in the list of what the core may need")
    print(f"{len(archives)} archives need {len(outside)} names from outside: "
          + " ".join(sorted(outside)))
    if not defined:
        print("no symbol at all: the archives are empty")
    return 1 if bad or not defined else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
