#include "ppsim/replay/replay.hpp"

#include <fmt/format.h>
#include <sys/prctl.h>

#include <algorithm>
#include <memory>

#include "gather_steps.hpp"
#include "ppsim/core/int128.hpp"
#include "requirements.hpp"
#include "timed_step.hpp"
#include "virtual_step.hpp"

namespace ppsim {
namespace {

// Linux lets a nap last 50 us longer than asked, to wake several sleepers at once: as long as a hop.
void sleep_exactly() {
  constexpr unsigned long kSlackNs = 1;
  prctl(PR_SET_TIMERSLACK, kSlackNs, 0, 0, 0);
}

// One rank's part in it.
class RankReplay {
 public:
  RankReplay(const OpGraph& graph, Group& group, const ReplayOptions& options)
      : graph_(graph),
        group_(group),
        options_(options),
        patience_(patience_for(graph, options.mode, group.patience())),
        program_(make_rank_program(graph, group.transport().rank())),
        step_group_(group.transport(), patience_) {
    if (options.mode != ReplayMode::Virtual) buffers_ = std::make_unique<MessageBuffers>(program_);
    if (options.mode == ReplayMode::Compute) work_ = std::make_unique<MatrixWork>(group);
  }

  ReplayResult run() {
    sleep_exactly();
    measure_clocks(&RankClock::begin);
    std::vector<StepTimes> steps;
    for (std::uint32_t step = 0; step < options_.warmup + options_.steps; ++step) {
      options_.on_step(step);
      step_group_.barrier();
      StepTimes times = run_step();
      if (step >= options_.warmup) steps.push_back(std::move(times));
    }
    step_group_.barrier();
    measure_clocks(&RankClock::end);
    note_same_clocks();
    return {gather_steps(graph_, group_, steps, clocks_), notes()};
  }

 private:
  [[nodiscard]] bool is_timed() const { return options_.mode != ReplayMode::Virtual; }

  StepTimes run_step() {
    Transport& transport = group_.transport();
    if (!is_timed()) return VirtualStep(program_, transport, patience_).run();
    return TimedStep(program_, transport, patience_, *buffers_, work_.get()).run();
  }

  // Before all steps and behind them.
  void measure_clocks(ClockOffset RankClock::*when) {
    clocks_.resize(graph_.rank_count());
    if (!is_timed()) return;
    const std::vector<ClockOffset> offsets = estimate_offsets(group_);
    for (std::size_t rank = 0; rank < offsets.size(); ++rank) clocks_[rank].*when = offsets[rank];
  }

  // Virtual clocks are all one.
  void note_same_clocks() {
    const std::vector<bool> same =
        is_timed() ? find_same_clocks(group_) : std::vector<bool>(clocks_.size(), true);
    for (std::size_t rank = 0; rank < same.size(); ++rank) clocks_[rank].is_first_ones = same[rank];
  }

  [[nodiscard]] std::vector<std::string> notes() const {
    if (!group_.is_first()) return {};
    if (!is_timed()) return {"replayed with virtual clocks: no op and no message took real time"};
    return {steps_note(), clocks_note()};
  }

  [[nodiscard]] std::string steps_note() const {
    const bool waits = options_.mode == ReplayMode::Wait;
    return fmt::format(
        "measured: {} behind {} to warm up; an op is {}, a transfer a message of its size on the "
        "network of this run",
        counted(options_.steps, "step"), counted(options_.warmup, "step"),
        waits ? "a wait" : "a matrix product of about its duration");
  }

  [[nodiscard]] std::string clocks_note() const {
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

  static std::string counted(std::uint32_t count, std::string_view noun) {
    return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
  }

  const OpGraph& graph_;
  Group& group_;
  const ReplayOptions& options_;
  Time patience_;
  RankProgram program_;
  Group step_group_;  // waits for whole steps
  std::unique_ptr<MessageBuffers> buffers_;
  std::unique_ptr<MatrixWork> work_;
  std::vector<RankClock> clocks_;  // [P] on rank 0
};

}  // namespace

Time patience_for(const OpGraph& graph, ReplayMode mode, Time least) {
  if (mode == ReplayMode::Virtual) return least;
  Int128 total = least.count();
  for (const Time duration : graph.durations()) total += duration.count();
  constexpr Int128 kMost = Int128{1} << 60;  // far more than a life, and its triple still a time
  return Time(static_cast<Time::rep>(std::min(total, kMost)));
}

ReplayResult replay(const OpGraph& graph, Group& group, const ReplayOptions& options) {
  check_requirements(graph, group, options);
  return RankReplay(graph, group, options).run();
}

}  // namespace ppsim
