// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// How a model is spread over a cluster, and which GPU plays which part.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "ppsim/core/enum_names.hpp"
#include "ppsim/core/ids.hpp"
#include "ppsim/model/hardware/cluster.hpp"

namespace ppsim {

enum class Recompute : std::uint8_t { None, Selective, Full };
template <>
inline constexpr auto kEnumNames<Recompute> = enum_names<Recompute>({{Recompute::None, "none"},
                                                                     {Recompute::Selective, "selective"},
                                                                     {Recompute::Full, "full"}});

/// How the GPUs of a context group come by the keys and values of each other's tokens.
enum class ContextExchange : std::uint8_t {
  Ring,     ///< keys and values go around (Liu et al. 2023, Ring Attention)
  AllToAll  ///< every GPU gets all tokens of some heads, and gives the result back (Jacobs et al. 2023,
            ///< DeepSpeed-Ulysses)
};
template <>
inline constexpr auto kEnumNames<ContextExchange> =
    enum_names<ContextExchange>({{ContextExchange::Ring, "ring"}, {ContextExchange::AllToAll, "all_to_all"}});

/// How all-reduces, reduce-scatters and all-gathers run (see collectives.hpp).
enum class CollectiveAlgorithm : std::uint8_t { Ring, Tree, Hierarchical, Auto };  // Auto: the fastest of all
template <>
inline constexpr auto kEnumNames<CollectiveAlgorithm> =
    enum_names<CollectiveAlgorithm>({{CollectiveAlgorithm::Ring, "ring"},
                                     {CollectiveAlgorithm::Tree, "tree"},
                                     {CollectiveAlgorithm::Hierarchical, "hierarchical"},
                                     {CollectiveAlgorithm::Auto, "auto"}});

/// How layers are divided among stages where no counts are given.
enum class LayerSplit : std::uint8_t {
  Even,         ///< what is left over goes to the first stages
  EndsAsLayers  ///< the same, with embedding and head counted as a layer each (Megatron-LM's
                ///< account-for-embedding-in-pipeline-split and account-for-loss-in-pipeline-split)
};
template <>
inline constexpr auto kEnumNames<LayerSplit> =
    enum_names<LayerSplit>({{LayerSplit::Even, "even"}, {LayerSplit::EndsAsLayers, "ends_as_layers"}});

/// The kinds of groups that a GPU is in.
enum class GroupKind : std::uint8_t {
  Tensor,
  Context,         ///< parts of a sequence
  Expert,          ///< parts of a layer's routed experts
  Replicas,        ///< GPUs that hold the same weights, of all but routed experts,
  ExpertReplicas,  ///< and of these
};
inline constexpr std::size_t kGroupKinds = 5;

struct Parallelism {
  std::uint32_t tensor = 1;
  std::uint32_t pipeline = 1;
  std::uint32_t data = 1;
  std::uint32_t context = 1;  ///< parts of each sequence, on GPUs of their own
  ContextExchange context_exchange = ContextExchange::Ring;
  std::uint32_t expert = 1;                    ///< groups of GPUs that share out a layer's routed experts
  std::optional<std::uint32_t> expert_tensor;  ///< GPUs that share each expert; empty: as many as `tensor`
  std::uint32_t zero_stage = 0;  ///< what replicas share out: 1 optimizer, 2 gradients too, 3 weights too
  CollectiveAlgorithm collectives = CollectiveAlgorithm::Ring;
  std::uint32_t virtual_stages = 1;
  std::uint32_t micro_batch_size = 1;  ///< samples
  std::uint32_t micro_batches = 1;     ///< a step and data-parallel replica; in inference: requests
  Recompute recompute = Recompute::None;
  bool sequence_parallel = false;               ///< Korthikanti et al. 2022, section 4.2.2
  bool scatter_gather = false;                  ///< of boundaries: Narayanan et al. 2021, section 4.1
  std::vector<std::uint32_t> layers_per_stage;  ///< [S] explicit; empty: by `layer_split`
  LayerSplit layer_split = LayerSplit::Even;

  /// Tensor groups that hold the same weights: of each data-parallel replica, those of its context group.
  [[nodiscard]] std::uint32_t replicas() const { return data * context; }
  [[nodiscard]] std::uint32_t tensor_of_expert() const { return expert_tensor.value_or(tensor); }
};

/// Half-open range of GPUs, numbered node by node.
struct GpuRange {
  std::uint64_t first = 0;
  std::uint64_t count = 0;

  [[nodiscard]] bool contains(std::uint64_t gpu) const { return gpu >= first && gpu - first < count; }
  [[nodiscard]] bool meets(GpuRange other) const {
    return first < other.first + other.count && other.first < first + count;
  }
};

/// GPUs of the tensor group that plays pipeline rank `rank` in `replica` of all replicas(), as Megatron
/// orders them: tensor innermost, then context, data, pipeline outermost.
[[nodiscard]] GpuRange tensor_group(const Parallelism& parallelism, Rank rank, std::uint32_t replica);

/// Throws Error (where: the config key under `parallelism`) unless tensor x context x pipeline x data GPUs
/// exist, and the tensor size divides a node's GPUs or is a multiple of them, so that all tensor groups are
/// alike.
void check_fits(const Parallelism& parallelism, const Cluster& cluster);

}  // namespace ppsim
