#!/usr/bin/env python3
"""compiled_files.py COMPILE_COMMANDS: the files of src, tests and bench that a build compiles."""

import json
import pathlib
import sys

root = pathlib.Path(__file__).resolve().parent.parent
files = {entry["file"] for entry in json.load(open(sys.argv[1], encoding="utf-8"))}
for name in sorted(files):
    if pathlib.Path(name).relative_to(root).parts[0] in ("src", "tests", "bench"):
        print(name)
