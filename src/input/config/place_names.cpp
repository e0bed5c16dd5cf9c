#include "input/config/place_names.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "core/numbers.hpp"

namespace ppsim {

namespace {

using Numbers = std::array<std::uint32_t, 2>;

// The numbers in `text` where `pattern` has "#", without leading zeros, so that a place has one name; empty
// where it is another text.
std::optional<Numbers> match(std::string_view text, std::string_view pattern) {
  Numbers numbers{};
  std::size_t found = 0;
  for (const char expected : pattern) {
    if (text.empty()) return std::nullopt;
    if (expected != '#') {
      if (text.front() != expected) return std::nullopt;
      text.remove_prefix(1);
      continue;
    }
    const std::string_view rest = text;
    const auto number = take_number<std::uint32_t>(text);
    if (!number || (rest.front() == '0' && rest.size() > text.size() + 1)) return std::nullopt;
    numbers[found++] = *number;
  }
  return text.empty() ? std::optional(numbers) : std::nullopt;
}

// What names in a cluster look like; a "#" stands for a number.
struct NamePattern {
  const char* pattern;
  const char* shown;
  std::array<const char*, 2> ways;
  std::array<std::uint32_t, 2> counts;  // each number is below its own
  std::array<const char*, 2> things;    // what these count; the second null where there is one number
};

NamePattern gpu_pattern(const Cluster& cluster, const char* pattern, const char* shown) {
  return {pattern, shown, {" out", " in"}, {cluster.nodes, cluster.gpus_per_node}, {"nodes", "GPUs"}};
}

// As ClusterLinks names them.
std::vector<NamePattern> link_patterns(const Cluster& cluster) {
  std::vector<NamePattern> kinds = {cluster.pcie
                                        ? gpu_pattern(cluster, "node # GPU # PCIe", "node N GPU G PCIe")
                                        : gpu_pattern(cluster, "node # GPU # NVLink", "node N GPU G NVLink"),
                                    {"node # NIC #",
                                     "node N NIC K",
                                     {" out", " in"},
                                     {cluster.nodes, cluster.nics_per_node},
                                     {"nodes", "NICs"}}};
  if (cluster.switches_per_node() > 0)
    kinds.push_back({"node # switch #",
                     "node N switch S",
                     {" out", " in"},
                     {cluster.nodes, cluster.switches_per_node()},
                     {"nodes", "switches"}});
  if (cluster.fabric && cluster.fabric->rail_optimized)
    kinds.push_back({"leaf # rail #",
                     "leaf L rail K",
                     {" up", " down"},
                     {cluster.leaf_groups(), cluster.leaves_per_group()},
                     {"leaves", "rails"}});
  else if (cluster.fabric)
    kinds.push_back({"leaf #", "leaf L", {" up", " down"}, {cluster.leaf_groups(), 1}, {"leaves", nullptr}});
  return kinds;
}

void check(const ObjectReader& object, const std::string& name, Numbers numbers, const NamePattern& kind) {
  if (numbers[0] < kind.counts[0] && numbers[1] < kind.counts[1]) return;
  const std::string inner = kind.things[1] != nullptr
                                ? fmt::format(" of {} {}, each", kind.counts[1], kind.things[1])
                                : std::string(",");
  throw object.error(name,
                     fmt::format("there are {} {}{} counted from 0", kind.counts[0], kind.things[0], inner));
}

}  // namespace

Rank PlaceNames::rank(const std::string& name, std::uint32_t number) const {
  if (number >= places_.ranks)
    throw object_.error(name, fmt::format("there are {} ranks, counted from 0", places_.ranks));
  return Rank{number};
}

std::variant<Rank, GpuPlace> PlaceNames::gpu(const std::string& name) const {
  if (const auto rank = match(name, "rank #")) return this->rank(name, (*rank)[0]);
  const auto gpu = match(name, "node # GPU #");
  if (!gpu || places_.cluster == nullptr)
    throw object_.error(name, places_.cluster == nullptr
                                  ? "no such place; expected \"rank R\""
                                  : "no such place; expected \"node N GPU G\" or \"rank R\"");
  check(object_, name, *gpu, gpu_pattern(*places_.cluster, "", ""));
  return GpuPlace{(*gpu)[0], (*gpu)[1]};
}

std::vector<std::string> PlaceNames::links(const std::string& name) const {
  if (places_.cluster == nullptr) return link_between_ranks(name);
  std::vector<std::string> expected;
  for (const NamePattern& kind : link_patterns(*places_.cluster)) {
    for (const std::string way : {kind.ways[0], kind.ways[1], ""}) {
      const auto numbers = match(name, std::string(kind.pattern) + way);
      if (!numbers) continue;
      check(object_, name, *numbers, kind);
      if (way.empty()) return {name + kind.ways[0], name + kind.ways[1]};
      return {name};
    }
    expected.push_back(fmt::format("\"{}\"", kind.shown));
  }
  const char* directions =
      places_.cluster->fabric ? R"(" out" or " in", of a leaf " up" or " down",)" : R"(" out" or " in")";
  throw object_.error(name, fmt::format("no such link; expected {}, with {} for one direction",
                                        fmt::join(expected, " or "), directions));
}

std::vector<std::string> PlaceNames::link_between_ranks(const std::string& name) const {
  const auto ranks = match(name, "rank # -> rank #");
  if (!ranks) throw object_.error(name, "no such link; expected \"rank A -> rank B\"");
  if (rank(name, (*ranks)[0]) == rank(name, (*ranks)[1]))
    throw object_.error(name, "no such link; expected two ranks");
  return {name};
}

}  // namespace ppsim
