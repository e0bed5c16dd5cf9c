/// This process as one rank of a job that a launcher has started.
#pragma once

#include <csignal>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "ppsim/core/units.hpp"
#include "replay/environment.hpp"
#include "replay/transport.hpp"

namespace ppsim {

struct JobOptions {
  /// For all ranks to start, at the most.
  Time patience{};
  /// The signal that asks the process to end, or 0. Outlives the job.
  const volatile std::sig_atomic_t* signal = nullptr;
  /// Called with one line, from another thread, where the job does not come about: after `patience`, or on a
  /// signal. Does not return.
  std::function<void(const std::string&)> give_up;
};

/// Ends its part of the job with itself, which waits for the other ranks.
class Job {
 public:
  virtual ~Job() = default;

  [[nodiscard]] virtual Transport& transport() = 0;

  /// Of a rank that fails by itself: tells rank 0, which says it and ends the job, and with it this process.
  /// Returns where this process must say the line itself: it is rank 0, or rank 0 does not answer.
  virtual void hand_over(std::string_view line) = 0;

  /// Ends all ranks with exit code 1, this one too.
  virtual void abort() = 0;
};

/// False in a build without MPI.
[[nodiscard]] bool has_mpi();

/// Name and version, "Open MPI v4.1.4"; empty in a build without MPI.
[[nodiscard]] std::string mpi_library();

/// Joins the MPI job of this process: MPI_COMM_WORLD, one rank a process. Once a process. Requires has_mpi().
[[nodiscard]] std::unique_ptr<Job> join_mpi_job(const JobOptions& options);

/// Joins a job whose ranks know of one another by the environment (read_launched()) and talk over TCP, by
/// connections between all of them. Rank 0 listens at MASTER_PORT: on all addresses of its machine, or where
/// MASTER_ADDR is a loopback address ("localhost") on that one; the others at ports that are free. No two
/// jobs of a machine may have the same port at a time.
///
/// Throws Error where the environment is wrong. Where the job does not come about, because ranks are missing
/// after `patience`, do not agree, or a signal came, one rank throws ReplayError with the line to say, and
/// those that know of it throw JointError. In the job a rank whose process ends is noticed at once by all;
/// the lowest that is left speaks, for rank 0. `give_up` is called where rank 0 goes while its end is
/// awaited.
[[nodiscard]] std::unique_ptr<Job> join_tcp_job(const JobOptions& options);
[[nodiscard]] std::unique_ptr<Job> join_tcp_job(const Launched& launched, const JobOptions& options);

}  // namespace ppsim
