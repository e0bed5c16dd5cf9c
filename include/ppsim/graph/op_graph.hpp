/// OpGraph: schedule + costs as a dependency graph. Actions are vertices, in program order, rank by rank;
/// edges are program order, data that stays on a rank, and transfers between ranks.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ppsim/core/error.hpp"
#include "ppsim/core/op.hpp"
#include "ppsim/core/units.hpp"
#include "ppsim/model/network.hpp"
#include "ppsim/model/workload.hpp"
#include "ppsim/schedule/schedule.hpp"

namespace ppsim {

/// An action: one op, or an overlapped pair; or what runs once a step behind a rank's program (gradient
/// reduction).
using VertexId = std::uint32_t;
using EdgeId = std::uint32_t;

/// Semantics of communication, as configs/README has them for users.
enum class Communication : std::uint8_t {
  Overlap,   ///< transfers cost no compute time
  Blocking,  ///< a send holds the sender's compute stream until its last byte has left
  Program,   ///< sends and receives run in the order of the programs, as rendezvous
};

/// Communication::Program: which sends and receives of a rank run one after the other.
enum class CommStreams : std::uint8_t {
  Rank,  ///< all of a rank: one communicator for all ranks
  Pair,  ///< those with one peer in one direction: a communicator for each ordered pair of ranks
};

struct ProgramStreams {
  CommStreams per = CommStreams::Rank;
  bool grouped = false;  ///< what a stream has between two compute ops of its rank runs as one group, at once
};

/// What transfers of equal ends and size have in common. Few of them a graph.
struct TransferClass {
  Rank from{};
  Rank to{};
  Bytes bytes;
  Time latency{};
  Time wire{};                    ///< bytes / slowest bandwidth of the route
  std::vector<LinkId> links;      ///< held for `wire`
  std::vector<LinkShare> shares;  ///< needed where links are shared
  bool holds_sender = true;       ///< blocking: the sender's stream is held; not by a copy of activations
};

/// What an edge is, as a number: kProgramEdge, kDataEdge, or an index into OpGraph::transfer_classes().
using EdgeClass = std::uint32_t;
inline constexpr EdgeClass kProgramEdge = std::numeric_limits<EdgeClass>::max();
inline constexpr EdgeClass kDataEdge = kProgramEdge - 1;
[[nodiscard]] constexpr bool is_transfer(EdgeClass edge) {
  return edge < kDataEdge;
}

/// An EVICT or LOAD: a transfer between an op of a rank (behind which it stands in the program) and a later
/// one of the same rank (EVICT: the next F, LOAD: the B or I that reads what comes back).
struct CopyEdge {
  EdgeId edge{};
  Op op;
};

/// Communication::Program: a group of sends and receives that are next on their stream together. It opens
/// when the group before it on the stream is done (a send: when its last byte has left; a receive: at its
/// arrival) and the compute op before it in the program has finished. A transfer starts when its producer has
/// finished and the gates of its send and of its receive are open.
using GateId = std::uint32_t;
inline constexpr GateId kNoGate = std::numeric_limits<GateId>::max();
inline constexpr VertexId kNoVertex = std::numeric_limits<VertexId>::max();
struct Gate {
  VertexId behind = kNoVertex;  ///< kNoVertex: no compute op stands before it
  GateId next = kNoGate;        ///< behind it on the stream
};

/// [begin, end)
struct GateRange {
  GateId begin = 0;
  GateId end = 0;
};

/// An action that waits, for deadlocks: a vertex, or a transfer as its send and receive.
struct Waiting {
  bool is_transfer = false;
  std::uint32_t id = 0;  ///< VertexId or EdgeId

  friend bool operator==(const Waiting&, const Waiting&) = default;
};

/// Immutable; copies share. Arrays are indexed by VertexId or EdgeId. Edges are numbered by source, then by
/// target, then by class.
class OpGraph {
 public:
  [[nodiscard]] std::uint32_t rank_count() const;
  [[nodiscard]] std::uint32_t vertex_count() const;
  [[nodiscard]] std::uint32_t edge_count() const;
  [[nodiscard]] std::uint32_t link_count() const;

  [[nodiscard]] std::span<const VertexId> rank_begin() const;    ///< [P + 1] a rank's vertices are contiguous
  [[nodiscard]] Rank rank_of(VertexId vertex) const;             ///< O(log P)
  [[nodiscard]] std::span<const Op> ops(VertexId vertex) const;  ///< one, or two for a pair, F first
  [[nodiscard]] std::span<const Time> durations() const;         ///< [vertices]

  [[nodiscard]] std::span<const EdgeId> out_begin()
      const;  ///< [vertices + 1] edges of v: out_begin[v] .. out_begin[v+1]
  [[nodiscard]] std::span<const VertexId> targets() const;        ///< [edges]
  [[nodiscard]] std::span<const EdgeClass> edge_classes() const;  ///< [edges]
  [[nodiscard]] std::span<const EdgeId> in_begin() const;         ///< [vertices + 1]
  [[nodiscard]] std::span<const VertexId> in_sources() const;     ///< [edges], in in-edge order
  [[nodiscard]] std::span<const EdgeId> in_edges() const;         ///< [edges], the EdgeId behind each in-edge

  [[nodiscard]] std::span<const TransferClass> transfer_classes() const;
  [[nodiscard]] std::span<const CopyEdge> copies() const;  ///< by edge
  [[nodiscard]] Communication communication() const;

  // Communication::Program only, else empty.
  [[nodiscard]] std::span<const Gate> gates() const;               ///< rank by rank, in program order
  [[nodiscard]] std::span<const GateRange> gates_behind() const;   ///< [vertices] gates with that `behind`
  [[nodiscard]] std::span<const GateId> send_gates() const;        ///< [edges]; kNoGate: no SEND (copies)
  [[nodiscard]] std::span<const GateId> receive_gates() const;     ///< [edges]
  [[nodiscard]] std::span<const EdgeId> gate_edges(GateId) const;  ///< what waits for it, by edge

  /// "rank 2: F of stage 2, micro-batch 5"; for messages.
  [[nodiscard]] std::string describe(VertexId vertex) const;
  /// "rank 0: SEND_F of stage 0, micro-batch 1, to rank 1" of a transfer with gates.
  [[nodiscard]] std::string describe_send(EdgeId edge) const;

  struct Data;  ///< in src/graph
  explicit OpGraph(std::shared_ptr<const Data> data) : data_(std::move(data)) {}

 private:
  std::shared_ptr<const Data> data_;
};

/// Lowers a schedule. Data dependencies: F(s,m) needs F(s-1,m); B or I (s,m) needs F(s,m) and B or I (s+1,m);
/// W(s,m) needs I(s,m); a token loop adds F(0,u) needs F(S-1,u-requests). A dependency between ranks is a
/// transfer. One that stays on a rank is what program order says already, and no edge of its own; only where
/// the order has it upside down it becomes a data edge, which closes a cycle. What runs once a step (gradient
/// reduction) follows the rank's last backward of that step. EVICT and LOAD are transfers of `activation`
/// bytes from and to rank P-1-r, which start at their place in the program and hold up no compute but what
/// waits for their end. Requires check_order(schedule) to be empty and
/// workload.stages.size()
/// == schedule.stages(); Communication::Program also the sends and receives of all transfers, without a fault
/// (check_communication, schedule/lowering.hpp). Throws Error where the sum of all durations could pass 2^62
/// ns, or vertices or edges pass 2^32.
[[nodiscard]] OpGraph build_graph(const Schedule& schedule, const Workload& workload,
                                  Communication communication, ProgramStreams streams = {});

/// The static deadlock check, which takes no time into account: a cycle of actions, each waiting for the one
/// before it (the first for the last), or empty. Sends are rendezvous where they are part of the program, and
/// then transfers are among the actions. The cycle found is the same for the same graph. O(V + E).
[[nodiscard]] std::vector<Waiting> find_cycle(const OpGraph& graph);

/// The error that a cycle means.
[[nodiscard]] DeadlockError make_deadlock_error(const OpGraph& graph, std::span<const Waiting> cycle);

/// The longest path through the graph, transfers taking latency + wire: no contention model ends earlier.
/// Written on its own (Boost's topological sort), to check engines against. Requires Communication::Overlap
/// and no cycle.
[[nodiscard]] Time longest_path(const OpGraph& graph);

}  // namespace ppsim
