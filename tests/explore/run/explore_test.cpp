#include <doctest/doctest.h>

#include "explore/folder.hpp"
#include "ppsim/explore/run/check.hpp"
#include "ppsim/explore/run/compare.hpp"
#include "ppsim/explore/run/run.hpp"
#include "support.hpp"

namespace ppsim::explore_test {

namespace {

// F = 10 ns, B = 20 ns, P = 4, M = 8, free hops.
std::string config_text(const std::string& schedule, const std::string& parallelism = "",
                        const std::string& costs = "") {
  return R"({"costs": {"forward": "10 ns", "backward": "20 ns", "transfer": "0 B", "activation": "6 B",)" +
         costs +
         R"("link": {"bandwidth": "1 GB/s", "latency": "0 ns"}}, "parallelism": {"pipeline": 4, "micro_batches": 8)" +
         parallelism + R"(}, "schedule": )" + schedule + "}";
}

Run run_config(const Config& config) {
  return run(config);
}

std::vector<ComparisonRow> compare_names(const std::string& path, const std::vector<std::string>& names) {
  std::vector<ComparisonCase> cases;
  for (const std::string& name : names) cases.push_back(parse_case(name));
  return compare(path, {}, cases);
}

}  // namespace

TEST_CASE("a run goes all the way from a config to its report") {
  const Folder folder;
  const Run result = run_config(load_config(folder.write("c.json", config_text(R"({"name": "1f1b"})"))));
  CHECK(result.report.makespan == Time((8 + 3) * 30));
  CHECK(result.report.schedule == "1f1b");
  CHECK(result.report.per_rank[0].peak_activation_count == 4);
  CHECK(result.report.per_rank[0].peak_activation == Bytes(24));
  CHECK(result.report.bubble_fraction == doctest::Approx(3.0 / 11.0));
}

TEST_CASE("virtual stages that the schedule does not run are refused by file and pointer") {
  const Folder folder;
  const std::string path =
      folder.write("c.json", config_text(R"({"name": "1f1b"})", R"(, "virtual_stages": 2)"));
  CHECK(where_of([&] { return make_plan(load_config(path)); }) == path + "#/parallelism/virtual_stages");
  const std::string two =
      folder.write("i.json", config_text(R"({"name": "interleaved"})", R"(, "virtual_stages": 2)"));
  const Config config = load_config(two);
  CHECK(own_granularity(config).stages == 2 * config.parallelism.pipeline);
}

TEST_CASE("a schedule file is held against the config's ranks and micro-batches") {
  const Folder folder;
  const std::string order = folder.write("order.csv", "0F0,0B0\n1F0,1B0\n");
  const std::string path = folder.write("c.json", config_text(R"({"file": "order.csv"})"));
  CHECK(where_of([&] { return make_plan(load_config(path)); }) == order);
}

TEST_CASE("a forward-only file takes indices past the micro-batches for token steps") {
  const Folder folder;
  (void)folder.write("order.csv", "0F0,0F1,0F2,0F3\n1F0,1F1,1F2,1F3\n");
  const std::vector<Override> small = {{"/parallelism/pipeline", "2", "--set"},
                                       {"/parallelism/micro_batches", "2", "--set"}};
  const Run from_file =
      run_config(load_config(folder.write("f.json", config_text(R"({"file": "order.csv"})")), small));
  const Run generated = run_config(
      load_config(folder.write("g.json", config_text(R"({"name": "inference", "decode_steps": 1})")), small));
  CHECK(from_file.timeline == generated.timeline);
  CHECK(from_file.report.decode_steps == 1);
}

TEST_CASE("a comparison runs each schedule on the same model, looped ones on two chunks") {
  const Folder folder;
  const std::string path = folder.write("c.json", config_text(R"({"name": "1f1b"})"));
  const auto rows = compare_names(path, {"naive", "gpipe", "1f1b", "interleaved"});
  // Work is 8 x 30 = 240 on each rank; V = 2 halves the chunk and with it the bubble.
  CHECK(rows[0].report->makespan == Time(4 * 240));
  CHECK(rows[1].report->makespan == Time(240 + 90));
  CHECK(rows[2].report->makespan == Time(240 + 90));
  CHECK(rows[3].report->makespan == Time(240 + 45));
  CHECK(rows[3].report->stages == 8);
}

TEST_CASE("a comparison says why a schedule does not run, and goes on") {
  const Folder folder;
  const std::string arrays = R"("input_grad": ["1 ns", "2 ns", "3 ns", "4 ns"],)";
  const auto rows = compare_names(folder.write("c.json", config_text(R"({"name": "1f1b"})", "", arrays)),
                                  {"inference", "interleaved", "interleaved:micro_batches=9", "gpipe"});
  CHECK(rows[0].reason == "runs forward only, the config trains");
  CHECK(rows[1].reason == "runs 8 stages, and the costs are arrays for 4");
  CHECK_FALSE(rows[2].report);
  CHECK(rows[3].report);
}

TEST_CASE("a case changes keys of parallelism and options of its schedule, and nothing else") {
  const ComparisonCase one = parse_case("1f1b:micro_batches=16:slack=2");
  CHECK(one.schedule == "1f1b");
  REQUIRE(one.overrides.size() == 2);
  CHECK(one.overrides[0].pointer == "/parallelism/micro_batches");
  CHECK(one.overrides[1].pointer == "/schedule/slack");
  CHECK(where_of([] { return parse_case("1f1b:pipeline=2"); }) == "--schedules");
  CHECK(where_of([] { return parse_case("1f1b:slack"); }) == "--schedules");
  CHECK(where_of([] { return parse_case("2f2b"); }) == "--schedules");
}

TEST_CASE("a comparison keeps the options of the schedule that the config names") {
  const Folder folder;
  const auto rows = compare_names(folder.write("c.json", config_text(R"({"name": "1f1b", "slack": 2})")),
                                  {"1f1b", "gpipe"});
  CHECK(rows[0].report->per_rank[0].peak_activation_count == 6);
  CHECK(rows[1].report);
}

TEST_CASE(
    "virtual stages of the config are the looped schedules' alone, those of a case hold or it does not run") {
  const Folder folder;
  const std::string path =
      folder.write("c.json", config_text(R"({"name": "1f1b"})", R"(, "virtual_stages": 4)"));
  const auto rows =
      compare_names(path, {"1f1b", "interleaved", "interleaved:virtual_stages=1", "gpipe:virtual_stages=2"});
  CHECK(rows[0].report->stages == 4);
  CHECK(rows[1].report->stages == 16);
  // Costs given for 4 stages, a quarter each for 16: F 2.5 ns rounds half up to 3, B is 5.
  // (M V + P - 1)(F + B):
  CHECK(rows[1].report->makespan == Time((8 * 4 + 3) * 8));
  CHECK(rows[2].report->stages == 4);
  CHECK(rows[3].reason == "gpipe runs 1 stage a rank, expected 1 or no such key");
}

TEST_CASE("a base schedule that does not fit is a row, not the end of the comparison") {
  const Folder folder;
  const std::string path =
      folder.write("c.json", config_text(R"({"name": "interleaved"})", R"(, "virtual_stages": 2)"));
  const auto rows = compare(path, {{"/parallelism/micro_batches", "9", "--set"}},
                            {parse_case("interleaved"), parse_case("gpipe")});
  CHECK_FALSE(rows[0].report);
  CHECK(rows[1].report);
}

TEST_CASE("a check lists every fault of a file, and finds a deadlock only where the order is legal") {
  const Folder folder;
  CHECK(check_schedule_file(folder.write("bad.csv", "0F0,0B0,0B0\n1B0,1F0\n")).faults.size() == 2);
  const auto deadlock = check_schedule_file(folder.write("dead.csv", "0F0,0B0,0F1,0B1\n1F0,1F1,1B1,1B0\n"));
  REQUIRE(deadlock.faults.size() == 1);
  CHECK(deadlock.faults[0].what.find("deadlock") != std::string::npos);
  const auto clean = check_schedule_file(folder.write("good.csv", "0F0,0B0\n1F0,1B0\n"));
  CHECK(clean.faults.empty());
  CHECK(clean.report);
  CHECK(check_schedule_file(folder.write("text.csv", "hello\n")).faults.size() == 1);
  CHECK(check_schedule_file(folder.write("only.csv", "0F0,0F1\n1F0,1F1\n")).faults.empty());
}

}  // namespace ppsim::explore_test
