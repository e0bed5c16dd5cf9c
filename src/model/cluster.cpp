#include "ppsim/model/cluster.hpp"

#include <algorithm>
#include <cmath>

#include "ppsim/core/error.hpp"

namespace ppsim {

std::string_view name(Dtype dtype) {
  switch (dtype) {
    case Dtype::Fp32:
      return "fp32";
    case Dtype::Fp16:
      return "fp16";
    case Dtype::Bf16:
      return "bf16";
    case Dtype::Fp8:
      return "fp8";
  }
  return "?";
}

Bytes element_size(Dtype dtype) {
  switch (dtype) {
    case Dtype::Fp32:
      return Bytes(4);
    case Dtype::Fp16:
    case Dtype::Bf16:
      return Bytes(2);
    case Dtype::Fp8:
      return Bytes(1);
  }
  return Bytes(0);
}

double Efficiency::at(Flops product) const {
  PPSIM_ASSERT(!points.empty(), "an efficiency without a point");
  if (product <= points.front().first) return points.front().second;
  if (product >= points.back().first) return points.back().second;
  const auto upper = std::upper_bound(points.begin(), points.end(), product,
                                      [](Flops flops, const auto& point) { return flops < point.first; });
  const auto& [high_flops, high] = *upper;
  const auto& [low_flops, low] = *(upper - 1);
  const double x =
      std::log2(product.count() / low_flops.count()) / std::log2(high_flops.count() / low_flops.count());
  return low + x * (high - low);
}

}  // namespace ppsim
