#include "fair_links.hpp"

#include <map>
#include <utility>

namespace ppsim {
namespace {

// What a link has to bear: its capacity, and the flows of each class of transfers, by class.
using Load = std::pair<BytesPerSecond, std::vector<std::pair<std::size_t, std::uint32_t>>>;

std::map<LinkId, Load> loads_of(std::span<const TransferClass> classes) {
  std::map<LinkId, Load> loads;
  for (std::size_t kind = 0; kind < classes.size(); ++kind) {
    for (const LinkShare& share : classes[kind].shares) {
      Load& load = loads[share.link];
      load.first = share.capacity;
      load.second.emplace_back(kind, share.flows);
    }
  }
  return loads;
}

}  // namespace

FairLinks::Uses FairLinks::make_uses(std::span<const TransferClass> classes) {
  std::map<Load, std::uint32_t> constraints;
  for (auto& [link, load] : loads_of(classes)) constraints.try_emplace(std::move(load));
  Uses uses{{}, std::vector<std::vector<FairShare::Use>>(classes.size())};
  for (auto& [load, constraint] : constraints) {
    constraint = static_cast<std::uint32_t>(uses.capacities.size());
    uses.capacities.push_back(static_cast<double>(load.first.count()));
    for (const auto& [kind, flows] : load.second)
      uses.of[kind].push_back({constraint, static_cast<double>(flows)});
  }
  return uses;
}

FairLinks::FairLinks(const OpGraph& graph) : FairLinks(graph, make_uses(graph.transfer_classes())) {}

FairLinks::FairLinks(const OpGraph& graph, Uses uses)
    : classes_(graph.transfer_classes()), uses_(std::move(uses.of)), share_(std::move(uses.capacities)) {}

std::optional<Passage> FairLinks::admit(const TransferClass& transfer, EdgeId edge, Time wire, Time now) {
  if (wire == Time{}) return Passage{now, now, now + transfer.latency};
  const auto kind = static_cast<std::size_t>(&transfer - classes_.data());
  share_.start(edge, uses_[kind], wire, now);
  return std::nullopt;
}

}  // namespace ppsim
