#include "replay/bench/samples.hpp"

#include <cstring>

namespace ppsim {
namespace {

constexpr Time::rep kLeastRepeats = 5;
constexpr Time::rep kMostRepeats = 1000;

}  // namespace

std::vector<std::vector<Time>> gather_times(Group& group, const std::vector<Time>& times) {
  static_assert(sizeof(Time) == sizeof(std::int64_t));
  std::vector<std::vector<Time>> all;
  for (const Blob& blob : group.gather(std::as_bytes(std::span(times)))) {
    std::vector<Time>& one = all.emplace_back(blob.size() / sizeof(Time));
    if (!blob.empty()) std::memcpy(one.data(), blob.data(), blob.size());
  }
  return all;
}

std::uint32_t agree_on_count(Group& group, Time budget, Time slowest) {
  for (const auto& one : gather_times(group, {slowest})) slowest = std::max(slowest, one.front());
  const Time::rep wanted = budget.count() / std::max<Time::rep>(slowest.count(), 1);
  const auto count = static_cast<std::uint32_t>(std::clamp(wanted, kLeastRepeats, kMostRepeats));
  const Blob first = group.broadcast(std::as_bytes(std::span(&count, 1)));
  std::uint32_t agreed = 0;
  std::memcpy(&agreed, first.data(), sizeof agreed);
  return agreed;
}

}  // namespace ppsim
