#!/usr/bin/env python3
"""No name of an anonymous namespace stands in two files of one library; the last line is "N passed, N failed".

The tree is a unity build: files of a library are compiled as one. Two equal names would not compile, or worse: a function of
one file would silently take the calls of another file whose function has a better match for its arguments. For the same reason
no anonymous function is called as a function in a header of its library.

usage: check_unity.py [ROOT]
"""

import re
import sys
from collections import defaultdict
from pathlib import Path

OPENS = re.compile(r"namespace(?: ([\w:]+))? \{$")
CLOSES = re.compile(r"}  // namespace")
# clang-format leaves declarations of a namespace at the start of their lines.
DECLARES = [
    re.compile(r"(?:class|struct|enum class|enum|union) (?:\[\[\w+\]\] )?(\w+)(?: final)?(?: :.*)?[ {;]"),
    re.compile(r"using (\w+) ="),
    re.compile(r"(?:\[\[\w+\]\] )?(?!return\b|using\b|namespace\b|template\b|requires\b|friend\b|else\b)[\w:<>,&*\[\] ]*?[ &*>](~?\w+)\("),
    re.compile(r"(?:(?:inline|static|thread_local|const|constexpr|constinit) )+[\w:<>,&* ]*?[ &*>](\w+)[{ =;\[]"),
]


def declared(line):
    for pattern in DECLARES:
        match = pattern.match(line)
        if match:
            return match[1]
    return None


def names_in_namespaces(text):
    """(namespaces, name, line) of each declaration of a namespace; an anonymous namespace is None."""
    stack = []
    for line in text.splitlines():
        if opened := OPENS.match(line):
            stack.append(opened[1])
        elif CLOSES.match(line) and stack:
            stack.pop()
        elif stack and line[:1] not in ("", " ") and (name := declared(line)):
            yield tuple(stack), name, line


def joined(namespaces):
    return "::".join(one for one in namespaces if one)


def anonymous_names(text):
    """(namespace, name) of what a file declares in anonymous namespaces: "ppsim::zbv_schedule", "generate"."""
    return {(joined(stack), name) for stack, name, _ in names_in_namespaces(text) if None in stack}


def public_functions(text):
    """(namespace, name) of the functions that a header declares or defines outside of classes."""
    return {(joined(stack), name) for stack, name, line in names_in_namespaces(text) if f"{name}(" in line}


def headers_by_function(root):
    """{(library, namespace, name): [header]} of public and of internal headers."""
    headers = defaultdict(list)
    for top in (root / "include" / "ppsim", root / "src"):
        for path in sorted(top.rglob("*.hpp")):
            for where in public_functions(path.read_text()):
                headers[(library_of(path.relative_to(top)), *where)].append(path.relative_to(root).as_posix())
    return headers


def library_of(path):
    """Sources of explore/bench are a library of their own."""
    return "/".join(path.parts[:2]) if path.parts[:2] == ("explore", "bench") else path.parts[0]


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    src = root / "src"
    files = defaultdict(list)
    sources = sorted(path.relative_to(src) for path in src.rglob("*.cpp"))
    for path in sources:
        for where in anonymous_names((src / path).read_text()):
            files[(library_of(path), *where)].append(path.as_posix())
    shared = {place: paths for place, paths in sorted(files.items()) if len(paths) > 1}
    for (library, _, name), paths in shared.items():
        print(f"{name}: anonymous in {' and in '.join(paths)}, of which the library {library} is made; give one another name")
    headers = headers_by_function(root)
    hidden = {place: paths for place, paths in sorted(files.items()) if place in headers}
    for place, paths in hidden.items():
        print(f"{place[2]}: anonymous in {' and in '.join(paths)}, and a function of {' and of '.join(headers[place])}; "
              "give the anonymous one another name")
    faulty = {path for paths in [*shared.values(), *hidden.values()] for path in paths}
    print(f"{len(sources) - len(faulty)} passed, {len(faulty)} failed")
    return 1 if faulty or not sources else 0


if __name__ == "__main__":
    sys.exit(main())
