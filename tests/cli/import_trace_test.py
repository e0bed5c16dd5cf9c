"""ppsim import-trace, and traces of style kineto, from outside. usage: import_trace_test.py PPSIM SOURCE_ROOT"""

import gzip
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import unittest

PPSIM = os.path.abspath(sys.argv[1])
ROOT = pathlib.Path(sys.argv[2]).resolve()
REFERENCE = ROOT / "configs" / "reference_8x64.json"
SAMPLES = ROOT / "traces" / "kineto_1f1b"

SMALL = {"costs": {"forward": "10.5 us", "backward": "20.25 us", "transfer": "1 kB", "activation": "7 B",
                   "link": {"bandwidth": "1 GB/s", "latency": "501 ns"}},
         "parallelism": {"pipeline": 4, "micro_batches": 8}, "schedule": {"name": "1f1b"}}


def run(*arguments, cwd=None):
    return subprocess.run([PPSIM, *map(str, arguments)], capture_output=True, text=True, timeout=120, cwd=cwd,
                          env={**os.environ, "NO_COLOR": "1"})


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / "c.json").write_text(json.dumps(SMALL))

    def ppsim(self, *arguments, code=0):
        done = run(*arguments, cwd=self.folder)
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def simulate(self, *options, ranks=4, config="c.json"):
        """Traces of a run, and its timeline in simulated.csv."""
        self.ppsim("simulate", config, *options, "--trace", "step.json", "--trace-style", "kineto", "--timeline",
                   "simulated.csv")
        return [f"step.rank{rank}.json" for rank in range(ranks)]

    def change(self, name, change):
        path = self.folder / name
        trace = json.loads(path.read_text())
        change(trace)
        path.write_text(json.dumps(trace))

    def text(self, name):
        return (self.folder / name).read_text()

    def assert_refused(self, pattern, *arguments):
        done = self.ppsim("import-trace", *arguments, code=2)
        self.assertEqual((done.stderr.count("\n"), done.stdout), (1, ""), done.stderr)
        self.assertRegex(done.stderr, f"^ppsim: {pattern}\n$")
        self.assertFalse((self.folder / "m.csv").exists())


def drop_annotations(trace):
    trace["traceEvents"] = [event for event in trace["traceEvents"] if "annotation" not in event.get("cat", "")]


class RoundTrips(Folder):
    def assert_comes_back(self, traces, *options, config="c.json"):
        done = self.ppsim("import-trace", *traces, "--config", config, *options, "-o", "m.csv", "--json")
        self.assertEqual(self.text("m.csv"), self.text("simulated.csv"))
        report = json.loads(done.stdout)
        simulated = json.loads(self.ppsim("simulate", config, *options, "--json").stdout)
        for key in ("makespan_ns", "bubble_fraction", "per_rank"):
            self.assertEqual(report[key], simulated[key])
        return report

    def test_every_schedule_comes_back_to_the_nanosecond(self):
        names = re.findall(r"^([a-z0-9][\w-]*)", run("schedule", "list").stdout, re.MULTILINE)
        done = 0
        for name in names:
            if run("simulate", "c.json", "--schedule", name, cwd=self.folder).returncode != 0 or name == "bpipe":
                continue
            with self.subTest(name):
                self.assert_comes_back(self.simulate("--schedule", name), "--schedule", name)
                done += 1
        self.assertGreater(done, 12)

    def test_every_semantics_of_communication_comes_back(self):
        for options in (["--communication", "blocking"], ["--communication", "program"], ["--contention", "fifo"],
                        ["--contention", "fair"], ["--set", "/costs/link/bandwidth=50 MB/s"]):
            with self.subTest(options):
                self.assert_comes_back(self.simulate(*options), *options)

    def test_a_model_with_reductions_comes_back(self):
        config = ROOT / "configs" / "seed_4x8.json"
        options = ("--micro-batches", "8", "--set", "/parallelism/data=2", "--set", "/cluster/nodes=8")
        self.assert_comes_back(self.simulate(*options, config=config), *options, config=config)

    def test_other_clocks_and_another_order_of_files_change_nothing(self):
        traces = self.simulate()
        for ahead, name in zip((0, 5_000_000, -123_456, 987_654_321), traces):
            self.change(name, lambda trace: trace.update(baseTimeNanoseconds=trace["baseTimeNanoseconds"] + ahead))
        report = self.assert_comes_back([traces[i] for i in (2, 0, 3, 1)])
        self.assertEqual(report["assumptions"][-1], "clocks were aligned by up to 987.778 ms; 95 % of the transfers then end "
                                                    "at both ends within 0 ns")

    def test_annotations_with_rounded_times_take_no_kernel_of_their_neighbours(self):
        def lengthen(trace):
            for event in trace["traceEvents"]:
                if "annotation" in event.get("cat", ""):
                    event["ts"], event["dur"] = float(event["ts"]) - 0.25, float(event["dur"]) + 0.5
        traces = self.simulate()
        for name in traces:
            self.change(name, lengthen)
        self.assert_comes_back(traces)

    def test_without_annotations_it_comes_back_by_kernels_that_repeat(self):
        for name in ("1f1b", "gpipe", "interleaved"):
            with self.subTest(name):
                options = ["--schedule", name]
                traces = self.simulate(*options)
                for trace in traces:
                    self.change(trace, drop_annotations)
                report = self.assert_comes_back(traces, *options)
                self.assertIn("ops of 4 of 4 ranks were found by kernels whose names repeat", report["assumptions"])

    def test_ranks_of_a_job_with_tensor_groups_are_positions_in_the_pipeline(self):
        traces = self.simulate()
        for position, name in enumerate(traces):
            self.change(name, lambda trace: trace["distributedInfo"].update(rank=8 * position + 3))
        self.assert_comes_back(traces)

    def test_what_is_imported_can_be_compared_and_reported(self):
        traces = self.simulate("--set", "/simulation/noise/gpu_speed/rank 2=0.9")
        self.ppsim("import-trace", *traces, "--config", "c.json", "-o", "m.csv.gz", "--trace", "t.json", "--svg", "t.svg")
        figures = json.loads(self.ppsim("compare-runs", "m.csv.gz", "--config", "c.json", "--json").stdout)
        self.assertEqual(figures["breakdown_ns"]["not_modelled"], 0)
        self.assertGreater(figures["breakdown_ns"]["mean_costs"], 0)
        self.ppsim("report", "m.csv.gz", "--config", "c.json")

    def test_noise_on_every_kernel_stays_within_what_is_said(self):
        """Ends of transfers that differ by up to 2 us: the step is off by no more than that, and the note says 1 to 2 us."""
        traces, draw = self.simulate(), random.Random(7)

        def shake(trace):
            for event in trace["traceEvents"]:
                if "SendRecv" in event["name"] and event["args"]["Collective name"] == "recv":
                    event["dur"] = round(event["dur"] + draw.uniform(0, 2), 3)

        for name in traces:
            self.change(name, shake)
        report = json.loads(self.ppsim("import-trace", *traces, "--config", "c.json", "--json").stdout)
        simulated = json.loads(self.ppsim("simulate", "c.json", "--json").stdout)
        self.assertLess(abs(report["makespan_ns"] - simulated["makespan_ns"]), 6000)  # three hops of at most 2 us
        within = re.fullmatch(r"clocks were aligned by up to .*; 95 % of the transfers then end at both ends within (.*)",
                              report["assumptions"][-1])[1]
        self.assertRegex(within, r"^(1\.\d+ us|[5-9]\d\d ns)$")


class Activity(Folder):
    def activity(self, traces):
        return json.loads(self.ppsim("import-trace", *traces, "--json").stdout)

    def test_without_a_config_it_says_how_much_of_its_time_each_gpu_worked(self):
        traces = self.simulate()
        found = self.activity(traces)
        simulated = json.loads(self.ppsim("simulate", "c.json", "--json").stdout)
        self.assertAlmostEqual(found["bubble_fraction"], simulated["bubble_fraction"])
        for rank, expected in zip(found["ranks"], simulated["per_rank"]):
            self.assertEqual((rank["rank"], rank["steps"], rank["step_time_ns"]), (expected["rank"], 1, simulated["makespan_ns"]))
            self.assertEqual(rank["compute_ns"], expected["busy_ns"])
            self.assertEqual(rank["transfer_ns"] + rank["wait_ns"] + rank["idle_ns"], expected["idle_ns"])
        self.assertRegex(self.ppsim("import-trace", *traces).stdout, r"(?s)^rank  steps .*\n   3 .*bubble fraction \d\d.\d %")

    def test_options_that_need_a_config_say_so(self):
        traces = self.simulate()
        for options in (["-o", "m.csv"], ["--svg", "m.svg"], ["--trace", "m.json"], ["--schedule", "gpipe"]):
            done = self.ppsim("import-trace", *traces, *options, code=2)
            self.assertRegex(done.stderr, r"^ppsim: .*requires --config.*\n$")


class Faults(Folder):
    def setUp(self):
        super().setUp()
        self.traces = self.simulate()

    def test_a_trace_that_was_cut_off(self):
        text = self.text("step.rank2.json")
        for end in (len(text) // 2, len(text) - 3, 1, 0):
            (self.folder / "step.rank2.json").write_text(text[:end])
            self.assert_refused(r"step.rank2.json, line \d+, column \d+: the file ends here, in the middle of its JSON: was it "
                                r"written to its end\?", *self.traces, "--config", "c.json", "-o", "m.csv")

    def test_a_packed_trace_that_was_cut_off(self):
        (self.folder / "cut.json.gz").write_bytes(gzip.compress(self.text("step.rank2.json").encode())[:-20])
        self.assert_refused("cut.json.gz: is not a whole gzip file", "cut.json.gz")

    def test_what_is_no_trace(self):
        self.assert_refused("c.json: is no trace of a profiler: expected an object with a list \"traceEvents\"", "c.json")
        self.assert_refused("simulated.csv, line 1, column 1: is not JSON", "simulated.csv")
        self.ppsim("simulate", "c.json", "--trace", "chrome.json")
        self.assert_refused(r"chrome.json: has no GPU kernel: expected .*", "chrome.json")
        self.assert_refused("absent.json: there is no such file", "absent.json")

    def test_a_rank_that_is_missing(self):
        config = ["--config", "c.json", "-o", "m.csv"]
        self.assert_refused("the traces are of ranks 0, 1 and 3: expected ranks equally far apart, one of each position in the "
                            "pipeline; one is missing", *self.traces[:2], self.traces[3], *config)
        self.assert_refused("3 traces, and the schedule has 4 ranks: expected one of each", *self.traces[:3], *config)
        self.assert_refused("step.rank1.json: is of rank 1, as step.rank1.json is", self.traces[1], *self.traces, *config)

    def test_counts_that_do_not_fit_the_schedule(self):
        config = ["--config", "c.json", "-o", "m.csv"]
        self.assert_refused(r"step.rank0.json: lacks rank 0: F of stage 0, micro-batch 8 in step 0 of 1: .*", *self.traces,
                            *config, "--micro-batches", "9")
        self.assert_refused(r"step.rank0.json: lacks rank 0: I of stage 0, micro-batch 0 in step 0 of 1: .*", *self.traces,
                            *config, "--schedule", "zb-h1")

        def as_kinds(trace):
            for event in trace["traceEvents"]:
                event["name"] = re.sub(r"^PP:\dF\d$", "forward_step", re.sub(r"^PP:\dB\d$", "backward_step", event["name"]))

        for name in self.traces:
            self.change(name, as_kinds)
        self.assert_refused("step.rank0.json: rank 0: 8 of [BF] found, the schedule has 9 a step", *self.traces, *config,
                            "--micro-batches", "9")
        self.ppsim("import-trace", *self.traces, *config)
        self.assertEqual(self.text("m.csv"), self.text("simulated.csv"))

    def test_a_split_backward_whose_halves_always_follow_one_another_needs_annotations(self):
        traces = self.simulate("--schedule", "zb-h1")
        for trace in traces:
            self.change(trace, drop_annotations)
        self.assert_refused("step.rank0.json: rank 0, step 0: the names of the kernels do not tell where one op ends and the "
                            "next begins; expected .*", *traces, "--config", "c.json", "--schedule", "zb-h1", "-o", "m.csv")

    def test_copies_of_activations_are_not_told_apart(self):
        self.assert_refused(r"the schedule copies activations \(EVICT, LOAD\), .*", *self.traces, "--config", "c.json",
                            "--schedule", "bpipe")

    def test_any_bytes_end_in_one_line(self):
        """Mutations of a trace: each is read, or refused in one line."""
        text, draw = self.text("step.rank1.json").encode(), random.Random(5)
        for _ in range(60):
            bytes_ = bytearray(text)
            for _ in range(draw.randrange(1, 6)):
                at = draw.randrange(len(bytes_))
                bytes_[at:at + draw.randrange(3)] = bytes(draw.choices(b'{}[]",:0129.eE-\\\xff\x00nul', k=draw.randrange(4)))
            (self.folder / "step.rank1.json").write_bytes(bytes_)
            done = run("import-trace", *self.traces, "--config", "c.json", cwd=self.folder)
            self.assertIn(done.returncode, (0, 2), done.stderr)
            self.assertEqual(done.stderr.count("\n"), 0 if done.returncode == 0 else 1, done.stderr)


class Files(Folder):
    def test_each_rank_has_a_file_of_its_own_and_packed_ones_are_packed(self):
        self.ppsim("simulate", "c.json", "--trace", "a.b.json.gz", "--trace-style", "kineto")
        names = sorted(path.name for path in self.folder.iterdir())
        self.assertEqual(names, [*(f"a.b.rank{rank}.json.gz" for rank in range(4)), "c.json"])
        for rank in range(4):
            text = gzip.decompress((self.folder / f"a.b.rank{rank}.json.gz").read_bytes()).decode()
            self.assertRegex(text, rf'"distributedInfo": {{"backend": "nccl", "rank": {rank}, "world_size": 4}}')  # as HTA reads it
            starts = [event["ts"] for event in json.loads(text)["traceEvents"]]
            self.assertEqual(starts, sorted(starts))

    def test_a_style_needs_a_trace_and_is_one_of_two(self):
        for options in (["--trace-style", "kineto"], ["--trace", "t.json", "--trace-style", "perfetto"]):
            self.assertEqual(self.ppsim("simulate", "c.json", *options, code=2).stderr.count("\n"), 1)

    def test_a_file_that_is_read_is_not_overwritten(self):
        (self.folder / "c.rank0.json").write_text(json.dumps(SMALL))
        done = self.ppsim("simulate", "c.rank0.json", "--trace", "c.json", "--trace-style", "kineto", code=2)
        self.assertEqual(done.stderr, "ppsim: c.rank0.json: is read or written already, expected another file\n")

    def test_the_samples_are_what_the_program_writes(self):
        self.ppsim("simulate", REFERENCE, "--set", "/parallelism/pipeline=4", "--micro-batches", "8",
                   "--set", "/simulation/noise/gpu_speed/rank 2=0.9", "--trace", "step.json.gz", "--trace-style", "kineto")
        samples = sorted(path.name for path in SAMPLES.iterdir() if path.name.endswith(".gz"))
        self.assertEqual(samples, [f"step.rank{rank}.json.gz" for rank in range(4)])
        for name in samples:
            written, kept = (gzip.decompress((folder / name).read_bytes()) for folder in (self.folder, SAMPLES))
            self.assertEqual(written, kept, name)
        self.assertLess(sum((SAMPLES / name).stat().st_size for name in samples), 200_000)

    def test_the_samples_can_be_imported(self):
        done = self.ppsim("import-trace", *sorted(SAMPLES.glob("*.gz")), "--config", REFERENCE, "--set",
                          "/parallelism/pipeline=4", "--micro-batches", "8", "--json")
        self.assertEqual(json.loads(done.stdout)["per_rank"][2]["busy_ns"],
                         8 * (1_111_111 + 2_222_222))  # nine tenths of the speed: 1 ms / 0.9, 2 ms / 0.9


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
