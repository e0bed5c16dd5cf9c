#include "ppsim/explore/run/compare.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "explore/run/plan.hpp"
#include "ppsim/schedule/registry.hpp"

namespace ppsim {
namespace {

constexpr std::array kParallelismKeys = {"micro_batches", "micro_batch_size", "virtual_stages", "recompute"};

constexpr std::string_view kSchedulesOption = "--schedules";

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
    throw Error(std::string(kSchedulesOption),
                fmt::format("\"{}\" after {}: expected KEY=VALUE, KEY one of {}", setting, info.name,
                            fmt::join(known, ", ")));
  }
  return {fmt::format("/{}/{}", option ? "schedule" : "parallelism", key),
          std::string(setting.substr(equals + 1)), std::string(kSchedulesOption)};
}

bool sets_chunks(const ComparisonCase& one) {
  return std::any_of(one.overrides.begin(), one.overrides.end(),
                     [](const Override& set) { return set.pointer == "/parallelism/virtual_stages"; });
}

// V of a looped schedule: as given, or 2 where the layers allow, since with 1 it would not interleave. What
// the config gives is for looped ones alone.
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

// What the config itself runs: what its costs were given for, and what its comparison is about.
struct Base {
  std::string schedule;
  CostGranularity granularity;
  bool forward_only = false;
};

// Whether the config's own schedule fits its shape is a row's business; that the model fits the cluster,
// everyone's.
Base make_base(const Config& config) {
  if (config.schedule.file) {
    const Schedule schedule = make_plan(config).schedule;
    return {"", schedule.stages(), schedule.forward_only};
  }
  const ScheduleInfo& info = find_schedule(config.schedule.name);
  Config own = config;
  if (info.chunk_rule != ChunkRule::Any) own.virtual_stages.reset();
  if (const auto* model = std::get_if<ModelInput>(&config.input)) {
    Parallelism linear = config.parallelism;
    if (linear.layers_per_stage.size() != linear.pipeline) linear.layers_per_stage.clear();
    located(config, [&] {
      return make_workload(*model, linear, {.ranks = linear.pipeline, .stages = linear.pipeline});
    });
  }
  return {config.schedule.name, own_granularity(own), info.forward_only};
}

// Costs carry over to another number of stages only where they are single values.
void check_stages(const Config& config, std::uint32_t stages, std::uint32_t given_stages) {
  const auto* costs = std::get_if<CostsInput>(&config.input);
  if (costs == nullptr || costs->uniform() || stages == given_stages) return;
  throw Error("", fmt::format("runs {} stages, and the costs are arrays for {}", stages, given_stages));
}

Report run_case(Config config, const ComparisonCase& one, const Base& base) {
  if (one.schedule.empty()) return run(config).report;
  const ScheduleInfo& info = find_schedule(config.schedule.name);
  if (info.forward_only != base.forward_only) {
    throw Error(
        "", info.forward_only ? "runs forward only, the config trains" : "trains, the config is inference");
  }
  if (!sets_chunks(one)) choose_chunks(config, info);
  const std::uint32_t stages = own_granularity(config).stages;
  check_stages(config, stages, base.granularity.stages);
  std::vector<std::uint32_t>& layers = config.parallelism.layers_per_stage;
  if (layers.size() != stages) layers.clear();
  return run(config, make_plan(config, base.granularity)).report;
}

std::vector<Override> case_overrides(const std::vector<Override>& overrides, const ComparisonCase& one,
                                     const Base& base) {
  std::vector<Override> all = overrides;
  if (!one.schedule.empty() && one.schedule != base.schedule) {
    for (Override& set : choose_schedule(one.schedule, std::string(kSchedulesOption)))
      all.push_back(std::move(set));
  }
  all.insert(all.end(), one.overrides.begin(), one.overrides.end());
  return all;
}

}  // namespace

std::vector<Override> choose_schedule(std::string_view name, const std::string& origin) {
  return {{"/schedule", "{}", origin}, {"/schedule/name", std::string(name), origin}};
}

ComparisonCase parse_case(std::string_view text) {
  const std::size_t colon = text.find(':');
  const ScheduleInfo& info = find_schedule(text.substr(0, colon), kSchedulesOption);
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
      rows.push_back({one.label, run_case(config, one, base), {}});
    } catch (const Error& error) {
      rows.push_back({one.label, std::nullopt, error.fault().what});
    }
  }
  return rows;
}

}  // namespace ppsim
