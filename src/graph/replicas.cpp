// Several replicas side by side: one graph each, joined with all numbers moved on.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "graph/collective_classes.hpp"
#include "graph/op_graph_data.hpp"
#include "ppsim/core/error.hpp"

namespace ppsim {
namespace {

bool any(const PortBytes& bytes) {
  return bytes.inside > 0 || bytes.across > 0;
}

class Joiner {
 public:
  explicit Joiner(OpGraph::Data first) : data_(std::move(first)) {
    data_.replica_size = vertices();
    for (VertexId source = 0; source < vertices(); ++source) add_edges(data_, source, 0);
  }

  void add(const OpGraph::Data& replica) {
    const VertexId first = vertices();
    const EdgeId first_edge = edges();
    for (VertexId source = 0; source < data_.replica_size; ++source) add_edges(replica, source, first);
    append(data_.durations, replica.durations);
    append(data_.collective_times, replica.collective_times);
    move_on(data_.op_begin, replica.op_begin, data_.ops.size(), 1);
    append(data_.ops, replica.ops);
    move_on(data_.rank_begin, replica.rank_begin, first, 1);
    move_on(data_.side_begin, replica.side_begin, first, 0);
    move_on(data_.in_begin, replica.in_begin, first_edge, 1);
    move_on(data_.in_sources, replica.in_sources, first, 0);
    move_on(data_.in_edges, replica.in_edges, first_edge, 0);
    add_gates(replica, first, first_edge);
    add_classes(replica, first_edge);
  }

  OpGraph::Data take() && {
    data_.csr = CsrGraph(boost::edges_are_sorted, pairs_.begin(), pairs_.end(), vertices(),
                         static_cast<EdgeId>(pairs_.size()));
    return std::move(data_);
  }

 private:
  [[nodiscard]] VertexId vertices() const { return static_cast<VertexId>(data_.durations.size()); }
  [[nodiscard]] EdgeId edges() const { return static_cast<EdgeId>(data_.edge_classes.size()); }

  template <class T>
  static void append(std::vector<T>& to, const std::vector<T>& from) {
    to.insert(to.end(), from.begin(), from.end());
  }

  // Numbers, `by` more each, but for the largest of all, which says none. The first `skip` of them say what
  // the last one of `to` says already.
  static void move_on(std::vector<std::uint32_t>& to, const std::vector<std::uint32_t>& from, std::size_t by,
                      std::size_t skip) {
    constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();
    for (std::size_t i = skip; i < from.size(); ++i)
      to.push_back(from[i] == kNone ? kNone : from[i] + static_cast<std::uint32_t>(by));
  }

  void add_edges(const OpGraph::Data& replica, VertexId source, VertexId first) {
    const auto& begin = replica.csr.m_forward.m_rowstart;
    for (EdgeId edge = begin[source]; edge < begin[source + 1]; ++edge)
      pairs_.emplace_back(first + source, first + replica.csr.m_forward.m_column[edge]);
  }

  void add_gates(const OpGraph::Data& replica, VertexId first, EdgeId first_edge) {
    const auto first_gate = static_cast<GateId>(data_.gates.size());
    for (Gate gate : replica.gates) {
      if (gate.behind != kNoVertex) gate.behind += first;
      if (gate.next != kNoGate) gate.next += first_gate;
      data_.gates.push_back(gate);
    }
    for (const GateRange range : replica.gates_behind)
      data_.gates_behind.push_back({range.begin + first_gate, range.end + first_gate});
    move_on(data_.gate_begin, replica.gate_begin, data_.gate_edges.size(), 1);
    move_on(data_.gate_edges, replica.gate_edges, first_edge, 0);
    move_on(data_.send_gates, replica.send_gates, first_gate, 0);
    move_on(data_.receive_gates, replica.receive_gates, first_gate, 0);
    append(data_.sends, replica.sends);
  }

  // Transfers and collectives of a replica cross links of its own.
  void add_classes(const OpGraph::Data& replica, EdgeId first_edge) {
    const auto first_class = static_cast<EdgeClass>(data_.transfers.size());
    for (const EdgeClass kind : replica.edge_classes)
      data_.edge_classes.push_back(is_transfer(kind) ? kind + first_class : kind);
    append(data_.transfers, replica.transfers);
    move_on(data_.collectives, replica.collectives, data_.collective_classes.size(), 0);
    append(data_.collective_classes, replica.collective_classes);
    for (CopyEdge copy : replica.copies) data_.copies.push_back({copy.edge + first_edge, copy.op});
    for (PartEdge part : replica.part_edges)
      data_.part_edges.push_back({part.edge + first_edge, part.part, part.parts});
  }

  OpGraph::Data data_;
  std::vector<std::pair<VertexId, VertexId>> pairs_;  // [edges]
};

// How many replicas in a row an op of a stage waits for: those that its collectives reach.
class Partners {
 public:
  explicit Partners(const Workload& workload) : workload_(workload) {}

  [[nodiscard]] std::uint32_t of(Op op) const {
    if (is_collective(op.kind)) return workload_.network.replicas();
    return of(workload_.stages[index(op.stage)].ops[op.kind].bytes);
  }

 private:
  [[nodiscard]] std::uint32_t of(const CollectiveBytes& bytes) const {
    std::uint32_t most = 1;
    for (std::size_t kind = 0; kind < kGroupKinds; ++kind)
      if (any(bytes[kind])) most = std::max(most, workload_.network.partners(static_cast<GroupKind>(kind)));
    return most;
  }

  const Workload& workload_;
};

// [vertices of one replica] how many replicas in a row start it together.
std::vector<std::uint32_t> find_partners(const OpGraph::Data& one, const Workload& workload) {
  const Partners partners(workload);
  std::vector<std::uint32_t> result(one.durations.size(), 1);
  for (VertexId vertex = 0; vertex < result.size(); ++vertex) {
    const std::size_t begin = one.op_begin.empty() ? vertex : one.op_begin[vertex];
    const std::size_t end = one.op_begin.empty() ? begin + 1 : one.op_begin[vertex + 1];
    for (std::size_t op = begin; op < end; ++op)
      result[vertex] = std::max(result[vertex], partners.of(one.ops[op]));
  }
  return result;
}

}  // namespace

OpGraph build_replicas(const Schedule& schedule, const Workload& workload, Communication communication,
                       ProgramStreams streams, const LinkSharing& links) {
  const auto make = [&](std::uint32_t replica) {
    return make_graph_data(schedule, workload, communication, streams,
                           {links.collectives, replica, links.replicas});
  };
  const std::uint32_t replicas = workload.network.replicas();
  OpGraph::Data first = make(0);
  const std::size_t most = std::max(first.durations.size(), first.edge_classes.size());
  if (most * replicas > std::numeric_limits<VertexId>::max() / 4)
    throw Error("", fmt::format("{} replicas of {} actions and transfers, expected at most {} in all",
                                replicas, most, std::numeric_limits<VertexId>::max() / 4));
  const std::vector<std::uint32_t> partners = find_partners(first, workload);
  const auto size = static_cast<VertexId>(partners.size());
  Joiner joiner(std::move(first));
  for (std::uint32_t replica = 1; replica < replicas; ++replica) joiner.add(make(replica));
  OpGraph::Data joined = std::move(joiner).take();
  drop_unshared(joined);
  for (std::uint32_t replica = 0; replica < replicas; ++replica)
    for (VertexId v = 0; v < size; ++v)
      joined.leaders.push_back(replica / partners[v] * partners[v] * size + v);
  return OpGraph(std::make_shared<const OpGraph::Data>(std::move(joined)));
}

Timeline last_replica(const OpGraph& replicas, const Timeline& timeline) {
  const std::size_t size = replicas.replica_size();
  if (size == 0) return timeline;
  const std::size_t count = replicas.vertex_count() / size;
  std::vector<std::pair<Time, Time>> ends(count);  // of all, and of its passes
  for (VertexId v = 0; v < replicas.vertex_count(); ++v) {
    auto& [all, passes] = ends[v / size];
    all = std::max(all, timeline.finish[v]);
    if (is_compute(replicas.ops(v).front().kind)) passes = std::max(passes, timeline.finish[v]);
  }
  const auto replica = static_cast<std::size_t>(std::max_element(ends.begin(), ends.end()) - ends.begin());
  const auto part = [&](const std::vector<Time>& times) {
    const auto length = static_cast<std::ptrdiff_t>(times.size() / count);
    const auto begin = times.begin() + static_cast<std::ptrdiff_t>(replica) * length;
    return std::vector<Time>(begin, begin + length);
  };
  return {part(timeline.start), part(timeline.finish), part(timeline.transfer_start),
          part(timeline.transfer_finish)};
}

}  // namespace ppsim
