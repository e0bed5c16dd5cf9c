#include "engine/events.hpp"

namespace ppsim {

std::vector<EventRun::Event> EventRun::with_capacity(std::size_t events) {
  std::vector<Event> memory;
  memory.reserve(events);
  return memory;
}

EventRun::EventRun(const OpGraph& graph)
    : classes_(graph.transfer_classes()),
      progress_(graph),
      events_(std::greater<>{}, with_capacity(graph.rank_count() + std::size_t{1})) {}

const Timeline& EventRun::run(LinkModel& links, const RunTimes& times) {
  const auto move = [&](EdgeId edge, EdgeClass kind, Time transmission, Time now) {
    return *links.admit(classes_[kind], edge, transmission, now);
  };
  const auto ready = [&](VertexId vertex) { events_.push({progress_.finish_time(vertex), vertex}); };
  progress_.restart(times);
  progress_.begin(ready);
  while (!events_.empty()) {
    const VertexId vertex = events_.top().vertex;
    events_.pop();
    progress_.finish(vertex, move, ready);
  }
  return progress_.timeline();
}

Timeline run_events(const OpGraph& graph, LinkModel& links) {
  EventRun engine(graph);
  engine.run(links, links.share_before({}));
  return std::move(engine).take();
}

}  // namespace ppsim
