/// Which layers have experts, in the words of a config.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace ppsim {

struct ExpertPattern {
  std::uint32_t dense_layers = 0;
  std::uint32_t every = 1;
};

/// `dense_layers` and `every` that say the same as `has_experts` [layers]; empty where none do. Requires a
/// layer that has experts.
[[nodiscard]] std::optional<ExpertPattern> find_expert_pattern(const std::vector<bool>& has_experts);

}  // namespace ppsim
