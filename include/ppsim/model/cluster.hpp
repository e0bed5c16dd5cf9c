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

enum class Dtype : std::uint8_t { Fp32, Fp16, Bf16, Fp8 };
inline constexpr std::size_t kDtypes = 4;

[[nodiscard]] std::string_view name(Dtype dtype);  ///< "fp32", "fp16", "bf16", "fp8"
[[nodiscard]] Bytes element_size(Dtype dtype);     ///< bytes of one number

/// Share of a GPU's peak that a matrix product reaches, 0 < efficiency <= 1: one number, or a curve over the
/// product's FLOPs on one GPU, linear in log2(FLOPs) between its points and flat outside them.
struct Efficiency {
  std::vector<std::pair<Flops, double>> points;  ///< ascending in FLOPs; one point: the same everywhere

  [[nodiscard]] double at(Flops product) const;
};

struct Gpu {
  std::string name;
  std::array<std::optional<FlopsPerSecond>, kDtypes> peak;  ///< dense peak by Dtype
  Bytes memory;
  BytesPerSecond memory_bandwidth;
  Efficiency matmul_efficiency;
  Time kernel_overhead{};  ///< added to every matrix product
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
