#include "ppsim/engine/simulate.hpp"

#include <stdexcept>
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
  if (graph.communication() == Communication::Program) return AnyRun(std::in_place_type<TransferRun>, graph);
  switch (contention.info().times_known) {
    case TimesKnown::BeforeRun:
      return AnyRun(std::in_place_type<TopologicalRun>, graph);
    case TimesKnown::WhenReady:
      return AnyRun(std::in_place_type<EventRun>, graph);
    case TimesKnown::WhileMoving:
      return AnyRun(std::in_place_type<TransferRun>, graph);
  }
  throw std::logic_error("no engine for this contention model");
}

}  // namespace

struct Simulator::Engine {
  OpGraph graph;
  Contention contention;
  AnyRun runs;
  std::unique_ptr<LinkModel> links;

  Engine(OpGraph of, Contention shared)
      : graph(std::move(of)), contention(shared), runs(make_run(graph, contention)) {}

  // What links did in one run must not reach the next; those that know all times before a run do nothing in
  // one.
  LinkModel& fresh_links() {
    if (!links || contention.info().times_known != TimesKnown::BeforeRun)
      links = contention.info().make(graph);
    return *links;
  }
};

Simulator::Simulator(OpGraph graph, Contention contention)
    : engine_(std::make_unique<Engine>(std::move(graph), contention)) {}
Simulator::Simulator(Simulator&&) noexcept = default;
Simulator::~Simulator() = default;

const Timeline& Simulator::run(const RunTimes& times) {
  LinkModel& links = engine_->fresh_links();
  const RunTimes shared = links.share_before(times);
  if (auto* topological = std::get_if<TopologicalRun>(&engine_->runs)) return topological->run(shared);
  if (auto* events = std::get_if<EventRun>(&engine_->runs)) return events->run(links, shared);
  return std::get<TransferRun>(engine_->runs).run(links, shared);
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
