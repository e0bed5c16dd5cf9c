#include "metrics/idle_chains.hpp"

namespace ppsim {

ChainTimes IdleChains::explain(VertexId vertex, Time begin) {
  ChainTimes times{};
  for (; walks_left_ > 0; --walks_left_) {
    const CriticalLink link = links_.find(vertex);
    links_.add_times(times, vertex, link, begin);
    if (link.source == kNoVertex || links_.start(link.source) <= begin) return times;
    vertex = link.source;
  }
  if (!forest_) forest_.emplace(links_, vertices_);
  forest_->add_times(times, vertex, begin);
  return times;
}

}  // namespace ppsim
