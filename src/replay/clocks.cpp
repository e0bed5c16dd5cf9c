#include "replay/clocks.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>

#include "core/int128.hpp"

namespace ppsim {
namespace {

// The best of them counts, and with more ranks than cores many are late.
constexpr int kPings = 20;

Ping ping(Group& group, Rank rank) {
  Ping result{.sent = clock_now()};
  group.send(rank, {});
  std::int64_t seen = 0;
  group.receive(rank, std::as_writable_bytes(std::span(&seen, 1)));
  result.back = clock_now();
  result.seen = Time(seen);
  return result;
}

void answer_ping(Group& group) {
  group.receive(Rank{0}, {});
  const std::int64_t seen = clock_now().count();
  group.send(Rank{0}, std::as_bytes(std::span(&seen, 1)));
}

// A boot of a kernel has one CLOCK_MONOTONIC for each time namespace.
std::string clock_name() {
  std::error_code failure;
  const auto space = std::filesystem::read_symlink("/proc/self/ns/time", failure);
  const std::string machine = machine_name();
  return machine.empty() ? machine : machine + " " + space.string();
}

}  // namespace

std::string machine_name() {
  std::string boot;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> boot;
  return boot;
}

ClockOffset estimate_offset(std::span<const Ping> pings) {
  const auto way = [](const Ping& ping) { return ping.back - ping.sent; };
  const Ping best = *std::min_element(pings.begin(), pings.end(),
                                      [&](const Ping& a, const Ping& b) { return way(a) < way(b); });
  return {best.seen, best.seen - (best.sent + way(best) / 2), (way(best) + Time(1)) / 2};
}

Time RankClock::on_first(Time moment) const {
  if (is_first_ones) return moment;
  const Time span = end.at - begin.at;
  if (span <= Time{}) return moment - begin.offset;
  const Int128 drift = Int128{(end.offset - begin.offset).count()} * (moment - begin.at).count();
  return moment - begin.offset - Time(static_cast<Time::rep>(drift / span.count()));
}

std::vector<ClockOffset> estimate_offsets(Group& group) {
  if (!group.is_first()) {
    for (int i = 0; i < kPings; ++i) answer_ping(group);
    return {};
  }
  std::vector<ClockOffset> offsets = {{clock_now(), Time{}, Time{}}};
  for (std::uint32_t rank = 1; rank < group.transport().size(); ++rank) {
    std::array<Ping, kPings> pings;
    for (Ping& one : pings) one = ping(group, Rank{rank});
    offsets.push_back(estimate_offset(pings));
  }
  return offsets;
}

std::vector<bool> find_same_clocks(Group& group) {
  std::vector<bool> same;
  const std::vector<Blob> names = group.gather(bytes_of(clock_name()));
  for (const Blob& name : names) same.push_back(!name.empty() && name == names.front());
  return same;
}

}  // namespace ppsim
