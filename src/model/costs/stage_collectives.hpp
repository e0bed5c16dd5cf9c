/// What a stage's GPUs exchange for one micro-batch beside what their tensor group does.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "model/costs/cost_model.hpp"
#include "model/costs/memory_model.hpp"

namespace ppsim {

/// Collectives of one kind over all layers of a stage. Of a context ring as much as no compute hides; the
/// others whole, whatever runs beside them.
struct StageCollective {
  enum class Kind : std::uint8_t { Context, Experts, Sharding };

  std::string_view name;  ///< "expert all-to-all"
  Kind kind = Kind::Context;
  std::uint32_t layers = 0;
  PassCollectives passes;

  [[nodiscard]] bool takes_time() const;
};

/// Of training and prefill; none that take no time.
[[nodiscard]] std::vector<StageCollective> stage_collectives(const ModelRun& run, const Transformer& model,
                                                             std::span<const StagePart> parts);

/// What ZeRO 2 and 3 exchange for a micro-batch, summed up layer by layer and over the ends of a model: no
/// GPU ever holds all of a stage's weights.
struct ZeroCollectives {
  StageCollective gathering{"parameter gathering", StageCollective::Kind::Sharding, 0, {}};
  StageCollective scattering{"gradient reduce-scatter", StageCollective::Kind::Sharding, 0, {}};

  /// `count` pieces of so many parameters each, which are gathered one after the other.
  void add(const ModelRun& run, Dtype dtype, const StageParameters& each, double count);
};

/// The sum over them.
[[nodiscard]] PassCollectives sum_of(std::span<const StageCollective> collectives);

/// Dispatch of a layer's tokens to their experts, and the way back. 0 where each GPU has all experts.
[[nodiscard]] Bytes expert_exchange_bytes(const ModelRun& run, const Transformer& model, const Pass& pass);
[[nodiscard]] CollectiveCost expert_exchange(const ModelRun& run, const Transformer& model, const Pass& pass);

/// What a GPU hands to its neighbour in each step of a layer's ring: keys and values of its tokens.
[[nodiscard]] Bytes context_ring_bytes(const ModelRun& run, const Transformer& model);

/// What a GPU has when heads are handed on: queries, keys and values before the attention, its result behind.
struct HeadExchange {
  Bytes before;
  Bytes behind;
};
[[nodiscard]] HeadExchange context_head_bytes(const ModelRun& run, const Transformer& model);

}  // namespace ppsim
