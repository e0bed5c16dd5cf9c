/// What a launcher tells a process of its job, by environment variables.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "ppsim/core/ids.hpp"

namespace ppsim {

struct Launched {
  Rank rank{};
  std::uint32_t size = 1;  ///< ranks, more than `rank`
  /// Among the ranks of this machine. The rank itself where the launcher does not say, which is right where
  /// one machine has them all.
  std::uint32_t local_rank = 0;
  std::string address;         ///< of rank 0's machine, a name or a number; may be empty where size == 1
  std::uint16_t port = 29500;  ///< where rank 0 listens
};

/// By the first of these whose rank is set:
///   RANK, WORLD_SIZE, LOCAL_RANK                       torchrun, or by hand
///   OMPI_COMM_WORLD_RANK, ..._SIZE, ..._LOCAL_RANK     Open MPI's mpirun
///   PMI_RANK, PMI_SIZE, MPI_LOCALRANKID                MPICH's mpiexec
///   SLURM_PROCID, SLURM_NTASKS or SLURM_NPROCS, SLURM_LOCALID     srun; last, as an mpirun inside a Slurm
///                                                      job hands on those of the shell that called it
/// and MASTER_ADDR, which is needed where there is more than one rank, and MASTER_PORT. The store of
/// torchrun's own agent holds MASTER_PORT where TORCHELASTIC_USE_AGENT_STORE is True: `port` is the one
/// behind it then. Nothing set: one rank, alone. Throws Error (where: the variable) that says what was
/// expected.
[[nodiscard]] Launched read_launched();

/// Launched::local_rank, whether or not the rest says where rank 0 is.
[[nodiscard]] std::uint32_t read_local_rank();

/// The rank alone, as launchers of MPI jobs set it, before MPI itself says it: OMPI_COMM_WORLD_RANK,
/// PMIX_RANK, PMI_RANK or SLURM_PROCID. Empty where none is set or it is no number.
[[nodiscard]] std::optional<Rank> read_launched_rank();

}  // namespace ppsim
