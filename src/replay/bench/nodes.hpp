/// Which ranks share a node.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ppsim/core/ids.hpp"
#include "replay/group.hpp"

namespace ppsim {

/// Nodes of equally many ranks, one behind the other: rank r is on node r / ranks_per_node.
struct NodeMap {
  std::vector<std::string> names;  ///< [nodes] of their hosts
  std::uint32_t ranks_per_node = 1;
  std::uint32_t ranks_per_machine = 1;  ///< at the most; more than of a node where a machine plays several

  [[nodiscard]] std::uint32_t nodes() const { return static_cast<std::uint32_t>(names.size()); }
  [[nodiscard]] Rank rank(std::uint32_t node, std::uint32_t place) const {
    return Rank{node * ranks_per_node + place};
  }
};

/// Where a process runs. Ranks are on one node where all of it is the same: containers of one machine that
/// have a host name or a network of their own are nodes of their own.
struct NodeId {
  std::string host;     ///< as uname -n has it
  std::string boot;     ///< machine_name()
  std::string network;  ///< network namespace

  friend bool operator==(const NodeId&, const NodeId&) = default;
};

[[nodiscard]] NodeId own_node();

/// `ranks` [P]. Throws JointError, which says what to ask of the launcher, where nodes have different numbers
/// of ranks or a node's ranks do not follow one another.
[[nodiscard]] NodeMap group_by_node(std::span<const NodeId> ranks);

/// All ranks call it; everywhere the same. Throws as group_by_node() does.
[[nodiscard]] NodeMap find_nodes(Group& group);

}  // namespace ppsim
