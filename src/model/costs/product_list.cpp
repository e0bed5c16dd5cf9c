#include "ppsim/model/costs/product_list.hpp"

#include <map>
#include <tuple>

#include "model/layers/stage_parts.hpp"
#include "model/layers/transformer_checks.hpp"

namespace ppsim {
namespace {

using Sizes = std::tuple<double, double, double>;  // m, n, k

void add(std::map<Sizes, Product>& found, const Products& products) {
  for (Product product : products) {
    if (product.attention || product.m * product.n * product.k == 0) continue;
    product.m *= product.count;
    product.count = 1;
    found.emplace(Sizes{product.m, product.n, product.k}, product);
  }
}

void add_stage(std::map<Sizes, Product>& found, const std::vector<StagePart>& parts, bool inference) {
  for (const StagePart& part : parts) {
    for (const Operator& op : part.operators) {
      add(found, op.forward);
      if (inference) continue;
      add(found, op.input_grad);
      add(found, op.weight_grad);
    }
  }
}

}  // namespace

std::vector<Product> list_products(const ModelInput& input, const Parallelism& parallelism,
                                   const RunShape& shape) {
  const ModelRun run = make_run(input, parallelism, shape);
  const auto* model = std::get_if<Transformer>(&input.model);
  if (model == nullptr) return {};
  check_model(run, *model);
  std::map<Sizes, Product> found;
  for (std::size_t stage = 0; stage < run.layout.stages.size(); ++stage)
    add_stage(found, stage_parts(run, *model, stage_place(run.layout, stage)), run.inference());
  std::vector<Product> products;
  for (const auto& [sizes, product] : found) products.push_back(product);
  return products;
}

}  // namespace ppsim
