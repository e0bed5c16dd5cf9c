#include "replay/bench/link_bench.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "replay/bench/samples.hpp"

namespace ppsim {
namespace {

// A rank's place in a measurement: none where it only waits.
struct Part {
  Rank peer{};
  bool begins = false;
};

std::optional<Part> part_of(Rank rank, std::span<const LinkPair> pairs) {
  for (const LinkPair& pair : pairs) {
    if (pair.first == rank) return Part{pair.second, true};
    if (pair.second == rank) return Part{pair.first, false};
  }
  return std::nullopt;
}

// What is measured at once.
struct Round {
  LinkLoad load{};
  Bytes size;
  std::vector<LinkPair> pairs;
};

std::vector<Time> take_part(const Round& round, Group& group, Probe& probe, std::uint32_t count) {
  const auto part = part_of(group.transport().rank(), round.pairs);
  if (!part) return {};
  return round.load == LinkLoad::Alone ? probe.bounce(part->peer, part->begins, round.size, count)
                                       : probe.swap(part->peer, round.size, count);
}

// Of the two ranks that send to each other the one that is there first waits for the other: their mean.
std::vector<Time> mean_of(std::vector<Time> times, const std::vector<Time>& others) {
  for (std::size_t i = 0; i < times.size(); ++i) times[i] = (times[i] + others[i]) / 2;
  return times;
}

// On rank 0 [pairs][repeats].
std::vector<std::vector<Time>> run_round(const Round& round, Group& group, Probe& probe, Time budget) {
  const std::uint32_t count =
      agree_on_count(group, budget, [&](std::uint32_t some) { return take_part(round, group, probe, some); });
  group.barrier();
  const auto all = gather_times(group, take_part(round, group, probe, count));
  std::vector<std::vector<Time>> times;
  if (!group.is_first()) return times;
  for (const LinkPair& pair : round.pairs) {
    const std::vector<Time>& own = all[index(pair.first)];
    times.push_back(round.load == LinkLoad::Alone ? own : mean_of(own, all[index(pair.second)]));
  }
  return times;
}

// Rounds of one scope and load of one size: all pairs at once, or one after the other.
std::vector<Round> rounds_of(const NodeMap& map, LinkScope scope, LinkLoad load, Bytes size) {
  const std::vector<LinkPair> pairs = pairs_of(map, scope, load);
  if (pairs.empty() || (size == Bytes(0) && load != LinkLoad::Alone)) return {};
  if (load == LinkLoad::AllPairs) return {{load, size, pairs}};
  std::vector<Round> rounds;
  for (const LinkPair& pair : pairs) rounds.push_back({load, size, {pair}});
  return rounds;
}

constexpr std::array kScopes = {LinkScope::Inside, LinkScope::Between};
constexpr std::array kLoads = {LinkLoad::Alone, LinkLoad::BothWays, LinkLoad::AllPairs};

// Calls `act` for all that is measured, in the order of the samples.
template <class Act>
void for_each_setting(const LinkPlan& plan, Act&& act) {
  for (const LinkScope scope : kScopes)
    for (const LinkLoad load : kLoads)
      for (const Bytes size : plan.sizes) act(scope, load, size);
}

std::size_t count_rounds(const NodeMap& map, const LinkPlan& plan) {
  std::size_t count = 0;
  for_each_setting(plan, [&](LinkScope scope, LinkLoad load, Bytes size) {
    count += rounds_of(map, scope, load, size).size();
  });
  return count;
}

// Enough nodes to see one that is not like the others, and few enough to be done.
constexpr std::uint32_t kMostNodes = 16;

std::vector<std::uint32_t> spread(std::uint32_t count) {
  std::vector<std::uint32_t> chosen;
  const std::uint32_t wanted = std::min(count, kMostNodes);
  for (std::uint32_t i = 0; i < wanted; ++i) chosen.push_back(i * count / wanted);
  return chosen;
}

}  // namespace

std::vector<LinkPair> pairs_of(const NodeMap& map, LinkScope scope, LinkLoad load) {
  std::vector<LinkPair> pairs;
  if (scope == LinkScope::Inside) {
    if (map.ranks_per_node < 2 || load == LinkLoad::AllPairs) return {};
    for (const std::uint32_t node : spread(map.nodes()))
      pairs.push_back({map.rank(node, 0), map.rank(node, 1)});
    return pairs;
  }
  if (map.nodes() < 2) return {};
  if (load != LinkLoad::AllPairs) {
    for (const std::uint32_t node : spread(map.nodes() - 1))
      pairs.push_back({map.rank(node, 0), map.rank(node + 1, 0)});
    return pairs;
  }
  if (map.ranks_per_node < 2) return {};
  for (std::uint32_t place = 0; place < map.ranks_per_node; ++place)
    pairs.push_back({map.rank(0, place), map.rank(1, place)});
  return pairs;
}

std::vector<LinkSamples> measure_links(const NodeMap& map, Group& group, Probe& probe, const LinkPlan& plan) {
  const auto rounds = static_cast<Time::rep>(std::max<std::size_t>(count_rounds(map, plan), 1));
  std::vector<LinkSamples> samples;
  for_each_setting(plan, [&](LinkScope scope, LinkLoad load, Bytes size) {
    LinkSamples result{scope, load, size, {}, {}};
    for (const Round& round : rounds_of(map, scope, load, size)) {
      auto times = run_round(round, group, probe, plan.seconds / rounds);
      result.pairs.insert(result.pairs.end(), round.pairs.begin(), round.pairs.end());
      result.times.insert(result.times.end(), times.begin(), times.end());
    }
    if (group.is_first() && !result.pairs.empty()) samples.push_back(std::move(result));
  });
  return samples;
}

}  // namespace ppsim
