"""ppsim replay --backend cuda-nccl and bench-cluster from outside, on the fakes of tests/fakes: host logic, order, deadlocks,
memory, errors; never times. usage: replay_cuda_test.py PPSIM SOURCE_ROOT
"""

import csv
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

PPSIM = pathlib.Path(sys.argv[1]).resolve()
ROOT = pathlib.Path(sys.argv[2]).resolve()
CONFIGS = ROOT / "configs"
FAKES = ROOT / "build" / "fakes"
sys.path.insert(0, str(ROOT / "tests" / "fakes"))
import build  # noqa: E402

LIMIT_S = 60  # nothing hangs: what should end by itself does so far sooner
SOON_S = 15
LAUNCHERS = re.compile(r"(.*_)?RANK$|WORLD_SIZE|MASTER_|TORCHELASTIC_|OMPI_|PMI|SLURM_")
ENVIRONMENT = {name: value for name, value in os.environ.items() if not LAUNCHERS.match(name)} | {"NO_COLOR": "1"}
WITHOUT = subprocess.run([PPSIM, "replay", CONFIGS / "reference_8x64.json", "--backend", "cuda-nccl", "--schedule", "none"],
                         capture_output=True, text=True, timeout=LIMIT_S, env=ENVIRONMENT).stderr
HAS_CUDA = "has no CUDA" not in WITHOUT

FOUR = {"costs": {"forward": "2 ms", "backward": "4 ms", "transfer": "1 MB", "activation": "10 MB",
                  "link": {"bandwidth": "50 GB/s", "latency": "5 us"}},
        "parallelism": {"pipeline": 4, "micro_batches": 8}, "schedule": {"name": "1f1b"}}
MODEL = {"cluster": str(CONFIGS / "clusters" / "h100_1x8.json"),
         "model": {"transformer": {"layers": 4, "hidden": 1024, "heads": 16, "sequence_length": 512, "vocabulary": 32000}},
         "parallelism": {"pipeline": 2, "tensor": 2, "data": 2, "micro_batches": 2}, "schedule": {"name": "1f1b"}}


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class WithoutCuda(unittest.TestCase):
    def test_a_build_without_cuda_says_what_is_missing(self):
        if HAS_CUDA:
            self.skipTest("skipped: this build has CUDA")
        self.assertEqual(WITHOUT, "ppsim: --backend: this build has no CUDA, which cuda-nccl needs: install the CUDA toolkit "
                                  "(nvcc) and NCCL and build anew\n")


class OnFakes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not HAS_CUDA:
            raise unittest.SkipTest("skipped: this build of ppsim has no CUDA")
        try:
            build.build(FAKES)
        except build.Unavailable as why:
            raise unittest.SkipTest(f"skipped: {why}")
        cls.environment = ENVIRONMENT | {"LD_LIBRARY_PATH": str(FAKES)}

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def write(self, config, name="config.json"):
        path = self.folder / name
        path.write_text(json.dumps(config))
        return path

    def start(self, ranks, *arguments, variables=None, of_rank=None):
        """A process a rank, launched as torchrun does; `of_rank`: more variables of some."""
        port = str(free_port())
        job = []
        for rank in range(ranks):
            place = {"RANK": str(rank), "WORLD_SIZE": str(ranks), "LOCAL_RANK": str(rank), "MASTER_ADDR": "127.0.0.1",
                     "MASTER_PORT": port}
            own = self.environment | place | (variables or {}) | (of_rank or {}).get(rank, {})
            job.append(subprocess.Popen([PPSIM, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, env=own))
        self.addCleanup(lambda: [process.kill() for process in job])
        return job

    def finish(self, job, limit=LIMIT_S):
        """([exit code], rank 0's stdout, lines that the program said)"""
        end = time.monotonic() + limit
        outputs = [process.communicate(timeout=max(end - time.monotonic(), 0.1)) for process in job]
        for out, _ in outputs[1:]:
            self.assertEqual(out, "", "a rank other than 0 wrote to stdout")
        lines = [line for _, err in outputs for line in err.splitlines() if line.startswith("ppsim: ")]
        return [process.returncode for process in job], outputs[0][0], lines

    def replay(self, ranks, config, *options, **more):
        return self.finish(self.start(ranks, "replay", config, "--backend", "cuda-nccl", *options, **more))

    def test_schedules_on_8_ranks_run_to_their_end_in_their_order(self):
        config = self.write(FOUR | {"parallelism": {"pipeline": 8, "micro_batches": 16}})
        for name, chunks in (("1f1b", 1), ("interleaved", 2), ("zbv", 2), ("dualpipev", 2), ("bpipe", 1), ("gpipe", 1)):
            with self.subTest(schedule=name):
                options = ["--schedule", name] + (["--set", f"/parallelism/virtual_stages={chunks}"] if chunks > 1 else [])
                measured, simulated = self.folder / f"{name}.csv", self.folder / f"{name}_simulated.csv"
                codes, out, lines = self.replay(8, config, *options, "--steps", "1", "--warmup", "0", "-o", measured, "--json")
                self.assertEqual((codes, lines), ([0] * 8, []))
                report = json.loads(out)
                self.assertEqual((report["ranks"], report["micro_batches"]), (8, 16))
                done = subprocess.run([PPSIM, "simulate", config, *options, "--timeline", simulated], capture_output=True,
                                      text=True, timeout=LIMIT_S)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assert_same_ops(measured, simulated)

    def assert_same_ops(self, measured, simulated):
        """Each rank's ops in the order of the simulation, none before the one before it has ended."""
        def programs(path):
            ranks = {}
            with open(path, newline="") as file:
                for row in csv.DictReader(file):
                    if row["stream"] == "compute":
                        ranks.setdefault(row["rank"], []).append(row)
            return ranks
        ours, theirs = programs(measured), programs(simulated)
        self.assertEqual(ours.keys(), theirs.keys())
        def name(row):
            return row["kind"], row["stage"], row["micro_batch"]
        for rank in ours:
            self.assertEqual([name(row) for row in ours[rank]], [name(row) for row in theirs[rank]])

    def test_memory_that_the_gpu_counts_is_the_models(self):
        config = self.write({**MODEL, "parallelism": {"pipeline": 4, "micro_batches": 8}})
        codes, out, lines = self.replay(4, config, "--steps", "1", "--json")
        self.assertEqual((codes, lines), ([0] * 4, []))
        for rank in json.loads(out)["per_rank"]:
            model = rank["static_bytes"] + rank["peak_activation_bytes"] + rank["working_bytes"]
            self.assertEqual(rank["measured_memory_bytes"], model)

    def test_the_kv_cache_of_inference_is_allocated(self):
        codes, out, lines = self.replay(2, CONFIGS / "inference_2gpu.json", "--steps", "1", "--warmup", "0", "--json")
        self.assertEqual((codes, lines), ([0] * 2, []))
        for rank in json.loads(out)["per_rank"]:
            self.assertGreater(rank["kv_cache_bytes"], 0)
            self.assertEqual(rank["measured_memory_bytes"], rank["static_bytes"] + rank["kv_cache_bytes"])

    def test_products_and_collectives_of_tensor_groups_and_replicas(self):
        for zero, recompute in ((0, "none"), (1, "full")):
            parallelism = {**MODEL["parallelism"], "zero_stage": zero, "recompute": recompute}
            config = self.write({**MODEL, "parallelism": parallelism})
            for compute in ("gemm", "spin"):
                with self.subTest(zero=zero, compute=compute):
                    codes, out, lines = self.replay(8, config, "--compute", compute, "--steps", "1")
                    self.assertEqual((codes, lines), ([0] * 8, []))
                    self.assertIn("times are those of the first of each rank's 4 GPUs", out)

    def test_sends_as_part_of_the_program(self):
        for streams in ("rank", "pair"):
            for grouped in (True, False):
                with self.subTest(streams=streams, grouped=grouped):
                    config = self.write(FOUR | {"simulation": {"communication": "program", "streams": streams,
                                                               "grouped": grouped}})
                    codes, _, lines = self.replay(4, config, "--steps", "2")
                    self.assertEqual((codes, lines), ([0] * 4, []))

    def test_one_communicator_for_all_is_refused_with_the_circle_and_nothing_is_launched(self):
        config = self.write(FOUR)
        codes, out, lines = self.replay(4, config, "--communicators", "world", "-o", self.folder / "m.csv")
        self.assertEqual((codes, out, len(lines)), ([1] * 4, "", 1))
        self.assertRegex(lines[0], r"^ppsim: what would be enqueued: .*rank 0: send behind F of stage 0, micro-batch \d+, to rank 1")
        self.assertFalse((self.folder / "m.csv").exists())

    def test_under_mpirun(self):
        if shutil.which("mpirun") is None or "has no MPI" in self.said_of_mpi():
            self.skipTest("skipped: no MPI")
        done = subprocess.run(["mpirun", "--oversubscribe", "-x", "LD_LIBRARY_PATH", "-n", "4", PPSIM, "replay", self.write(FOUR),
                               "--backend", "cuda-nccl", "--steps", "2"], capture_output=True, text=True, timeout=LIMIT_S,
                              env=self.environment | {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("measured on 4 x fake GPU", done.stdout)

    def said_of_mpi(self):
        return subprocess.run([PPSIM, "replay", self.write(FOUR), "--schedule", "none"], capture_output=True, text=True,
                              timeout=LIMIT_S, env=ENVIRONMENT).stderr

    def test_no_gpu_is_exit_code_77(self):
        codes, out, lines = self.replay(4, self.write(FOUR), variables={"FAKE_CUDA_DEVICES": "0"})
        self.assertEqual((codes, out), ([77] * 4, ""))
        self.assertEqual(lines, ["ppsim: no GPU to replay on: no CUDA-capable device is detected"])

    def test_fewer_gpus_than_processes(self):
        codes, _, lines = self.replay(4, self.write(FOUR), variables={"FAKE_CUDA_DEVICES": "2"})
        self.assertEqual(codes, [1] * 4)
        self.assertEqual(lines, ["ppsim: rank 2: process 2 of this machine finds 2 GPUs: expected one for each"])

    def test_a_model_that_does_not_fit(self):
        config = self.write({**MODEL, "parallelism": {"pipeline": 4, "micro_batches": 8}})
        codes, _, lines = self.replay(4, config, of_rank={2: {"FAKE_CUDA_MEMORY": str(10**8)}})
        self.assertEqual((codes, len(lines)), ([1] * 4, 1), lines)
        self.assertRegex(lines[0], r"^ppsim: rank 2: cudaMalloc of \d+ bytes: out of memory \(cudaErrorMemoryAllocation, at "
                                   r"gpu_handles\.cpp:\d+\)$")

    def test_failures_name_call_rank_and_place(self):
        config = self.write(FOUR)
        for fault, pattern in (({"FAKE_CUDA_FAIL": "cudaEventRecord:9"}, r"cudaEventRecord: .*, at gpu_step\.cpp:\d+\)"),
                               ({"FAKE_NCCL_FAIL": "ncclSend:3"}, r"ncclSend: .*\(at gpu_step\.cpp:\d+\)"),
                               ({"FAKE_NCCL_FAIL": "ncclGroupEnd:5"}, r"(ncclSend|ncclRecv): .*\(at \w+\.cpp:\d+\)")):
            with self.subTest(fault=fault):
                begin = time.monotonic()
                codes, _, lines = self.replay(4, config, "-o", self.folder / "m.csv", of_rank={1: fault})
                self.assertLess(time.monotonic() - begin, SOON_S)
                self.assertEqual((codes, len(lines)), ([1] * 4, 1), lines)
                self.assertRegex(lines[0], "^ppsim: rank 1: .*(" + pattern + ")")
                self.assertFalse((self.folder / "m.csv").exists())

    def test_a_rank_that_is_killed_ends_all(self):
        config = self.write(FOUR | {"costs": {**FOUR["costs"], "forward": "300 ms", "backward": "600 ms"}})
        job = self.start(4, "replay", config, "--backend", "cuda-nccl", "--warmup", "0", "-o", self.folder / "m.csv")
        time.sleep(3)
        job[2].send_signal(signal.SIGKILL)
        begin = time.monotonic()
        codes, _, lines = self.finish(job)
        self.assertLess(time.monotonic() - begin, SOON_S)
        self.assertEqual(codes, [1, 1, -signal.SIGKILL, 1], lines)
        self.assertEqual(len(lines), 1, lines)
        self.assertIn("rank 2", lines[0])
        self.assertFalse((self.folder / "m.csv").exists())

    def test_a_signal_names_what_the_rank_was_at(self):
        config = self.write(FOUR | {"costs": {**FOUR["costs"], "forward": "300 ms", "backward": "600 ms"}})
        job = self.start(4, "replay", config, "--backend", "cuda-nccl", "--warmup", "0")
        time.sleep(3)
        job[1].send_signal(signal.SIGTERM)
        codes, _, lines = self.finish(job, SOON_S)
        self.assertEqual((codes, len(lines)), ([1] * 4, 1), lines)
        self.assertRegex(lines[0], r"^ppsim: rank 1: .*ended by signal 15 \(Terminated\)")

    def test_options_of_other_backends_are_refused(self):
        config = self.write(FOUR)
        for options, where in ((["--backend", "cuda-nccl", "--mode", "wait"], "--mode"),
                               (["--backend", "host-tcp", "--compute", "spin"], "--compute"),
                               (["--backend", "host-tcp", "--communicators", "pair"], "--communicators")):
            done = subprocess.run([PPSIM, "replay", config, *options], capture_output=True, text=True, timeout=LIMIT_S,
                                  env=self.environment)
            self.assertEqual(done.returncode, 2)
            self.assertTrue(done.stderr.startswith(f"ppsim: {where}: has no meaning for the backend"), done.stderr)

    def test_costs_have_no_products(self):
        codes, _, lines = self.replay(4, self.write(FOUR), "--compute", "gemm")
        self.assertEqual(codes, [2] * 4)
        self.assertRegex(lines[0], r"config\.json#/costs: --compute gemm has no matrix products of costs given outright")

    def test_a_wrong_number_of_processes(self):
        codes, _, lines = self.replay(4, self.write(MODEL))
        self.assertEqual((codes, lines), ([1] * 4, ["ppsim: 4 processes are in this job, and the config has 8 GPUs: expected a "
                                                    "process for each"]))

    def test_bench_cluster_finds_the_rate_of_messages_and_simulate_takes_its_file(self):
        cluster = self.folder / "cluster.json"
        job = self.start(2, "bench-cluster", "--backend", "cuda-nccl", "--seconds", "3", "--sizes", "4 MiB,16 MiB,64 MiB",
                         "-o", cluster, variables={"FAKE_NCCL_RATE": str(10**9)})
        codes, _, lines = self.finish(job)
        self.assertEqual((codes, lines), ([0] * 2, []))
        config = self.write({**MODEL, "cluster": "cluster.json", "parallelism": {"pipeline": 2, "micro_batches": 8}})
        done = subprocess.run([PPSIM, "simulate", config], capture_output=True, text=True, timeout=LIMIT_S)
        self.assertEqual(done.returncode, 0, done.stderr)
        number, unit = json.loads(cluster.read_text())["nvlink"]["bandwidth"].split()
        rate = float(number) * {"GB/s": 1, "MB/s": 1e-3}[unit]
        self.assertAlmostEqual(rate, 1, delta=0.1)  # what the rendezvous takes beside it


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
