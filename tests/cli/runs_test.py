"""Many runs, stragglers and variations from outside. usage: runs_test.py PPSIM SOURCE_ROOT"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest

PPSIM = os.path.abspath(sys.argv[1])
CONFIGS = pathlib.Path(sys.argv[2]).resolve() / "configs"
REFERENCE = CONFIGS / "reference_8x64.json"
SEED = CONFIGS / "seed_4x8.json"
JITTER = ("--set", "/simulation/noise/jitter/compute/sigma=0.05", "--set", "/simulation/noise/jitter/transfers/sigma=0.2")


def run(*arguments):
    return subprocess.run([PPSIM, *map(str, arguments)], capture_output=True, text=True, timeout=120)


def output(*arguments):
    done = run(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def report(*arguments):
    return json.loads(output("simulate", *arguments, "--json"))


class Runs(unittest.TestCase):
    def test_same_bytes_on_any_number_of_threads(self):
        for extra in ([], ["--json"]):
            texts = {output("simulate", REFERENCE, *JITTER, "--runs", 300, "--threads", threads, *extra)
                     for threads in (1, 2, 5, 64)}
            texts.add(output("simulate", REFERENCE, *JITTER, "--runs", 300, *extra))
            self.assertEqual(len(texts), 1)

    def test_the_report_gains_runs_and_keeps_the_rest(self):
        plain = report(REFERENCE, *JITTER)
        runs = report(REFERENCE, *JITTER, "--runs", 100)
        figures = runs.pop("runs")
        self.assertEqual(runs, plain)
        self.assertEqual(plain["makespan_ns"], 219_820_000)
        self.assertEqual(set(figures), {"count", "step_time_ns", "bubble_fraction"})
        self.assertEqual(figures["count"], 100)
        for name in ("step_time_ns", "bubble_fraction"):
            values = figures[name]
            self.assertEqual(set(values), {"p50", "p95", "p99", "mean", "min", "max"})
            self.assertLess(values["min"], values["max"])
            self.assertEqual(sorted(values[key] for key in ("min", "p50", "p95", "p99", "max")),
                             [values[key] for key in ("min", "p50", "p95", "p99", "max")])

    def test_zero_jitter_is_the_deterministic_run_to_the_bit(self):
        for extra in ([], ["--set", "/simulation/noise/jitter/compute/sigma=0"], ["--communication", "blocking"]):
            found = report(REFERENCE, *extra, "--runs", 50)
            self.assertEqual(set(found["runs"]["step_time_ns"].values()), {found["makespan_ns"]})
            self.assertEqual(set(found["runs"]["bubble_fraction"].values()), {found["bubble_fraction"]})

    def test_the_table_stands_beside_the_run_without_jitter(self):
        lines = output("simulate", REFERENCE, *JITTER, "--runs", 20).splitlines()
        title = next(i for i, line in enumerate(lines) if line.startswith("20 runs"))
        self.assertEqual(lines[title].split()[2:], ["no", "jitter", "p50", "p95", "p99", "mean", "min", "max"])
        self.assertEqual(lines[title + 1].split()[:4], ["step", "time", "219.820", "ms"])
        self.assertTrue(lines[title + 2].startswith("bubble fraction"))

    def test_a_thousand_runs_of_8_x_64_take_seconds(self):
        begin = time.monotonic()
        report(REFERENCE, *JITTER, "--runs", 1000)
        seconds = time.monotonic() - begin
        print(f"note: 1000 runs of 8 x 64 in {seconds:.2f} s", file=sys.stderr)
        self.assertLess(seconds, 10)

    def test_samples_beside_the_file_that_names_them(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "cluster").mkdir()
            (folder / "cluster/factors.csv").write_text("# made up\nfactor\n1.5\n")
            (folder / "cluster/noise.json").write_text(json.dumps({"jitter": {"compute": {"samples": "factors.csv"}}}))
            config = json.loads(REFERENCE.read_text())
            config.pop("$schema")
            config["simulation"]["noise"] = "cluster/noise.json"
            (folder / "c.json").write_text(json.dumps(config))
            # 1F1B: (M + P - 1)(F + B) x 1.5, and 124 hops of 55 us.
            self.assertEqual(report(folder / "c.json", "--runs", 2)["runs"]["step_time_ns"]["min"],
                             71 * 4_500_000 + 124 * 55_000)

    def test_a_slow_rank_slows_the_run_itself(self):
        # The last rank at half speed: 64 x 6 ms, 7 x 3 ms of the others, and 14 hops.
        found = report(REFERENCE, "--set", "/simulation/noise/gpu_speed/rank 7=0.5")
        self.assertEqual(found["makespan_ns"], 64 * 6_000_000 + 7 * 3_000_000 + 14 * 55_000)
        self.assertIn("rank 7 at 0.5", found["assumptions"][-1])

    def test_usage(self):
        for wrong in (["--runs", 0], ["--runs", "many"], ["--threads", 2], ["--runs", 5, "--threads", 0]):
            done = run("simulate", REFERENCE, *wrong)
            self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")), (2, "", 1), wrong)


class Vary(unittest.TestCase):
    def rows(self, *arguments):
        return json.loads(output("compare", *arguments, "--json"))["runs"]

    def test_one_row_a_combination_with_its_values(self):
        rows = self.rows(SEED, "--vary", "/parallelism/tensor=4,8", "--vary", "/parallelism/recompute=none,full")
        self.assertEqual([row["label"] for row in rows],
                         [f"tensor={t} recompute={r}" for t in (4, 8) for r in ("none", "full")])
        self.assertEqual(rows[1]["varied"], {"/parallelism/tensor": 4, "/parallelism/recompute": "full"})
        alone = report(SEED, "--set", "/parallelism/tensor=4")
        self.assertEqual({key: alone[key] for key in rows[1]["report"]}, rows[1]["report"])

    def test_what_does_not_fit_says_why(self):
        rows = self.rows(SEED, "--vary", "/parallelism/tensor=8,3,16,0")
        self.assertEqual(["report" in row for row in rows], [True, False, False, False])
        self.assertIn("expected a divisor or a multiple of 8", rows[1]["reason"])
        self.assertIn("at most the cluster's 32", rows[2]["reason"])
        self.assertIn("expected a whole number", rows[3]["reason"])
        self.assertIn("tensor=3 left out: ", output("compare", SEED, "--vary", "/parallelism/tensor=8,3"))

    def test_schedules_are_compared_under_each(self):
        rows = self.rows(REFERENCE, "--schedules", "gpipe,1f1b", "--vary", "/parallelism/micro_batches=8,16")
        self.assertEqual([row["label"] for row in rows], [f"micro_batches={m} {name}" for m in (8, 16) for name in ("gpipe", "1f1b")])

    def test_stragglers_can_be_varied(self):
        rows = self.rows(REFERENCE, "--vary", "/simulation/noise/gpu_speed/rank 7=1,0.5")
        self.assertEqual([row["report"]["makespan_ns"] for row in rows], [219_820_000, 405_770_000])

    def test_the_share_of_tensor_communication_grows_with_the_group_and_more_across_nodes(self):
        rows = self.rows(SEED, "--set", "/parallelism/pipeline=2", "--vary", "/parallelism/tensor=1,2,4,8,16")
        shares = [row["report"]["tensor_comm_fraction"] for row in rows]
        self.assertEqual(shares[0], 0)
        self.assertEqual(shares, sorted(set(shares)))

    def test_same_bytes_on_any_number_of_threads(self):
        vary = ["--vary", "/parallelism/pipeline=2,3,4,5,6", "--vary", "/parallelism/micro_batches=6,12"]
        texts = {output("compare", REFERENCE, *vary, "--threads", threads) for threads in (1, 2, 16)}
        texts.add(output("compare", REFERENCE, *vary))
        self.assertEqual(len(texts), 1)

    def test_usage(self):
        for wrong in (["--vary", "tensor=1"], ["--vary", "/parallelism/tensr=1,2"], ["--vary", "/a="], ["--threads", 2]):
            done = run("compare", REFERENCE, *wrong)
            self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")), (2, "", 1), wrong)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
