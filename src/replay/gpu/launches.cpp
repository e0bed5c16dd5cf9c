#include "replay/gpu/launches.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <tuple>
#include <utility>

#include "replay/incoming.hpp"

namespace ppsim {
namespace {

// Who sends to whom, and whether it is an EVICT or LOAD: those are no part of the other's program, so they
// must not stand in the way of what is.
struct ChannelKey {
  Rank from{}, to{};
  bool copies = false;

  friend auto operator<=>(const ChannelKey&, const ChannelKey&) = default;
};

// The communicators of a graph, and which a channel has.
class CommunicatorTable {
 public:
  CommunicatorTable(const OpGraph& graph, bool one_for_all) {
    std::vector<bool> copies(graph.edge_count(), false);
    for (const CopyEdge& copy : graph.copies()) copies[copy.edge] = true;
    for (EdgeId edge = 0; edge < graph.edge_count(); ++edge) {
      if (const TransferClass* transfer = graph.transfer(edge))
        numbers_.emplace(ChannelKey{transfer->from, transfer->to, copies[edge]}, 0);
    }
    if (numbers_.empty()) return;
    if (one_for_all) add_world(graph.rank_count());
    add_pairs(one_for_all);
  }

  [[nodiscard]] std::uint32_t of(const ChannelKey& key) const { return numbers_.at(key); }
  [[nodiscard]] const std::vector<LaunchCommunicator>& list() const { return list_; }

 private:
  void add_world(std::uint32_t ranks) {
    list_.emplace_back();
    for (std::uint32_t rank = 0; rank < ranks; ++rank) list_.back().members.push_back(Rank{rank});
  }

  // Partners enqueue their part of copies from the beginning, so copies never share one with all else.
  void add_pairs(bool copies_only) {
    for (auto& [key, number] : numbers_) {
      if (copies_only && !key.copies) continue;
      number = static_cast<std::uint32_t>(list_.size());
      list_.push_back({{key.from, key.to}});
    }
  }

  std::map<ChannelKey, std::uint32_t> numbers_;
  std::vector<LaunchCommunicator> list_;
};

class RankBuilder {
 public:
  RankBuilder(const OpGraph& graph, Rank rank, const CommunicatorTable& communicators)
      : graph_(graph),
        program_(make_rank_program(graph, rank)),
        communicators_(communicators),
        incoming_(program_, IncomingMessages::Requests::LeftOut),
        held_(incoming_.channel_count(), 0) {
    launches_.ops.resize(program_.vertex_count(), kNoLaunch);
    launches_.departures.resize(program_.sends.size(), kNoLaunch);
    launches_.arrivals.resize(program_.receives.size(), kNoLaunch);
    receives_of_.resize(program_.vertex_count());
    for (std::uint32_t i = 0; i < program_.receives.size(); ++i)
      receives_of_[program_.receives[i].vertex].push_back(i);
    list_turns();
  }

  RankLaunches build() && {
    for (std::size_t channel = 0; channel < incoming_.channel_count(); ++channel) top_up(channel);
    for (const Service& service : program_.services) serve(service);
    for (const std::uint32_t turn : first_turns_) take_turn(turn, {});
    for (std::uint32_t vertex = 0; vertex < program_.vertex_count(); ++vertex) run(vertex);
    return std::move(launches_);
  }

 private:
  struct FreeBuffer {
    std::uint32_t buffer{};
    std::uint32_t after{};  // the launch that read what was in it
  };
  // Of another rank, here.
  struct Evicted {
    std::deque<std::uint32_t> kept;  // buffers
    std::deque<FreeBuffer> free;
  };

  // Turns that wait for no op are the first of their streams.
  void list_turns() {
    std::vector<bool> is_behind(program_.turns.size(), false);
    for (const auto& turns : program_.turns_behind) {
      for (const std::uint32_t turn : turns) is_behind[turn] = true;
    }
    for (std::uint32_t turn = 0; turn < program_.turns.size(); ++turn) {
      if (!is_behind[turn]) first_turns_.push_back(turn);
    }
  }

  void run(std::uint32_t vertex) {
    for (const std::uint32_t receive : receives_of_[vertex]) enqueue_up_to(receive);
    Launch op{.kind = LaunchKind::Op, .vertex = vertex, .after = std::exchange(next_op_after_, {})};
    for (const std::uint32_t receive : receives_of_[vertex]) op.after.push_back(launches_.arrivals[receive]);
    launches_.ops[vertex] = add(std::move(op));
    for (std::uint32_t send = program_.send_begin[vertex]; send < program_.send_begin[vertex + 1]; ++send)
      enqueue_behind_op(send);
    for (const std::uint32_t receive : receives_of_[vertex]) consume(receive, launches_.ops[vertex]);
    if (program_.turns_behind.empty()) return;
    for (const std::uint32_t turn : program_.turns_behind[vertex]) take_turn(turn, {launches_.ops[vertex]});
  }

  void enqueue_behind_op(std::uint32_t send) {
    const Message& message = program_.sends[send];
    if (message.has_turn()) return;
    if (message.role == MessageRole::Copy) return copy(send);
    launches_.departures[send] = add_send(message, false, {launches_.ops[message.vertex]});
    if (message.holds_sender) next_op_after_.push_back(launches_.departures[send]);
  }

  // EVICT sends, LOAD receives; what waits for it waits for the end of that.
  void copy(std::uint32_t send) {
    const Message& message = program_.sends[send];
    const Message& answer = program_.receives[message.answer];
    const std::vector<std::uint32_t> after = {launches_.ops[message.vertex]};
    const bool evicts = transfer(message.edge).from == program_.rank;
    const std::uint32_t launch =
        evicts ? add_send(message, true, after) : add_receive(answer, true, after, free_);
    launches_.departures[send] = launches_.arrivals[message.answer] = launch;
  }

  // The partner's part in a copy, from the beginning: it waits for the owner. What was evicted keeps its
  // buffer until it is loaded; no other receive may wait for that.
  void serve(const Service& service) {
    Evicted& evicted = evicted_[service.request.peer];
    if (transfer(service.request.edge).from != program_.rank) {
      const std::uint32_t launch = add_receive(service.request, true, {}, evicted.free);
      evicted.kept.push_back(launches_.list[launch].buffer);
      return;
    }
    const std::uint32_t launch = add_send(service.answer, true, {});
    if (evicted.kept.empty()) return;
    evicted.free.push_back({evicted.kept.front(), launch});
    evicted.kept.pop_front();
  }

  // Sends and receives that are next on a stream of the program together.
  void take_turn(std::uint32_t number, const std::vector<std::uint32_t>& behind) {
    const Turn& turn = program_.turns[number];
    const std::uint32_t group = groups_++;
    for (const std::uint32_t receive : turn.receives) {
      launches_.arrivals[receive] = add_receive(program_.receives[receive], false, behind, free_);
      join(launches_.arrivals[receive], number, group);
    }
    for (const std::uint32_t send : turn.sends) {
      std::vector<std::uint32_t> after = behind;
      after.push_back(launches_.ops[program_.sends[send].vertex]);
      launches_.departures[send] = add_send(program_.sends[send], false, std::move(after));
      join(launches_.departures[send], number, group);
    }
  }

  void join(std::uint32_t launch, std::uint32_t turn, std::uint32_t group) {
    launches_.list[launch].group = group;
    launches_.list[launch].stream = stream_of_turn(turn);
  }

  // Of the first turn on it, followed to here.
  std::uint32_t stream_of_turn(std::uint32_t turn) {
    const auto [found, fresh] = turn_streams_.emplace(turn, 0);
    if (fresh) found->second = launches_.streams++;
    const std::uint32_t stream = found->second;
    if (const std::uint32_t next = program_.turns[turn].next; next != kNoGate)
      turn_streams_.emplace(next, stream);
    return stream;
  }

  void enqueue_up_to(std::uint32_t receive) {
    const Message& message = program_.receives[receive];
    if (!message.comes_unasked()) return;
    const std::size_t channel = incoming_.channel_from(message.peer);
    while (launches_.arrivals[receive] == kNoLaunch) enqueue_next(channel);
  }

  // A receive is enqueued with the op that consumes the one before it, so it never stands in front of what
  // its own stream has not done yet: then messages may also begin in the order in which they are enqueued.
  void top_up(std::size_t channel) {
    if (held_[channel] == 0 && incoming_.has_next(channel)) enqueue_next(channel);
  }

  void enqueue_next(std::size_t channel) {
    const std::uint32_t receive = incoming_.take_next(channel).value().index;
    ++held_[channel];
    launches_.arrivals[receive] = add_receive(program_.receives[receive], false, {}, free_);
  }

  // The next receive does not take the same buffer: it need not wait for the op.
  void consume(std::uint32_t receive, std::uint32_t op) {
    const Message& message = program_.receives[receive];
    const Launch& launch = launches_.list[launches_.arrivals[receive]];
    if (launch.kind != LaunchKind::Receive) return;  // an EVICT's end
    const FreeBuffer buffer{launch.buffer, op};
    if (message.comes_unasked()) {
      const std::size_t channel = incoming_.channel_from(message.peer);
      --held_[channel];
      top_up(channel);
    }
    free_.push_back(buffer);
  }

  std::uint32_t add_send(const Message& message, bool copies, std::vector<std::uint32_t> after) {
    const ChannelKey key{program_.rank, message.peer, copies};
    Launch launch = message_launch(LaunchKind::Send, message, key, std::move(after));
    launches_.longest_send = std::max(launches_.longest_send, launch.bytes);
    return add(std::move(launch));
  }

  std::uint32_t add_receive(const Message& message, bool copies, std::vector<std::uint32_t> after,
                            std::deque<FreeBuffer>& free) {
    const ChannelKey key{message.peer, program_.rank, copies};
    Launch launch = message_launch(LaunchKind::Receive, message, key, std::move(after));
    if (free.empty()) {
      launch.buffer = static_cast<std::uint32_t>(launches_.buffers.size());
      launches_.buffers.emplace_back();
    } else {
      launch.buffer = free.front().buffer;
      launch.after.push_back(free.front().after);
      free.pop_front();
    }
    Bytes& size = launches_.buffers[launch.buffer];
    size = std::max(size, launch.bytes);
    return add(std::move(launch));
  }

  Launch message_launch(LaunchKind kind, const Message& message, const ChannelKey& key,
                        std::vector<std::uint32_t> after) {
    return {.kind = kind,
            .vertex = message.vertex,
            .edge = message.edge,
            .peer = message.peer,
            .bytes = std::max(transfer(message.edge).bytes, Bytes(1)),
            .communicator = communicators_.of(key),
            .stream = message.has_turn() ? 0 : stream_of(key),  // a turn has its own
            .after = std::move(after)};
  }

  std::uint32_t stream_of(const ChannelKey& key) {
    const auto [found, fresh] = streams_.emplace(key, 0);
    if (fresh) found->second = launches_.streams++;
    return found->second;
  }

  std::uint32_t add(Launch launch) {
    launch.group = groups_++;
    launches_.list.push_back(std::move(launch));
    return static_cast<std::uint32_t>(launches_.list.size() - 1);
  }

  [[nodiscard]] const TransferClass& transfer(EdgeId edge) const { return *graph_.transfer(edge); }

  const OpGraph& graph_;
  RankProgram program_;
  const CommunicatorTable& communicators_;
  RankLaunches launches_;
  std::vector<std::vector<std::uint32_t>> receives_of_;  // [vertices]
  IncomingMessages incoming_;                            // taken once they are enqueued
  std::vector<std::uint32_t> held_;  // [channels] receives that are enqueued, and not consumed
  std::deque<FreeBuffer> free_;
  std::vector<std::uint32_t> next_op_after_;  // blocking: sends that hold the rank
  std::map<ChannelKey, std::uint32_t> streams_;
  std::map<std::uint32_t, std::uint32_t> turn_streams_;
  std::map<Rank, Evicted> evicted_;  // by owner
  std::vector<std::uint32_t> first_turns_;
  std::uint32_t groups_ = 0;
};

}  // namespace

LaunchPlan make_launch_plan(const OpGraph& graph, Communicators communicators) {
  const CommunicatorTable table(graph, communicators == Communicators::World);
  LaunchPlan plan{table.list(), {}};
  for (std::uint32_t rank = 0; rank < graph.rank_count(); ++rank)
    plan.ranks.push_back(RankBuilder(graph, Rank{rank}, table).build());
  return plan;
}

}  // namespace ppsim
