// Golden orders, op for op: ours against those of the folder of published data.
#include <doctest/doctest.h>

#include <fstream>
#include <sstream>

#include "ppsim/schedule/check.hpp"
#include "ppsim/schedule/registry.hpp"
#include "ppsim/schedule/text.hpp"
#include "support.hpp"

using namespace ppsim;

namespace {

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path);
  REQUIRE_MESSAGE(file.good(), path.string());
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

struct Golden {
  std::string file;
  std::string schedule;
  Shape shape;
  OptionValues options;
};

OptionValues group(std::int64_t size) {
  return {{"group", size}};
}
OptionValues decode(std::int64_t steps) {
  return {{"decode_steps", steps}};
}

std::vector<Golden> derived() {
  const OptionValues eager = {{"warmup_per_hop", std::int64_t{2}}};
  return {
      {"naive_p4_m3", "naive", {4, 3, 1}, {}},
      {"naive_p4_m2", "naive", {4, 2, 1}, {}},
      {"gpipe_p4_m8", "gpipe", {4, 8, 1}, {}},
      {"gpipe_p3_m5", "gpipe", {3, 5, 1}, {}},
      {"gpipe_p4_m2", "gpipe", {4, 2, 1}, {}},
      {"1f1b_p4_m8", "1f1b", {4, 8, 1}, {}},
      {"1f1b_p4_m2", "1f1b", {4, 2, 1}, {}},
      {"1f1b_p8_m16", "1f1b", {8, 16, 1}, {}},
      {"1f1b_slack2_p4_m8", "1f1b", {4, 8, 1}, {{"slack", std::int64_t{2}}}},
      {"eager1f1b_p4_m8", "1f1b", {4, 8, 1}, eager},
      {"eager1f1b_p4_m2", "1f1b", {4, 2, 1}, eager},
      {"eager1f1b_p3_m5", "1f1b", {3, 5, 1}, eager},
      {"interleaved1f1b_p2_m4_v2_g2", "interleaved", {2, 4, 2}, group(2)},
      {"interleaved1f1b_p2_m7_v2_g4", "interleaved", {2, 7, 2}, group(4)},
      {"interleaved1f1b_p4_m10_v2_g5", "interleaved", {4, 10, 2}, group(5)},
      {"interleaved1f1b_p4_m3_v2_g3", "interleaved", {4, 3, 2}, group(3)},
      {"interleaved1f1b_p4_m8_v2_g4", "interleaved", {4, 8, 2}, group(4)},
      {"interleaved1f1b_p8_m16_v2_g8", "interleaved", {8, 16, 2}, group(8)},
      {"inference_p4_m2_t3", "inference", {4, 2, 1}, decode(3)},
      {"inference_p4_m4_t2", "inference", {4, 4, 1}, decode(2)},
  };
}

}  // namespace

TEST_CASE("our orders are the golden orders, op for op") {
  const auto shared = shared_folder();
  if (!shared) {
    MESSAGE("skipped: the folder of published data is not here");
    return;
  }
  for (const Golden& golden : derived()) {
    CAPTURE(golden.file);
    const ScheduleInfo& info = find_schedule(golden.schedule);
    const ScheduleRequest request{golden.shape, complete_options(info, golden.options), nullptr};
    const std::string file = read(*shared / "golden" / "derived" / (golden.file + ".csv"));
    const Schedule ours = make_schedule(info, request);
    const Schedule theirs = parse_csv(file, golden.file).schedule;
    CHECK(ours.ops == theirs.ops);
    CHECK(ours.rank_begin == theirs.rank_begin);
    CHECK(ours.placement == theirs.placement);
  }
}

TEST_CASE(
    "the default group is the golden one where the ranks divide the micro-batches, or PyTorch's rule finds "
    "it") {
  const ScheduleInfo& info = find_schedule("interleaved");
  for (const auto& [P, M, G] :
       std::vector<std::array<std::uint32_t, 3>>{{4, 8, 4}, {4, 10, 5}, {4, 3, 3}, {2, 4, 2}}) {
    const ScheduleRequest by_default{{P, M, 2}, complete_options(info, {}), nullptr};
    const ScheduleRequest given{{P, M, 2}, complete_options(info, group(G)), nullptr};
    CHECK(make_schedule(info, by_default) == make_schedule(info, given));
  }
}

TEST_CASE("published compute-only files parse, are legal, and come back as they were") {
  const auto shared = shared_folder();
  if (!shared) {
    MESSAGE("skipped: the folder of published data is not here");
    return;
  }
  for (const char* file : {"torchtitan/custom_schedule.csv", "pytorch/dualpipev_4rank_10mb.csv",
                           "pytorch/zb1p_2rank_2stagep_compute.csv"}) {
    CAPTURE(file);
    const ParsedSchedule parsed = parse_csv(read(*shared / "golden" / file), file);
    CHECK(parsed.note.empty());
    CHECK(check_order(parsed.schedule).empty());
    CHECK(parse_csv(to_csv(parsed.schedule), file).schedule == parsed.schedule);
  }
}

TEST_CASE(
    "every derived order in the compute grammar parses and is legal, schedules not yet registered included") {
  const auto shared = shared_folder();
  if (!shared) {
    MESSAGE("skipped: the folder of published data is not here");
    return;
  }
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(*shared / "golden" / "derived")) {
    const std::string name = entry.path().filename().string();
    // bpipe has cells of its own (EVICT, LOAD); summary.csv is a table.
    if (entry.path().extension() != ".csv" || name == "summary.csv" || name.starts_with("bpipe")) continue;
    CAPTURE(name);
    const Schedule schedule = parse_csv(read(entry.path()), name).schedule;
    CHECK(check_order(schedule).empty());
    std::string text = to_csv(schedule);
    std::string file = read(entry.path());
    if (!file.ends_with('\n')) file += '\n';
    CHECK(text == file);
    ++files;
  }
  CHECK(files > 50);
}
