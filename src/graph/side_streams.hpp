// What runs beside a rank's program: buckets of gradients, reduced while backwards still run.
#pragma once

#include <vector>

#include "ppsim/graph/op_graph.hpp"

namespace ppsim {

/// The gradients of one stage, of one step.
struct BucketGroup {
  VertexId source = kNoVertex;  ///< the stage's last backward of the step
  Op op;
  Time duration{};             ///< of all buckets
  std::uint32_t buckets = 1;   ///< at least 1
  VertexId waits = kNoVertex;  ///< what comes behind the step in the program; kNoVertex: nothing
  VertexId first = kNoVertex;  ///< vertex of the first bucket

  /// They sum up to the whole; the first ones are a nanosecond longer where it does not divide.
  [[nodiscard]] Time bucket_duration(std::uint32_t bucket) const;
};

/// An edge of a bucket, or to one.
struct BucketEdge {
  VertexId target = kNoVertex;
  std::uint32_t part = 0;   ///< leaves when `part` of `parts` of its source are done;
  std::uint32_t parts = 0;  ///< 0: when all of it is
};

/// Groups rank by rank. Of each rank: add() them in program order, meet() what its program goes on with,
/// number() them behind its program. Then edges of all vertices, ascending.
class SideStreams {
 public:
  void add(BucketGroup group) { groups_.push_back(group); }

  /// A vertex that stands behind all that was added so far waits for it.
  void meet(VertexId vertex);

  /// The rank's groups get vertices from `first` on, in the order of their sources. Calls `place(group,
  /// bucket)` for each.
  template <class Place>
  void number(VertexId first, Place place) {
    sort_rank();
    for (; numbered_ < groups_.size(); ++numbered_) {
      BucketGroup& group = groups_[numbered_];
      group.first = first;
      for (std::uint32_t bucket = 0; bucket < group.buckets; ++bucket) place(group, bucket);
      first += group.buckets;
    }
    met_ = numbered_;
  }

  /// Of `vertex`; `rank_end`: behind the last vertex of its rank. Vertices ascend from call to call.
  void edges_of(VertexId vertex, VertexId rank_end, std::vector<BucketEdge>& edges);

 private:
  void sort_rank();

  std::vector<BucketGroup> groups_;  // rank by rank, by source
  std::size_t met_ = 0;              // those before it wait for a vertex
  std::size_t numbered_ = 0;         // those before it have vertices
  std::size_t next_source_ = 0;      // the first whose source has not been seen
  std::size_t next_bucket_ = 0;      // and whose last bucket has not
};

}  // namespace ppsim
