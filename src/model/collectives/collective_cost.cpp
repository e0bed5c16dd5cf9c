#include "model/collectives/collective_cost.hpp"

namespace ppsim {

CollectiveCost Collectives::cost_of(GroupKind kind, Seconds time, PortBytes bytes) const {
  if (groups_.of(kind).members <= 1) return {};
  CollectiveCost cost{time + overhead_, 1, {}};
  cost.bytes[static_cast<std::size_t>(kind)] = bytes;
  return cost;
}

CollectiveCost& CollectiveCost::operator+=(const CollectiveCost& other) {
  time += other.time;
  count += other.count;
  for (std::size_t kind = 0; kind < kGroupKinds; ++kind) bytes[kind] += other.bytes[kind];
  return *this;
}

CollectiveCost operator*(double times, const CollectiveCost& cost) {
  CollectiveCost product{times * cost.time, times * cost.count, {}};
  for (std::size_t kind = 0; kind < kGroupKinds; ++kind) product.bytes[kind] = times * cost.bytes[kind];
  return product;
}

CollectiveCost Collectives::all_reduce(GroupKind kind, Bytes bytes) const {
  const GroupLinks& group = groups_.of(kind);
  return cost_of(kind, all_reduce_time(group, bytes, algorithm_), all_reduce_bytes(group, bytes, algorithm_));
}

CollectiveCost Collectives::reduce_scatter(GroupKind kind, Bytes bytes) const {
  const GroupLinks& group = groups_.of(kind);
  return cost_of(kind, reduce_scatter_time(group, bytes, algorithm_),
                 half_all_reduce_bytes(group, bytes, algorithm_));
}

CollectiveCost Collectives::all_gather(GroupKind kind, Bytes bytes) const {
  const GroupLinks& group = groups_.of(kind);
  return cost_of(kind, all_gather_time(group, bytes, algorithm_),
                 half_all_reduce_bytes(group, bytes, algorithm_));
}

CollectiveCost Collectives::all_to_all(GroupKind kind, Bytes bytes) const {
  const GroupLinks& group = groups_.of(kind);
  return cost_of(kind, all_to_all_time(group, bytes), all_to_all_bytes(group, bytes));
}

CollectiveCost Collectives::ring_send(GroupKind kind, Bytes bytes) const {
  const GroupLinks& group = groups_.of(kind);
  return cost_of(kind, ring_send_time(group, bytes), ring_send_bytes(group, bytes));
}

}  // namespace ppsim
