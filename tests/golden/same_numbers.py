#!/usr/bin/env python3
"""Proves that two sets of golden files have the same numbers in the same order, whatever words stand between them.
usage: same_numbers.py OLD_FOLDER NEW_FOLDER

The script is for changes of wording: `git worktree add /tmp/before HEAD~1`, then
same_numbers.py /tmp/before/tests/golden tests/golden. Hashes are left out, and so is the length of a text of which a golden
file keeps only the first lines, so that such a text counts by these lines alone. For a proof that covers all lines, let the
program before and the program after write whole texts (WHOLE=FOLDER, see golden_test.py) and compare the two folders. The last
line is "N passed, N failed".
"""

import re
import sys
from pathlib import Path

# A minus belongs to the number where no word or number ends in front of the minus: "-2.5", and not "1-4" or "zb-1p".
NUMBER = re.compile(r"(?:(?<![\w.)\]-])-)?\d+(?:\.\d+)?(?:e[-+]?\d+)?")
NO_NUMBER = re.compile(r'^\d+ characters, sha256 [0-9a-f]{64}, begins$|"[0-9a-f]{16}"', re.MULTILINE)


def numbers(path):
    return NUMBER.findall(NO_NUMBER.sub("", path.read_text()))


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
