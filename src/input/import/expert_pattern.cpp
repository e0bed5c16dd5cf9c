#include "input/import/expert_pattern.hpp"

#include <algorithm>

#include "ppsim/core/error.hpp"
#include "ppsim/model/layers/transformer.hpp"

namespace ppsim {

// With `every` e behind d dense layers the first layer with experts is d + e - 1, the next e further on.
std::optional<ExpertPattern> find_expert_pattern(const std::vector<bool>& has_experts) {
  const auto first = std::find(has_experts.begin(), has_experts.end(), true);
  PPSIM_ASSERT(first != has_experts.end(), "no layer with experts");
  const auto second = std::find(first + 1, has_experts.end(), true);  // the end, where there is none
  const auto at = static_cast<std::uint32_t>(first - has_experts.begin());
  const auto every = static_cast<std::uint32_t>(second - first);
  if (at + 1 < every) return std::nullopt;
  Transformer model;
  model.experts = Experts{.dense_layers = at + 1 - every, .every = every};
  for (std::uint32_t layer = 0; layer < has_experts.size(); ++layer)
    if (model.has_experts(layer) != has_experts[layer]) return std::nullopt;
  return ExpertPattern{at + 1 - every, every};
}

}  // namespace ppsim
