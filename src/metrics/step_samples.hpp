/// What a measured step says of the costs that a simulation needs: how long each op took and each transfer.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "ppsim/core/ids.hpp"
#include "ppsim/core/op.hpp"
#include "ppsim/core/units.hpp"
#include "ppsim/graph/op_graph.hpp"
#include "ppsim/graph/timeline.hpp"
#include "ppsim/model/hardware/network.hpp"
#include "ppsim/schedule/schedule.hpp"

namespace ppsim {

/// Ops that have a cost of their own.
enum class CostKind : std::uint8_t {
  Forward,
  Backward,
  InputGrad,
  WeightGrad,
  Recompute,
  Pair,       ///< a forward and a backward that run together
  TokenStep,  ///< a forward of inference behind prefill
  GradientReduction,
  ParameterGather,
  OptimizerStep,
};
inline constexpr std::size_t kCostKinds = 10;

/// Empty for a pair and for a token step, which are no kind of op.
[[nodiscard]] std::optional<OpKind> op_kind(CostKind kind);

[[nodiscard]] std::string_view name(
    CostKind kind);  ///< "F", "B", "I", "W", "R", "F+B", "F of a token step", ...

/// True for what runs for each micro-batch and not once a step.
[[nodiscard]] constexpr bool is_pass(CostKind kind) {
  return kind <= CostKind::TokenStep;
}

struct OpSample {
  CostKind kind{};
  std::uint32_t stages = 0;  ///< of the run
  Stage stage{};             ///< of a pair: of its forward
  Time modelled{};           ///< as the graph has it
  Time span{};               ///< from start to finish
  /// Of a pass: from when all was there that it waited for to its start. A simulation knows no such gap, so
  /// it is part of what an op costs. 0 where sends hold the rank (Communication::Blocking): there it is
  /// theirs.
  Time gap{};

  [[nodiscard]] Time total() const { return span + gap; }
};

/// A transfer of activations or gradients.
struct TransferSample {
  bool crosses_nodes = false;
  Bytes bytes;
  Time transmission{};  ///< as the graph has it: bytes / bandwidth of the route
  Time latency{};       ///< and behind that
  Time measured{};      ///< from departure to arrival
  bool alone = false;   ///< no other transfer was on any of its links meanwhile
  bool awaited =
      false;  ///< the receiver had nothing to run meanwhile: else it may have seen the arrival late

  /// Whether it says what the links take, and not what else went on.
  [[nodiscard]] bool is_honest() const { return alone && awaited; }
};

struct StepSamples {
  std::vector<OpSample> ops;
  std::vector<TransferSample> transfers;
  Time makespan{};
};

/// Takes a step apart. Ops of one kind and stage that run once a step (buckets of gradients) are one sample.
/// Copies of activations are left out: they are two messages. A transfer was awaited where no op of the
/// receiver's program ran between its departure and its arrival; alone where no other transfer over one of
/// its links was between its own departure and arrival then. O(n log n).
[[nodiscard]] StepSamples sample_step(const Schedule& schedule, const Network& network, const OpGraph& graph,
                                      const Timeline& timeline);

}  // namespace ppsim
