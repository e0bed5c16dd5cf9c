// Stragglers as figures of a rank. What they do to transfers follows from the links of each route, where the
// graph is built (src/graph/transfer_table.cpp).
#include "ppsim/model/stragglers.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "group_flows.hpp"

namespace ppsim {
namespace {

double factor_of(const LinkFactors& factors, const std::string& link) {
  const auto found = factors.find(link);
  return found == factors.end() ? 1 : found->second;
}

double in_bytes_per_second(BytesPerSecond rate) {
  return static_cast<double>(rate.count());
}

// Of each GPU of a rank, all replicas.
class RankGpus {
 public:
  RankGpus(const Cluster& cluster, const Parallelism& parallelism, const LinkFactors& factors)
      : cluster_(cluster), parallelism_(parallelism), factors_(factors), links_(cluster) {}

  [[nodiscard]] RankSpeed speed(Rank rank, double compute) const {
    RankSpeed speed{compute, 1, 1};
    if (factors_.empty()) return speed;
    const std::uint32_t tensor = parallelism_.tensor;
    for (std::uint32_t replica = 0; replica < parallelism_.replicas(); ++replica)
      speed.tensor_comm =
          std::min(speed.tensor_comm, pace(make_groups(tensor_group(parallelism_, rank, replica), 1)));
    speed.gradient_reduction = pace(make_groups(gpus(rank), tensor));
    return speed;
  }

  [[nodiscard]] bool holds(Rank rank, GpuPlace place) const {
    const std::uint64_t gpu = std::uint64_t{place.node} * cluster_.gpus_per_node + place.gpu;
    return gpu >= gpus(rank).first && gpu < gpus(rank).first + gpus(rank).count;
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
  const auto plain = [](const RankSpeed& speed) { return speed == RankSpeed{}; };
  if (!std::all_of(speeds.begin(), speeds.end(), plain)) workload.rank_speeds = std::move(speeds);
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
  std::vector<RankSpeed> speeds;
  for (std::uint32_t r = 0; r < parallelism.pipeline; ++r) {
    const Rank rank{r};
    const double compute = slowest(stragglers.gpus, [&](const auto& place) {
      const auto* gpu = std::get_if<GpuPlace>(&place);
      return gpu == nullptr ? std::get<Rank>(place) == rank : gpus.holds(rank, *gpu);
    });
    speeds.push_back(gpus.speed(rank, compute));
  }
  keep(workload, std::move(speeds), stragglers.links);
}

}  // namespace ppsim
