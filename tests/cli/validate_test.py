"""ppsim validate from outside. usage: validate_test.py PPSIM SOURCE_ROOT"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

PPSIM = os.path.abspath(sys.argv[1])

# 1F1B with P ranks, M micro-batches and free transfers takes (M + P - 1)(F + B): Narayanan et al. 2021, section 2.2.1.
FORWARD_US, BACKWARD_US = 100, 200
CONFIG = {"costs": {"forward": f"{FORWARD_US} us", "backward": f"{BACKWARD_US} us", "transfer": "0 B", "activation": "7 B",
                    "link": {"bandwidth": "1 GB/s", "latency": "0 ns"}},
          "parallelism": {"pipeline": 1, "micro_batches": 1}, "schedule": {"name": "1f1b"}}
SPEC = {"config": CONFIG, "columns": {"P": "/parallelism/pipeline", "M": "/parallelism/micro_batches"},
        "status": {"column": "status", "measured": ["ok"]}, "measured": {"column": "ms", "unit": "ms"},
        "labels": ["P", "M"], "colour": "P"}
# Predicted: 1.5, 3.0 and 4.2 ms; off by +25, -25 and +5 %.
TABLE = """\
P,M,status,ms
2,4,ok,1.2
4,7,ok,4
8,7,ok,4
2,8,crashed,
0,8,ok,1
"""


class Validate(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.write("spec.json", json.dumps(SPEC))
        self.write("table.csv", TABLE)

    def write(self, name, content):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def ppsim(self, *arguments, code=0):
        done = subprocess.run([PPSIM, "validate", *map(str, arguments)], cwd=self.folder, capture_output=True, text=True,
                              timeout=120, env={**os.environ, "NO_COLOR": "1"})
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def validate(self, *arguments, code=0):
        return self.ppsim("spec.json", "--table", "table.csv", *arguments, code=code).stdout

    def figures(self, *arguments):
        return json.loads(self.validate("--json", *arguments))

    def refused(self, *arguments):
        """The one line with which the program refuses; no picture is written."""
        done = self.ppsim(*arguments, "--plot", "plot.svg", code=2)
        self.assertEqual(done.stdout, "")
        self.assertRegex(done.stderr, r"\Appsim: [^\n]+\n\Z")
        self.assertNotIn("\0", done.stderr)
        self.assertFalse((self.folder / "plot.svg").exists())
        return done.stderr

    def refused_table(self, content):
        self.write("bad.csv", content)
        return self.refused("spec.json", "--table", "bad.csv")

    def refused_spec(self, content):
        self.write("bad.json", content)
        return self.refused("bad.json", "--table", "table.csv")


class Figures(Validate):
    def test_errors_are_as_worked_out_by_hand(self):
        figures = self.figures()
        self.assertEqual((figures["rows"], figures["table_rows"]), (3, 5))
        self.assertAlmostEqual(figures["mape_percent"], (25 + 25 + 5) / 3, places=3)
        self.assertAlmostEqual(figures["bias_percent"], (25 - 25 + 5) / 3, places=3)
        self.assertAlmostEqual(figures["max_error_percent"], 25, places=3)
        self.assertEqual((figures["p50_percent"], figures["p95_percent"]), (25, 25))

    def test_each_row_says_what_was_predicted_and_each_other_why_it_was_not(self):
        figures = self.figures()
        self.assertEqual([(row["line"], row["cells"], row["predicted_ms"], row["measured_ms"], row["error_percent"])
                          for row in figures["predictions"]],
                         [(2, {"P": "2", "M": "4"}, 1.5, 1.2, 25), (3, {"P": "4", "M": "7"}, 3, 4, -25),
                          (4, {"P": "8", "M": "7"}, 4.2, 4, 5)])
        self.assertEqual(figures["skipped"], [
            {"line": 5, "reason": 'status is "crashed"'},
            {"line": 6, "reason": 'table.csv, line 6, column "P" /parallelism/pipeline: 0; expected a whole number from 1 to '
                                  "65535"}])

    def test_groups_are_by_the_cells_of_a_column(self):
        groups = self.figures("--group-by", "M")["groups"]
        self.assertEqual([(group["cell"], group["rows"], group["mape_percent"]) for group in groups],
                         [("4", 1, 25), ("7", 2, 15)])
        table = self.validate("--group-by", "M")
        self.assertRegex(table, r"\nM 7 +2 +15\.00 % +-10\.00 %")
        self.assertNotIn("\nM 7", self.validate())

    def test_rows_prints_the_error_of_every_row(self):
        table = self.validate("--rows")
        above = table.split("MAPE")[0]
        for line, predicted, measured, error in ((2, "1.5", "1.2", "+25.00"), (3, "3.0", "4.0", "-25.00"),
                                                 (4, "4.2", "4.0", "+5.00")):
            self.assertRegex(above, rf"\n +{line}  P \d, M \d +{predicted} +{measured} +\{error[0]}{error[1:]} %")
        self.assertNotIn("P 2, M 4", self.validate().split("MAPE")[0])
        self.assertRegex(table, r"\nskipped: 2 of 5 rows\n")

    def test_set_changes_every_row(self):
        predicted = [row["predicted_ms"] for row in self.figures("--set", "/costs/forward=400 us")["predictions"]]
        for got, wanted in zip(predicted, (5 * 0.6, 10 * 0.6, 14 * 0.6)):
            self.assertAlmostEqual(got, wanted)

    def test_any_number_of_threads_gives_the_same_bytes(self):
        self.write("table.csv", "P,M,status,ms\n" + "".join(f"{1 + i % 9},{i},ok,{i}.5\n" for i in range(1, 60)))
        for options in (["--json"], ["--rows", "--group-by", "P"]):
            self.assertEqual(self.validate(*options, "--threads", 1), self.validate(*options, "--threads", 2))

    def test_a_table_without_rows_has_no_figures_and_passes_no_gate(self):
        self.write("table.csv", "P,M,status,ms\n")
        figures = self.figures()
        self.assertEqual((figures["rows"], figures["mape_percent"], figures["predictions"]), (0, None, []))
        done = self.ppsim("spec.json", "--table", "table.csv", "--max-mape", 50, code=1)
        self.assertIn("no row with a measured time was predicted", done.stderr)


class Gates(Validate):
    def test_the_gate_is_the_mean_absolute_error(self):
        mape = (25 + 25 + 5) / 3
        self.validate("--max-mape", mape + 0.01)
        done = self.ppsim("spec.json", "--table", "table.csv", "--max-mape", mape - 0.01, code=1)
        self.assertRegex(done.stderr, r"\Appsim: MAPE 18\.33 %, expected at most 18\.323+ %\n\Z")
        self.assertIn("MAPE", done.stdout)  # what was found is printed all the same

    def test_a_gate_that_is_no_number_is_refused(self):
        for gate in ("-1", "low", "nan"):
            self.refused("spec.json", "--table", "table.csv", f"--max-mape={gate}")


class Pictures(Validate):
    def test_the_plot_has_a_point_for_every_row_that_was_measured(self):
        self.validate("--plot", "plot.svg")
        root = xml.etree.ElementTree.parse(self.folder / "plot.svg").getroot()
        self.assertTrue(root.tag.endswith("svg"))
        titles = [title.text for title in root.iter() if title.tag.endswith("title")]
        for label in ("P 2, M 4", "P 4, M 7", "P 8, M 7"):
            self.assertEqual(len([title for title in titles if label in title]), 1, titles)

    def test_a_plot_never_takes_the_place_of_what_is_read(self):
        before = (self.folder / "table.csv").read_bytes()
        done = self.ppsim("spec.json", "--table", "table.csv", "--plot", "table.csv", code=2)
        self.assertEqual(len(done.stderr.splitlines()), 1)
        self.assertEqual((self.folder / "table.csv").read_bytes(), before)


class Refusals(Validate):
    def test_what_is_not_there_is_named(self):
        self.assertIn("none.csv: there is no such file", self.refused("spec.json", "--table", "none.csv"))
        self.assertIn("none.json: there is no such file", self.refused("none.json", "--table", "table.csv"))
        self.assertIn("--table", self.refused("spec.json"))

    def test_a_table_without_a_column_of_the_spec_is_refused(self):
        self.assertIn('bad.csv: no column "M"; there are "P", "status", "ms"', self.refused_table("P,status,ms\n1,ok,1\n"))
        self.assertIn('table.csv: no column "Q"', self.refused("spec.json", "--table", "table.csv", "--group-by", "Q"))

    def test_what_is_no_table_is_refused(self):
        self.assertIn("bad.csv: empty", self.refused_table(""))
        self.assertIn("bad.csv, line 3: 3 cells, expected 4", self.refused_table("P,M,status,ms\n1,1,ok,1\n1,1,ok\n"))
        self.assertIn("bad.csv, line 2: a quote", self.refused_table('P,M,status,ms\n1,1,"ok,1\n'))
        self.refused_table(bytes(range(256)) * 20)
        self.refused_table(pathlib.Path(PPSIM).read_bytes()[:100_000])

    def test_what_is_no_spec_is_refused_with_its_place(self):
        self.assertIn("bad.json, line 1", self.refused_spec("P,M\n"))
        self.assertIn("bad.json", self.refused_spec(bytes(range(256))))
        self.assertIn("bad.json#/columns/P", self.refused_spec(json.dumps({**SPEC, "columns": {"P": "pipeline"}})))
        self.assertIn('bad.json#/colum: unknown key; did you mean "columns"?', self.refused_spec(json.dumps({**SPEC, "colum": 1})))

    def test_a_config_that_no_row_can_run_is_a_reason_to_skip_every_row(self):
        figures = self.figures("--set", "/schedule/name=none")
        self.assertEqual((figures["rows"], len(figures["skipped"])), (0, 5))
        self.assertTrue(all(row["reason"] for row in figures["skipped"]))

    def test_a_bad_override_is_refused(self):
        self.assertIn("--set", self.refused("spec.json", "--table", "table.csv", "--set", "costs"))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
