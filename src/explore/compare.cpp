#include "ppsim/explore/compare.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "ppsim/explore/run.hpp"
#include "ppsim/schedule/registry.hpp"

namespace ppsim {
namespace {

constexpr std::array kParallelismKeys = {"micro_batches", "micro_batch_size", "virtual_stages", "recompute"};

constexpr std::string_view kWhere = "--schedules";

bool is_parallelism_key(std::string_view key) {
  return std::find(kParallelismKeys.begin(), kParallelismKeys.end(), key) != kParallelismKeys.end();
}

Override parse_setting(std::string_view setting, const ScheduleInfo& info) {
  const std::size_t equals = setting.find('=');
  const std::string key(setting.substr(0, equals));
  const bool option = std::any_of(info.options.begin(), info.options.end(),
                                  [&](const OptionSpec& spec) { return spec.name == key; });
  if (equals == std::string_view::npos || (!option && !is_parallelism_key(key))) {
    std::vector<std::string> known(kParallelismKeys.begin(), kParallelismKeys.end());
    for (const OptionSpec& spec : info.options) known.push_back(spec.name);
    throw Error(std::string(kWhere), fmt::format("\"{}\" after {}: expected KEY=VALUE, KEY one of {}",
                                                 setting, info.name, fmt::join(known, ", ")));
  }
  return {fmt::format("/{}/{}", option ? "schedule" : "parallelism", key),
          std::string(setting.substr(equals + 1)), std::string(kWhere)};
}

// V of a looped schedule: as given, or 2 where the layers allow, since with 1 it would not interleave.
void choose_chunks(Config& config, const ScheduleInfo& info) {
  if (info.chunk_rule != ChunkRule::Any) {
    config.virtual_stages.reset();
    return;
  }
  if (config.parallelism.virtual_stages > 1) return;
  const auto* model = std::get_if<ModelInput>(&config.input);
  const bool allowed = model == nullptr || layer_count(model->model) >= 2 * config.parallelism.pipeline;
  if (allowed) config.parallelism.virtual_stages = 2;
}

// Costs carry over to another number of stages only where they are single values.
void check_stages(const Config& config, std::uint32_t given_stages) {
  const auto* costs = std::get_if<CostsInput>(&config.input);
  if (costs == nullptr || costs->uniform()) return;
  const std::uint32_t stages = config.parallelism.pipeline * chunks_of(config);
  if (stages == given_stages) return;
  throw Error("", fmt::format("runs {} stages, and the costs are arrays for {}", stages, given_stages));
}

// What the config itself runs: what its costs were given for, and what its comparison is about.
struct Base {
  std::string schedule;
  std::uint32_t stages = 0;
  bool forward_only = false;
};

Base make_base(const Config& config) {
  const Schedule schedule = make_plan(config).schedule;
  return {config.schedule.name, schedule.stages(), schedule.forward_only};
}

Report run_case(Config config, const Base& base) {
  const ScheduleInfo& info = find_schedule(config.schedule.name);
  if (info.forward_only != base.forward_only) {
    throw Error(
        "", info.forward_only ? "runs forward only, the config trains" : "trains, the config is inference");
  }
  choose_chunks(config, info);
  check_stages(config, base.stages);
  PhaseSeconds unused;
  return run(config, make_plan(config, base.stages), unused).report;
}

std::vector<Override> case_overrides(const std::vector<Override>& overrides, const ComparisonCase& one,
                                     const Base& base) {
  std::vector<Override> all = overrides;
  if (one.schedule != base.schedule) all.push_back(choose_schedule(one.schedule, std::string(kWhere)));
  all.insert(all.end(), one.overrides.begin(), one.overrides.end());
  return all;
}

}  // namespace

Override choose_schedule(std::string_view name, std::string origin) {
  return {"/schedule", fmt::format(R"({{"name": "{}"}})", name), std::move(origin)};
}

ComparisonCase parse_case(std::string_view text) {
  const std::size_t colon = text.find(':');
  const ScheduleInfo& info = find_schedule(text.substr(0, colon), kWhere);
  ComparisonCase result{std::string(text), info.name, {}};
  while (text.find(':') != std::string_view::npos) {
    text.remove_prefix(text.find(':') + 1);
    result.overrides.push_back(parse_setting(text.substr(0, text.find(':')), info));
  }
  return result;
}

std::vector<ComparisonRow> compare(const std::string& path, const std::vector<Override>& overrides,
                                   const std::vector<ComparisonCase>& cases) {
  const Base base = make_base(load_config(path, overrides));
  std::vector<ComparisonRow> rows;
  for (const ComparisonCase& one : cases) {
    const Config config = load_config(path, case_overrides(overrides, one, base));
    try {
      rows.push_back({one.label, run_case(config, base), {}});
    } catch (const Error& error) {
      rows.push_back({one.label, std::nullopt, error.fault().what});
    }
  }
  return rows;
}

}  // namespace ppsim
