#include "replay/bench/nodes.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <sstream>

#include "replay/clocks.hpp"

namespace ppsim {
namespace {

// Three lines each.
std::string node_text(const NodeId& id) {
  return id.host + '\n' + id.boot + '\n' + id.network + '\n';
}

std::vector<NodeId> read_nodes(const std::string& text) {
  std::vector<NodeId> nodes;
  std::istringstream lines(text);
  for (NodeId id;
       std::getline(lines, id.host) && std::getline(lines, id.boot) && std::getline(lines, id.network);)
    nodes.push_back(id);
  return nodes;
}

std::string ranks_text(std::size_t count) {
  return count == 1 ? "1 rank" : fmt::format("{} ranks", count);
}

// [nodes] the first rank of each run of ranks on one node, and the end.
std::vector<std::size_t> begins_of(std::span<const NodeId> ranks) {
  std::vector<std::size_t> begins;
  for (std::size_t rank = 0; rank < ranks.size(); ++rank)
    if (rank == 0 || ranks[rank] != ranks[rank - 1]) begins.push_back(rank);
  begins.push_back(ranks.size());
  return begins;
}

void check_order(std::span<const NodeId> ranks, std::span<const std::size_t> begins) {
  for (std::size_t i = 0; i + 1 < begins.size(); ++i) {
    const auto first = std::find(ranks.begin(), ranks.end(), ranks[begins[i]]) - ranks.begin();
    if (static_cast<std::size_t>(first) == begins[i]) continue;
    throw JointError(
        fmt::format("ranks {} and {} are on node {} and those between are not: expected a node's ranks one "
                    "behind the other "
                    "(mpirun --map-by slot, or ppr:N:node)",
                    first, begins[i], ranks[begins[i]].host));
  }
}

void check_sizes(std::span<const NodeId> ranks, std::span<const std::size_t> begins) {
  const std::size_t expected = begins[1];
  for (std::size_t i = 1; i + 1 < begins.size(); ++i) {
    const std::size_t size = begins[i + 1] - begins[i];
    if (size == expected) continue;
    throw JointError(fmt::format(
        "node {} has {} and node {} has {}: expected as many on each (mpirun --map-by ppr:{}:node)",
        ranks[0].host, ranks_text(expected), ranks[begins[i]].host, ranks_text(size),
        std::min(size, expected)));
  }
}

std::uint32_t most_on_one_machine(std::span<const NodeId> ranks) {
  std::map<std::string, std::uint32_t> count;
  std::uint32_t most = 0;
  for (const NodeId& rank : ranks) most = std::max(most, ++count[rank.boot]);
  return most;
}

}  // namespace

NodeId own_node() {
  std::array<char, 256> host{};
  gethostname(host.data(), host.size() - 1);
  std::error_code failure;
  const auto network = std::filesystem::read_symlink("/proc/self/ns/net", failure);
  return {host.data(), machine_name(), network.string()};
}

NodeMap group_by_node(std::span<const NodeId> ranks) {
  const std::vector<std::size_t> begins = begins_of(ranks);
  check_order(ranks, begins);
  check_sizes(ranks, begins);
  NodeMap map{{}, static_cast<std::uint32_t>(begins[1]), most_on_one_machine(ranks)};
  for (std::size_t i = 0; i + 1 < begins.size(); ++i) map.names.push_back(ranks[begins[i]].host);
  return map;
}

// Rank 0 tells what it was told, so that all decide alike.
NodeMap find_nodes(Group& group) {
  std::string all;
  for (const Blob& one : group.gather(bytes_of(node_text(own_node()))))
    all += text_of(std::span<const std::byte>(one));
  const Blob told = group.broadcast(bytes_of(all));
  return group_by_node(read_nodes(std::string(text_of(std::span<const std::byte>(told)))));
}

}  // namespace ppsim
