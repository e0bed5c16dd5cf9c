// What an op of one stage hands to an op of another.
#pragma once

#include <optional>

#include "ppsim/schedule/schedule.hpp"

namespace ppsim {

/// The result of an op on its way: the two names that it has, and the ranks at its ends.
struct Handover {
  CommAction send;     ///< of the op that makes it
  CommAction receive;  ///< of the op that reads it
  Rank from{};
  Rank to{};

  [[nodiscard]] bool leaves_rank() const { return from != to; }
};

/// F hands to the F of the next stage, B or I to the B or I of the stage before, a token to the first stage's
/// F of the next token step. Empty where nobody reads the result: W, the last stage's F, the first stage's B.
[[nodiscard]] inline std::optional<Handover> handover_of(const Schedule& schedule, Op op) {
  const std::size_t stage = index(op.stage), micro_batch = index(op.micro_batch);
  const auto make = [&](CommKind send, CommKind receive, std::size_t to_stage, std::size_t to_micro_batch) {
    const std::uint32_t direction = schedule.direction(op.micro_batch);
    const Stage reader = static_cast<Stage>(to_stage);
    return Handover{{send, op.stage, op.micro_batch},
                    {receive, reader, static_cast<MicroBatch>(to_micro_batch)},
                    schedule.placement.rank_of(op.stage, direction),
                    schedule.placement.rank_of(reader, direction)};
  };
  if (op.kind == OpKind::Forward && stage + 1 < schedule.stages())
    return make(CommKind::SendForward, CommKind::RecvForward, stage + 1, micro_batch);
  if (op.kind == OpKind::Forward && schedule.requests > 0 &&
      micro_batch + schedule.requests < schedule.micro_batches)
    return make(CommKind::SendForward, CommKind::RecvForward, 0, micro_batch + schedule.requests);
  if (needs_gradient(op.kind) && stage > 0)
    return make(CommKind::SendBackward, CommKind::RecvBackward, stage - 1, micro_batch);
  return std::nullopt;
}

}  // namespace ppsim
