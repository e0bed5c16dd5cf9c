// Who is who among the processes of a replay on GPUs, and which communicators they need.
#pragma once

#include <cstdint>
#include <vector>

#include "replay/cuda/gpu_communicators.hpp"
#include "replay/cuda/gpu_ops.hpp"
#include "replay/gpu/gpu_process.hpp"
#include "replay/gpu/launches.hpp"

namespace ppsim {

/// [P] processes of this place's pipeline.
[[nodiscard]] std::vector<std::uint32_t> pipeline_of(const ProcessPlace& place, const GpuLayout& layout,
                                                     std::uint32_t ranks);

/// Communicators of all processes: those of the plan for each pipeline, one pipeline after the other, then
/// tensor groups, then groups of replicas.
struct GpuWorld {
  std::vector<Members> members;
  std::vector<Wire> wires;
};
[[nodiscard]] GpuWorld make_world(const LaunchPlan& plan, const GpuLayout& layout);

/// The number of the plan's first communicator in this place's pipeline.
[[nodiscard]] std::uint32_t first_communicator(const ProcessPlace& place, const LaunchPlan& plan,
                                               const GpuLayout& layout);

[[nodiscard]] GroupNumbers group_numbers(const ProcessPlace& place, const LaunchPlan& plan,
                                         const GpuLayout& layout);

}  // namespace ppsim
