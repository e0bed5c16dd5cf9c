#!/usr/bin/env python3
"""Proves that two sets of golden files have the same numbers in the same order, whatever words stand between them.
usage: same_numbers.py OLD_FOLDER NEW_FOLDER

For changes of wording: `git worktree add /tmp/before HEAD~1`, then same_numbers.py /tmp/before/tests/golden tests/golden. A
text of which a golden file keeps only the first lines counts by these lines; its length and its hash are left out. The last
line is "N passed, N failed".
"""

import re
import sys
from pathlib import Path

NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e[-+]?\d+)?")
LENGTH_AND_HASH = re.compile(r"^\d+ characters, sha256 [0-9a-f]{64}, begins$", re.MULTILINE)


def numbers(path):
    return NUMBER.findall(LENGTH_AND_HASH.sub("", path.read_text()))


def difference(old, new):
    """What tells the numbers of two files apart, or ""."""
    if not new.exists():
        return "is gone"
    before, after = numbers(old), numbers(new)
    for place, (a, b) in enumerate(zip(before, after), 1):
        if a != b:
            return f"number {place} was {a} and is {b}"
    return "" if len(before) == len(after) else f"had {len(before)} numbers and has {len(after)}"


def main():
    old, new = map(Path, sys.argv[1:3])
    files = sorted(old.glob("*.txt"))
    differences = [(path.name, difference(path, new / path.name)) for path in files]
    failed = [(name, what) for name, what in differences if what]
    for name, what in failed:
        print(f"{name}: {what}")
    print(f"{len(files) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed or not files else 0


if __name__ == "__main__":
    sys.exit(main())
