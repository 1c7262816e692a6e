#!/usr/bin/env python3
"""Text files to C strings: `const char mewe_wat_NAME[]` for each NAME.wat. Prints the C file."""
import json
import pathlib
import sys

for path in map(pathlib.Path, sys.argv[1:]):
    print(f"extern const char mewe_wat_{path.stem}[];\nconst char mewe_wat_{path.stem}[] =")
    for line in path.read_text(encoding="ascii").splitlines(keepends=True):
        print("\t" + json.dumps(line))
    print("\t;")
