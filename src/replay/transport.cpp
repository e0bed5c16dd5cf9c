#include "ppsim/replay/transport.hpp"

#include <sched.h>
#include <time.h>

#include <algorithm>

namespace ppsim {
namespace {

// A message that is on its way comes within some turns of the other processes; after that a nap costs the
// others less. Both were tried with 8 and 32 ranks on 2 cores.
constexpr unsigned kYields = 32;
constexpr Time kNap{20'000};

void pause(unsigned turn, Time left) {
  if (turn < kYields) {
    sched_yield();
    return;
  }
  const timespec nap{0, static_cast<long>(std::min(kNap, left).count())};
  nanosleep(&nap, nullptr);  // ended early by a signal, it only means one poll more
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
