"""Schedules as files, from outside: what is exported, and what is read back. usage: export_test.py PPSIM SOURCE_ROOT"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

PPSIM = os.path.abspath(sys.argv[1])
CONFIGS = pathlib.Path(sys.argv[2]).resolve() / "configs"

COMPLETE = ("0F0,0SEND_F0,0F1,0SEND_F1,0RECV_B0,0B0,0RECV_B1,0B1\n"
            "1RECV_F0,1F0,1RECV_F1,1B0,1SEND_B0,1F1,1B1,1SEND_B1\n")


def run(*arguments):
    return subprocess.run([PPSIM, *map(str, arguments)], capture_output=True, text=True, timeout=120)


class Folder(unittest.TestCase):
    """Each test has an empty folder of its own, and a config of two ranks and two micro-batches."""

    def setUp(self):
        self._folder = tempfile.TemporaryDirectory()
        self.addCleanup(self._folder.cleanup)
        self.folder = pathlib.Path(self._folder.name)
        costs = json.loads((CONFIGS / "reference_8x64.json").read_text())["costs"]
        self.config = self.write(json.dumps({"costs": costs, "parallelism": {"pipeline": 2, "micro_batches": 2},
                                             "schedule": {"name": "1f1b"}}), "config.json")

    def write(self, content, name="order.csv"):
        path = self.folder / name
        path.write_text(content)
        return path

    def export(self, *arguments):
        result = run("schedule", "export", self.config, *arguments)
        self.assertEqual((result.returncode, result.stderr), (0, ""), result)
        return result.stdout

    def makespan(self, *arguments):
        return json.loads(run("simulate", self.config, "--json", *arguments).stdout)["makespan_ns"]


class WithCommunication(Folder):
    def test_sends_and_receives_stand_in_place(self):
        self.assertEqual(self.export("--format", "csv-comms"), COMPLETE)

    def test_passes_run_in_their_own_order(self):
        for passes in ("unshard,reduce_grad", "reduce_grad,unshard"):
            self.assertEqual(self.export("--format", "csv-comms", "--passes", passes),
                             "0UNSHARD,0F0,0SEND_F0,0F1,0SEND_F1,0RECV_B0,0B0,0RECV_B1,0B1,0REDUCE_GRAD,0RESHARD\n"
                             "1UNSHARD,1RECV_F0,1F0,1RECV_F1,1B0,1SEND_B0,1F1,1B1,1SEND_B1,1REDUCE_GRAD,1RESHARD\n")
        split = ("--schedule", "zb-h1", "--format", "csv-comms")
        self.assertIn("1I0,1SEND_B0,1F1,1I1,1SEND_B1,1W0,1W1", self.export(*split))
        self.assertIn("0RECV_B0,0I0,0W0,", self.export(*split))
        self.assertIn("0RECV_B0,0B0,", self.export(*split, "--passes", "merge_bw"))

    def test_passes_are_an_error_where_they_mean_nothing(self):
        for arguments in (["--format", "csv", "--passes", "unshard"], ["--passes", "merge_bw"],
                          ["--format", "goal", "--passes", "reduce_grad"], ["--format", "csv-comms", "--passes", "all"]):
            result = run("schedule", "export", self.config, *arguments)
            self.assertEqual((result.returncode, result.stdout, result.stderr.count("\n")), (2, "", 1), result)
            self.assertIn("--passes", result.stderr)

    def test_a_file_is_written_back_as_it_is(self):
        # A receive may stand later than a sweep would put it.
        own = COMPLETE.replace("0RECV_B0,0B0,0RECV_B1,0B1", "0RECV_B0,0RECV_B1,0B0,0B1")
        path = self.write(own)
        self.assertEqual(self.export("--schedule", path, "--format", "csv-comms"), own)
        self.assertEqual(self.export("--schedule", path), "0F0,0F1,0B0,0B1\n1F0,1B0,1F1,1B1\n")
        self.assertEqual(self.makespan("--schedule", path), self.makespan())

    def test_a_token_loop_is_read_back(self):
        inference = ("--schedule", "inference", "--set", "/schedule/decode_steps=3")
        path = self.write(self.export(*inference, "--format", "csv-comms"))
        self.assertEqual(run("schedule", "check", path).returncode, 0)
        self.assertEqual(self.makespan("--schedule", path), self.makespan(*inference))

    def test_every_fault_of_communication_is_listed_and_the_first_one_stops_a_run(self):
        path = self.write(COMPLETE.replace("0RECV_B0,0B0", "0B0,0RECV_B0").replace("1SEND_B0,", ""))
        for arguments in ([path], [self.config, "--schedule", path]):
            result = run("schedule", "check", *arguments)
            self.assertEqual(result.returncode, 1, result)
            self.assertEqual(result.stdout,
                             "rank 0, before step 3: RECV_B of stage 0, micro-batch 0 stands behind its B or I, which "
                             "needs it\n"
                             "rank 1: SEND_B of stage 1 is missing for micro-batch 0\n"
                             "2 faults\n")
        result = run("simulate", self.config, "--schedule", path)
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        self.assertIn("order.csv, rank 0, before step 3: RECV_B", result.stderr)
        self.assertEqual(result.stderr.count("\n"), 1)

    def test_what_costs_nothing_is_told_once(self):
        path = self.write("0UNSHARD,0F0,0F1,0B0,0B1,0REDUCE_GRAD,0RESHARD\n1F0,1B0,1F1,1B1\n")
        for arguments in (["simulate", self.config, "--schedule", path], ["schedule", "check", path],
                          ["schedule", "show", self.config, "--schedule", path],
                          ["schedule", "export", self.config, "--schedule", path, "--format", "csv-comms"]):
            result = run(*arguments)
            self.assertEqual((result.returncode, result.stderr.count("\n")), (0, 1), result)
            self.assertIn("REDUCE_GRAD are kept and cost nothing", result.stderr)
        self.assertIn("0UNSHARD,0F0,0SEND_F0", result.stdout)  # what is missing is added to what is there

    def test_an_old_file_with_communication_has_two_notes(self):
        path = self.write("0F0,0B0,0W0,0REDUCE_GRAD\n1F0,1B0,1W0\n")
        result = run("schedule", "check", path)
        self.assertEqual((result.returncode, result.stderr.count("\n")), (0, 2), result)


class OtherFormats(Folder):
    def test_json_is_the_schedule_as_a_document(self):
        path = self.write(COMPLETE)
        document = json.loads(self.export("--schedule", path, "--format", "json"))
        self.assertEqual((document["ranks"], document["stages"], document["micro_batches"]), (2, 2, 2))
        self.assertEqual(document["placement"], [[0, 1]])
        self.assertEqual([[f"{op['stage']}{op['kind']}{op['micro_batch']}" for op in program]
                          for program in document["programs"]],
                         [["0F0", "0F1", "0B0", "0B1"], ["1F0", "1B0", "1F1", "1B1"]])
        self.assertEqual(document["communication"][1][0],
                         {"kind": "RECV_F", "stage": 1, "micro_batch": 0, "position": 0})

    def test_a_file_is_written_where_it_is_asked_for(self):
        for form in ("csv", "csv-comms", "json", "goal"):
            path = self.folder / f"out.{form}"
            self.assertEqual(self.export("--format", form, "-o", path), "")
            self.assertEqual(path.read_text(), self.export("--format", form))

    def test_a_deadlock_has_no_sends_and_no_goal(self):
        path = self.write("0F0,0B0,0F1,0B1\n1F1,1B1,1F0,1B0\n")
        told = set()
        for form in ("csv-comms", "goal"):
            result = run("schedule", "export", self.config, "--schedule", path, "--format", form)
            told.add(result.stderr)
            self.assertEqual((result.returncode, result.stdout, result.stderr.count("\n")), (1, "", 1), result)
            self.assertIn("order.csv: deadlock", result.stderr)
        self.assertEqual(len(told), 1, told)  # in the same words


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
