"""Exported GOAL, run by a small LogGP simulator that is not ours, takes exactly as long as ppsim says.

usage: goal_test.py PPSIM SOURCE_ROOT
"""

import heapq
import json
import os
import pathlib
import re
import subprocess
import sys
import unittest

PPSIM = os.path.abspath(sys.argv[1])
CONFIGS = pathlib.Path(sys.argv[2]).resolve() / "configs"

REFERENCE = CONFIGS / "reference_8x64.json"
TIME_UNITS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9}
BYTE_UNITS = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9}


def run(*arguments):
    return subprocess.run([PPSIM, *map(str, arguments)], capture_output=True, text=True, timeout=120)


def quantity(text, units):
    number, unit = text.split()
    return int(number) * units[unit]


class Link:
    """LogGP with o = g = 0: a message of b bytes arrives L + b G after it was sent; G is a fraction, 1e9 / bandwidth."""

    def __init__(self, section):
        self.latency = quantity(section["latency"], TIME_UNITS)
        self.bandwidth = quantity(section["bandwidth"].removesuffix("/s"), BYTE_UNITS)

    def delay(self, size):
        """Rounded half up to a nanosecond."""
        return self.latency + (2 * size * 10**9 + self.bandwidth) // (2 * self.bandwidth)


class Goal:
    """A GOAL file: operations by (rank, label), and what each requires."""

    LINE = re.compile(r"(l\d+): (?:calc (\d+)|(send|recv) (\d+)b (?:to|from) (\d+) tag (\d+))")
    REQUIRES = re.compile(r"(l\d+) requires (l\d+)")

    def __init__(self, text):
        self.calcs, self.messages, self.requires = {}, {"send": {}, "recv": {}}, {}
        self.ranks, rank = 0, None
        for line in filter(None, text.split("\n")):
            if match := re.fullmatch(r"num_ranks (\d+)", line):
                self.ranks = int(match[1])
            elif match := re.fullmatch(r"rank (\d+) \{", line):
                rank = int(match[1])
            elif match := self.LINE.fullmatch(line):
                self.add(rank, match)
            elif match := self.REQUIRES.fullmatch(line):
                self.requires[rank, match[1]].append((rank, match[2]))
            elif line != "}":
                raise ValueError(f"no GOAL: {line}")

    def add(self, rank, match):
        label, calc, kind, size, peer, tag = match.groups()
        if (rank, label) in self.requires:
            raise ValueError(f"rank {rank}: {label} twice")
        self.requires[rank, label] = []
        if calc is not None:
            self.calcs[rank, label] = int(calc)
            return
        ends = (rank, int(peer)) if kind == "send" else (int(peer), rank)
        key = (*ends, int(tag))
        if key in self.messages[kind]:
            raise ValueError(f"two messages from rank {ends[0]} to rank {ends[1]} with tag {tag}")
        self.messages[kind][key] = ((rank, label), int(size))


class Simulator:
    """Events by time. A rank's processor runs one calc at a time; sends and receives take it none."""

    def __init__(self, goal, link):
        self.goal, self.link = goal, link
        self.waits = {operation: len(needed) for operation, needed in goal.requires.items()}
        self.followers = {operation: [] for operation in goal.requires}
        for operation, needed in goal.requires.items():
            for other in needed:
                self.followers[other].append(operation)
        self.kind_of = {operation: ("calc", None, duration) for operation, duration in goal.calcs.items()}
        for kind, messages in goal.messages.items():
            for key, (operation, size) in messages.items():
                self.kind_of[operation] = (kind, key, size)
        self.events, self.sequence = [], 0
        self.free = [0] * goal.ranks
        self.posted, self.arrived = {}, {}
        self.done, self.end = 0, 0

    def run(self):
        """The time of the last end. All operations must have ended."""
        for operation, waits in self.waits.items():
            if waits == 0:
                self.at(0, self.start, operation)
        while self.events:
            time, _, action, subject = heapq.heappop(self.events)
            action(time, subject)
        if self.done < len(self.waits):
            raise RuntimeError(f"deadlock: {self.done} of {len(self.waits)} operations ran")
        return self.end

    def at(self, time, action, subject):
        self.sequence += 1
        heapq.heappush(self.events, (time, self.sequence, action, subject))

    def start(self, time, operation):
        kind, key, amount = self.kind_of[operation]
        if kind == "calc":
            self.free[operation[0]] = max(time, self.free[operation[0]]) + amount
            self.at(self.free[operation[0]], self.finish, operation)
        elif kind == "send":
            self.at(time + self.link.delay(amount), self.arrive, key)
            self.finish(time, operation)
        else:
            self.posted[key] = operation
            self.match(time, key)

    def arrive(self, time, key):
        self.arrived[key] = time
        self.match(time, key)

    def match(self, time, key):
        if key in self.posted and key in self.arrived:
            self.finish(time, self.posted[key])

    def finish(self, time, operation):
        self.done += 1
        self.end = max(self.end, time)
        for follower in self.followers[operation]:
            self.waits[follower] -= 1
            if self.waits[follower] == 0:
                self.at(time, self.start, follower)


def ramp(first, count):
    """Costs that differ from stage to stage."""
    return json.dumps([f"{first + 37 * stage} us" for stage in range(count)])


# schedule, ranks, micro-batches, and more values for the reference config
CASES = [
    ("1f1b", 4, 12, {}),
    ("1f1b", 5, 3, {"/costs/forward": ramp(500, 5), "/costs/backward": ramp(900, 5)}),
    ("gpipe", 6, 7, {"/costs/forward": ramp(800, 6), "/costs/transfer": "7 MB"}),
    ("interleaved", 4, 8, {"/parallelism/virtual_stages": 3, "/costs/backward": ramp(700, 12)}),
    ("interleaved-zb", 3, 6, {"/parallelism/virtual_stages": 2, "/costs/input_grad": "900 us"}),
    ("zb-h1", 4, 9, {"/costs/weight_grad": "300 us"}),
    ("zbv", 4, 8, {"/costs/forward": ramp(400, 8), "/costs/input_grad": "900 us"}),
    ("hanayo", 3, 6, {"/schedule/waves": 2}),
    ("chimera", 4, 8, {"/costs/forward": ramp(900, 4)}),
    ("dualpipe", 4, 10, {"/costs/overlapped_pair": "max"}),
    ("dualpipe", 2, 6, {"/costs/transfer": "40 MB", "/costs/overlapped_pair": "2.5 ms"}),
    ("dualpipev", 3, 8, {"/costs/overlapped_pair": "max"}),
    ("combined-1f1b", 2, 6, {"/parallelism/virtual_stages": 2}),
    ("seq1f1b", 3, 4, {"/schedule/slices": 3}),
    ("pipedream-2bw", 3, 4, {"/schedule/steps": 3}),
    ("inference", 4, 3, {"/schedule/decode_steps": 5, "/costs/decode_forward": "210 us", "/costs/decode_transfer": "1 kB"}),
    ("inference", 1, 2, {"/schedule/decode_steps": 2}),
]


class ExportedGoal(unittest.TestCase):
    def export(self, *arguments):
        result = run("schedule", "export", *arguments, "--format", "goal")
        self.assertEqual((result.returncode, result.stderr), (0, ""), result.stderr)
        return Goal(result.stdout)

    def check(self, config, *arguments):
        goal = self.export(config, *arguments)
        sent = {key: size for key, (_, size) in goal.messages["send"].items()}
        received = {key: size for key, (_, size) in goal.messages["recv"].items()}
        self.assertEqual(sent, received)
        report = json.loads(run("simulate", config, *arguments, "--json").stdout)
        self.assertEqual((report["contention"], report["communication"]), ("none", "overlap"))
        self.assertEqual(goal.ranks, report["ranks"])
        link = Link(json.loads(pathlib.Path(config).read_text())["costs"]["link"])
        self.assertEqual(Simulator(goal, link).run(), report["makespan_ns"])
        return report

    def test_the_reference_case(self):
        self.assertEqual(self.check(REFERENCE)["makespan_ns"], 219_820_000)  # as four other simulators have it

    def test_every_kind_of_schedule(self):
        for schedule, ranks, micro_batches, values in CASES:
            with self.subTest(schedule=schedule, ranks=ranks, micro_batches=micro_batches):
                settings = {"/schedule": json.dumps({"name": schedule}), "/parallelism/pipeline": ranks,
                            "/parallelism/micro_batches": micro_batches, **values}
                self.check(REFERENCE, *[f"--set={pointer}={value}" for pointer, value in settings.items()])

    def test_a_rank_that_waits_for_another_is_seen_to_wait(self):
        """The simulator of this test: without transfers the makespan is another."""
        goal = self.export(REFERENCE)
        free = Link({"latency": "0 ns", "bandwidth": "1000000 GB/s"})
        self.assertLess(Simulator(goal, free).run(), 219_820_000)

    def refuse(self, expected, *arguments):
        result = run("schedule", "export", REFERENCE, "--format", "goal", *arguments)
        self.assertEqual((result.stdout, result.stderr.count("\n")), ("", 1), result)
        self.assertIn(expected, result.stderr)
        return result.returncode

    def test_what_goal_cannot_say_is_refused(self):
        self.assertEqual(self.refuse("overlap", "--communication", "blocking"), 2)
        self.assertEqual(self.refuse("EVICT", "--schedule", "bpipe"), 2)

    def test_contention_is_for_the_network_simulator_to_say(self):
        fifo = self.export(REFERENCE, "--contention", "fifo")
        self.assertEqual(Simulator(fifo, Link({"latency": "5 us", "bandwidth": "50 GB/s"})).run(), 219_820_000)

    def test_links_that_differ_are_told(self):
        config = CONFIGS / "seed_4x8.json"
        small = ["--set=/parallelism/tensor=4", "--set=/parallelism/pipeline=8", "--set=/parallelism/micro_batches=4"]
        result = run("schedule", "export", config, "--format", "goal", *small)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("one latency and bandwidth", result.stderr)
        result = run("schedule", "export", config, "--format", "goal", "--micro-batches", 4)
        self.assertEqual((result.returncode, result.stderr), (0, ""))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
