/// What one rank of a graph does: its ops, and the messages that it sends and receives.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ppsim/core/units.hpp"
#include "ppsim/graph/op_graph.hpp"

namespace ppsim {

/// What a message is to a rank.
enum class MessageRole : std::uint8_t {
  Plain,   ///< a result goes to the rank that needs it
  Copy,    ///< EVICT or LOAD: to the partner, which answers
  Answer,  ///< from the partner
};

/// A message to or from another rank. Vertices and turns are numbered within the rank, from 0.
struct Message {
  EdgeId edge{};
  Rank peer{};
  std::uint32_t vertex = kNoVertex;  ///< that sends it, or that waits for it; of a service: none
  Bytes bytes;
  Time latency{};  ///< of the transfer
  Time transmission{};
  MessageRole role = MessageRole::Plain;
  bool holds_sender = false;       ///< blocking: the rank's next op waits until the last byte has left
  std::uint32_t turn = kNoGate;    ///< its turn among the rank's sends and receives
  std::uint32_t answer = kNoGate;  ///< of a Copy that is sent: index of the receive

  /// So it is a rendezvous.
  [[nodiscard]] bool has_turn() const { return turn != kNoGate; }
  /// The sender alone decides when such a message comes.
  [[nodiscard]] bool comes_unasked() const { return !has_turn() && role == MessageRole::Plain; }
};

/// What a rank does as the partner of another, beside its program: it takes what the other evicts, and says
/// so; or is asked for what the other loads, and sends it.
struct Service {
  Message request;
  Message answer;
};

/// A dependency that stays on the rank.
struct LocalEdge {
  std::uint32_t target{};
  bool program = false;  ///< the op before it in the program hands over the rank
};

/// Sends and receives that take their turn together: see Gate.
struct Turn {
  std::uint32_t waits = 0;  ///< for an op, and for each message of the turn before
  std::uint32_t next = kNoGate;
  std::vector<std::uint32_t> sends, receives;  ///< indices of messages
};

/// Made once from the graph, which it shares. Vertex v of the rank is vertex first + v of the graph.
struct RankProgram {
  Rank rank{};
  OpGraph graph;
  VertexId first{};
  std::vector<Time> durations;             ///< [vertices]
  std::vector<std::uint32_t> inputs;       ///< [vertices] edges of all kinds that it waits for
  std::vector<std::uint32_t> local_begin;  ///< [vertices + 1] into local_edges
  std::vector<LocalEdge> local_edges;
  std::vector<std::uint32_t> send_begin;                 ///< [vertices + 1] into sends
  std::vector<Message> sends;                            ///< by edge
  std::vector<Message> receives;                         ///< by edge: those of one sender in its order
  std::vector<Service> services;                         ///< by edge
  std::vector<Turn> turns;                               ///< Communication::Program, in program order
  std::vector<std::vector<std::uint32_t>> turns_behind;  ///< [vertices]

  [[nodiscard]] std::uint32_t vertex_count() const { return static_cast<std::uint32_t>(durations.size()); }
  [[nodiscard]] std::span<const LocalEdge> local_edges_of(std::uint32_t vertex) const;
};

/// Throws Error (where: "rank 3: F of stage 2, micro-batch 5") where an op depends on another rank's without
/// a transfer, and where one runs beside the rank's program. O(the rank's vertices and edges, and all
/// copies).
[[nodiscard]] RankProgram make_rank_program(const OpGraph& graph, Rank rank);

}  // namespace ppsim
