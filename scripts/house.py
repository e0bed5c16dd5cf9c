#!/usr/bin/env python3
"""Draws src/house.svg: the layers, their rooms, and an arrow for what a layer includes, from the sources as they are.

usage: house.py [ROOT]

A layer stands above what it includes, as storeys of a house do. An arrow is left out where a way over other arrows leads to the
same layer. The same sources give the same bytes.
"""

import sys
from html import escape
from pathlib import Path
from typing import NamedTuple

import check_layers

# Where a layer stands: the storey, from 0 at the ground, and from where to where it reaches. Lanes for arrows stay free: text
# is read from far above, and replay by explore.
WIDTH = 960
PLACES = {
    "core": (0, 0, 960),
    "model": (1, 0, 770),
    "text": (1, 790, 960),
    "schedule": (2, 0, 770),
    "graph": (3, 0, 770),
    "replay": (4, 0, 330),
    "engine": (4, 350, 550),
    "metrics": (4, 570, 770),
    "input": (5, 350, 960),
    "explore": (6, 0, 960),
    "output": (7, 0, 960),
    "cli": (8, 0, 470),
    "api": (8, 490, 960),
}
WHAT = {
    "core": "units, ids, ops, errors",
    "text": "quantities, tables, files",
    "model": "what a stage costs: times, bytes, links",
    "schedule": "which ops a rank runs, in which order",
    "graph": "ops and transfers with their dependencies",
    "engine": "graph to timeline",
    "metrics": "timeline to figures",
    "replay": "graph to timeline, by real processes",
    "input": "what is read: configs, other tools' files, timelines, tables",
    "explore": "studies, each with the result that it declares",
    "output": "what is written: reports, pictures, traces, schedules, configs",
    "cli": "a file a subcommand",
    "api": "ppsim/ppsim.hpp: the library in one header",
}
MARGIN, GAP, PAD = 20, 34, 12
TITLE, LINE, ROOM = 22, 16, 26  # heights
CHARACTER = 7  # width of one, at 12 pixels

STYLE = """text { font-family: "DejaVu Sans", Verdana, sans-serif; font-size: 12px; fill: #1f2933 }
.name { font-size: 15px; font-weight: bold } .what, .library { fill: #52606d } .library { text-anchor: end } .label { text-anchor: middle }
.page { fill: #ffffff } .layer { fill: #f1f5f9; stroke: #829ab1 } .room { fill: #ffffff; stroke: #bcccdc }
.arrow { fill: none; stroke: #486581; stroke-width: 1.6 } .head { fill: #486581 }"""


class Box(NamedTuple):
    x0: float
    y0: float
    x1: float
    y1: float


def files_of(root, layer):
    """[(room, text)] of every source of a layer."""
    if layer == "api":
        return [("", (root / "include" / "ppsim" / "ppsim.hpp").read_text())]
    tops = [root / "include" / "ppsim" / layer, root / "src" / layer]
    return [(path.parent.relative_to(top).as_posix().removeprefix("."), path.read_text())
            for top in tops for path in check_layers.sources(top)]


def includes(root, layer):
    """The layers that a layer includes."""
    found = set()
    for _, text in files_of(root, layer):
        for match in check_layers.INCLUDE.finditer(text):
            first = match[2].removeprefix("ppsim/").split("/")[0]
            found.add("api" if match[2] == "ppsim/ppsim.hpp" else first)
    return found & PLACES.keys() - {layer}


def libraries(root, layer):
    """The heavy libraries that a layer names."""
    names = {match[2] for _, text in files_of(root, layer) for match in check_layers.INCLUDE.finditer(text) if match[1] == "<"}
    return [library for library, headers, _ in check_layers.FENCES if any(headers.match(name) for name in names)]


def rooms(root, layer):
    """["config", "import: megatron nccl", ...]: rooms, each with those inside it, in the order of check_layers."""
    there = {room for room, _ in files_of(root, layer)} - {""}
    known = [room for room in check_layers.ROOMS.get(layer, {}) if room in there]
    labels = []
    for room in known + sorted(there - set(known)):
        if "/" not in room:
            inside = sorted(name.split("/", 1)[1] for name in there if name.startswith(room + "/"))
            labels.append(f"{room}: {' '.join(inside)}" if inside else room)
    return labels


def reachable(edges, start):
    found, open_layers = set(), [start]
    while open_layers:
        for target in edges[open_layers.pop()] - found:
            found.add(target)
            open_layers.append(target)
    return found


def arrows(root):
    """(from, to), sorted: what a layer includes and reaches in no other way."""
    edges = {layer: includes(root, layer) for layer in PLACES}
    return sorted((layer, target) for layer in edges for target in edges[layer]
                  if not any(target in reachable(edges, other) for other in edges[layer] - {target}))


def lines_of_rooms(labels, width):
    """The rooms as lines of (label, x, width), as many a line as there is space for."""
    lines, x = [], width
    for label in labels:
        needed = len(label) * CHARACTER + 2 * PAD
        if x + needed > width:
            lines.append([])
            x = 0
        lines[-1].append((label, x, needed))
        x += needed + PAD
    return lines


def boxes(root):
    """Box by layer. All boxes of a storey are as high as the fullest."""
    inner = {layer: x1 - x0 - 2 * PAD for layer, (_, x0, x1) in PLACES.items()}
    heights = {}
    for layer, (storey, _, _) in PLACES.items():
        lines = len(lines_of_rooms(rooms(root, layer), inner[layer]))
        heights[storey] = max(heights.get(storey, 0), 2 * PAD + TITLE + LINE + lines * (ROOM + 6))
    top, tops = MARGIN, {}
    for storey in sorted(heights, reverse=True):
        tops[storey] = top
        top += heights[storey] + GAP
    return {layer: Box(MARGIN + x0, tops[storey], MARGIN + x1, tops[storey] + heights[storey])
            for layer, (storey, x0, x1) in PLACES.items()}


def free_lane(source, target, others):
    """The middle of the widest way straight down from one box to the other that crosses none of the others."""
    edges = [(max(source.x0, target.x0), min(source.x1, target.x1))]
    for other in others:
        if source.y1 <= other.y0 and other.y1 <= target.y0:
            edges = [piece for x0, x1 in edges for piece in ((x0, min(x1, other.x0)), (max(x0, other.x1), x1))]
    x0, x1 = max(edges, key=lambda piece: piece[1] - piece[0])
    return (x0 + x1) / 2 if x1 - x0 >= PAD else None


def draw_arrow(placed, source, target):
    others = [box for layer, box in placed.items() if layer not in (source, target)]
    x = free_lane(placed[source], placed[target], others)
    if x is None:
        sys.exit(f"no lane from {source} down to {target}: give them another place in scripts/house.py")
    y0, y1 = placed[source].y1, placed[target].y0
    return [f'<path class="arrow" d="M{x:g} {y0:g}V{y1 - 7:g}"/>',
            f'<path class="head" d="M{x - 5:g} {y1 - 9:g}h10l-5 9z"/>']


def draw_layer(root, layer, box):
    x, y = box.x0 + PAD, box.y0 + PAD
    drawn = [f'<rect class="layer" x="{box.x0:g}" y="{box.y0:g}" width="{box.x1 - box.x0:g}" height="{box.y1 - box.y0:g}" rx="6"/>',
             f'<text class="name" x="{x:g}" y="{y + 12:g}">{layer}</text>',
             f'<text class="what" x="{x:g}" y="{y + TITLE + 10:g}">{escape(WHAT[layer])}</text>']
    if named := libraries(root, layer):
        drawn.append(f'<text class="library" x="{box.x1 - PAD:g}" y="{y + 12:g}">{escape(", ".join(named))}</text>')
    top = y + TITLE + LINE + 4
    for line in lines_of_rooms(rooms(root, layer), box.x1 - box.x0 - 2 * PAD):
        for label, at, width in line:
            drawn.append(f'<rect class="room" x="{x + at:g}" y="{top:g}" width="{width:g}" height="{ROOM}" rx="4"/>')
            drawn.append(f'<text class="label" x="{x + at + width / 2:g}" y="{top + 17:g}">{escape(label)}</text>')
        top += ROOM + 6
    return drawn


def drawing(root):
    placed = boxes(root)
    width, height = WIDTH + 2 * MARGIN, max(box.y1 for box in placed.values()) + MARGIN
    drawn = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height:g}" viewBox="0 0 {width} {height:g}">',
             f"<style>\n{STYLE}\n</style>", f'<rect class="page" width="{width}" height="{height:g}"/>']
    for layer, box in placed.items():
        drawn += draw_layer(root, layer, box)
    for source, target in arrows(root):
        drawn += draw_arrow(placed, source, target)
    return "\n".join([*drawn, "</svg>"]) + "\n"


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent)
    (root / "src" / "house.svg").write_text(drawing(root))


if __name__ == "__main__":
    main()
