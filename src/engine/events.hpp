// The event loop for link models that answer at admission. One event an action: its end. When it is handled
// the links decide when its transfers move, so arrivals need no events of their own: an action whose last
// input is on its way knows when it starts and ends.
#pragma once

#include <functional>
#include <queue>
#include <vector>

#include "engine/link_model.hpp"
#include "engine/progress.hpp"

namespace ppsim {

class EventRun {
 public:
  /// Keeps a reference to the graph.
  explicit EventRun(const OpGraph& graph);

  /// `links` have served nothing yet.
  const Timeline& run(LinkModel& links, const RunTimes& times);
  [[nodiscard]] Timeline take() && { return std::move(progress_).take(); }

 private:
  // (time, sequence); the sequence is the vertex, so equal times are settled the same way by any engine.
  struct Event {
    Time time;
    VertexId vertex;

    friend bool operator>(const Event& a, const Event& b) {
      return a.time != b.time ? a.time > b.time : a.vertex > b.vertex;
    }
  };

  static std::vector<Event> with_capacity(std::size_t events);

  std::span<const TransferClass> classes_;
  Progress progress_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
};

}  // namespace ppsim
