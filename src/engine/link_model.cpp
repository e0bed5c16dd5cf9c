#include "engine/link_model.hpp"

#include <algorithm>
#include <vector>

#include "engine/fair_links.hpp"

namespace ppsim {
namespace {

Passage pass(const TransferClass& transfer, Time wire, Time start) {
  const Time sent = start + wire;
  return {start, sent, sent + transfer.latency};
}

class UnsharedLinks final : public LinkModel {
 public:
  std::optional<Passage> admit(const TransferClass& transfer, EdgeId, Time wire, Time now) override {
    return pass(transfer, wire, now);
  }
};

// Transfers are admitted in the order in which they become ready, so each link serves them in that order by
// itself: one starts when all its links are free of those before it.
class FifoLinks final : public LinkModel {
 public:
  explicit FifoLinks(std::uint32_t links) : free_at_(links) {}

  std::optional<Passage> admit(const TransferClass& transfer, EdgeId, Time wire, Time now) override {
    Time start = now;
    for (const LinkId link : transfer.links) start = std::max(start, free_at_[index(link)]);
    for (const LinkId link : transfer.links) free_at_[index(link)] = start + wire;
    return pass(transfer, wire, start);
  }

 private:
  std::vector<Time> free_at_;  // by link
};

}  // namespace

std::unique_ptr<LinkModel> make_link_model(Contention contention, const OpGraph& graph) {
  switch (contention) {
    case Contention::None:
      return std::make_unique<UnsharedLinks>();
    case Contention::Fifo:
      return std::make_unique<FifoLinks>(graph.link_count());
    case Contention::Fair:
      return std::make_unique<FairLinks>(graph);
  }
  throw std::logic_error("no such contention model");
}

}  // namespace ppsim
