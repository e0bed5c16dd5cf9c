#include "schedule/generators/looped_units.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ppsim {

std::vector<LoopedUnit> looped_units(std::uint32_t M, std::uint32_t V, std::uint32_t G) {
  std::vector<LoopedUnit> units;
  units.reserve(std::size_t{M} * V);
  for (std::uint32_t g = 0; g < M; g += std::min(G, M - g)) {
    for (std::uint32_t v = 0; v < V; ++v) {
      for (std::uint32_t m = g; m < g + std::min(G, M - g); ++m) units.push_back({m, v});
    }
  }
  return units;
}

OptionSpec group_option() {
  return {.name = "group",
          .help = "micro-batches that a rank takes through one chunk before it turns to the next",
          .default_value = std::int64_t{0},
          .default_text = "P where P divides M, else M / max(1, M div P)"};
}

std::optional<std::uint32_t> group_size(const ScheduleRequest& request) {
  const auto [P, M, V] = request.shape;
  if (const auto given = request.integer("group"); given > 0) return static_cast<std::uint32_t>(given);
  const std::uint32_t rounds = std::max(1U, M / P);
  if (M % rounds != 0) return std::nullopt;
  return M / rounds;
}

std::optional<std::string> why_not_group(const ScheduleRequest& request) {
  const auto [P, M, V] = request.shape;
  const auto group = group_size(request);
  if (!group) {
    const std::uint32_t rounds = M / P;
    return fmt::format(
        "{} micro-batches do not divide into {} rounds of at least {} (one a rank): expected {} or {}, or a "
        "\"group\" that leaves at least {} for the last round",
        M, rounds, P, M / P * P, (M / P + 1) * P, P);
  }
  const std::uint32_t G = *group;
  if (M < P && G == M) return std::nullopt;
  if (G > M) return fmt::format("group {} with {} micro-batches: expected at most {}", G, M, M);
  if (G < P) return fmt::format("group {} with {} ranks: expected at least {}", G, P, std::min(P, M));
  if (M % G != 0 && M % G < P) {
    return fmt::format(
        "group {} leaves {} of {} micro-batches for the last round: expected none or at least {} (one a "
        "rank)",
        G, M % G, M, P);
  }
  return std::nullopt;
}

}  // namespace ppsim
