"""The fake libraries of the CUDA runtime, NCCL and cuBLASLt, under programs that were built for the real ones."""

import concurrent.futures
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import build

HERE = pathlib.Path(__file__).resolve().parent
LIMIT_S = 60  # nothing takes a second but on a machine that is busy
GB = 1_000_000_000

FOLDER = tempfile.TemporaryDirectory()
WORK = pathlib.Path(FOLDER.name)
FAKES = pathlib.Path(__file__).resolve().parents[2] / "build" / "fakes"


def build_programs():
    """Why there are none, or None: check_cuda and check_nccl, as a user of the toolkit builds them."""
    if shutil.which("nvcc") is None:
        return "skipped: no nvcc"
    try:
        root = build.toolkit()
        libraries = build.build(FAKES)
    except build.Unavailable as why:
        return f"skipped: {why}"
    folders = {build.real_library(root, name).parent for name in build.LIBRARIES}

    def compile_one(source):
        nvcc = ["nvcc", "-arch=sm_80", "--cudart", "shared"]
        gcc = ["g++", "-std=c++20", "-O0", "-Wall", "-Wextra", "-Werror", "-isystem", root / "include"]
        build.run([*(nvcc if source.endswith(".cu") else gcc), "-c", HERE / source, "-o", WORK / f"{source}.o"])
        return WORK / f"{source}.o"

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        kernels, *programs = pool.map(compile_one, ["check.cu", "check_cuda.cpp", "check_nccl.cpp"])
    for program in programs:
        target = WORK / pathlib.Path(program.stem).stem
        build.run(["g++", "-pthread", kernels, program, *[f"-L{folder}" for folder in sorted(folders)], "-lcudart",
                   "-lnccl", "-lcublasLt", "-o", target])
        assert build.faults(target, libraries) == []
    return None


SKIP = build_programs()
if SKIP:
    print(SKIP)


def environment(**variables):
    own = {name: value for name, value in os.environ.items() if not name.startswith("FAKE_")}
    return {**own, "LD_LIBRARY_PATH": str(FAKES), **{name: str(value) for name, value in variables.items()}}


def check_cuda(name, **variables):
    return subprocess.run([WORK / "check_cuda", name], capture_output=True, text=True, timeout=LIMIT_S,
                          env=environment(**variables))


def start_rank(name, rank, ranks, folder, **variables):
    return subprocess.Popen([WORK / "check_nccl", name, str(rank), str(ranks), folder], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, env=environment(**variables))


def check_nccl(name, ranks=2, **variables):
    """[(exit status, stdout, stderr)] of the ranks, once the last has ended."""
    with tempfile.TemporaryDirectory(dir=WORK) as folder:
        started = [start_rank(name, rank, ranks, folder, **variables) for rank in range(ranks)]
        try:
            said = [process.communicate(timeout=LIMIT_S) for process in started]
            return [(process.returncode, *texts) for process, texts in zip(started, said)]
        finally:
            for process in started:
                if process.poll() is None:
                    process.kill()


@unittest.skipIf(SKIP, SKIP)
class Cuda(unittest.TestCase):
    def passes(self, name, stderr="", **variables):
        done = check_cuda(name, **variables)
        self.assertEqual((done.stdout, done.stderr, done.returncode), ("passed\n", stderr, 0))

    def test_streams_run_side_by_side_and_each_in_order(self):
        self.passes("streams_run_side_by_side_and_each_in_order")

    def test_a_destroyed_stream_still_does_what_it_was_given(self):
        self.passes("a_destroyed_stream_still_does_what_it_was_given")

    def test_a_wait_is_for_the_record_before_it(self):
        self.passes("a_wait_is_for_the_record_before_it")

    def test_elapsed_time_is_what_lies_between_two_events(self):
        self.passes("elapsed_time_is_what_lies_between_two_events")

    def test_the_default_stream_and_blocking_streams_wait_for_each_other(self):
        self.passes("the_default_stream_and_blocking_streams_wait_for_each_other")

    def test_memory_is_what_the_device_has(self):
        self.passes("memory_is_what_the_device_has", FAKE_CUDA_MEMORY=GB)

    def test_a_pool_counts_what_is_used_and_reserved(self):
        self.passes("a_pool_counts_what_is_used_and_reserved", FAKE_CUDA_MEMORY=GB)

    def test_copies_move_bytes_and_know_their_bounds(self):
        self.passes("copies_move_bytes_and_know_their_bounds")

    def test_memory_that_is_only_cleared_costs_nothing(self):
        self.passes("memory_that_is_only_cleared_costs_nothing")

    def test_a_full_queue_blocks_the_next_launch(self):
        self.passes("a_full_queue_blocks_the_next_launch")

    def test_a_kernel_must_be_known_and_fit(self):
        self.passes("a_kernel_must_be_known_and_fit",
                    stderr="fake GPU library: there is no kernel like '_Z12other_kernelv'\n")

    def test_there_are_as_many_devices_as_asked_for(self):
        self.passes("there_are_as_many_devices_as_asked_for", FAKE_CUDA_DEVICES=2)

    def test_without_a_device_all_fails(self):
        self.passes("without_a_device_all_fails", FAKE_CUDA_DEVICES=0)

    def test_a_call_fails_when_told_to(self):
        self.passes("a_call_fails_when_told_to", FAKE_CUDA_FAIL="cudaMalloc:2,cudaEventRecord:1")

    def test_a_program_may_end_while_streams_wait(self):
        self.passes("a_program_may_end_while_streams_wait")

    def test_a_product_runs_where_shapes_and_memory_fit(self):
        done = check_cuda("a_product_runs_where_shapes_and_memory_fit")
        self.assertEqual((done.stdout, done.returncode), ("passed\n", 0))
        self.assertEqual(done.stderr.count("fake GPU library: cublasLtMatmul: "), 4)  # one for each that must not run

    def test_an_environment_that_makes_no_sense_is_refused(self):
        for name, value in (("FAKE_CUDA_DEVICES", "many"), ("FAKE_CUDA_DEVICES", "65"), ("FAKE_CUDA_FAIL", "cudaMalloc")):
            done = check_cuda("there_are_as_many_devices_as_asked_for", **{name: value})
            self.assertEqual(done.returncode, -signal.SIGABRT)
            self.assertRegex(done.stderr, f"^fake GPU library: {name}: .*\n$")


@unittest.skipIf(SKIP, SKIP)
class Nccl(unittest.TestCase):
    def say(self, text, name, ranks=2, **variables):
        self.assertEqual(check_nccl(name, ranks, **variables), [(0, text + "passed\n", "")] * ranks)

    def test_all_kinds_of_operations_meet(self):
        for ranks in (1, 2, 4):
            self.say("", "all_kinds_of_operations_meet", ranks)

    def test_a_receive_lasts_until_the_send_has_started(self):
        self.say("", "a_receive_lasts_until_the_send_has_started")

    def test_a_communicator_runs_in_launch_order(self):
        self.say("stuck\n", "a_communicator_runs_in_launch_order")

    def test_one_communicator_with_both_directions_ungrouped_gets_stuck_whatever_the_streams(self):
        self.say("stuck\n", "both_send_then_receive")
        self.say("ended\n", "one_sends_while_the_other_receives")
        self.say("ended\n", "a_communicator_for_each_direction")

    def test_a_ring_of_ungrouped_sends_gets_stuck(self):
        self.say("stuck\n", "everyone_sends_then_receives_on_one_stream", 3)

    def test_a_group_spans_streams(self):
        self.say("ended\n", "a_group_spans_streams")

    def test_a_group_spans_communicators_as_one_or_as_a_kernel_for_each(self):
        self.say("ended\n", "a_group_spans_communicators")
        self.say("stuck\n", "a_group_spans_communicators", FAKE_NCCL_GROUPS="split")

    def test_a_blocking_initialisation_may_be_grouped(self):
        self.say("", "a_blocking_initialisation_may_be_grouped")

    def test_a_non_blocking_communicator_is_asked(self):
        self.say("", "a_non_blocking_communicator_is_asked")

    def disagree(self, name, pattern):
        """Each rank that sees the other's word ends; the other may be gone before it does."""
        done = check_nccl(name)
        self.assertIn(-signal.SIGABRT, [status for status, _, _ in done])
        self.assertRegex("".join(stderr for _, _, stderr in done), pattern)

    def test_sizes_must_agree(self):
        self.disagree("sizes_must_agree", r"100 bytes, number 0: the other side says 101 bytes\n|"
                                          r"101 bytes, number 0: the other side says 100 bytes\n")

    def test_collectives_must_agree(self):
        self.disagree("collectives_must_agree", "100 bytes of another collective, type or reduction\n")

    def test_a_call_fails_when_told_to(self):
        self.say("", "a_call_fails_when_told_to", 1, FAKE_NCCL_FAIL="ncclSend:2,ncclCommGetAsyncError:2")

    def test_what_is_wrong_is_refused(self):
        [(status, stdout, stderr)] = check_nccl("what_is_wrong_is_refused", 1)
        self.assertEqual((status, stdout), (0, "passed\n"))
        self.assertEqual(stderr.count("fake GPU library: ncclSend: the buffer has less than"), 2)

    def test_what_a_killed_process_left_is_swept_away_later(self):
        with tempfile.TemporaryDirectory(dir=WORK) as folder:
            joined = pathlib.Path(folder) / "joining"
            process = start_rank("joins_and_waits", 0, 2, folder)
            while not joined.exists():
                time.sleep(0.01)
            left = pathlib.Path("/dev/shm/fake-nccl-" + (pathlib.Path(folder) / "id").read_text()[:32])
            while not left.exists():
                time.sleep(0.01)
            os.utime(left, (0, 0))
            self.assertEqual(check_nccl("makes_an_id", 1)[0][0], 0)
            self.assertTrue(left.exists())  # its process lives
            process.kill()
            process.communicate()
            self.assertEqual(check_nccl("makes_an_id", 1)[0][0], 0)
            self.assertFalse(left.exists())


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[1:]])
