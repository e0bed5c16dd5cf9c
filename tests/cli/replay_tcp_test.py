"""ppsim replay --backend host-tcp from outside: processes that find one another by the environment, as torchrun sets it.
usage: replay_tcp_test.py PPSIM SOURCE_ROOT

Ranks may be many more than cores, so nothing here depends on how fast they are.
"""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

PPSIM = pathlib.Path(sys.argv[1]).resolve()
REFERENCE = pathlib.Path(sys.argv[2]).resolve() / "configs" / "reference_8x64.json"
LIMIT_S = 60  # nothing hangs: what should end by itself does so far sooner
SOON_S = 12

# Nothing of the launcher under which the tests themselves may run.
LAUNCHERS = re.compile(r"(.*_)?RANK$|WORLD_SIZE|MASTER_|TORCHELASTIC_|OMPI_|PMI|SLURM_")
ENVIRONMENT = {name: value for name, value in os.environ.items() if not LAUNCHERS.match(name)} | {"NO_COLOR": "1"}


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def torchrun(ranks):
    """The variables of each rank."""
    port = str(free_port())
    return [{"RANK": str(rank), "WORLD_SIZE": str(ranks), "LOCAL_RANK": str(rank), "MASTER_ADDR": "127.0.0.1",
             "MASTER_PORT": port} for rank in range(ranks)]


def ppsim(*arguments, variables=None):
    return subprocess.run([PPSIM, *map(str, arguments)], capture_output=True, text=True, timeout=LIMIT_S,
                          env=ENVIRONMENT | (variables or {}))


def small(ranks=4, micro_batches=8, forward="2 ms", backward="4 ms", transfer="100 kB"):
    return {"costs": {"forward": forward, "backward": backward, "transfer": transfer, "activation": "1 MB",
                      "link": {"bandwidth": "50 GB/s", "latency": "5 us"}},
            "parallelism": {"pipeline": ranks, "micro_batches": micro_batches}, "schedule": {"name": "1f1b"}}


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def write(self, config, name="config.json"):
        path = self.folder / name
        path.write_text(json.dumps(config))
        return path

    def start(self, config, *options, variables):
        """A process a rank; `config`: one for all, or one a rank."""
        configs = config if isinstance(config, list) else [config] * len(variables)
        job = []
        for one, own in zip(variables, configs):
            job.append(subprocess.Popen(
                [PPSIM, "replay", own, "--backend", "host-tcp", *map(str, options)], stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT | one))
            self.addCleanup(self.clean_up, job[-1])
        return job

    def clean_up(self, process):
        process.kill()
        process.communicate()

    def end(self, job):
        """(exit codes, what all wrote to stdout, what to stderr), of processes that end by themselves."""
        ended = [process.communicate(timeout=LIMIT_S) for process in job]
        return [process.returncode for process in job], "".join(out for out, _ in ended), "".join(err for _, err in ended)

    def run_job(self, config, *options, variables):
        return self.end(self.start(config, *options, variables=variables))


class Virtual(Folder):
    def assert_exact(self, config, *options, variables):
        measured, simulated = self.folder / "measured.csv", self.folder / "simulated.csv"
        codes, _, stderr = self.run_job(config, *options, "-o", measured, variables=variables)
        self.assertEqual((codes, stderr), ([0] * len(variables), ""))
        self.assertEqual(ppsim("simulate", config, *options, "--timeline", simulated).returncode, 0)
        self.assertEqual(measured.read_bytes(), simulated.read_bytes())

    def test_4_and_8_ranks_come_to_the_engines_timeline(self):
        config = self.write(small())
        self.assert_exact(config, variables=torchrun(4))
        self.assert_exact(config, "--schedule", "zbv", variables=torchrun(4))
        self.assert_exact(config, "--schedule", "1f1b", "--communication", "program", variables=torchrun(4))
        self.assert_exact(REFERENCE, variables=torchrun(8))
        self.assert_exact(REFERENCE, "--schedule", "zb-h1", "--communication", "blocking", variables=torchrun(8))

    def test_the_report_is_that_of_simulate(self):
        codes, stdout, _ = self.run_job(REFERENCE, "--json", variables=torchrun(8))
        self.assertEqual(codes, [0] * 8)
        replayed, simulated = json.loads(stdout), json.loads(ppsim("simulate", REFERENCE, "--json").stdout)
        self.assertEqual(replayed["makespan_ns"], 219_820_000)
        replayed["assumptions"].pop()
        self.assertEqual(replayed, simulated)

    def test_what_srun_and_mpirun_set_does_as_well(self):
        config = self.write(small(2))
        for rank, size in (("SLURM_PROCID", "SLURM_NTASKS"), ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
                           ("PMI_RANK", "PMI_SIZE")):
            variables = [{rank: one["RANK"], size: one["WORLD_SIZE"], "MASTER_ADDR": "localhost",
                          "MASTER_PORT": one["MASTER_PORT"]} for one in torchrun(2)]
            self.assert_exact(config, variables=variables)

    def test_the_port_of_torchruns_own_store_is_left_alone(self):
        with socket.socket() as store:
            store.bind(("127.0.0.1", 0))
            store.listen()
            held = {"TORCHELASTIC_USE_AGENT_STORE": "True", "MASTER_PORT": str(store.getsockname()[1])}
            self.assert_exact(self.write(small(2)), variables=[one | held for one in torchrun(2)])

    def test_a_rank_alone_needs_no_launcher(self):
        self.assert_exact(self.write(small(1)), variables=[{}])


class Timed(Folder):
    def test_waits_and_real_messages_give_a_timeline_like_any_other(self):
        config, measured = self.write(small(transfer="3 MB")), self.folder / "measured.csv.gz"
        codes, stdout, stderr = self.run_job(config, "--mode", "wait", "--steps", 3, "-o", measured, "--json",
                                             variables=torchrun(4))
        self.assertEqual((codes, stderr), ([0] * 4, ""))
        report = json.loads(stdout)
        # (M + P - 1) (F + B): ops alone, as no wait ends before its time.
        self.assertGreaterEqual(report["measured_steps"]["step_time_ns"]["min"], 11 * 6_000_000)
        again = ppsim("report", measured, "--config", config, "--json")
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertEqual(json.loads(again.stdout)["measured_steps"], report["measured_steps"])


class Failures(Folder):
    """Each ends soon with exit code 1 on all ranks, one line in all, and no file."""

    def assert_fails(self, job, pattern, codes, begin):
        ended, stdout, stderr = self.end(job)
        self.assertLess(time.monotonic() - begin, SOON_S)
        self.assertEqual((ended, stdout), (codes, ""), stderr)
        self.assertEqual(len(stderr.splitlines()), 1, stderr)
        self.assertRegex(stderr, pattern)
        self.assertFalse((self.folder / "out.csv").exists())
        self.assertFalse([path for path in self.folder.iterdir() if path.suffix != ".json"])

    def start_long(self, ranks=4):
        """A replay of hours, in which all are connected: two connections for each two ranks."""
        config = self.write(small(ranks, 4, "30 ms", "60 ms"))
        job = self.start(config, "--mode", "wait", "--steps", 9999, "-o", self.folder / "out.csv",
                         variables=torchrun(ranks))
        for _ in range(400):
            time.sleep(0.05)
            if all(self.count_sockets(process) == 2 * (ranks - 1) for process in job):
                time.sleep(0.3)
                return job
        self.fail("the ranks do not start")

    def count_sockets(self, process):
        count = 0
        for descriptor in pathlib.Path(f"/proc/{process.pid}/fd").iterdir():
            try:
                count += os.readlink(descriptor).startswith("socket:")
            except FileNotFoundError:
                pass
        return count

    def test_a_rank_that_is_killed(self):
        for killed in (2, 0):
            job, begin = self.start_long(), time.monotonic()
            job[killed].kill()
            codes = [1] * 4
            codes[killed] = -signal.SIGKILL
            self.assert_fails(job, fr"^ppsim: rank \d: rank {killed} has gone: ", codes, begin)

    def test_a_rank_that_is_told_to_end(self):
        job, begin = self.start_long(), time.monotonic()
        job[2].terminate()
        self.assert_fails(job, r"^ppsim: rank 2: .*ended by signal 15 \(Terminated\)$", [1] * 4, begin)

    def test_a_job_that_is_told_to_end(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            job, begin = self.start_long(), time.monotonic()
            for process in job:
                process.send_signal(number)
            self.assert_fails(job, fr"^ppsim: rank \d: .*ended by signal {number:d} ", [1] * 4, begin)

    def test_a_rank_that_stands_still(self):
        job, begin = self.start(self.write(small(micro_batches=4)), "--mode", "wait", "--steps", 9999, "--timeout", "1 s",
                                variables=torchrun(4)), time.monotonic()
        time.sleep(2)
        job[2].send_signal(signal.SIGSTOP)
        stopped = job.pop(2)
        self.assert_fails(job, r"^ppsim: rank [013]: .*(nothing came|heard nothing)", [1] * 3, begin)
        stopped.send_signal(signal.SIGCONT)
        self.assertEqual(self.end([stopped]), ([1], "", ""))

    def test_a_rank_that_never_starts(self):
        begin = time.monotonic()
        job = self.start(self.write(small()), "--timeout", "1 s", variables=torchrun(4)[:2])
        self.assert_fails(job, "^ppsim: rank 0: not all ranks have started within 1 s: ranks 2, 3 are missing$", [1] * 2,
                          begin)

    def test_rank_0_that_never_starts(self):
        begin = time.monotonic()
        job = self.start(self.write(small(2)), "--timeout", "1 s", variables=torchrun(2)[1:])
        self.assert_fails(job, r"^ppsim: rank 1: rank 0 does not answer at 127\.0\.0\.1:\d+ within 1 s", [1], begin)

    def test_a_rank_that_was_told_of_another_size(self):
        variables, begin = torchrun(4), time.monotonic()
        variables[3]["WORLD_SIZE"] = "5"
        self.assert_fails(self.start(self.write(small()), variables=variables),
                          "^ppsim: rank 0: rank 3 was told of 5 ranks, and rank 0 of 4: ", [1] * 4, begin)

    def test_more_ranks_than_the_schedule_has(self):
        begin = time.monotonic()
        self.assert_fails(self.start(self.write(small(2)), variables=torchrun(3)),
                          "^ppsim: 3 processes are in this job, and the schedule has 2 ranks: expected one a rank", [1] * 3,
                          begin)

    def test_another_config_on_one_rank(self):
        config, other, begin = self.write(small()), self.write(small(forward="3 ms"), "other.json"), time.monotonic()
        self.assert_fails(self.start([config, config, other, config], variables=torchrun(4)),
                          "^ppsim: rank 2: config, schedule or options are not those of rank 0", [1] * 4, begin)

    def test_a_fault_of_the_config_is_said_once(self):
        begin = time.monotonic()
        self.assert_fails(self.start(self.write(small(micro_batches=0)), variables=torchrun(4)),
                          "^ppsim: .*config.json#/parallelism/micro_batches: ", [2] * 4, begin)

    def test_an_environment_that_makes_no_sense(self):
        for variables, line in (
                ({"RANK": "0", "WORLD_SIZE": "2"},
                 "ppsim: MASTER_ADDR: is not set: expected the name or address of rank 0's machine\n"),
                ({"RANK": "first", "WORLD_SIZE": "2"},
                 'ppsim: RANK: "first": expected a whole number from 0 to 65535\n')):
            done = ppsim("replay", REFERENCE, "--backend", "host-tcp", variables=variables)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (2, "", line))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
