// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// Stragglers: GPUs and links that are not as fast as the cluster says of all of them.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "ppsim/core/ids.hpp"
#include "ppsim/model/costs/workload.hpp"
#include "ppsim/model/hardware/cluster.hpp"
#include "ppsim/model/hardware/parallelism.hpp"

namespace ppsim {

/// GPU `gpu` of node `node`.
struct GpuPlace {
  std::uint32_t node = 0;
  std::uint32_t gpu = 0;
};

/// A GPU, or all GPUs of a rank, that computes at `factor` of its speed, 0 < factor <= 1.
struct SpeedFactor {
  std::variant<Rank, GpuPlace> place;
  double factor = 1;
};

struct Stragglers {
  std::vector<SpeedFactor> gpus;
  LinkFactors links;
};

/// Costs given outright: ranks and the links between them. Requires ranks below `ranks`.
void add_stragglers(Workload& workload, const Stragglers& stragglers, std::uint32_t ranks);

/// A model on a cluster, for all replicas in step and for each by itself. A rank computes as fast as the
/// slowest GPU of its tensor group, in any replica: they work in step. A collective keeps to the pace of the
/// slowest link on its ring (NVLink or PCIe within a node; across nodes NICs, PCIe before them, and NVLink
/// where the ring has several GPUs in a node), so all of it, latencies too, is stretched; for a leaf's
/// uplinks only where what is left of them is less than the ring takes. Who sits on no slow GPU or link keeps
/// his costs to the nanosecond. Requires ranks, nodes and GPUs that there are.
void add_stragglers(Workload& workload, const Stragglers& stragglers, const Cluster& cluster,
                    const Parallelism& parallelism);

}  // namespace ppsim
