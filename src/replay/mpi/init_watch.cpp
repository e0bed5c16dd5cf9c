#include "init_watch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>

namespace ppsim {
namespace {

// What launchers tell a process of its rank, before MPI does.
std::optional<std::uint32_t> launched_rank() {
  for (const char* name : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"}) {
    if (const char* text = std::getenv(name))
      return static_cast<std::uint32_t>(std::strtoul(text, nullptr, 10));
  }
  return std::nullopt;
}

// The lowest rank that did start speaks first, and the launcher ends the others before they do: mpirun takes
// a second or two.
constexpr Time kTurn{2'500'000'000};
constexpr std::uint32_t kMostTurns = 4;
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
  const std::uint32_t rank = launched_rank().value_or(0);
  const Time turn = std::min(rank, kMostTurns) * kTurn;
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
