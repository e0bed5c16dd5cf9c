#!/usr/bin/env python3
"""How many files a small change of each kind touches: a schedule, a contention model, an output format, a kind of op, a key
of a config.

usage: count.py [--build] [PATCH...]

Each change is a patch beside this script: a trial that works and has its test, and that is not kept. A patch is applied to a
clone of HEAD in a temporary folder, and the files that the patch touches are counted there, the tests among them. Counted apart
are docs (*.md), and what programs write: schemas and golden files. The exit status is 1 where a patch does not apply, or
touches more files than its bound allows. A patch that no longer applies is made anew: apply what fits, mend the rest,
`git diff HEAD`.

--build also builds ppsim and the tests of the layers concerned with each patch, in one build folder, has the schemas and the
golden files written, counts those that changed, and runs the tests. Without --build no patch may touch a written file, so
that column is 0. Set CXX="ccache g++" where there is ccache.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
BUILD = "build/growth"
PPSIM = f"{BUILD}/ppsim"


class Trial(NamedTuple):
    patch: str
    bound: int  # files, besides docs and written ones
    tests: tuple  # names of unit tests


TRIALS = (
    Trial("schedule", 3, ("schedule",)),
    Trial("contention_model", 6, ("engine", "input", "output")),
    Trial("output_format", 4, ("output",)),
    Trial("op_kind", 20, ("core", "schedule", "engine", "metrics", "model", "input", "output", "explore")),
    Trial("config_key", 3, ("input", "model", "output")),
)


class Touched(NamedTuple):
    files: list
    docs: list
    written: list


def run(command, folder, **options):
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, **options)


def must(command, folder, **options):
    done = run(command, folder, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def is_written(path):
    return path.startswith("configs/schema/") or (path.startswith("tests/golden/") and path.endswith(".txt"))


def touched(clone):
    """The files that differ from HEAD, new ones too."""
    must(["git", "add", "--all"], clone)
    paths = must(["git", "diff", "--cached", "--name-only", "--no-renames", "HEAD"], clone).split("\n")
    kinds = Touched([], [], [])
    for path in filter(None, paths):
        kind = kinds.written if is_written(path) else kinds.docs if path.endswith(".md") else kinds.files
        kind.append(path)
    return kinds


def build_and_test(trial, clone):
    if not (clone / BUILD / "build.ninja").exists():
        must(["meson", "setup", BUILD, "-Doptimization=1", "-Dtests=true"], clone)
    must(["ninja", "-C", BUILD, "ppsim", *(f"tests/test_{name}" for name in trial.tests)], clone)
    must(["scripts/schemas", PPSIM, "configs/schema"], clone)
    must([sys.executable, "tests/golden/golden_test.py", PPSIM, "."], clone, env={**os.environ, "ACCEPT": "1"})
    must(["meson", "test", "-C", BUILD, "--no-rebuild", "--print-errorlogs", *trial.tests], clone)


def count(trial, clone, build):
    """What the patch touches. Throws where it does not apply, or does not build and pass its tests."""
    must(["git", "reset", "--quiet", "--hard"], clone)
    must(["git", "apply", "--3way", str(HERE / f"{trial.patch}.patch")], clone)
    if build:
        build_and_test(trial, clone)
    return touched(clone)


def report(trial, clone, build):
    """Prints a line of the table; true where the trial keeps to its bound."""
    try:
        found = count(trial, clone, build)
    except RuntimeError as error:
        print(f"{trial.patch:18}{'fails':>5}\n{error}", flush=True)
        return False
    fits = len(found.files) <= trial.bound
    numbers = f"{len(found.files):7}{len(found.docs):7}{len(found.written):9}"
    print(f"{trial.patch:18}{numbers}{trial.bound:7}  {'ok' if fits else 'too many'}", flush=True)
    if not fits:
        print("".join(f"    {path}\n" for path in found.files), end="")
    return fits


def main():
    names = [trial.patch for trial in TRIALS]
    parser = argparse.ArgumentParser(description="Counts the files that small changes touch.")
    parser.add_argument("--build", action="store_true", help="also build each change, and run the tests concerned")
    parser.add_argument("patches", nargs="*", metavar="PATCH", help=f"of {', '.join(names)}; without one, all")
    arguments = parser.parse_args()
    if unknown := set(arguments.patches) - set(names):
        parser.error(f"no patch {', '.join(sorted(unknown))}; the patches are {', '.join(names)}")
    chosen = [trial for trial in TRIALS if not arguments.patches or trial.patch in arguments.patches]
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "ppsim"
        must(["git", "clone", "--quiet", "--shared", str(ROOT), str(clone)], folder)
        print(f"{'patch':18}{'files':>7}{'docs':>7}{'written':>9}{'bound':>7}")
        passed = sum(report(trial, clone, arguments.build) for trial in chosen)
    print(f"{passed} passed, {len(chosen) - passed} failed")
    return 0 if passed == len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
