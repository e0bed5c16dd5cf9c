#!/usr/bin/env bash
# torchrun, without MPI: it sets RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT, by which the ranks find one
# another. Run this on every node, with the same HEAD, the name of one of them:
#   HEAD=node0 NODES=4 torchrun.sh bench-cluster -o cluster.json
#   HEAD=node0 NODES=4 torchrun.sh replay config.json --compute gemm -o step.csv
# GPUS: ranks a node, 8. BACKEND=host-tcp measures processes on the hosts instead of GPUs.
set -euo pipefail

[ $# -ge 1 ] || { echo 'usage: torchrun.sh bench-cluster|replay ARGUMENTS...' >&2; exit 2; }
command=$1
shift

# --no-python: torchrun starts programs as well as scripts.
exec torchrun --nnodes="${NODES:-1}" --nproc-per-node="${GPUS:-8}" --rdzv-backend=c10d \
  --rdzv-endpoint="${HEAD:-localhost}:${PORT:-29500}" --max-restarts=0 --no-python \
  "${PPSIM:-ppsim}" "$command" --backend "${BACKEND:-cuda-nccl}" "$@"
