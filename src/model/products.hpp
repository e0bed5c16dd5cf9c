/// The matrix products of a transformer, as one GPU of a tensor group computes them, and how long they take.
#pragma once

#include <array>
#include <cstdint>

#include "ppsim/core/units.hpp"
#include "ppsim/model/cluster.hpp"
#include "ppsim/model/transformer.hpp"

namespace ppsim {

/// What goes through a layer at once: training and prefill have tokens = context, a token step has one token.
struct Pass {
  double samples = 1;
  double tokens = 1;   ///< of each sample that are computed
  double context = 1;  ///< tokens that each of them attends to
};

/// One matrix product, forward.
struct Product {
  Flops flops;              ///< 2 m n k
  bool has_weights = true;  ///< false: attention core (scores, context), whose backward is all input gradient
};

/// In the order QKV, scores, context, projection, MLP up (with the gate), MLP down.
using LayerProducts = std::array<Product, 6>;

/// KV heads that one GPU holds: a head is copied where the tensor group has more GPUs than there are heads.
[[nodiscard]] std::uint32_t kv_heads_per_gpu(const Transformer& model, std::uint32_t tensor);

/// Requires sizes that check_transformer() accepted. `tensor` = 1: of the whole layer.
[[nodiscard]] LayerProducts layer_products(const Transformer& model, std::uint32_t tensor, const Pass& pass);

/// Hidden states -> logits of the vocabulary.
[[nodiscard]] Product head_product(const Transformer& model, std::uint32_t tensor, const Pass& pass);

[[nodiscard]] Flops total_flops(const LayerProducts& products);

/// How fast one GPU multiplies matrices of one dtype. Borrows the GPU.
class ProductClock {
 public:
  /// Throws Error (where: "/cluster/gpu/peak") where the GPU has no peak of this dtype.
  ProductClock(const Gpu& gpu, Dtype dtype);

  [[nodiscard]] FlopsPerSecond peak() const { return peak_; }

  /// At the share of the peak that a product of this size reaches; without the overhead of its kernel.
  [[nodiscard]] Seconds bare_time(Flops flops) const;

  [[nodiscard]] Seconds overhead() const { return gpu_.kernel_overhead; }
  [[nodiscard]] Seconds time(Flops flops) const { return bare_time(flops) + overhead(); }

 private:
  const Gpu& gpu_;
  FlopsPerSecond peak_;
};

}  // namespace ppsim
