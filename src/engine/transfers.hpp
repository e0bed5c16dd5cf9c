// The event loop in which transfers have events of their own. Two things ask for that: sends and receives
// that are part of the programs, where a send is a rendezvous with its receive and each runs when it is its
// turn on its rank's communication stream, as NCCL runs what one communicator is given; and links on which a
// transfer that comes later delays one that is under way.
#pragma once

#include <functional>
#include <queue>
#include <tuple>
#include <vector>

#include "engine/link_model.hpp"
#include "engine/progress.hpp"

namespace ppsim {

class TransferRun {
 public:
  /// Keeps a reference to the graph.
  explicit TransferRun(const OpGraph& graph);

  /// `links` have served nothing yet.
  const Timeline& run(LinkModel& links, const RunTimes& times);
  [[nodiscard]] Timeline take() && { return std::move(progress_).take(); }

 private:
  // In the order in which what happens at one time is handled: ops end first, so that all transfers that are
  // ready then are known and go by edge.
  enum class What : std::uint8_t {
    Part,         // an edge that leaves part-way
    End,          // a vertex
    Piece,        // of a vertex's collectives ends,
    Collectives,  // or begins
    Transfer      // an edge
  };
  struct Event {
    Time time;
    What what;
    std::uint32_t id;

    friend bool operator>(const Event& a, const Event& b) {
      return std::tie(a.time, a.what, a.id) > std::tie(b.time, b.what, b.id);
    }
  };

  // A vertex has all it needs.
  struct Schedule {
    TransferRun& run;
    void operator()(VertexId vertex) const { run.schedule(vertex); }
  };

  // What waits for how much at the start of any run.
  struct Waits {
    std::vector<std::uint32_t> gates;     // [gates]
    std::vector<std::uint8_t> transfers;  // [edges]
    std::vector<std::uint32_t> sends;     // [vertices] that hold its stream; blocking sends only
  };

  void count_gate_waits();
  void note_sources();
  void restart(const RunTimes& times);

  [[nodiscard]] EdgeClass kind_of(EdgeId edge) const { return graph_.edge_class(edge); }
  [[nodiscard]] const TransferClass& class_of(EdgeId edge) const {
    return graph_.transfer_classes()[kind_of(edge)];
  }
  [[nodiscard]] bool holds_sender(EdgeId edge) const {
    return !sources_.empty() && is_transfer(kind_of(edge)) && class_of(edge).holds_sender;
  }

  void schedule(VertexId vertex);
  void handle(LinkModel& links, const Event& event);
  void finish(VertexId vertex, Time now);
  void go_on(VertexId vertex, Time now);
  void begin_collectives(LinkModel& links, VertexId vertex, Time now);
  void move(LinkModel& links, EdgeId edge, Time now);
  void end(const LinkModel::Ended& ended, Time now);
  void note_times(EdgeId edge, const TransferTimes& times);
  void release(VertexId vertex, Time sent);
  void end_turn(GateId gate, Time at);
  void pass(GateId gate, Time at);
  void open(GateId gate);
  void allow(EdgeId edge, Time at);

  const OpGraph& graph_;
  Progress progress_;
  Waits all_waits_, waits_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  std::vector<std::uint8_t> pieces_done_;  // [vertices] of an action's collectives
  std::vector<Time> gate_opens_;           // [gates]
  std::vector<Time> transfer_ready_;       // [edges] then its start

  // Blocking sends only.
  std::vector<VertexId> sources_;  // [edges]
  std::vector<Time> released_;     // [vertices]
};

}  // namespace ppsim
