#!/usr/bin/env python3
"""Builds fake shared libraries of CUDA's runtime, NCCL and cuBLASLt, on which a real binary runs without a GPU.

usage: build.py FOLDER [BINARY]

FOLDER gets libcudart, libnccl and libcublasLt under the names and symbol versions of the toolkit's own, so that
LD_LIBRARY_PATH=FOLDER runs a binary that was linked against those. With BINARY, fails where it needs from them what the
fakes lack. Without the toolkit or its headers: says so and exits with 77. What they do: README.md beside this file.
"""

import concurrent.futures
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
FLAGS = ["-std=c++20", "-O0", "-fPIC", "-Wall", "-Wextra", "-Werror", "-pthread"]
CUDART = ["cudart_copy.cpp", "cudart_device.cpp", "cudart_event.cpp", "cudart_kernel.cpp", "cudart_memory.cpp",
          "cudart_pool.cpp", "cudart_stream.cpp"]
# In link order: the others use the streams of the first. Which symbols each gives away.
LIBRARIES = {"cudart": (CUDART, "cuda*; __cuda*; fake_*"),
             "nccl": (["nccl.cpp", "nccl_launch.cpp", "rendezvous.cpp"], "nccl*"),
             "cublasLt": (["cublaslt.cpp"], "cublasLt*")}


class Unavailable(Exception):
    """This machine lacks what the fakes are built from."""


def toolkit():
    """The folder of the CUDA toolkit, with the headers that are needed."""
    nvcc = shutil.which("nvcc")
    places = [os.environ.get("CUDA_HOME"), nvcc and pathlib.Path(nvcc).resolve().parent.parent, "/usr/local/cuda"]
    for place in [pathlib.Path(place) for place in places if place]:
        if all((place / "include" / name).is_file() for name in ("cuda_runtime_api.h", "nccl.h", "cublasLt.h")):
            return place
    raise Unavailable("no CUDA toolkit with the headers of cudart, NCCL and cuBLASLt")


def run(command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def real_library(root, name):
    """The toolkit's own library, whose names and versions the fake takes over."""
    for folder in ("lib64", "lib", "targets/x86_64-linux/lib"):
        if (root / folder / f"lib{name}.so").exists():
            return root / folder / f"lib{name}.so"
    raise Unavailable(f"the CUDA toolkit at {root} has no shared lib{name}")


def soname(library):
    return re.search(r"SONAME.*\[(.*)\]", run(["readelf", "-d", library]))[1]


def symbol_version(library):
    """The version that the library gives its symbols; "" for none, as anonymous version scripts have it."""
    definitions = run(["readelf", "--wide", "-V", library]).split("Version needs section")[0]
    versions = re.findall(r"Flags: none .*Name: (\S+)", definitions)
    return versions[0] if versions else ""


def compile_one(source, root, objects):
    target = objects / f"{source}.o"
    compiler = [*(["ccache"] if shutil.which("ccache") else []), "g++"]
    run([*compiler, *FLAGS, "-isystem", root / "include", "-c", HERE / source, "-o", target])
    return target


def link(name, objects, folder, root, beside):
    real = real_library(root, name)
    script = folder / "objects" / f"{name}.map"
    script.write_text(f"{symbol_version(real)} {{ global: {LIBRARIES[name][1]}; local: *; }};\n")
    target = folder / soname(real)
    run(["g++", "-shared", "-pthread", "-Wl,-z,defs", f"-Wl,-soname,{target.name}", f"-Wl,--version-script,{script}",
         "-o", target, *objects, *beside])
    return target


def inputs(root):
    """A line that changes with anything that the libraries are made of."""
    digest = hashlib.sha256(f"{FLAGS} {root}".encode())
    for path in sorted([*HERE.glob("*.[ch]pp"), HERE / "build.py"]):
        digest.update(path.read_bytes())
    for name in LIBRARIES:
        digest.update(run(["readelf", "--wide", "-d", "-V", real_library(root, name)]).encode())
    return digest.hexdigest()


def build(folder):
    """Builds into `folder`, unless what is there is of these sources; gives the paths of the libraries back."""
    root = toolkit()
    folder = pathlib.Path(folder).resolve()
    targets = [folder / soname(real_library(root, name)) for name in LIBRARIES]
    stamp, state = folder / "objects" / "stamp", inputs(root)
    if all(target.exists() for target in targets) and stamp.exists() and stamp.read_text() == state:
        return targets
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.unlink(missing_ok=True)
    sources = [source for names, _ in LIBRARIES.values() for source in names]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        objects = dict(zip(sources, pool.map(lambda source: compile_one(source, root, stamp.parent), sources)))
    linked = []
    for name, (names, _) in LIBRARIES.items():
        linked.append(link(name, [objects[source] for source in names], folder, root, linked[:1]))
    stamp.write_text(state)
    return linked


def undefined(binary):
    symbols = run(["nm", "-D", "--undefined-only", binary])
    return set(re.findall(r"\bU ((?:cuda|__cuda|nccl|cublasLt)\w+)", symbols))


def defined(libraries):
    return {name for library in libraries
            for name in re.findall(r"\bT (\w+)", run(["nm", "-D", "--defined-only", "--without-symbol-versions", library]))}


def faults(binary, libraries):
    """Why `binary` would not run on the fakes: one line each."""
    missing = sorted(undefined(binary) - defined(libraries))
    found = [f"{binary} calls {name}, which the fakes lack" for name in missing]
    if "(RPATH)" in run(["readelf", "-d", binary]):
        found.append(f"{binary} has an RPATH, which goes before LD_LIBRARY_PATH: link with --enable-new-dtags")
    return found


def main(arguments):
    if len(arguments) not in (1, 2):
        sys.exit(__doc__)
    try:
        libraries = build(arguments[0])
    except Unavailable as why:
        print(f"skipped: {why}")
        return 77
    for library in libraries:
        print(library)
    found = faults(arguments[1], libraries) if len(arguments) == 2 else []
    for fault in found:
        print(fault, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
