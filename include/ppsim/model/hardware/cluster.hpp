// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// Cluster: nodes of GPUs, NVLink or PCIe inside a node, InfiniBand NICs between nodes, the fabric that joins
/// them.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ppsim/core/enum_names.hpp"
#include "ppsim/core/units.hpp"

namespace ppsim {

enum class Dtype : std::uint8_t { Fp32, Fp16, Bf16, Fp8, Mxfp8, Nvfp4 };
template <>
inline constexpr auto kEnumNames<Dtype> = enum_names<Dtype>({{Dtype::Fp32, "fp32"},
                                                             {Dtype::Fp16, "fp16"},
                                                             {Dtype::Bf16, "bf16"},
                                                             {Dtype::Fp8, "fp8"},
                                                             {Dtype::Mxfp8, "mxfp8"},
                                                             {Dtype::Nvfp4, "nvfp4"}});
inline constexpr std::size_t kDtypes = kEnumNames<Dtype>.size();

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
  std::optional<double> expert_efficiency;     ///< share of the speed of other products that those of routed
                                               ///< experts reach: smaller ones side by side, and the fullest
                                               ///< expert sets the pace; empty: all of it
  std::optional<double> unaligned_efficiency;  ///< share of the speed that a product keeps of which a side is
                                               ///< no multiple of 16 bytes; empty: all of it

  std::optional<MatmulTiling> matmul_tiling;   ///< empty: efficiency depends on FLOPs alone
  std::optional<double> attention_efficiency;  ///< of the attention core; empty: as any other product
  std::optional<double> optimizer_efficiency;  ///< the same of the optimizer; empty: memory_efficiency
  std::optional<double> memory_efficiency;  ///< share of memory_bandwidth that is reached, above 0, at most
                                            ///< 1; empty: training counts no time for moving bytes

  Bytes runtime_memory;  ///< taken before anything is allocated: the driver's context, libraries
};

/// What runs on the GPUs, as far as its costs are not those of single kernels: a framework and its
/// communication library, on hosts of a certain speed.
struct Software {
  std::string framework;  ///< "megatron"; empty: not named
  std::string release;    ///< of the framework; empty: not named

  Time launch_overhead{};       ///< of the host, for each kernel: a pass takes the longer of what the host
                                ///< launches and what the GPU computes, and its collectives
  Time pass_overhead{};         ///< added to every pass of a pipeline: what happens between passes
  Time checkpoint_overhead{};   ///< added for every layer that full recomputation runs again
  Time collective_overhead{};   ///< added to every collective: its launch, and waiting for one another
  Time step_overhead{};         ///< of a training step, beside its optimizer
  double allocator_margin = 0;  ///< share by which the allocator reserves more than is allocated
};

/// Sizes from `least` to `most`, both included.
struct SizeRange {
  Bytes least;
  Bytes most;

  [[nodiscard]] bool contains(Bytes bytes) const { return least <= bytes && bytes <= most; }
  friend bool operator==(const SizeRange&, const SizeRange&) = default;
};

/// One direction of a link: alpha-beta.
struct Link {
  BytesPerSecond bandwidth;
  Time latency{};
  std::optional<SizeRange> measured{};  ///< transfers that these were fitted to; empty: not fitted
};

/// PCI Express inside a node: a tree of two levels. GPUs under one switch talk over their links; between
/// switches bytes also cross both switches' uplinks, which are as fast as a GPU's link and which all GPUs of
/// a switch share. A NIC sits under the switch of the first GPU that uses it, and what goes to other nodes
/// crosses the GPU's link, and uplinks where NIC and GPU are under different switches.
struct Pcie {
  Link link;                          ///< of one GPU, each direction; latency: between any two GPUs of a node
  std::uint32_t gpus_per_switch = 1;  ///< divides gpus_per_node
};

/// Leaf and spine switches between NICs. NICs under one leaf talk below it; others cross the uplinks of the
/// sender's leaf and the downlinks of the receiver's, each of which carries
///   NICs in use below it x the bandwidth of a NIC / oversubscription
/// in each direction. The spine itself blocks nothing.
struct Fabric {
  std::uint32_t nodes_per_leaf = 1;
  double oversubscription = 1;  ///< at least 1: non-blocking
  bool rail_optimized = false;  ///< a leaf for NIC k of all those nodes, for each k; else one for all NICs
  Time latency{};               ///< added where bytes cross the spine
};

struct Cluster {
  std::uint32_t nodes = 1;
  std::uint32_t gpus_per_node = 1;
  Gpu gpu;                          ///< beside costs given outright it may be unknown: of no memory
  Software software{};              ///< that runs on it
  Link nvlink;                      ///< of one GPU, each direction
  std::optional<Pcie> pcie{};       ///< of nodes that have no NVLink, in its place
  Link infiniband;                  ///< of one NIC, each direction; latency: from GPU to GPU
  std::uint32_t nics_per_node = 1;  ///< see nics_per_gpu()
  std::optional<Fabric> fabric{};   ///< empty: nothing but NICs limits what nodes exchange
  std::string source;               ///< where the figures come from

  [[nodiscard]] std::uint64_t gpus() const { return std::uint64_t{nodes} * gpus_per_node; }

  /// What joins the GPUs of a node.
  [[nodiscard]] const Link& inside() const { return pcie ? pcie->link : nvlink; }

  /// NICs that a GPU sends over at once, 1/k of its bytes on each: k = floor(nics / gpus), GPU g's from g x k
  /// on. What is left over (storage, say) carries nothing: GPUs work in step, so that more NICs for some
  /// would speed nobody up. With fewer NICs than GPUs it is one, floor(g x nics / gpus), shared.
  [[nodiscard]] std::uint32_t nics_per_gpu() const { return std::max(nics_per_node / gpus_per_node, 1U); }
  [[nodiscard]] std::uint32_t nics_in_use() const {
    return std::min(nics_per_node, nics_per_gpu() * gpus_per_node);
  }

  /// PCIe switches of a node that have uplinks; 0 where it has one, or NVLink.
  [[nodiscard]] std::uint32_t switches_per_node() const {
    return pcie && pcie->gpus_per_switch < gpus_per_node ? gpus_per_node / pcie->gpus_per_switch : 0;
  }

  /// Groups of nodes below the same leaves; 0 without a fabric.
  [[nodiscard]] std::uint32_t leaf_groups() const {
    return fabric ? (nodes - 1) / fabric->nodes_per_leaf + 1 : 0;
  }
  /// Leaves of each: one, or one for each NIC of a node.
  [[nodiscard]] std::uint32_t leaves_per_group() const {
    return fabric && fabric->rail_optimized ? nics_per_node : 1;
  }
};

}  // namespace ppsim
