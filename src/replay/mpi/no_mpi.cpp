// Where the build found no MPI.
#include <stdexcept>

#include "replay/job.hpp"

namespace ppsim {

bool has_mpi() {
  return false;
}

std::string mpi_library() {
  return {};
}

std::unique_ptr<Job> join_mpi_job(const JobOptions&) {
  throw std::logic_error("an MPI job in a build without MPI");
}

}  // namespace ppsim
