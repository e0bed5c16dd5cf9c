// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// Lowering: passes over a schedule's programs that add communication, as PyTorch's pipelining has them
/// (torch.distributed.pipelining.schedules: _merge_bw, _add_unshard_reshard, _add_reduce_grad,
/// _add_send_recv). Each takes a schedule whose order is legal (check_order) and gives one back; none moves a
/// compute op, and what communication there is already stays where it stands. The passes of sharded
/// parameters come before the sends and receives, as there.
#pragma once

#include <cstdint>
#include <vector>

#include "ppsim/core/error.hpp"
#include "ppsim/schedule/schedule.hpp"

namespace ppsim {

/// An I directly followed by the W of the same stage and micro-batch becomes one B. Communication that stood
/// between the two stands behind the B.
[[nodiscard]] Schedule merge_backward(const Schedule& schedule);

/// Keeps the parameters of the `keep` stages that a rank works on next gathered: UNSHARD before a stage's
/// first op, RESHARD when others are wanted. A pair may ask for one stage more. `keep` is at least 1. The two
/// copies of a bidirectional schedule's stage are two stages here. Throws Error (where: "schedule") where
/// there are UNSHARD or RESHARD already. O(ops x keep).
[[nodiscard]] Schedule add_unshards(const Schedule& schedule, std::uint32_t keep = 3);

/// REDUCE_GRAD of a stage behind its last B or W (behind the pair where that is half of one), in each
/// optimizer step. Throws Error (where: "schedule") where there are some already.
[[nodiscard]] Schedule add_reductions(const Schedule& schedule);

/// SEND and RECV for each result that leaves its rank: the SEND right behind its op, the RECV at once at the
/// end of what the receiver has so far, in one sweep over the ranks after the other in which each runs at
/// most one op. So a receive is placed by its sender, in the order of sends, and programs cannot wait for one
/// another. In inference the last stage's SEND_F carries the token to RECV_F of stage 0, whose micro-batch is
/// the next token step's. Throws DeadlockError (where: "schedule") where the sweep cannot go on,
/// and Error where there are sends and receives already. O(ops).
[[nodiscard]] Schedule add_sends_and_receives(const Schedule& schedule);

/// True where the programs say when they send and receive, or something of it.
[[nodiscard]] bool has_sends_or_receives(const Schedule& schedule);

/// Every fault of a schedule's sends and receives, as check_order has them for ops, in order of rank and
/// place (where: "rank 3, before step 17", or "rank 3" for what is missing): a stage or micro-batch that does
/// not exist; a stage that the rank does not hold; one that has no peer on another rank; one twice, or
/// missing; a SEND in front of the op whose result it carries; a RECV behind the op that needs it; one
/// between the halves of a pair. Empty where the schedule has neither SEND nor RECV. Of ops that are missing
/// or stand on the wrong rank check_order speaks. O(ops).
[[nodiscard]] std::vector<Fault> check_communication(const Schedule& schedule);

}  // namespace ppsim
