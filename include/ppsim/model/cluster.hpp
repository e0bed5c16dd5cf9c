/// Cluster: nodes of GPUs, NVLink inside a node, InfiniBand NICs between nodes.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ppsim/core/units.hpp"

namespace ppsim {

enum class Dtype : std::uint8_t { Fp32, Fp16, Bf16, Fp8, Mxfp8, Nvfp4 };
inline constexpr std::size_t kDtypes = 6;

[[nodiscard]] std::string_view name(Dtype dtype);  ///< "fp32", "fp16", "bf16", "fp8", "mxfp8", "nvfp4"

/// Bytes of one number, its part of a scale that a block shares included: mxfp8 33/32, nvfp4 9/16.
[[nodiscard]] double element_bytes(Dtype dtype);

/// Share of a GPU's peak that a matrix product reaches, 0 < efficiency <= 1: one number, or a curve over the
/// product's FLOPs on one GPU, linear in log2(FLOPs) between its points and flat outside them.
struct Efficiency {
  std::vector<std::pair<Flops, double>> points;  ///< ascending in FLOPs; one point: the same everywhere

  [[nodiscard]] double at(Flops product) const;
};

/// How a matrix product is cut into the tiles that the GPU's processors compute, one at a time each. What a
/// ragged edge and a last wave that is not full leave idle lowers the efficiency.
struct MatmulTiling {
  std::uint32_t rows = 1;        ///< of a tile
  std::uint32_t columns = 1;     ///< of a tile
  std::uint32_t processors = 1;  ///< tiles at once: SMs
  std::uint32_t ramp = 0;  ///< a tile's start and end take as long as so many more of its inner products
};

struct Gpu {
  std::string name;
  std::array<std::optional<FlopsPerSecond>, kDtypes> peak;  ///< dense peak by Dtype
  Bytes memory;
  BytesPerSecond memory_bandwidth;
  Efficiency matmul_efficiency;
  Time kernel_overhead{};  ///< added to every matrix product, and to every kernel that memory bounds

  std::optional<MatmulTiling> matmul_tiling;   ///< empty: efficiency depends on FLOPs alone
  std::optional<double> attention_efficiency;  ///< of the attention core; empty: as any other product
  std::optional<double> memory_efficiency;  ///< share of memory_bandwidth that is reached, above 0, at most
                                            ///< 1; empty: training counts no time for moving bytes

  Bytes runtime_memory;         ///< taken before anything is allocated: the driver's context, libraries
  double allocator_margin = 0;  ///< share by which the allocator reserves more than is allocated
};

/// One direction of a link: alpha-beta.
struct Link {
  BytesPerSecond bandwidth;
  Time latency{};
};

struct Cluster {
  std::uint32_t nodes = 1;
  std::uint32_t gpus_per_node = 1;
  Gpu gpu;
  Link nvlink;                      ///< of one GPU, each direction
  Link infiniband;                  ///< of one NIC, each direction
  std::uint32_t nics_per_node = 1;  ///< GPU g of a node uses NIC floor(g x nics / gpus)
  std::string source;               ///< where the figures come from

  [[nodiscard]] std::uint64_t gpus() const { return std::uint64_t{nodes} * gpus_per_node; }
};

}  // namespace ppsim
