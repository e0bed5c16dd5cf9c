/// Ranks that share the NICs of their nodes.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "cases.hpp"

namespace ppsim {

/// Four GPUs, a rank each, and a NIC a node. On two nodes ranks 0 and 1 share a NIC, ranks 2 and 3 the other,
/// and both ends of a transfer are busy together; on four nodes a NIC's way out serves several receivers, its
/// way in several senders. A byte takes a nanosecond on the NIC, NVLink is free.
inline Network shared_nics(Time latency, std::uint32_t nodes) {
  Cluster cluster;
  cluster.nodes = nodes;
  cluster.gpus_per_node = 4 / nodes;
  cluster.nics_per_node = 1;
  cluster.nvlink = {BytesPerSecond(1'000'000'000'000'000), Time(0)};
  cluster.infiniband = {BytesPerSecond(1'000'000'000), latency};
  Parallelism parallelism;
  parallelism.pipeline = 4;
  return Network::of_cluster(cluster, parallelism);
}

inline OpGraph on_shared_nics(const Schedule& schedule, const CostsInput& costs, Communication communication,
                              std::uint32_t nodes = 2) {
  Workload workload = workload_of(costs, schedule);
  workload.network = shared_nics(costs.link.latency, nodes);
  return build_graph(schedule, workload, communication);
}

/// Forward only: every rank runs F of its stage on the micro-batches of its direction, in order.
inline Schedule forwards(Placement placement, std::vector<std::uint8_t> directions) {
  ScheduleWriter out("forwards", placement, static_cast<std::uint32_t>(directions.size()), 64);
  for (std::uint32_t rank = 0; rank < placement.ranks; ++rank) {
    for (std::size_t m = 0; m < directions.size(); ++m) {
      for (std::size_t s = 0; s < placement.stages(); ++s) {
        if (placement.rank_of(static_cast<Stage>(s), directions[m]) == Rank{rank}) out.forward(s, m);
      }
    }
    out.next_rank();
  }
  Schedule schedule = std::move(out).take();
  schedule.directions = std::move(directions);
  schedule.forward_only = true;
  schedule.requests = schedule.micro_batches;  // all of them prefill
  return schedule;
}

/// Both directions go from node 0 to node 1: down from rank 0 to rank 2, up from rank 1 to rank 3.
inline Placement two_ways() {
  return {4, {{Rank{0}, Rank{2}}, {Rank{1}, Rank{3}}}};
}

inline std::vector<std::int64_t> starts(const Timeline& timeline) {
  std::vector<std::int64_t> list;
  for (const Time start : timeline.start) list.push_back(start.count());
  return list;
}

}  // namespace ppsim
