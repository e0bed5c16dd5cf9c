#include "explore/fit/fit_folds.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "core/philox.hpp"

namespace ppsim {
namespace {

struct RowGroup {
  std::uint32_t table;  // of its first sample
  std::uint64_t draw;
  std::uint32_t id;

  friend bool operator<(const RowGroup& a, const RowGroup& b) {
    return std::tie(a.table, a.draw, a.id) < std::tie(b.table, b.draw, b.id);
  }
};

std::uint64_t draw_of(std::uint32_t group, std::uint64_t seed) {
  const auto drawn =
      philox({group, 0, 0, 0}, {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)});
  return std::uint64_t{drawn[0]} << 32 | drawn[1];
}

std::vector<RowGroup> groups_of(const FitSamples& samples, std::uint64_t seed) {
  std::vector<RowGroup> groups;
  std::set<std::uint32_t> seen;
  for (std::size_t i = 0; i < samples.group.size(); ++i) {
    const std::uint32_t id = samples.group[i];
    if (seen.insert(id).second) groups.push_back({samples.table[i], draw_of(id, seed), id});
  }
  std::sort(groups.begin(), groups.end());
  return groups;
}

}  // namespace

std::uint32_t count_groups(const FitSamples& samples) {
  return static_cast<std::uint32_t>(std::set(samples.group.begin(), samples.group.end()).size());
}

std::vector<std::uint32_t> folds_of(const FitSamples& samples, std::uint32_t folds, std::uint64_t seed) {
  std::map<std::uint32_t, std::uint32_t> fold_of_group;
  for (const RowGroup& group : groups_of(samples, seed))
    fold_of_group.emplace(group.id, static_cast<std::uint32_t>(fold_of_group.size() % folds));
  std::vector<std::uint32_t> result;
  for (const std::uint32_t group : samples.group) result.push_back(fold_of_group.at(group));
  return result;
}

FoldFits fit_folds(FitProblem& problem, const FitPart& part, const FitState& whole,
                   const std::vector<std::uint32_t>& fold, std::size_t predictions) {
  const std::uint32_t folds = 1 + *std::max_element(fold.begin(), fold.end());
  const std::size_t limit = problem.predictions() + predictions;
  FoldFits result{whole.point.errors, {}};
  for (std::uint32_t out = 0; out < folds; ++out) {
    std::vector<bool> kept;
    for (const std::uint32_t one : fold) kept.push_back(one != out);
    const FitPart training{part.free, problem.weights(kept)};
    const FitState state = search(problem, training, whole, (limit - problem.predictions()) / (folds - out));
    for (Eigen::Index i = 0; i < result.held_out.size(); ++i)
      if (!kept[static_cast<std::size_t>(i)]) result.held_out[i] = state.point.errors[i];
    result.units.push_back(state.point.unit);
    result.converged = result.converged && state.converged;
  }
  return result;
}

}  // namespace ppsim
