// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// Op: what a rank does to one micro-batch of one stage.
#pragma once

#include <array>
#include <cstddef>
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
  Recompute,          ///< R: the activations that B or I needs, made again before it
  GradientReduction,  ///< data-parallel reduction of a rank's gradients
  ParameterGather,    ///< gathering of sharded parameters
  OptimizerStep,
  Evict,  ///< copy of an activation to a partner's memory (BPipe); runs beside compute
  Load,   ///< and back
};
inline constexpr std::size_t kOpKinds = static_cast<std::size_t>(OpKind::Load) + 1;

/// One value for each kind of op.
template <class T>
struct ByOpKind {
  std::array<T, kOpKinds> values{};

  [[nodiscard]] constexpr T& operator[](OpKind kind) { return values[static_cast<std::size_t>(kind)]; }
  [[nodiscard]] constexpr const T& operator[](OpKind kind) const {
    return values[static_cast<std::size_t>(kind)];
  }

  friend constexpr bool operator==(const ByOpKind&, const ByOpKind&) = default;
};

enum class OpClass : std::uint8_t {
  Pass,        ///< work on one micro-batch: the busy time of a rank
  Collective,  ///< of all replicas, once a step
  Update,      ///< of a stage's weights, once a step
  Copy,        ///< of an activation between two ranks' memories: a transfer beside compute
};

/// The colour of an op in pictures and on terminals, in the words of a reader.
enum class OpColor : std::uint8_t { None, Blue, Green, Teal, Yellow, Orange, Violet, Pink, Rose };

/// Parts of the memory that a stage keeps for one micro-batch.
struct KeptParts {
  bool for_input_grad = false;   ///< the part of the activation that I frees
  bool for_weight_grad = false;  ///< the rest of the activation, which W frees
  bool recomputed = false;       ///< what R has made again

  friend constexpr bool operator==(const KeptParts&, const KeptParts&) = default;
};

/// All that differs by the kind of an op and is no cost.
struct OpTraits {
  std::string_view name;       ///< the letter of the papers (F B I W R), or the word of schedules and traces
  std::string_view long_name;  ///< of legends: "input gradient"
  std::string_view key;        ///< of configs and JSON: "input_grad"
  OpClass op_class{};
  OpColor color{};
  bool needs_gradient = false;                ///< of the next stage
  KeptParts allocates{};                      ///< when the op starts
  KeptParts frees{};                          ///< when the op ends
  std::array<std::string_view, 2> kernels{};  ///< that stand for the op in a Kineto trace; "": none
};

/// The one place that says what each kind of op is; by OpKind.
inline constexpr ByOpKind<OpTraits> kOpTraits{{{
    {.name = "F",
     .long_name = "forward",
     .key = "forward",
     .op_class = OpClass::Pass,
     .color = OpColor::Blue,
     .allocates = {.for_input_grad = true, .for_weight_grad = true},
     .kernels = {"attention_forward", "gemm_forward"}},
    {.name = "B",
     .long_name = "backward",
     .key = "backward",
     .op_class = OpClass::Pass,
     .color = OpColor::Green,
     .needs_gradient = true,
     .frees = {.for_input_grad = true, .for_weight_grad = true, .recomputed = true},
     .kernels = {"gemm_backward", "attention_backward"}},
    {.name = "I",
     .long_name = "input gradient",
     .key = "input_grad",
     .op_class = OpClass::Pass,
     .color = OpColor::Teal,
     .needs_gradient = true,
     .frees = {.for_input_grad = true},
     .kernels = {"gemm_input_grad", "attention_input_grad"}},
    {.name = "W",
     .long_name = "weight gradient",
     .key = "weight_grad",
     .op_class = OpClass::Pass,
     .color = OpColor::Yellow,
     .frees = {.for_weight_grad = true, .recomputed = true},
     .kernels = {"gemm_weight_grad", "accumulate_weight_grad"}},
    {.name = "R",
     .long_name = "recompute",
     .key = "recompute",
     .op_class = OpClass::Pass,
     .color = OpColor::Orange,
     .allocates = {.recomputed = true},
     .kernels = {"attention_recompute", "gemm_recompute"}},
    {.name = "REDUCE_GRAD",
     .long_name = "gradient reduction",
     .key = "gradient_reduction",
     .op_class = OpClass::Collective,
     .color = OpColor::Violet,
     .kernels = {"ncclDevKernel_AllReduce_Sum_bf16_RING_LL"}},
    {.name = "UNSHARD",
     .long_name = "parameter gathering",
     .key = "parameter_gather",
     .op_class = OpClass::Collective,
     .color = OpColor::Pink,
     .kernels = {"ncclDevKernel_AllGather_RING_LL"}},
    {.name = "OPTIMIZER",
     .long_name = "optimizer step",
     .key = "optimizer_step",
     .op_class = OpClass::Update,
     .color = OpColor::Rose,
     .kernels = {"multi_tensor_apply_kernel"}},
    {.name = "EVICT", .long_name = "evict", .key = "evict", .op_class = OpClass::Copy},
    {.name = "LOAD", .long_name = "load", .key = "load", .op_class = OpClass::Copy},
}}};
static_assert(kOpTraits.values.back().key == "load", "one row for each kind, in their order");

[[nodiscard]] constexpr const OpTraits& traits_of(OpKind kind) {
  return kOpTraits[kind];
}

/// The letter of the papers (F B I W R), or the word for what runs once a step.
[[nodiscard]] constexpr std::string_view name(OpKind kind) {
  return traits_of(kind).name;
}

/// "forward", "input gradient": for people, and for the categories of traces.
[[nodiscard]] constexpr std::string_view long_name(OpKind kind) {
  return traits_of(kind).long_name;
}

/// Some kinds of op. Whether a kind is one of them is asked of every op of a run, so the answers of the table
/// stand in one word.
class OpKinds {
 public:
  template <class Holds>
  explicit consteval OpKinds(Holds holds) {
    for (std::size_t kind = 0; kind < kOpKinds; ++kind)
      if (holds(kOpTraits.values[kind])) bits_ |= 1U << kind;
  }

  [[nodiscard]] constexpr bool contain(OpKind kind) const {
    return (bits_ >> static_cast<unsigned>(kind) & 1U) != 0;
  }

 private:
  std::uint32_t bits_ = 0;
};

/// True for what counts as busy time: F, B, I, W, R.
[[nodiscard]] constexpr bool is_compute(OpKind kind) {
  constexpr OpKinds kPasses([](const OpTraits& op) { return op.op_class == OpClass::Pass; });
  return kPasses.contain(kind);
}

/// True for EVICT and LOAD.
[[nodiscard]] constexpr bool is_copy(OpKind kind) {
  constexpr OpKinds kCopies([](const OpTraits& op) { return op.op_class == OpClass::Copy; });
  return kCopies.contain(kind);
}

/// True for REDUCE_GRAD and UNSHARD, whose whole duration is communication.
[[nodiscard]] constexpr bool is_collective(OpKind kind) {
  constexpr OpKinds kCollectives([](const OpTraits& op) { return op.op_class == OpClass::Collective; });
  return kCollectives.contain(kind);
}

/// False for what runs once a step.
[[nodiscard]] constexpr bool has_micro_batch(OpKind kind) {
  return is_compute(kind) || is_copy(kind);
}

/// True for B and I, which need the next stage's gradient.
[[nodiscard]] constexpr bool needs_gradient(OpKind kind) {
  constexpr OpKinds kGradients([](const OpTraits& op) { return op.needs_gradient; });
  return kGradients.contain(kind);
}

/// True for B and W, behind which a stage keeps nothing of a micro-batch.
[[nodiscard]] constexpr bool ends_backward(OpKind kind) {
  constexpr OpKinds kLast([](const OpTraits& op) { return op.frees.for_weight_grad; });
  return kLast.contain(kind);
}

/// All kinds of op, in their order.
[[nodiscard]] constexpr std::array<OpKind, kOpKinds> all_op_kinds() {
  std::array<OpKind, kOpKinds> kinds{};
  for (std::size_t kind = 0; kind < kOpKinds; ++kind) kinds[kind] = static_cast<OpKind>(kind);
  return kinds;
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
