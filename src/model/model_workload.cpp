// A model on a cluster: what holds for every kind of model.
#include <fmt/format.h>

#include "model_run.hpp"
#include "ppsim/core/error.hpp"
#include "products.hpp"

namespace ppsim {

namespace {

Dtype dtype_of(const Model& model) {
  return std::visit([](const auto& any) { return any.dtype; }, model);
}

StageLayout make_stage_layout(const Model& model, const Parallelism& parallelism, const RunShape& shape) {
  const std::uint32_t layers = layer_count(model);
  if (parallelism.layers_per_stage.empty()) return make_even_layout(layers, shape.stages);
  return make_layout(layers, shape.stages, parallelism.layers_per_stage);
}

Workload make_kind(const ModelRun& run, const Transformer& model) {
  return make_transformer_workload(run, model);
}
Workload make_kind(const ModelRun& run, const LayerCosts& model) {
  return make_layer_costs_workload(run, model);
}

}  // namespace

Workload make_workload(const ModelInput& input, const Parallelism& parallelism, const RunShape& shape) {
  Parallelism resolved = parallelism;
  resolved.pipeline = shape.ranks;
  check_fits(resolved, input.cluster);
  const ProductClock clock(input.cluster.gpu, dtype_of(input.model));
  const ModelRun run{input.cluster, resolved, shape, make_stage_layout(input.model, resolved, shape)};

  Workload workload = std::visit([&run](const auto& model) { return make_kind(run, model); }, input.model);
  workload.gpus = std::uint64_t{resolved.tensor} * resolved.pipeline * resolved.data;
  workload.gpu_memory = input.cluster.gpu.memory;
  workload.peak_flops = clock.peak() * static_cast<double>(workload.gpus);
  return workload;
}

}  // namespace ppsim
