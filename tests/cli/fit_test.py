"""ppsim fit from outside. usage: fit_test.py PPSIM SOURCE_ROOT"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

PPSIM = os.path.abspath(sys.argv[1])

GPU = {"name": "G", "peak": {"bf16": "100 TFLOP/s"}, "memory": "80 GiB", "memory_bandwidth": "1 TB/s", "matmul_efficiency": 0.4,
       "memory_efficiency": 0.5}
CLUSTER = {"nodes": 1, "gpus_per_node": 8, "source": "Made up.", "gpu": "gpu.json",
           "nvlink": {"bandwidth": "100 GB/s", "latency": "5 us"}}
CONFIG = {"cluster": "cluster.json",
          "model": {"transformer": {"layers": 8, "hidden": 512, "heads": 8, "sequence_length": 128, "vocabulary": 4096}},
          "parallelism": {"pipeline": 1, "micro_batches": 1}, "schedule": {"name": "1f1b"}}
POINTERS = {"tp": "/parallelism/tensor", "pp": "/parallelism/pipeline", "m": "/parallelism/micro_batches",
            "b": "/parallelism/micro_batch_size"}
EFFICIENCY, MEMORY, LATENCY = "/cluster/gpu/matmul_efficiency", "/cluster/gpu/memory_efficiency", "/cluster/nvlink/latency"
SPEC = {"config": CONFIG, "columns": POINTERS, "measured": {"column": "ms", "unit": "ms"},
        "fit": {"cluster": "cluster.json",
                "parameters": {EFFICIENCY: {"least": 0.1, "most": 0.9}, MEMORY: {"least": 0.2, "most": 1},
                               LATENCY: {"least": 1, "most": 40, "unit": "us"}}}}
TRUTH = {EFFICIENCY: 0.62, MEMORY: 0.83, LATENCY: "14 us"}
SHAPES = [(1, 1, 4, 1), (1, 1, 2, 8), (2, 1, 4, 2), (4, 1, 4, 1), (8, 1, 4, 4), (1, 2, 8, 1), (1, 4, 8, 4), (2, 2, 8, 8), (4, 2, 8, 2)]


def step_ms(folder, shape):
    """What the simulator says of a shape on the cluster as it really is."""
    sets = {**TRUTH, **dict(zip(POINTERS.values(), shape))}
    options = [option for pointer, value in sets.items() for option in ("--set", f"{pointer}={value}")]
    done = subprocess.run([PPSIM, "simulate", "config.json", "--json", *options], cwd=folder, capture_output=True, text=True,
                          timeout=60, check=True)
    return json.loads(done.stdout)["makespan_ns"] / 1e6


def write_inputs(folder):
    files = {"config.json": CONFIG, "cluster.json": CLUSTER, "gpu.json": GPU, "spec.json": SPEC}
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content))
    rows = [",".join(map(str, (*shape, step_ms(folder, shape)))) for shape in SHAPES]
    (folder / "table.csv").write_text("\n".join(["tp,pp,m,b,ms", *rows]) + "\n")


class Fit(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        write_inputs(cls.folder)

    def ppsim(self, *arguments, code=0):
        done = subprocess.run([PPSIM, *map(str, arguments)], cwd=self.folder, capture_output=True, text=True, timeout=240,
                              env={**os.environ, "NO_COLOR": "1"})
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def fit(self, *arguments, code=0):
        return self.ppsim("fit", "spec.json", "--table", "table.csv", *arguments, code=code)

    def write_spec(self, name, **changes):
        (self.folder / name).write_text(json.dumps({**SPEC, **changes}))

    def refused(self, *arguments):
        """The one line with which the program refuses; no cluster is written."""
        done = self.ppsim("fit", *arguments, "-o", "none.json", code=2)
        self.assertEqual(done.stdout, "")
        self.assertRegex(done.stderr, r"\Appsim: [^\n]+\n\Z")
        self.assertFalse((self.folder / "none.json").exists())
        return done.stderr


class Found(Fit):
    def test_the_cluster_that_is_written_has_what_made_the_table_and_reproduces_it(self):
        found = json.loads(self.fit("--json", "-o", "fitted.json").stdout)
        cluster = json.loads((self.folder / "fitted.json").read_text())
        self.assertAlmostEqual(cluster["gpu"]["matmul_efficiency"], 0.62, delta=0.0062)
        self.assertAlmostEqual(cluster["gpu"]["memory_efficiency"], 0.83, delta=0.0083)
        self.assertAlmostEqual(float(cluster["nvlink"]["latency"].removesuffix(" us")), 14, delta=0.14)
        self.assertEqual(cluster["source"],
                         "Made up. Fitted on table.csv (9 rows): gpu/matmul_efficiency, gpu/memory_efficiency, nvlink/latency.")
        self.assertEqual((cluster["nodes"], cluster["gpu"]["name"], cluster["nvlink"]["bandwidth"]), (1, "G", "100 GB/s"))
        self.assertEqual([one["pointer"] for one in found["parameters"]], [EFFICIENCY, MEMORY, LATENCY])
        self.assertTrue(all(one["told"] and one["verdict"] == "told" for one in found["parameters"]))
        self.assertEqual((found["rows"], found["tables"][0]["rows"], found["tables"][0]["table"]), (9, 9, "table.csv"))
        self.assertLess(found["mape_percent"], 0.1)
        self.assertLess(found["held_out"]["mape_percent"], 0.5)
        # It loads, and predicts the table that it was fitted to.
        checked = json.loads(self.ppsim("validate", "spec.json", "--table", "table.csv", "--json", "--max-mape", 0.1, "--set",
                                        "/cluster=fitted.json").stdout)
        self.assertEqual((checked["rows"], checked["skipped"]), (9, []))
        self.ppsim("validate", "spec.json", "--table", "table.csv", "--max-mape", 0.1, code=1)

    def test_the_same_seed_gives_the_same_bytes_with_any_number_of_threads(self):
        first = self.fit("--json", "--seed", 3, "--threads", 1, "-o", "one.json").stdout
        second = self.fit("--json", "--seed", 3, "--threads", 2, "-o", "two.json").stdout
        self.assertEqual(first, second)
        self.assertEqual((self.folder / "one.json").read_bytes(), (self.folder / "two.json").read_bytes())

    def test_without_folds_nothing_is_held_out(self):
        found = json.loads(self.fit("--json", "--folds", 1).stdout)
        self.assertNotIn("held_out", found)
        self.assertTrue(all(one["jackknife_error"] is None for one in found["parameters"]))
        self.assertIn("held_out", json.loads(self.fit("--json").stdout))

    def test_what_no_row_tells_is_left_as_it_was_and_said(self):
        parameters = {EFFICIENCY: SPEC["fit"]["parameters"][EFFICIENCY],
                      "/cluster/nvlink/latency": {"least": 1, "most": 40, "unit": "us"}}
        self.write_spec("untold.json", fit={"cluster": "cluster.json", "parameters": parameters})
        # One GPU a row: nothing crosses a link.
        (self.folder / "single.csv").write_text("tp,pp,m,b,ms\n" + "".join(
            f"1,1,{m},{b},{step_ms(self.folder, (1, 1, m, b))}\n" for m in (2, 4) for b in (1, 2, 4, 8)))
        table = self.ppsim("fit", "untold.json", "--table", "single.csv", "-o", "single.json").stdout
        self.assertRegex(table, r"/cluster/nvlink/latency +5\.000 us .*not told: left at its default")
        cluster = json.loads((self.folder / "single.json").read_text())
        self.assertEqual(cluster["nvlink"]["latency"], "5.000 us")
        self.assertIn("(8 rows): gpu/matmul_efficiency.", cluster["source"])

    def test_several_tables_of_one_spec_are_fitted_together(self):
        lines = (self.folder / "table.csv").read_text().splitlines()
        (self.folder / "a.csv").write_text("\n".join(lines[:6]) + "\n")
        (self.folder / "b.csv").write_text("\n".join([lines[0], *lines[6:]]) + "\n")
        found = json.loads(self.ppsim("fit", "spec.json", "--table", "a.csv", "--table", "b.csv", "--json").stdout)
        self.assertEqual([table["rows"] for table in found["tables"]], [5, 4])
        self.assertAlmostEqual(float(found["parameters"][0]["value"]), 0.62, delta=0.0062)


class Refusals(Fit):
    def test_a_spec_that_fits_nothing_is_refused(self):
        (self.folder / "plain.json").write_text(json.dumps({k: v for k, v in SPEC.items() if k != "fit"}))
        self.assertIn('plain.json: has no "fit"', self.refused("plain.json", "--table", "table.csv"))

    def test_tables_and_specs_must_be_as_many(self):
        self.assertIn("--table: 1 tables for 2 specs", self.refused("spec.json", "spec.json", "--table", "table.csv"))

    def test_a_range_that_does_not_hold_its_start_is_refused_with_the_parameter(self):
        self.write_spec("range.json", fit={"cluster": "cluster.json", "parameters": {EFFICIENCY: {"least": 0.5, "most": 0.9}}})
        self.assertIn(EFFICIENCY, self.refused("range.json", "--table", "table.csv"))

    def test_a_parameter_that_is_not_in_the_cluster_is_refused_with_its_place(self):
        parameters = {"/cluster/software/step_overhead": {"least": 0, "most": 5, "unit": "ms"}}
        self.write_spec("absent.json", fit={"cluster": "cluster.json", "parameters": parameters})
        self.assertIn("cluster.json#/software/step_overhead: nothing stands there", self.refused("absent.json", "--table", "table.csv"))

    def test_a_cluster_that_is_not_there_is_refused(self):
        self.write_spec("lost.json", fit={"cluster": "lost_cluster.json", "parameters": SPEC["fit"]["parameters"]})
        self.assertIn("lost_cluster.json: there is no such file", self.refused("lost.json", "--table", "table.csv"))

    def test_tables_that_cannot_be_fitted_are_refused(self):
        (self.folder / "bad.csv").write_bytes(bytes(range(256)))
        self.refused("spec.json", "--table", "bad.csv")
        self.refused("spec.json", "--table", "nowhere.csv")
        (self.folder / "empty.csv").write_text("tp,pp,m,b,ms\n")
        self.refused("spec.json", "--table", "empty.csv")
        (self.folder / "text.csv").write_text("tp,pp,m,b,ms\n1,1,4,1,soon\n")
        self.refused("spec.json", "--table", "text.csv")

    def test_too_few_predictions_are_refused(self):
        self.assertIn("a fit of 3 parameters needs", self.refused("spec.json", "--table", "table.csv", "--max-predictions", 3))

    def test_a_fit_never_takes_the_place_of_what_it_reads(self):
        before = (self.folder / "table.csv").read_bytes()
        self.fit("-o", "table.csv", code=2)
        self.assertEqual((self.folder / "table.csv").read_bytes(), before)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
