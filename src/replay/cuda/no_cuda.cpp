// Where the build found no CUDA.
#include <stdexcept>

#include "replay/bench/probe.hpp"
#include "replay/gpu/gpu_process.hpp"
#include "replay/gpu/gpu_replay.hpp"

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
