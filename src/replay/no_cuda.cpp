// Where the build found no CUDA.
#include <stdexcept>

#include "ppsim/replay/gpu_process.hpp"
#include "ppsim/replay/gpu_replay.hpp"
#include "ppsim/replay/probe.hpp"

namespace ppsim {

bool has_cuda() {
  return false;
}

std::string take_gpu(std::uint32_t) {
  throw std::logic_error("a GPU in a build without CUDA");
}

std::unique_ptr<GpuProcess> make_gpu_process(const OpGraph&, Group&, const GpuReplayOptions&,
                                             const LaunchPlan&) {
  throw std::logic_error("a replay on GPUs in a build without CUDA");
}

std::unique_ptr<Probe> make_gpu_probe(Group&, std::uint32_t) {
  throw std::logic_error("a probe of GPUs in a build without CUDA");
}

}  // namespace ppsim
