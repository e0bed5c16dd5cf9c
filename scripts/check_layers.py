#!/usr/bin/env python3
"""Holds the sources to the plan of the house; prints what breaks it, and a last line "N passed, N failed".

    core <- model <- schedule <- graph <-+- engine  <-+
                                         +- metrics <-+- io <- explore <- cli
                                         +- replay  <-+

usage: check_layers.py [ROOT]
"""

import re
import sys
from pathlib import Path

# A layer includes itself and these.
ALLOWED = {"core": set()}
ALLOWED["model"] = {"core"}
ALLOWED["schedule"] = ALLOWED["model"] | {"model"}
ALLOWED["graph"] = ALLOWED["schedule"] | {"schedule"}
ALLOWED["engine"] = ALLOWED["metrics"] = ALLOWED["replay"] = ALLOWED["graph"] | {"graph"}
ALLOWED["io"] = ALLOWED["graph"] | {"graph", "engine", "metrics", "replay"}
ALLOWED["explore"] = ALLOWED["io"] | {"io"}
ALLOWED["cli"] = ALLOWED["explore"] | {"explore"}

# Tests also see what stands before their layer in this line: those of metrics let the engine make their timelines.
LINE = list(ALLOWED)

# A heavy library, the headers that belong to it, and the only room that names it. Tests read published data, and may
# parse JSON anywhere: the fence around it keeps its compile time and its types out of the product.
FENCES = [
    ("CLI11", re.compile(r"CLI/"), "cli"),
    ("a JSON library", re.compile(r"(nlohmann|valijson)/"), "io"),
    ("Boost", re.compile(r"boost/"), "graph"),
    ("NLopt", re.compile(r"nlopt"), "explore"),
    ("MPI", re.compile(r"mpi\.h"), "replay/mpi"),
    ("a BLAS", re.compile(r"cblas"), "replay"),
    ("CUDA", re.compile(r"(cuda|cublas|nccl|nvml|nvtx)"), "replay/cuda"),
]

# What stands at the top; besides these only dotfiles, and the folder that builds go to.
TOP = {"meson.build", "meson_options.txt", "src", "include", "configs", "traces", "tests", "scripts", "README.md", "LICENSE"}
TOP |= {"build"}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]', re.MULTILINE)
SUFFIXES = {".hpp", ".cpp", ".h", ".cu", ".cuh"}
MOST_LINES = 500


def sources(folder):
    return sorted(p for p in folder.rglob("*") if p.suffix in SUFFIXES) if folder.is_dir() else []


def layers_in(folder):
    return sorted(p.name for p in folder.iterdir() if p.is_dir() and sources(p)) if folder.is_dir() else []


def layer_faults(layer, target, is_test):
    """An include of ppsim/TARGET/... from `layer`."""
    if target not in ALLOWED:
        return [f"there is no layer {target}"]
    before = set(LINE[: LINE.index(layer)]) if is_test else set()
    if target == layer or target in ALLOWED[layer] | before:
        return []
    return [f"{layer} must not include {target}"]


def fence_faults(room, name, is_test):
    """`room`: the file's folder below src, include/ppsim or tests."""
    return [
        f"only {home} may name {library}, and this is {room}"
        for library, headers, home in FENCES
        if headers.match(name) and room != home and not room.startswith(home + "/") and not (is_test and home == "io")
    ]


def include_faults(path, layer, room, quote, name, is_test):
    faults = fence_faults(room, name, is_test)
    if name.startswith("ppsim/"):
        return faults + layer_faults(layer, name.split("/")[1], is_test)
    shared_by_tests = is_test and re.fullmatch(r"\.\./\w+\.hpp", name)
    if quote == '"' and "../" in name and not shared_by_tests:
        faults.append("an include does not climb: name it from include/, or put it beside the file")
    elif quote == '"' and not is_test and not (path.parent / name).is_file():
        faults.append("neither a public header (ppsim/...) nor a file beside this one")
    return faults


def check_file(path, layer, room, is_test):
    text = path.read_text()
    faults = []
    for match in INCLUDE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        faults += [
            f"{path}:{line}: {match[2]}: {fault}"
            for fault in include_faults(path, layer, room, match[1], match[2], is_test)
        ]
    lines = text.count("\n")
    if lines > MOST_LINES:
        faults.append(f"{path}: {lines} lines, more than {MOST_LINES}: split it")
    return faults


def check_includes(root):
    """[(file, its faults)] for every source of every layer."""
    checked = []
    for top in (root / "include" / "ppsim", root / "src", root / "tests"):
        for layer in layers_in(top):
            if layer not in ALLOWED:
                continue  # check_rooms says so; in tests, other things live beside the layers
            for path in sources(top / layer):
                room = path.parent.relative_to(top).as_posix()
                checked.append((path, check_file(path, layer, room, top.name == "tests")))
    return checked


def check_rooms(root):
    """Public headers in include/ppsim/LAYER are mirrored by src/LAYER and tests/LAYER."""
    faults = []
    for top in (root / "include" / "ppsim", root / "src"):
        faults += [f"{top / name}: no layer of that name" for name in layers_in(top)
                   if name not in ALLOWED and name != "pch"]
        faults += [f"{path}: stands outside every layer" for path in sources(top) if path.parent == top]
    for layer in sorted(ALLOWED.keys() & set(layers_in(root / "include" / "ppsim"))):
        faults += [
            f"{root / mirror / layer}: is not there, and include/ppsim/{layer} is"
            for mirror in ("src", "tests")
            if not sources(root / mirror / layer)
        ]
    return faults


def check_top(root):
    names = sorted(path.name for path in root.iterdir())
    return [f"{root / name}: has no place at the top" for name in names if name not in TOP and name[0] != "."]


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    results = [faults for _, faults in check_includes(root)] + [check_rooms(root), check_top(root)]
    if len(results) == 2:
        results[0].append(f"{root}: no sources here")
    for fault in sum(results, []):
        print(fault)
    failed = sum(1 for faults in results if faults)
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
