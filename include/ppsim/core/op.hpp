// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// Op: what a rank does to one micro-batch of one stage.
#pragma once

#include <cstdint>
#include <string_view>
#include <type_traits>

#include "ppsim/core/ids.hpp"

namespace ppsim {

enum class OpKind : std::uint8_t {
  Forward,            ///< F
  Backward,           ///< B: input and weight gradients in one
  InputGrad,          ///< I: backward for the input
  WeightGrad,         ///< W: backward for the weights
  Recompute,          ///< R
  GradientReduction,  ///< data-parallel reduction of a rank's gradients
  ParameterGather,    ///< gathering of sharded parameters
  OptimizerStep,
  Evict,  ///< copy of an activation to a partner's memory (BPipe); runs beside compute
  Load,   ///< and back
};

/// The letter of the papers (F B I W R), or the word for what runs once a step.
[[nodiscard]] constexpr std::string_view name(OpKind kind) {
  switch (kind) {
    case OpKind::Forward:
      return "F";
    case OpKind::Backward:
      return "B";
    case OpKind::InputGrad:
      return "I";
    case OpKind::WeightGrad:
      return "W";
    case OpKind::Recompute:
      return "R";
    case OpKind::GradientReduction:
      return "REDUCE_GRAD";
    case OpKind::ParameterGather:
      return "UNSHARD";
    case OpKind::OptimizerStep:
      return "OPTIMIZER";
    case OpKind::Evict:
      return "EVICT";
    case OpKind::Load:
      return "LOAD";
  }
  return "?";
}

/// True for what counts as busy time: F, B, I, W, R.
[[nodiscard]] constexpr bool is_compute(OpKind kind) {
  return kind <= OpKind::Recompute;
}

/// True for EVICT and LOAD.
[[nodiscard]] constexpr bool is_copy(OpKind kind) {
  return kind == OpKind::Evict || kind == OpKind::Load;
}

/// False for what runs once a step.
[[nodiscard]] constexpr bool has_micro_batch(OpKind kind) {
  return is_compute(kind) || is_copy(kind);
}

/// True for B and I, which need the next stage's gradient.
[[nodiscard]] constexpr bool needs_gradient(OpKind kind) {
  return kind == OpKind::Backward || kind == OpKind::InputGrad;
}

struct Op {
  OpKind kind{};
  bool overlaps_next = false;  ///< runs together with the op behind it (an overlapped pair, F first)
  Stage stage{};
  MicroBatch micro_batch{};

  friend constexpr bool operator==(const Op&, const Op&) = default;
};

static_assert(sizeof(Op) == 8 && std::is_trivially_copyable_v<Op>,
              "a 64 x 4096 schedule holds half a million");

}  // namespace ppsim
