/// The seam for models of shared links.
#pragma once

#include <optional>

#include "ppsim/core/units.hpp"
#include "ppsim/engine/simulate.hpp"
#include "ppsim/graph/op_graph.hpp"

namespace ppsim {

/// When a transfer moves.
struct TransferTimes {
  Time start{};    ///< its first byte moves
  Time sent{};     ///< its last byte has left
  Time arrival{};  ///< sent + latency

  /// Of a transfer whose bytes move from `start` on and take `transmission`.
  [[nodiscard]] static TransferTimes of(const TransferClass& transfer, Time transmission, Time start) {
    return {start, start + transmission, start + transmission + transfer.latency};
  }
};

/// Decides when a transfer gets its links. As it is, this class gives every transfer all its links at once; a
/// model overrides what sharing changes. Called in the order in which transfers become ready, (time,
/// sequence): the sequence of a transfer is its sender's VertexId, then its EdgeId, so that the order does
/// not depend on how an engine works. One rule more, for senders that take no time at all: what becomes ready
/// only through something served in the same nanosecond comes behind that.
class LinkModel {
 public:
  virtual ~LinkModel() = default;

  /// Called before a run with the times that each action and transfer takes alone; returns the times that the
  /// run begins with. TimesKnown::BeforeRun: all sharing is in the result, and the topological pass asks no
  /// more. What the result refers to lives until the next call.
  [[nodiscard]] virtual RunTimes share_before(const RunTimes& alone) { return alone; }

  /// A transfer became ready at `now`, never earlier than at the call before; `transmission` is how long its
  /// bytes take where nothing else is on the way, in place of the class's. Empty: it moves from now on, and
  /// when its last byte has left only next_end() will say, since later transfers may delay it.
  [[nodiscard]] virtual std::optional<TransferTimes> admit(const TransferClass& transfer, EdgeId edge,
                                                           Time transmission, Time now);

  /// The same for a piece of an action's collectives, which takes `time` alone: when it ends, or empty.
  [[nodiscard]] virtual std::optional<Time> admit_collective(std::uint32_t, VertexId, Time time, Time now) {
    return now + time;
  }

  /// When the next of what is under way ends; Time::max(): nothing is.
  [[nodiscard]] virtual Time next_end() { return Time::max(); }

  /// What has been under way: a transfer by its edge, collectives by their action.
  struct Ended {
    bool is_transfer = true;
    std::uint32_t id = 0;
  };

  /// Ends the next one, and says which it was; nothing where none ends at `now`. What ends and what is
  /// admitted at one instant changes the shares of all else at once.
  [[nodiscard]] virtual std::optional<Ended> end_next(Time) { return std::nullopt; }
};

/// The event loop for link models that answer at admission. Same answer as simulate() where the model shares
/// nothing (tested). O(V log P + E): a rank has at most one event in the queue. Not for
/// Communication::Program.
[[nodiscard]] Timeline run_events(const OpGraph& graph, LinkModel& links);

/// The event loop for all link models and semantics: a transfer has an event of its own when all that it
/// waits for is there (Communication::Program: its producer, its send, its receive), and where the model says
/// so at its end. O((V + E) log(V + E)) and what the model takes.
[[nodiscard]] Timeline run_transfers(const OpGraph& graph, LinkModel& links);

}  // namespace ppsim
