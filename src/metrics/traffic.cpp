#include "ppsim/metrics/traffic.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "core/int128.hpp"
#include "graph/op_costs.hpp"

namespace ppsim {
namespace {

std::string_view group_name(GroupKind kind) {
  switch (kind) {
    case GroupKind::Tensor:
      return "tensor group";
    case GroupKind::Context:
      return "context group";
    case GroupKind::Expert:
      return "expert group";
    case GroupKind::Replicas:
      return "replicas";
    case GroupKind::ExpertReplicas:
      return "expert replicas";
  }
  return "?";
}

/// Adds up how long something took, again and again.
class DurationSum {
 public:
  void add(Time alone, Time took) {
    ++summary_.count;
    summary_.alone = alone;
    summary_.longest = std::max(summary_.longest, took);
    sum_ += took.count();
  }

  [[nodiscard]] DurationSummary take() const {
    DurationSummary result = summary_;
    const auto count = static_cast<Int128>(result.count);
    if (count > 0) result.mean = Time(static_cast<Time::rep>((2 * sum_ + count) / (2 * count)));
    return result;
  }

 private:
  DurationSummary summary_;
  Int128 sum_ = 0;
};

class TrafficMeter {
 public:
  TrafficMeter(const Schedule& schedule, const Workload& workload, const OpGraph& graph,
               const Timeline& timeline)
      : schedule_(schedule), workload_(workload), graph_(graph), timeline_(timeline) {}

  StepTraffic measure() && {
    if (graph_.vertex_count() > 0)
      traffic_.makespan = *std::max_element(timeline_.finish.begin(), timeline_.finish.end()) -
                          *std::min_element(timeline_.start.begin(), timeline_.start.end());
    add_transfers();
    for (std::uint32_t rank = 0; rank < graph_.rank_count(); ++rank) add_collectives(Rank{rank});
    add_links();
    add_shared();
    return std::move(traffic_);
  }

 private:
  struct Load {
    BytesPerSecond capacity;
    double bytes = 0;
    std::set<std::string> users;
  };

  void note(LinkId link, BytesPerSecond capacity, double bytes, const std::string& user) {
    Load& load = loads_.try_emplace(link, Load{capacity}).first->second;
    load.bytes += bytes;
    load.users.insert(user);
  }

  // Classes of equal ends and size are one row: what F and B send over a boundary has classes of its own.
  void add_transfers() {
    using Key = std::tuple<Rank, Rank, Bytes>;
    std::map<Key, std::pair<const TransferClass*, DurationSum>> rows;
    for (EdgeId edge = 0; edge < graph_.edge_count(); ++edge) {
      const TransferClass* one = graph_.transfer(edge);
      if (one == nullptr) continue;
      auto& row = rows[{one->from, one->to, one->bytes}];
      row.first = one;
      row.second.add(one->transmission + one->latency,
                     timeline_.transfer_finish[edge] - timeline_.transfer_start[edge]);
    }
    for (const auto& [key, row] : rows) add_transfer(*row.first, row.second.take());
  }

  void add_transfer(const TransferClass& one, const DurationSummary& time) {
    TransferTraffic row{one.from, one.to, one.bytes, {}, one.latency, {}, 1, time};
    const auto least =
        std::min_element(one.shares.begin(), one.shares.end(),
                         [](const LinkShare& a, const LinkShare& b) { return a.each() < b.each(); });
    row.bandwidth = least->each();
    row.narrowest = workload_.network.link_name(least->link);
    row.flows = least->flows;
    traffic_.transfers.push_back(row);
    const std::string user = fmt::format("rank {} -> rank {}", index(one.from), index(one.to));
    for (const LinkShare& link : one.shares)
      note(link.link, link.capacity,
           static_cast<double>(one.bytes.count()) * link.flows * static_cast<double>(time.count), user);
  }

  /// Collectives of an op, alone on their links, and what they put on each GPU's ports.
  [[nodiscard]] Time collective_time(Op op, Time duration) const {
    if (is_collective(op.kind)) return duration;
    return tensor_comm(schedule_, workload_, op) + other_comm(schedule_, workload_, op);
  }

  void add_collectives(Rank rank) {
    using Key = std::tuple<Stage, OpKind>;
    struct Row {
      CollectiveBytes bytes{};
      DurationSum time;
    };
    std::map<Key, Row> rows;
    CollectiveBytes sum{};
    const auto begin = graph_.rank_begin();
    for (VertexId v = begin[index(rank)]; v < begin[index(rank) + 1]; ++v) {
      const Time held_up = timeline_.finish[v] - timeline_.start[v] - graph_.durations()[v];
      for (const Op op : graph_.ops(v)) {
        const Time alone = collective_time(op, graph_.durations()[v]);
        if (alone == Time{}) continue;
        Row& row = rows[{op.stage, op.kind}];
        row.bytes = collective_bytes(schedule_, workload_, op);
        row.time.add(alone, alone + held_up);
        for (std::size_t kind = 0; kind < kGroupKinds; ++kind) sum[kind] += row.bytes[kind];
      }
    }
    for (const auto& [key, row] : rows) {
      CollectiveTraffic one{rank, std::get<Stage>(key), std::get<OpKind>(key), 0, 0, row.time.take()};
      for (const PortBytes& kind : row.bytes) one.inside += kind.inside, one.across += kind.across;
      traffic_.collectives.push_back(one);
    }
    note_groups(rank, sum);
  }

  void note_groups(Rank rank, const CollectiveBytes& bytes) {
    for (std::size_t kind = 0; kind < kGroupKinds; ++kind) {
      if (bytes[kind].inside + bytes[kind].across == 0) continue;
      const auto group = static_cast<GroupKind>(kind);
      const std::string user = fmt::format("{} of rank {}", group_name(group), index(rank));
      for (const GroupUse& use : workload_.network.group_uses(rank, group)) {
        const double moved = use.inside * bytes[kind].inside + use.across * bytes[kind].across;
        if (moved == 0) continue;
        note(use.link, capacity_left(workload_.network, workload_.link_factors, use.link, use.capacity),
             moved, user);
      }
    }
  }

  void add_links() {
    for (const LinkClass& links : workload_.network.link_classes()) {
      LinkTraffic row{links, 0, {}, 0};
      const auto end = static_cast<LinkId>(index(links.first) + links.count);
      for (auto load = loads_.lower_bound(links.first); load != loads_.lower_bound(end); ++load)
        add_link(row, load->first, load->second);
      traffic_.links.push_back(std::move(row));
    }
  }

  void add_link(LinkTraffic& row, LinkId link, const Load& load) {
    ++row.used;
    const double most = static_cast<double>(load.capacity.count()) * Seconds(traffic_.makespan).count();
    const double share = most > 0 ? load.bytes / most : 0;
    if (!row.busiest.empty() && share <= row.load) return;
    row.load = share;
    row.busiest = workload_.network.link_name(link);
  }

  void add_shared() {
    std::map<std::set<std::string>, std::size_t> known;
    for (const auto& [link, load] : loads_) {
      if (load.users.size() < 2) continue;
      const auto [place, added] = known.try_emplace(load.users, traffic_.shared.size());
      if (added)
        traffic_.shared.push_back(
            {{load.users.begin(), load.users.end()}, 0, workload_.network.link_name(link)});
      ++traffic_.shared[place->second].links;
    }
  }

  const Schedule& schedule_;
  const Workload& workload_;
  const OpGraph& graph_;
  const Timeline& timeline_;
  std::map<LinkId, Load> loads_;
  StepTraffic traffic_;
};

}  // namespace

StepTraffic measure_traffic(const Schedule& schedule, const Workload& workload, const OpGraph& graph,
                            const Timeline& timeline) {
  return TrafficMeter(schedule, workload, graph, timeline).measure();
}

}  // namespace ppsim
