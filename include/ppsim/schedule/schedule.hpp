// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// Schedule: a value that says in which order each rank works. No times, no idle slots; sends and receives
/// only where a program fixes their order too.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ppsim/core/op.hpp"
#include "ppsim/schedule/placement.hpp"

namespace ppsim {

/// What a program may say besides its compute ops: transfers between ranks, and the handling of sharded
/// parameters and gradients.
enum class CommKind : std::uint8_t {
  SendForward,   ///< SEND_F: the activation behind F of `stage` goes to the rank of the next stage
  RecvForward,   ///< RECV_F: the activation that F of `stage` needs comes from the rank of the previous stage
  SendBackward,  ///< SEND_B: the gradient behind B or I of `stage` goes to the rank of the previous stage
  RecvBackward,  ///< RECV_B: the gradient that B or I of `stage` needs comes from the rank of the next stage
  Unshard,       ///< UNSHARD: gathers a stage's parameters; no micro-batch
  Reshard,       ///< RESHARD: lets go of what was gathered; no micro-batch
  ReduceGrad,    ///< REDUCE_GRAD: reduces a stage's gradients; no micro-batch
};

/// As files have it.
[[nodiscard]] constexpr std::string_view name(CommKind kind) {
  switch (kind) {
    case CommKind::SendForward:
      return "SEND_F";
    case CommKind::RecvForward:
      return "RECV_F";
    case CommKind::SendBackward:
      return "SEND_B";
    case CommKind::RecvBackward:
      return "RECV_B";
    case CommKind::Unshard:
      return "UNSHARD";
    case CommKind::Reshard:
      return "RESHARD";
    case CommKind::ReduceGrad:
      return "REDUCE_GRAD";
  }
  return "?";
}

/// False for what handles a stage's parameters and gradients, whatever the micro-batch.
[[nodiscard]] constexpr bool is_send_or_receive(CommKind kind) {
  return kind <= CommKind::RecvBackward;
}

/// One such action, in front of the `position`-th op of its rank's program (behind the last one: its size),
/// never between the halves of a pair.
struct CommAction {
  CommKind kind{};
  Stage stage{};
  MicroBatch micro_batch{};  ///< UNSHARD, RESHARD, REDUCE_GRAD: the first one of the stage's direction
  std::uint32_t position = 0;

  friend bool operator==(const CommAction&, const CommAction&) = default;
};

struct Schedule {
  std::string name;
  Placement placement;
  std::uint32_t micro_batches =
      0;  ///< M, both directions, all slices and steps; inference: requests x (decode steps + 1)
  std::vector<std::uint8_t> directions;  ///< [M] direction of each micro-batch; empty: all 0
  bool forward_only = false;             ///< inference
  /// Inference: index u = t x requests + q is token step t of request q; t = 0 is prefill, and F(0, u) waits
  /// for F(S-1, u - requests), whose token returns to the first stage. 0: no token loop.
  std::uint32_t requests = 0;
  /// Sequence slices of a micro-batch, k: index u = m x k + q is slice q of micro-batch m. F(s, u) also needs
  /// F(s, u-1), and B(s, u) needs B(s, u+1), of the same micro-batch (keys and values of attention).
  std::uint32_t slices = 1;
  /// Optimizer steps in a row: index g = step x (M / steps) + m, and a rank's gradients of a step are reduced
  /// behind its last backward of that step.
  std::uint32_t steps = 1;
  /// Recomputation is an op of its own: R(s, u) runs on its rank before B(s, u), or I and W, needs no
  /// gradient, and the backward recomputes nothing. Else the backward has the recomputation inside.
  bool recompute_ahead = false;

  std::vector<Op> ops;                    ///< all ranks' programs, one after the other
  std::vector<std::uint32_t> rank_begin;  ///< [P + 1] where each rank's program begins in `ops`

  /// Communication as part of the programs, in their order (by position, equal positions as listed); empty:
  /// the schedule leaves it open. schedule/lowering.hpp makes it. Only `communication: program` runs it so.
  std::vector<CommAction> communication;
  std::vector<std::uint32_t> communication_begin;  ///< [P + 1] as rank_begin, or empty

  [[nodiscard]] std::uint32_t ranks() const { return placement.ranks; }
  [[nodiscard]] std::uint32_t stages() const { return placement.stages(); }

  /// Ops of one rank in program order.
  [[nodiscard]] std::span<const Op> program(Rank rank) const;

  /// Communication of one rank in program order; empty where the schedule leaves it open.
  [[nodiscard]] std::span<const CommAction> communication_of(Rank rank) const;

  /// True for a token step of inference, false for prefill and for training.
  [[nodiscard]] bool is_token_step(MicroBatch micro_batch) const {
    return requests > 0 && index(micro_batch) >= requests;
  }

  /// Direction of a micro-batch: 0 or 1.
  [[nodiscard]] std::uint32_t direction(MicroBatch micro_batch) const {
    return directions.empty() ? 0 : directions[index(micro_batch)];
  }

  friend bool operator==(const Schedule&, const Schedule&) = default;
};

/// Writes a schedule's programs rank by rank. next_rank() ends a rank's program; after P of them take() the
/// schedule.
class ScheduleWriter {
 public:
  /// Reserves room for `ops` ops, so that writing allocates nothing.
  ScheduleWriter(std::string name, Placement placement, std::uint32_t micro_batches, std::size_t ops);

  void forward(std::size_t stage, std::size_t micro_batch) { push(OpKind::Forward, stage, micro_batch); }
  void backward(std::size_t stage, std::size_t micro_batch) { push(OpKind::Backward, stage, micro_batch); }
  void input_grad(std::size_t stage, std::size_t micro_batch) { push(OpKind::InputGrad, stage, micro_batch); }
  void weight_grad(std::size_t stage, std::size_t micro_batch) {
    push(OpKind::WeightGrad, stage, micro_batch);
  }
  /// Makes the schedule one that recomputes ahead: it then wants an R for every backward.
  void recompute(std::size_t stage, std::size_t micro_batch) {
    schedule_.recompute_ahead = true;
    push(OpKind::Recompute, stage, micro_batch);
  }
  /// The op written last runs together with the one that follows it.
  void overlap_next() { schedule_.ops.back().overlaps_next = true; }
  void push(Op op) { schedule_.ops.push_back(op); }
  void next_rank();

  [[nodiscard]] Schedule take() &&;

 private:
  void push(OpKind kind, std::size_t stage, std::size_t micro_batch) {
    push(Op{kind, false, static_cast<Stage>(stage), static_cast<MicroBatch>(micro_batch)});
  }

  Schedule schedule_;
};

}  // namespace ppsim
