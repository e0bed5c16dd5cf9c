"""scripts/launch: each file starts the program as its launcher would. usage: launch_test.py PPSIM SOURCE_ROOT

mpirun is real. srun and torchrun are stand-ins that do what the files ask of them: start so many processes, with the
environment that the real ones set.
"""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest

PPSIM = pathlib.Path(sys.argv[1]).resolve()
ROOT = pathlib.Path(sys.argv[2]).resolve()
LAUNCH = ROOT / "scripts" / "launch"
REFERENCE = ROOT / "configs" / "reference_8x64.json"
LIMIT_S = 120
QUICK = ("--seconds", "0.1", "--sizes", "1 KiB,64 KiB,1 MiB")

# Options are --name=value; what follows them is the program.
FAKE_SRUN = """#!/bin/sh
printf '%s\\n' "$@" > "$RECORD"
while [ "${1#--}" != "$1" ]; do shift; done
exec mpirun --oversubscribe -n "$SLURM_NTASKS" "$@"
"""
FAKE_SCONTROL = """#!/bin/sh
[ "$1 $2 $3" = "show hostnames node[0-1]" ] && printf 'node0\\nnode1\\n'
"""
FAKE_TORCHRUN = """#!/bin/sh
printf '%s\\n' "$@" > "$RECORD"
for option; do
  case $option in
    --nnodes=*) nodes=${option#*=} ;;
    --nproc-per-node=*) ranks=${option#*=} ;;
    --rdzv-endpoint=*) endpoint=${option#*=} ;;
  esac
done
while [ "${1#--}" != "$1" ]; do shift; done
export WORLD_SIZE=$((nodes * ranks)) MASTER_ADDR=${endpoint%:*} MASTER_PORT=${endpoint#*:}
rank=1
while [ $rank -lt $ranks ]; do
  RANK=$rank LOCAL_RANK=$rank "$@" &
  rank=$((rank + 1))
done
RANK=0 LOCAL_RANK=0 "$@"
code=$?
wait
exit $code
"""
PROGRAM = """#!/bin/sh
echo "$RANK $LOCAL_RANK $WORLD_SIZE $MASTER_ADDR $MASTER_PORT $*"
"""


def why_skipped():
    if shutil.which("mpirun") is None:
        return "skipped: there is no mpirun"
    if "has no MPI" in subprocess.run([PPSIM, "bench-cluster"], capture_output=True, text=True, timeout=LIMIT_S, env={
            **os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}).stderr:
        return "skipped: this build of ppsim has no MPI"
    return None


SKIP = why_skipped()


class Launch(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.record = self.folder / "record"
        self.cluster = self.folder / "cluster.json"

    def stand_in(self, name, text):
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o755)
        return path

    def start(self, name, *arguments, **environment):
        return subprocess.run([LAUNCH / name, *map(str, arguments)], capture_output=True, text=True, timeout=LIMIT_S,
                              stdin=subprocess.DEVNULL, cwd=self.folder, env={
                                  **os.environ, "PATH": f"{self.folder}:{os.environ['PATH']}", "RECORD": str(self.record),
                                  "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", **environment})

    def test_each_says_how_it_is_used(self):
        for name in ("slurm.sbatch", "mpirun.sh", "torchrun.sh"):
            done = self.start(name)
            self.assertEqual(done.returncode, 2)
            self.assertRegex(done.stderr, f"^usage: .*{name} bench-cluster.replay ARGUMENTS...\n$")

    def test_torchrun_tells_each_process_its_rank(self):
        self.stand_in("torchrun", FAKE_TORCHRUN)
        done = self.start("torchrun.sh", "replay", "config.json", "--steps", 3, HEAD="node0", NODES="2", GPUS="2",
                          PPSIM=str(self.stand_in("program", PROGRAM)))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(sorted(done.stdout.splitlines()),
                         [f"{rank} {rank} 4 node0 29500 replay --backend cuda-nccl config.json --steps 3" for rank in (0, 1)])
        self.assertIn("--no-python", self.record.read_text().splitlines())

    def test_torchrun_needs_no_mpi(self):
        self.stand_in("torchrun", FAKE_TORCHRUN)
        with socket.create_server(("localhost", 0)) as free:
            port = free.getsockname()[1]
        job = {"HEAD": "localhost", "PORT": str(port), "GPUS": "8", "BACKEND": "host-tcp", "PPSIM": str(PPSIM)}
        done = self.start("torchrun.sh", "replay", REFERENCE, "--json", **job)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)["makespan_ns"], 219_820_000)
        done = self.start("torchrun.sh", "bench-cluster", *QUICK, "-o", self.cluster, **{**job, "GPUS": "2"})
        if "has no BLAS" in done.stderr:
            self.skipTest("skipped: this build of ppsim has no BLAS")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("host-tcp", json.loads(self.cluster.read_text())["source"])

    @unittest.skipIf(SKIP, SKIP)
    def test_slurm_starts_one_rank_a_task(self):
        self.stand_in("srun", FAKE_SRUN)
        self.stand_in("scontrol", FAKE_SCONTROL)
        job = {"BACKEND": "host-mpi", "PPSIM": str(PPSIM), "SLURM_JOB_NODELIST": "node[0-1]", "SLURM_NTASKS": "2"}
        done = self.start("slurm.sbatch", "bench-cluster", *QUICK, "-o", self.cluster, **job)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(self.cluster.read_text())["gpus_per_node"], 2)
        self.assertIn("--distribution=block", self.record.read_text().splitlines())
        done = self.start("slurm.sbatch", "replay", REFERENCE, "--json", **{**job, "SLURM_NTASKS": "8"})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)["makespan_ns"], 219_820_000)

    @unittest.skipIf(SKIP, SKIP)
    def test_mpirun_starts_one_rank_a_slot(self):
        (self.folder / "hosts").write_text("# this machine\nlocalhost slots=2\n")
        done = self.start("mpirun.sh", "bench-cluster", *QUICK, "-o", self.cluster, BACKEND="host-mpi", PPSIM=str(PPSIM),
                          HOSTS=str(self.folder / "hosts"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(self.cluster.read_text())["gpus_per_node"], 2)

    @unittest.skipIf(SKIP, SKIP)
    def test_the_host_file_has_4_nodes_of_8(self):
        mpirun = self.stand_in("mpirun", '#!/bin/sh\nprintf "%s\\n" "$@"\n')
        done = self.start("mpirun.sh", "replay", "config.json")
        self.assertTrue(mpirun.exists())
        words = done.stdout.splitlines()
        self.assertEqual(words[words.index("-n") + 1], "32")
        self.assertEqual(words[-5:], ["ppsim", "replay", "--backend", "cuda-nccl", "config.json"])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=0)
