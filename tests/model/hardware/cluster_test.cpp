#include "ppsim/model/hardware/cluster.hpp"

#include <doctest/doctest.h>

namespace ppsim::cluster_test {
namespace {

TEST_CASE("a number takes the bytes that its type's name says, and its part of a block's scale") {
  CHECK(element_bytes(Dtype::Fp32) == 4);
  CHECK(element_bytes(Dtype::Fp16) == 2);
  CHECK(element_bytes(Dtype::Bf16) == 2);
  CHECK(element_bytes(Dtype::Fp8) == 1);
  CHECK(32 * element_bytes(Dtype::Mxfp8) == 32 + 1);
  CHECK(16 * element_bytes(Dtype::Nvfp4) == 8 + 1);
  CHECK(name(Dtype::Bf16) == "bf16");
  CHECK(name(Dtype::Nvfp4) == "nvfp4");
}

TEST_CASE("one efficiency holds for products of every size") {
  const Efficiency efficiency{{{Flops(1e9), 0.5}}};
  for (const double flops : {0.0, 1.0, 1e9, 1e15}) CHECK(efficiency.at(Flops(flops)) == 0.5);
}

TEST_CASE("a curve is linear in log2 of the FLOPs between its points, and flat outside them") {
  const Efficiency efficiency{{{Flops(1024), 0.1}, {Flops(4096), 0.5}, {Flops(65536), 0.6}}};
  CHECK(efficiency.at(Flops(0)) == 0.1);
  CHECK(efficiency.at(Flops(1024)) == 0.1);
  CHECK(efficiency.at(Flops(2048)) == doctest::Approx(0.3));  // half way from 2^10 to 2^12
  CHECK(efficiency.at(Flops(4096)) == doctest::Approx(0.5));
  CHECK(efficiency.at(Flops(8192)) == doctest::Approx(0.525));  // a quarter of the way from 2^12 to 2^16
  CHECK(efficiency.at(Flops(65536)) == 0.6);
  CHECK(efficiency.at(Flops(1e18)) == 0.6);
}

}  // namespace
}  // namespace ppsim::cluster_test
