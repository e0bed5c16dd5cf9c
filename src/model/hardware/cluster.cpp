#include "ppsim/model/hardware/cluster.hpp"

#include <algorithm>
#include <cmath>

#include "ppsim/core/error.hpp"

namespace ppsim {

// mxfp8: 32 numbers share a scale of one byte (OCP Microscaling Formats 1.0, section 5.2). nvfp4: 16 numbers
// share a scale in fp8; the one scale in fp32 of a whole tensor is left out (NVIDIA 2025, Pretraining Large
// Language Models with NVFP4, section 2).
double element_bytes(Dtype dtype) {
  switch (dtype) {
    case Dtype::Fp32:
      return 4;
    case Dtype::Fp16:
    case Dtype::Bf16:
      return 2;
    case Dtype::Fp8:
      return 1;
    case Dtype::Mxfp8:
      return 1 + 1.0 / 32;
    case Dtype::Nvfp4:
      return 0.5 + 1.0 / 16;
  }
  return 0;
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
