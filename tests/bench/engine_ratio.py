"""The engine against a bare event heap, on 1F1B at 64 x 4096: usage: engine_ratio.py PPSIM SOURCE_ROOT COMPILER [RUNS]

Both are timed inside one process each, the engine alone, run in turn so that the machine's mood meets both; the figure is
the ratio of medians. Exit 1 where the engine takes more than 1.5 x the yardstick, 77 where there is no yardstick.
"""

import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

BOUND = 1.5
MAKESPAN_NS = 12_927_340_000  # of both, or they did not do the same work


def engine_seconds(ppsim, config, contention):
    done = subprocess.run([ppsim, "simulate", config, "--json", "--timing", "--contention", contention],
                          capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["makespan_ns"] == MAKESPAN_NS
    return json.loads(done.stderr)


def yardstick_seconds(program):
    done = subprocess.run([program, "64", "4096"], capture_output=True, text=True, check=True)
    assert int(re.search(r"makespan_ns=(\d+)", done.stdout)[1]) == MAKESPAN_NS
    return float(re.search(r"sim_s=([\d.]+)", done.stdout)[1])


def main(ppsim, root, compiler, runs="7"):
    shared = pathlib.Path(os.environ.get("PPSIM_SHARED", pathlib.Path(root) / ".." / "shared"))
    source = shared / "bench" / "ref_des.cpp"
    if not source.exists():
        print("skipped: the yardstick is not here")
        return 77
    config = pathlib.Path(root) / "configs" / "reference_64x4096.json"
    seconds = {"none": [], "fifo": [], "yardstick": []}
    phases = []
    with tempfile.TemporaryDirectory() as folder:
        program = pathlib.Path(folder) / "ref_des"
        # The flags of the release build: no more for one than for the other.
        subprocess.run([*compiler.split(), "-O3", "-std=c++20", source, "-o", program], check=True)
        for _ in range(int(runs)):
            phases.append(engine_seconds(ppsim, config, "none"))
            seconds["none"].append(phases[-1]["engine"])
            seconds["yardstick"].append(yardstick_seconds(program))
            seconds["fifo"].append(engine_seconds(ppsim, config, "fifo")["engine"])
    median = {name: statistics.median(values) for name, values in seconds.items()}
    ratio = {name: median[name] / median["yardstick"] for name in ("none", "fifo")}
    print("note: 64 x 4096, medians of {}: engine {:.1f} ms, with fifo links {:.1f} ms, bare event heap {:.1f} ms; ratios {:.2f} "
          "and {:.2f} (bound {})".format(runs, *(1e3 * median[name] for name in ("none", "fifo", "yardstick")),
                                         ratio["none"], ratio["fifo"], BOUND))
    print("note: phases in ms: " + ", ".join(
        f"{name} {1e3 * statistics.median(phase[name] for phase in phases):.1f}" for name in phases[0]))
    return ratio["none"] > BOUND


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
