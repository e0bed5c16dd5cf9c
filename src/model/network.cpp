// Routes of a transfer. It stands for the GPUs of a tensor group, each of which sends its own part to the GPU
// of the same place in the other group, in every data-parallel replica at the same moment.
#include "ppsim/model/network.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "network_links.hpp"
#include "ppsim/core/error.hpp"

namespace ppsim {

namespace {

// [ranks][ranks - 1] targets ascending, the rank itself left out, so that ids are dense.
LinkId pair_link(std::uint32_t ranks, Rank from, Rank to) {
  const std::size_t column = index(to) - (to > from ? 1 : 0);
  return static_cast<LinkId>(index(from) * (ranks - 1) + column);
}

std::string pair_name(std::uint32_t ranks, LinkId link) {
  const std::size_t from = index(link) / (ranks - 1);
  const std::size_t column = index(link) % (ranks - 1);
  return fmt::format("rank {} -> rank {}", from, column + (column >= from ? 1 : 0));
}

// One GPU and its peer.
struct GpuPair {
  std::uint64_t from;
  std::uint64_t to;
};

// What all replicas of two ranks send at the same moment, seen from the slowest.
class PeerTraffic {
 public:
  PeerTraffic(const Cluster& cluster, const Parallelism& parallelism, Rank from, Rank to)
      : cluster_(cluster), links_(cluster) {
    for (std::uint32_t replica = 0; replica < parallelism.replicas(); ++replica)
      add_replica(tensor_group(parallelism, from, replica), tensor_group(parallelism, to, replica));
  }

  [[nodiscard]] bool crosses_nodes() const { return !crossing_.empty(); }

  [[nodiscard]] Route route() const { return crosses_nodes() ? nic_route() : nvlink_route(); }

 private:
  // Only one replica's links are held, the first that takes this way: the replicas move in step, so the
  // others' links are free and busy at the same moments, and a route stays as short with 1000 replicas as
  // with one.
  void add_replica(GpuRange from, GpuRange to) {
    const bool crossed = crosses_nodes();
    if (first_.empty()) first_ = pairs(from, to);
    for (const GpuPair pair : pairs(from, to)) {
      if (links_.node_of(pair.from) == links_.node_of(pair.to)) {
        ports_.push_back({links_.nvlink_out(pair.from), cluster_.nvlink.bandwidth});
        ports_.push_back({links_.nvlink_in(pair.to), cluster_.nvlink.bandwidth});
        continue;
      }
      ++users_[links_.nic_out(pair.from)];
      ++users_[links_.nic_in(pair.to)];
      if (!crossed) crossing_.push_back(pair);
    }
  }

  static std::vector<GpuPair> pairs(GpuRange from, GpuRange to) {
    std::vector<GpuPair> result;
    for (std::uint64_t gpu = 0; gpu < from.count; ++gpu) result.push_back({from.first + gpu, to.first + gpu});
    return result;
  }

  [[nodiscard]] Route nvlink_route() const {
    Route route{{}, cluster_.nvlink.bandwidth, cluster_.nvlink.latency, false};
    for (const GpuPair pair : first_) {
      route.links.push_back(links_.nvlink_out(pair.from));
      route.links.push_back(links_.nvlink_in(pair.to));
    }
    route.shares = ports_;
    return sorted(std::move(route));
  }

  [[nodiscard]] Route nic_route() const {
    std::int64_t most_users = 1;
    for (const auto& [nic, users] : users_) most_users = std::max(most_users, users);
    // A slice of less than 1 B/s would be no rate at all.
    const BytesPerSecond share(std::max<std::int64_t>(cluster_.infiniband.bandwidth.count() / most_users, 1));
    Route route{{}, share, cluster_.infiniband.latency, true};
    for (const GpuPair pair : crossing_) {
      route.links.push_back(links_.nic_out(pair.from));
      route.links.push_back(links_.nic_in(pair.to));
    }
    for (const auto& [nic, users] : users_)
      route.shares.push_back({nic, cluster_.infiniband.bandwidth, static_cast<std::uint32_t>(users)});
    return sorted(std::move(route));
  }

  static Route sorted(Route route) {
    std::sort(route.shares.begin(), route.shares.end(),
              [](const LinkShare& a, const LinkShare& b) { return a.link < b.link; });
    std::sort(route.links.begin(), route.links.end());
    route.links.erase(std::unique(route.links.begin(), route.links.end()), route.links.end());
    return route;
  }

  const Cluster& cluster_;
  ClusterLinks links_;
  std::vector<GpuPair> first_;            // of the first replica
  std::vector<GpuPair> crossing_;         // of the first replica that crosses nodes
  std::map<LinkId, std::int64_t> users_;  // GPUs of all replicas on each NIC
  std::vector<LinkShare> ports_;          // of all replicas' GPUs whose peers are in their own node
};

}  // namespace

Network Network::point_to_point(std::uint32_t ranks, Link link) {
  return Network(PointToPoint{ranks, link});
}

Network Network::of_cluster(const Cluster& cluster, const Parallelism& parallelism) {
  return Network(OfCluster{cluster, parallelism});
}

Route Network::route(Rank from, Rank to) const {
  PPSIM_ASSERT(from != to, fmt::format("rank {} to itself", index(from)));
  if (const auto* pairs = std::get_if<PointToPoint>(&kind_)) {
    PPSIM_ASSERT(index(std::max(from, to)) < pairs->ranks,
                 fmt::format("rank {} to {} of {}", index(from), index(to), pairs->ranks));
    const LinkId link = pair_link(pairs->ranks, from, to);
    return {{link}, pairs->link.bandwidth, pairs->link.latency, false, {{link, pairs->link.bandwidth}}};
  }
  const auto& of = std::get<OfCluster>(kind_);
  PPSIM_ASSERT(index(std::max(from, to)) < of.parallelism.pipeline,
               fmt::format("rank {} to {} of {}", index(from), index(to), of.parallelism.pipeline));
  return PeerTraffic(of.cluster, of.parallelism, from, to).route();
}

std::uint32_t Network::link_count() const {
  if (const auto* pairs = std::get_if<PointToPoint>(&kind_)) return pairs->ranks * (pairs->ranks - 1);
  return ClusterLinks(std::get<OfCluster>(kind_).cluster).count();
}

std::string Network::link_name(LinkId link) const {
  PPSIM_ASSERT(index(link) < link_count(), fmt::format("link {} of {}", index(link), link_count()));
  if (const auto* pairs = std::get_if<PointToPoint>(&kind_)) return pair_name(pairs->ranks, link);
  return ClusterLinks(std::get<OfCluster>(kind_).cluster).name(link);
}

}  // namespace ppsim
