"""scripts/check_layers.py on small made-up trees: a good one passes, and each way to break the plan is named."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

CHECKER = Path(__file__).resolve().parents[2] / "scripts" / "check_layers.py"

GOOD = {
    "include/ppsim/core/op.hpp": "#include <vector>\n",
    "include/ppsim/graph/graph.hpp": '#include "ppsim/core/op.hpp"\n',
    "include/ppsim/engine/run.hpp": '#include "ppsim/graph/graph.hpp"\n',
    "include/ppsim/metrics/figures.hpp": '#include "ppsim/graph/graph.hpp"\n',
    "src/core/op.cpp": '#include "ppsim/core/op.hpp"\n',
    "src/graph/graph.cpp": '#include "graph/csr.hpp"\n#include "ppsim/graph/graph.hpp"\n',
    "src/graph/csr.hpp": "#include <boost/graph/compressed_sparse_row_graph.hpp>\n",
    "src/engine/run.cpp": '#include "ppsim/engine/run.hpp"\n',
    "src/metrics/figures.cpp": '#include "ppsim/metrics/figures.hpp"\n',
    "src/input/config/config.cpp": "#include <nlohmann/json.hpp>\n",
    "src/input/import/nccl/times.cpp": '#include "input/config/config.hpp"\n',
    "src/input/config/config.hpp": "\n",
    "src/explore/run/study.hpp": '#include "input/config/config.hpp"\n',
    "src/output/report/table.cpp": '#include "explore/run/study.hpp"\n',
    "src/output/report/table.hpp": "\n",
    "src/replay/cuda/backend.cpp": "#include <cuda_runtime.h>\n#include <nccl.h>\n",
    "src/cli/main.cpp": '#include <CLI/CLI.hpp>\n#include "ppsim/engine/run.hpp"\n',
    "tests/core/op_test.cpp": '#include "ppsim/core/op.hpp"\n',
    "tests/graph/graph_test.cpp": '#include "support.hpp"\n#include <nlohmann/json.hpp>\n',
    "tests/engine/run_test.cpp": '#include "ppsim/engine/run.hpp"\n',
    "tests/metrics/figures_test.cpp": '#include "ppsim/engine/run.hpp"\n',
    "tests/support.hpp": "#include <filesystem>\n",
    "tests/install/user.cpp": "#include <ppsim/engine/run.hpp>\n",
}


def check(changes):
    """(exit status, output) over the good tree with `changes` to it; None takes a file away."""
    with tempfile.TemporaryDirectory() as root:
        for name, text in {**GOOD, **changes}.items():
            if text is not None:
                path = Path(root) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
        done = subprocess.run([sys.executable, CHECKER, root], capture_output=True, text=True)
        return done.returncode, done.stdout.replace(f"{root}/", "")


class CheckLayers(unittest.TestCase):
    def refuses(self, changes, fault):
        status, output = check(changes)
        self.assertEqual(status, 1, output)
        self.assertIn(fault, output)
        self.assertRegex(output, r"\d+ passed, 1 failed\n$")

    def test_a_tree_that_keeps_the_plan_passes(self):
        # Two of the sources, tests/support.hpp and tests/install/user.cpp, belong to no layer; the rooms and the top
        # are one check each.
        self.assertEqual(check({}), (0, f"{len(GOOD) - 2 + 2} passed, 0 failed\n"))

    def test_an_include_of_a_layer_further_right_is_refused(self):
        self.refuses(
            {"src/core/op.cpp": "// an op\n\n#include <ppsim/graph/graph.hpp>\n"},
            "src/core/op.cpp:3: ppsim/graph/graph.hpp: core must not include graph")

    def test_layers_side_by_side_do_not_include_each_other(self):
        self.refuses({"src/metrics/figures.cpp": '#include "ppsim/engine/run.hpp"\n'}, "metrics must not include engine")
        self.refuses({"src/engine/run.cpp": '#include "ppsim/metrics/figures.hpp"\n'}, "engine must not include metrics")

    def test_a_test_sees_what_stands_before_its_layer_and_no_more(self):
        self.refuses(
            {"tests/engine/run_test.cpp": '#include "ppsim/metrics/figures.hpp"\n'}, "engine must not include metrics")

    def test_a_layer_that_does_not_exist_is_refused(self):
        self.refuses({"src/core/op.cpp": '#include "ppsim/util/text.hpp"\n'}, "there is no layer util")
        self.refuses({"src/util/text.cpp": "\n"}, "src/util: no layer of that name")
        self.refuses({"src/text.cpp": "\n"}, "src/text.cpp: stands outside every layer")

    def test_each_heavy_library_stays_in_its_room(self):
        breaks = {
            "src/engine/run.cpp": ("boost/heap/d_ary_heap.hpp", "only graph may name Boost"),
            "src/cli/main.cpp": ("nlohmann/json.hpp", "only text and input and output may name a JSON library"),
            "include/ppsim/core/op.hpp": ("CLI/CLI.hpp", "only cli may name CLI11"),
            "tests/core/op_test.cpp": ("boost/heap/d_ary_heap.hpp", "only graph may name Boost"),
            "src/replay/backend.cpp": ("cuda_runtime.h", "only replay/cuda may name CUDA"),
            "src/replay/ranks.cpp": ("mpi.h", "only replay/mpi may name MPI"),
            "src/metrics/fit.cpp": ("cblas.h", "only replay may name a BLAS"),
        }
        for name, (header, fault) in breaks.items():
            with self.subTest(name):
                self.refuses({name: f"  #  include <{header}>\n"}, fault)

    def test_an_include_neither_climbs_nor_reaches_into_another_room(self):
        self.refuses({"src/engine/run.cpp": '#include "../graph/csr.hpp"\n'}, "an include does not climb")
        self.refuses({"tests/graph/graph_test.cpp": '#include "../../src/graph/csr.hpp"\n'}, "an include does not climb")
        self.refuses({"src/graph/graph.cpp": '#include "csr.hpp"\n'}, "nor one below src/, named from there")

    def test_a_study_does_not_include_a_writer(self):
        self.refuses(
            {"src/explore/run/study.hpp": '#include "output/report/table.hpp"\n'}, "explore must not include output")

    def test_a_room_includes_only_the_rooms_before_it(self):
        self.refuses(
            {"src/input/import/nccl/times.hpp": "\n", "src/input/config/config.hpp": '#include "input/import/nccl/times.hpp"\n'},
            "input/config must not include input/import/nccl")
        self.refuses(
            {"src/input/other/times.cpp": '#include "input/config/config.hpp"\n'}, "there is no room input/other")

    def test_only_the_users_of_replay_include_it(self):
        replay = {"src/replay/replay.hpp": "\n"}
        self.refuses(
            {**replay, "src/explore/run/study.hpp": '#include "replay/replay.hpp"\n'},
            "only explore/bench and cli may include replay")
        bench = {"src/explore/bench/bench.cpp": '#include "replay/replay.hpp"\n'}
        self.assertEqual(check({**replay, **bench})[0], 0)

    def test_a_public_header_has_its_layer_in_src_and_tests(self):
        self.refuses({"tests/engine/run_test.cpp": None}, "tests/engine: is not there, and include/ppsim/engine is")
        self.refuses({"src/engine/run.cpp": None}, "src/engine: is not there, and include/ppsim/engine is")

    def test_a_source_of_401_lines_is_refused_and_a_test_of_501(self):
        self.assertEqual(check({"src/core/op.cpp": "\n" * 400, "tests/core/op_test.cpp": "\n" * 500})[0], 0)
        self.refuses({"src/core/op.cpp": "\n" * 401}, "src/core/op.cpp: 401 lines, more than 400: split it")
        self.refuses({"tests/core/op_test.cpp": "\n" * 501}, "tests/core/op_test.cpp: 501 lines, more than 500: split it")

    def test_the_top_holds_what_belongs_there_and_no_more(self):
        self.assertEqual(check({"README.md": "\n", ".gitignore": "\n", "build/release/a.cpp": "\n"})[0], 0)
        self.refuses({"notes.txt": "\n"}, "notes.txt: has no place at the top")

    def test_a_folder_without_sources_does_not_pass(self):
        status, output = check(dict.fromkeys(GOOD))
        self.assertEqual(status, 1)
        self.assertIn("no sources here", output)


if __name__ == "__main__":
    unittest.main()
