#include "schedule/check/check_faults.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace ppsim {
namespace {

// "3, 5, 7 and 12 more"
std::string first_few(std::span<const std::uint32_t> numbers) {
  constexpr std::size_t kFew = 8;
  const auto shown = numbers.first(std::min(kFew, numbers.size()));
  std::string text = fmt::format("{}", fmt::join(shown.begin(), shown.end(), ", "));
  if (shown.size() < numbers.size()) text += fmt::format(" and {} more", numbers.size() - shown.size());
  return text;
}

}  // namespace

Fault missing_fault(Rank rank, Stage stage, std::string_view kind,
                    std::span<const std::uint32_t> micro_batches) {
  return {fmt::format("rank {}", index(rank)),
          fmt::format("{} of stage {} is missing for micro-batch{} {}", kind, index(stage),
                      micro_batches.size() > 1 ? "es" : "", first_few(micro_batches))};
}

std::optional<std::string> why_not_here(const Schedule& schedule, Rank rank, Stage stage,
                                        MicroBatch micro_batch) {
  if (index(stage) >= schedule.stages())
    return fmt::format("does not exist: there are {} stages", schedule.stages());
  if (index(micro_batch) >= schedule.micro_batches)
    return fmt::format("does not exist: there are {} micro-batches", schedule.micro_batches);
  const Rank holder = schedule.placement.rank_of(stage, schedule.direction(micro_batch));
  if (holder == rank) return std::nullopt;
  return fmt::format("is not this rank's: rank {} holds the stage", index(holder));
}

}  // namespace ppsim
