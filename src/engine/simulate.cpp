#include "ppsim/engine/simulate.hpp"

#include "ppsim/engine/link_model.hpp"
#include "topological.hpp"

namespace ppsim {

Timeline simulate(const OpGraph& graph, Contention contention) {
  const bool has_turns = graph.communication() == Communication::Program;
  if (contention == Contention::None && !has_turns) return run_topological(graph);
  const auto links = make_link_model(contention, graph);
  return has_turns || contention == Contention::Fair ? run_transfers(graph, *links)
                                                     : run_events(graph, *links);
}

}  // namespace ppsim
