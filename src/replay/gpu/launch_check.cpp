// Kahn's algorithm over the starts and ends of launches; what it does not reach waits for itself.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>

#include "ppsim/core/error.hpp"
#include "replay/gpu/launches.hpp"

namespace ppsim {
namespace {

// A group of launches of a rank: it starts as one, and ends as one.
using Node = std::uint32_t;  // 2 x group: its start; 2 x group + 1: its end

class WaitGraph {
 public:
  WaitGraph(const LaunchPlan& plan, LaunchOrder order) : plan_(plan), order_(order) {
    for (const RankLaunches& rank : plan.ranks) number_groups(rank);
    successors_.resize(2 * first_launch_.size());
    for (std::uint32_t group = 0; group < first_launch_.size(); ++group) add(start(group), end(group));
    for (std::uint32_t rank = 0; rank < plan.ranks.size(); ++rank) add_rank(rank);
  }

  [[nodiscard]] std::size_t size() const { return successors_.size(); }
  [[nodiscard]] const std::vector<Node>& successors(Node node) const { return successors_[node]; }
  [[nodiscard]] std::uint32_t group_of(std::uint32_t rank, std::uint32_t launch) const {
    return group_of_[rank][launch];
  }
  // Rank and first launch of the node's group.
  [[nodiscard]] std::pair<std::uint32_t, std::uint32_t> place(Node node) const {
    return first_launch_[node / 2];
  }

  // Neither end is before the other's start.
  void meet(std::uint32_t a, std::uint32_t b) {
    add(start(a), end(b));
    add(start(b), end(a));
  }

 private:
  static Node start(std::uint32_t group) { return 2 * group; }
  static Node end(std::uint32_t group) { return 2 * group + 1; }

  void number_groups(const RankLaunches& rank) {
    const auto number = static_cast<std::uint32_t>(group_of_.size());
    std::vector<std::uint32_t>& groups = group_of_.emplace_back();
    for (std::uint32_t i = 0; i < rank.list.size(); ++i) {
      if (i == 0 || rank.list[i].group != rank.list[i - 1].group) first_launch_.emplace_back(number, i);
      groups.push_back(static_cast<std::uint32_t>(first_launch_.size() - 1));
    }
  }

  void add_rank(std::uint32_t rank) {
    const auto& list = plan_.ranks[rank].list;
    std::map<std::uint32_t, std::uint32_t> last_on_stream, last_of_communicator;
    std::optional<std::uint32_t> last_message;
    for (std::uint32_t i = 0; i < list.size(); ++i) {
      const std::uint32_t group = group_of(rank, i);
      for (const std::uint32_t before : list[i].after) follow(group_of(rank, before), group);
      chain(last_on_stream, list[i].stream, group);
      if (list[i].kind == LaunchKind::Op) continue;
      chain(last_of_communicator, list[i].communicator, group);
      if (order_ == LaunchOrder::Kept && last_message && *last_message != group)
        add(start(*last_message), start(group));
      last_message = group;
    }
  }

  void chain(std::map<std::uint32_t, std::uint32_t>& last, std::uint32_t key, std::uint32_t group) {
    const auto [found, fresh] = last.emplace(key, group);
    if (!fresh) follow(found->second, group);
    found->second = group;
  }

  void follow(std::uint32_t before, std::uint32_t behind) {
    if (before != behind) add(end(before), start(behind));
  }

  void add(Node before, Node behind) { successors_[before].push_back(behind); }

  const LaunchPlan& plan_;
  LaunchOrder order_;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> first_launch_;  // [groups]
  std::vector<std::vector<std::uint32_t>> group_of_;                   // [P][launches]
  std::vector<std::vector<Node>> successors_;
};

struct Place {
  std::uint32_t rank{}, launch{};
};

// The sends, or the receives, of each communicator from one rank to another, in order.
using Lanes = std::map<std::tuple<std::uint32_t, Rank, Rank>, std::vector<Place>>;

Lanes list_lanes(const LaunchPlan& plan, LaunchKind kind) {
  Lanes lanes;
  for (std::uint32_t rank = 0; rank < plan.ranks.size(); ++rank) {
    const auto& list = plan.ranks[rank].list;
    for (std::uint32_t i = 0; i < list.size(); ++i) {
      if (list[i].kind != kind) continue;
      const Rank from = kind == LaunchKind::Send ? Rank{rank} : list[i].peer;
      const Rank to = kind == LaunchKind::Send ? list[i].peer : Rank{rank};
      lanes[{list[i].communicator, from, to}].push_back({rank, i});
    }
  }
  return lanes;
}

class Check {
 public:
  Check(const OpGraph& graph, const LaunchPlan& plan, LaunchOrder order)
      : graph_(graph), plan_(plan), waits_(plan, order) {}

  std::vector<std::string> run() {
    const Lanes sends = list_lanes(plan_, LaunchKind::Send),
                receives = list_lanes(plan_, LaunchKind::Receive);
    PPSIM_ASSERT(sends.size() == receives.size(), "not each send has a receive");
    for (auto send = sends.begin(), receive = receives.begin(); send != sends.end(); ++send, ++receive) {
      PPSIM_ASSERT(send->first == receive->first, "sends and receives of different ranks");
      if (auto fault = meet(send->second, receive->second); !fault.empty()) return {fault};
    }
    return find_cycle();
  }

 private:
  std::string meet(const std::vector<Place>& sends, const std::vector<Place>& receives) {
    PPSIM_ASSERT(sends.size() == receives.size(), "not each send has a receive");
    for (std::size_t i = 0; i < sends.size(); ++i) {
      if (launch(sends[i]).edge != launch(receives[i]).edge)
        return fmt::format("{} meets {}", describe(sends[i]), describe(receives[i]));
      waits_.meet(waits_.group_of(sends[i].rank, sends[i].launch),
                  waits_.group_of(receives[i].rank, receives[i].launch));
    }
    return {};
  }

  [[nodiscard]] std::vector<std::string> find_cycle() const {
    std::vector<std::uint32_t> left = count_predecessors();
    std::vector<Node> ready;
    for (Node node = 0; node < waits_.size(); ++node) {
      if (left[node] == 0) ready.push_back(node);
    }
    while (!ready.empty()) {
      const Node node = ready.back();
      ready.pop_back();
      for (const Node next : waits_.successors(node)) {
        if (--left[next] == 0) ready.push_back(next);
      }
    }
    return describe_cycle(left);
  }

  [[nodiscard]] std::vector<std::uint32_t> count_predecessors() const {
    std::vector<std::uint32_t> count(waits_.size());
    for (Node node = 0; node < waits_.size(); ++node) {
      for (const Node next : waits_.successors(node)) ++count[next];
    }
    return count;
  }

  // What is left waits for something that is left: so going back from one to the other ends in a circle.
  [[nodiscard]] std::vector<std::string> describe_cycle(const std::vector<std::uint32_t>& left) const {
    std::vector<Node> before(waits_.size(), kNone);
    Node node = kNone;
    for (Node one = 0; one < waits_.size(); ++one) {
      if (left[one] == 0) continue;
      if (node == kNone) node = one;
      for (const Node next : waits_.successors(one)) {
        if (left[next] > 0 && before[next] == kNone) before[next] = one;
      }
    }
    if (node == kNone) return {};
    std::vector<bool> seen(waits_.size(), false);
    for (; !seen[node]; node = before[node]) seen[node] = true;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> circle;
    Node walk = node;
    do {
      if (circle.empty() || circle.back() != waits_.place(walk)) circle.push_back(waits_.place(walk));
      walk = before[walk];
    } while (walk != node);
    if (circle.size() > 1 && circle.front() == circle.back()) circle.pop_back();
    std::reverse(circle.begin(), circle.end());
    std::rotate(circle.begin(), std::min_element(circle.begin(), circle.end()), circle.end());
    std::vector<std::string> lines;
    for (const auto& [rank, launch] : circle) lines.push_back(describe({rank, launch}));
    return lines;
  }

  [[nodiscard]] const Launch& launch(Place place) const { return plan_.ranks[place.rank].list[place.launch]; }
  [[nodiscard]] std::string describe(Place place) const {
    return describe_launch(graph_, plan_, Rank{place.rank}, place.launch);
  }

  static constexpr Node kNone = std::numeric_limits<Node>::max();

  const OpGraph& graph_;
  const LaunchPlan& plan_;
  WaitGraph waits_;
};

}  // namespace

std::vector<std::string> find_launch_fault(const OpGraph& graph, const LaunchPlan& plan, LaunchOrder order) {
  return Check(graph, plan, order).run();
}

std::string describe_launch(const OpGraph& graph, const LaunchPlan& plan, Rank rank, std::uint32_t number) {
  const Launch& launch = plan.ranks[index(rank)].list[number];
  const bool sends = launch.kind == LaunchKind::Send;
  if (launch.kind != LaunchKind::Op && launch.vertex == kNoVertex) {
    return fmt::format("rank {}: {} of a copy {} rank {}", index(rank), sends ? "send" : "receive",
                       sends ? "to" : "from", index(launch.peer));
  }
  const std::string op = graph.describe(graph.rank_begin()[index(rank)] + launch.vertex);
  if (launch.kind == LaunchKind::Op) return op;
  const std::string_view what = std::string_view(op).substr(op.find(": ") + 2);
  return sends ? fmt::format("rank {}: send behind {}, to rank {}", index(rank), what, index(launch.peer))
               : fmt::format("rank {}: receive for {}, from rank {}", index(rank), what, index(launch.peer));
}

}  // namespace ppsim
