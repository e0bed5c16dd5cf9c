#!/usr/bin/env python3
"""run.py COMPILER...: what units and ids forbid does not compile.

Each .cpp here compiles as it stands, and not with WRONG defined: so it is the wrong line that the compiler refuses, and not
something beside it.
"""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
FLAGS = ["-std=c++20", "-fsyntax-only", "-Wno-unused-value", f"-I{HERE.parent.parent / 'include'}"]


def compiles(source, *defines):
    done = subprocess.run([*sys.argv[1:], *FLAGS, *defines, str(source)], capture_output=True, text=True)
    return done.returncode == 0


def check(source):
    """What is wrong with one file, or ""."""
    if not compiles(source):
        return f"{source.name} does not compile even without WRONG\n"
    if compiles(source, "-DWRONG"):
        return f"{source.name} compiles, and must not with WRONG\n"
    return ""


sources = sorted(HERE.glob("*.cpp"))
with ThreadPoolExecutor() as pool:
    complaints = [complaint for complaint in pool.map(check, sources) if complaint]
print("".join(complaints), end="")
print(f"{len(sources) - len(complaints)} passed, {len(complaints)} failed")
sys.exit(1 if complaints or not sources else 0)
