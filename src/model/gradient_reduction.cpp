// Each GPU of a tensor group has a ring of its own with the GPUs of the same place in the other replicas. A
// rank's GPUs are consecutive (tensor innermost, then context, then data), so within one node all its rings
// run on NVLink. Where they span nodes, the rings that pass through a node share the NICs that the rank's
// GPUs there use:
//   a ring's rate = NICs used x NIC / rings, at most NVLink where a ring has two GPUs in the node
// and the node with the least sets the pace. Ranks are taken to reduce one at a time on any NIC; of all ranks
// the slowest stands for all, so that the costs of a stage do not depend on the rank that holds it.
#include "gradient_reduction.hpp"

#include <algorithm>
#include <set>

#include "network_links.hpp"

namespace ppsim {

namespace {

// A rank's GPUs, all replicas, within one node.
Link link_in_node(const ModelRun& run, const ClusterLinks& links, GpuRange gpus) {
  std::set<std::uint64_t> nics;
  for (std::uint64_t gpu = gpus.first; gpu < gpus.first + gpus.count; ++gpu) nics.insert(links.nic_of(gpu));
  const std::uint64_t rings = std::min<std::uint64_t>(run.parallelism.tensor, gpus.count);
  const Link& nic = run.cluster.infiniband;
  // A share of less than 1 B/s would be no rate at all.
  const auto share = static_cast<std::int64_t>(static_cast<double>(nic.bandwidth.count()) *
                                               static_cast<double>(nics.size()) / static_cast<double>(rings));
  Link ring{BytesPerSecond(std::max<std::int64_t>(share, 1)), nic.latency};
  if (gpus.count > rings) {
    ring.bandwidth = std::min(ring.bandwidth, run.cluster.nvlink.bandwidth);
    ring.latency = std::max(ring.latency, run.cluster.nvlink.latency);
  }
  return ring;
}

Link slower(Link a, Link b) {
  return {std::min(a.bandwidth, b.bandwidth), std::max(a.latency, b.latency)};
}

Link rank_link(const ModelRun& run, Rank rank) {
  const ClusterLinks links(run.cluster);
  const std::uint64_t per_node = run.cluster.gpus_per_node;
  const std::uint64_t begin = tensor_group(run.parallelism, rank, 0).first;
  const std::uint64_t end = begin + std::uint64_t{run.parallelism.tensor} * run.parallelism.replicas();
  if (links.node_of(begin) == links.node_of(end - 1)) return run.cluster.nvlink;
  Link slowest = run.cluster.infiniband;
  for (std::uint64_t first = begin; first < end;) {
    const std::uint64_t next = std::min(end, (links.node_of(first) + 1) * per_node);
    const Link here = link_in_node(run, links, {first, next - first});
    slowest = first == begin ? here : slower(slowest, here);
    first = next;
  }
  return slowest;
}

// Where nothing is shared out the gradients go all around the ring. With ZeRO each GPU gets the sum of its
// own part, half an all-reduce, and the weights that it has updated go around, the other half.
Seconds exchange_time(const ModelRun& run, Dtype dtype, Link ring, double parameters, double copies) {
  const auto members = static_cast<std::uint64_t>(copies);
  const ParameterBytes each = parameter_bytes(run, dtype);
  const Seconds gradients = ring_all_reduce_time(members, ring, to_bytes(parameters * each.gradients));
  if (parameters == 0 || run.parallelism.zero_stage == 0) return parameters == 0 ? Seconds(0) : gradients;
  const Seconds weights = ring_all_reduce_time(members, ring, to_bytes(parameters * each.weights));
  return gradients / 2 + weights / 2;
}

}  // namespace

Link gradient_ring_link(const ModelRun& run) {
  Link slowest = rank_link(run, Rank{0});
  for (std::uint32_t rank = 1; rank < run.shape.ranks; ++rank)
    slowest = slower(slowest, rank_link(run, Rank{rank}));
  return slowest;
}

void set_gradient_reduction(const ModelRun& run, Dtype dtype, std::span<const StageParameters> parameters,
                            std::vector<StageCosts>& stages) {
  if (run.parallelism.replicas() == 1) return;
  const Link ring = gradient_ring_link(run);
  const Copies copies = copies_of(run.parallelism);
  for (std::size_t stage = 0; stage < stages.size(); ++stage)
    stages[stage].gradient_reduction =
        to_stage_time(exchange_time(run, dtype, ring, parameters[stage].dense, copies.dense) +
                      exchange_time(run, dtype, ring, parameters[stage].routed, copies.routed));
}

}  // namespace ppsim
