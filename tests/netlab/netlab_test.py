"""Real flows over really shaped, really shared links: scripts/netlab. usage: netlab_test.py PPSIM SOURCE_ROOT

Four network namespaces are four nodes; each has one link of RATE. What others do on this machine can only make messages
slower, so what is off is measured again, up to TRIES times; every try is printed.
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

PPSIM = pathlib.Path(sys.argv[1]).resolve()
ROOT = pathlib.Path(sys.argv[2]).resolve()
NETLAB = ROOT / "scripts" / "netlab"

NODES, RANKS_PER_NODE = 4, 2
RATE_MBIT, MTU = 200, 9000
# A shaper counts whole frames: Ethernet's header (14), IP's and TCP's with a time stamp (20 + 32) are in each of them,
# and the MTU holds all but the first.
BYTES_PER_SECOND = RATE_MBIT * 1e6 / 8 * (MTU - 52) / (MTU + 14)
BOUND = 0.05
TRIES = 3
LIMIT_S = 80


def netlab(*arguments, nodes=NODES, ranks_per_node=RANKS_PER_NODE):
    command = [NETLAB, "--nodes", nodes, "--ranks-per-node", ranks_per_node, "--rate", f"{RATE_MBIT}mbit", "--mtu", MTU,
               "--", *arguments]
    return subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=LIMIT_S,
                          stdin=subprocess.DEVNULL, env={**os.environ, "NO_COLOR": "1"})


def why_skipped():
    done = netlab("true", nodes=1, ranks_per_node=1)
    if done.returncode == 77:
        return next(line for line in done.stderr.splitlines() if line.startswith("skipped: "))
    backend = subprocess.run([PPSIM, "bench-cluster", "--timeout", "1 s"], capture_output=True, text=True,
                             timeout=LIMIT_S, env={**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1",
                                                   "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}).stderr
    if "has no MPI" in backend or "has no BLAS" in backend:
        return "skipped: this build of ppsim has no MPI or no BLAS"
    return None


SKIP = why_skipped()
FOLDER = tempfile.TemporaryDirectory()
CLUSTER = pathlib.Path(FOLDER.name) / "cluster.json"


def bench():
    """What bench-cluster --json says; the section is in CLUSTER."""
    done = netlab(PPSIM, "bench-cluster", "--sizes", "256 KiB,512 KiB,1 MiB", "--seconds", 8, "--json", "-o", CLUSTER,
                  nodes=2)
    if done.returncode != 0:
        raise AssertionError(done.stdout + done.stderr)
    return json.loads(done.stdout)


def between_nodes(measured):
    return next(link for link in measured["links"] if link["class"] == "between nodes")


def write(document, name="config.json"):
    path = pathlib.Path(FOLDER.name) / name
    path.write_text(json.dumps(document))
    return path


def pipeline(cluster, micro_batches=8, chunks=1, schedule="1f1b"):
    """Over all ranks: ops of 40 and 80 ms a rank, messages of 21 ms between nodes."""
    return {"cluster": cluster,
            "costs": {"forward": f"{40 // chunks} ms", "backward": f"{80 // chunks} ms", "transfer": "512 KiB"},
            "parallelism": {"pipeline": NODES * RANKS_PER_NODE, "virtual_stages": chunks, "micro_batches": micro_batches},
            "schedule": {"name": schedule}, "simulation": {"contention": "fair"}}


def replicas_of_two():
    """Two replicas of a pipeline of two ranks, each rank on a node of its own: both send 1 MiB at once."""
    return {"cluster": str(CLUSTER),
            "costs": {"forward": "1 ms", "backward": "2 ms", "transfer": "1 MiB"},
            "parallelism": {"pipeline": 2, "data": RANKS_PER_NODE, "micro_batches": 1},
            "schedule": {"name": "1f1b"}, "simulation": {"contention": "fair"}}


def ppsim(*arguments):
    done = subprocess.run([PPSIM, *map(str, arguments)], capture_output=True, text=True, timeout=LIMIT_S)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return done.stdout


def replay(config, *options):
    done = netlab(PPSIM, "replay", config, "--mode", "wait", "--steps", 2, "--json", *options)
    if done.returncode != 0:
        raise AssertionError(done.stdout + done.stderr)
    return json.loads(done.stdout)


@unittest.skipIf(SKIP, SKIP)
class Measured(unittest.TestCase):
    """Each property holds of one bench or replay; a try that is off is no secret."""

    def within_bound(self, name, measure):
        for attempt in range(1, TRIES + 1):
            measured, expected, unit = measure(attempt)
            error = measured / expected - 1
            print(f"note: {name}: measured {measured:.4g} {unit}, expected {expected:.4g}: {100 * error:+.1f} %"
                  + (f" (try {attempt})" if attempt > 1 else ""))
            if abs(error) <= BOUND:
                return
        self.fail(f"{name}: more than {100 * BOUND:.0f} % off in each of {TRIES} tries")

    bench_result = None

    @classmethod
    def measured(cls, attempt):
        if cls.bench_result is None or attempt > 1:
            cls.bench_result = bench()
        return between_nodes(cls.bench_result)

    def test_1_the_rate_of_the_shaped_link(self):
        self.within_bound("bandwidth with both directions busy", lambda attempt: (
            self.measured(attempt)["both_ways"]["bytes_per_second"] / 1e6, BYTES_PER_SECOND / 1e6, "MB/s"))
        self.within_bound("bandwidth alone", lambda attempt: (
            self.measured(attempt)["alone"]["bytes_per_second"] / 1e6, BYTES_PER_SECOND / 1e6, "MB/s"))

    def test_2_two_ranks_of_a_node_get_what_fair_sharing_says(self):
        def measure(attempt):
            measured = self.measured(attempt)["sizes"][-1]["all_pairs_ns"]
            transfer = json.loads(ppsim("network", write(replicas_of_two()), "--json"))["transfers"][0]
            self.assertEqual((transfer["bytes"], transfer["flows"]), (1 << 20, RANKS_PER_NODE))
            return measured / 1e6, transfer["mean_ns"] / 1e6, "ms"

        self.within_bound("1 MiB from each of two ranks of a node", measure)

    def calibrated_cluster(self):
        """What a replay of other micro-batches makes of the cluster that was measured."""
        self.measured(1)
        cluster = {**json.loads(CLUSTER.read_text()), "nodes": NODES}
        config, timeline = write(pipeline(cluster, micro_batches=4), "a.json"), pathlib.Path(FOLDER.name) / "a.csv"
        replay(config, "-o", timeline)
        calibrated = pathlib.Path(FOLDER.name) / "calibrated.json"
        ppsim("calibrate", timeline, "--config", config, "-o", calibrated)
        return json.loads(calibrated.read_text())["cluster"]

    def test_3_a_replayed_step_takes_what_is_predicted(self):
        cluster = self.calibrated_cluster()
        print(f"note: between nodes, calibrated: {cluster['infiniband']}")
        for schedule, chunks in (("1f1b", 1), ("interleaved", 2)):
            config = write(pipeline(cluster, chunks=chunks, schedule=schedule), "b.json")
            predicted = json.loads(ppsim("simulate", config, "--json"))["makespan_ns"]
            self.within_bound(f"a step of {schedule}", lambda attempt: (
                replay(config)["makespan_ns"] / 1e6, predicted / 1e6, "ms"))


@unittest.skipIf(SKIP, SKIP)
class Lab(unittest.TestCase):
    def test_nodes_differ_and_ranks_are_in_order(self):
        done = netlab("sh", "-c", 'echo "$OMPI_COMM_WORLD_RANK $(hostname)"', nodes=2)
        self.assertEqual(sorted(done.stdout.splitlines()), ["0 node0", "1 node0", "2 node1", "3 node1"], done.stderr)

    def test_the_exit_code_is_the_commands(self):
        self.assertEqual(netlab("sh", "-c", "exit 3", nodes=1, ranks_per_node=1).returncode, 3)

    def test_options_are_checked_in_one_line(self):
        for arguments, what in [(("--rate", "fast", "--", "true"), "--rate is 'fast', expected one like 200mbit or 1gbit"),
                                (("--nodes", "0", "--", "true"), "--nodes is '0', expected a number from 1 to 200"),
                                (("--nodes", "2"), "no command, expected [options] -- COMMAND")]:
            done = subprocess.run([NETLAB, *arguments], capture_output=True, text=True, timeout=LIMIT_S)
            self.assertEqual((done.returncode, done.stderr), (2, f"netlab: {what}\n"))

    def processes_of(self, mark):
        found = []
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if mark in (process / "cmdline").read_text().split("\0"):
                    found.append(int(process.name))
            except OSError:
                pass
        return found

    def test_nothing_is_left_whatever_ends_it(self):
        for how in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL):
            mark = f"77{how.value:02}.{os.getpid()}"
            lab = subprocess.Popen([NETLAB, "--nodes", "2", "--ranks-per-node", "1", "--", "sleep", mark],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            self.assertTrue(self.soon(lambda: len(self.processes_of(mark)) >= 5), "the command does not run")
            lab.send_signal(how)
            self.assertEqual(lab.wait(LIMIT_S), -how)
            self.assertTrue(self.soon(lambda: not self.processes_of(mark)), f"processes outlive {how.name}")

    def soon(self, condition):
        for _ in range(200):
            if condition():
                return True
            time.sleep(0.05)
        return False


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=0)
