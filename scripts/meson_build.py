#!/usr/bin/env python3
"""meson_build.py NAME COMPILER -DOPTION=VALUE... [TARGET...]: configures build/NAME where it is not so configured yet, and
builds it, or what is named of it."""

import os
import subprocess
import sys
from pathlib import Path


def configure(folder, compiler, options):
    # What was asked for last time; meson would configure anew each time, though nothing changed.
    asked = folder / "asked_options.txt"
    wanted = " ".join([compiler, *options])
    if (folder / "build.ninja").exists():
        if asked.exists() and asked.read_text() == wanted:
            return
        command = ["meson", "configure", str(folder), *options]
    else:
        command = ["meson", "setup", str(folder), *options]
    subprocess.run(command, check=True, env={**os.environ, "CXX": compiler})
    asked.write_text(wanted)


def main():
    name, compiler, *rest = sys.argv[1:]
    options = [one for one in rest if one.startswith("-")]
    targets = [one for one in rest if not one.startswith("-")]
    folder = Path("build") / name
    try:
        configure(folder, compiler, options)
        subprocess.run(["ninja", "-k", "0", "-C", str(folder), *targets], check=True)
    except subprocess.CalledProcessError as error:
        return error.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
