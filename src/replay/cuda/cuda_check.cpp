#include "replay/cuda/cuda_check.hpp"

#include <fmt/format.h>

#include "replay/gpu/gpu_replay.hpp"

namespace ppsim {

std::string place_name(SourcePlace place) {
  const std::string_view file = place.file;
  return fmt::format("{}:{}", file.substr(file.rfind('/') + 1), place.line);
}

void check_cuda(cudaError_t result, std::string_view call, SourcePlace place) {
  if (result == cudaSuccess) return;
  throw GpuFailure(fmt::format("{}: {} ({}, at {})", call, cudaGetErrorString(result),
                               cudaGetErrorName(result), place_name(place)));
}

void check_launch(std::string_view kernel, SourcePlace place) {
  check_cuda(cudaGetLastError(), kernel, place);
}

}  // namespace ppsim
