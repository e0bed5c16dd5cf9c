"""ppsim replay and ppsim report from outside, under mpirun. usage: replay_test.py PPSIM SOURCE_ROOT

Ranks may be many more than cores, so nothing here depends on how fast they are; what times must be is said by lower bounds.
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

PPSIM = pathlib.Path(sys.argv[1]).resolve()
CONFIGS = pathlib.Path(sys.argv[2]).resolve() / "configs"
REFERENCE = CONFIGS / "reference_8x64.json"
SCHEDULES = PPSIM.parent / "tests" / "replay" / "replay_schedules"
ENVIRONMENT = {**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
               "NO_COLOR": "1"}
LIMIT_S = 60  # nothing hangs: what should end by itself does so far sooner
SOON_S = 12

BACKEND = subprocess.run([PPSIM, "replay", REFERENCE, "--timeout", "1 h", "--schedule", "none"],
                         capture_output=True, text=True, timeout=LIMIT_S, env=ENVIRONMENT).stderr
if "has no MPI" in BACKEND:
    SKIP = "skipped: this build of ppsim has no MPI"
elif shutil.which("mpirun") is None:
    SKIP = "skipped: there is no mpirun"
else:
    SKIP = None


def command(ranks, *arguments):
    return ["mpirun", "--oversubscribe", "-n", str(ranks), *map(str, arguments)]


def mpirun(ranks, *arguments, cwd=None, limit=LIMIT_S):
    return subprocess.run(command(ranks, *arguments), capture_output=True, text=True, cwd=cwd, timeout=limit,
                          env=ENVIRONMENT, stdin=subprocess.DEVNULL)


def ppsim(*arguments):
    return subprocess.run([PPSIM, *map(str, arguments)], capture_output=True, text=True, timeout=LIMIT_S,
                          env=ENVIRONMENT)


def said(stderr):
    """The program's own lines; mpirun has some too."""
    return [line for line in stderr.splitlines() if line.startswith("ppsim: ")]


def small(ranks=4, micro_batches=8, forward="2 ms", backward="4 ms", transfer="100 kB", **parallelism):
    return {"costs": {"forward": forward, "backward": backward, "transfer": transfer, "activation": "1 MB",
                      "link": {"bandwidth": "50 GB/s", "latency": "5 us"}},
            "parallelism": {"pipeline": ranks, "micro_batches": micro_batches, **parallelism},
            "schedule": {"name": "1f1b"}}


class WithoutMpi(unittest.TestCase):
    def test_a_build_without_mpi_says_what_is_missing(self):
        if "has no MPI" not in BACKEND:
            self.skipTest("skipped: this build has MPI")
        done = ppsim("replay", REFERENCE)
        self.assertEqual(done.stderr, "ppsim: --backend: this build has no MPI, which host-mpi needs: install "
                                      "libopenmpi-dev and build anew, or use host-tcp\n")
        self.assertEqual((done.returncode, done.stdout), (2, ""))


class Folder(unittest.TestCase):
    def setUp(self):
        if SKIP:
            self.skipTest(SKIP)
        self._folder = tempfile.TemporaryDirectory()
        self.addCleanup(self._folder.cleanup)
        self.folder = pathlib.Path(self._folder.name)

    def write(self, config, name="config.json"):
        path = self.folder / name
        path.write_text(json.dumps(config))
        return path

    def files(self):
        return sorted(path.name for path in self.folder.iterdir())


class Virtual(Folder):
    def assert_exact(self, ranks, config, *options):
        measured, simulated = self.folder / "measured.csv", self.folder / "simulated.csv"
        done = mpirun(ranks, PPSIM, "replay", config, *options, "-o", measured)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(ppsim("simulate", config, *options, "--timeline", simulated).returncode, 0)
        self.assertEqual(measured.read_bytes(), simulated.read_bytes())

    def test_every_schedule_on_4_and_8_ranks_is_the_engines_timeline(self):
        for ranks in (4, 8):
            done = mpirun(ranks, SCHEDULES)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            passed = int(done.stdout.split()[0])
            self.assertGreater(passed, 26 * 2)

    def test_32_ranks_and_128_micro_batches(self):
        config = self.write(small(32, 128, "1 ms", "2 ms", "2.5 MB"))
        self.assert_exact(32, config)
        self.assert_exact(32, config, "--schedule", "zb-h1", "--communication", "blocking")
        self.assert_exact(32, config, "--schedule", "interleaved", "--set", "/parallelism/virtual_stages=2")
        self.assert_exact(32, config, "--schedule", "dualpipe", "--communication", "program")

    def test_the_report_is_that_of_simulate(self):
        replayed = json.loads(mpirun(8, PPSIM, "replay", REFERENCE, "--json").stdout)
        simulated = json.loads(ppsim("simulate", REFERENCE, "--json").stdout)
        self.assertEqual(replayed["makespan_ns"], 219_820_000)
        note = replayed["assumptions"].pop()
        self.assertEqual(note, "replayed with virtual clocks: no op and no message took real time")
        self.assertEqual(replayed, simulated)

    def test_a_schedule_from_a_file(self):
        order = self.folder / "order.csv"
        self.assertEqual(ppsim("schedule", "export", REFERENCE, "--micro-batches", 8, "-o", order).returncode, 0)
        self.assert_exact(8, REFERENCE, "--micro-batches", 8, "--schedule", order)

    def test_links_that_are_shared_are_refused_in_one_line(self):
        done = mpirun(8, PPSIM, "replay", REFERENCE, "--contention", "fair")
        self.assertEqual(said(done.stderr), ["ppsim: command line /simulation/contention: virtual clocks know nothing of "
                                             "links that transfers share: expected none (--contention none)"])
        self.assertEqual((done.returncode, done.stdout), (2, ""))

    def test_an_order_that_deadlocks_is_refused_before_it_runs(self):
        order = self.write("", "order.csv")
        order.write_text("0F0,0RECV_B0,0SEND_F0,0B0\n1RECV_F0,1F0,1B0,1SEND_B0\n")
        options = ("--schedule", order, "--communication", "program")
        config = self.write(small(2, 1))
        done = mpirun(2, PPSIM, "replay", config, *options)
        self.assertEqual(said(done.stderr), said(ppsim("simulate", config, *options).stderr))
        self.assertIn("deadlock", done.stderr)
        self.assertEqual((done.returncode, done.stdout), (1, ""))


class Timed(Folder):
    def rows(self, path):
        header, *lines = path.read_text().splitlines()
        return [dict(zip(header.split(","), line.split(","))) for line in lines]

    def test_waits_and_real_messages_give_a_timeline_like_any_other(self):
        config, measured = self.write(small(transfer="3 MB")), self.folder / "measured.csv.gz"
        done = mpirun(4, PPSIM, "replay", config, "--mode", "wait", "--steps", 3, "-o", measured, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        report = json.loads(done.stdout)
        self.assertEqual(report["measured_steps"]["count"], 3)
        times = report["measured_steps"]["step_time_ns"]
        self.assertEqual(report["makespan_ns"], times["p50"])
        # (M + P - 1) (F + B): ops alone, as no wait ends before its time.
        self.assertGreaterEqual(times["min"], 11 * 6_000_000)
        self.assertIn("clocks: all ranks read the same one", "".join(report["assumptions"]))
        # The file says the same, and feeds the trace and the picture.
        trace, picture = self.folder / "t.json", self.folder / "t.svg"
        again = ppsim("report", measured, "--config", config, "--json", "--trace", trace, "--svg", picture)
        self.assertEqual(again.returncode, 0, again.stderr)
        reread = json.loads(again.stdout)
        for key in ("makespan_ns", "measured_steps", "per_rank", "bubble_fraction"):
            self.assertEqual(reread[key], report[key])
        self.assertTrue(json.loads(trace.read_text())["traceEvents"])
        self.assertIn("<svg", picture.read_text())

    def test_what_comes_later_in_the_program_is_later_in_time(self):
        config, measured = self.write(small()), self.folder / "measured.csv"
        for options in ([], ["--communication", "blocking"], ["--communication", "program"],
                        ["--schedule", "bpipe"], ["--schedule", "zbv"]):
            done = mpirun(4, PPSIM, "replay", config, "--mode", "wait", "--steps", 1, "-o", measured, *options)
            self.assertEqual(done.returncode, 0, done.stderr)
            rows = self.rows(measured)
            simulated = self.folder / "simulated.csv"
            ppsim("simulate", config, "--timeline", simulated, *options)

            def key(row):
                return tuple(row[column] for column in ("rank", "stream", "kind", "stage", "micro_batch", "bytes", "peer"))

            self.assertEqual(sorted(map(key, rows)), sorted(map(key, self.rows(simulated))))
            ends, received = {}, {}
            for row in rows:
                if row["stream"] == "receive":
                    received[(row["rank"], row["kind"], row["stage"], row["micro_batch"])] = int(row["finish_ns"])
            for row in (row for row in rows if row["stream"] == "compute"):
                start, finish, rank = int(row["start_ns"]), int(row["finish_ns"]), row["rank"]
                self.assertGreaterEqual(start, ends.get(rank, 0))
                ends[rank] = finish
                before = (rank, row["kind"], str(int(row["stage"]) + (-1 if row["kind"] == "F" else 1)), row["micro_batch"])
                self.assertGreaterEqual(start, received.get(before, 0))

    def test_matrix_products_last_about_as_long_as_the_op(self):
        config = self.write(small(1, 16, "5 ms", "10 ms"))
        done = mpirun(1, PPSIM, "replay", config, "--mode", "compute", "--steps", 3, "--json")
        if "has no BLAS" in done.stderr:
            self.skipTest("skipped: this build has no BLAS")
        self.assertEqual(done.returncode, 0, done.stderr)
        # Others may use the core: then an op takes longer, or was measured to.
        self.assertGreater(json.loads(done.stdout)["per_rank"][0]["busy_ns"], 16 * 15_000_000 / 4)

    def test_computing_ranks_need_a_core_each(self):
        cores = os.sysconf("SC_NPROCESSORS_ONLN")
        if cores > 16:
            self.skipTest("skipped: the machine has many cores")
        done = mpirun(cores + 1, PPSIM, "replay", self.write(small(cores + 1)), "--mode", "compute")
        if "has no BLAS" in done.stderr:
            self.skipTest("skipped: this build has no BLAS")
        self.assertEqual(said(done.stderr), [f"ppsim: {cores + 1} ranks run on a machine of {cores} cores: expected a core "
                                             "for each in mode compute"])
        self.assertEqual(done.returncode, 1)


class Failures(Folder):
    """Each ends soon with exit code 1, one line that names the rank, and no file."""

    def assert_fails(self, done, pattern, code=1):
        lines = said(done.stderr)
        self.assertEqual(len(lines), 1, done.stderr)
        self.assertRegex(lines[0], pattern)
        self.assertEqual((done.returncode, done.stdout), (code, ""))

    def start(self, *options, ranks=4, timeout="2 s"):
        """A replay of hours, and the processes of its ranks, in order, once they run."""
        config = self.write(small(ranks, 4, "30 ms", "60 ms"))
        job = subprocess.Popen(
            command(ranks, PPSIM, "replay", config, "--mode", "wait", "--steps", 9999, "--timeout", timeout, "-o",
                    self.folder / "out.csv", *options),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT, stdin=subprocess.DEVNULL)
        self.addCleanup(job.kill)
        pids = {}
        for _ in range(200):
            time.sleep(0.05)
            children = pathlib.Path(f"/proc/{job.pid}/task/{job.pid}/children").read_text().split()
            for pid in children:
                try:
                    environment = pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
                except OSError:
                    continue
                for entry in environment:
                    if entry.startswith(b"OMPI_COMM_WORLD_RANK="):
                        pids[int(entry.split(b"=")[1])] = int(pid)
            if len(pids) == ranks:
                time.sleep(1)  # MPI has started, and the first steps run
                return job, [pids[rank] for rank in range(ranks)]
        self.fail("the ranks do not start")

    def end(self, job):
        begin = time.monotonic()
        stdout, stderr = job.communicate(timeout=LIMIT_S)
        self.assertLess(time.monotonic() - begin, SOON_S)
        self.assertEqual(self.files(), ["config.json"])
        return subprocess.CompletedProcess([], job.returncode, stdout, stderr)

    def test_a_wrong_number_of_processes(self):
        self.assert_fails(mpirun(3, PPSIM, "replay", REFERENCE),
                          "^ppsim: 3 processes are in this job, and the schedule has 8 ranks: expected one a rank")
        self.assert_fails(ppsim("replay", REFERENCE), "^ppsim: 1 process is in this job, and the schedule has 8 ranks")

    def test_another_config_on_one_rank(self):
        done = mpirun(3, PPSIM, "replay", self.write(small()), ":", "-n", 1, PPSIM, "replay",
                      self.write(small(forward="3 ms"), "other.json"))
        self.assert_fails(done, "^ppsim: rank 3: config, schedule or options are not those of rank 0")

    def test_a_config_that_one_rank_lacks(self):
        done = mpirun(3, PPSIM, "replay", self.write(small()), ":", "-n", 1, PPSIM, "replay", "absent.json")
        self.assert_fails(done, "^ppsim: rank 3: absent.json: there is no such file", code=2)

    def test_a_fault_of_the_config_is_said_once(self):
        done = mpirun(4, PPSIM, "replay", self.write(small(micro_batches=0)))
        self.assert_fails(done, r"^ppsim: .*config.json#/parallelism/micro_batches: ", code=2)

    def test_a_rank_that_never_starts(self):
        begin = time.monotonic()
        done = mpirun(3, PPSIM, "replay", self.write(small()), "--timeout", "1 s", ":", "-n", 1, "sleep", LIMIT_S)
        self.assert_fails(done, "^ppsim: rank 0: not all ranks have started within 1 s$")
        self.assertLess(time.monotonic() - begin, SOON_S)

    def test_a_rank_that_is_killed(self):
        job, pids = self.start()
        os.kill(pids[2], signal.SIGKILL)
        done = self.end(job)
        self.assertNotEqual(done.returncode, 0)  # mpirun's own: it says which rank it was, and ends the others
        self.assertIn("rank 2", done.stderr)
        self.assertLessEqual(len(said(done.stderr)), 1)

    def test_a_rank_that_is_told_to_end(self):
        job, pids = self.start()
        os.kill(pids[2], signal.SIGTERM)
        self.assert_fails(self.end(job), r"^ppsim: rank 2: .*ended by signal 15 \(Terminated\)")

    def test_a_job_that_is_told_to_end(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            job, _ = self.start()
            job.send_signal(number)  # of which mpirun makes a SIGTERM for each rank
            self.assert_fails(self.end(job), r"^ppsim: rank [0-3]: .*ended by signal 15 \(Terminated\)$")

    def test_a_rank_that_stands_still(self):
        # Four ranks' ops take 4 x 4 x 90 ms one after the other: a step has that long, and the timeout.
        job, pids = self.start(timeout="1 s")
        os.kill(pids[2], signal.SIGSTOP)
        self.addCleanup(lambda: os.path.exists(f"/proc/{pids[2]}") and os.kill(pids[2], signal.SIGCONT))
        self.assert_fails(self.end(job), r"^ppsim: rank [013]: .*(nothing came|heard nothing)")

    def test_a_full_disk(self):
        config = self.write(small())
        done = mpirun(4, PPSIM, "replay", config, "-o", "/dev/full")
        self.assertEqual(said(done.stderr), ["ppsim: /dev/full: cannot be written: No space left on device"])
        self.assertEqual(done.returncode, 1)

    def test_a_folder_that_is_not_there_is_seen_before_it_runs(self):
        done = mpirun(4, PPSIM, "replay", self.write(small()), "-o", self.folder / "absent" / "out.csv")
        self.assert_fails(done, "cannot be written: there is no folder", code=2)


class Reports(unittest.TestCase):
    """ppsim report needs no MPI."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.timeline = pathlib.Path(folder.name) / "t.csv.gz"

    def test_a_simulated_timeline_gives_the_report_it_came_with(self):
        for options in ([], ["--schedule", "zb-h1"], ["--communication", "blocking", "--contention", "fifo"]):
            simulated = ppsim("simulate", REFERENCE, *options, "--timeline", self.timeline, "--json")
            read = ppsim("report", self.timeline, "--config", REFERENCE, *options, "--json")
            self.assertEqual(read.returncode, 0, read.stderr)
            first, second = json.loads(simulated.stdout), json.loads(read.stdout)
            self.assertEqual(second["assumptions"].pop(), f"times are those of {self.timeline}")
            self.assertEqual(first, second)

    def test_a_timeline_of_another_config_is_refused(self):
        ppsim("simulate", REFERENCE, "--timeline", self.timeline)
        read = ppsim("report", self.timeline, "--config", REFERENCE, "--micro-batches", 65)
        self.assertEqual(read.stderr, f"ppsim: {self.timeline}: lacks rank 0: F of stage 0, micro-batch 64: expected each op "
                                      "and transfer of the config's run\n")
        self.assertEqual((read.returncode, read.stdout), (2, ""))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
