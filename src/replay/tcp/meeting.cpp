#include "replay/tcp/meeting.hpp"

#include <fmt/format.h>

#include <cstring>

namespace ppsim {
namespace {

bool anybody_here(const Control& control) {
  for (std::uint32_t rank = 0; rank < control.size(); ++rank) {
    if (control.is_here(Rank{rank})) return true;
  }
  return false;
}

}  // namespace

void end_all(Control& control) {
  constexpr Time kMoment{500'000'000};
  control.tell_all(Word::Over);
  for (const Time end = clock_now() + kMoment; anybody_here(control) && clock_now() < end;) {
    nap_before_look();
    control.look();
  }
}

bool hand_to_lowest(Control& control, std::string_view line, Time limit) {
  constexpr std::size_t kMostLine = 2048;
  control.look();
  for (std::uint32_t rank = 0; Rank{rank} < control.own(); ++rank) {
    control.tell(Rank{rank}, Word::Fault, line.substr(0, kMostLine));
    for (const Time end = clock_now() + limit; control.is_here(Rank{rank}) && clock_now() < end;) {
      if (control.is_over()) return true;
      nap_before_look();
      control.look();
    }
  }
  return control.is_over();
}

void fail_meeting(Control& control, const std::string& line) {
  // Rank 0 waits for more ranks, for half of it, before it ends those that have come.
  constexpr Time kLimit{4'000'000'000};
  if (hand_to_lowest(control, line, kLimit)) throw JointError(line);
  end_all(control);
  throw ReplayError(line);
}

std::string stop_line(const JobOptions& options, Rank rank) {
  const int signal = options.signal == nullptr ? 0 : *options.signal;
  if (signal == 0) return {};
  return fmt::format("rank {}: ended by signal {} ({}) before all ranks had started", index(rank), signal,
                     strsignal(signal));
}

std::string seconds(Time time) {
  return fmt::format("{} s", std::chrono::duration<double>(time).count());
}

}  // namespace ppsim
