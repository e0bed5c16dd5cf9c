#!/usr/bin/env python3
"""meson_tests.py FOLDER [ARGUMENT...]: runs `meson test` there, and adds up the test cases of its programs.

A program counts its own where its output ends with "N passed, N failed"; else it is one check.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import suites

# A sanitizer that only prints would pass.
SANITIZERS = {
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
    "ASAN_OPTIONS": "strict_string_checks=1:detect_stack_use_after_return=1",
}


def main():
    folder, *arguments = sys.argv[1:]
    log = Path(folder) / "meson-logs" / "testlog.json"
    log.unlink(missing_ok=True)
    command = ["meson", "test", "-C", folder, "--no-rebuild", "--print-errorlogs", *arguments]
    status = subprocess.run(command, env={**SANITIZERS, **os.environ}).returncode
    total = [0, 0, 0]
    for line in log.read_text().splitlines() if log.exists() else []:
        test = json.loads(line)
        failed = test["result"] not in ("OK", "EXPECTEDFAIL", "SKIP")
        output = test.get("stdout") or ""
        counts = suites.count_cases(output, 1 if failed else 0)
        total = [a + b for a, b in zip(total, (0, 0, 1) if test["result"] == "SKIP" else counts)]
        print("".join(f"{note}\n" for note in suites.notes(output)), end="")
    print(suites.summary(*total))
    return status


if __name__ == "__main__":
    sys.exit(main())
