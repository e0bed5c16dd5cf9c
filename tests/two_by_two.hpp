/// A collective and a transfer that meet, by hand.
#pragma once

#include "model/presets.hpp"

namespace ppsim {

/// Two ranks of two GPUs in one node, each NVLink port a byte a nanosecond. F takes 20: twice 6 of compute
/// and 4 of a collective that fills its ports. 10 bytes from each GPU to its peer.
inline Workload two_by_two() {
  Cluster cluster = round_cluster(1);
  cluster.gpus_per_node = 4;
  cluster.nvlink = {BytesPerSecond(1'000'000'000), Time(0)};
  Workload workload{.stages = {}, .network = Network::of_cluster(cluster, parallel(2, 2))};
  StageCosts stage;
  stage.ops[OpKind::Forward].duration = Time(20);
  stage.ops[OpKind::Forward].tensor_comm = Time(8);
  stage.ops[OpKind::Forward].bytes[static_cast<std::size_t>(GroupKind::Tensor)] = {8, 0};
  stage.ops[OpKind::Backward].duration = Time(100);
  stage.forward_transfer = Bytes(10);
  stage.layers = {0, 1};
  workload.stages = {stage, stage};
  return workload;
}

}  // namespace ppsim
