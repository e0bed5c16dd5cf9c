"""What the pages show is so: their commands run and print what stands below them, and their links lead somewhere.

usage: pages_test.py PPSIM SOURCE_ROOT [TEST...]

Every fence of a page names what the block is. A block marked `sh` is one script, which has to end with 0. In a block
marked `console` each line that begins with "$ " is a command, and what follows the command is its output, to the letter;
a line "..." stands for any lines. A block marked `sh norun` needs a cluster, a GPU, a network or minutes, and is only read.
Commands run in a folder that looks like the source tree, one folder a page, so that what they write leaves no trace.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import NamedTuple
from unittest import mock

PPSIM = Path(sys.argv[1] if len(sys.argv) > 1 else "build/release/ppsim").absolute()
ROOT = Path(sys.argv[2] if len(sys.argv) > 2 else Path(__file__).parents[2]).resolve()
LIMIT_S = 60  # of one block: a block that hangs fails, and the others still run

# Pages that have to be there, whatever else is.
PAGES = {"README.md", "configs/README.md", "configs/validation/README.md", "src/README.md", "traces/README.md"}
PAGES |= {"src/output/README.md", "src/replay/README.md", "src/schedule/README.md"}
PAGES |= {"configs/calibration.md", "configs/importing.md"}
# What a fence may say. A misspelt "shell" would be a block that nothing runs.
FENCES = {"sh", "sh norun", "console", "json", "cpp", "csv", "text"}
FENCE = re.compile(r"^```(.*)\n((?:.*\n)*?)```$", re.MULTILINE)
README_MOST_LINES = 130


class Block(NamedTuple):
    fence: str
    text: str


def pages(root):
    """Every page of the tree, relative to it. Builds and dotfolders hold pages of others."""
    found = (path.relative_to(root) for path in root.rglob("*.md"))
    return sorted(path.as_posix() for path in found if path.parts[0] != "build" and path.parts[0][0] != ".")


def blocks(text):
    return [Block(*match.groups()) for match in FENCE.finditer(text)]


def commands(block):
    """[(command, expected output or None)]"""
    if block.fence == "sh":
        return [(block.text, None)]
    if block.fence != "console":
        return []
    parts = [part.partition("\n") for part in re.split(r"^\$ ", block.text.replace("\\\n", " "), flags=re.MULTILINE)[1:]]
    return [(command, output) for command, _, output in parts]


def matches(expected, output):
    lines = expected.rstrip().splitlines()
    pattern = "".join("(?:.*\n)*?" if line == "..." else re.escape(line) + "\n" for line in lines)
    return re.fullmatch(pattern, output.rstrip() + "\n") is not None


def fence_faults(text):
    """Blocks that this test would neither run nor know to leave alone."""
    faults = [f"a fence says {block.fence!r}" for block in blocks(text) if block.fence not in FENCES]
    rest = FENCE.sub("", text)
    faults += ["a fence is not closed"] * ("\n```" in "\n" + rest)
    # Indented blocks are examples of JSON, which tests/input/config/schema_test.py reads.
    return faults + [f"neither fenced nor JSON: {line}" for line in re.findall(r"\n\n {4,}([^\s{].*)", "\n\n" + rest)]


def run(command, folder):
    """(exit status, standard output, what went wrong)"""
    environment = {"NO_COLOR": "1", "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
                   "PATH": f"{folder}/build/release:{os.environ['PATH']}"}
    script = ["timeout", str(LIMIT_S), "bash", "-euo", "pipefail", "-c", command]  # and all that the script has started
    done = subprocess.run(script, cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL,
                          env={**os.environ, **environment})
    return done.returncode, done.stdout, done.stderr


def command_fault(command, expected, folder):
    status, output, error = run(command, folder)
    if status != 0:
        return f"exit status {status}: {command}\n{output}{error}"
    if expected and not matches(expected, output):
        return f"{command}\nprints:\n{output}"
    return None


def stand_in(root, ppsim, folder):
    """A folder that looks like the source tree, with the program where the pages have it."""
    for entry in root.iterdir():
        if entry.name != "build":
            (folder / entry.name).symlink_to(entry)
    (folder / "build" / "release").mkdir(parents=True)
    (folder / "build" / "release" / "ppsim").symlink_to(ppsim)


def runnable(found):
    """Without MPI leaves out what starts ranks by mpirun, and what reads files that those would have written."""
    if shutil.which("mpirun"):
        return found
    kept, lost = [], set()
    for command, expected in found:
        if "mpirun" in command or any(name in command for name in lost):
            lost |= set(re.findall(r" -o (\S+)", command))
        else:
            kept.append((command, expected))
    return kept


def slug(heading):
    """The anchor of a heading, as GitHub makes it."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


def anchors(text):
    found = []
    for heading in re.findall(r"^#+ (.*)$", FENCE.sub("", text), re.MULTILINE):
        name = slug(heading)
        found.append(f"{name}-{found.count(name)}" if name in found else name)
    return set(found)


def links(text):
    """Targets of links and pictures within the tree, as they stand in the page."""
    prose = re.sub(r"`[^`\n]*`", "", FENCE.sub("", text))
    return [target for target in re.findall(r"\]\(([^)\s]+)\)", prose) if not re.match(r"\w+:", target)]


def link_fault(root, page, target):
    path, _, anchor = target.partition("#")
    file = ((root / page).parent / path).resolve() if path else root / page
    if not file.is_relative_to(root) or not file.exists():
        return f"{page}: {target}: no such file"
    if anchor and (file.suffix != ".md" or anchor not in anchors(file.read_text())):
        return f"{page}: {target}: no such heading"
    return None


def reached(root, start):
    """The pages to which links lead from `start`, over other pages too. A link to a folder shows its README.md."""
    found, open_pages = set(), [start]
    while open_pages:
        page = open_pages.pop()
        if page in found:
            continue
        found.add(page)
        for target in links((root / page).read_text()):
            file = ((root / page).parent / target.partition("#")[0]).resolve()
            file = file / "README.md" if file.is_dir() else file
            if file.suffix == ".md" and file.is_file():
                open_pages.append(file.relative_to(root).as_posix())
    return found


class Pages(unittest.TestCase):
    def check_each(self, faults):
        """`faults`: of a page's name and text."""
        for page in pages(ROOT):
            with self.subTest(page):
                self.assertEqual("\n".join(faults(page, (ROOT / page).read_text())), "")

    def test_the_pages_are_there_and_links_lead_to_each_from_the_first(self):
        found = set(pages(ROOT))
        self.assertLessEqual(PAGES, found)
        self.assertEqual(found - reached(ROOT, "README.md"), set())

    def test_the_first_page_is_short(self):
        self.assertLessEqual(len((ROOT / "README.md").read_text().splitlines()), README_MOST_LINES)

    def test_every_block_says_what_it_is(self):
        self.check_each(lambda page, text: fence_faults(text))

    def test_links_lead_to_files_and_headings_that_are_there(self):
        self.check_each(lambda page, text: filter(None, (link_fault(ROOT, page, target) for target in links(text))))

    def test_commands_run_and_print_what_the_page_says(self):
        def faults(page, text):
            with tempfile.TemporaryDirectory() as name:
                stand_in(ROOT, PPSIM, Path(name))
                found = runnable([one for block in blocks(text) for one in commands(block)])
                return [fault for one in found if (fault := command_fault(*one, name))]

        self.check_each(faults)


class Checks(unittest.TestCase):
    """Each check of a page finds what is planted."""

    def folder(self, **texts):
        root = tempfile.TemporaryDirectory()
        self.addCleanup(root.cleanup)
        for name, text in texts.items():
            (Path(root.name) / f"{name}.md").write_text(text)
        return Path(root.name).resolve()

    def test_blocks_are_run_as_their_fence_says(self):
        text = "```sh\na\nb\n```\n```sh norun\nc\n```\ntext\n```console\n$ d \\\n  e\nout\n$ f\n```\n"
        found = [one for block in blocks(text) for one in commands(block)]
        self.assertEqual(found, [("a\nb\n", None), ("d    e", "out\n"), ("f", "")])

    def test_output_is_held_to_the_letter_but_for_dots(self):
        self.assertTrue(matches("a\n...\nd\n", "a\nb\nc\nd\n"))
        self.assertTrue(matches("a\n...\nd\n", "a\nd\n"))
        self.assertFalse(matches("a\nd\n", "a\nb\nd\n"))
        self.assertFalse(matches("a.c\n", "abc\n"))

    def test_a_command_that_fails_or_prints_something_else_is_a_fault(self):
        root = self.folder()
        self.assertIsNone(command_fault("echo one", "one\n", root))
        self.assertIn("prints:\none", command_fault("echo one", "two\n", root))
        self.assertIn("exit status 3", command_fault("exit 3", None, root))
        self.assertIn("exit status 1", command_fault("false\ntrue\n", None, root))

    def test_without_mpi_nothing_runs_that_reads_what_ranks_would_have_written(self):
        found = [(command, None) for command in ("mpirun a -o b.csv", "c b.csv -o d.csv", "e d.csv", "f g.csv")]
        with mock.patch("shutil.which", return_value=None):
            self.assertEqual(runnable(found), [("f g.csv", None)])
        with mock.patch("shutil.which", return_value="/usr/bin/mpirun"):
            self.assertEqual(runnable(found), found)

    def test_blocks_that_nothing_would_run_are_faults(self):
        self.assertEqual(fence_faults("```shell\nls\n```\n"), ["a fence says 'shell'"])
        self.assertEqual(fence_faults("```\nls\n```\n"), ["a fence says ''"])
        self.assertEqual(fence_faults("text\n\n    ls\n"), ["neither fenced nor JSON: ls"])
        self.assertEqual(fence_faults("```sh\nls\n```\n```sh\nls\n"), ["a fence is not closed"])
        self.assertEqual(fence_faults('```sh\nls\n```\n\n    {"a": 1}\n'), [])

    def test_dead_links_are_faults(self):
        root = self.folder(a="# One: `two`\n\n## Same\n\n## Same\n", b="")
        for target in ("#one-two", "#same", "#same-1", "b.md", "a.md#same"):
            self.assertIsNone(link_fault(root, "a.md", target), target)
        for target in ("#two", "#same-2", "c.md", "b.md#same", "../"):
            self.assertIsNotNone(link_fault(root, "a.md", target), target)

    def test_links_in_code_and_to_other_sites_are_none_of_ours(self):
        self.assertEqual(links("[a](b.md) ![c](d.svg) `[e](f)` [g](https://h)\n```sh\n[i](j)\n```\n"), ["b.md", "d.svg"])

    def test_a_page_that_no_link_leads_to_is_found(self):
        root = self.folder(a="[b](b.md)", b="[a](a.md)", c="[a](a.md)")
        self.assertEqual(reached(root, "a.md"), {"a.md", "b.md"})


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
