#include "replay/step_clocks.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ppsim {
namespace {

// For the word to reach all: a message takes some 10 us, and the processes are told one after the other.
constexpr Time kAhead{5'000'000}, kAheadForEach{100'000};

}  // namespace

void StepClocks::take_one() {
  for (RankClock& clock : clocks_) clock.is_first_ones = true;
}

void StepClocks::begin() {
  measure(&RankClock::begin);
  const std::vector<bool> same = find_same_clocks(group_);
  for (std::size_t i = 0; i < same.size(); ++i) clocks_[i].is_first_ones = same[i];
}

void StepClocks::end() {
  measure(&RankClock::end);
}

void StepClocks::measure(ClockOffset RankClock::*when) {
  const std::vector<ClockOffset> offsets = estimate_offsets(group_);
  for (std::size_t i = 0; i < offsets.size(); ++i) clocks_[i].*when = offsets[i];
}

Time StepClocks::agree_on_start(Group& group) const {
  group.barrier();
  std::int64_t start = 0;
  const auto word = std::as_writable_bytes(std::span(&start, 1));
  if (!group.is_first()) {
    group.receive(Rank{0}, word);
    return Time(start);
  }
  const Time moment = clock_now() + kAhead + kAheadForEach * static_cast<Time::rep>(clocks_.size());
  for (std::uint32_t i = 1; i < clocks_.size(); ++i) {
    const RankClock& clock = clocks_[i];
    start = (moment + (clock.is_first_ones ? Time{} : clock.begin.offset)).count();
    group.send(Rank{i}, word);
  }
  return moment;
}

std::string StepClocks::note() const {
  Time offset{}, uncertainty{};
  bool one_clock = true;
  for (const RankClock& clock : clocks_) {
    for (const ClockOffset& end : {clock.begin, clock.end}) {
      offset = std::max(offset, std::chrono::abs(end.offset));
      uncertainty = std::max(uncertainty, end.uncertainty);
    }
    one_clock &= clock.is_first_ones;
  }
  return fmt::format("clocks: {}; by ping-pong they differ by at most {} ns, give or take {} ns",
                     one_clock ? "all ranks read the same one" : "put on rank 0's by that estimate",
                     offset.count(), uncertainty.count());
}

}  // namespace ppsim
