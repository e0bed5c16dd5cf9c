"""Holds what ppsim prints and writes to golden files, byte for byte. usage: golden_test.py PPSIM SOURCE_ROOT

A case is one command or several (see cases.py); tests/golden/NAME.txt holds their exit status, stdout and stderr and the files
that they write. Of a long text stand its length, its hash and its first lines. ACCEPT=1 rewrites the golden files, and marks
each case that changed as skipped: such a run proves nothing. WHOLE=FOLDER writes the texts of all cases into a folder, each
from its first line to its last, for `diff -r` or for same_numbers.py, and marks all cases as skipped.
"""

import difflib
import gzip
import hashlib
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
import unittest

from cases import MANY_OF_A_KIND, all_cases

PPSIM = os.path.abspath(sys.argv[1])
ROOT = pathlib.Path(sys.argv[2]).resolve()
GOLDEN = ROOT / "tests" / "golden"
ACCEPT = os.environ.get("ACCEPT") == "1"
FOLDER_OF_WHOLE_TEXTS = os.environ.get("WHOLE")
WHOLE = 8_000          # characters of a text that is kept whole
WHOLE_OF_MANY = 2_500  # of a text of a case that is one of many of its kind
FIRST_LINES = 12       # of a text that is not kept whole
LIMIT_S = 300          # catches a hang


def shortened(text, whole):
    """The text, or what tells it from any other. The config's hash is held by the cases of `ppsim config`, so that a change
    of the hash is not a change of every report."""
    if "origins" not in text:
        text = re.sub(r'("config_hash": ?)"[0-9a-f]{16}"', r'\1"..."', text)
    if len(text) <= whole:
        return text
    first = "\n".join(line[:200] for line in text.splitlines()[:FIRST_LINES])
    return f"{len(text)} characters, sha256 {hashlib.sha256(text.encode()).hexdigest()}, begins\n{first}\n"


def unpacked(path):
    """The text of a file. The bytes that pack a text belong to the library that packs, so a packed file counts by its text."""
    return gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text()


def run_case(commands, whole):
    """What the commands of a case say and write, one behind the other, in a folder of their own."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        links = {"configs": ROOT / "configs", "traces": ROOT / "traces", "data": GOLDEN / "data"}
        for link, target in links.items():
            (folder / link).symlink_to(target)
        text = ""
        for command in commands:
            environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "120", "LC_ALL": "C.UTF-8"}
            done = subprocess.run([PPSIM, *command], cwd=folder, capture_output=True, text=True, timeout=LIMIT_S,
                                  stdin=subprocess.DEVNULL, env=environment)
            text += f"$ ppsim {shlex.join(command)}\nexit status {done.returncode}\n{shortened(done.stdout, whole)}"
            text += f"-- stderr\n{shortened(done.stderr, whole)}" if done.stderr else ""
        for path in sorted(folder.iterdir()):
            if path.name not in links:
                text += f"-- {path.name}\n{shortened(unpacked(path), whole)}"
        return text


class Golden(unittest.TestCase):
    def hold(self, name, commands):
        if FOLDER_OF_WHOLE_TEXTS:
            (pathlib.Path(FOLDER_OF_WHOLE_TEXTS) / f"{name}.txt").write_text(run_case(commands, sys.maxsize))
            self.skipTest("written whole")
        path = GOLDEN / f"{name}.txt"
        seen = run_case(commands, WHOLE_OF_MANY if name.startswith(MANY_OF_A_KIND) else WHOLE)
        expected = path.read_text() if path.exists() else None
        if ACCEPT and seen != expected:
            path.write_text(seen)
            self.skipTest("accepted")
        self.assertIsNotNone(expected, f"{path} is not there; ACCEPT=1 writes it")
        if seen != expected:
            lines = list(difflib.unified_diff(expected.splitlines(), seen.splitlines(), "golden", "now", lineterm="", n=1))
            self.fail("\n".join([*(f"ppsim {shlex.join(command)}" for command in commands), *lines[:40]]))


def add_cases():
    for name, commands in all_cases().items():
        def test(self, name=name, commands=commands):
            self.hold(name, commands)
        setattr(Golden, f"test_{name}", test)


class Folder(unittest.TestCase):
    def test_every_golden_file_is_of_a_case(self):
        cases = {name.removeprefix("test_") for name in dir(Golden)}
        self.assertEqual({path.stem for path in GOLDEN.glob("*.txt")} - cases, set())


add_cases()

if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
