// Where the build found no CUDA.
#include <stdexcept>

#include "ppsim/replay/gpu_replay.hpp"

namespace ppsim {

bool has_cuda() {
  return false;
}

GpuReplayResult replay_on_gpus(const OpGraph&, Group&, const GpuReplayOptions&) {
  throw std::logic_error("a replay on GPUs in a build without CUDA");
}

}  // namespace ppsim
