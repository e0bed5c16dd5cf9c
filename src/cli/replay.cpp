#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <csignal>
#include <new>
#include <optional>

#include "command.hpp"
#include "ppsim/core/error.hpp"
#include "ppsim/explore/measured.hpp"
#include "ppsim/explore/replayed.hpp"
#include "ppsim/io/files.hpp"
#include "ppsim/io/quantity.hpp"
#include "ppsim/io/timeline_files.hpp"
#include "ppsim/replay/job.hpp"
#include "run_output.hpp"

namespace ppsim::cli {
namespace {

constexpr int kFailed = 1;
constexpr int kUsage = 2;

// Enough to see how steps spread, and soon done.
constexpr std::uint32_t kSteps = 5, kWarmup = 1;
// As many timelines are kept.
constexpr std::uint32_t kMostSteps = 10'000;

const std::map<std::string, ReplayMode> kModes = {
    {"virtual", ReplayMode::Virtual}, {"wait", ReplayMode::Wait}, {"compute", ReplayMode::Compute}};

struct Arguments {
  ConfigArguments config;
  std::string backend = "host-mpi", mode = "virtual", timeout = "20 s", timeline;
  std::optional<std::uint32_t> steps, warmup;  // not given: by the mode
  RunOutputs outputs;

  [[nodiscard]] ReplayOptions options() const {
    const ReplayMode chosen = kModes.at(mode);
    const bool timed = chosen != ReplayMode::Virtual;  // else all steps are the same
    return {chosen, steps.value_or(timed ? kSteps : 1), warmup.value_or(timed ? kWarmup : 0)};
  }
};

volatile std::sig_atomic_t received_signal = 0;

// The second one ends the process as ever.
void listen_to_signals() {
  struct sigaction action {};
  action.sa_handler = [](int signal) { received_signal = signal; };
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  for (const int signal : {SIGINT, SIGTERM}) sigaction(signal, &action, nullptr);
}

void say(std::string_view line) {
  note(fmt::format("ppsim: {}", line));
}

void check_backend(const Arguments& arguments) {
  if (arguments.backend == "cuda-nccl") throw Error("--backend", "this build has no CUDA backend");
  if (!has_mpi())
    throw Error("--backend",
                "this build has no MPI, which host-mpi needs: install libopenmpi-dev and build anew");
}

struct Loaded {
  Config config;
  ReplayPlan plan;
};

Loaded load(const Arguments& arguments, bool first) {
  Config config = arguments.config.load();
  if (first) {
    check_outputs({arguments.outputs.first_trace(), arguments.timeline, arguments.outputs.svg},
                  {config.path, config.schedule.file.value_or("")});
  }
  ReplayPlan plan = make_replay_plan(config, arguments.options().mode);
  return {std::move(config), std::move(plan)};
}

// What went wrong here, if anything did, and the exit code that means it.
struct Fault {
  std::string line;
  int code = 0;
};

template <class Action>
Fault fault_of(Action&& action) {
  try {
    action();
    return {};
  } catch (const DeadlockError& error) {
    return {error.what(), kFailed};
  } catch (const Error& error) {
    return {error.what(), kUsage};
  } catch (const std::bad_alloc&) {
    return {"not enough memory for a run of this size", kUsage};
  }
}

// For a terminal: one line that is written over.
void show_progress(std::string_view text) {
  (void)std::fputs(fmt::format("\r{:<30}\r", text).c_str(), stderr);
}

std::string progress_text(std::uint32_t step, const ReplayOptions& options) {
  return step < options.warmup ? fmt::format("warm-up {} of {}", step + 1, options.warmup)
                               : fmt::format("step {} of {}", step - options.warmup + 1, options.steps);
}

// Of rank 0 alone, like all that is said.
ReplayResult replay_and_show(const OpGraph& graph, Group& group, ReplayOptions options) {
  const bool shows = group.is_first() && isatty(STDERR_FILENO) != 0;
  if (shows) {
    options.on_step = [steps = options](std::uint32_t step) { show_progress(progress_text(step, steps)); };
  }
  ReplayResult result = replay(graph, group, options);
  if (shows) show_progress("");
  return result;
}

int write_results(const Arguments& arguments, Loaded loaded, ReplayResult result) {
  const Fault fault = fault_of([&] {
    std::string csv;
    if (!arguments.timeline.empty()) csv = timeline_csv(loaded.plan.graph, result.steps);
    const MeasuredRun measured = measure_steps(std::move(loaded.plan.plan), std::move(loaded.plan.graph),
                                               std::move(result.steps), result.notes);
    // mpirun gives rank 0 a terminal of its own, wherever its output goes then.
    constexpr bool kColor = false;
    write_run(arguments.outputs, loaded.config, measured.run, measured.steps ? &*measured.steps : nullptr,
              kColor);
    if (!arguments.timeline.empty()) write_file(arguments.timeline, csv);
  });
  if (fault.code == 0) return 0;
  say(fault.line);
  return kFailed;
}

// One rank's part. What is wrong with the config on any rank all ranks know before they begin.
int replay_rank(const Arguments& arguments, Group& group) {
  std::optional<Loaded> loaded;
  const Fault own = fault_of([&] { loaded = load(arguments, group.is_first()); });
  if (const std::string fault = group.first_fault(own.line); !fault.empty()) {
    if (group.is_first()) say(fault);
    return own.code == 0 ? kUsage : own.code;
  }
  if (group.is_first()) {
    for (const std::string& line : loaded->plan.plan.notes) note(line);
  }
  ReplayResult result = replay_and_show(loaded->plan.graph, group, arguments.options());
  return group.is_first() ? write_results(arguments, std::move(*loaded), std::move(result)) : 0;
}

int replay_command(const Arguments& arguments) {
  check_backend(arguments);
  const Time patience = parse_time(arguments.timeout, "--timeout");
  listen_to_signals();
  const auto job = join_mpi_job({patience, &received_signal, [](const std::string& line) {
                                   say(line);
                                   _exit(kFailed);
                                 }});
  try {
    Group group(job->transport(), patience);
    return replay_rank(arguments, group);
  } catch (const JointError& failure) {
    if (job->transport().rank() == Rank{0}) say(failure.what());
    return kFailed;
  } catch (const std::exception& failure) {
    // The other ranks wait for this one: they end with it.
    job->hand_over(failure.what());
    say(failure.what());
    job->abort();
    return kFailed;
  }
}

}  // namespace

Command add_replay(CLI::App& parent) {
  CLI::App* app = parent.add_subcommand(
      "replay", "Run one schedule for real, a process a rank (mpirun -n P ppsim replay ...)");
  const auto arguments = std::make_shared<Arguments>();
  arguments->config.declare(*app);
  app->add_option("--backend", arguments->backend, "host-mpi (processes on CPUs) or cuda-nccl")
      ->check(CLI::IsMember({"host-mpi", "cuda-nccl"}))
      ->type_name("NAME");
  app->add_option(
         "--mode", arguments->mode,
         "virtual: messages carry clocks, nobody waits; wait: ops are waits, messages have their real "
         "size; compute: ops are matrix products")
      ->check(CLI::IsMember({"virtual", "wait", "compute"}))
      ->type_name("NAME");
  app->add_option("--steps", arguments->steps,
                  fmt::format("Steps to measure; default {}, in mode virtual 1", kSteps))
      ->check(CLI::Range(1U, kMostSteps))
      ->type_name("N");
  app->add_option("--warmup", arguments->warmup,
                  fmt::format("Steps before them; default {}, in mode virtual 0", kWarmup))
      ->check(CLI::Range(0U, kMostSteps))
      ->type_name("K");
  app->add_option("--timeout", arguments->timeout,
                  "Give up where nothing comes for so long, beyond what ops take; default 20 s")
      ->type_name("TIME");
  app->add_option("-o,--output", arguments->timeline, "Write the timeline as CSV (.csv or .csv.gz)")
      ->check(not_empty())
      ->type_name("FILE");
  arguments->outputs.declare(*app);
  return {app, [arguments] { return replay_command(*arguments); }};
}

}  // namespace ppsim::cli
