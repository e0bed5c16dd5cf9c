#include "plan.hpp"

#include <fmt/format.h>

#include "ppsim/io/files.hpp"
#include "ppsim/schedule/check.hpp"
#include "ppsim/schedule/registry.hpp"
#include "ppsim/schedule/text.hpp"

namespace ppsim {
namespace {

Workload make_workload_of(const Config& config, const RunShape& shape,
                          std::optional<std::uint32_t> given_stages) {
  if (const auto* costs = std::get_if<CostsInput>(&config.input)) {
    return make_workload(*costs, shape, given_stages.value_or(shape.stages));
  }
  return make_workload(std::get<ModelInput>(config.input), config.parallelism, shape);
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

std::optional<std::uint32_t> decode_steps_of(const ScheduleInfo& info, const OptionValues& options) {
  if (!info.forward_only) return std::nullopt;
  return static_cast<std::uint32_t>(std::get<std::int64_t>(options.at("decode_steps")));
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

Plan generated_plan(const Config& config, std::optional<std::uint32_t> given_stages) {
  const ScheduleInfo& info = find_schedule(config.schedule.name);
  const OptionValues options = complete_options(info, config.schedule.options);
  const std::uint32_t ranks = config.parallelism.pipeline;
  const std::uint32_t chunks = chunks_of(config, info, options);
  check_size(config, std::uint64_t{ranks} * chunks);
  const RunShape run{ranks, ranks * chunks, decode_steps_of(info, options)};
  Plan plan{make_workload_of(config, run, given_stages), {}, {}};
  plan.schedule = make_schedule(
      info, ScheduleRequest{{ranks, config.parallelism.micro_batches, chunks}, options, &plan.workload});
  return plan;
}

Plan read_plan(const Config& config) {
  const std::string& file = *config.schedule.file;
  ParsedSchedule parsed = parse_csv(read_file(file), file);
  fit_to_config(config, parsed.schedule);
  if (const auto faults = check_order(parsed.schedule); !faults.empty()) {
    throw Error(fmt::format("{}, {}", file, faults.front().where), faults.front().what);
  }
  Workload workload = located(config, [&] { return workload_for(config, parsed.schedule); });
  return {std::move(workload), std::move(parsed.schedule), std::move(parsed.note)};
}

}  // namespace

std::uint32_t chunks_of(const Config& config) {
  return located(config, [&] {
    if (config.schedule.file) throw Error("/schedule/file", "a schedule file has its own stages");
    const ScheduleInfo& info = find_schedule(config.schedule.name);
    return chunks_of(config, info, complete_options(info, config.schedule.options));
  });
}

void fit_to_config(const Config& config, Schedule& schedule) {
  const std::string& file = *config.schedule.file;
  const Parallelism& parallelism = config.parallelism;
  const auto expect = [&](std::string_view what, std::uint64_t has, std::uint64_t expected) {
    if (has == expected) return;
    throw Error(file, fmt::format("{} {}, expected {} as in {}", has, what, expected,
                                  locate(config, "/parallelism")));
  };
  expect("ranks (rows)", schedule.ranks(), parallelism.pipeline);
  if (schedule.forward_only && schedule.micro_batches % parallelism.micro_batches == 0) {
    schedule.requests = parallelism.micro_batches;
  } else {
    expect("micro-batches", schedule.micro_batches, parallelism.micro_batches);
  }
  if (config.virtual_stages) {
    expect("stages", schedule.stages(), std::uint64_t{parallelism.pipeline} * *config.virtual_stages);
  }
}

Workload workload_for(const Config& config, const Schedule& schedule) {
  RunShape shape{schedule.ranks(), schedule.stages(), {}};
  if (schedule.forward_only) shape.decode_steps = schedule.micro_batches / schedule.requests - 1;
  return make_workload_of(config, shape, std::nullopt);
}

Plan make_plan(const Config& config, std::optional<std::uint32_t> given_stages) {
  if (config.schedule.file) return read_plan(config);
  return located(config, [&] { return generated_plan(config, given_stages); });
}

}  // namespace ppsim
