#!/usr/bin/env python3
"""Holds the sources to the plan of the house; prints what breaks it, and a last line "N passed, N failed".

    core <- model <- schedule <- graph <-+- engine  <-+
      ^                                  +- metrics <-+- input <- explore <- output <- api, cli
      +- text (names no domain type)     +- replay  <-+

usage: check_layers.py [ROOT]
"""

import re
import sys
from pathlib import Path

# A layer includes itself and these.
ALLOWED = {"core": set()}
ALLOWED["text"] = {"core"}
ALLOWED["model"] = {"core"}
ALLOWED["schedule"] = ALLOWED["model"] | {"model"}
ALLOWED["graph"] = ALLOWED["schedule"] | {"schedule"}
ALLOWED["engine"] = ALLOWED["metrics"] = ALLOWED["replay"] = ALLOWED["graph"] | {"graph"}
ALLOWED["input"] = ALLOWED["graph"] | {"graph", "engine", "metrics", "text"}
ALLOWED["explore"] = ALLOWED["input"] | {"input", "replay"}
ALLOWED["output"] = ALLOWED["explore"] | {"explore"}
ALLOWED["api"] = ALLOWED["output"] | {"output"}
ALLOWED["cli"] = ALLOWED["output"] | {"output"}

# Tests also see what stands before their layer in this line: those of metrics let the engine make their timelines.
LINE = list(ALLOWED)

# What a writer writes, a reader reads back: tests of these two layers hold the round trip.
ROUND_TRIPS = {"input", "explore"}

# The rooms of a layer, from left to right: a room includes itself and what its set names. "" is the layer's own folder. A
# folder that is not here is a fault, in layers that are.
ROOMS = {
    "model": {
        "hardware": set(),
        "collectives": {"hardware"},
        "layers": {"hardware", "collectives"},
        "costs": {"hardware", "collectives", "layers"},
    },
    "engine": {"": set(), "contention": {""}},
    "schedule": {"": set(), "generators": {""}, "text": {""}, "check": {""}},
    "replay": {
        "": set(),
        "mpi": {""},
        "tcp": {""},
        "gpu": {""},
        "bench": {""},
        "cuda": {"", "gpu", "bench"},
    },
    "input": {
        "config": set(),
        "import": {"config"},
        "import/huggingface": {"config", "import"},
        "import/megatron": {"config", "import"},
        "import/deepspeed": {"config", "import"},
        "import/nccl": {"config", "import"},
        "import/topology": {"config", "import"},
        "timeline": {"config"},
        "table": {"config"},
    },
    "explore": {
        "run": set(),
        "order": {"run"},
        "validate": {"run"},
        "fit": {"run", "validate"},
        "calibrate": {"run"},
        "trace": {"run"},
        "bench": {"run"},
    },
    "output": {
        "": set(),
        "picture": {""},
        "trace": {""},
        "schedule": {""},
        "config": {""},
        "report": {"", "picture", "config"},
    },
}

# Only these name the layer replay: the archives without it link neither MPI nor CUDA.
REPLAY_USERS = {"explore/bench", "cli", "replay"}

# A heavy library, the headers that belong to it, and the only rooms that name it. Tests read published data, and may
# parse JSON anywhere: the fence around it keeps its compile time and its types out of the product.
FENCES = [
    ("CLI11", re.compile(r"CLI/"), ("cli",)),
    ("a JSON library", re.compile(r"(nlohmann|valijson)/"), ("text", "input", "output")),
    ("Boost", re.compile(r"boost/"), ("graph",)),
    ("Eigen", re.compile(r"Eigen/"), ("explore/fit",)),
    ("NLopt", re.compile(r"nlopt"), ("explore/fit",)),
    ("MPI", re.compile(r"mpi\.h"), ("replay/mpi",)),
    ("a BLAS", re.compile(r"cblas"), ("replay",)),
    ("CUDA", re.compile(r"(cuda|cublas|nccl|nvml|nvtx)"), ("replay/cuda",)),
]

# What stands at the top; besides these only dotfiles, and the folder that builds go to.
TOP = {"meson.build", "meson_options.txt", "src", "include", "configs", "traces", "tests", "scripts", "README.md", "LICENSE"}
TOP |= {"build"}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]', re.MULTILINE)
# Headers that are named beside their file: the only includes of CUDA's compiler, which is given no folders.
FOREIGN = ("kernels.hpp",)
SUFFIXES = {".hpp", ".cpp", ".h", ".cu", ".cuh"}
MOST_LINES = 400
MOST_TEST_LINES = 500


def sources(folder):
    return sorted(p for p in folder.rglob("*") if p.suffix in SUFFIXES) if folder.is_dir() else []


def layers_in(folder):
    return sorted(p.name for p in folder.iterdir() if p.is_dir() and sources(p)) if folder.is_dir() else []


def layer_faults(layer, target, is_test):
    """An include of a header of the layer `target` from `layer`."""
    if target not in ALLOWED:
        return [f"there is no layer {target}"]
    before = set(LINE[: LINE.index(layer)]) if is_test else set()
    if is_test and layer in ROUND_TRIPS:
        before |= {"output"}
    if target == layer or target in ALLOWED[layer] | before:
        return []
    return [f"{layer} must not include {target}"]


def room_faults(layer, room, target):
    """An include of the room `target` from `room`, both of `layer`."""
    rooms = ROOMS.get(layer, {})
    faults = [f"there is no room {layer}/{name}" for name in (room, target) if rooms and name not in rooms]
    if not rooms or faults or target == room or target in rooms[room]:
        return faults
    return [f"{layer}/{room} must not include {layer}/{target or '*.hpp'}"]


def fence_faults(room, name, is_test):
    """`room`: the file's folder below src, include/ppsim or tests."""
    def allows(homes):
        # Tests may parse JSON anywhere: see above.
        return any(room == home or room.startswith(home + "/") for home in homes) or (is_test and "text" in homes)

    return [
        f"only {' and '.join(homes)} may name {library}, and this is {room}"
        for library, headers, homes in FENCES
        if headers.match(name) and not allows(homes)
    ]


def include_faults(layer, room, name, is_test):
    """`name` as it stands in an include of our own: ppsim/LAYER/..., or LAYER/... below src."""
    parts = name.removeprefix("ppsim/").split("/")
    if parts == ["ppsim.hpp"]:
        return [] if layer in ("api", "cli") or is_test else [f"{layer} must not include ppsim/ppsim.hpp"]
    target, target_room = parts[0], "/".join(parts[1:-1])
    faults = layer_faults(layer, target, is_test)
    if target == "replay" and f"{layer}/{room}".rstrip("/") not in REPLAY_USERS and layer not in REPLAY_USERS and not is_test:
        faults.append("only explore/bench and cli may include replay")
    if target == layer and not is_test:
        faults += room_faults(layer, room, target_room)
    return faults


def check_include(root, layer, room, quote, name, is_test):
    folder = f"{layer}/{room}".rstrip("/")
    faults = fence_faults(folder, name, is_test)
    if "../" in name and quote == '"':
        return faults + ["an include does not climb: name it from include/ or from src/"]
    ours = name.startswith("ppsim/") or (root / "src" / name).is_file()
    if ours:
        return faults + include_faults(layer, room, name, is_test)
    known = is_test and (root / "tests" / name).is_file()
    if quote == '"' and not known and not name.endswith(FOREIGN):
        faults.append("neither a header below include/ nor one below src/, named from there")
    return faults


def check_file(root, path, layer, room, is_test):
    text = path.read_text()
    faults = []
    for match in INCLUDE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        faults += [
            f"{path}:{line}: {match[2]}: {fault}"
            for fault in check_include(root, layer, room, match[1], match[2], is_test)
        ]
    lines, most = text.count("\n"), MOST_TEST_LINES if is_test else MOST_LINES
    if lines > most:
        faults.append(f"{path}: {lines} lines, more than {most}: split it")
    return faults


def check_includes(root):
    """[(file, its faults)] for every source of every layer."""
    checked = []
    for top in (root / "include" / "ppsim", root / "src", root / "tests"):
        for layer in layers_in(top):
            if layer not in ALLOWED:
                continue  # check_rooms says so; in tests, other things live beside the layers
            for path in sources(top / layer):
                room = path.parent.relative_to(top / layer).as_posix().removeprefix(".")
                checked.append((path, check_file(root, path, layer, room, top.name == "tests")))
    return checked


def check_rooms(root):
    """Public headers in include/ppsim/LAYER are mirrored by src/LAYER and tests/LAYER."""
    faults = []
    for top in (root / "include" / "ppsim", root / "src"):
        faults += [f"{top / name}: no layer of that name" for name in layers_in(top)
                   if name not in ALLOWED and name != "pch"]
        faults += [f"{path}: stands outside every layer" for path in sources(top)
                   if path.parent == top and path.name != "ppsim.hpp"]
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
