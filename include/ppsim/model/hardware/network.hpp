// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// Network: the links between pipeline ranks, and the route of a transfer over them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "ppsim/core/ids.hpp"
#include "ppsim/core/units.hpp"
#include "ppsim/model/hardware/cluster.hpp"
#include "ppsim/model/hardware/parallelism.hpp"

namespace ppsim {

/// A link of the network: what serves one transfer at a time under contention.
enum class LinkId : std::uint32_t {};
[[nodiscard]] constexpr std::size_t index(LinkId id) {
  return static_cast<std::size_t>(id);
}

enum class LinkKind : std::uint8_t { RankToRank, NvLink, Pcie, PcieSwitch, Nic, Leaf };
[[nodiscard]] std::string_view name(
    LinkKind kind);  ///< "rank to rank", "NVLink", "PCIe", "PCIe switch uplink", ...

/// Links of one kind, which are numbered one after the other.
struct LinkClass {
  LinkKind kind{};
  LinkId first{};
  std::uint32_t count = 0;  ///< each direction of a link on its own
  Link link;                ///< of each; of a leaf's uplinks those of the first leaf
};

/// How much of a link a transfer needs: as many flows of one GPU each.
struct LinkShare {
  LinkId link{};
  BytesPerSecond capacity;  ///< k times the link's where a GPU spreads its bytes over k such links
  std::uint32_t flows = 1;
  bool queues = true;  ///< serves one transfer at a time where links are queues

  /// What each flow has of it where all share it evenly. A slice of less than 1 B/s would be no rate at all.
  [[nodiscard]] BytesPerSecond each() const {
    return BytesPerSecond(std::max<std::int64_t>(capacity.count() / flows, 1));
  }
};

/// How a link serves the collectives of a rank's groups: how many of the GPUs reach the next one of their
/// group over it, in their node, and the one of their place in the next node.
struct GroupUse {
  LinkId link{};
  BytesPerSecond capacity;
  std::uint32_t inside = 0;
  std::uint32_t across = 0;
};

/// What a transfer between two ranks crosses. A transfer stands for the tensor group's GPUs, which send in
/// step, each its own part; so bandwidth is one GPU's: its NVLink, or its NICs, or its share of what it
/// shares.
struct Route {
  std::vector<LinkId> links;  ///< ascending, none twice; all held while the bytes move. A leaf's uplinks are
                              ///< not among them: they carry many transfers at once
  BytesPerSecond bandwidth;   ///< of one GPU, the slowest on the way
  Time latency{};
  bool crosses_nodes = false;
  /// By link, ascending: what the GPUs of all replicas that the route is of use, where `links` holds what one
  /// of them does. The slowest, shared by its flows, gives `bandwidth`.
  std::vector<LinkShare> shares{};

  /// How long `bytes` hold the links: their transmission delay, bytes / bandwidth.
  [[nodiscard]] Time transmission(Bytes bytes) const { return bytes / bandwidth; }
  /// From the last byte sent to the end, where the receivers then take `gather` to put the parts together.
  /// Saturates at Time::max().
  [[nodiscard]] Time latency_with(Time gather) const {
    return gather < Time::max() - latency ? latency + gather : Time::max();
  }
  /// From the start of a transfer to its end where nothing else is on the way. Saturates at Time::max().
  [[nodiscard]] Time transfer(Bytes bytes, Time gather = {}) const {
    const Time behind = latency_with(gather);
    return transmission(bytes) < Time::max() - behind ? behind + transmission(bytes) : Time::max();
  }
};

/// Pure function of its input; routes are computed when asked for.
class Network {
 public:
  /// One link of `link` for each ordered pair of `ranks` ranks, so that the two directions never disturb each
  /// other.
  static Network point_to_point(std::uint32_t ranks, Link link);

  /// NVLink or PCIe inside a node; NICs (out at the sender, in at the receiver) between nodes, behind PCIe
  /// where there is one, with the uplinks of leaves where they are crossed. GPUs of one rank (its tensor
  /// group and data-parallel replicas) that use the same link at the same time share it evenly. Ranks whose
  /// groups span nodes talk over InfiniBand unless every GPU's peer is in its own node.
  static Network of_cluster(const Cluster& cluster, const Parallelism& parallelism);

  /// Of all replicas, which move in step, or of one of them as if the others sent nothing. Requires two
  /// different ranks.
  [[nodiscard]] Route route(Rank from, Rank to, std::optional<std::uint32_t> replica = std::nullopt) const;

  /// Of a rank's groups, in all replicas or in one of them; by link. Of ranks that are given outright: none.
  [[nodiscard]] std::vector<GroupUse> group_uses(Rank rank, GroupKind kind,
                                                 std::optional<std::uint32_t> replica = std::nullopt) const;

  /// Replicas in a row that groups of that kind bind together, one after the other.
  [[nodiscard]] std::uint32_t partners(GroupKind kind) const;

  /// Copies of the pipeline; 1 between ranks that are given outright.
  [[nodiscard]] std::uint32_t replicas() const;

  /// All links there are, used or not: every LinkId of a route is below it.
  [[nodiscard]] std::uint32_t link_count() const;

  /// Of each kind that there is, ascending.
  [[nodiscard]] std::vector<LinkClass> link_classes() const;

  /// "rank 0 -> rank 1", "node 0 GPU 3 NVLink out", "node 1 NIC 0 in", "leaf 2 up", ...
  [[nodiscard]] std::string link_name(LinkId link) const;

 private:
  struct PointToPoint {
    std::uint32_t ranks;
    Link link;
  };
  struct OfCluster {
    Cluster cluster;
    Parallelism parallelism;
  };
  using Kind = std::variant<PointToPoint, OfCluster>;

  explicit Network(Kind kind) : kind_(std::move(kind)) {}

  Kind kind_;
};

}  // namespace ppsim
