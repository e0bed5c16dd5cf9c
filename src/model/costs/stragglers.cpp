// Stragglers as figures of a rank. What they do to transfers follows from the links of each route, where the
// graph is built (src/graph/transfer_table.cpp).
#include "ppsim/model/costs/stragglers.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "model/hardware/group_flows.hpp"

namespace ppsim {
namespace {

double factor_of(const LinkFactors& factors, const std::string& link) {
  const auto found = factors.find(link);
  return found == factors.end() ? 1 : found->second;
}

double in_bytes_per_second(BytesPerSecond rate) {
  return static_cast<double>(rate.count());
}

// Of the GPUs of each rank.
class RankGpus {
 public:
  RankGpus(const Cluster& cluster, const Parallelism& parallelism, const LinkFactors& factors)
      : cluster_(cluster), parallelism_(parallelism), factors_(factors), links_(cluster) {}

  /// Of the tensor group's own collectives in one replica.
  [[nodiscard]] double tensor_comm(Rank rank, std::uint32_t replica) const {
    return factors_.empty() ? 1 : pace(make_groups(tensor_group(parallelism_, rank, replica), 1));
  }

  /// Of what all replicas do together.
  [[nodiscard]] double gradient_reduction(Rank rank) const {
    return factors_.empty() ? 1 : pace(make_groups(gpus(rank), parallelism_.tensor));
  }

  [[nodiscard]] bool holds(Rank rank, std::uint32_t replica, GpuPlace place) const {
    return tensor_group(parallelism_, rank, replica)
        .contains(std::uint64_t{place.node} * cluster_.gpus_per_node + place.gpu);
  }

 private:
  // Replicas of a rank follow one another.
  [[nodiscard]] GpuRange gpus(Rank rank) const {
    return {tensor_group(parallelism_, rank, 0).first,
            std::uint64_t{parallelism_.tensor} * parallelism_.replicas()};
  }

  // The slowest link on the rings of these groups.
  [[nodiscard]] double pace(const std::vector<GpuGroup>& groups) const {
    return std::min(pace(flows_inside(links_, groups)), pace(flows_across(links_, groups)));
  }

  // A leaf's uplinks may have more to give than the rings take: what is left of them is put against that.
  [[nodiscard]] double pace(const LinkFlows& flows) const {
    double slowest = 1;
    for (const auto& [link, share] : flows.shares()) {
      const double factor = factor_of(factors_, links_.name(link));
      const auto one = [link = link](LinkId other) { return other == link; };
      slowest = std::min(
          slowest, links_.is_leaf(link) && factor < 1
                       ? factor * in_bytes_per_second(flows.rate(one)) / in_bytes_per_second(flows.rate())
                       : factor);
    }
    return slowest;
  }

  const Cluster& cluster_;
  const Parallelism& parallelism_;
  const LinkFactors& factors_;
  ClusterLinks links_;
};

// Of what `meets` says is on a rank.
template <class Meets>
double slowest(const std::vector<SpeedFactor>& gpus, Meets meets) {
  double slowest = 1;
  for (const SpeedFactor& gpu : gpus)
    if (meets(gpu.place)) slowest = std::min(slowest, gpu.factor);
  return slowest;
}

// "Slow: rank 3 at 0.9, rank 5 at 0.8, and 4 more." or nothing.
void tell(Workload& workload, std::string_view what, const std::vector<std::string>& places) {
  if (places.empty()) return;
  constexpr std::size_t kMost = 8;
  const std::size_t shown = std::min(places.size(), kMost);
  const std::string more = places.size() > shown ? fmt::format(", and {} more", places.size() - shown) : "";
  workload.assumptions.push_back(
      fmt::format("{}: {}{}.", what, fmt::join(places.begin(), places.begin() + shown, ", "), more));
}

bool all_plain(const std::vector<RankSpeed>& speeds) {
  return std::all_of(speeds.begin(), speeds.end(),
                     [](const RankSpeed& speed) { return speed == RankSpeed{}; });
}

RankSpeed slower_speed(const RankSpeed& a, const RankSpeed& b) {
  return {std::min(a.compute, b.compute), std::min(a.tensor_comm, b.tensor_comm),
          std::min(a.gradient_reduction, b.gradient_reduction)};
}

void keep(Workload& workload, std::vector<RankSpeed> speeds, const LinkFactors& links) {
  std::vector<std::string> ranks, degraded;
  for (std::size_t rank = 0; rank < speeds.size(); ++rank)
    if (speeds[rank].compute != 1) ranks.push_back(fmt::format("rank {} at {}", rank, speeds[rank].compute));
  for (const auto& [link, factor] : links) {
    if (factor == 1) continue;
    workload.link_factors.emplace(link, factor);
    degraded.push_back(fmt::format("{} at {}", link, factor));
  }
  tell(workload, "Ranks that compute at the pace of a slow GPU, a share of the others' speed", ranks);
  tell(workload, "Links that have lost bandwidth, with the share that is left", degraded);
  if (!all_plain(speeds)) workload.rank_speeds = std::move(speeds);
}

}  // namespace

void add_stragglers(Workload& workload, const Stragglers& stragglers, std::uint32_t ranks) {
  std::vector<RankSpeed> speeds(ranks);
  for (std::uint32_t rank = 0; rank < ranks; ++rank) {
    speeds[rank].compute =
        slowest(stragglers.gpus, [&](const auto& place) { return std::get<Rank>(place) == Rank{rank}; });
  }
  keep(workload, std::move(speeds), stragglers.links);
}

void add_stragglers(Workload& workload, const Stragglers& stragglers, const Cluster& cluster,
                    const Parallelism& parallelism) {
  const RankGpus gpus(cluster, parallelism, stragglers.links);
  std::vector<RankSpeed> speeds(parallelism.pipeline);
  std::vector<RankSpeed> each(std::size_t{parallelism.pipeline} * parallelism.replicas());
  for (std::uint32_t r = 0; r < parallelism.pipeline; ++r) {
    const Rank rank{r};
    const double reduction = gpus.gradient_reduction(rank);
    for (std::uint32_t replica = 0; replica < parallelism.replicas(); ++replica) {
      const double compute = slowest(stragglers.gpus, [&](const auto& place) {
        const auto* gpu = std::get_if<GpuPlace>(&place);
        return gpu == nullptr ? std::get<Rank>(place) == rank : gpus.holds(rank, replica, *gpu);
      });
      const RankSpeed speed{compute, gpus.tensor_comm(rank, replica), reduction};
      each[std::size_t{replica} * parallelism.pipeline + r] = speed;
      speeds[r] = slower_speed(speeds[r], speed);
    }
  }
  keep(workload, std::move(speeds), stragglers.links);
  if (!all_plain(each)) workload.replica_speeds = std::move(each);
}

}  // namespace ppsim
