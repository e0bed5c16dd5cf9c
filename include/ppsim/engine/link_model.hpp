/// The seam for models of shared links.
#pragma once

#include <memory>

#include "ppsim/core/units.hpp"
#include "ppsim/engine/simulate.hpp"
#include "ppsim/graph/op_graph.hpp"

namespace ppsim {

/// When a transfer moves.
struct Passage {
  Time start{};    ///< its first byte moves
  Time sent{};     ///< its last byte has left
  Time arrival{};  ///< sent + latency
};

/// Decides when a transfer gets its links. Called in the order in which transfers become ready, (time,
/// sequence): the sequence of a transfer is its sender's VertexId, then its EdgeId, so that the order does
/// not depend on how an engine works. One rule more, for senders that take no time at all: what becomes ready
/// only through something served in the same nanosecond comes behind that.
/// The answer is final: a model in which a later transfer delays an earlier one (fair sharing) needs
/// departures as events, and a wider seam.
class LinkModel {
 public:
  virtual ~LinkModel() = default;

  /// A transfer became ready at `now`, never earlier than at the call before.
  [[nodiscard]] virtual Passage admit(const TransferClass& transfer, Time now) = 0;
};

/// `links`: one more than the largest LinkId of any transfer that will be admitted (OpGraph::link_count()).
[[nodiscard]] std::unique_ptr<LinkModel> make_link_model(Contention contention, std::uint32_t links);

/// The event loop itself, for any link model. Same answer as simulate() where the model shares nothing
/// (tested). O(V log P + E): a rank has at most one event in the queue.
[[nodiscard]] Timeline run_events(const OpGraph& graph, LinkModel& links);

/// The same where sends and receives are part of the programs (Communication::Program). A transfer has an
/// event of its own, when its producer, its send and its receive are ready. O((V + E) log(V + E)).
[[nodiscard]] Timeline run_program(const OpGraph& graph, LinkModel& links);

}  // namespace ppsim
