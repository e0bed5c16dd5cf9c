#!/usr/bin/env python3
"""Every public header stands alone: a translation unit that holds nothing else compiles."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

FLAGS = ["-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-Wno-missing-field-initializers", "-Iinclude"]


def compile_alone(header):
    """What the compiler says, or "" where it is content."""
    unit = f'#include "{header}"\n'
    done = subprocess.run(["g++", *FLAGS, "-x", "c++", "-"], input=unit, capture_output=True, text=True)
    return f"{header} alone:\n{done.stderr}" if done.returncode else ""


headers = [p.relative_to("include").as_posix() for p in sorted(Path("include").rglob("*.hpp"))]
with ThreadPoolExecutor(os.cpu_count()) as pool:
    complaints = list(pool.map(compile_alone, headers))
print("".join(complaints), end="")
failed = sum(1 for complaint in complaints if complaint)
print(f"{len(complaints) - failed} passed, {failed} failed")
sys.exit(1 if failed else 0)
