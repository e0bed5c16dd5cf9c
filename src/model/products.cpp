// FLOPs as in Narayanan et al. 2021 (section 5.1) and Korthikanti et al. 2022 (appendix A): a product of m x
// k by k x n is 2 m n k, softmax, norms and activation functions are left out, and attention is counted in
// full although it is causal. For GPT (MLP of 4h) the six products sum to 24 b s h^2 + 4 b s^2 h, the head is
// 2 b s h v. We add to them grouped-query attention (fewer columns for K and V) and the gated MLP (two
// matrices up).
#include "products.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "ppsim/core/error.hpp"

namespace ppsim {

std::uint32_t kv_heads_per_gpu(const Transformer& model, std::uint32_t tensor) {
  return model.kv_heads / std::min(model.kv_heads, tensor);
}

LayerProducts layer_products(const Transformer& model, std::uint32_t tensor, const Pass& pass) {
  const double h = model.hidden;
  const double rows = pass.samples * pass.tokens;
  const double head_size = h / model.heads;
  const double queries = h / tensor;
  const double keys_and_values = 2 * kv_heads_per_gpu(model, tensor) * head_size;
  const double ffn = static_cast<double>(model.ffn_hidden) / tensor;
  const double attention_core = 2 * rows * pass.context * queries;
  return {{{Flops(2 * rows * h * (queries + keys_and_values)), true},
           {Flops(attention_core), false},
           {Flops(attention_core), false},
           {Flops(2 * rows * queries * h), true},
           {Flops(2 * rows * h * (model.gated_mlp ? 2 * ffn : ffn)), true},
           {Flops(2 * rows * ffn * h), true}}};
}

Product head_product(const Transformer& model, std::uint32_t tensor, const Pass& pass) {
  const double columns = static_cast<double>(model.vocabulary) / tensor;
  return {Flops(2 * pass.samples * pass.tokens * model.hidden * columns), true};
}

Flops total_flops(const LayerProducts& products) {
  Flops sum;
  for (const Product& product : products) sum += product.flops;
  return sum;
}

ProductClock::ProductClock(const Gpu& gpu, Dtype dtype) : gpu_(gpu) {
  const auto& peak = gpu.peak[static_cast<std::size_t>(dtype)];
  if (!peak)
    throw Error("/cluster/gpu/peak",
                fmt::format("no peak for {}; expected one, as the model computes in it", name(dtype)));
  peak_ = *peak;
}

Seconds ProductClock::bare_time(Flops flops) const {
  return flops / (peak_ * gpu_.matmul_efficiency.at(flops));
}

}  // namespace ppsim
