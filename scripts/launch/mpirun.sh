#!/usr/bin/env bash
# Open MPI: one rank a slot of a host file (see hosts beside this). Copy both, then
#   mpirun.sh bench-cluster -o cluster.json
#   mpirun.sh replay config.json --compute gemm -o step.csv
# HOSTS names another host file; BACKEND=host-mpi measures processes on the hosts instead of GPUs. The program and the files
# that it reads must be where they are on every host.
set -euo pipefail

[ $# -ge 1 ] || { echo 'usage: mpirun.sh bench-cluster|replay ARGUMENTS...' >&2; exit 2; }
hosts=${HOSTS:-$(dirname "$0")/hosts}
command=$1
shift

# A rank a slot; slot: the ranks of a node follow one another, as ppsim numbers GPUs. none: an op may use any core.
ranks=$(sed -nE 's/^[^#].*slots=([0-9]+).*/\1/p' "$hosts" | awk '{ sum += $1 } END { print sum + 0 }')
exec mpirun --hostfile "$hosts" -n "$ranks" --map-by slot --bind-to none \
  "${PPSIM:-ppsim}" "$command" --backend "${BACKEND:-cuda-nccl}" "$@"
