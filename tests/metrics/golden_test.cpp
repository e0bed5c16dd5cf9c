// Published and derived orders, replayed: makespan, rank span and peaks of golden/derived/summary.csv. Its
// times are multiples of a quarter, its format is told by golden/README.md.
#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <string>

#include "metrics/runs.hpp"
#include "ppsim/schedule/text/text.hpp"
#include "support.hpp"

namespace ppsim::test::golden_test {
namespace {

using Row = std::map<std::string, std::string>;

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, separator);) parts.push_back(part);
  return parts;
}

std::vector<Row> read_summary(const std::filesystem::path& derived) {
  std::ifstream in(derived / "summary.csv");
  std::string line;
  std::getline(in, line);
  const std::vector<std::string> columns = split(line, ',');
  std::vector<Row> rows;
  while (std::getline(in, line)) {
    const std::vector<std::string> cells = split(line, ',');
    Row& row = rows.emplace_back();
    for (std::size_t i = 0; i < columns.size(); ++i) row[columns[i]] = i < cells.size() ? cells[i] : "";
  }
  return rows;
}

/// A time of the summary in quarters, which is what 1 ns stands for here.
Time quarters(const std::string& text) {
  return Time(std::llround(std::stod(text) * 4));
}

Workload workload_of(const Row& row, std::optional<std::uint32_t> decode_steps) {
  CostsInput costs = free_transfers();
  costs.activation = {Bytes(1)};
  costs.forward = {quarters(row.at("T_F"))};
  costs.input_grad = {quarters(row.at("T_I"))};
  costs.weight_grad = {quarters(row.at("T_W"))};
  costs.backward = {};
  costs.link.latency = quarters(row.at("T_comm"));
  if (!row.at("T_FB").empty()) costs.pair = quarters(row.at("T_FB"));
  const auto stages = static_cast<std::uint32_t>(std::stoul(row.at("stages")));
  return make_workload(costs, {static_cast<std::uint32_t>(std::stoul(row.at("ranks"))), stages, decode_steps},
                       stages);
}

void check_row(const Row& row, const SmallRun& run) {
  const Bubbles bubbles = run.bubbles();
  CHECK(bubbles.makespan == quarters(row.at("makespan")));
  CHECK(bubbles.max_rank_span == quarters(row.at("max_rank_span")));
  CHECK(std::abs(bubbles.bubble_fraction() - std::stod(row.at("bubble_fraction"))) < 0.5000001e-6);
  if (run.schedule.forward_only) return;  // nothing is kept: the column counts ops
  const std::vector<std::string> peaks = split(row.at("peak_chunks_per_rank"), '|');
  const std::vector<RankMemory> memory = run.memory();
  REQUIRE(peaks.size() == memory.size());
  for (std::size_t rank = 0; rank < peaks.size(); ++rank) {
    CHECK(std::to_string(memory[rank].peak_count) == peaks[rank]);
    CHECK(std::to_string(memory[rank].peak_activation.count()) == peaks[rank]);
  }
}

/// The number behind a letter or word in a golden name: number("gpipe_p4_m8", "m") is 8.
std::optional<std::uint32_t> number(const std::string& name, const std::string& key) {
  for (const std::string& part : split(name, '_')) {
    if (part.size() > key.size() && part.starts_with(key) &&
        part.find_first_not_of("0123456789", key.size()) == part.npos) {
      return static_cast<std::uint32_t>(std::stoul(part.substr(key.size())));
    }
  }
  return std::nullopt;
}

/// Golden names begin with the schedule's name in their own spelling.
const std::map<std::string, std::string> kSchedules = {{"naive", "naive"},
                                                       {"gpipe", "gpipe"},
                                                       {"1f1b", "1f1b"},
                                                       {"interleaved1f1b", "interleaved"},
                                                       {"inference", "inference"}};

TEST_CASE("the registered schedules replay to the golden makespans, spans and peaks") {
  const auto shared = shared_folder();
  if (!shared) {
    MESSAGE("skipped: no shared folder");
    return;
  }
  int rows = 0;
  for (const Row& row : read_summary(*shared / "golden" / "derived")) {
    const std::string& name = row.at("name");
    CAPTURE(name);
    const auto schedule = kSchedules.find(split(name, '_').front());
    if (schedule == kSchedules.end()) continue;
    OptionValues options;
    if (const auto group = number(name, "g")) options["group"] = std::int64_t{*group};
    if (const auto slack = number(name, "slack")) options["slack"] = std::int64_t{*slack};
    const auto steps = number(name, "t");
    if (steps) options["decode_steps"] = std::int64_t{*steps};
    const Shape shape{number(name, "p").value(), number(name, "m").value(), number(name, "v").value_or(1)};
    check_row(row, run_schedule(registered(schedule->second, shape, options), workload_of(row, steps)));
    ++rows;
  }
  CHECK(rows == 17);
}

TEST_CASE(
    "golden orders of every kind, split backwards, pairs and two directions too, replay to their figures") {
  const auto shared = shared_folder();
  if (!shared) {
    MESSAGE("skipped: no shared folder");
    return;
  }
  const std::filesystem::path derived = *shared / "golden" / "derived";
  int rows = 0;
  for (const Row& row : read_summary(derived)) {
    const std::string& name = row.at("name");
    CAPTURE(name);
    // bpipe moves activations and inference loops tokens: more than a compute-only file says.
    if (name.starts_with("bpipe") || name.starts_with("inference")) continue;
    std::ifstream in(derived / (name + ".csv"));
    if (!in) continue;  // not every row has its order
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    check_row(row, run_schedule(parse_csv(text, name).schedule, workload_of(row, {})));
    ++rows;
  }
  CHECK(rows > 50);
}

}  // namespace
}  // namespace ppsim::test::golden_test
