#include "ppsim/model/costs/product_list.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "model/presets.hpp"

namespace ppsim::product_list_test {
namespace {

std::vector<Product> products_of(const Transformer& model, const Parallelism& p,
                                 std::optional<std::uint32_t> steps = {}) {
  return list_products({round_cluster(8), model, {}}, p, {p.pipeline, p.pipeline, steps});
}

bool has(const std::vector<Product>& products, double m, double n, double k) {
  return std::any_of(products.begin(), products.end(),
                     [&](const Product& one) { return one.m == m && one.n == n && one.k == k; });
}

std::set<double> flops_of(const std::vector<Product>& products) {
  std::set<double> flops;
  for (const Product& one : products) flops.insert(one.flops().count());
  return flops;
}

// 512 tokens; weights h x 3h, h x h, h x 4h and back, and h x v for the head. Each gradient multiplies the
// same three sizes, in another order: so there are as many different numbers of FLOPs as weights of different
// size, four.
TEST_CASE(
    "a GPT multiplies with the weights of its projections, its MLP and its head, forward and backward") {
  const std::vector<Product> products = products_of(small_gpt(), parallel(1, 2));
  for (const auto& [n, k] : {std::pair{3072, 1024}, {1024, 1024}, {4096, 1024}, {1024, 4096}, {8192, 1024}})
    CHECK(has(products, 512, n, k));
  CHECK(has(products, 512, 1024, 3072));  // gradient of what comes into queries, keys and values
  const double unit = 2.0 * 512 * 1024;
  CHECK(flops_of(products) == std::set<double>{unit * 1024, unit * 3072, unit * 4096, unit * 8192});
}

TEST_CASE("a tensor group shares the products, and each is there once, in order") {
  const std::vector<Product> products = products_of(small_gpt(), parallel(4, 2));
  CHECK(has(products, 512, 768, 1024));
  CHECK(has(products, 512, 1024, 256));
  CHECK_FALSE(has(products, 512, 3072, 1024));
  const auto before = [](const Product& a, const Product& b) {
    return std::tuple(a.m, a.n, a.k) < std::tuple(b.m, b.n, b.k);
  };
  CHECK(std::is_sorted(products.begin(), products.end(), before));
  CHECK(std::adjacent_find(products.begin(), products.end(), std::not_fn(before)) == products.end());
}

TEST_CASE("inference has no gradients") {
  const std::vector<Product> products = products_of(small_gpt(), parallel(1, 2), 4);
  CHECK(has(products, 512, 3072, 1024));
  CHECK_FALSE(has(products, 512, 1024, 3072));
}

TEST_CASE("layers given by their costs have no products") {
  LayerCosts costs;
  costs.layers.assign(2, LayerCost{Flops(1e12), Flops(2e12), Bytes(1000), Bytes(1000), 0});
  CHECK(list_products({round_cluster(8), costs, {}}, parallel(1, 2), {2, 2, {}}).empty());
}

}  // namespace
}  // namespace ppsim::product_list_test
