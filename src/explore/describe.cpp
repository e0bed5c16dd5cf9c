#include "ppsim/explore/describe.hpp"

#include "plan.hpp"

namespace ppsim {

ModelDescription describe_model(const Config& config) {
  const auto* input = std::get_if<ModelInput>(&config.input);
  if (input == nullptr)
    throw Error(locate(config, "/costs"), "say nothing of operators; expected cluster and model instead");
  Plan plan = make_plan(config);
  return located(config, [&] {
    return ModelDescription{make_stage_tables(*input, config.parallelism, shape_of(plan.schedule)),
                            std::move(plan.workload)};
  });
}

std::vector<CollectiveRows> describe_collectives(const Config& config, const Plan& plan) {
  const auto* input = std::get_if<ModelInput>(&config.input);
  if (input == nullptr) return {};
  return located(config,
                 [&] { return make_collective_tables(*input, config.parallelism, shape_of(plan.schedule)); });
}

}  // namespace ppsim
