#include "replay/mpi/init_watch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <string>

#include "replay/environment.hpp"

namespace ppsim {
namespace {

// The lowest rank that did start speaks first, and the launcher ends the others before they do: mpirun takes
// a second or two.
constexpr Time kTimeOfATurn{2'500'000'000};
constexpr std::uint32_t kMostNaps = 4;
constexpr std::chrono::milliseconds kLook{50};

}  // namespace

InitWatch::InitWatch(const JobOptions& options) : options_(options), thread_([this] { watch(); }) {}

InitWatch::~InitWatch() {
  {
    const std::scoped_lock lock(mutex_);
    has_started_ = true;
  }
  started_.notify_one();
  thread_.join();
}

void InitWatch::watch() {
  const auto rank = static_cast<std::uint32_t>(read_launched_rank().value_or(Rank{0}));
  const Time turn = std::min(rank, kMostNaps) * kTimeOfATurn;
  Time end = clock_now() + options_.patience + turn;
  std::string why = fmt::format("not all ranks have started within {} s",
                                std::chrono::duration<double>(options_.patience).count());
  int signal = 0;
  std::unique_lock lock(mutex_);
  while (!started_.wait_for(lock, kLook, [this] { return has_started_; })) {
    if (signal == 0 && *options_.signal != 0) {
      signal = *options_.signal;
      why = fmt::format("ended by signal {} ({}) before all ranks had started", signal, strsignal(signal));
      end = clock_now() + turn;
    }
    if (clock_now() >= end) options_.give_up(fmt::format("rank {}: {}", rank, why));
  }
}

}  // namespace ppsim
