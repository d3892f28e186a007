#!/usr/bin/env python3
"""check_layering.py [--root DIR] [--self-test]: the floors of the house, read from every #include.

    base 0 < platform/*.h 1 < core 2 < mqtt 3 < components 4 < portal 5 < hub 6

A file includes from its own folder and from floors below; parts of one floor may use each other
without a circle; of another component only its <name>.h. A port (platform/linux, bare, espidf)
stands on core and platform/*.h, and only the hub may include a port's header. Beside that: no
header of an operating system under the hub and the ports, malloc in platform/linux alone, no
console, file or clock call in what is sans-IO, no file over 800 lines, no word that marks
unfinished work, no path of somebody's machine.
"""

import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

FLOORS = ["core/base", "platform", "core", "mqtt", "components", "portal", "hub"]
PORTS = ("linux", "bare", "espidf")
LINES_MAX = 800

# What C11 alone has, without files, clocks, threads, locales and signals.
C11_HEADERS = set("""assert.h ctype.h errno.h float.h inttypes.h iso646.h limits.h math.h stdalign.h
    stdarg.h stdbool.h stddef.h stdint.h stdio.h stdlib.h stdnoreturn.h string.h""".split())
EXTRA_HEADERS = {
    # One header talks to the sanitizers, and only in their builds.
    "core/mem": {"sanitizer/asan_interface.h", "sanitizer/lsan_interface.h"},
    "core/json": {"emmintrin.h"},  # the compiler's: 16 bytes a step where the processor has them
    "portal": {"strings.h"},  # header names compare without case; every C library has it
}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"]+)"|<([^>]+)>)', re.MULTILINE)
NOT_CODE = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)
CALL = r"(?<![\w.>])(%s)\s*\("
MALLOC = re.compile(CALL % "malloc|calloc|realloc|reallocarray|free|aligned_alloc|posix_memalign|"
                    "strdup|strndup|asprintf|vasprintf|getline")
SANS_IO = re.compile(CALL % "printf|vprintf|fprintf|puts|putchar|perror|fopen|open|read|write|close|"
                     "socket|time|clock|clock_gettime|gettimeofday|usleep|sleep|nanosleep|getenv|"
                     "exit|abort|rand|srand|strtod|strtok|pthread_\\w+|uv_\\w+|lws_\\w+")
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX(?=:)|HACK|not implemented|for now)\b")
UNFINISHED_IN_C = re.compile(r"\b(stub|placeholder)\b", re.IGNORECASE)
HOST_PATHS = re.compile(r"/wor[k]/|/far[m]/|/roo[t]/|/tmp/w[t]\b|registry\.np[m]js|deb\.debia[n]\.org")


def place_of(path):
    """(floor, part) of a path under src; the floor of a port is None."""
    parts = path.split("/")
    if parts[0] == "platform" and len(parts) > 2 and parts[1] in PORTS:
        return None, "/".join(parts[:2])
    if parts[:2] == ["core", "base"]:
        return 0, "core/base"
    if parts[0] in FLOORS:
        part = "/".join(parts[:2]) if len(parts) > 2 else parts[0]
        return FLOORS.index(parts[0]), part
    return -1, parts[0]


def resolve(src, path, name):
    """The included file's path under src; None when it is not there (generated, or wrong)."""
    for candidate in (src / name, src / pathlib.PurePosixPath(path).parent / name):
        if candidate.exists():
            return candidate.resolve().relative_to(src.resolve()).as_posix()
    return None


def climbs(path, target):
    """Why `path` may not include `target`; None when it may."""
    floor, part = place_of(path)
    target_floor, target_part = place_of(target)
    if part == target_part:
        return None
    if target_floor is None:
        return None if part == "hub" else "the header of a port: for the hub alone"
    if floor is None:
        return None if target_floor <= 2 else "a port stands on core and platform/*.h"
    if target_floor > floor:
        return f"climbs from {FLOORS[floor]} to {FLOORS[target_floor]}"
    if floor >= 4 and target_part.startswith("components/"):
        name = target_part.split("/")[1]
        if target != f"components/{name}/{name}.h":
            return f"of a component only its {name}.h"
    return None


def circle(edges):
    """A circle among the parts of one floor, as a list of names; None when there is none."""
    done, path = set(), []

    def visit(node):
        if node in path:
            return path[path.index(node):] + [node]
        if node in done:
            return None
        path.append(node)
        for other in sorted(edges.get(node, ())):
            found = visit(other)
            if found:
                return found
        done.add(path.pop())
        return None

    for node in sorted(edges):
        found = visit(node)
        if found:
            return found
    return None


def include_findings(src, path, text, edges):
    floor, part = place_of(path)
    for match in INCLUDE.finditer(text):
        own, system = match.groups()
        line = text.count("\n", 0, match.start()) + 1
        if system:
            allowed = system in C11_HEADERS or system in EXTRA_HEADERS.get(part, ())
            if floor is not None and floor < 6 and not allowed:
                yield line, f"<{system}> is not a header of plain C11"
            continue
        target = resolve(src, path, own)
        if target is None:
            if not own.startswith("generated/"):
                yield line, f'"{own}" leads nowhere under src'
            continue
        why = climbs(path, target)
        if why:
            yield line, f'"{own}": {why}'
        other = place_of(target)
        if other[0] == floor and other[1] != part:
            edges.setdefault(part, set()).add(other[1])


def call_findings(path, text):
    floor, part = place_of(path)
    code = NOT_CODE.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)
    rules = []
    if part != "platform/linux":
        rules.append((MALLOC, "malloc stands in platform/linux alone"))
    if floor is not None and floor < 6:
        rules.append((SANS_IO, "what is sans-IO calls no console, file, clock or thread"))
    for pattern, why in rules:
        for match in pattern.finditer(code):
            yield code.count("\n", 0, match.start()) + 1, f"{match.group(1)}(): {why}"


def source_findings(root):
    src = root / "src"
    edges = {}
    for file in sorted([*src.rglob("*.c"), *src.rglob("*.h")]):
        path = file.relative_to(src).as_posix()
        text = file.read_text(encoding="utf-8")
        if place_of(path)[0] == -1:
            yield f"src/{path}:1: no floor of the house"
            continue
        for line, why in [*include_findings(src, path, text, edges), *call_findings(path, text)]:
            yield f"src/{path}:{line}: {why}"
        if text.count("\n") > LINES_MAX:
            yield f"src/{path}:{LINES_MAX}: over {LINES_MAX} lines"
    found = circle(edges)
    if found:
        yield "src: a circle of includes: " + " -> ".join(found)


def text_findings(root, names):
    for name in names:
        if name.endswith((".png", ".jpg", ".ico", ".woff2", ".gz")) or "/corpus/" in name:
            continue
        try:
            lines = (root / name).read_text(encoding="utf-8").splitlines()
        except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
            continue
        for number, line in enumerate(lines, 1):
            if HOST_PATHS.search(line):
                yield f"{name}:{number}: a path or host of somebody's machine"
            if name == "scripts/check_layering.py":
                continue
            if UNFINISHED.search(line) or (name.startswith(("src/", "tools/")) and
                                           UNFINISHED_IN_C.search(line)):
                yield f"{name}:{number}: a word that marks unfinished work"


def tracked(root):
    text = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"],
                          cwd=root, check=True, capture_output=True, text=True).stdout
    return text.splitlines()


# ---- the check, checked -------------------------------------------------------------------------

GOOD = {
    "core/base/base.h": "#include <stdint.h>\n",
    "core/mem/mem.h": '#include "core/base/base.h"\n',
    "core/mem/poison.h": "#include <sanitizer/asan_interface.h>\n",
    "core/json/json.c": '#include "core/mem/mem.h"\n// malloc(1) in words\nint nh_mem_free(int);\n',
    "platform/platform.h": '#include "core/base/base.h"\n',
    "platform/linux/port.h": '#include "core/mem/mem.h"\n#include <uv.h>\nvoid *p = malloc(1);\n',
    "mqtt/broker.h": '#include "platform/platform.h"\n#include "core/mem/mem.h"\n',
    "components/lamp/lamp.h": '#include "mqtt/broker.h"\n',
    "components/lamp/lamp_model.h": '#include "lamp.h"\n',
    "components/audio/audio.c": '#include "components/lamp/lamp.h"\n',
    "portal/portal.h": '#include "components/lamp/lamp.h"\n#include "generated/assets.h"\n',
    "hub/main.c": '#include "portal/portal.h"\n#include "platform/linux/port.h"\n#include <yaml.h>\n',
}
BAD = [
    ("core/base/x.h", '#include "core/mem/mem.h"\n', "climbs"),
    ("platform/x.h", '#include "core/mem/mem.h"\n', "climbs"),
    ("core/json/x.c", '#include "mqtt/broker.h"\n', "climbs"),
    ("mqtt/x.c", '#include "components/lamp/lamp.h"\n', "climbs"),
    ("components/audio/x.c", '#include "portal/portal.h"\n', "climbs"),
    ("components/audio/x.c", '#include "components/lamp/lamp_model.h"\n', "only its lamp.h"),
    ("portal/x.c", '#include "components/lamp/lamp_model.h"\n', "only its lamp.h"),
    ("portal/x.c", '#include "platform/linux/port.h"\n', "hub alone"),
    ("core/mem/x.c", '#include "platform/linux/port.h"\n', "hub alone"),
    ("platform/linux/x.c", '#include "mqtt/broker.h"\n', "a port stands"),
    ("platform/bare/x.c", '#include "platform/linux/port.h"\n', "hub alone"),
    ("core/mem/x.c", "  #  include <pthread.h>\n", "plain C11"),
    ("mqtt/x.c", "#include <stdatomic.h>\n", "plain C11"),
    ("core/json/x.c", "#include <sanitizer/asan_interface.h>\n", "plain C11"),
    ("components/lamp/x.c", "#include <sys/socket.h>\n", "plain C11"),
    ("core/json/x.c", '#include "json_lost.h"\n', "leads nowhere"),
    ("core/mem/x.c", '#include "core/json/json.c"\n', "a circle"),
    ("portal/x.c", "void f(void) { g(malloc (3)); }\n", "malloc stands"),
    ("hub/x.c", 'char *s = strdup("x");\n', "malloc stands"),
    ("mqtt/x.c", 'void f(void) { printf("x"); }\n', "sans-IO"),
    ("core/bus/x.c", "void f(void) { pthread_mutex_lock(m); }\n", "sans-IO"),
    ("core/bus/x.c", "\n" * 801, "over 800 lines"),
    ("attic/x.c", "\n", "no floor"),
    ("hub/x.c", "// TO" "DO: later\n", "unfinished"),
    ("hub/x.c", "// a st" "ub\n", "unfinished"),
    ("hub/x.c", 'const char *p = "/ro' 'ot/x";\n', "somebody's machine"),
]


def findings_of(files):
    with tempfile.TemporaryDirectory() as name:
        root = pathlib.Path(name)
        for path, text in files.items():
            file = root / "src" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        names = [f"src/{path}" for path in files]
        return [*source_findings(root), *text_findings(root, names)]


def self_test():
    wrong = [f"the good tree: {line}" for line in findings_of(GOOD)]
    for path, text, expected in BAD:
        found = findings_of({**GOOD, path: text})
        if len(found) != 1 or expected not in found[0]:
            wrong.append(f"{path} with {text[:50]!r}: expected '{expected}', got {found}")
    print("\n".join(wrong) or f"self-test: {len(BAD)} bad trees found, 1 good tree passed")
    return 1 if wrong else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parent.parent)
    parser.add_argument("--self-test", action="store_true")
    args = parser.parse_args()
    if args.self_test:
        return self_test()
    bad = [*source_findings(args.root), *text_findings(args.root, tracked(args.root))]
    print("\n".join(bad) or "every floor holds")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
