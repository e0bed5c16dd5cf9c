#!/usr/bin/env python3
"""The suites of scripts/test. Each is a list of commands; the last line of all is "N passed, N failed[, N skipped]".

usage: suites.py [--all] [NAME...]

Without names every suite runs that belongs to a quarter of an hour on two idle cores; --all adds the others, which make a
bare Debian. Each suite has a budget in seconds: a suite that takes twice its budget prints a note, and fails for no time
that it takes. A command counts its own test cases where its output ends with such a line, or as Python's unittest ends; else it is one
check, by its exit status. A suite that fails shows all it said and stops nothing behind it.
"""

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
TIMEOUT_S = 900  # a suite that hangs fails, and the others still run
LONG_TIMEOUT_S = 5400  # of those that only --all runs
PYTHON = sys.executable
PPSIM = "build/release/ppsim"
WERROR = "-Dwerror=" + ("true" if os.environ.get("CI") == "true" else "false")
TESTS = ["-Dtests=true", "-Dbenchmarks=true", WERROR]

# gcc and release for what users get; clang and the sanitizers for a second opinion on all that unit tests run.
RELEASE = ["release", "g++", "-Dbuildtype=release", "-Ddefault_library=both", *TESTS]
# Of debug information as much as a sanitizer prints.
SANITIZE = ["sanitize", "clang++-14", "-Dbuildtype=plain", "-Dcpp_args=-gline-tables-only", "-Db_sanitize=address,undefined"]
SANITIZE += ["-Db_lundef=false", *TESTS, "meson-test-prereq"]
# Random cases of a property: a hundred where they are fast; these many times slower ones look for other faults.
FEWER_CASES = "RC_PARAMS=max_success=25"
# What Python suites are given; most need nothing.
CLI = ("bench_cluster", "calibrate", "cli", "compare_runs", "config", "export", "goal", "import", "import_trace")
CLI += ("replay", "replay_cuda", "replay_tcp", "runs", "validate", "fit")
WITH_PPSIM = [f"cli/{name}" for name in CLI] + ["launch/launch", "golden/golden", "netlab/netlab"]
WITH_PPSIM += ["output/report_keys", "scripts/pages", "validation/published"]
ARGUMENTS = {f"tests/{name}_test.py": [PPSIM, "."] for name in WITH_PPSIM}


def script(name, *arguments):
    return [PYTHON, f"scripts/{name}", *arguments]


# Seconds that a suite takes on two idle cores, rounded up; of suites that are not named here, DEFAULT_BUDGET_S.
DEFAULT_BUDGET_S = 5
BUDGETS_S = {
    "bench": 20,
    "browser": 20,
    "build": 180,
    "build-sanitize": 150,
    "cli/bench_cluster_test.py": 25,
    "cli/calibrate_test.py": 20,
    "cli/cli_test.py": 15,
    "cli/replay_cuda_test.py": 25,
    "cli/replay_tcp_test.py": 10,
    "cli/replay_test.py": 45,
    "fakes/fakes_test.py": 10,
    "format": 15,
    "golden/golden_test.py": 10,
    "headers": 20,
    "install/install_test.py": 10,
    "netlab/netlab_test.py": 45,
    "scripts/pages_test.py": 20,
    "unit": 30,
    "unit-sanitize": 180,
    "bare-debian": 3600,
}


class Suite(NamedTuple):
    name: str
    commands: list
    only_all: bool = False  # runs with --all, or when named

    @property
    def budget_s(self):
        return BUDGETS_S.get(self.name, DEFAULT_BUDGET_S)


def table():
    """Every suite, in the order in which they run."""
    python_tests = sorted(p.relative_to(ROOT).as_posix() for p in ROOT.glob("tests/**/*_test.py"))
    suites = [
        Suite("format", [script("check_format.py")]),
        Suite("layers", [script("check_layers.py")]),
        Suite("unity", [script("check_unity.py")]),
        Suite("headers", [script("check_headers.py")]),
        Suite("build", [script("meson_build.py", *RELEASE)]),
        Suite("unit", [script("meson_tests.py", "build/release")]),
        Suite("build-sanitize", [script("meson_build.py", *SANITIZE)]),
        Suite("unit-sanitize", [["env", FEWER_CASES, *script("meson_tests.py", "build/sanitize")]]),
    ]
    suites += [Suite(path.removeprefix("tests/"), [[PYTHON, path, *ARGUMENTS.get(path, [])]]) for path in python_tests]
    suites += [Suite("browser", [["tests/browser/run"]])]
    suites += [Suite("bench", [script("meson_tests.py", "build/release", "--benchmark")])]
    suites += [Suite("growth", [[PYTHON, "tests/scripts/growth/count.py"]], only_all=True)]
    suites += [Suite("bare-debian", [["tests/scripts/bare_debian"]], only_all=True)]
    return suites


COUNTS = re.compile(r"(\d+) passed, (\d+) failed(?:, (\d+) skipped)?")


def unittest_counts(output):
    """(passed, failed, skipped) from the way Python's unittest ends, or None."""
    ran = re.findall(r"^Ran (\d+) tests? in", output, re.MULTILINE)
    verdict = re.findall(r"^(?:OK|FAILED)(?: \((.*)\))?$", output, re.MULTILINE)
    if not ran or not verdict:
        return None
    notes = {key: int(value) for key, value in re.findall(r"([a-z]+(?: [a-z]+)*)=(\d+)", verdict[-1])}
    failed = notes.get("failures", 0) + notes.get("errors", 0)
    skipped = notes.get("skipped", 0)
    return max(int(ran[-1]) - failed - skipped, 0), failed, skipped


def count_cases(output, status):
    """(passed, failed, skipped) of one command. Whatever it counted, a bad exit status is a failure."""
    last_line = output.rstrip().rsplit("\n", 1)[-1]
    match = COUNTS.fullmatch(last_line)
    if match:
        counts = tuple(int(number or 0) for number in match.groups())
    else:
        counts = unittest_counts(output) or ((1, 0, 0) if status == 0 else (0, 1, 0))
    passed, failed, skipped = counts
    if failed == 0 and (status != 0 or passed + skipped == 0):
        failed = 1
    return passed, failed, skipped


def run_command(command, timeout_s=TIMEOUT_S):
    """(output, exit status); the status is 124 where it ran too long."""
    try:
        done = subprocess.run(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", timeout=timeout_s)
        return done.stdout, done.returncode
    except subprocess.TimeoutExpired as late:
        return f"{(late.stdout or b'').decode(errors='replace')}\nstill running after {timeout_s} s\n", 124
    except OSError as error:
        return f"{error}\n", 127


def summary(passed, failed, skipped):
    return f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else "")


def notes(output):
    """Lines that a suite wants seen though it passed, each once: "note: ...", and "skipped: " with the reason."""
    return list(dict.fromkeys(re.findall(r"\b((?:note|skipped): .*)$", output, re.MULTILINE)))


def over_budget(suite, seconds):
    """The note of a suite that took twice what it takes on two idle cores, or ""."""
    return f"note: {seconds:.0f} s, and its budget is {suite.budget_s} s" if seconds > 2 * suite.budget_s else ""


def run_suite(suite):
    print(f"{suite.name:36}", end="", flush=True)
    start = time.monotonic()
    total, outputs = [0, 0, 0], []
    for command in suite.commands:
        output, status = run_command(command, LONG_TIMEOUT_S if suite.only_all else TIMEOUT_S)
        outputs.append(output)
        total = [a + b for a, b in zip(total, count_cases(output, status))]
    seconds = time.monotonic() - start
    print(f"{seconds:7.1f} s   {summary(*total)}", flush=True)
    text = "".join(outputs)
    if total[1]:
        print(text, end="" if text.endswith("\n") else "\n")
    else:
        print("".join(f"    {note}\n" for note in notes(text)), end="", flush=True)
    if late := over_budget(suite, seconds):
        print(f"    {late}", flush=True)
    return total


def chosen(suites, arguments):
    names = [one for one in arguments if one != "--all"]
    unknown = set(names) - {suite.name for suite in suites}
    if unknown:
        sys.exit(f"no suite {', '.join(sorted(unknown))}; the suites are: {' '.join(suite.name for suite in suites)}")
    if names:
        return [suite for suite in suites if suite.name in names]
    return [suite for suite in suites if "--all" in arguments or not suite.only_all]


def main():
    start = time.monotonic()
    totals = [run_suite(suite) for suite in chosen(table(), sys.argv[1:])]
    passed, failed, skipped = map(sum, zip(*totals))
    print(f"{'all suites':36}{time.monotonic() - start:7.1f} s")
    print(summary(passed, failed, skipped))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
