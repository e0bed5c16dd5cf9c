"""Every GPU by itself against folding, 1,024 GPUs: usage: replicas.py PPSIM SOURCE_ROOT [RUNS]

1F1B on 128 nodes of 8, tensor x pipeline x data as below, 128 micro-batches, every link shared. Both run in turn; the figure is
the ratio of the medians of graph and engine. Exit 1 where the full mode's makespan is not the folded one's, or where it
takes more than twice as long a replica as the folded one takes in all.
"""

import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

SHAPES = [(8, 16, 8), (2, 16, 32), (1, 16, 64)]
BOUND = 2


def write_config(folder, root, tensor, pipeline, data):
    root = pathlib.Path(root).resolve() / "configs"
    path = pathlib.Path(folder) / f"{tensor}x{pipeline}x{data}.json"
    path.write_text(json.dumps({
        "cluster": {"nodes": 128, "gpus_per_node": 8, "gpu": str(root / "gpus/h100_sxm.json"),
                    "nvlink": {"bandwidth": "450 GB/s", "latency": "2 us"},
                    "infiniband": {"bandwidth": "400 Gb/s", "latency": "5 us", "nics_per_node": 8}},
        "model": str(root / "models/gpt3_175b.json"),
        "parallelism": {"tensor": tensor, "pipeline": pipeline, "data": data, "micro_batches": 128},
        "training": {"overlap_gradients": True, "gradient_bucket": "100 MB"},
        "schedule": {"name": "1f1b"},
        "simulation": {"contention": "fair"}}))
    return path


def run(ppsim, config, detail):
    done = subprocess.run([ppsim, "simulate", config, "--json", "--timing", "--set", f"/simulation/detail={detail}"],
                          capture_output=True, text=True, check=True)
    phases = json.loads(done.stderr)
    return json.loads(done.stdout)["makespan_ns"], phases["graph"] + phases["engine"]


def main(ppsim, root, runs="5"):
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        for tensor, pipeline, data in SHAPES:
            config = write_config(folder, root, tensor, pipeline, data)
            seconds = {"folded": [], "full": []}
            makespans = set()
            for _ in range(int(runs)):
                for detail, times in seconds.items():
                    makespan, time = run(ppsim, config, detail)
                    makespans.add(makespan)
                    times.append(time)
            folded, full = (statistics.median(seconds[detail]) for detail in ("folded", "full"))
            print(f"note: tensor {tensor} x pipeline {pipeline} x data {data}: folded {1e3 * folded:.1f} ms, full "
                  f"{1e3 * full:.1f} ms; {full / folded / data:.2f} a replica (bound {BOUND}), makespans {makespans}")
            failed |= len(makespans) > 1 or full > BOUND * data * folded
    return failed


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
