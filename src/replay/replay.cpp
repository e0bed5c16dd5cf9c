#include "replay/replay.hpp"

#include <fmt/format.h>

#include <sys/prctl.h>

#include <algorithm>
#include <memory>

#include "core/int128.hpp"
#include "replay/gather_steps.hpp"
#include "replay/requirements.hpp"
#include "replay/step_clocks.hpp"
#include "replay/timed_step.hpp"
#include "replay/virtual_step.hpp"

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
        step_group_(group.transport(), patience_),
        clocks_(group) {
    if (options.mode != ReplayMode::Virtual) buffers_ = std::make_unique<MessageBuffers>(program_);
    if (options.mode == ReplayMode::Compute) work_ = std::make_unique<MatrixWork>(group);
  }

  ReplayResult run() {
    sleep_exactly();
    is_timed() ? clocks_.begin() : clocks_.take_one();
    std::vector<StepTimes> steps;
    for (std::uint32_t step = 0; step < options_.warmup + options_.steps; ++step) {
      options_.on_step(step);
      step_group_.barrier();
      StepTimes times = run_step();
      if (step >= options_.warmup) steps.push_back(std::move(times));
    }
    step_group_.barrier();
    if (is_timed()) clocks_.end();
    return {gather_steps(graph_, group_, steps, clocks_.all()), notes()};
  }

 private:
  [[nodiscard]] bool is_timed() const { return options_.mode != ReplayMode::Virtual; }

  StepTimes run_step() {
    Transport& transport = group_.transport();
    if (!is_timed()) return VirtualStep(program_, transport, patience_).run();
    return TimedStep(program_, transport, patience_, *buffers_, work_.get()).run();
  }

  [[nodiscard]] std::vector<std::string> notes() const {
    if (!group_.is_first()) return {};
    if (!is_timed()) return {"replayed with virtual clocks: no op and no message took real time"};
    return {steps_note(), clocks_.note()};
  }

  [[nodiscard]] std::string steps_note() const {
    const bool waits = options_.mode == ReplayMode::Wait;
    return fmt::format(
        "measured: {} behind {} to warm up; an op is {}, a transfer a message of its size on the "
        "network of this run",
        counted(options_.steps, "step"), counted(options_.warmup, "step"),
        waits ? "a wait" : "a matrix product of about its duration");
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
  StepClocks clocks_;
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
