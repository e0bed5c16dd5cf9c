#!/usr/bin/env python3
"""Every C++ file is as clang-format 14 would write it. The first difference of each is shown."""

import subprocess
import sys
from pathlib import Path

files = [p for top in ("include", "src", "tests") for p in sorted(Path(top).rglob("*.[ch]pp"))]
files = [p for p in files if "node_modules" not in p.parts]
failed = 0
for file in files:
    formatted = subprocess.run(["clang-format-14", str(file)], capture_output=True, text=True).stdout
    here, there = file.read_text().splitlines(), formatted.splitlines()
    if here != there:
        failed += 1
        line = next((n for n, (a, b) in enumerate(zip(here, there), 1) if a != b), min(len(here), len(there)) + 1)
        print(f"{file}:{line}: clang-format-14 -i {file} would change this line first")
print(f"{len(files) - failed} passed, {failed} failed")
sys.exit(1 if failed else 0)
