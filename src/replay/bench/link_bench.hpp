/// How long messages take within a node and between nodes, by their size and by what else is on the way.
#pragma once

#include <cstdint>
#include <vector>

#include "ppsim/core/units.hpp"
#include "replay/bench/nodes.hpp"
#include "replay/bench/probe.hpp"
#include "replay/group.hpp"

namespace ppsim {

enum class LinkScope : std::uint8_t { Inside, Between };  ///< of nodes

enum class LinkLoad : std::uint8_t {
  Alone,     ///< one message at a time, to a rank and back
  BothWays,  ///< two ranks send to each other at once
  AllPairs,  ///< so do all ranks of a node with those of the next, place by place
};

struct LinkPair {
  Rank first{};
  Rank second{};

  friend bool operator==(const LinkPair&, const LinkPair&) = default;
};

/// One way, of one size.
struct LinkSamples {
  LinkScope scope{};
  LinkLoad load{};
  Bytes size;
  std::vector<LinkPair> pairs;
  std::vector<std::vector<Time>> times;  ///< [pairs][repeats]
};

struct LinkPlan {
  std::vector<Bytes> sizes;  ///< a size of 0 is only measured Alone
  Time seconds{};            ///< about how long all of it lasts
};

/// Pairs that are measured: one after the other, except with AllPairs. Inside: the first two ranks of each
/// node. Between: the first ranks of each node and the next; with AllPairs all ranks of the first two nodes.
/// Of many nodes some, evenly spread. Empty where the map has no such pair, or one alone for AllPairs.
[[nodiscard]] std::vector<LinkPair> pairs_of(const NodeMap& map, LinkScope scope, LinkLoad load);

/// All ranks call it, with the same map and plan. On rank 0 the samples, by scope, load and size; elsewhere
/// none. Throws ReplayError as the probe does.
[[nodiscard]] std::vector<LinkSamples> measure_links(const NodeMap& map, Group& group, Probe& probe,
                                                     const LinkPlan& plan);

}  // namespace ppsim
