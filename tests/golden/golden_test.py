"""Holds what ppsim prints and writes to golden files, byte for byte. usage: golden_test.py PPSIM SOURCE_ROOT

A case is a command; tests/golden/NAME.txt holds its exit status, stdout, stderr and the files that it writes. Of a long
text stand its length, its hash and its first lines. ACCEPT=1 rewrites the golden files, and marks each case that changed
as skipped: such a run proves nothing. tests/golden/same_numbers.py compares two sets of golden files by their numbers.
"""

import difflib
import hashlib
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
import unittest

PPSIM = os.path.abspath(sys.argv[1])
ROOT = pathlib.Path(sys.argv[2]).resolve()
GOLDEN = ROOT / "tests" / "golden"
ACCEPT = os.environ.get("ACCEPT") == "1"
LONG_BYTES = 8_000  # of a text that is kept whole
FIRST_LINES = 12    # of one that is not
LIMIT_S = 300       # catches a hang

CONFIGS = ("seed_4x8", "interleaved_4gpu", "reference_8x64", "inference_2gpu")
SCHEDULES = ("naive gpipe 1f1b eager-1f1b bpipe pipedream-2bw interleaved looped-bfs combined-1f1b hanayo zb-h1 zb-h2 "
             "interleaved-zb zbv zb-1p zb-2p zb-auto zbv-auto v-half v-min chimera dualpipe dualpipev seq1f1b terapipe").split()
MODELS = {
    "data_parallel": "/cluster/nodes=8 /parallelism/data=2",
    "zero_3": "/cluster/nodes=8 /parallelism/data=2 /parallelism/zero_stage=3",
    "context": "/cluster/nodes=8 /parallelism/context=2 /parallelism/context_exchange=all_to_all",
    "selective": "/parallelism/recompute=selective /parallelism/sequence_parallel=true",
    "full": "/parallelism/recompute=full /parallelism/scatter_gather=true",
    "experts": "/model=models/qwen3_30b_a3b.json /parallelism/tensor=4 /cluster/nodes=8 /parallelism/data=4 "
               "/parallelism/expert=4 /parallelism/expert_tensor=1 /parallelism/sequence_parallel=true",
    "latent": "/model=models/deepseek_v3.json /parallelism/tensor=4 /cluster/nodes=16 /parallelism/data=8 /parallelism/expert=8 "
              "/parallelism/expert_tensor=1 /parallelism/sequence_parallel=true /schedule/name=dualpipe /simulation/overlapped_pair=max",
    "replicas": "/cluster/nodes=16 /parallelism/data=4 /training/overlap_gradients=true /training/gradient_bucket=\"40 MB\" "
                "/simulation/detail=full /simulation/contention=fair",
    "spanning": "/parallelism/tensor=16 /parallelism/pipeline=2 /parallelism/collectives=tree",
    "h100_24k": "/cluster=clusters/h100_24k.json /parallelism/data=4 /simulation/contention=fair",
    "l40s": "/cluster=clusters/l40s_1x8.json /parallelism/tensor=2 /model=models/llama3_8b.json /parallelism/micro_batch_size=1",
    "stragglers": "/simulation/noise/gpu_speed/rank\\ 3=0.9",
}


def with_sets(sets):
    return [option for one in shlex.split(sets) for option in ("--set", one)]


def simulations():
    cases = {}
    for config in CONFIGS:
        command = ["simulate", f"configs/{config}.json"]
        cases[f"simulate_{config}"] = [command]
        cases[f"simulate_{config}_json"] = [command + ["--json"]]
        for contention in ("none", "fifo", "fair"):
            cases[f"simulate_{config}_{contention}"] = [command + ["--contention", contention, "--json"]]
        for communication in ("blocking", "program"):
            cases[f"simulate_{config}_{communication}"] = [command + ["--communication", communication, "--json"]]
        cases[f"simulate_{config}_files"] = [
            command + ["--micro-batches", "8", "--trace", "out.json", "--svg", "out.svg", "--timeline", "out.csv"]]
        cases[f"simulate_{config}_runs"] = [
            command + ["--runs", "40", "--set", "/simulation/noise/jitter/compute/sigma=0.05"]]
    for schedule in SCHEDULES:
        command = ["simulate", "configs/seed_4x8.json", "--schedule", schedule, "--micro-batches", "16"]
        cases[f"schedule_{schedule}"] = [command + ["--contention", "fair", "--json"]]
        cases[f"schedule_{schedule}_recompute"] = [command + with_sets("/parallelism/recompute=full")]
    for name, sets in MODELS.items():
        command = ["simulate", "configs/seed_4x8.json", *with_sets(sets)]
        cases[f"model_{name}"] = [command]
        cases[f"model_{name}_json"] = [command + ["--json"]]
    cases["simulate_layer_costs"] = [["simulate", "data/layer_costs.json"]]
    return cases


def descriptions():
    cases = {}
    for config in CONFIGS:
        path = f"configs/{config}.json"
        for name in ("model", "network"):
            cases[f"{name}_{config}"] = [[name, path]]
            cases[f"{name}_{config}_json"] = [[name, path, "--json"]]
        cases[f"config_{config}"] = [["config", path]]
        cases[f"config_{config}_json"] = [["config", path, "--json"]]
        cases[f"show_{config}"] = [["schedule", "show", path, "--micro-batches", "8"]]
        cases[f"show_{config}_rank"] = [["schedule", "show", path, "--micro-batches", "8", "--rank", "1"]]
        for form in ("csv", "csv-comms", "json", "goal"):
            cases[f"export_{config}_{form}"] = [["schedule", "export", path, "--micro-batches", "8", "--format", form]]
        cases[f"check_{config}"] = [["schedule", "check", path]]
        cases[f"compare_{config}"] = [["compare", path]]
        cases[f"compare_{config}_json"] = [["compare", path, "--json"]]
    cases["compare_vary"] = [["compare", "configs/seed_4x8.json", "--vary", "/parallelism/tensor=1,2,4,8",
                              "--vary", "/parallelism/micro_batch_size=1,16"]]
    cases["list"] = [["schedule", "list"]]
    cases["list_verbose"] = [["schedule", "list", "--verbose"]]
    cases["list_json"] = [["schedule", "list", "--json"]]
    cases["init"] = [["init"]]
    cases["check_order"] = [["schedule", "check", "data/order.csv"]]
    cases["check_faulty"] = [["schedule", "check", "data/faulty.csv"]]
    cases["optimize"] = [["schedule", "optimize", "configs/reference_8x64.json", "--micro-batches", "8", "--nodes", "2000"]]
    cases["optimize_exact"] = [["schedule", "optimize", "data/two_ranks.json", "--micro-batches", "3", "--json"]]
    return cases


def studies():
    config = ["--config", "data/eight_ranks.json"]
    step = ["simulate", "data/eight_ranks.json", "--timeline", "step.csv"]
    traced = ["--config", "configs/reference_8x64.json", "--set", "/parallelism/pipeline=4", "--micro-batches", "8"]
    traces = [f"traces/kineto_1f1b/step.rank{rank}.json.gz" for rank in range(4)]
    runs = step[:-1] + ["run.csv", "--set", "/costs/forward=1.1 ms"]
    return {
        "import_huggingface": [["import", "huggingface", "data/huggingface.json"]],
        "import_megatron": [["import", "megatron", "data/megatron.sh"]],
        "import_deepspeed": [["import", "deepspeed", "data/deepspeed.json"]],
        "import_nccl": [["import", "nccl-tests", "data/nccl.txt"]],
        "import_topology": [["import", "nvidia-smi-topo", "data/topology.txt", "--gpu", "h100"]],
        "import_trace": [["import-trace", *traces, *traced, "-o", "out.csv"]],
        "import_trace_activity": [["import-trace", *traces]],
        "import_trace_activity_json": [["import-trace", *traces, "--json"]],
        "report": [step, ["report", "step.csv", *config]],
        "compare_runs": [runs, ["compare-runs", "run.csv", *config]],
        "compare_runs_json": [runs, ["compare-runs", "run.csv", *config, "--json"]],
        "calibrate": [step, ["calibrate", "step.csv", "--config", "data/eight_ranks.json", "-o", "out.json"]],
        "calibrate_json": [step, ["calibrate", "step.csv", "--config", "data/eight_ranks.json", "-o", "out.json", "--json"]],
        "validate": [["validate", "data/spec.json", "--table", "data/table.csv", "--rows", "--plot", "out.svg"]],
        "validate_json": [["validate", "data/spec.json", "--table", "data/table.csv", "--group-by", "P", "--json"]],
        "fit": [["fit", "data/fit/spec.json", "--table", "data/fit/table.csv", "--folds", "3", "-o", "out.json"]],
        "fit_json": [["fit", "data/fit/spec.json", "--table", "data/fit/table.csv", "--folds", "1", "--json"]],
    }


def errors():
    seed = "configs/seed_4x8.json"
    cases = {
        "error_unknown_key": ["simulate", "data/unknown_key.json"],
        "error_no_json": ["simulate", "data/no_json.json"],
        "error_no_file": ["simulate", "data/missing.json"],
        "error_unit": ["simulate", seed, *with_sets("/cluster/nvlink/bandwidth=450")],
        "error_range": ["simulate", seed, *with_sets("/parallelism/micro_batches=0")],
        "error_gpus": ["simulate", seed, *with_sets("/parallelism/data=2")],
        "error_choice": ["simulate", seed, *with_sets("/simulation/contention=fare")],
        "error_schedule": ["simulate", seed, "--schedule", "1f2b"],
        "error_option": ["simulate", seed, "--fit"],
        "error_memory": ["simulate", seed, "--schedule", "gpipe", "--check-memory"],
    }
    return {name: [command] for name, command in cases.items()}


def helps():
    commands = ["", "simulate", "compare", "model", "network", "config", "init", "schedule", "schedule list", "schedule show",
                "schedule check", "schedule export", "schedule optimize", "replay", "report", "compare-runs", "calibrate",
                "bench-cluster", "import", "import-trace", "validate", "fit"]
    return {"_".join(["help", *command.split()]).replace("-", "_"): [[*command.split(), "--help"]] for command in commands}


def shortened(text):
    """The text, or what tells it from any other. The config's hash is held by the cases of `ppsim config`, so that a change
    of the hash is not a change of every report."""
    if "origins" not in text:
        text = re.sub(r'("config_hash": ?)"[0-9a-f]{16}"', r'\1"..."', text)
    if len(text) <= LONG_BYTES:
        return text
    first = "\n".join(line[:200] for line in text.splitlines()[:FIRST_LINES])
    return f"{len(text)} characters, sha256 {hashlib.sha256(text.encode()).hexdigest()}, begins\n{first}\n"


def run_case(commands):
    """What the commands of a case say and write, one behind the other, in a folder of their own."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        links = {"configs": ROOT / "configs", "traces": ROOT / "traces", "data": GOLDEN / "data"}
        for link, target in links.items():
            (folder / link).symlink_to(target)
        text = ""
        for command in commands:
            environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "120", "LC_ALL": "C.UTF-8"}
            done = subprocess.run([PPSIM, *command], cwd=folder, capture_output=True, text=True, timeout=LIMIT_S,
                                  stdin=subprocess.DEVNULL, env=environment)
            text += f"$ ppsim {shlex.join(command)}\nexit status {done.returncode}\n{shortened(done.stdout)}"
            text += f"-- stderr\n{shortened(done.stderr)}" if done.stderr else ""
        for path in sorted(folder.iterdir()):
            if path.name not in links:
                text += f"-- {path.name}\n{shortened(path.read_text())}"
        return text


class Golden(unittest.TestCase):
    def hold(self, name, commands):
        path = GOLDEN / f"{name}.txt"
        seen = run_case(commands)
        expected = path.read_text() if path.exists() else None
        if ACCEPT and seen != expected:
            path.write_text(seen)
            self.skipTest("accepted")
        self.assertIsNotNone(expected, f"{path} is not there; ACCEPT=1 writes it")
        if seen != expected:
            lines = list(difflib.unified_diff(expected.splitlines(), seen.splitlines(), "golden", "now", lineterm="", n=1))
            self.fail("\n".join([shlex.join(commands[-1]), *lines[:40]]))


def add_cases():
    for name, commands in {**simulations(), **descriptions(), **studies(), **errors(), **helps()}.items():
        def test(self, name=name, commands=commands):
            self.hold(name, commands)
        setattr(Golden, f"test_{name}", test)


class Folder(unittest.TestCase):
    def test_every_golden_file_is_of_a_case(self):
        cases = {name.removeprefix("test_") for name in dir(Golden)}
        self.assertEqual({path.stem for path in GOLDEN.glob("*.txt")} - cases, set())


add_cases()

if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
