#include "missing_fault.hpp"

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

}  // namespace ppsim
