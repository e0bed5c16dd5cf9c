#include "ppsim/engine/simulate.hpp"

#include "ppsim/engine/link_model.hpp"
#include "topological.hpp"

namespace ppsim {

Timeline simulate(const OpGraph& graph, Contention contention) {
  if (graph.communication() == Communication::Program)
    return run_program(graph, *make_link_model(contention, graph.link_count()));
  if (contention == Contention::None) return run_topological(graph);
  return run_events(graph, *make_link_model(contention, graph.link_count()));
}

}  // namespace ppsim
