// Each link is divided evenly, for the whole run, among all that may ever use it at one time. Ours: times
// that a reader can check by hand, as each follows from one division.
//
// A user of a link is the flow of one GPU. These flows may be on a link at one time:
//   - For each pair of a sending and a receiving rank: the GPUs that send over the link for the pair
//     (LinkShare::flows). All micro-batches and chunks of a pair go over one connection, so a pair counts
//     once. A pair whose transfers have no bytes does not count.
//   - For each stream of a rank (its program, and what runs beside the program): the GPUs that the heaviest
//     collective of the stream keeps busy on the link (CollectiveClass::Share::weight, maybe a fraction). A
//     stream runs one collective at a time, so a stream counts once.
// Of a link with capacity C and U users each user has C / U, whether the others send or not. Over its links l
//   a transfer takes   latency + bytes / min_l (C_l / U_l),
//   a collective takes time x rate / min(rate, min_l (C_l / U_l)),
// and compute takes its own time. A link that one pair or one stream has for itself is not divided, so that
// nothing changes where nothing is shared. Two transfers of one pair that overlap do not slow one another, as
// under `none`: there `fair` may be slower.
//
// Replicas of the pipeline are in step, as for `none`: a pair or a stream is that of a rank in all replicas,
// and has the flows of all of them. So a graph of all replicas side by side and one that stands for all of
// them count the same users.
#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "core/int128.hpp"
#include "engine/link_model.hpp"
#include "engine/progress.hpp"
#include "ppsim/core/error.hpp"
#include "ppsim/engine/contention.hpp"

namespace ppsim::even_contention {
namespace {

// Who may use a link, and how many GPUs of it do at one time.
class LinkUsers {
 public:
  explicit LinkUsers(const OpGraph& graph)
      : graph_(graph),
        replica_size_(graph.replica_size()),
        ranks_(replica_size_ == 0 ? 0 : graph.rank_count() / (graph.vertex_count() / replica_size_)),
        links_(graph.link_count()) {
    add_transfers();
    if (!graph.collectives().empty()) add_collectives();
    for (const auto& [user, gpus] : gpus_) {
      Link& link = links_[index(std::get<LinkId>(user))];
      link.gpus += gpus;
      ++link.users;
    }
  }

  [[nodiscard]] bool is_shared(LinkId link) const { return links_[index(link)].users > 1; }

  /// What each GPU has of a shared link, in bytes a second.
  [[nodiscard]] double share_of(LinkId link, BytesPerSecond capacity) const {
    return static_cast<double>(capacity.count()) / links_[index(link)].gpus;
  }

 private:
  // A pair of ranks, or a stream of a rank: the sender's or own rank, and the receiver's.
  enum class Of : std::uint8_t { Pair, Program, Side };
  using User = std::tuple<LinkId, Of, std::uint32_t, Rank>;

  struct Link {
    double gpus = 0;
    std::uint32_t users = 0;
  };

  void add_transfers() {
    std::vector<bool> seen(graph_.transfer_classes().size());
    std::set<std::pair<std::uint32_t, Rank>> known;  // pairs, replica by replica
    for (std::uint32_t rank = 0; rank < graph_.rank_count(); ++rank) {
      for (VertexId vertex = graph_.rank_begin()[rank]; vertex < graph_.rank_begin()[rank + 1]; ++vertex) {
        for (const GraphEdge edge : graph_.out_edges(vertex)) {
          if (!is_transfer(edge.kind) || seen[edge.kind]) continue;
          seen[edge.kind] = true;
          const TransferClass& transfer = graph_.transfer_classes()[edge.kind];
          if (transfer.bytes > Bytes(0) && known.emplace(rank, transfer.to).second)
            add_pair(transfer, rank % ranks_);
        }
      }
    }
  }

  void add_pair(const TransferClass& transfer, std::uint32_t sender) {
    for (const LinkShare& share : transfer.shares)
      gpus_[{share.link, Of::Pair, sender, transfer.to}] += share.flows;
  }

  // An action with a class of collectives that was seen before puts on links what that one put there.
  void add_collectives() {
    std::vector<bool> known(graph_.collective_classes().size());
    for (std::uint32_t rank = 0; rank < ranks_; ++rank) {
      for (VertexId vertex = graph_.rank_begin()[rank]; vertex < graph_.rank_begin()[rank + 1]; ++vertex) {
        if (!is_new(vertex, known)) continue;
        const Of stream = vertex < graph_.side_begin()[rank] ? Of::Program : Of::Side;
        for (const auto& [link, busy] : busy_gpus(vertex)) {
          double& most = gpus_[{link, stream, rank, Rank{}}];
          most = std::max(most, busy);
        }
      }
    }
  }

  // Whether the action, or its copy in any other replica, has a class that is not known yet.
  bool is_new(VertexId vertex, std::vector<bool>& known) const {
    bool found = false;
    for (std::size_t copy = vertex; copy < graph_.vertex_count(); copy += replica_size_) {
      const std::uint32_t kind = graph_.collectives()[copy];
      if (kind == kNoCollective || known[kind]) continue;
      known[kind] = true;
      found = true;
    }
    return found;
  }

  // By link, of the action in all replicas.
  [[nodiscard]] std::map<LinkId, double> busy_gpus(VertexId vertex) const {
    std::map<LinkId, double> busy;
    for (std::size_t copy = vertex; copy < graph_.vertex_count(); copy += replica_size_) {
      const std::uint32_t kind = graph_.collectives()[copy];
      if (kind == kNoCollective) continue;
      for (const CollectiveClass::Share& share : graph_.collective_classes()[kind].shares)
        busy[share.link] += share.weight;
    }
    return busy;
  }

  const OpGraph& graph_;
  std::uint32_t replica_size_;  // vertices
  std::uint32_t ranks_;         // of the pipeline; those of the graph count on from replica to replica
  std::map<User, double> gpus_;
  std::vector<Link> links_;
};

Time transmission_of(const TransferClass& transfer, const LinkUsers& users) {
  Time transmission = transfer.transmission;
  for (const LinkShare& share : transfer.shares) {
    if (!users.is_shared(share.link)) continue;
    const auto each = static_cast<std::int64_t>(users.share_of(share.link, share.capacity));
    transmission = std::max(transmission, transfer.bytes / BytesPerSecond(std::max<std::int64_t>(each, 1)));
  }
  return transmission;
}

// How many times as long as alone; at least once.
double slowdown_of(const CollectiveClass& collective, const LinkUsers& users) {
  double slowdown = 1;
  for (const CollectiveClass::Share& share : collective.shares)
    if (users.is_shared(share.link))
      slowdown = std::max(slowdown, collective.rate / users.share_of(share.link, share.capacity));
  return slowdown;
}

// What all times of a graph together stay below, so that no sum of them overflows.
constexpr Time kMostTogether{std::int64_t{1} << 62};

class EvenLinks final : public LinkModel {
 public:
  explicit EvenLinks(const OpGraph& graph)
      : graph_(graph), durations_(graph.vertex_count()), transmissions_(graph.edge_count()) {
    const LinkUsers users(graph);
    for (const TransferClass& transfer : graph.transfer_classes())
      class_transmissions_.push_back(transmission_of(transfer, users));
    for (const CollectiveClass& collective : graph.collective_classes())
      slowdowns_.push_back(slowdown_of(collective, users));
  }

  RunTimes share_before(const RunTimes& alone) override {
    Int128 total = 0;
    for (VertexId vertex = 0; vertex < graph_.vertex_count(); ++vertex) {
      durations_[vertex] = duration_of(vertex, alone);
      total += durations_[vertex].count();
    }
    for (EdgeId edge = 0; edge < graph_.edge_count(); ++edge) {
      const EdgeClass kind = graph_.edge_class(edge);
      if (!is_transfer(kind)) continue;
      transmissions_[edge] = transmission_in(edge, kind, alone);
      total += Int128{transmissions_[edge].count()} + graph_.transfer_classes()[kind].latency.count();
    }
    if (total < kMostTogether.count()) return {durations_, transmissions_};
    throw Error("/simulation/contention",
                "even: with each link divided among all its users, all durations together reach 2^62 ns (146 "
                "years): expected shorter ops or fewer of them");
  }

 private:
  [[nodiscard]] Time duration_of(VertexId vertex, const RunTimes& alone) const {
    const Time duration = alone.durations.empty() ? graph_.durations()[vertex] : alone.durations[vertex];
    if (graph_.collectives().empty() || graph_.collectives()[vertex] == kNoCollective) return duration;
    const Time part = collective_part(graph_, vertex, duration);
    return duration - part + std::min(scaled(part, slowdowns_[graph_.collectives()[vertex]]), kMostTogether);
  }

  // A run's own time of a transfer is stretched as its class's is.
  [[nodiscard]] Time transmission_in(EdgeId edge, EdgeClass kind, const RunTimes& alone) const {
    const Time of_class = graph_.transfer_classes()[kind].transmission;
    if (alone.transmissions.empty() || alone.transmissions[edge] == of_class)
      return class_transmissions_[kind];
    if (of_class == Time{}) return alone.transmissions[edge];
    return scaled(alone.transmissions[edge], static_cast<double>(class_transmissions_[kind].count()) /
                                                 static_cast<double>(of_class.count()));
  }

  const OpGraph& graph_;
  std::vector<Time> class_transmissions_;  // [transfer classes]
  std::vector<double> slowdowns_;          // [collective classes]
  std::vector<Time> durations_;            // [vertices] of the run at hand
  std::vector<Time> transmissions_;        // [edges] of the run at hand
};

const ContentionRegistration registration{ContentionInfo{
    .name = "even",
    .help = "a link is divided evenly among all that may ever use it at one time",
    .sharing = {.collectives = true},
    .make = [](const OpGraph& graph) { return std::make_unique<EvenLinks>(graph); },
}};

}  // namespace
}  // namespace ppsim::even_contention
