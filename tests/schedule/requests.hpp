/// Requests that every registered schedule is tested over; a new schedule gets them without a line of its
/// own.
#pragma once

#include <limits>
#include <string>
#include <vector>

#include "ppsim/model/costs/workload.hpp"
#include "ppsim/schedule/registry.hpp"
#include "support.hpp"

namespace ppsim {

/// The declared options, and each option alone at its smallest values or at each of its choices.
inline std::vector<OptionValues> option_variants(const ScheduleInfo& info) {
  constexpr std::int64_t kSmallest = kSanitized ? 3 : 8;
  const std::vector<double> times_p =
      kSanitized ? std::vector{0.5, 1.5} : std::vector{0.5, 1.0, 1.5, 2.0, 3.0};
  const OptionValues defaults = complete_options(info, {});
  std::vector<OptionValues> variants{defaults};
  const auto add = [&](const std::string& name, OptionValue value) {
    if (value == defaults.at(name)) return;
    variants.push_back(defaults);
    variants.back()[name] = std::move(value);
  };
  for (const OptionSpec& option : info.options) {
    for (const std::string& choice : option.choices) add(option.name, choice);
    if (std::holds_alternative<MemoryLimit>(option.default_value)) {
      for (const double times : times_p) add(option.name, MemoryLimit{times, {}});
      add(option.name, MemoryLimit{0, Bytes(11)});
    }
    if (!std::holds_alternative<std::int64_t>(option.default_value)) continue;
    for (std::int64_t i = 0; i < kSmallest && option.minimum + i <= option.maximum; ++i)
      add(option.name, option.minimum + i);
  }
  return variants;
}

/// V that a schedule may run.
inline std::vector<std::uint32_t> chunk_counts(const ScheduleInfo& info, const OptionValues& options) {
  switch (info.chunk_rule) {
    case ChunkRule::One:
      return {1};
    case ChunkRule::Two:
      return {2};
    case ChunkRule::Any:
      return {1, 2, 3};
    case ChunkRule::Own:
      return {info.chunks(options)};
  }
  return {};
}

/// Costs as a schedule that looks at them would see them.
inline Workload uniform_workload(const Shape& shape, const UniformCosts& costs) {
  CostsInput input;
  input.forward = {costs.forward};
  input.backward = {costs.backward};
  input.input_grad = {costs.input_grad};
  input.weight_grad = {costs.weight_grad};
  input.transfer = {Bytes(0)};
  input.activation = {Bytes(2)};
  input.activation_freed_at_input_grad = {Bytes(1)};
  input.link = {.bandwidth = BytesPerSecond(1), .latency = costs.hop};
  const std::uint32_t stages = shape.ranks * shape.chunks;
  Workload workload = make_workload(input, {shape.ranks, stages, {}}, stages);
  for (StageCosts& stage : workload.stages) stage.ops[OpKind::Recompute].duration = costs.recompute;
  return workload;
}

/// "interleaved P=4 M=6 V=2 group=5", to find a case again.
inline std::string describe(const ScheduleInfo& info, const ScheduleRequest& request) {
  const Shape& shape = request.shape;
  std::string text = info.name + " P=" + std::to_string(shape.ranks) +
                     " M=" + std::to_string(shape.micro_batches) + " V=" + std::to_string(shape.chunks);
  for (const auto& [name, value] : request.options) {
    text += " " + name + "=" + to_text(value);
  }
  return text;
}

/// Calls each(info, request) for every registered schedule, P of 1..6, 8 and 12, M of 1..12 and some more
/// (under the sanitizer a few of both), every V and variant of the options, wherever the shape fits. Returns
/// the number of calls for the schedule that had the fewest.
template <class Each>
int for_each_request(const UniformCosts& costs, Each each) {
  using Counts = std::vector<std::uint32_t>;
  const Counts ranks = kSanitized ? Counts{1, 2, 3, 4, 6} : Counts{1, 2, 3, 4, 5, 6, 8, 12};
  const Counts micro_batches = kSanitized ? Counts{1, 2, 3, 4, 6, 8, 11, 12}
                                          : Counts{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 16, 18, 24, 25};
  int fewest = std::numeric_limits<int>::max();
  for (const ScheduleInfo* info : all_schedules()) {
    int calls = 0;
    for (const OptionValues& options : option_variants(*info)) {
      for (const std::uint32_t V : chunk_counts(*info, options)) {
        for (const std::uint32_t P : ranks) {
          for (const std::uint32_t M : micro_batches) {
            const Workload workload = uniform_workload({P, M, V}, costs);
            const ScheduleRequest request{{P, M, V}, options, &workload};
            if (why_not(*info, request)) continue;
            each(*info, request);
            ++calls;
          }
        }
      }
    }
    fewest = std::min(fewest, calls);
  }
  return fewest;
}

}  // namespace ppsim
