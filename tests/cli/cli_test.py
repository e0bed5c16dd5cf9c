"""The program from outside: what it prints, what it writes, how it ends. usage: cli_test.py PPSIM SOURCE_ROOT"""

import gzip
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

PPSIM = os.path.abspath(sys.argv[1])
ROOT = pathlib.Path(sys.argv[2]).resolve()
CONFIGS = ROOT / "configs"


def run(*arguments, cwd=None, env=None):
    return subprocess.run([PPSIM, *map(str, arguments)], capture_output=True, text=True, cwd=cwd, timeout=120,
                          env=None if env is None else {**os.environ, **env})


def reference(**changes):
    """The reference case: 1 ms forward, 2 ms backward, a hop of 55 us."""
    config = {"costs": {"forward": "1 ms", "backward": "2 ms", "transfer": "2.5 MB", "activation": "1 MB",
                        "link": {"bandwidth": "50 GB/s", "latency": "5 us"}},
              "parallelism": {"pipeline": 8, "micro_batches": 64},
              "schedule": {"name": "1f1b"}}
    for pointer, value in changes.items():
        node = config
        *path, last = pointer.split("__")
        for key in path:
            node = node[key]
        if value is None:
            del node[last]
        else:
            node[last] = value
    return config


class Folder(unittest.TestCase):
    """Each test has an empty folder of its own."""

    def setUp(self):
        self._folder = tempfile.TemporaryDirectory()
        self.addCleanup(self._folder.cleanup)
        self.folder = pathlib.Path(self._folder.name)

    def write(self, content, name="config.json"):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    def files(self):
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file())


class BadInput(Folder):
    """One line on stderr with file and pointer, exit 2, nothing on stdout, no file written."""

    COMMANDS = (["simulate"], ["compare"], ["schedule", "show"], ["schedule", "export"])

    def refuse(self, content, *expected, arguments=(), path=None, commands=COMMANDS):
        path = path or self.write(content)
        before = self.files()
        for command in commands:
            outputs = ["--trace", self.folder / "t.json", "--svg", self.folder / "t.svg"] if command == ["simulate"] else []
            result = run(*command, path, *outputs, *arguments)
            self.assertEqual(result.returncode, 2, (command, result))
            self.assertEqual(result.stdout, "", command)
            self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
            for text in expected:
                self.assertIn(text, result.stderr, command)
            self.assertEqual(self.files(), before, command)

    def test_not_json(self):
        self.refuse('{"costs": {,}', "config.json", "line 1")

    def test_unknown_key(self):
        self.refuse(reference(costs__forwrd="1 ms"), "config.json#/costs/forwrd", "forward")

    def test_unknown_key_at_the_top(self):
        self.refuse({**reference(), "shedule": {}}, "config.json#/shedule", "schedule")

    def test_missing_section(self):
        self.refuse(reference(parallelism=None), "config.json: ", "parallelism")

    def test_missing_costs_and_model(self):
        self.refuse(reference(costs=None), "config.json: ", "costs")

    def test_missing_key(self):
        self.refuse(reference(parallelism__pipeline=None), "config.json#/parallelism", "pipeline")

    def test_wrong_unit(self):
        self.refuse(reference(costs__forward="1 GB"), "config.json#/costs/forward", "ms")

    def test_bare_number_where_a_unit_belongs(self):
        self.refuse(reference(costs__forward=1), "config.json#/costs/forward", "ms")

    def test_zero_count(self):
        self.refuse(reference(parallelism__micro_batches=0), "config.json#/parallelism/micro_batches")

    def test_negative_count(self):
        self.refuse(reference(parallelism__pipeline=-4), "config.json#/parallelism/pipeline")

    def test_huge_count(self):
        self.refuse(reference(parallelism__micro_batches=10**15), "config.json#/parallelism/micro_batches")

    def test_huge_product_of_counts(self):
        changed = reference(parallelism__micro_batches=900_000, parallelism__pipeline=60_000)
        self.refuse(changed, "config.json#/parallelism")

    def test_fractional_count(self):
        self.refuse(reference(parallelism__pipeline=2.5), "config.json#/parallelism/pipeline")

    def test_zero_bandwidth(self):
        self.refuse(reference(costs__link={"bandwidth": "0 GB/s", "latency": "0 us"}), "config.json#/costs/link/bandwidth")

    def test_durations_past_the_range_of_time(self):
        self.refuse(reference(costs__forward="9e9 s", costs__backward="9e9 s"), "config.json",
                    commands=(["simulate"], ["schedule", "show"]))

    def test_more_gpus_than_there_are(self):
        path = CONFIGS / "seed_4x8.json"
        self.refuse(None, "/parallelism", "32", path=path, arguments=["--set", "/parallelism/data=2"])

    def test_fewer_layers_than_stages(self):
        path = CONFIGS / "seed_4x8.json"
        self.refuse(None, "layers", path=path, arguments=["--set", "/model/transformer/layers=3"])

    def test_micro_batches_that_interleaving_cannot_divide(self):
        changed = reference(schedule__name="interleaved", parallelism__virtual_stages=2, parallelism__micro_batches=17)
        path = self.write(changed)
        result = run("simulate", path)
        self.assertEqual((result.returncode, result.stdout, result.stderr.count("\n")), (2, "", 1), result)
        self.assertIn("config.json#/", result.stderr)
        self.assertIn("17", result.stderr)

    def test_path_that_is_not_there(self):
        self.refuse(reference(costs="nowhere.json"), "nowhere.json")

    def test_config_that_is_not_there(self):
        self.refuse(None, "absent.json", path=self.folder / "absent.json")

    def test_section_file_that_includes_itself(self):
        self.write({"link": "costs.json"}, "costs.json")
        self.refuse(reference(costs="costs.json"), "costs.json")

    def test_section_files_that_include_each_other(self):
        self.write('"b.json"', "a.json")
        self.write('"a.json"', "b.json")
        self.refuse(reference(costs="a.json"), ".json")

    def test_schedule_that_does_not_exist(self):
        self.refuse(reference(schedule__name="1f1c"), "config.json#/schedule/name", "1f1b")

    def test_option_that_the_schedule_does_not_have(self):
        self.refuse(reference(schedule={"name": "1f1b", "group": 2}), "config.json#/schedule/group")

    def test_override_without_pointer(self):
        self.refuse(reference(), "--set", arguments=["--set", "schedule=1f1b"])

    def test_output_folder_that_is_not_there(self):
        path = self.write(reference())
        for option in ("--trace", "--timeline", "--svg"):
            result = run("simulate", path, option, self.folder / "absent" / "file.json")
            self.assertEqual((result.returncode, result.stdout, result.stderr.count("\n")), (2, "", 1), result)
            self.assertIn("absent", result.stderr)
            self.assertEqual(self.files(), ["config.json"])

    def test_output_folder_that_is_not_writable(self):
        path = self.write(reference())
        # Not even root may write to the kernel's own folders; a chroot has /proc, but /sys may be a plain folder there.
        for target in (folder + "/ppsim.json" for folder in ("/proc", "/sys") if os.path.ismount(folder)):
            result = run("simulate", path, "--trace", target)
            self.assertEqual((result.returncode, result.stdout, result.stderr.count("\n")), (2, "", 1), result)
            self.assertIn(target, result.stderr)

    def test_output_that_is_an_input_or_another_output(self):
        path = self.write(reference())
        text = path.read_text()
        for arguments in (["simulate", path, "--trace", path], ["schedule", "export", path, "-o", path],
                          ["schedule", "show", path, "--svg", path],
                          ["simulate", path, "--trace", self.folder / "a", "--svg", self.folder / "." / "a"]):
            result = run(*arguments)
            self.assertEqual((result.returncode, result.stdout, result.stderr.count("\n")), (2, "", 1), result)
        self.assertEqual((self.files(), path.read_text()), (["config.json"], text))

    def test_names_that_are_no_names(self):
        for name in ('a"b', 'gpipe","backward_order":"descending', "n\nl", "", "n\nl.csv"):
            result = run("simulate", self.write(reference()), "--schedule", name)
            self.assertEqual((result.returncode, result.stdout, result.stderr.count("\n")), (2, "", 1), result)

    def test_an_input_without_end(self):
        result = run("simulate", "/dev/zero")
        self.assertEqual((result.returncode, result.stdout, result.stderr.count("\n")), (2, "", 1), result)

    def test_durations_that_would_overflow_one_by_one(self):
        costs = {"forward": "1 ns", "input_grad": "9e9 s", "weight_grad": "9e9 s", "transfer": "0 B", "activation": "0 B",
                 "link": {"bandwidth": "1 GB/s", "latency": "0 ns"}}
        self.refuse(reference(costs=costs), "config.json#/costs/input_grad")

    def test_more_links_than_numbers(self):
        self.refuse(None, "/nodes", path=CONFIGS / "seed_4x8.json",
                    arguments=["--set", "/cluster/nodes=1000000", "--set", "/cluster/gpus_per_node=4096"])

    def test_stderr_that_is_closed(self):
        result = subprocess.run(["bash", "-c", f"exec {PPSIM} simulate nowhere.json 2>&-"], capture_output=True)
        self.assertEqual(result.returncode, 2)

    def test_disk_that_is_full(self):
        path = self.write(reference())
        with open("/dev/full", "w") as full:
            result = subprocess.run([PPSIM, "simulate", path], stdout=full, stderr=subprocess.PIPE, text=True)
        self.assertEqual((result.returncode, result.stderr.count("\n")), (2, 1), result)

    def test_usage(self):
        for arguments in ([], ["simulat"], ["simulate"], ["simulate", "a", "b"], ["schedule"], ["schedule", "list", "x"]):
            result = run(*arguments)
            self.assertEqual((result.returncode, result.stdout, result.stderr.count("\n")), (2, "", 1), (arguments, result))


class Simulate(Folder):
    def report(self, config, *arguments):
        result = run("simulate", self.write(config), "--json", *arguments)
        self.assertEqual((result.returncode, result.stderr), (0, ""), result)
        return json.loads(result.stdout)

    def test_reference_case(self):
        report = self.report(reference())
        self.assertEqual(report["makespan_ns"], 219_820_000)
        for key in ("ppsim_version", "config_hash", "seed", "schedule", "ranks", "stages", "micro_batches",
                    "bubble_fraction", "bubble_ratio", "max_rank_span_ns", "span_bubble_fraction", "per_rank"):
            self.assertIn(key, report)
        self.assertEqual(len(report["per_rank"]), 8)
        causes = {"warmup", "cooldown", "dependency", "contention", "latency", "bandwidth", "blocked", "tail"}
        for rank in report["per_rank"]:
            self.assertEqual(set(rank["idle_by_cause_ns"]), causes)
            self.assertEqual(sum(rank["idle_by_cause_ns"].values()), rank["idle_ns"])
            self.assertEqual(rank["busy_ns"] + rank["idle_ns"], 219_820_000)

    def test_shipped_references_come_out_to_the_nanosecond(self):
        for name, makespan in (("8x64", 219_820_000), ("32x512", 1_686_860_000), ("64x4096", 12_927_340_000),
                               ("512x8192", 27_064_460_000)):
            result = run("simulate", CONFIGS / f"reference_{name}.json", "--json")
            self.assertEqual(json.loads(result.stdout)["makespan_ns"], makespan)

    def test_options_override_the_config_and_set_overrides_them(self):
        report = self.report(reference(), "--schedule", "gpipe", "--micro-batches", "16")
        self.assertEqual((report["schedule"], report["micro_batches"]), ("gpipe", 16))
        # GPipe, closed form: (M + P - 1)(F + B) + 2 (P - 1) c = 23 x 3 ms + 14 x 55 us
        self.assertEqual(report["makespan_ns"], 23 * 3_000_000 + 14 * 55_000)
        report = self.report(reference(), "--micro-batches", "16", "--set", "/parallelism/micro_batches=9")
        self.assertEqual(report["micro_batches"], 9)

    def test_options_may_stand_before_the_config(self):
        result = run("simulate", "--set", "/schedule/slack=1", "--set", "/simulation/seed=3", self.write(reference()), "--json")
        self.assertEqual((result.returncode, json.loads(result.stdout)["seed"]), (0, 3), result)
        result = run("compare", "--schedules", "gpipe,1f1b", "--schedules", "naive", self.write(reference()), "--json")
        self.assertEqual([row["label"] for row in json.loads(result.stdout)["runs"]], ["gpipe", "1f1b", "naive"])

    def test_blocking_and_fifo_can_be_asked_for(self):
        blocking = self.report(reference(), "--communication", "blocking")
        self.assertGreater(blocking["makespan_ns"], 219_820_000)
        self.assertGreater(sum(rank["idle_by_cause_ns"]["blocked"] for rank in blocking["per_rank"]), 0)
        # One link an ordered pair and hops far shorter than an op: nothing ever waits for a link.
        self.assertEqual(self.report(reference(), "--contention", "fifo")["makespan_ns"], 219_820_000)

    def test_writes_trace_timeline_and_svg(self):
        path = self.write(reference())
        result = run("simulate", path, "--trace", self.folder / "t.json.gz", "--timeline", self.folder / "t.csv",
                     "--svg", self.folder / "t.svg")
        self.assertEqual(result.returncode, 0, result)
        trace = json.loads(gzip.decompress((self.folder / "t.json.gz").read_bytes()))
        compute = [event for event in trace["traceEvents"]
                   if event["ph"] == "X" and event.get("cat") in ("forward", "backward")]
        self.assertEqual(len(compute), 8 * 64 * 2)
        lines = (self.folder / "t.csv").read_text().splitlines()
        self.assertEqual(lines[0], "rank,stream,kind,stage,micro_batch,start_ns,finish_ns,bytes,peer")
        self.assertEqual(sum(",compute," in line for line in lines), 8 * 64 * 2)
        self.assertTrue((self.folder / "t.svg").read_text().startswith("<"))
        self.assertEqual(self.files(), ["config.json", "t.csv", "t.json.gz", "t.svg"])

    def test_same_input_gives_the_same_bytes(self):
        outputs = []
        for name in ("a", "b"):
            result = run("simulate", CONFIGS / "seed_4x8.json", "--json", "--trace", self.folder / f"{name}.json.gz",
                         "--timeline", self.folder / f"{name}.csv.gz", "--svg", self.folder / f"{name}.svg")
            self.assertEqual(result.returncode, 0, result)
            outputs.append((result.stdout, *((self.folder / f"{name}{suffix}").read_bytes()
                                             for suffix in (".json.gz", ".csv.gz", ".svg"))))
        self.assertEqual(outputs[0], outputs[1])

    def test_timing_is_one_json_line_on_stderr(self):
        result = run("simulate", self.write(reference()), "--timing", "--json")
        self.assertEqual(result.returncode, 0)
        json.loads(result.stdout)
        seconds = json.loads(result.stderr)
        self.assertEqual(list(seconds), ["config", "schedule", "graph", "engine", "metrics", "output"])
        self.assertTrue(all(value >= 0 for value in seconds.values()))

    def test_check_memory_says_no(self):
        seed = CONFIGS / "seed_4x8.json"
        self.assertEqual(run("simulate", seed, "--check-memory").returncode, 0)
        gpipe = run("simulate", seed, "--check-memory", "--schedule", "gpipe")
        self.assertEqual(gpipe.returncode, 1)
        self.assertIn("of 80", gpipe.stdout)
        self.assertEqual(run("simulate", seed, "--schedule", "gpipe").returncode, 0)

    def test_plain_in_a_pipe(self):
        for command in (["simulate"], ["schedule", "show"]):
            self.assertNotIn("\x1b", run(*command, self.write(reference())).stdout)

    def test_schedule_from_a_file_is_the_generated_one(self):
        path = self.write(reference())
        self.assertEqual(run("schedule", "export", path, "-o", self.folder / "order.csv").returncode, 0)
        from_file = self.report(reference(schedule={"file": "order.csv"}))
        generated = self.report(reference())
        for key in ("makespan_ns", "bubble_fraction", "per_rank"):
            self.assertEqual(from_file[key], generated[key])

    def test_schedule_file_on_the_command_line_lies_where_the_user_stands(self):
        self.write(reference(), "configs/config.json")
        self.assertEqual(run("schedule", "export", "configs/config.json", "-o", "order.csv", cwd=self.folder).returncode, 0)
        result = run("simulate", "configs/config.json", "--schedule", "order.csv", "--json", cwd=self.folder)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertEqual(json.loads(result.stdout)["makespan_ns"], 219_820_000)

    def test_faulty_schedule_file_is_one_line(self):
        self.write("0F0,0B0,0F1\n1F0,1B0,1B1,1F1\n", "order.csv")
        changed = reference(schedule={"file": "order.csv"}, parallelism__pipeline=2, parallelism__micro_batches=2)
        result = run("simulate", self.write(changed))
        self.assertEqual((result.returncode, result.stdout, result.stderr.count("\n")), (2, "", 1), result)
        self.assertIn("order.csv", result.stderr)

    def test_deadlock_ends_with_the_cycle(self):
        # Rank 1 wants its backward of 1 before that of 0, rank 0's second forward waits for its first backward.
        self.write("0F0,0B0,0F1,0B1\n1F0,1F1,1B1,1B0\n", "order.csv")
        changed = reference(schedule={"file": "order.csv"}, parallelism__pipeline=2, parallelism__micro_batches=2)
        for command, code in ((["simulate"], 1), (["schedule", "check"], 1)):
            result = run(*command, self.write(changed))
            self.assertEqual(result.returncode, code, result)
            for text in ("deadlock", "rank 0", "rank 1"):
                self.assertIn(text, result.stderr + result.stdout)


class Compare(Folder):
    def rows(self, config, *arguments):
        result = run("compare", config, "--json", *arguments)
        self.assertEqual((result.returncode, result.stderr), (0, ""), result)
        return {row["label"]: row.get("report", row) for row in json.loads(result.stdout)["runs"]}

    def test_the_seed_tells_the_story(self):
        rows = self.rows(CONFIGS / "seed_4x8.json", "--schedules",
                         "naive:micro_batches=1:micro_batch_size=512,naive,gpipe,1f1b,interleaved")
        naive, gpipe, one, inter = (rows[name] for name in ("naive", "gpipe", "1f1b", "interleaved"))
        self.assertGreater(naive["bubble_fraction"], 0.74)
        self.assertLess(abs(gpipe["bubble_fraction"] - one["bubble_fraction"]), 0.01)
        self.assertGreater(gpipe["per_rank"][0]["peak_activation_count"], 7 * one["per_rank"][0]["peak_activation_count"])
        self.assertLess(inter["bubble_fraction"], 0.7 * one["bubble_fraction"])
        self.assertEqual([row["fits"] for row in (naive, gpipe, one, inter)], [True, False, True, True])

    def test_table_marks_the_best_and_what_does_not_fit(self):
        result = run("compare", CONFIGS / "seed_4x8.json", "--schedules", "naive,gpipe,1f1b,interleaved")
        self.assertEqual(result.returncode, 0, result)
        self.assertIn("does not fit", result.stdout)
        best = [line.split()[0] for line in result.stdout.splitlines() if line.endswith(" best")]
        self.assertEqual(best, ["interleaved"])
        self.assertIn("Assumed by every run", result.stdout)

    def test_batches_of_different_size_are_compared_by_their_work(self):
        for config in (CONFIGS / "seed_4x8.json", self.write(reference())):
            result = run("compare", config, "--schedules", "1f1b,1f1b:micro_batches=8", "--json")
            self.assertEqual([row["best"] for row in json.loads(result.stdout)["runs"]], [True, False])

    def test_a_schedule_file_of_the_config_is_compared_too(self):
        path = self.write(reference(parallelism__micro_batches=16))
        run("schedule", "export", path, "-o", self.folder / "order.csv")
        rows = self.rows(self.write(reference(parallelism__micro_batches=16, schedule={"file": "order.csv"})))
        self.assertEqual(rows[str(self.folder / "order.csv")]["makespan_ns"], rows["1f1b"]["makespan_ns"])

    def test_all_says_why_a_schedule_does_not_run(self):
        rows = self.rows(CONFIGS / "seed_4x8.json")
        self.assertIn("forward only", rows["inference"]["reason"])

    def test_costs_keep_the_model_the_same_on_more_stages(self):
        path = self.write(reference(costs__transfer="0 B", costs__link={"bandwidth": "50 GB/s", "latency": "0 us"}))
        rows = self.rows(path, "--schedules", "1f1b,interleaved")
        # V = 2 chunks of half the time: (M + (P-1)/2)(F+B) against (M + P-1)(F+B).
        self.assertEqual(rows["1f1b"]["makespan_ns"], 71 * 3_000_000)
        self.assertEqual(rows["interleaved"]["makespan_ns"], (2 * 64 + 7) * 1_500_000)

    def test_unknown_names_are_refused(self):
        for names in ("1f1b,gpip", "1f1b:bogus=1", ""):
            result = run("compare", CONFIGS / "seed_4x8.json", "--schedules", names)
            self.assertEqual((result.returncode, result.stdout, result.stderr.count("\n")), (2, "", 1), result)


class Schedules(Folder):
    def test_list_names_every_schedule_with_its_source(self):
        text = run("schedule", "list").stdout
        for name in ("naive", "gpipe", "1f1b", "interleaved", "inference"):
            self.assertIn(f"{name}:", text)
        self.assertIn("source", text)
        self.assertIn("group", run("schedule", "list", "--verbose").stdout)
        self.assertEqual({entry["name"] for entry in json.loads(run("schedule", "list", "--json").stdout)},
                         {"1f1b", "bpipe", "chimera", "combined-1f1b", "dualpipe", "dualpipev", "eager-1f1b",
                          "gpipe", "hanayo", "inference", "interleaved", "interleaved-zb", "looped-bfs", "naive",
                          "pipedream-2bw", "seq1f1b", "terapipe", "v-half", "v-min", "zb-1p", "zb-2p", "zb-auto",
                          "zb-h1", "zb-h2", "zbv", "zbv-auto"})

    def test_export_writes_the_grammar(self):
        config = reference(parallelism__pipeline=2, parallelism__micro_batches=2, schedule__name="naive")
        self.assertEqual(run("schedule", "export", self.write(config), "--format", "csv").stdout,
                         "0F0,0B0,0F1,0B1\n1F0,1B0,1F1,1B1\n")

    def test_check_is_clean_for_what_is_generated(self):
        for name in ("naive", "gpipe", "1f1b", "interleaved"):
            result = run("schedule", "check", self.write(reference()), "--schedule", name)
            self.assertEqual((result.returncode, result.stdout[:3]), (0, "ok:"), result)

    def test_check_lists_every_fault_of_a_bare_file(self):
        path = self.write("0F0,0F1,0B0\n1B0,1F0,1F1,1B1,1B1\n", "order.csv")
        result = run("schedule", "check", path)
        self.assertEqual(result.returncode, 1, result)
        for text in ("rank 0", "rank 1", "faults"):
            self.assertIn(text, result.stdout)
        faults = json.loads(run("schedule", "check", path, "--json").stdout)
        self.assertFalse(faults["ok"])
        self.assertGreaterEqual(len(faults["faults"]), 3)

    def test_check_lists_every_cell_that_is_no_action(self):
        result = run("schedule", "check", self.write("0F0,xx,0B0,yy\n1F0,1B0,zz\n", "order.csv"))
        self.assertEqual(result.returncode, 1)
        for place in ("row 1, cell 2", "row 1, cell 4", "row 2, cell 3", "3 faults"):
            self.assertIn(place, result.stdout)

    # Rank 0 sends F1 before it receives B0, rank 1 sends B0 before it receives F1.
    CROSSED = ("0F0,0SEND_F0,0F1,0SEND_F1,0RECV_B0,0B0,0RECV_B1,0B1\n"
               "1RECV_F0,1F0,1B0,1SEND_B0,1RECV_F1,1F1,1B1,1SEND_B1\n")
    CYCLE = "rank 0: SEND_F of stage 0, micro-batch 1, to rank 1 <- rank 1: SEND_B of stage 1, micro-batch 0, to rank 0"

    def test_check_finds_the_deadlock_of_sends_and_receives_in_a_bare_file(self):
        result = run("schedule", "check", self.write(self.CROSSED, "order.csv"))
        self.assertEqual(result.returncode, 1, result)
        self.assertIn(self.CYCLE, result.stdout)

    def test_program_runs_what_groups_or_streams_of_their_own_let_pass_and_names_the_cycle_else(self):
        path = self.write(self.CROSSED, "order.csv")
        config = self.write(reference(parallelism__pipeline=2, parallelism__micro_batches=2))
        program = ("simulate", config, "--schedule", path, "--json", "--communication", "program")
        result = run(*program)
        self.assertEqual((result.returncode, result.stdout, result.stderr.count("\n")), (1, "", 1), result)
        self.assertIn(self.CYCLE, result.stderr)
        overlap = json.loads(run("simulate", config, "--json").stdout)["makespan_ns"]
        for setting in ("/simulation/grouped=true", "/simulation/streams=pair"):
            report = json.loads(run(*program, "--set", setting).stdout)
            self.assertGreaterEqual(report["makespan_ns"], overlap)

    def test_check_of_a_deadlock_with_copies_counts_their_memory_by_the_program(self):
        path = self.write("0F0,0EVICT0,0F1,0LOAD0,0B0,0F2,0B1,0B2\n1F2,1B2,1F0,1B0,1F1,1B1\n", "order.csv")
        result = run("schedule", "check", path)
        self.assertEqual((result.returncode, result.stderr), (1, ""), result)
        self.assertIn("deadlock", result.stdout)

    def test_a_pass_that_a_file_does_not_allow_is_refused_by_the_name_of_the_file(self):
        path = self.write("0UNSHARD,0F0,0B0\n", "order.csv")
        config = self.write(reference(parallelism__pipeline=1, parallelism__micro_batches=1))
        result = run("schedule", "export", config, "--schedule", path, "--format", "csv-comms", "--passes", "unshard")
        self.assertEqual(result.returncode, 2, result)
        self.assertIn("order.csv: has UNSHARD already", result.stderr)

    def test_slices_and_steps_have_no_meaning_for_a_file_that_only_runs_forward(self):
        path = self.write("0F0,0F1\n", "order.csv")
        config = self.write(reference(parallelism__pipeline=1, parallelism__micro_batches=2))
        result = run("simulate", config, "--schedule", path, "--set", "/schedule/slices=2")
        self.assertEqual(result.returncode, 2, result)
        self.assertIn("/schedule/slices", result.stderr)

    def test_check_of_a_bare_file_takes_no_config_options(self):
        path = self.write("0F0,0B0\n", "order.csv")
        self.assertEqual(run("schedule", "check", path).returncode, 0)
        self.assertEqual(run("schedule", "check", path, "--schedule", "gpipe").returncode, 2)

    def test_check_says_of_a_deadlock_that_it_does_not_fit_either(self):
        self.write("0F0,0B0,0F1,0B1\n1F0,1F1,1B1,1B0\n", "order.csv")
        result = run("schedule", "check", CONFIGS / "seed_4x8.json", "--schedule", self.folder / "order.csv", "--set",
                     "/parallelism/pipeline=2", "--set", "/parallelism/micro_batches=2", "--set", "/cluster/gpu/memory=1 GiB")
        self.assertEqual(result.returncode, 1, result)
        for text in ("order.csv: deadlock", "rank 0: does not fit", "rank 1: does not fit", "3 faults"):
            self.assertIn(text, result.stdout)

    def test_check_finds_what_does_not_fit_in_memory(self):
        result = run("schedule", "check", CONFIGS / "seed_4x8.json", "--schedule", "gpipe")
        self.assertEqual(result.returncode, 1, result)
        self.assertIn("does not fit", result.stdout)

    def test_show_has_a_row_a_rank(self):
        text = run("schedule", "show", self.write(reference()), "--width", "100").stdout
        self.assertEqual(sum("rank" in line.split("|")[0] for line in text.splitlines() if line.startswith("rank")), 8)
        self.assertLessEqual(max(map(len, text.splitlines())), 100)

    def test_show_rank_is_a_program(self):
        text = run("schedule", "show", CONFIGS / "interleaved_4gpu.json", "--rank", "1").stdout
        for words in ("Recv", "Send", "rank 0", "rank 2", "5-8", "21-24"):
            self.assertIn(words, text)
        self.assertEqual(run("schedule", "show", self.write(reference()), "--rank", "8").returncode, 2)


class Optimize(Folder):
    def small(self):
        return self.write(reference(parallelism__pipeline=3, parallelism__micro_batches=5))

    def test_the_order_it_writes_runs_and_is_as_good_as_it_says(self):
        path = self.small()
        result = run("schedule", "optimize", path, "--memory-limit", "1p", "-o", self.folder / "best.csv")
        self.assertEqual((result.returncode, result.stderr), (0, ""), result)
        self.assertIn("optimal, proved", result.stdout)
        found = json.loads(run("schedule", "optimize", path, "--memory-limit", "1p", "--json").stdout)
        self.assertTrue(found["proved"])
        again = json.loads(run("simulate", path, "--schedule", self.folder / "best.csv", "--json").stdout)
        self.assertEqual(again["makespan_ns"], found["value_ns"])
        self.assertLessEqual(max(rank["peak_activation_bytes"] for rank in again["per_rank"]), 3_000_000)
        self.assertEqual(run("schedule", "check", self.folder / "best.csv").returncode, 0)

    def test_each_option_changes_what_is_searched(self):
        path = self.small()
        value = lambda *options: json.loads(run("schedule", "optimize", path, "--json", *options).stdout)["value_ns"]
        # Whole: (M+P-1)(F+B) and 4 hops; with room for one micro-batch at a time, naive: M round trips.
        self.assertEqual(value("--backward", "whole"), 7 * 3_000_000 + 4 * 55_000)
        self.assertEqual(value("--backward", "whole", "--memory-limit", "1 MB"), 5 * (3 * 3_000_000 + 4 * 55_000))
        self.assertLess(value("--objective", "span"), value())
        self.assertGreater(value("--memory-limit", "0.5p"), value("--memory-limit", "2p"))
        none = json.loads(run("schedule", "optimize", path, "--json", "--nodes", "0", "--memory-limit", "0.7p").stdout)
        self.assertEqual(none["nodes"], 0)

    def test_limits_that_cannot_be_kept_or_read_are_refused(self):
        path = self.small()
        for limit, expected in (("999999 B", "at least 1000000 B"), ("0p", "above 0"), ("much", "GiB")):
            result = run("schedule", "optimize", path, "--memory-limit", limit)
            self.assertEqual((result.returncode, result.stdout, result.stderr.count("\n")), (2, "", 1), result)
            self.assertIn("--memory-limit", result.stderr)
            self.assertIn(expected, result.stderr)


class Samples(Folder):
    def test_the_pictures_and_traces_in_the_tree_are_those_that_the_program_makes(self):
        subprocess.run([ROOT / "scripts" / "samples", PPSIM, self.folder], check=True)
        kept = [path for path in (ROOT / "traces").rglob("*") if path.is_file() and path.name != "README.md"]
        self.assertEqual(self.files(), sorted(str(path.relative_to(ROOT / "traces")) for path in kept))
        for name in self.files():
            made, kept = (self.folder / name).read_bytes(), (ROOT / "traces" / name).read_bytes()
            if name.endswith(".gz"):  # another zlib packs otherwise
                made, kept = gzip.decompress(made), gzip.decompress(kept)
            self.assertEqual(made, kept, f"{name}: run scripts/samples")


class Configs(Folder):
    def test_every_shipped_config_runs(self):
        for path in sorted(CONFIGS.glob("*.json")):
            result = run("simulate", path, "--json")
            self.assertEqual((result.returncode, result.stderr), (0, ""), path)

    def test_interleaved_layers_are_those_of_the_papers_figure(self):
        report = json.loads(run("simulate", CONFIGS / "interleaved_4gpu.json", "--json").stdout)
        self.assertEqual([rank["layers"] for rank in report["per_rank"][:2]], [[[1, 4], [17, 20]], [[5, 8], [21, 24]]])

    def test_inference_keeps_the_cache_where_the_layers_are(self):
        report = json.loads(run("simulate", CONFIGS / "inference_2gpu.json", "--json").stdout)
        self.assertEqual([rank["layers"] for rank in report["per_rank"]], [[[1, 10]], [[11, 20]]])
        self.assertTrue(all(rank["kv_cache_bytes"] > 0 for rank in report["per_rank"]))

    def test_config_names_defaults_and_where_values_came_from(self):
        document = json.loads(run("config", CONFIGS / "seed_4x8.json", "--json", "--set", "/simulation/seed=7").stdout)
        self.assertEqual(document["origins"]["/simulation/seed"], "--set")
        self.assertEqual(document["config"]["parallelism"]["data"], 1)
        self.assertIn("h100", document["origins"]["/cluster/nodes"])
        self.assertIn("/parallelism/pipeline", run("config", CONFIGS / "seed_4x8.json").stdout)

    def test_model_shows_what_stages_consist_of(self):
        document = json.loads(run("model", CONFIGS / "seed_4x8.json", "--json").stdout)
        self.assertEqual([stage["layers"] for stage in document["stages"]], [[1, 20], [21, 40], [41, 60], [61, 80]])
        for stage in document["stages"]:
            for part in ("forward_ns", "weight_grad_ns"):
                # Each row is rounded, and so is their sum.
                self.assertAlmostEqual(sum(row[part] for row in stage["operators"]), stage[part], delta=len(stage["operators"]))
        self.assertIn("head", [row["name"] for row in document["stages"][3]["operators"]])
        text = run("model", CONFIGS / "seed_4x8.json").stdout
        self.assertIn("stages 1-2, each: layers 21-60, 20 a stage", text)
        costs = run("model", CONFIGS / "reference_8x64.json")
        self.assertEqual((costs.returncode, costs.stdout), (2, ""))
        self.assertIn("/costs: say nothing of operators", costs.stderr)

    def test_network_shows_links_transfers_and_collectives(self):
        fabric = ["--set", '/cluster/fabric={"nodes_per_leaf": 2, "oversubscription": 8}']
        document = json.loads(run("network", CONFIGS / "seed_4x8.json", *fabric, "--json").stdout)
        self.assertEqual([(link["kind"], link["count"], link["used"]) for link in document["links"]],
                         [("NVLink", 64, 64), ("NIC", 64, 64), ("leaf uplink", 4, 4)])
        across = [row for row in document["transfers"] if (row["from"], row["to"]) == (1, 2)]
        # 2 x 8 x 50 GB/s / 8 for eight flows.
        self.assertEqual([(row["bytes_per_second"], row["narrowest"], row["flows"], row["count"]) for row in across],
                         [(12_500_000_000, "leaf 0 up", 8, 32)])
        self.assertIn(["rank 1 -> rank 0", "rank 1 -> rank 2"], [links["users"] for links in document["shared"]])
        self.assertEqual([[row["name"] for row in stage] for stage in document["stages"]], [["tensor all-reduce"]] * 4)
        for row in document["transfers"] + document["collectives"]:
            self.assertLessEqual(row["alone_ns"], row["mean_ns"])
            self.assertLessEqual(row["mean_ns"], row["longest_ns"])
        text = run("network", CONFIGS / "seed_4x8.json", *fabric).stdout
        self.assertIn("Collectives of stages 0-3, one of each", text)
        self.assertIn("leaf 0 up", text)
        costs = run("network", CONFIGS / "reference_8x64.json")
        self.assertEqual((costs.returncode, costs.stderr), (0, ""))
        self.assertNotIn("ollectives", costs.stdout)
        bad = run("network", CONFIGS / "seed_4x8.json", "--set", "/parallelism/tensor=3")
        self.assertEqual((bad.returncode, bad.stdout), (2, ""))
        self.assertIn("/parallelism/tensor: 3 does not fit nodes of 8 GPUs", bad.stderr)

    def test_inference_is_described_by_its_prefill(self):
        stage = json.loads(run("model", CONFIGS / "inference_2gpu.json", "--json").stdout)["stages"][0]
        self.assertGreater(stage["kv_cache_bytes"], 0)
        self.assertEqual(sum(row["weight_grad_ns"] + row["input_grad_ns"] for row in stage["operators"]), 0)

    def test_a_resolved_config_gives_the_same_report(self):
        first = run("simulate", CONFIGS / "seed_4x8.json", "--json").stdout
        resolved = json.loads(run("config", CONFIGS / "seed_4x8.json", "--json").stdout)["config"]
        second = run("simulate", self.write(resolved), "--json").stdout
        self.assertEqual(json.loads(first)["makespan_ns"], json.loads(second)["makespan_ns"])

    def test_init_writes_a_config_that_runs(self):
        names = [line.split()[0] for line in run("init", "--list").stdout.splitlines()]
        self.assertEqual(names, sorted(path.stem for path in CONFIGS.glob("*.json")))
        for name in names:
            path = self.folder / f"{name}.json"
            self.assertEqual(run("init", name, "-o", path).returncode, 0)
            built_in = json.loads(run("simulate", path, "--json").stdout)
            shipped = json.loads(run("simulate", CONFIGS / f"{name}.json", "--json").stdout)
            self.assertEqual(built_in["makespan_ns"], shipped["makespan_ns"], name)
        again = run("init", "seed_4x8", "-o", self.folder / "seed_4x8.json")
        self.assertEqual((again.returncode, again.stdout), (2, ""))
        self.assertEqual(run("init", "nothing").returncode, 2)

    def test_version(self):
        result = run("--version")
        self.assertEqual((result.returncode, result.stdout), (0, "ppsim 0.1.0\n"))


if __name__ == "__main__":
    program = unittest.main(argv=sys.argv[:1], exit=False, verbosity=1)
    outcome = program.result
    failed = len(outcome.failures) + len(outcome.errors)
    print(f"{outcome.testsRun - failed} passed, {failed} failed", flush=True)
    sys.exit(failed != 0)
