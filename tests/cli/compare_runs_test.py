"""ppsim compare-runs from outside. usage: compare_runs_test.py PPSIM SOURCE_ROOT"""

import csv
import gzip
import io
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

PPSIM = os.path.abspath(sys.argv[1])
CONFIGS = pathlib.Path(sys.argv[2]).resolve() / "configs"

# Free hops, so that every time is a sum of ops. Predicted, in us:
# r0: F0 0-10, F1 10-20, B0 40-60, B1 70-90
# r1: F0 10-20, B0 20-40, F1 40-50, B1 50-70
SMALL = {"costs": {"forward": "10 us", "backward": "20 us", "transfer": "0 B", "activation": "7 B",
                   "link": {"bandwidth": "1 GB/s", "latency": "0 ns"}},
         "parallelism": {"pipeline": 2, "micro_batches": 2}, "schedule": {"name": "1f1b"}}

# Measured: r1's B take 22, r0's B0 14 and B1 26, and r0 waits 5 more for the gradient of B1.
MEASURED = {(0, "F", 0): (0, 10), (0, "F", 1): (10, 20), (0, "B", 0): (42, 56), (0, "B", 1): (79, 105),
            (1, "F", 0): (10, 20), (1, "B", 0): (20, 42), (1, "F", 1): (42, 52), (1, "B", 1): (52, 74)}
# When a transfer of these leaves, in us: at the end of its op, but for B1's of r1, which takes 5.
ARRIVALS = {("F", 0): (10, 10), ("F", 1): (20, 20), ("B", 0): (42, 42), ("B", 1): (74, 79)}

# Mean costs: r1's B are 22, so 90 becomes 94; spread: r0's B0 14, B1 26 instead of 20 each makes it 100; the rest is the
# 5 that the gradient of B1 took, of which its bytes are nothing. Idle: 2 x 90 - 120 = 60, and 2 x 105 - 124 = 86.
GOLDEN = """\
1f1b: 2 ranks, 2 stages, 2 micro-batches; predicted: simulated; measured: measured.csv

                 predicted    measured    error
step time        90.000 us  105.000 us  -14.3 %
bubble fraction     33.3 %      41.0 %
peak memory           14 B        14 B

from one to the other
predicted               90.000 us
mean costs              +4.000 us  each op as long as those of its kind and stage were in the mean
spread                  +6.000 us  each op as long as itself was: jitter, amplified along the critical path
not modelled            +5.000 us  transfers and waiting that the simulation does not have
measured               105.000 us

op  stage  rank  count  predicted   measured        p95    error    MAPE
F       0     0      2  10.000 us  10.000 us  10.000 us   +0.0 %   0.0 %
F       1     1      2  10.000 us  10.000 us  10.000 us   +0.0 %   0.0 %
B       0     0      2  20.000 us  14.000 us  26.000 us  +42.9 %  33.0 %
B       1     1      2  20.000 us  22.000 us  22.000 us   -9.1 %   9.1 %
MAPE of all ops: 10.5 %

transfer          size  count  predicted  measured       p95   error    MAPE
rank 0 -> rank 1   0 B      2       0 ns      0 ns      0 ns  +0.0 %   0.0 %
rank 1 -> rank 0   0 B      2       0 ns      0 ns  5.000 us  +0.0 %  50.0 %

idle by cause, all ranks  predicted   measured  difference
warmup                    30.000 us  32.000 us   +2.000 us
cooldown                  30.000 us  49.000 us  +19.000 us
contention                     0 ns   5.000 us   +5.000 us
sum                       60.000 us  86.000 us  +26.000 us

rank       busy   measured       idle   measured  peak activation  measured  peak memory  measured
   0  60.000 us  60.000 us  30.000 us  45.000 us             14 B      14 B         14 B      14 B
   1  60.000 us  64.000 us  30.000 us  41.000 us              7 B       7 B          7 B       7 B

furthest off            rank  predicted   measured  difference  cause
gap before B1              0  10.000 us  23.000 us  +13.000 us  cooldown
gap behind the last op     1  20.000 us  31.000 us  +11.000 us  cooldown
B0                         0  20.000 us  14.000 us   -6.000 us
B1                         0  20.000 us  26.000 us   +6.000 us
gap before B0              0  20.000 us  22.000 us   +2.000 us  warmup
B0                         1  20.000 us  22.000 us   +2.000 us
B1                         1  20.000 us  22.000 us   +2.000 us
"""


def run(*arguments, cwd=None):
    return subprocess.run([PPSIM, *map(str, arguments)], capture_output=True, text=True, timeout=120, cwd=cwd,
                          env={**os.environ, "NO_COLOR": "1"})


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.write("c.json", json.dumps(SMALL))
        self.ppsim("simulate", "c.json", "--timeline", "predicted.csv")
        rows = list(csv.DictReader(io.StringIO((self.folder / "predicted.csv").read_text())))
        self.write_rows("measured.csv", [self.as_measured(row) for row in rows])

    def as_measured(self, row):
        micro_batch = int(row["micro_batch"])
        if row["stream"] == "compute":
            start, finish = MEASURED[(int(row["rank"]), row["kind"], micro_batch)]
        else:
            start, finish = ARRIVALS[(row["kind"], micro_batch)]
        return {**row, "start_ns": 1000 * start, "finish_ns": 1000 * finish}

    def write(self, name, text):
        (self.folder / name).write_text(text)

    def write_rows(self, name, rows):
        with open(self.folder / name, "w", newline="") as file:
            writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)

    def ppsim(self, *arguments, code=0):
        done = run(*arguments, cwd=self.folder)
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def compare(self, *arguments, code=0):
        return self.ppsim("compare-runs", *arguments, "--config", "c.json", code=code)

    def figures(self, *arguments):
        return json.loads(self.compare(*arguments, "--json").stdout)


class Reports(Folder):
    maxDiff = None

    def test_the_report_is_as_worked_out_by_hand(self):
        self.assertEqual(self.compare("measured.csv").stdout, GOLDEN)

    def test_a_file_or_the_simulator_predicts_the_same(self):
        simulated, read = self.figures("measured.csv"), self.figures("predicted.csv", "measured.csv")
        self.assertEqual((simulated.pop("predicted"), read.pop("predicted")), ("simulated", "predicted.csv"))
        self.assertEqual(simulated, read)

    def test_json_has_every_gap_and_all_that_the_table_has(self):
        figures = self.figures("measured.csv")
        self.assertEqual(figures["step"], {
            "predicted_ns": 90_000, "measured_ns": 105_000, "error": (90 - 105) / 105, "predicted_bubble_fraction": 60 / 180,
            "measured_bubble_fraction": 86 / 210, "index": 0})
        self.assertEqual(figures["breakdown_ns"], {"predicted": 90_000, "mean_costs": 4000, "spread": 6000,
                                                   "not_modelled": 5000, "measured": 105_000})
        self.assertAlmostEqual(figures["op_mape"], (2 * 2 / 22 + 6 / 14 + 6 / 26) / 8)
        gaps = [(gap["rank"], (gap["before"] or [None])[0], gap["predicted_ns"], gap["measured_ns"]) for gap in figures["gaps"]]

        def op(kind, stage, micro_batch):
            return {"kind": kind, "stage": stage, "micro_batch": micro_batch}

        self.assertEqual(gaps, [(0, op("B", 0, 0), 20_000, 22_000), (0, op("B", 0, 1), 10_000, 23_000),
                                (1, op("F", 1, 0), 10_000, 10_000), (1, None, 20_000, 31_000)])
        for side in ("predicted", "measured"):
            idle = sum(times[f"{side}_ns"] for times in figures["idle_by_cause_ns"].values())
            self.assertEqual(sum(gap[f"{side}_ns"] for gap in figures["gaps"]), idle)
            self.assertEqual(sum(rank["idle"][f"{side}_ns"] for rank in figures["ranks"]), idle)
        self.assertEqual(len(figures["worst"]), 7)

    def test_what_was_predicted_itself_is_off_by_nothing(self):
        for options in ([], ["--schedule", "zb-h1"], ["--communication", "program"], ["--contention", "fair"]):
            self.ppsim("simulate", "c.json", *options, "--timeline", "same.csv")
            figures = json.loads(self.compare("same.csv", *options, "--json", "--max-error", "0").stdout)
            self.assertEqual((figures["step"]["error"], figures["op_mape"], figures["worst"]), (0, 0, []))
            self.assertEqual(len(set(figures["breakdown_ns"].values())), 2)  # all the same, and nothing between

    def test_of_several_steps_the_median_one_is_shown(self):
        """As predicted (90), as measured (105), and that with 3 more behind r0's last op (108)."""
        steps = []
        for step, name in enumerate(("predicted.csv", "measured.csv", "measured.csv")):
            for row in csv.DictReader(io.StringIO((self.folder / name).read_text())):
                if step == 2 and row["finish_ns"] == "105000":
                    row["finish_ns"] = 108_000
                steps.append({"step": step, **row})
        self.write_rows("steps.csv", steps)
        figures = self.figures("steps.csv")
        self.assertEqual([step["measured_ns"] for step in figures["steps"]], [90_000, 105_000, 108_000])
        self.assertEqual((figures["step"]["index"], figures["step"]["measured_ns"]), (1, 105_000))
        self.assertAlmostEqual(figures["step_mape"], (0 + 15 / 105 + 18 / 108) / 3)
        # r0's B in the steps: 20 20, 14 26, 14 29
        backward = figures["ops"][2]
        self.assertEqual((backward["count"], backward["measured_ns"], backward["measured_p95_ns"]), (6, 20_000, 29_000))
        text = self.compare("steps.csv").stdout
        self.assertIn("measured: steps.csv, 3 steps, figures of the median one", text)
        self.assertRegex(text, r"   1  90.000 us  105.000 us  -14.3 % +41.0 %  shown\n")


class Gates(Folder):
    def test_a_step_that_is_off_by_more_than_allowed_is_exit_code_1_and_one_line(self):
        done = self.compare("measured.csv", "--max-error", "14.2", code=1)
        self.assertEqual(done.stderr, "ppsim: the step time is off by -14.29 %, expected at most 14.2 %\n")
        self.assertEqual(done.stdout, GOLDEN)
        self.assertEqual(self.compare("measured.csv", "--max-error", "14.3").stderr, "")

    def test_what_is_no_percentage_is_refused(self):
        for wrong in ("-1", "nan", "inf", "x", ""):
            done = self.compare("measured.csv", "--max-error", wrong, code=2)
            self.assertEqual((done.stderr.count("\n"), done.stdout), (1, ""), done.stderr)


class Faults(Folder):
    def assert_refused(self, done, text):
        self.assertEqual((done.stderr, done.stdout), (f"ppsim: {text}\n", ""))

    def test_ops_of_another_run_are_named(self):
        text = (self.folder / "measured.csv").read_text()
        self.write("other.csv", text.replace("0,compute,B,0,1", "0,compute,B,0,2"))
        done = self.compare("other.csv", code=2)
        self.assertRegex(done.stderr, "^ppsim: other.csv, line [0-9]+: rank 0: B of stage 0, micro-batch 2: the config's run "
                                      "has no such op or transfer\n$")
        self.assert_refused(self.compare("predicted.csv", "other.csv", code=2), done.stderr[7:-1])
        lines = [line for line in text.splitlines(True) if not line.startswith("0,compute,B,0,1")]
        self.write("short.csv", "".join(lines))
        self.assert_refused(self.compare("short.csv", "measured.csv", code=2),
                            "short.csv: lacks rank 0: B of stage 0, micro-batch 1: expected each op and transfer of the "
                            "config's run")

    def test_one_or_two_timelines_and_a_config(self):
        for arguments in ([], ["a", "b", "c", "--config", "c.json"], ["measured.csv"]):
            done = self.ppsim("compare-runs", *arguments, code=2)
            self.assertEqual((done.stderr.count("\n"), done.stdout), (1, ""))

    def test_a_trace_does_not_overwrite_what_is_read(self):
        self.assert_refused(self.compare("measured.csv", "--trace", "measured.csv", code=2),
                            "measured.csv: is read or written already, expected another file")


class Traces(Folder):
    def test_both_runs_are_in_one_trace_and_begin_together(self):
        rows = list(csv.DictReader(io.StringIO((self.folder / "measured.csv").read_text())))
        for row in rows:  # a clock that does not begin at 0
            row["start_ns"], row["finish_ns"] = int(row["start_ns"]) + 7_000_000, int(row["finish_ns"]) + 7_000_000
        self.write_rows("late.csv", rows)
        self.compare("late.csv", "--trace", "both.json.gz")
        trace = json.loads(gzip.decompress((self.folder / "both.json.gz").read_bytes()))
        events = trace["traceEvents"]
        names = {event["pid"]: event["args"]["name"] for event in events if event["name"] == "process_name"}
        self.assertEqual(names, {0: "predicted rank 0", 1: "predicted rank 1", 2: "measured rank 0", 3: "measured rank 1"})
        order = {event["pid"]: event["args"]["sort_index"] for event in events if event["name"] == "process_sort_index"}
        self.assertEqual(order, {pid: pid for pid in range(4)})
        ops = {}
        for event in (event for event in events if event["ph"] == "X" and event["name"] in ("F0", "F1", "B0", "B1")):
            ops[(event["pid"], event["name"])] = (round(event["ts"]), round(event["ts"] + event["dur"]))
        for (rank, kind, micro_batch), span in MEASURED.items():
            self.assertEqual(ops[(rank + 2, f"{kind}{micro_batch}")], span)
        self.assertEqual(ops[(0, "B1")], (70, 90))
        self.assertEqual({name: trace["otherData"][name]["makespan_ns"] for name in ("predicted", "measured")},
                         {"predicted": 90_000, "measured": 105_000})
        threads = [(event["pid"], event["tid"]) for event in events if event["name"] == "thread_name"]
        self.assertEqual(len({tid for _, tid in threads} - set(names)), len(threads))
        flows = {}
        for event in events:
            if event["ph"] in "sf":
                flows.setdefault(event["id"], []).append((event["ph"], event["pid"] // 2))
        self.assertTrue(flows)
        for ends in flows.values():
            self.assertEqual(sorted(ph for ph, _ in ends), ["f", "s"])
            self.assertEqual(len({side for _, side in ends}), 1)  # within one run
        self.assertEqual([event["ts"] for event in events if "ts" in event],
                         sorted(event["ts"] for event in events if "ts" in event))

    def test_both_runs_are_in_one_picture_on_one_scale(self):
        self.compare("measured.csv", "--svg", "both.svg")
        both, one = (self.folder / "both.svg").read_text(), self.ppsim("report", "measured.csv", "--config", "c.json", "--svg",
                                                                       "one.svg") and (self.folder / "one.svg").read_text()
        self.assertIn(">predicted: 1f1b</text>", both)
        self.assertIn(">measured: 1f1b</text>", both)
        size = [float(number) for number in re.search(r'viewBox="0 0 (\d+) (\d+)"', both).groups()]
        alone = [float(number) for number in re.search(r'viewBox="0 0 (\d+) (\d+)"', one).groups()]
        self.assertEqual(size, [alone[0], 2 * alone[1]])
        # 105 us is as wide in either: the axes have the same ticks.
        axes = re.findall(r'<path d="([^"]*)" stroke="#cbd2d9"', both)
        self.assertEqual(len(axes), 2)
        self.assertEqual(axes[0], axes[1])
        self.assertEqual(axes[1], re.search(r'<path d="([^"]*)" stroke="#cbd2d9"', one)[1])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
