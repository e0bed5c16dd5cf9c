// What the loader of PyTorch's pipelining checks of a compute-only file, written again here from its rules.
#include <doctest/doctest.h>

#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "ppsim/schedule/text/text.hpp"
#include "schedule/requests.hpp"

namespace ppsim::pytorch_loader_test {
namespace {

struct Action {
  int stage;
  std::string kind;
  int micro_batch;
};

// The first rule that a file breaks; empty where the loader takes it.
class Loader {
 public:
  std::string load(const std::string& csv) {
    std::istringstream lines(csv);
    int rank = 0;
    for (std::string line; std::getline(lines, line); ++rank) {
      std::istringstream cells(line);
      for (std::string cell; std::getline(cells, cell, ',');) {
        if (const std::string fault = add(rank, cell); !fault.empty()) return cell + ": " + fault;
      }
    }
    for (const auto& entry : counts_) {
      const std::map<std::string, int>& count = entry.second;  // clang 14 captures no structured binding
      const auto of = [&](const char* kind) { return count.contains(kind) ? count.at(kind) : 0; };
      if (of("I") != of("W")) return "not as many I as W";
      if (of("B") + of("W") != of("F")) return "not every forward has its backward";
    }
    return {};
  }

 private:
  std::string add(int rank, const std::string& cell) {
    static const std::regex pair(R"(\((.*);(.*)\)OVERLAP_F_B)");
    if (std::smatch halves; std::regex_match(cell, halves, pair)) {
      const std::string fault = add_action(rank, halves[1]);
      return fault.empty() ? add_action(rank, halves[2]) : fault;
    }
    return add_action(rank, cell);
  }

  std::string add_action(int rank, const std::string& text) {
    static const std::regex grammar(R"((\d+)(F|I|B|W)(\d+))");
    std::smatch parts;
    if (!std::regex_match(text, parts, grammar)) return "no action";
    const Action action{std::stoi(parts[1]), parts[2], std::stoi(parts[3])};
    if (rank_of_.try_emplace(action.stage, rank).first->second != rank) return "a stage on two ranks";
    const auto ran = [&](const char* kind) {
      return done_.contains({action.stage, kind, action.micro_batch});
    };
    if ((action.kind == "B" || action.kind == "I") && !ran("F")) return "before its forward";
    if (action.kind == "W" && !ran("I")) return "before its I";
    if (!done_.insert({action.stage, action.kind, action.micro_batch}).second) return "twice";
    ++counts_[action.stage][action.kind];
    return {};
  }

  std::map<int, int> rank_of_;
  std::set<std::tuple<int, std::string, int>> done_;
  std::map<int, std::map<std::string, int>> counts_;
};

TEST_CASE("PyTorch's loader would take every schedule that its grammar can say") {
  std::set<std::string> taken;
  for (const ScheduleInfo* info : all_schedules()) {
    if (info->forward_only) continue;
    for (const OptionValues& options : option_variants(*info)) {
      for (const auto& [P, M] :
           {std::pair{2U, 4U}, std::pair{3U, 7U}, std::pair{4U, 8U}, std::pair{5U, 10U}}) {
        const Shape shape{P, M, chunk_counts(*info, options).back()};
        const Workload workload = uniform_workload(shape, {Time(3), Time(5), Time(3), Time(2), Time(1)});
        const ScheduleRequest request{shape, options, &workload};
        if (why_not(*info, request)) continue;
        const Schedule schedule = make_schedule(*info, request);
        const bool ours =
            schedule.placement.directions() > 1 || schedule.recompute_ahead ||
            std::any_of(schedule.ops.begin(), schedule.ops.end(), [](Op op) { return is_copy(op.kind); });
        if (ours) continue;  // two directions, R, EVICT and LOAD are extensions
        const std::string fault = Loader().load(to_csv(schedule));
        if (!fault.empty()) FAIL_CHECK(describe(*info, request) << ": " << fault);
        taken.insert(info->name);
      }
    }
  }
  CHECK(taken.size() + 4 >=
        all_schedules().size());  // chimera, dualpipe, inference; bpipe fits where it evicts none
}

TEST_CASE("the loader of this test refuses what PyTorch's refuses") {
  CHECK(Loader().load("0F0,0B0\n1F0,1B0\n").empty());
  CHECK(Loader().load("0F0,0B0\n0F1,0B1\n") == "0F1: a stage on two ranks");
  CHECK(Loader().load("0B0,0F0\n") == "0B0: before its forward");
  CHECK(Loader().load("0F0,0W0,0I0\n") == "0W0: before its I");
  CHECK(Loader().load("0F0,0I0\n") == "not as many I as W");
  CHECK(Loader().load("0F0,0F1,0B0\n") == "not every forward has its backward");
  CHECK(Loader().load("0F0,0EVICT0\n") == "0EVICT0: no action");
  CHECK(Loader().load("d0F0\n") == "d0F0: no action");
}

}  // namespace
}  // namespace ppsim::pytorch_loader_test
