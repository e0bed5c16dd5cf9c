// GOAL, as LogGOPSim's converter reads it. Labels count the lines of a rank.
#include <fmt/compile.h>
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <vector>

#include "core/int128.hpp"
#include "ppsim/core/error.hpp"
#include "ppsim/output/schedule/schedule_files.hpp"

namespace ppsim {
namespace {

class GoalWriter {
 public:
  explicit GoalWriter(const OpGraph& graph) : graph_(graph) {}

  std::string write() && {
    constexpr std::size_t kVertexText = 50, kEdgeText = 120;  // typical
    out_.reserve(graph_.vertex_count() * kVertexText + graph_.edge_count() * kEdgeText);
    append(FMT_COMPILE("num_ranks {}\n"), graph_.rank_count());
    for (std::uint32_t rank = 0; rank < graph_.rank_count(); ++rank) {
      append(FMT_COMPILE("\nrank {} {{\n"), rank);
      write_rank(rank);
      out_ += "}\n";
    }
    return std::move(out_);
  }

 private:
  template <class Format, class... Arguments>
  void append(Format format, const Arguments&... arguments) {
    fmt::format_to(std::back_inserter(out_), format, arguments...);
  }

  void write_rank(std::uint32_t rank) {
    std::uint32_t label = 0, before = 0;
    for (VertexId vertex = graph_.rank_begin()[rank]; vertex < graph_.rank_begin()[rank + 1]; ++vertex) {
      const std::uint32_t first_receive = label + 1;
      receive(vertex, label);
      const std::uint32_t calc = ++label;
      append(FMT_COMPILE("l{}: calc {}\n"), calc, graph_.durations()[vertex].count());
      if (before > 0) append(FMT_COMPILE("l{} requires l{}\n"), calc, before);
      for (std::uint32_t l = first_receive; l < calc; ++l) append(FMT_COMPILE("l{} requires l{}\n"), calc, l);
      send(vertex, label, calc);
      before = calc;
    }
  }

  // What arrives for the vertex. A receive requires nothing: it is posted from the start.
  void receive(VertexId vertex, std::uint32_t& label) {
    for (const GraphEdge edge : graph_.in_edges(vertex)) {
      if (!is_transfer(edge.kind)) continue;
      const TransferClass& transfer = class_of(edge.id);
      append(FMT_COMPILE("l{}: recv {}b from {} tag {}\n"), ++label, transfer.bytes.count(),
             index(transfer.from), edge.id);
    }
  }

  void send(VertexId vertex, std::uint32_t& label, std::uint32_t calc) {
    for (const GraphEdge edge : graph_.out_edges(vertex)) {
      if (!is_transfer(edge.kind)) continue;
      const TransferClass& transfer = class_of(edge.id);
      append(FMT_COMPILE("l{}: send {}b to {} tag {}\n"), ++label, transfer.bytes.count(), index(transfer.to),
             edge.id);
      append(FMT_COMPILE("l{} requires l{}\n"), label, calc);
    }
  }

  [[nodiscard]] const TransferClass& class_of(EdgeId edge) const { return *graph_.transfer(edge); }

  const OpGraph& graph_;
  std::string out_;
};

// Transmissions are rounded by half a nanosecond at most: w = b G + e, so w1 b2 - w2 b1 = e1 b2 - e2 b1.
bool same_link(const TransferClass& a, const TransferClass& b) {
  if (a.latency != b.latency) return false;
  const Int128 difference =
      Int128{a.transmission.count()} * b.bytes.count() - Int128{b.transmission.count()} * a.bytes.count();
  const Int128 rounding = Int128{a.bytes.count()} + b.bytes.count();
  return 2 * difference <= rounding && -2 * difference <= rounding;
}

bool runs_beside_programs(const OpGraph& graph) {
  for (std::uint32_t rank = 0; rank < graph.rank_count(); ++rank)
    if (graph.side_begin()[rank] < graph.rank_begin()[rank + 1]) return true;
  return false;
}

}  // namespace

std::string goal(const OpGraph& graph) {
  if (graph.communication() != Communication::Overlap)
    throw Error("GOAL", "has no sends that hold their rank, expected communication \"overlap\"");
  if (!graph.copies().empty())
    throw Error("GOAL", "cannot wait for the far end of a copy, expected a schedule without EVICT and LOAD");
  if (runs_beside_programs(graph))
    throw Error("GOAL", "cannot reduce gradients beside a backward, expected no overlap_gradients");
  return GoalWriter(graph).write();
}

bool links_differ(const OpGraph& graph) {
  const auto classes = graph.transfer_classes();
  // The largest message tells the bandwidth best.
  const auto largest =
      std::max_element(classes.begin(), classes.end(),
                       [](const TransferClass& a, const TransferClass& b) { return a.bytes < b.bytes; });
  return !std::all_of(classes.begin(), classes.end(),
                      [&](const TransferClass& transfer) { return same_link(*largest, transfer); });
}

}  // namespace ppsim
