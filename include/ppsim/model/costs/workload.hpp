// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// Workload: everything that a schedule needs to know of model and cluster, as plain figures per stage.
/// Two ways to one: a model on a cluster, through the cost and memory models; or costs given outright.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "ppsim/core/ids.hpp"
#include "ppsim/core/op.hpp"
#include "ppsim/core/units.hpp"
#include "ppsim/model/collectives/collectives.hpp"
#include "ppsim/model/costs/costs_input.hpp"
#include "ppsim/model/hardware/cluster.hpp"
#include "ppsim/model/hardware/network.hpp"
#include "ppsim/model/hardware/parallelism.hpp"
#include "ppsim/model/layers/model_input.hpp"
#include "ppsim/model/layers/stage_layout.hpp"
#include "ppsim/model/layers/training.hpp"
#include "ppsim/model/layers/transformer.hpp"

namespace ppsim {

/// What one op of a stage costs on one GPU of its tensor group.
struct OpCost {
  Time duration{};
  Time tensor_comm{};  ///< tensor-parallel collectives inside `duration`
  Time other_comm{};   ///< what no compute hides of the others (experts, context, ZeRO) inside `duration`
  CollectiveBytes bytes{};  ///< that all these collectives put on each GPU's links
};

/// What one stage costs for one micro-batch, and what it keeps in memory, on one GPU of its tensor group.
struct StageCosts {
  /// By kind. B has the communication of I and W. B and I have the recomputation inside, and R is 0, unless R
  /// is an op of its own (RunShape::recompute_ahead). An op that runs once a step has the duration 0 where
  /// the stage has no such op; REDUCE_GRAD is of all buckets together. EVICT and LOAD are transfers, and cost
  /// nothing here.
  ByOpKind<OpCost> ops{};

  Bytes forward_transfer;   ///< sent to the next stage after F
  Bytes backward_transfer;  ///< sent to the previous stage after B or I

  Time forward_gather{};   ///< what the receiver's tensor group takes to gather forward_transfer
                           ///< (scatter/gather),
  Time backward_gather{};  ///< and backward_transfer: on top of the transfer's latency

  Bytes activation;                      ///< kept from the start of F
  Bytes activation_freed_at_input_grad;  ///< part of it freed when I ends; the rest when W ends (B: all)

  Bytes recomputed;  ///< kept from the start of R until B, or W, ends; 0 without R

  Bytes weights;    ///< static memory: weights,
  Bytes gradients;  ///< gradients,
  Bytes optimizer;  ///< optimizer state,
  Bytes buffers;    ///< and what transfers and the framework hold for the whole run
  Bytes working;    ///< at most taken by a pass while it runs, beside what is kept

  std::uint32_t gradient_buckets = 1;  ///< that are reduced one after the other, evenly; at least 1

  std::vector<Time> decode_forward;  ///< inference: [decode_steps] F of a token step
  OpCost decode{};                   ///< inference: each of them, but for its duration, which is above
  Bytes decode_transfer;             ///< inference: sent to the next stage (or back to the first) after it
  Time decode_gather{};              ///< inference: what its receiver takes to gather it
  Bytes kv_cache_prefill;            ///< inference: KV cache of one request after prefill
  Bytes kv_cache_step;               ///< inference: and what a token step adds

  LayerRange layers;  ///< count 0: not known (costs given outright)

  [[nodiscard]] Time duration(OpKind kind) const { return ops[kind].duration; }
  [[nodiscard]] Bytes bytes_of(const KeptParts& parts) const {
    const Bytes rest = activation - activation_freed_at_input_grad;
    return (parts.for_input_grad ? activation_freed_at_input_grad : Bytes(0)) +
           (parts.for_weight_grad ? rest : Bytes(0)) + (parts.recomputed ? recomputed : Bytes(0));
  }
  [[nodiscard]] Bytes static_bytes() const { return weights + gradients + optimizer + buffers; }
};

/// How fast a rank's GPUs are, as a factor of what the costs say; 1: as they say, 0.5: half of it.
struct RankSpeed {
  double compute = 1;             ///< all of an op but its collectives
  double tensor_comm = 1;         ///< tensor-parallel collectives
  double gradient_reduction = 1;  ///< data-parallel all-reduce

  friend bool operator==(const RankSpeed&, const RankSpeed&) = default;
};

/// What some links have of their bandwidth, by Network::link_name().
using LinkFactors = std::map<std::string, double, std::less<>>;

struct Workload {
  std::vector<StageCosts> stages;  ///< [S]
  Network network;
  PairCost pair = PairRule::Sum;
  bool overlap_gradients = false;        ///< buckets are reduced beside the backwards that still run
  std::vector<RankSpeed> rank_speeds{};  ///< [P]; empty: all as the costs say
  std::vector<RankSpeed>
      replica_speeds{};        ///< [replicas][P] of each replica by itself; empty: as `rank_speeds`
  LinkFactors link_factors{};  ///< of links that do not have all of their bandwidth

  std::optional<Bytes> gpu_memory;  ///< capacity of a GPU
  Bytes runtime_memory;             ///< taken of it before anything is allocated
  double allocator_margin = 0;      ///< share by which more is reserved than is allocated
  std::optional<std::uint64_t>
      tokens_per_step;                        ///< all replicas and steps; inference: tokens produced and read
  std::optional<Flops> model_flops_per_step;  ///< without recomputation: MFU's numerator
  std::optional<FlopsPerSecond> peak_flops;   ///< of all GPUs used: MFU's denominator
  std::optional<std::uint64_t> gpus;          ///< that are used; empty: costs given outright
  std::vector<std::string> assumptions;       ///< one sentence each

  /// What a GPU has taken of its memory when so much is allocated.
  [[nodiscard]] Bytes reserved(Bytes allocated) const;
  /// The most that can be allocated in `memory`; below zero where the runtime alone takes more.
  [[nodiscard]] Bytes allocatable(Bytes memory) const;
};

using WorkloadInput = std::variant<ModelInput, CostsInput>;

/// Null for costs whose ranks have a link each.
[[nodiscard]] const Cluster* cluster_of(const WorkloadInput& input);

/// Costs given outright. Where costs are uniform and were given for another number of stages, times and
/// activations scale by given.stages / stages (rounded half up), transfers do not; for another number of
/// slices, all of them scale by given.slices / slices. Of `parallelism` what says which GPUs of a cluster a
/// rank has: `tensor`, `data` and `context`; `transfer` is what each GPU of a tensor group sends. Throws
/// Error (where: "/costs/...", "/parallelism/...") for a wrong array length, backward < input_grad, GPUs that
/// the cluster has not, and the like; (where: "/schedule/recompute_ahead") where R is an op of its own and no
/// stage's costs give it a time.
[[nodiscard]] Workload make_workload(const CostsInput& costs, const RunShape& shape,
                                     const CostGranularity& given, const Parallelism& parallelism = {});

/// A model on a cluster. Slices share a micro-batch's times, activations and transfers evenly: attention
/// computes all scores (see the assumptions), so that a later slice costs no more than the first.
/// `parallelism.virtual_stages` is ignored in favour of `shape`.
/// Throws Error (where: "/parallelism/...", "/cluster/..." or "/model/...") where it does not fit, and
/// (where:
/// "/schedule/recompute_ahead") where R is an op of its own and the model recomputes nothing.
[[nodiscard]] Workload make_workload(const ModelInput& input, const Parallelism& parallelism,
                                     const RunShape& shape);

}  // namespace ppsim
