#!/usr/bin/env python3
"""embed_assets.py DIST OUT.c: every file of a folder as gzip bytes in C constants.

The bytes are compressed once, here; the hub sends them as they are and never copies them to RAM.
The output depends on the input alone: no time, no path of this machine."""
import hashlib
import pathlib
import re
import subprocess
import sys

TYPES = {
    ".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml", ".png": "image/png",
    ".ico": "image/x-icon", ".json": "application/json", ".webmanifest": "application/manifest+json",
    ".wasm": "application/wasm",
}
# Names that bear a hash of their content: memory-3F2A9C01.js.
HASHED = re.compile(r"-[0-9A-Z]{8}\.\w+$")


def main():
    dist, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    files = sorted(p for p in dist.rglob("*") if p.is_file() and p.suffix in TYPES)
    if not files:
        sys.exit(f"embed_assets.py: nothing to embed in {dist}")
    lines = ["// Made by scripts/embed_assets.py from web/dist.", "",
             '#include "portal/portal.h"', "",
             "extern const struct nh_asset nh_web_assets[];", "extern const size_t nh_web_asset_count;"]
    rows = []
    for i, path in enumerate(files):
        raw = path.read_bytes()
        packed = subprocess.run(["zopfli", "-c", str(path)], check=True, capture_output=True).stdout
        tag = hashlib.sha256(raw).hexdigest()[:16]
        lines.append(f"\nstatic const uint8_t asset_{i}[] = {{")
        for at in range(0, len(packed), 24):
            lines.append("    " + ",".join(str(b) for b in packed[at:at + 24]) + ",")
        lines.append("};")
        hashed = "true" if HASHED.search(path.name) else "false"
        rows.append(f'    {{"/{path.relative_to(dist).as_posix()}", "{TYPES[path.suffix]}", '
                    f'"\\"{tag}\\"", asset_{i}, sizeof asset_{i}, {hashed}}},')
    lines += ["", "const struct nh_asset nh_web_assets[] = {", *rows, "};",
              f"const size_t nh_web_asset_count = {len(rows)};", ""]
    out.write_text("\n".join(lines))


main()
