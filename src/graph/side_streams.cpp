#include "graph/side_streams.hpp"

#include <algorithm>

namespace ppsim {

Time BucketGroup::bucket_duration(std::uint32_t bucket) const {
  return duration / buckets + Time(bucket < (duration % buckets).count() ? 1 : 0);
}

void SideStreams::meet(VertexId vertex) {
  for (; met_ < groups_.size(); ++met_) groups_[met_].waits = vertex;
}

// A rank's stages end in the order of its program, but what ends the last step is added stage by stage.
void SideStreams::sort_rank() {
  std::stable_sort(groups_.begin() + static_cast<std::ptrdiff_t>(numbered_), groups_.end(),
                   [](const BucketGroup& a, const BucketGroup& b) { return a.source < b.source; });
}

void SideStreams::edges_of(VertexId vertex, VertexId rank_end, std::vector<BucketEdge>& edges) {
  for (; next_source_ < groups_.size() && groups_[next_source_].source == vertex; ++next_source_) {
    const BucketGroup& group = groups_[next_source_];
    for (std::uint32_t bucket = 0; bucket + 1 < group.buckets; ++bucket)
      edges.push_back({group.first + bucket, bucket + 1, group.buckets});
    edges.push_back({group.first + group.buckets - 1});
  }
  if (next_bucket_ == groups_.size() || vertex < groups_[next_bucket_].first) return;
  if (vertex + 1 < rank_end) edges.push_back({vertex + 1});
  const BucketGroup& group = groups_[next_bucket_];
  if (vertex + 1 < group.first + group.buckets) return;
  ++next_bucket_;
  if (group.waits != kNoVertex) edges.push_back({group.waits});
}

}  // namespace ppsim
