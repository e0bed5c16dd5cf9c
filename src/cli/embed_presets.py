"""Writes presets.cpp: each config given, with its section files inlined, as a string of the program."""

import json
import pathlib
import sys


def inlined(path):
    document = json.loads(path.read_text())
    document.pop("$schema", None)  # relative to configs/, which the user of a preset may not have
    for key, section in document.items():
        if isinstance(section, str) and section.endswith(".json"):
            document[key] = inlined(path.parent / section)
    return document


def main(output, *paths):
    entries = []
    for path in sorted(map(pathlib.Path, paths), key=lambda path: path.stem):
        document = inlined(path)
        text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
        entries.append(f'    {{"{path.stem}", {json.dumps(document["description"])}, R"json({text})json"}},\n')
    pathlib.Path(output).write_text(
        '#include "cli/presets.hpp"\n\nnamespace ppsim::cli {\nnamespace {\n\nconstexpr Preset kPresets[] = {\n'
        + "".join(entries)
        + "};\n\n}  // namespace\n\nstd::span<const Preset> presets() { return kPresets; }\n\n}  // namespace ppsim::cli\n")


main(*sys.argv[1:])
