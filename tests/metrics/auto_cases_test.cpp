// zb-auto and zbv-auto on random costs, against the rank spans that the golden cases ask for.
#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <fstream>
#include <string>

#include "ppsim/engine/simulate.hpp"
#include "ppsim/metrics/bubbles.hpp"
#include "ppsim/metrics/memory.hpp"
#include "ppsim/schedule/registry.hpp"
#include "support.hpp"

namespace ppsim::auto_cases_test {
namespace {

using Json = nlohmann::json;

Json read_cases(const char* file) {
  const auto shared = shared_folder();
  if (!shared) MESSAGE("skipped: no folder of published data");
  if (!shared) return Json::array();
  std::ifstream in(*shared / "golden" / "derived" / file);
  return Json::parse(in);
}

// One value, or one a rank.
std::vector<Time> times(const Json& value) {
  std::vector<Time> list;
  for (const Json& one : value.is_array() ? value : Json::array({value})) list.emplace_back(one.get<int>());
  return list;
}

Workload workload_of(const Json& one, const Shape& shape) {
  CostsInput costs;
  costs.forward = times(one["F"]);
  costs.input_grad = times(one["I"]);
  costs.weight_grad = times(one["W"]);
  costs.transfer = {Bytes(0)};
  costs.activation = {Bytes(one["mem"][0].get<int>())};
  costs.activation_freed_at_input_grad = {Bytes(-one["mem"][1].get<int>())};
  costs.link = {BytesPerSecond(1), Time(one["hop"].get<int>())};
  const std::uint32_t stages = shape.ranks * shape.chunks;
  return make_workload(costs, {shape.ranks, stages, {}}, stages);
}

void check_cases(const char* file, const char* name, std::uint32_t chunks) {
  const Json cases = read_cases(file);
  const ScheduleInfo& info = find_schedule(name);
  for (const Json& one : cases) {
    CAPTURE(one.dump());
    const Shape shape{one["P"], one["M"], chunks};
    const Workload workload = workload_of(one, shape);
    const OptionValues options{{"limit", MemoryLimit{0, Bytes(one["limit"].get<int>())}}};
    const Schedule schedule = make_schedule(info, {shape, complete_options(info, options), &workload});
    const OpGraph graph = build_graph(schedule, workload, Communication::Overlap);
    const Timeline timeline = simulate(graph, Contention("none"));
    const Bubbles bubbles = measure_bubbles(graph, timeline);
    CHECK(bubbles.max_rank_span == Time(one["max_rank_span"].get<int>()));
    CHECK(bubbles.makespan == Time(one["makespan"].get<int>()));
    for (const RankMemory& rank : measure_memory(graph, timeline, schedule, workload))
      CHECK(rank.peak_activation <= Bytes(one["limit"].get<int>()));
  }
  CHECK((cases.empty() || cases.size() >= 16));
}

TEST_CASE("zb-auto reaches the golden rank span and makespan of every case within its limit") {
  check_cases("zb_auto_cases.json", "zb-auto", 1);
}

TEST_CASE("zbv-auto reaches the golden rank span and makespan of every case within its limit") {
  check_cases("zbv_auto_cases.json", "zbv-auto", 2);
}

}  // namespace
}  // namespace ppsim::auto_cases_test
