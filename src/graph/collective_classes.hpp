// The collectives that share links: a few classes, found by what an action does.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "graph/op_graph_data.hpp"

namespace ppsim {

class CollectiveClasses {
 public:
  /// Keeps references, which must outlive this. Of all replicas, or of one.
  CollectiveClasses(const Schedule& schedule, const Workload& workload, std::optional<std::uint32_t> replica)
      : schedule_(schedule), workload_(workload), replica_(replica) {}

  /// Of an action (one op, or a pair) whose collectives take `time` on a rank; kNoCollective where they put
  /// nothing on any link.
  std::uint32_t of(Rank rank, std::span<const Op> ops, Time time);

  [[nodiscard]] std::vector<CollectiveClass> take() && { return std::move(classes_); }

 private:
  using OpClass = std::array<std::uint32_t, 2>;  // kind, stage
  using Key = std::tuple<Rank, OpClass, OpClass, Time>;
  using Uses = std::array<std::vector<GroupUse>, kGroupKinds>;

  [[nodiscard]] CollectiveClass make_class(Rank rank, const CollectiveBytes& bytes, Time time);
  const Uses& uses_of(Rank rank);

  const Schedule& schedule_;
  const Workload& workload_;
  std::optional<std::uint32_t> replica_;
  std::map<Key, std::uint32_t> known_;
  std::map<Rank, Uses> uses_;
  std::vector<CollectiveClass> classes_;
};

/// Collectives that meet nothing on their links are a part of durations again.
void drop_unshared(OpGraph::Data& data);

/// What of an action's `duration` on a rank of that speed is collectives.
[[nodiscard]] Time collective_time(const Schedule& schedule, const Workload& workload,
                                   std::span<const Op> ops, Time duration, const RankSpeed& speed);

}  // namespace ppsim
