"""What README.md shows is so: its commands run, and print what stands below them.

In a block marked `console` each line that begins with "$ " is a command, and what follows it is its output, to the
letter; a line "..." stands for any lines. In a block marked `sh` each line is a command. All of it runs in a folder that
looks like the source tree, so that what a command writes there leaves no trace.
"""

import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# This runs inside scripts/test; getting the sources is behind whoever reads this; installing is for root, and tested; GPUs
# are elsewhere.
NOT_HERE = re.compile(r"(\./)?scripts/test\b|git clone|cd |(sudo )?meson install|.*cuda-nccl")


def blocks(text, language):
    """The fenced blocks of a language. Fences open and close in turn, so that text between two blocks is none."""
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [block for name, block in fenced if name == language]


def commands(text):
    """[(command, expected output or None)]"""
    text = text.replace("\\\n", " ")
    found = [(line, None) for block in blocks(text, "sh") for line in block.splitlines()]
    for block in blocks(text, "console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            found.append((command, output))
    found = [(line.partition(" # ")[0].strip(), output) for line, output in found]
    return [(line, output) for line, output in found if line and not line.startswith("#") and not NOT_HERE.match(line)]


def matches(expected, output):
    pattern = "".join("(?:.*\n)*?" if line == "..." else re.escape(line) + "\n" for line in expected.rstrip().splitlines())
    return re.fullmatch(pattern, output.rstrip() + "\n") is not None


class Readme(unittest.TestCase):
    def test_its_commands_run_and_print_what_it_says(self):
        found = commands((ROOT / "README.md").read_text())
        self.assertGreater(len(found), 0)
        if shutil.which("mpirun") is None:
            found = [(command, expected) for command, expected in found if "mpirun" not in command and "step.csv" not in command]
        with tempfile.TemporaryDirectory() as folder:
            for entry in ROOT.iterdir():
                (Path(folder) / entry.name).symlink_to(entry)
            for command, expected in found:
                with self.subTest(command):
                    done = subprocess.run(
                        ["bash", "-c", command], cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL,
                        env={**os.environ, "NO_COLOR": "1", "OMPI_ALLOW_RUN_AS_ROOT": "1",
                             "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"})
                    self.assertEqual(done.returncode, 0, done.stderr)
                    if expected:
                        self.assertTrue(matches(expected, done.stdout), f"it prints:\n{done.stdout}")

    def test_files_that_it_points_at_are_there(self):
        links = re.findall(r"\]\(([^)#\s]+)", (ROOT / "README.md").read_text())
        for link in links:
            if not re.match(r"\w+:", link):
                with self.subTest(link):
                    self.assertTrue((ROOT / link).exists())


if __name__ == "__main__":
    unittest.main()
