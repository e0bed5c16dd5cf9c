// A kernel is bound by compute or by memory (roofline: Williams et al. 2009). Tile and wave quantisation:
// NVIDIA, Matrix Multiplication Background User's Guide, sections 4 and 5.
#include "model/costs/gpu_clock.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "ppsim/core/error.hpp"

namespace ppsim {

namespace {

FlopsPerSecond peak_of(const Gpu& gpu, Dtype dtype) {
  const auto& peak = gpu.peak[static_cast<std::size_t>(dtype)];
  if (!peak)
    throw Error("/cluster/gpu/peak",
                fmt::format("no peak for {}; expected one, as the model computes in it", name(dtype)));
  return *peak;
}

double moved_bytes(const Product& p) {
  return p.count * (p.input_bytes * (p.m * p.k + p.k * p.n) + p.output_bytes * p.m * p.n);
}

}  // namespace

GpuClock::GpuClock(const Gpu& gpu, Dtype products, Dtype attention)
    : gpu_(gpu), products_(peak_of(gpu, products)), attention_(peak_of(gpu, attention)) {}

Seconds GpuClock::bare_time(Flops flops) const {
  return flops / (products_ * gpu_.matmul_efficiency.at(flops));
}

// NVIDIA, Deep Learning Performance Guide: tensor cores want sides that are multiples of 16 bytes.
double GpuClock::alignment_share(const Product& product) const {
  if (!gpu_.unaligned_efficiency) return 1;
  const double size = product.attention ? 2 : product.input_bytes;
  const auto aligned = [size](double side) { return std::fmod(side * size, 16) == 0; };
  return aligned(product.m) && aligned(product.n) && aligned(product.k) ? 1 : *gpu_.unaligned_efficiency;
}

Seconds GpuClock::compute_time(const Product& product) const {
  const FlopsPerSecond peak = product.attention ? attention_ : products_;
  const Flops computed = product.flops() * product.computed / alignment_share(product);
  if (product.attention && gpu_.attention_efficiency) return computed / (peak * *gpu_.attention_efficiency);
  double efficiency = gpu_.matmul_efficiency.at(product.flops());
  if (gpu_.matmul_tiling) efficiency *= tiling_efficiency(*gpu_.matmul_tiling, product);
  if (product.routed) efficiency *= gpu_.expert_efficiency.value_or(1);
  return computed / (peak * efficiency);
}

Seconds GpuClock::time(const Product& product) const {
  return std::max(compute_time(product), moving_time(moved_bytes(product))) + overhead(product.kernels);
}

Seconds GpuClock::time(const Products& products) const {
  Seconds sum{};
  for (const Product& product : products) sum += time(product);
  return sum;
}

Seconds GpuClock::time(const Traffic& traffic) const {
  if (!gpu_.memory_efficiency) return Seconds(0);
  return moving_time(traffic.bytes) + overhead(traffic.kernels);
}

Seconds GpuClock::optimizer_time(double bytes) const {
  const std::optional<double> share =
      gpu_.optimizer_efficiency ? gpu_.optimizer_efficiency : gpu_.memory_efficiency;
  if (!share) return Seconds(0);
  return Seconds(bytes / (static_cast<double>(gpu_.memory_bandwidth.count()) * *share)) + overhead(1);
}

Seconds GpuClock::moving_time(double bytes) const {
  if (!gpu_.memory_efficiency) return Seconds(0);
  return Seconds(bytes / (static_cast<double>(gpu_.memory_bandwidth.count()) * *gpu_.memory_efficiency));
}

double tiling_efficiency(const MatmulTiling& tiling, const Product& product) {
  const double tiles =
      std::ceil(product.m / tiling.rows) * std::ceil(product.n / tiling.columns) * product.count;
  const double waves = std::ceil(tiles / tiling.processors);
  const double whole = waves * tiling.processors * tiling.rows * tiling.columns;
  return product.m * product.n * product.count / whole * (product.k / (product.k + tiling.ramp));
}

}  // namespace ppsim
