// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// Operators: what a transformer's layer, its embedding and its head consist of, as one GPU runs them for one
/// micro-batch. A stage's times, activations and parameters are sums over them.
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "ppsim/core/units.hpp"

namespace ppsim {

/// Matrix products m x k by k x n that one kernel computes, `count` of them at once.
struct Product {
  double m = 0;
  double n = 0;
  double k = 0;
  double count = 1;
  double kernels = 1;       ///< 0: runs inside the kernel of the product before it
  double computed = 1;      ///< share that is computed; a causal kernel skips half of the scores
  double input_bytes = 0;   ///< of a number of the two factors
  double output_bytes = 0;  ///< of a number of the result, as often as it is moved; both 0: nothing of it
                            ///< leaves the processors
  bool attention = false;   ///< of the attention core
  bool routed = false;      ///< of routed experts

  [[nodiscard]] Flops flops() const { return Flops(2 * m * n * k * count); }  ///< as if all were computed
};

/// At most two, in place.
class Products {
 public:
  void add(const Product& product) { list_.at(size_++) = product; }
  [[nodiscard]] const Product* begin() const { return list_.data(); }
  [[nodiscard]] const Product* end() const { return list_.data() + size_; }

 private:
  std::array<Product, 2> list_{};
  std::size_t size_ = 0;
};

/// Kernels that memory bounds: what they move to and from the GPU's memory.
struct Traffic {
  double bytes = 0;
  double kernels = 0;
};

struct Operator {
  std::string_view name;  ///< "qkv projection", "softmax"

  Products forward;
  Products input_grad;   ///< gradients of what comes in
  Products weight_grad;  ///< gradients of its weights
  Traffic forward_traffic;
  Traffic backward_traffic;     ///< belongs to the gradient of the input
  bool recomputed = false;      ///< its forward runs again in the backward
  bool attention_core = false;  ///< what lies between queries, keys, values and their result

  double parameters = 0;       ///< on this GPU
  bool routed_expert = false;  ///< its weights have fewer replicas: each holds a part of the experts

  double activation = 0;             ///< bytes kept from forward to backward
  double recomputed_activation = 0;  ///< bytes that recomputation makes again
  double kept_for_weights = 0;       ///< bytes that W needs: inputs and gradients of outputs of its products
  double gradients = 0;              ///< bytes of gradients that its backward reads and makes

  [[nodiscard]] Flops forward_flops() const;  ///< as if all were computed
};

/// What a kind of layer, or an end of the model, consists of, in the order of its forward.
using Operators = std::vector<Operator>;

}  // namespace ppsim
