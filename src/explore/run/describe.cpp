#include "ppsim/explore/run/describe.hpp"

#include "explore/run/plan.hpp"

namespace ppsim {

namespace {

const ModelInput& model_of(const Config& config) {
  if (const auto* input = std::get_if<ModelInput>(&config.input)) return *input;
  throw Error(locate(config, "/costs"), "say nothing of operators; expected cluster and model instead");
}

}  // namespace

ModelDescription describe_model(const Config& config) {
  const ModelInput& input = model_of(config);
  Plan plan = make_plan(config);
  return located(config, [&] {
    return ModelDescription{make_stage_tables(input, config.parallelism, shape_of(plan.schedule)),
                            std::move(plan.workload)};
  });
}

std::vector<CollectiveRows> describe_collectives(const Config& config, const Plan& plan) {
  const auto* input = std::get_if<ModelInput>(&config.input);
  if (input == nullptr) return {};
  return located(config,
                 [&] { return make_collective_tables(*input, config.parallelism, shape_of(plan.schedule)); });
}

std::vector<Product> describe_products(const Config& config) {
  const ModelInput& input = model_of(config);
  const Plan plan = make_plan(config);
  auto products =
      located(config, [&] { return list_products(input, config.parallelism, shape_of(plan.schedule)); });
  if (products.empty())
    throw Error(locate(config, "/model"),
                "has layers of given costs; expected a transformer, whose products are known");
  return products;
}

std::vector<Dtype> describe_dtypes(const Config& config) {
  const auto& model = model_of(config).model;
  if (const auto* transformer = std::get_if<Transformer>(&model))
    return {transformer->dtype, transformer->product_dtype()};
  return {std::get<LayerCosts>(model).dtype};
}

}  // namespace ppsim
