#include "ppsim/metrics/gaps.hpp"

#include <algorithm>
#include <numeric>

#include "metrics/rank_walk.hpp"

namespace ppsim {
namespace {

using CauseTimes = std::array<Time, kIdleCauses>;

Gap make_gap(Rank rank, VertexId before, const CauseTimes& from, const CauseTimes& to) {
  CauseTimes parts{};
  for (std::size_t i = 0; i < kIdleCauses; ++i) parts[i] = to[i] - from[i];
  const auto largest = std::max_element(parts.begin(), parts.end()) - parts.begin();
  return {rank, before, std::accumulate(parts.begin(), parts.end(), Time{}), static_cast<IdleCause>(largest)};
}

void add_gaps(std::vector<Gap>& gaps, const OpGraph& graph, Rank rank, RankWalk& walk) {
  const auto begin = graph.rank_begin();
  for (VertexId v = begin[index(rank)]; v < begin[index(rank) + 1]; ++v) {
    const CauseTimes from = walk.causes();
    walk.wait_for(v);
    gaps.push_back(make_gap(rank, v, from, walk.causes()));
    walk.run(v);
  }
  const CauseTimes from = walk.causes();
  gaps.push_back(make_gap(rank, kNoVertex, from, walk.finish().idle_by_cause));
}

}  // namespace

std::vector<Gap> list_gaps(const OpGraph& graph, const Timeline& timeline) {
  const RunBounds run = find_bounds(graph, timeline);
  const CriticalLinks links(graph, timeline, run.tails);
  IdleChains chains(links, graph.vertex_count());
  std::vector<Gap> gaps;
  gaps.reserve(std::size_t{graph.vertex_count()} + graph.rank_count());
  for (std::uint32_t rank = 0; rank < graph.rank_count(); ++rank) {
    RankWalk walk(timeline, run, run.ramps[rank], links, chains);
    add_gaps(gaps, graph, Rank{rank}, walk);
  }
  return gaps;
}

}  // namespace ppsim
