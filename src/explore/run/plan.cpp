#include "explore/run/plan.hpp"

#include <fmt/format.h>

#include "ppsim/schedule/check/check.hpp"
#include "ppsim/schedule/lowering.hpp"
#include "ppsim/schedule/registry.hpp"
#include "ppsim/schedule/text/text.hpp"
#include "text/files.hpp"

namespace ppsim {
namespace {

Workload make_workload_of(const CostsInput& costs, const Config& config, const RunShape& shape,
                          std::optional<CostGranularity> given) {
  Workload workload = make_workload(costs, shape, given.value_or(CostGranularity{shape.stages, shape.slices}),
                                    config.parallelism);
  const Stragglers& stragglers = config.simulation.noise.stragglers;
  if (costs.cluster)
    add_stragglers(workload, stragglers, *costs.cluster, config.parallelism);
  else
    add_stragglers(workload, stragglers, shape.ranks);
  return workload;
}

Workload make_workload_of(const ModelInput& input, const Config& config, const RunShape& shape) {
  Workload workload = make_workload(input, config.parallelism, shape);
  workload.pair = config.simulation.pair;
  add_stragglers(workload, config.simulation.noise.stragglers, input.cluster, config.parallelism);
  return workload;
}

Workload make_workload_of(const Config& config, const RunShape& shape, std::optional<CostGranularity> given) {
  const auto* costs = std::get_if<CostsInput>(&config.input);
  Workload workload = costs != nullptr ? make_workload_of(*costs, config, shape, given)
                                       : make_workload_of(std::get<ModelInput>(config.input), config, shape);
  if (config.simulation.noise.jitter.any())
    workload.assumptions.emplace_back("Jitter is not in these figures: --runs draws it.");
  return workload;
}

std::uint32_t fixed_chunks(const Config& config, const ScheduleInfo& info, std::uint32_t chunks) {
  if (config.virtual_stages && *config.virtual_stages != chunks) {
    throw Error("/parallelism/virtual_stages",
                fmt::format("{} runs {} stage{} a rank, expected {} or no such key", info.name, chunks,
                            chunks == 1 ? "" : "s", chunks));
  }
  return chunks;
}

std::uint32_t chunks_of(const Config& config, const ScheduleInfo& info, const OptionValues& options) {
  switch (info.chunk_rule) {
    case ChunkRule::One:
      return fixed_chunks(config, info, 1);
    case ChunkRule::Two:
      return fixed_chunks(config, info, 2);
    case ChunkRule::Own:
      return fixed_chunks(config, info, info.chunks(options));
    case ChunkRule::Any:
      return config.parallelism.virtual_stages;
  }
  throw std::logic_error("no such chunk rule");
}

// An option that counts; absent where the schedule does not declare it.
std::optional<std::uint32_t> count_of(const OptionValues& options, std::string_view name) {
  const auto found = options.find(name);
  if (found == options.end()) return std::nullopt;
  return static_cast<std::uint32_t>(std::get<std::int64_t>(found->second));
}

RunShape run_shape(const ScheduleInfo& info, const OptionValues& options, std::uint32_t ranks,
                   std::uint32_t chunks) {
  return {.ranks = ranks,
          .stages = ranks * chunks,
          .decode_steps = count_of(options, "decode_steps"),
          .slices = count_of(options, "slices").value_or(1),
          .steps = count_of(options, "steps").value_or(1),
          .weight_versions = info.weight_versions,
          .recompute_ahead = count_of(options, "recompute_ahead").value_or(0) != 0};
}

// The config's own limits, again for a V that it does not name.
void check_size(const Config& config, std::uint64_t stages) {
  if (stages > kMaxStages) {
    throw Error("/parallelism", fmt::format("{} stages, expected at most {}", stages, kMaxStages));
  }
  if (const auto most = kMaxStageMicroBatches; stages * config.parallelism.micro_batches > most) {
    throw Error("/parallelism", fmt::format("{} stages x {} micro-batches, expected at most {} in all",
                                            stages, config.parallelism.micro_batches, most));
  }
}

Plan generated_plan(const Config& config, std::optional<CostGranularity> given) {
  const ScheduleInfo& info = find_schedule(config.schedule.name);
  const OptionValues options = complete_options(info, config.schedule.options);
  const std::uint32_t ranks = config.parallelism.pipeline;
  const std::uint32_t chunks = chunks_of(config, info, options);
  check_size(config, std::uint64_t{ranks} * chunks);
  Plan plan{make_workload_of(config, run_shape(info, options, ranks, chunks), given), {}, {}};
  plan.schedule = make_schedule(
      info, ScheduleRequest{{ranks, config.parallelism.micro_batches, chunks}, options, &plan.workload});
  return plan;
}

Plan read_plan(const Config& config) {
  const std::string& file = *config.schedule.file;
  ParsedSchedule parsed = parse_csv(read_file(file), file);
  fit_to_config(config, parsed.schedule);
  if (const auto faults = check_programs(parsed.schedule); !faults.empty()) {
    throw Error(fmt::format("{}, {}", file, faults.front().where), faults.front().what);
  }
  Workload workload = located(config, [&] { return workload_for(config, parsed.schedule); });
  return {std::move(workload), std::move(parsed.schedule), std::move(parsed.notes)};
}

}  // namespace

CostGranularity own_granularity(const Config& config) {
  return located(config, [&] {
    if (config.schedule.file) throw Error("/schedule/file", "a schedule file has its own stages");
    const ScheduleInfo& info = find_schedule(config.schedule.name);
    const OptionValues options = complete_options(info, config.schedule.options);
    const std::uint32_t ranks = config.parallelism.pipeline;
    const RunShape shape = run_shape(info, options, ranks, chunks_of(config, info, options));
    return CostGranularity{shape.stages, shape.slices};
  });
}

void fit_to_config(const Config& config, Schedule& schedule) {
  const std::string& file = *config.schedule.file;
  const Parallelism& parallelism = config.parallelism;
  const auto expect = [&](std::string_view what, std::uint64_t has, std::uint64_t expected) {
    if (has == expected) return;
    throw Error(file, fmt::format("{}: {}, expected {} as in {}", what, has, expected,
                                  locate(config, "/parallelism")));
  };
  expect("ranks (rows)", schedule.ranks(), parallelism.pipeline);
  if (schedule.forward_only && !config.schedule.options.empty()) {
    throw Error(fmt::format("/schedule/{}", config.schedule.options.begin()->first),
                fmt::format("has no meaning for {}, which runs forward only; leave it out", file));
  }
  schedule.slices = count_of(config.schedule.options, "slices").value_or(1);
  schedule.steps = count_of(config.schedule.options, "steps").value_or(1);
  const std::uint64_t units = std::uint64_t{schedule.slices} * schedule.steps;
  if (schedule.forward_only && schedule.micro_batches % parallelism.micro_batches == 0) {
    schedule.requests = parallelism.micro_batches;
  } else {
    expect(units == 1 ? "micro-batches" : "micro-batches, slices and steps counted", schedule.micro_batches,
           parallelism.micro_batches * units);
  }
  if (config.virtual_stages) {
    expect("stages", schedule.stages(), std::uint64_t{parallelism.pipeline} * *config.virtual_stages);
  }
}

std::vector<Fault> check_programs(const Schedule& schedule) {
  std::vector<Fault> faults = check_order(schedule);
  for (Fault& fault : check_communication(schedule)) faults.push_back(std::move(fault));
  return faults;
}

RunShape shape_of(const Schedule& schedule) {
  RunShape shape{.ranks = schedule.ranks(),
                 .stages = schedule.stages(),
                 .slices = schedule.slices,
                 .steps = schedule.steps,
                 .recompute_ahead = schedule.recompute_ahead};
  if (schedule.forward_only) shape.decode_steps = schedule.micro_batches / schedule.requests - 1;
  return shape;
}

Workload workload_for(const Config& config, const Schedule& schedule) {
  return make_workload_of(config, shape_of(schedule), std::nullopt);
}

Plan make_plan(const Config& config, std::optional<CostGranularity> given) {
  if (config.schedule.file) return read_plan(config);
  return located(config, [&] { return generated_plan(config, given); });
}

}  // namespace ppsim
