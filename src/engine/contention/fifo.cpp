// Links that serve one transfer at a time. The uplinks of a leaf are many links and no queue, so replicas
// have an even share of them from the start.
#include <algorithm>
#include <vector>

#include "engine/link_model.hpp"
#include "ppsim/engine/contention.hpp"

namespace ppsim::fifo_contention {
namespace {

// Transfers are admitted in the order in which they become ready, so each link serves them in that order by
// itself: a transfer starts when all its links are free of those before it.
class FifoLinks final : public LinkModel {
 public:
  explicit FifoLinks(std::uint32_t links) : free_at_(links) {}

  std::optional<TransferTimes> admit(const TransferClass& transfer, EdgeId, Time transmission,
                                     Time now) override {
    Time start = now;
    for (const LinkId link : transfer.links) start = std::max(start, free_at_[index(link)]);
    for (const LinkId link : transfer.links) free_at_[index(link)] = start + transmission;
    return TransferTimes::of(transfer, transmission, start);
  }

 private:
  std::vector<Time> free_at_;  // by link
};

const ContentionRegistration registration{ContentionInfo{
    .name = "fifo",
    .help = "a link serves one after the other",
    .sharing = {.replicas = ReplicaSharing::Queued},
    .times_known = TimesKnown::WhenReady,
    .make = [](const OpGraph& graph) { return std::make_unique<FifoLinks>(graph.link_count()); },
}};

}  // namespace
}  // namespace ppsim::fifo_contention
