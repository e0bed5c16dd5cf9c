// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// OpGraph: schedule + costs as a dependency graph. Actions are vertices, in program order, rank by rank;
/// edges are program order, data that stays on a rank, and transfers between ranks.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ppsim/core/enum_names.hpp"
#include "ppsim/core/error.hpp"
#include "ppsim/core/op.hpp"
#include "ppsim/core/units.hpp"
#include "ppsim/graph/timeline.hpp"
#include "ppsim/model/costs/workload.hpp"
#include "ppsim/model/hardware/network.hpp"
#include "ppsim/schedule/schedule.hpp"

namespace ppsim {

/// An action: one op, or an overlapped pair; or what runs once a step (gradient reduction, optimizer): behind
/// a rank's program, or beside it.
using VertexId = std::uint32_t;
using EdgeId = std::uint32_t;

/// Semantics of communication, as configs/README has them for users.
enum class Communication : std::uint8_t {
  Overlap,   ///< transfers cost no compute time
  Blocking,  ///< a send holds the sender's compute stream until its last byte has left
  Program,   ///< sends and receives run in the order of the programs, as rendezvous
};
template <>
inline constexpr auto kEnumNames<Communication> =
    enum_names<Communication>({{Communication::Overlap, "overlap"},
                               {Communication::Blocking, "blocking"},
                               {Communication::Program, "program"}});

/// Communication::Program: which sends and receives of a rank run one after the other.
enum class CommStreams : std::uint8_t {
  Rank,  ///< all of a rank: one communicator for all ranks
  Pair,  ///< those with one peer in one direction: a communicator for each ordered pair of ranks
};
template <>
inline constexpr auto kEnumNames<CommStreams> = enum_names<CommStreams>({{CommStreams::Rank, "rank"},
                                                                         {CommStreams::Pair, "pair"}});

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
  Time transmission{};            ///< its delay: bytes / slowest bandwidth of the route
  std::vector<LinkId> links;      ///< held for `transmission`
  std::vector<LinkShare> shares;  ///< needed where links are shared
  bool holds_sender = true;       ///< blocking: the sender's stream is held; not by a copy of activations
};

/// What the collectives inside an action have in common on its rank, where they share links with all else.
/// While they run at full speed each port of a GPU carries at most `rate`, and a link `weight` times that.
struct CollectiveClass {
  struct Share {
    LinkId link{};
    BytesPerSecond capacity;
    double weight = 0;
  };
  double rate = 0;            ///< bytes a second
  std::uint32_t pieces = 1;   ///< that they come in, each behind an equal part of the action's compute
  std::vector<Share> shares;  ///< by link; no weight x rate above its capacity
};
inline constexpr std::uint32_t kNoCollective = std::numeric_limits<std::uint32_t>::max();

/// What an edge is, as a number: kProgramEdge, kDataEdge, kPartEdge, or an index into
/// OpGraph::transfer_classes().
using EdgeClass = std::uint32_t;
inline constexpr EdgeClass kProgramEdge = std::numeric_limits<EdgeClass>::max();
inline constexpr EdgeClass kDataEdge = kProgramEdge - 1;
inline constexpr EdgeClass kPartEdge = kDataEdge - 1;  ///< data that is there before its op ends
[[nodiscard]] constexpr bool is_transfer(EdgeClass edge) {
  return edge < kPartEdge;
}

/// When the data of a kPartEdge is there: when `part` / `parts` of its source's duration have passed, rounded
/// up. A bucket of gradients, say, whose layers are done before the whole stage is.
struct PartEdge {
  EdgeId edge{};
  std::uint32_t part = 0;  ///< below `parts`
  std::uint32_t parts = 1;

  [[nodiscard]] Time of(Time duration) const;
};

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

/// An edge and its ends.
struct GraphEdge {
  EdgeId id{};
  VertexId source{};
  VertexId target{};
  EdgeClass kind{};
};

/// The edges as arrays, by source and by target. What reads a graph walks OutEdges and InEdges; only the
/// engine, whose loops are hot, reads the arrays.
struct EdgeArrays {
  std::span<const EdgeId> out_begin;     ///< [vertices + 1] edges of v: out_begin[v] .. out_begin[v + 1]
  std::span<const VertexId> targets;     ///< [edges]
  std::span<const EdgeClass> classes;    ///< [edges]
  std::span<const EdgeId> in_begin;      ///< [vertices + 1]
  std::span<const VertexId> in_sources;  ///< [edges], in in-edge order
  std::span<const EdgeId> in_edges;      ///< [edges], the EdgeId behind each in-edge
};

/// The edges of one vertex, for a range-based for; each is made when it is read. Borrows the graph.
template <bool kOut>
class EdgeRange {
 public:
  class Iterator {
   public:
    Iterator(VertexId vertex, EdgeId at, const EdgeArrays& edges)
        : vertex_(vertex), at_(at), edges_(&edges) {}

    GraphEdge operator*() const {
      if constexpr (kOut) return {at_, vertex_, edges_->targets[at_], edges_->classes[at_]};
      const EdgeId id = edges_->in_edges[at_];
      return {id, edges_->in_sources[at_], vertex_, edges_->classes[id]};
    }
    Iterator& operator++() { return ++at_, *this; }
    friend bool operator==(const Iterator& a, const Iterator& b) { return a.at_ == b.at_; }

   private:
    VertexId vertex_;
    EdgeId at_;
    const EdgeArrays* edges_;
  };

  EdgeRange(Iterator begin, Iterator end) : begin_(begin), end_(end) {}
  [[nodiscard]] Iterator begin() const { return begin_; }
  [[nodiscard]] Iterator end() const { return end_; }

 private:
  Iterator begin_, end_;
};
using OutEdges = EdgeRange<true>;
using InEdges = EdgeRange<false>;

/// Immutable; copies share. Arrays are indexed by VertexId or EdgeId. Edges are numbered by source, then by
/// target, then by class. Who reads a graph asks for the edges of a vertex, the ops of a vertex and the ends
/// of an edge.
class OpGraph {
 public:
  [[nodiscard]] std::uint32_t rank_count() const;
  [[nodiscard]] std::uint32_t vertex_count() const;
  [[nodiscard]] std::uint32_t edge_count() const;
  [[nodiscard]] std::uint32_t link_count() const;

  [[nodiscard]] std::span<const VertexId> rank_begin() const;  ///< [P + 1] a rank's vertices are contiguous:
  [[nodiscard]] std::span<const VertexId> side_begin() const;  ///< [P] its program, then what runs beside it
  [[nodiscard]] Rank rank_of(VertexId vertex) const;           ///< O(log P)
  [[nodiscard]] std::span<const Op> ops(VertexId vertex) const;  ///< one, or two for a pair, F first
  [[nodiscard]] std::span<const Time> durations() const;         ///< [vertices]

  /// The edges from a vertex, by id.
  [[nodiscard]] OutEdges out_edges(VertexId vertex) const {
    return {{vertex, edges_.out_begin[vertex], edges_}, {vertex, edges_.out_begin[vertex + 1], edges_}};
  }
  /// The edges to a vertex, by source.
  [[nodiscard]] InEdges in_edges(VertexId vertex) const {
    return {{vertex, edges_.in_begin[vertex], edges_}, {vertex, edges_.in_begin[vertex + 1], edges_}};
  }
  [[nodiscard]] std::uint32_t in_degree(VertexId vertex) const {
    return edges_.in_begin[vertex + 1] - edges_.in_begin[vertex];
  }
  /// An edge with its ends. O(log V).
  [[nodiscard]] GraphEdge edge(EdgeId id) const;
  [[nodiscard]] EdgeClass edge_class(EdgeId id) const { return edges_.classes[id]; }
  /// What an edge moves between ranks; null where the edge is no transfer. Lives as long as the graph.
  [[nodiscard]] const TransferClass* transfer(EdgeId id) const;

  [[nodiscard]] std::span<const TransferClass> transfer_classes() const;
  [[nodiscard]] std::span<const CopyEdge> copies() const;      ///< by edge
  [[nodiscard]] std::span<const PartEdge> part_edges() const;  ///< by edge
  [[nodiscard]] const PartEdge& part_edge(EdgeId edge) const;  ///< of a kPartEdge; O(log of how many)
  [[nodiscard]] Communication communication() const;

  /// Of a graph of several replicas: [vertices] the first of those that start together with it. Else empty.
  /// Replica r's copy of a vertex is r x replica_size() further on.
  [[nodiscard]] std::span<const VertexId> leaders() const;
  [[nodiscard]] std::uint32_t replica_size() const;  ///< vertices

  // Where collectives share links with anything else, else empty.
  [[nodiscard]] std::span<const CollectiveClass> collective_classes() const;
  [[nodiscard]] std::span<const std::uint32_t> collectives() const;  ///< [vertices] class, or kNoCollective
  [[nodiscard]] std::span<const Time> collective_times() const;      ///< [vertices] part of durations()

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

  struct Data;  ///< in src/graph, for graph and engine
  explicit OpGraph(std::shared_ptr<const Data> data);
  [[nodiscard]] const Data& data() const { return *data_; }
  [[nodiscard]] const EdgeArrays& edge_arrays() const { return edges_; }

 private:
  std::shared_ptr<const Data> data_;
  EdgeArrays edges_;
};

/// How the replicas of the pipeline share a link, where a graph is of one of them: what bandwidth the graph
/// gives a transfer.
enum class ReplicaSharing : std::uint8_t {
  Static,   ///< An even share of each link, as if all replicas sent at once.
  Queued,   ///< The whole of a link that serves one transfer at a time, an even share of any other link.
  Dynamic,  ///< The whole of each link: the engine shares a link among the transfers that meet on it.
};

/// Who shares the links of a graph.
struct LinkSharing {
  bool collectives = false;  ///< Collectives share links with transfers; else they are a part of durations.
  std::optional<std::uint32_t> replica{};  ///< The one that the graph is of; empty: all replicas, in step.
  ReplicaSharing replicas = ReplicaSharing::Static;  ///< Of `replica` with the other replicas.
};

/// Lowers a schedule. Data dependencies: F(s,m) needs F(s-1,m); B or I (s,m) needs F(s,m) and B or I (s+1,m);
/// W(s,m) needs I(s,m); a token loop adds F(0,u) needs F(S-1,u-requests). A dependency between ranks is a
/// transfer. One that stays on a rank is what program order says already, and no edge of its own; only where
/// the order has it upside down it becomes a data edge, which closes a cycle. What runs once a step (gradient
/// reduction, optimizer step, gathering of parameters) follows the rank's last backward of that step; with
/// workload.overlap_gradients reductions run beside the program, bucket by bucket, each when its share of the
/// stage's last backward has run and the bucket before it is reduced, and what follows the step's last
/// backward in the program waits for the last of them. EVICT and LOAD are transfers of `activation`
/// bytes from and to rank P-1-r, which start at their place in the program and hold up no compute but what
/// waits for their end. Requires check_order(schedule) to be empty and
/// workload.stages.size()
/// == schedule.stages(); Communication::Program also the sends and receives of all transfers, without a fault
/// (check_communication, schedule/lowering.hpp). Throws Error where the sum of all durations could pass 2^62
/// ns, or vertices or edges pass 2^32.
[[nodiscard]] OpGraph build_graph(const Schedule& schedule, const Workload& workload,
                                  Communication communication, ProgramStreams streams = {},
                                  const LinkSharing& links = {});

/// Every replica of the pipeline by itself: as many graphs as the network has replicas, side by side, ranks
/// replica by replica. What exchanges data among replicas (gradient reduction, gathering of parameters,
/// passes with collectives of experts, context and ZeRO) starts when it is ready in all replicas that take
/// part; the part that each replica's GPUs have in the collective is on the links by itself. `links` as for
/// one graph, without a replica. Throws as build_graph() does.
[[nodiscard]] OpGraph build_replicas(const Schedule& schedule, const Workload& workload,
                                     Communication communication, ProgramStreams streams,
                                     const LinkSharing& links);

/// Of such a graph's timeline, the replica that ends last, as a timeline of build_graph()'s graph. Of
/// several, as all that reduce gradients together, the one whose passes end last: the others waited for it.
[[nodiscard]] Timeline last_replica(const OpGraph& replicas, const Timeline& timeline);

/// The static deadlock check, which takes no time into account: a cycle of actions, each waiting for the one
/// before it (the first for the last), or empty. Sends are rendezvous where they are part of the program, and
/// then transfers are among the actions. The cycle found is the same for the same graph. O(V + E).
[[nodiscard]] std::vector<Waiting> find_cycle(const OpGraph& graph);

/// The error that a cycle means.
[[nodiscard]] DeadlockError make_deadlock_error(const OpGraph& graph, std::span<const Waiting> cycle);

/// The longest path through the graph, transfers taking latency + transmission: no contention model ends
/// earlier. Written on its own (Boost's topological sort), to check engines against. Requires
/// Communication::Overlap and no cycle.
[[nodiscard]] Time longest_path(const OpGraph& graph);

}  // namespace ppsim
