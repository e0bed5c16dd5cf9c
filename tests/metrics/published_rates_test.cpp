// Bubble rates that papers publish, from their measured costs: golden/zero_bubble. Qi, Wan, Huang, Lin, "Zero
// Bubble Pipeline Parallelism", ICLR 2024, and the paper's arXiv version for ZB-V. A rate is (measure - work)
// / measure, the measure being the makespan or, where a step's end is staggered, the longest rank span:
// bubble_fraction and span_bubble_fraction.
//
// One column is not here: 1F1B_interleaved, whose source checks only part of the ring's dependencies. What an
// exact replay gives in its place stands in 1F1B_interleaved_exact_replay.
#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "ppsim/engine/simulate.hpp"
#include "ppsim/metrics/bubbles.hpp"
#include "ppsim/schedule/registry.hpp"
#include "support.hpp"

namespace ppsim::published_rates_test {
namespace {

using Row = std::map<std::string, std::string>;

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, ',');) parts.push_back(part);
  return parts;
}

// Empty where the folder is not there.
std::vector<Row> read(const char* file) {
  const auto shared = shared_folder();
  if (!shared) {
    MESSAGE("skipped: no folder of published data");
    return {};
  }
  std::ifstream in(*shared / "golden" / "zero_bubble" / file);
  std::string line;
  REQUIRE(std::getline(in, line));
  const std::vector<std::string> columns = split(line);
  std::vector<Row> rows;
  while (std::getline(in, line)) {
    if (line.ends_with('\r')) line.pop_back();
    const std::vector<std::string> cells = split(line);
    REQUIRE(cells.size() == columns.size());
    Row& row = rows.emplace_back();
    for (std::size_t i = 0; i < columns.size(); ++i) row[columns[i]] = cells[i];
  }
  return rows;
}

std::uint32_t count(const Row& row, const char* column) {
  return static_cast<std::uint32_t>(std::stoul(row.at(column)));
}

// What a row says of one stage of one micro-batch: times in microseconds, memory in bytes but for a factor.
struct Setting {
  std::int64_t p, m, F, B, W, hop, layers;
  Bytes activation, freed_at_input_grad;
};

// Korthikanti et al. 2022 for what a layer keeps: 34 h + 5 a s bytes a token, of which W needs 32 h.
Setting setting_of(const Row& row, const std::string& suffix) {
  const auto time = [&](const char* column) { return std::stoll(row.at(column + suffix)); };
  const std::int64_t h = count(row, "hidden"),
                     scores = 5 * std::int64_t{count(row, "heads")} * count(row, "seq");
  return {count(row, "p"),      count(row, "m"),
          time("T_F"),          time("T_B"),
          time("T_W"),          std::stoll(row.at("T_comm_us")),
          count(row, "layers"), Bytes(34 * h + scores),
          Bytes(2 * h + scores)};
}

// A whole stage of which the row gives one of two chunks.
Setting doubled(Setting chunk) {
  chunk.F *= 2;
  chunk.B *= 2;
  chunk.W *= 2;
  return chunk;
}

// The setting's times are those of a rank's `parts` stages together; the unit of time is the `parts`-th of a
// nanosecond, so that those of one stage are whole numbers.
Bubbles run(const char* name, const Setting& setting, std::uint32_t chunks = 1,
            const OptionValues& options = {}, std::int64_t parts = 1) {
  CostsInput costs;
  costs.forward = {Time(1000 * setting.F)};
  costs.input_grad = {Time(1000 * setting.B)};
  costs.weight_grad = {Time(1000 * setting.W)};
  costs.transfer = {Bytes(0)};
  costs.activation = {setting.activation};
  costs.activation_freed_at_input_grad = {setting.freed_at_input_grad};
  costs.link = {BytesPerSecond(1), Time(1000 * parts * setting.hop)};
  const Shape shape{static_cast<std::uint32_t>(setting.p), static_cast<std::uint32_t>(setting.m), chunks};
  const std::uint32_t stages = shape.ranks * chunks;
  const Workload workload = make_workload(costs, {shape.ranks, stages, {}}, stages);
  const ScheduleInfo& info = find_schedule(name);
  const Schedule schedule = make_schedule(info, {shape, complete_options(info, options), &workload});
  const OpGraph graph = build_graph(schedule, workload, Communication::Overlap);
  return measure_bubbles(graph, simulate(graph, Contention("none")));
}

OptionValues limit(double times) {
  return {{"limit", MemoryLimit{times, {}}}};
}

// Four digits are published; the sum beside the tolerance is what binary fractions lose.
void check_rate(const Row& row, const char* column, double ours, double tolerance = 0.00005) {
  CAPTURE(std::string(column));
  CAPTURE(ours);
  CHECK(std::abs(ours - std::stod(row.at(column))) <= tolerance + 1e-12);
}

void check_hand_made(const Row& row, const Setting& stage) {
  check_rate(row, "1F1B", run("1f1b", stage).bubble_fraction());
  check_rate(row, "ZB_H1", run("zb-h1", stage).bubble_fraction());
  check_rate(row, "ZB_H2", run("zb-h2", stage).span_bubble_fraction());
}

TEST_CASE("the bubble rates of the ICLR paper follow from its measured costs, to all four digits") {
  const std::vector<Row> rows = read("iclr_bubble_rates.csv");
  for (const Row& row : rows) {
    const Setting stage = setting_of(row, "_us");
    CAPTURE(stage.p);
    CAPTURE(stage.m);
    CAPTURE(stage.F);
    check_hand_made(row, stage);
    check_rate(row, "ZB_1p", run("zb-auto", stage, 1, limit(1)).span_bubble_fraction());
    check_rate(row, "ZB_2p", run("zb-auto", stage, 1, limit(2)).span_bubble_fraction());
    const std::int64_t V = stage.layers / stage.p;
    const OptionValues group{{"group", stage.p}};
    const Bubbles interleaved = run("interleaved", stage, static_cast<std::uint32_t>(V), group, V);
    check_rate(row, "1F1B_interleaved_exact_replay", interleaved.bubble_fraction());
  }
  CHECK((rows.empty() || rows.size() == 9));
}

TEST_CASE("the bubble rates of ZB-V's paper follow from its measured costs, to all four digits") {
  const std::vector<Row> rows = read("arxiv_zbv_bubble_rates.csv");
  for (const Row& row : rows) {
    const Setting chunk = setting_of(row, "_chunk_us");
    CAPTURE(chunk.p);
    CAPTURE(chunk.m);
    check_hand_made(row, doubled(chunk));
    check_rate(row, "ZB_V", run("zbv-auto", chunk, 2, limit(2)).span_bubble_fraction());
  }
  CHECK((rows.empty() || rows.size() == 6));
}

// The limit stands there as a multiple of what p micro-batches take on a rank. zbv-auto's own p is that of
// chunks, half as much.
TEST_CASE("the bubble rate as a function of the memory limit is the published one") {
  std::map<std::pair<std::string, std::string>, Setting> settings;
  for (const Row& row : read("arxiv_zbv_bubble_rates.csv"))
    settings.insert({{row.at("p"), row.at("m")}, setting_of(row, "_chunk_us")});
  const std::vector<Row> rows = read("mem2bubble.csv");
  // Each setting has 17 rows, so that every fifth is one with another limit in the next.
  for (std::size_t i = 0; i < rows.size(); i += kSanitized ? 5 : 1) {
    const Row& row = rows[i];
    const Setting chunk = settings.at({row.at("p"), row.at("m")});
    const double times = std::stod(row.at("mem_limit_over_p_MB"));
    const bool on_v = row.at("schedule") == "zbv_auto";
    CAPTURE(row.at("schedule"));
    CAPTURE(chunk.p);
    CAPTURE(chunk.m);
    CAPTURE(times);
    const Bubbles bubbles =
        on_v ? run("zbv-auto", chunk, 2, limit(2 * times)) : run("zb-auto", doubled(chunk), 1, limit(times));
    check_rate(row, "bubble_rate", bubbles.span_bubble_fraction(), 0.00006);
  }
  CHECK((rows.empty() || rows.size() == 204));
}

}  // namespace
}  // namespace ppsim::published_rates_test
