#include "ppsim/engine/simulate.hpp"

#include <utility>
#include <variant>

#include "engine/events.hpp"
#include "engine/link_model.hpp"
#include "engine/topological.hpp"
#include "engine/transfers.hpp"

namespace ppsim {
namespace {

using AnyRun = std::variant<TopologicalRun, EventRun, TransferRun>;

AnyRun make_run(const OpGraph& graph, Contention contention) {
  const bool has_turns = graph.communication() == Communication::Program;
  if (has_turns || contention == Contention::Fair) return AnyRun(std::in_place_type<TransferRun>, graph);
  if (contention == Contention::None) return AnyRun(std::in_place_type<TopologicalRun>, graph);
  return AnyRun(std::in_place_type<EventRun>, graph);
}

}  // namespace

struct Simulator::Engine {
  OpGraph graph;
  Contention contention;
  AnyRun runs;

  Engine(OpGraph of, Contention shared)
      : graph(std::move(of)), contention(shared), runs(make_run(graph, contention)) {}
};

Simulator::Simulator(OpGraph graph, Contention contention)
    : engine_(std::make_unique<Engine>(std::move(graph), contention)) {}
Simulator::Simulator(Simulator&&) noexcept = default;
Simulator::~Simulator() = default;

// Links are made anew for each run: what they did in one must not reach the next.
const Timeline& Simulator::run(const RunTimes& times) {
  if (auto* topological = std::get_if<TopologicalRun>(&engine_->runs)) return topological->run(times);
  const auto links = make_link_model(engine_->contention, engine_->graph);
  if (auto* events = std::get_if<EventRun>(&engine_->runs)) return events->run(*links, times);
  return std::get<TransferRun>(engine_->runs).run(*links, times);
}

Timeline Simulator::take() && {
  return std::visit([](auto& run) { return std::move(run).take(); }, engine_->runs);
}

Timeline simulate(const OpGraph& graph, Contention contention) {
  Simulator simulator(graph, contention);
  simulator.run();
  return std::move(simulator).take();
}

}  // namespace ppsim
