#include "ppsim/explore/run/vary.hpp"

#include <doctest/doctest.h>

#include "input/scratch.hpp"
#include "ppsim/explore/run/run.hpp"
#include "ppsim/output/report/comparison.hpp"
#include "ppsim/output/report/report_text.hpp"

namespace ppsim::vary_test {
namespace {

using test::error_of;
using test::Scratch;

using Values = std::vector<std::string>;

// F = 10 ns, B = 20 ns, P = 4, M = 8, free hops.
std::string put_config(const Scratch& scratch) {
  return scratch.put("c.json", R"({"costs": {"forward": "10 ns", "backward": "20 ns"},
    "parallelism": {"pipeline": 4, "micro_batches": 8}, "schedule": {"name": "1f1b"}})");
}

std::vector<ComparisonRow> rows_of(const std::string& path, const Values& varied,
                                   const Values& schedules = {}, unsigned threads = 2) {
  std::vector<Variation> variations;
  for (const std::string& text : varied) variations.push_back(parse_variation(text));
  std::vector<ComparisonCase> cases;
  for (const std::string& name : schedules) cases.push_back(parse_case(name));
  if (schedules.empty()) cases.push_back(own_case());
  return compare_varied(path, {}, variations, cases, threads);
}

Values labels(const std::vector<ComparisonRow>& rows) {
  Values result;
  for (const ComparisonRow& row : rows) result.push_back(row.label);
  return result;
}

TEST_CASE("values are split at commas that are not part of one") {
  CHECK(parse_variation("/parallelism/tensor=1,2,4").pointer == "/parallelism/tensor");
  CHECK(parse_variation("/parallelism/tensor=1,2,4").values == Values{"1", "2", "4"});
  CHECK(parse_variation("/a=full").values == Values{"full"});
  CHECK(parse_variation("/a=[1,2],[3,[4,5]]").values == Values{"[1,2]", "[3,[4,5]]"});
  CHECK(parse_variation(R"(/a={"x":1,"y":[2,3]},null)").values == Values{R"({"x":1,"y":[2,3]})", "null"});
  CHECK(parse_variation(R"(/a="b,c","d\",]e",f)").values == Values{R"("b,c")", R"("d\",]e")", "f"});
  CHECK(parse_variation("/a=50 GB/s,100 GB/s").values == Values{"50 GB/s", "100 GB/s"});
  CHECK(parse_variation("/a=x=1,y").values == Values{"x=1", "y"});
}

TEST_CASE("what is no variation is refused") {
  CHECK(error_of([] { return parse_variation("tensor=1,2"); }) ==
        "--vary: tensor=1,2; expected /pointer=value,value..., such as /parallelism/tensor=1,2,4");
  CHECK(error_of([] { return parse_variation("/parallelism/tensor"); }) ==
        "--vary: /parallelism/tensor; expected /pointer=value,value..., such as /parallelism/tensor=1,2,4");
  for (const char* text : {"/a=", "/a=1,,2", "/a=,1", "/a=1,"})
    CHECK(error_of([&] { return parse_variation(text); }) ==
          std::string("--vary: ") + text + "; a value is empty");
}

TEST_CASE("there is a row for every combination, the last variation fastest, then the schedules") {
  const Scratch scratch;
  const std::string path = put_config(scratch);
  const auto rows = rows_of(path, {"/parallelism/pipeline=2,4", "/parallelism/micro_batches=8,16"});
  CHECK(labels(rows) == Values{"pipeline=2 micro_batches=8", "pipeline=2 micro_batches=16",
                               "pipeline=4 micro_batches=8", "pipeline=4 micro_batches=16"});
  // (M + P - 1)(F + B)
  const Time expected[] = {Time(9 * 30), Time(17 * 30), Time(11 * 30), Time(19 * 30)};
  for (std::size_t i = 0; i < rows.size(); ++i) CHECK(rows[i].report->makespan == expected[i]);
  CHECK(rows[1].varied.size() == 2);
  CHECK((rows[1].varied[1].pointer == "/parallelism/micro_batches" && rows[1].varied[1].value == "16"));
  CHECK(labels(rows_of(path, {"/parallelism/pipeline=2,4"}, {"gpipe", "1f1b"})) ==
        Values{"pipeline=2 gpipe", "pipeline=2 1f1b", "pipeline=4 gpipe", "pipeline=4 1f1b"});
}

TEST_CASE("a row is what a run with its values set gives") {
  const Scratch scratch;
  const std::string path = put_config(scratch);
  for (const ComparisonRow& row :
       rows_of(path, {"/schedule/name=gpipe,1f1b,interleaved,zbv", "/parallelism/virtual_stages=null,2"})) {
    CAPTURE(row.label);
    std::optional<Report> alone;
    const std::string error = error_of([&] {
      const Config config = load_config(path, row.varied);
      alone = run(config).report;
      return 0;
    });
    REQUIRE(row.report.has_value() == alone.has_value());
    if (alone) {
      CHECK(report_json(*row.report, {}) == report_json(*alone, {}));
    } else {
      CHECK(error.ends_with(row.reason));
    }
  }
}

TEST_CASE("what is illegal or does not fit is a row with its reason, and the others run") {
  const Scratch scratch;
  const auto rows =
      rows_of(put_config(scratch), {"/parallelism/pipeline=0,4", "/schedule/name=1f1b,hanayo,gpip"});
  CHECK(rows.size() == 6);
  CHECK(rows[0].reason == "0; expected a whole number from 1 to 65535");
  CHECK(rows[3].report.has_value());
  CHECK(rows[4].report.has_value());
  CHECK(rows[5].reason.find("gpipe") != std::string::npos);
  const auto uneven = rows_of(put_config(scratch), {"/parallelism/micro_batches=8,9"}, {"interleaved"});
  CHECK(uneven[0].report.has_value());
  CHECK_FALSE(uneven[1].report.has_value());
  CHECK(uneven[1].reason.find("9") != std::string::npos);
}

TEST_CASE("where no combination is a config the first error is told, with its place") {
  const Scratch scratch;
  const std::string path = put_config(scratch);
  CHECK(error_of([&] { return rows_of(path, {"/parallelism/tensr=1,2"}); }).find("tensr: unknown key") !=
        std::string::npos);
  CHECK(error_of([&] {
          return rows_of(path, {"/parallelism/pipeline=4,8", "/parallelism/pipeline=2"});
        }) == "--vary: /parallelism/pipeline is varied twice");
  std::string many = "/simulation/seed=0";
  for (int i = 1; i < 400; ++i) many += "," + std::to_string(i);
  CHECK(error_of([&] {
          return rows_of(path, {many, "/x" + many.substr(11)});
        }) == "--vary: more than 100000 combinations");
}

TEST_CASE("places with one last key are told apart by more of their pointers") {
  const Scratch scratch;
  const std::string path = put_config(scratch);
  const auto rows = rows_of(path, {"/costs/forward=10 ns", "/simulation/noise/jitter/forward={\"sigma\":0}",
                                   "/parallelism/micro_batches=8"});
  CHECK(labels(rows) == Values{"costs/forward=10 ns jitter/forward={\"sigma\":0} micro_batches=8"});
}

TEST_CASE("the rows are the same on any number of threads") {
  const Scratch scratch;
  const std::string path = put_config(scratch);
  const Values varied = {"/parallelism/pipeline=1,2,3,4,5", "/parallelism/micro_batches=2,6,10"};
  const auto json = [&](unsigned threads) {
    return comparison_json(rows_of(path, varied, {"1f1b", "interleaved", "zb-h1"}, threads), {});
  };
  const std::string one = json(1);
  CHECK(json(2) == one);
  CHECK(json(7) == one);
  CHECK(json(64) == one);
}

}  // namespace
}  // namespace ppsim::vary_test
