// All transfers and collectives under way share their links, max-min fair (see fair_share.hpp for the
// source).
#include <algorithm>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "engine/contention/fair_share.hpp"
#include "engine/link_model.hpp"
#include "ppsim/engine/contention.hpp"

namespace ppsim::fair_contention {
namespace {

// Links that the same transfers use alike count as one, so that a thousand replicas in step cost no more
// than one of them.
class FairLinks final : public LinkModel {
 public:
  // Keeps a reference to the graph, which must outlive this.
  explicit FairLinks(const OpGraph& graph);

  std::optional<TransferTimes> admit(const TransferClass& transfer, EdgeId edge, Time transmission,
                                     Time now) override;
  std::optional<Time> admit_collective(std::uint32_t kind, VertexId vertex, Time time, Time now) override;
  Time next_end() override { return share_.next(); }
  std::optional<Ended> end_next(Time now) override;

 private:
  struct Uses {
    std::vector<double> capacities;               // [constraints]
    std::vector<std::vector<FairShare::Use>> of;  // [transfer classes, collective classes]
  };
  static Uses make_uses(const OpGraph& graph);
  static std::vector<double> exact_times(std::span<const TransferClass> classes);
  explicit FairLinks(const OpGraph& graph, Uses uses);

  std::span<const TransferClass> classes_;
  std::uint32_t edges_;                            // flows below it are edges, then come vertices
  std::vector<std::vector<FairShare::Use>> uses_;  // [transfer classes, collective classes]
  std::vector<double> alone_;                      // [transfer classes] ns, fractions and all
  FairShare share_;
};

// What a link has to bear: its capacity, and how much of it each class takes for each unit of its rate.
using Load = std::pair<double, std::vector<std::pair<std::size_t, double>>>;

std::map<LinkId, Load> loads_of(const OpGraph& graph) {
  std::map<LinkId, Load> loads;
  const auto add = [&loads](LinkId link, BytesPerSecond capacity, std::size_t kind, double weight) {
    Load& load = loads[link];
    load.first = static_cast<double>(capacity.count());
    load.second.emplace_back(kind, weight);
  };
  const auto transfers = graph.transfer_classes();
  for (std::size_t kind = 0; kind < transfers.size(); ++kind)
    for (const LinkShare& share : transfers[kind].shares) add(share.link, share.capacity, kind, share.flows);
  const auto collectives = graph.collective_classes();
  for (std::size_t kind = 0; kind < collectives.size(); ++kind)
    for (const CollectiveClass::Share& share : collectives[kind].shares)
      add(share.link, share.capacity, transfers.size() + kind, share.weight);
  return loads;
}

// A collective alone need not fill any link: a constraint of its own keeps it to its rate.
FairLinks::Uses FairLinks::make_uses(const OpGraph& graph) {
  std::map<Load, std::uint32_t> constraints;
  for (auto& [link, load] : loads_of(graph)) constraints.try_emplace(std::move(load));
  const std::size_t transfers = graph.transfer_classes().size();
  Uses uses{{}, std::vector<std::vector<FairShare::Use>>(transfers + graph.collective_classes().size())};
  for (auto& [load, constraint] : constraints) {
    constraint = static_cast<std::uint32_t>(uses.capacities.size());
    uses.capacities.push_back(load.first);
    for (const auto& [kind, weight] : load.second) uses.of[kind].push_back({constraint, weight});
  }
  for (std::size_t kind = 0; kind < graph.collective_classes().size(); ++kind) {
    uses.of[transfers + kind].push_back({static_cast<std::uint32_t>(uses.capacities.size()), 1});
    uses.capacities.push_back(graph.collective_classes()[kind].rate);
  }
  return uses;
}

// A transfer that shares its way with seven others takes eight times its time, not eight times what that
// rounds to. Alone it still rounds to the class's time.
std::vector<double> FairLinks::exact_times(std::span<const TransferClass> classes) {
  std::vector<double> times;
  for (const TransferClass& one : classes) {
    double exact = 0;
    for (const LinkShare& share : one.shares)
      exact = std::max(exact, static_cast<double>(one.bytes.count()) * share.flows /
                                  static_cast<double>(share.capacity.count()) * 1e9);
    const auto rounded = static_cast<double>(one.transmission.count());
    times.push_back(std::clamp(exact, rounded - 0.5, rounded + 0.499998));
  }
  return times;
}

FairLinks::FairLinks(const OpGraph& graph) : FairLinks(graph, make_uses(graph)) {}

FairLinks::FairLinks(const OpGraph& graph, Uses uses)
    : classes_(graph.transfer_classes()),
      edges_(graph.edge_count()),
      uses_(std::move(uses.of)),
      alone_(exact_times(classes_)),
      share_(std::move(uses.capacities)) {}

std::optional<TransferTimes> FairLinks::admit(const TransferClass& transfer, EdgeId edge, Time transmission,
                                              Time now) {
  if (transmission == Time{}) return TransferTimes{now, now, now + transfer.latency};
  const auto kind = static_cast<std::size_t>(&transfer - classes_.data());
  share_.start(
      edge, uses_[kind],
      transmission == transfer.transmission ? alone_[kind] : static_cast<double>(transmission.count()), now);
  return std::nullopt;
}

std::optional<Time> FairLinks::admit_collective(std::uint32_t kind, VertexId vertex, Time time, Time now) {
  if (time == Time{}) return now;
  share_.start(edges_ + vertex, uses_[classes_.size() + kind], static_cast<double>(time.count()), now);
  return std::nullopt;
}

std::optional<LinkModel::Ended> FairLinks::end_next(Time now) {
  const std::optional<std::uint32_t> flow = share_.finish(now);
  if (!flow) return std::nullopt;
  return *flow < edges_ ? Ended{true, *flow} : Ended{false, *flow - edges_};
}

const ContentionRegistration registration{ContentionInfo{
    .name = "fair",
    .help = "all on a link share it, max-min fair",
    .sharing = {.collectives = true, .replicas = ReplicaSharing::Dynamic},
    .times_known = TimesKnown::WhileMoving,
    .make = [](const OpGraph& graph) { return std::make_unique<FairLinks>(graph); },
}};

}  // namespace
}  // namespace ppsim::fair_contention
