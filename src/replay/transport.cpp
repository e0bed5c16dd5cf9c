#include "replay/transport.hpp"

#include <time.h>

#include <algorithm>

namespace ppsim {
namespace {

// A message that is on its way may be there at the next look; after some a nap leaves the core to others.
// Never sched_yield: where another program computes, Linux gives that one a whole turn of some milliseconds,
// but wakes who naps at once (8 ranks on 2 busy cores: 40 times as fast).
constexpr unsigned kLooks = 8;
constexpr Time kNap{20'000};

void pause(unsigned turn, Time left) {
  if (turn < kLooks) return;
  const timespec nap{0, static_cast<long>(std::min(kNap, left).count())};
  nanosleep(&nap, nullptr);  // ended early by a signal, it only means one look more
}

}  // namespace

Time clock_now() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return Time(std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec);
}

std::optional<Ticket> Transport::wait(Time until) {
  for (unsigned turn = 0;; ++turn) {
    if (const auto done = poll()) return done;
    const Time now = clock_now();
    if (now >= until) return std::nullopt;
    pause(turn, until - now);
  }
}

}  // namespace ppsim
