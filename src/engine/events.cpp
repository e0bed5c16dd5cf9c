// The event loop. One event an action: its end. When it is handled the links decide when its transfers move,
// so arrivals need no events of their own: an action whose last input is on its way knows when it starts and
// ends.
#include <functional>
#include <queue>

#include "ppsim/engine/link_model.hpp"
#include "progress.hpp"

namespace ppsim {
namespace {

// (time, sequence); the sequence is the vertex, so equal times are settled the same way by any engine.
struct Event {
  Time time;
  VertexId vertex;

  friend bool operator>(const Event& a, const Event& b) {
    return a.time != b.time ? a.time > b.time : a.vertex > b.vertex;
  }
};

}  // namespace

Timeline run_events(const OpGraph& graph, LinkModel& links) {
  const auto classes = graph.transfer_classes();
  const auto move = [&](EdgeId edge, EdgeClass kind, Time now) {
    return *links.admit(classes[kind], edge, now);
  };
  Progress progress(graph);
  std::vector<Event> room;
  room.reserve(graph.rank_count() + std::size_t{1});
  std::priority_queue events(std::greater<Event>{}, std::move(room));
  const auto ready = [&](VertexId vertex) { events.push({progress.finish_time(vertex), vertex}); };
  progress.begin(ready);
  while (!events.empty()) {
    const VertexId vertex = events.top().vertex;
    events.pop();
    progress.finish(vertex, move, ready);
  }
  return std::move(progress).take();
}

}  // namespace ppsim
