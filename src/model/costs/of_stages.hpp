/// What a table says of each stage of a model.
#pragma once

#include <utility>
#include <variant>
#include <vector>

#include "model/costs/layer_costs_model.hpp"
#include "model/layers/transformer_checks.hpp"
#include "ppsim/model/costs/workload.hpp"

namespace ppsim {

/// [S] What `make(run, model, stage)` returns for each of the stages that make_workload() makes of the same
/// input; `model` is a Transformer or LayerCosts. Throws Error as make_workload() does.
template <class Make>
auto make_of_stages(const ModelInput& input, const Parallelism& parallelism, const RunShape& shape,
                    Make make) {
  const ModelRun run = make_run(input, parallelism, shape);
  const auto make_all = [&](const auto& model) {
    check_model(run, model);
    std::vector<decltype(make(run, model, std::size_t{}))> made;
    for (std::size_t stage = 0; stage < run.layout.stages.size(); ++stage)
      made.push_back(make(run, model, stage));
    return made;
  };
  return std::visit(make_all, input.model);
}

}  // namespace ppsim
