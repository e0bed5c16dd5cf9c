#include "graph/finish_graph.hpp"

#include "core/int128.hpp"
#include "ppsim/core/error.hpp"

namespace ppsim {

void check_total(const OpGraph::Data& data, std::span<const TransferClass> transfers) {
  Int128 total = 0;
  for (const Time duration : data.durations) total += duration.count();
  for (const EdgeClass kind : data.edge_classes) {
    if (!is_transfer(kind)) continue;
    const TransferClass& transfer = transfers[kind];
    total += Int128{transfer.latency.count()} + transfer.transmission.count();
  }
  if (total > (Int128{1} << 62)) {
    throw Error("", "all durations together pass 2^62 ns (146 years): expected shorter ops or fewer of them");
  }
}

void reverse_edges(OpGraph::Data& data) {
  const auto& targets = data.csr.m_forward.m_column;
  const auto& out_begin = data.csr.m_forward.m_rowstart;
  const auto vertices = static_cast<VertexId>(data.durations.size());
  data.in_begin.assign(vertices + std::size_t{1}, 0);
  for (const VertexId target : targets) ++data.in_begin[target + std::size_t{1}];
  for (std::size_t v = 1; v < data.in_begin.size(); ++v) data.in_begin[v] += data.in_begin[v - 1];
  std::vector<EdgeId> next(data.in_begin.begin(), data.in_begin.end() - 1);
  data.in_sources.resize(targets.size());
  data.in_edges.resize(targets.size());
  for (VertexId source = 0; source < vertices; ++source) {
    for (EdgeId edge = out_begin[source]; edge < out_begin[source + 1]; ++edge) {
      const EdgeId in = next[targets[edge]]++;
      data.in_sources[in] = source;
      data.in_edges[in] = edge;
    }
  }
}

}  // namespace ppsim
