// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// Who was on the links in a run: transfers and collectives, as long as they took and would have taken alone.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ppsim/core/op.hpp"
#include "ppsim/core/units.hpp"
#include "ppsim/graph/op_graph.hpp"
#include "ppsim/graph/timeline.hpp"
#include "ppsim/model/costs/workload.hpp"
#include "ppsim/schedule/schedule.hpp"

namespace ppsim {

/// How long something took that happened `count` times in the run.
struct DurationSummary {
  std::uint64_t count = 0;
  Time alone{};  ///< with nothing else on its links
  Time mean{};   ///< rounded half up
  Time longest{};

  friend bool operator==(const DurationSummary&, const DurationSummary&) = default;
};

/// Transfers of equal ends and size.
struct TransferTraffic {
  Rank from{};
  Rank to{};
  Bytes bytes;               ///< from each GPU
  BytesPerSecond bandwidth;  ///< of each GPU, alone
  Time latency{};
  std::string narrowest;    ///< the link that gives the bandwidth; of several the first
  std::uint32_t flows = 1;  ///< GPUs that share it, of all replicas
  DurationSummary time;     ///< from its first byte to its arrival
};

/// Collectives inside ops of one kind and stage, or of once a step.
struct CollectiveTraffic {
  Rank rank{};
  Stage stage{};
  OpKind kind{};
  double inside = 0;     ///< bytes from each GPU, to others of its node,
  double across = 0;     ///< and to other nodes
  DurationSummary time;  ///< of those in one op
};

/// Links of one kind.
struct LinkTraffic {
  LinkClass links;
  std::uint64_t used = 0;  ///< that anything crosses
  std::string busiest;     ///< where the bytes are most of what the link could carry in the makespan,
  double load = 0;         ///< which share; empty: none is used
};

/// Links that the same transfers and collectives use, several of them.
struct SharedLinks {
  std::vector<std::string> users;  ///< "rank 0 -> rank 1", "tensor group of rank 0"
  std::uint64_t links = 0;
  std::string first;
};

struct StepTraffic {
  Time makespan{};
  std::vector<LinkTraffic> links;              ///< in the order of the network's links
  std::vector<TransferTraffic> transfers;      ///< by sender and receiver
  std::vector<CollectiveTraffic> collectives;  ///< by rank
  std::vector<SharedLinks> shared;             ///< in the order of their first link
};

/// Of a graph of all replicas in step and its timeline. O(V + E) and what the links take.
[[nodiscard]] StepTraffic measure_traffic(const Schedule& schedule, const Workload& workload,
                                          const OpGraph& graph, const Timeline& timeline);

}  // namespace ppsim
