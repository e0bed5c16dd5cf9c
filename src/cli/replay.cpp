#include <fmt/format.h>

#include <unistd.h>

#include <optional>

#include "cli/command.hpp"
#include "cli/job.hpp"
#include "cli/run_output.hpp"
#include "explore/bench/replayed.hpp"
#include "explore/run/measured.hpp"
#include "ppsim/output/trace/timeline_csv.hpp"
#include "replay/environment.hpp"
#include "text/files.hpp"

namespace ppsim::cli {
namespace {

// Enough to see how steps spread, and soon done.
constexpr std::uint32_t kSteps = 5, kWarmup = 1;
// As many timelines are kept.
constexpr std::uint32_t kMostSteps = 10'000;

const std::map<std::string, ReplayMode> kModes = {
    {"virtual", ReplayMode::Virtual}, {"wait", ReplayMode::Wait}, {"compute", ReplayMode::Compute}};

const std::map<std::string, GpuCompute> kComputes = {{"spin", GpuCompute::Spin}, {"gemm", GpuCompute::Gemm}};

const std::map<std::string, Communicators> kCommunicators = {{"pair", Communicators::Pair},
                                                             {"world", Communicators::World}};

struct ReplayArguments {
  ConfigArguments config;
  JobArguments job;
  std::string timeline;
  std::optional<std::string> mode, compute, communicators;  // not given: by the backend
  std::optional<std::uint32_t> steps, warmup;               // not given: by the mode
  RunOutputs outputs;

  [[nodiscard]] bool on_gpus() const { return job.backend == "cuda-nccl"; }

  [[nodiscard]] ReplayOptions options() const {
    const ReplayMode chosen = on_gpus() ? ReplayMode::Compute : kModes.at(mode.value_or("virtual"));
    const bool timed = chosen != ReplayMode::Virtual;  // else all steps are the same
    return {chosen, steps.value_or(timed ? kSteps : 1), warmup.value_or(timed ? kWarmup : 0)};
  }
};

// No option is read for nothing.
void check_options(const ReplayArguments& arguments) {
  const auto refuse = [&](const std::optional<std::string>& value, std::string_view option) {
    if (value) throw Error(std::string(option), "has no meaning for the backend " + arguments.job.backend);
  };
  if (arguments.on_gpus()) return refuse(arguments.mode, "--mode");
  refuse(arguments.compute, "--compute");
  refuse(arguments.communicators, "--communicators");
}

struct Loaded {
  Config config;
  ReplayPlan plan;
  std::optional<GpuReplayOptions> gpu;
};

GpuReplayOptions gpu_options(const ReplayArguments& arguments, const Config& config, const ReplayPlan& plan) {
  GpuReplayOptions options = make_gpu_options(config, plan, kComputes.at(arguments.compute.value_or("spin")));
  if (arguments.communicators) {
    if (config.simulation.communication == Communication::Program)
      throw Error("--communicators",
                  "has no meaning where sends are part of the program: simulation.streams says it");
    options.communicators = kCommunicators.at(*arguments.communicators);
  }
  const ReplayOptions steps = arguments.options();
  options.steps = steps.steps;
  options.warmup = steps.warmup;
  options.local_rank = read_local_rank();
  return options;
}

Loaded load_run(const ReplayArguments& arguments, bool first) {
  Config config = arguments.config.load();
  if (first) {
    check_outputs({arguments.outputs.first_trace(), arguments.timeline, arguments.outputs.svg},
                  {config.path, config.schedule.file.value_or("")});
  }
  ReplayPlan plan = make_replay_plan(config, arguments.options().mode);
  Loaded loaded{std::move(config), std::move(plan), {}};
  if (arguments.on_gpus()) loaded.gpu = gpu_options(arguments, loaded.config, loaded.plan);
  return loaded;
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
GpuReplayResult replay_and_show(const Loaded& loaded, Group& group, ReplayOptions options) {
  const bool shows = group.is_first() && isatty(STDERR_FILENO) != 0;
  if (shows) {
    options.on_step = [steps = options](std::uint32_t step) { show_progress(progress_text(step, steps)); };
  }
  GpuReplayResult result;
  if (loaded.gpu) {
    GpuReplayOptions gpu = *loaded.gpu;
    gpu.on_step = options.on_step;
    result = replay_on_gpus(loaded.plan.graph, group, gpu);
  } else {
    result.replay = replay(loaded.plan.graph, group, options);
  }
  if (shows) show_progress("");
  return result;
}

int write_replay(const ReplayArguments& arguments, Loaded loaded, GpuReplayResult result) {
  const JobFault fault = fault_of([&] {
    std::string csv;
    if (!arguments.timeline.empty()) csv = timeline_csv(loaded.plan.graph, result.replay.steps);
    MeasuredRun measured = measure_steps(std::move(loaded.plan.plan), std::move(loaded.plan.graph),
                                         std::move(result.replay.steps), result.replay.notes);
    add_gpu_memory(measured, result.memory);
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
int replay_rank(const ReplayArguments& arguments, Group& group) {
  std::optional<Loaded> loaded;
  const JobFault own = fault_of([&] { loaded = load_run(arguments, group.is_first()); });
  if (const int code = agree_on_fault(group, own); code != 0) return code;
  if (group.is_first()) {
    for (const std::string& line : loaded->plan.plan.notes) note(line);
  }
  GpuReplayResult result = replay_and_show(*loaded, group, arguments.options());
  return group.is_first() ? write_replay(arguments, std::move(*loaded), std::move(result)) : 0;
}

int replay_command(const ReplayArguments& arguments) {
  check_options(arguments);
  return run_in_job(arguments.job, [&](Group& group) { return replay_rank(arguments, group); });
}

}  // namespace

Command add_replay(CLI::App& parent) {
  CLI::App* app = parent.add_subcommand(
      "replay", "Run one schedule for real, a process a rank (mpirun -n P ppsim replay ...)");
  const auto arguments = std::make_shared<ReplayArguments>();
  arguments->config.declare(*app);
  arguments->job.declare(*app);
  app->add_option(
         "--mode", arguments->mode,
         "On CPUs: virtual (default): messages carry clocks, nobody waits; wait: ops are waits, messages "
         "have their real size; compute: ops are matrix products")
      ->check(CLI::IsMember({"virtual", "wait", "compute"}))
      ->type_name("NAME");
  app->add_option("--compute", arguments->compute,
                  "On GPUs: spin (default): an op is a kernel of its duration, on one thread; gemm: what its "
                  "stage consists of")
      ->check(CLI::IsMember({"spin", "gemm"}))
      ->type_name("KIND");
  app->add_option("--communicators", arguments->communicators,
                  "On GPUs: pair (default): one for each ordered pair of ranks; world: one for all")
      ->check(CLI::IsMember({"pair", "world"}))
      ->type_name("KIND");
  app->add_option("--steps", arguments->steps,
                  fmt::format("Steps to measure; default {}, in mode virtual 1", kSteps))
      ->check(CLI::Range(1U, kMostSteps))
      ->type_name("N");
  app->add_option("--warmup", arguments->warmup,
                  fmt::format("Steps before them; default {}, in mode virtual 0", kWarmup))
      ->check(CLI::Range(0U, kMostSteps))
      ->type_name("K");
  app->add_option("-o,--output", arguments->timeline, "Write the timeline as CSV (.csv or .csv.gz)")
      ->check(not_empty())
      ->type_name("FILE");
  arguments->outputs.declare(*app);
  return {app, [arguments] { return replay_command(*arguments); }};
}

}  // namespace ppsim::cli
