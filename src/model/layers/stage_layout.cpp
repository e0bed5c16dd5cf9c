#include "ppsim/model/layers/stage_layout.hpp"

#include <fmt/format.h>

#include "ppsim/core/error.hpp"

namespace ppsim {

namespace {

void check_count(std::uint32_t stages) {
  PPSIM_ASSERT(stages > 0, "no stages");
  if (stages > kMaxStages)
    throw Error("/parallelism/pipeline", fmt::format("{} stages; expected at most {}", stages, kMaxStages));
}

void check_counts(std::uint32_t layers, std::uint32_t stages) {
  check_count(stages);
  if (layers < stages)
    throw Error("/parallelism/pipeline",
                fmt::format("{} stages for {} layers; expected at least one layer a stage", stages, layers));
}

}  // namespace

StageLayout make_even_layout(std::uint32_t layers, std::uint32_t stages) {
  check_counts(layers, stages);
  StageLayout layout;
  layout.stages.reserve(stages);
  std::uint32_t first = 0;
  for (std::uint32_t stage = 0; stage < stages; ++stage) {
    const std::uint32_t count = layers / stages + (stage < layers % stages ? 1 : 0);
    layout.stages.push_back({first, count});
    first += count;
  }
  return layout;
}

StageLayout make_balanced_layout(std::uint32_t layers, std::uint32_t stages) {
  if (stages == 1) return make_even_layout(layers, stages);
  check_counts(layers + 2, stages);
  StageLayout layout = make_even_layout(layers + 2, stages);
  for (LayerRange& stage : layout.stages) --stage.first;
  layout.stages.front() = {0, layout.stages.front().count - 1};
  --layout.stages.back().count;
  return layout;
}

StageLayout make_layout(std::uint32_t layers, std::uint32_t stages, std::span<const std::uint32_t> counts) {
  check_count(stages);
  if (counts.size() != stages)
    throw Error("/parallelism/layers_per_stage",
                fmt::format("{} entries; expected {}, one a stage", counts.size(), stages));
  StageLayout layout;
  layout.stages.reserve(stages);
  std::uint64_t sum = 0;
  for (const std::uint32_t count : counts) {
    layout.stages.push_back({static_cast<std::uint32_t>(sum), count});
    sum += count;
    if (sum > layers) break;
  }
  if (sum != layers)
    throw Error("/parallelism/layers_per_stage",
                fmt::format("the entries sum to {}{}; expected the model's {} layers",
                            sum > layers ? "at least " : "", sum, layers));
  return layout;
}

}  // namespace ppsim
