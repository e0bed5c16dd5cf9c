// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// Costs given outright, for those who study schedules.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "ppsim/core/enum_names.hpp"
#include "ppsim/core/units.hpp"
#include "ppsim/model/hardware/cluster.hpp"

namespace ppsim {

/// How long an overlapped pair (F with B, DualPipe) lasts.
enum class PairRule : std::uint8_t { Sum, Max };
template <>
inline constexpr auto kEnumNames<PairRule> = enum_names<PairRule>({{PairRule::Sum, "sum"},
                                                                   {PairRule::Max, "max"}});
using PairCost = std::variant<PairRule, Time>;

/// One value, or one a stage.
template <class T>
using PerStage = std::vector<T>;  // size 1 or S

/// Costs given outright ("costs" in a config), for those who study schedules.
struct CostsInput {
  PerStage<Time> forward;
  PerStage<Time> backward;     ///< without recomputation; empty: input_grad + weight_grad
  PerStage<Time> input_grad;   ///< empty: backward - weight_grad, or floor(backward / 2)
  PerStage<Time> weight_grad;  ///< empty: backward - input_grad
  PerStage<Bytes> transfer;    ///< a boundary
  PerStage<Bytes> activation;
  PerStage<Bytes> activation_freed_at_input_grad;  ///< empty: 0
  PerStage<Time> decode_forward;                   ///< empty: forward
  PerStage<Bytes> decode_transfer;                 ///< empty: transfer
  PerStage<Time> gradient_reduction{};             ///< once a step, behind a rank's last backward; empty: 0
  PerStage<Time> optimizer_step{};                 ///< and behind that
  PerStage<Time> parameter_gather{};               ///< and behind that
  PerStage<Time> recompute{};  ///< R, or what B and I take more where they recompute themselves; empty: 0
  Time overhead{};  ///< of each F, B, I, W and R on top of the times above; the same for any number of stages
  Link link;        ///< between each two ranks
  std::optional<Cluster> cluster{};  ///< whose links join the ranks in place of `link`
  PairCost pair = PairRule::Sum;

  /// True where every quantity is one value, so that the costs carry over to another number of stages.
  [[nodiscard]] bool uniform() const;
};

/// How finely the model and its micro-batches are cut where costs are given outright: each cost is that of
/// one slice of a micro-batch through one stage. 8 stages and 1 slice: costs of an eighth of the model each.
struct CostGranularity {
  /* implicit */ CostGranularity(std::uint32_t stages_given, std::uint32_t slices_given = 1)
      : stages(stages_given), slices(slices_given) {}

  std::uint32_t stages;
  std::uint32_t slices;
};

}  // namespace ppsim
