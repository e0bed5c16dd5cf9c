"""ppsim bench-cluster from outside, under mpirun. usage: bench_cluster_test.py PPSIM SOURCE_ROOT

How fast messages and products are is the machine's business: here it is whether what is written is what was measured, and
whether others read it. tests/netlab measures links of a known rate.
"""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

try:
    import jsonschema
except ImportError:
    jsonschema = None

PPSIM = pathlib.Path(sys.argv[1]).resolve()
CONFIGS = pathlib.Path(sys.argv[2]).resolve() / "configs"
ENVIRONMENT = {**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "NO_COLOR": "1"}
LIMIT_S = 120
QUICK = ("--seconds", "0.1", "--sizes", "1 KiB,64 KiB,1 MiB")


def run(*command):
    return subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=LIMIT_S, env=ENVIRONMENT,
                          stdin=subprocess.DEVNULL)


def bench(ranks, *arguments):
    return run("mpirun", "--oversubscribe", "-n", ranks, PPSIM, "bench-cluster", *arguments)


def said(stderr):
    return [line for line in stderr.splitlines() if line.startswith("ppsim: ")]


def why_skipped():
    if shutil.which("mpirun") is None:
        return "skipped: there is no mpirun"
    stderr = run(PPSIM, "bench-cluster").stderr
    for what in ("MPI", "BLAS"):
        if f"has no {what}" in stderr:
            return f"skipped: this build of ppsim has no {what}"
    return None


SKIP = why_skipped()


@unittest.skipIf(SKIP, SKIP)
class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.cluster = self.folder / "cluster.json"

    def files(self):
        return sorted(path.name for path in self.folder.iterdir())

    def config(self, **parallelism):
        path = self.folder / "config.json"
        path.write_text(json.dumps({
            "cluster": "cluster.json",
            "model": {"transformer": {"layers": 4, "hidden": 64, "heads": 4, "sequence_length": 32, "vocabulary": 100,
                                      "dtype": "fp32"}},
            "parallelism": {"pipeline": 2, "micro_batches": 4, **parallelism}, "schedule": {"name": "1f1b"}}))
        return path


class Written(Folder):
    def test_simulate_takes_the_section_of_2_and_of_4_ranks(self):
        for ranks in (2, 4):
            done = bench(ranks, *QUICK, "--json", "-o", self.cluster)
            self.assertEqual(done.returncode, 0, done.stderr)
            section = json.loads(self.cluster.read_text())
            self.assertEqual((section["nodes"], section["gpus_per_node"]), (1, ranks))
            self.assertIn(f"{ranks} ranks a node on 1 node", section["source"])
            self.assertEqual(json.loads(done.stdout)["cluster"], section)
            simulated = run(PPSIM, "simulate", self.config(pipeline=ranks), "--json")
            self.assertEqual(simulated.returncode, 0, simulated.stderr)
            self.assertGreater(json.loads(simulated.stdout)["makespan_ns"], 0)

    @unittest.skipIf(jsonschema is None, "skipped: there is no jsonschema")
    def test_the_section_fits_its_schema(self):
        self.assertEqual(bench(2, *QUICK, "-o", self.cluster).returncode, 0)
        schemas = {path.name: json.loads(path.read_text()) for path in (CONFIGS / "schema").glob("*.json")}
        schema = schemas["cluster.schema.json"]
        resolver = jsonschema.RefResolver("", schema, store=schemas)
        jsonschema.Draft7Validator(schema, resolver=resolver).validate(json.loads(self.cluster.read_text()))

    def test_figures_are_medians_of_what_was_measured(self):
        measured = json.loads(bench(2, *QUICK, "--json").stdout)
        [link] = measured["links"]
        self.assertEqual(link["class"], "inside a node")
        self.assertEqual([size["bytes"] for size in link["sizes"]], [1024, 65536, 1048576])
        self.assertGreater(link["empty_ns"], 0)
        for size in link["sizes"]:
            fit = link["both_ways"]
            by_fit = fit["latency_ns"] + size["bytes"] * 1e9 / fit["bytes_per_second"]
            self.assertAlmostEqual(size["fit_error"], by_fit / size["both_ways_ns"] - 1, places=3)

    def test_products_are_those_of_the_model(self):
        self.assertEqual(bench(2, *QUICK, "-o", self.cluster).returncode, 0)
        config = self.config()  # which names the cluster just measured
        again = self.folder / "again.json"
        done = bench(2, *QUICK, "--model", config, "-o", again)
        self.assertEqual(done.returncode, 0, done.stderr)
        flops = {round(float(point["flops"].split()[0]) * 1e9)
                 for point in json.loads(again.read_text())["gpu"]["matmul_efficiency"]}
        # 32 tokens; weights of 64 x 192, 64 x 64, 64 x 256 (twice), and 64 x 100 for the head.
        self.assertEqual(flops, {2 * 32 * 64 * width for width in (192, 64, 256, 100)})

    def test_the_table_is_for_people(self):
        done = bench(2, *QUICK)
        self.assertEqual(done.returncode, 0, done.stderr)
        for text in ("inside a node, one way", "no bytes", "64 KiB", "fit: ", "matrix product", "copies: "):
            self.assertIn(text, done.stdout)


class Failures(Folder):
    def assert_fails(self, done, pattern, code):
        self.assertEqual(len(said(done.stderr)), 1, done.stderr)
        self.assertRegex(said(done.stderr)[0], pattern)
        self.assertEqual((done.returncode, done.stdout), (code, ""))
        self.assertEqual([name for name in self.files() if name.startswith("cluster")], [])

    def test_one_process_has_no_link(self):
        self.assert_fails(run(PPSIM, "bench-cluster", "-o", self.cluster), "^ppsim: 1 process is in this job: expected at "
                          "least 2", 1)

    def test_sizes(self):
        for sizes, what in (("5", "expected a number and a unit"), ("4 GiB,1 B", "expected less than 2 GiB"),
                            ("1 KiB", "expected at least two sizes above 0 B")):
            self.assert_fails(bench(2, "--sizes", sizes, "-o", self.cluster), f"^ppsim: --sizes: .*{what}", 2)

    def test_a_model_that_has_no_products(self):
        self.assert_fails(bench(2, "--model", CONFIGS / "reference_8x64.json", "-o", self.cluster),
                          "reference_8x64.json#/costs: say nothing of operators", 2)

    def test_a_folder_that_is_not_there(self):
        self.assert_fails(bench(2, "-o", self.folder / "absent" / "cluster.json"), "cannot be written: there is no folder", 2)

    def test_other_options_on_one_rank(self):
        done = run("mpirun", "--oversubscribe", "-n", 1, PPSIM, "bench-cluster", ":", "-n", 1, PPSIM, "bench-cluster",
                   "--seconds", 5)
        self.assert_fails(done, "^ppsim: rank 1: options are not those of rank 0", 1)

    def test_no_cuda_in_this_build(self):
        done = run(PPSIM, "bench-cluster", "--backend", "cuda-nccl")
        if "no CUDA backend" not in done.stderr:
            self.skipTest("skipped: this build has a CUDA backend")
        self.assertEqual(done.returncode, 2)

    def test_a_job_that_is_told_to_end_leaves_no_file(self):
        job = subprocess.Popen(["mpirun", "--oversubscribe", "-n", "2", PPSIM, "bench-cluster", "--seconds", "600", "-o",
                                self.cluster], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               env=ENVIRONMENT, stdin=subprocess.DEVNULL)
        self.addCleanup(job.kill)
        time.sleep(3)
        job.send_signal(signal.SIGTERM)
        stdout, stderr = job.communicate(timeout=LIMIT_S)
        self.assertRegex("\n".join(said(stderr)), r"^ppsim: rank [01]: .*ended by signal 15 \(Terminated\)")
        self.assertEqual((job.returncode != 0, stdout, self.files()), (True, "", []))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=0)
