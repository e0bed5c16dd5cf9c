#include "init_watch.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <optional>

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

// The lowest rank that did start speaks first, and ends the others before they do.
constexpr Time kTurn{300'000'000};
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
  const Time end = clock_now() + options_.patience + rank * kTurn;
  std::unique_lock lock(mutex_);
  while (!started_.wait_for(lock, kLook, [this] { return has_started_; })) {
    const int signal = *options_.signal;
    if (signal != 0)
      options_.give_up(
          fmt::format("rank {}: ended by {} before all ranks had started", rank, strsignal(signal)));
    if (clock_now() < end) continue;
    options_.give_up(fmt::format("rank {}: not all ranks have started within {} s", rank,
                                 std::chrono::duration<double>(options_.patience).count()));
  }
}

}  // namespace ppsim
