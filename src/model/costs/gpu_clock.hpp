/// How fast one GPU runs kernels: matrix products, and those that memory bounds.
#pragma once

#include "ppsim/core/units.hpp"
#include "ppsim/model/hardware/cluster.hpp"
#include "ppsim/model/layers/operators.hpp"

namespace ppsim {

/// Borrows the GPU.
class GpuClock {
 public:
  /// Products with weights are in `products`, the attention core in `attention`. Throws Error (where:
  /// "/cluster/gpu/peak") where the GPU has no peak of either.
  GpuClock(const Gpu& gpu, Dtype products, Dtype attention);
  GpuClock(const Gpu& gpu, Dtype dtype) : GpuClock(gpu, dtype, dtype) {}

  [[nodiscard]] FlopsPerSecond peak() const { return products_; }

  /// At the share of the peak that a product of this size reaches, whatever its shape; without the overhead
  /// of its kernel.
  [[nodiscard]] Seconds bare_time(Flops flops) const;

  /// At the share that its size and shape reach, without overhead, and as if memory were infinitely fast.
  [[nodiscard]] Seconds compute_time(const Product& product) const;

  /// The longer of computing and of moving its numbers, and the overhead of its kernels.
  [[nodiscard]] Seconds time(const Product& product) const;
  [[nodiscard]] Seconds time(const Products& products) const;
  [[nodiscard]] Seconds time(const Traffic& traffic) const;

  /// Of an optimizer step that moves so many bytes; 0 where the GPU does not say how fast it moves them.
  [[nodiscard]] Seconds optimizer_time(double bytes) const;

  [[nodiscard]] Seconds overhead(double kernels) const { return kernels * Seconds(gpu_.kernel_overhead); }

  /// At the share of the memory's bandwidth that is reached; 0 where the GPU does not say which.
  [[nodiscard]] Seconds moving_time(double bytes) const;

 private:
  [[nodiscard]] double alignment_share(const Product& product) const;

  const Gpu& gpu_;
  FlopsPerSecond products_;
  FlopsPerSecond attention_;
};

/// Share of a product's computation that is not lost at ragged edges of tiles, in a last wave that is not
/// full, and at the start and end of each tile.
[[nodiscard]] double tiling_efficiency(const MatmulTiling& tiling, const Product& product);

}  // namespace ppsim
