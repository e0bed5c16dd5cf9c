/// A replay of its own of programs whose sends and receives have an order: no graph, no gates, no event
/// queue. It asks of every action again and again whether all that it waits for is known. Not fast.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>
#include <vector>

#include "ppsim/graph/op_graph.hpp"
#include "ppsim/model/costs/workload.hpp"
#include "ppsim/schedule/schedule.hpp"

namespace ppsim {

class ProgramReplay {
 public:
  ProgramReplay(const Schedule& schedule, const Workload& workload, ProgramStreams streams)
      : schedule_(schedule), workload_(workload), streams_(streams) {
    for (std::uint32_t rank = 0; rank < schedule.ranks(); ++rank) {
      ends_.emplace_back(schedule.program(Rank{rank}).size());
      for (const CommAction& action : schedule.communication_of(Rank{rank})) {
        if (is_send_or_receive(action.kind)) add(rank, action);
      }
    }
  }

  /// The last end; empty where some action waits for ever.
  std::optional<Time> makespan() {
    for (bool progress = true; progress;) {
      progress = false;
      for (std::uint32_t rank = 0; rank < schedule_.ranks(); ++rank) {
        for (std::size_t step = 0; step < ends_[rank].size(); ++step) progress |= try_op(rank, step);
      }
      for (auto& entry : transfers_) progress |= try_transfer(entry.second);
    }
    Time last{};
    for (const auto& ends : ends_) {
      for (const auto& end : ends) {
        if (!end) return std::nullopt;
        last = std::max(last, *end);
      }
    }
    return last;
  }

 private:
  // A transfer by what it carries: gradient or activation, stage that made it, micro-batch that it feeds.
  using Key = std::tuple<bool, std::size_t, std::size_t>;
  struct Turn {
    std::uint32_t rank = 0;
    std::uint32_t position = 0;
    bool sends = false;
    std::vector<Key> before;  // the group before it on its stream
  };
  struct Transfer {
    Turn send, receive;
    std::size_t stage = 0;
    bool gradient = false;
    std::optional<Time> start, arrival;
    Time transmission{}, latency{};
  };
  struct Group {
    std::uint32_t position = 0;
    std::vector<Key> now, before;
  };

  void add(std::uint32_t rank, const CommAction& action) {
    const bool gradient = action.kind == CommKind::SendBackward || action.kind == CommKind::RecvBackward;
    const bool sends = action.kind == CommKind::SendForward || action.kind == CommKind::SendBackward;
    const std::size_t S = schedule_.stages(), stage = index(action.stage), m = index(action.micro_batch);
    const std::size_t made = sends ? stage : gradient ? stage + 1 : (stage + S - 1) % S;
    const std::size_t feeds = sends && !gradient && stage + 1 == S ? m + schedule_.requests : m;
    const Key key{gradient, made, feeds};
    Transfer& transfer = transfers_[key];
    transfer.stage = made;
    transfer.gradient = gradient;
    const std::size_t other = sends ? (gradient ? stage - 1 : (stage + 1) % S) : made;
    const Rank peer =
        schedule_.placement.rank_of(static_cast<Stage>(other), schedule_.direction(action.micro_batch));
    if (sends) set_cost(transfer, Rank{rank}, peer, m);
    Group& group = streams_of_[{rank, streams_.per == CommStreams::Pair ? index(peer) + 1 : 0,
                                streams_.per == CommStreams::Pair && sends}];
    if (!group.now.empty() && (!streams_.grouped || group.position != action.position)) {
      group.before = group.now;
      group.now.clear();
    }
    group.now.push_back(key);
    group.position = action.position;
    (sends ? transfer.send : transfer.receive) = {rank, action.position, sends, group.before};
  }

  void set_cost(Transfer& transfer, Rank from, Rank to, std::size_t m) {
    const StageCosts& costs = workload_.stages[transfer.stage];
    const bool token =
        transfer.stage + 1 == schedule_.stages() || (schedule_.requests > 0 && m >= schedule_.requests);
    const Bytes bytes = transfer.gradient                 ? costs.backward_transfer
                        : schedule_.requests > 0 && token ? costs.decode_transfer
                                                          : costs.forward_transfer;
    const Route route = workload_.network.route(from, to);
    transfer.transmission = bytes / route.bandwidth;
    transfer.latency = route.latency;
  }

  // When a turn on a stream comes; empty: not known.
  std::optional<Time> turn(const Turn& turn) const {
    Time opens{};
    if (turn.position > 0) {
      const auto& end = ends_[turn.rank][turn.position - 1];
      if (!end) return std::nullopt;
      opens = *end;
    }
    for (const Key& key : turn.before) {
      const Transfer& before = transfers_.at(key);
      if (!before.arrival) return std::nullopt;
      const bool sent_here = before.send.rank == turn.rank;
      opens = std::max(opens, sent_here ? *before.arrival - before.latency : *before.arrival);
    }
    return opens;
  }

  bool try_transfer(Transfer& transfer) {
    if (transfer.start) return false;
    const auto send = turn(transfer.send), receive = turn(transfer.receive);
    if (!send || !receive) return false;
    transfer.start = std::max(*send, *receive);
    transfer.arrival = *transfer.start + transfer.transmission + transfer.latency;
    return true;
  }

  // An op, or a pair as a whole: both halves then have its end.
  bool try_op(std::uint32_t rank, std::size_t step) {
    if (ends_[rank][step]) return false;
    const auto program = schedule_.program(Rank{rank});
    const bool pair = program[step].overlaps_next;
    Time start{};
    if (step > 0) {
      if (!ends_[rank][step - 1]) return false;
      start = *ends_[rank][step - 1];
    }
    for (std::size_t half = 0; half < (pair ? 2U : 1U); ++half) {
      const auto input = input_of(program[step + half]);
      if (!input) return false;
      start = std::max(start, *input);
    }
    Time end = start + duration(program[step]);
    if (pair) end += duration(program[step + 1]);
    ends_[rank][step] = end;
    if (pair) ends_[rank][step + 1] = end;
    return true;
  }

  // What comes from another rank; what does not is there by program order.
  std::optional<Time> input_of(Op op) const {
    const std::size_t S = schedule_.stages();
    const bool gradient = needs_gradient(op.kind);
    if (op.kind == OpKind::WeightGrad) return Time{};
    const Key key{gradient, gradient ? index(op.stage) + 1 : (index(op.stage) + S - 1) % S,
                  index(op.micro_batch)};
    const auto found = transfers_.find(key);
    if (found == transfers_.end()) return Time{};
    return found->second.arrival;
  }

  [[nodiscard]] Time duration(Op op) const {
    const StageCosts& costs = workload_.stages[index(op.stage)];
    if (op.kind == OpKind::Forward && schedule_.is_token_step(op.micro_batch))
      return costs.decode_forward[index(op.micro_batch) / schedule_.requests - 1];
    return costs.duration(op.kind);
  }

  const Schedule& schedule_;
  const Workload& workload_;
  ProgramStreams streams_;
  std::vector<std::vector<std::optional<Time>>> ends_;  // [P][program]
  std::map<Key, Transfer> transfers_;
  std::map<std::tuple<std::uint32_t, std::size_t, bool>, Group> streams_of_;
};

}  // namespace ppsim
