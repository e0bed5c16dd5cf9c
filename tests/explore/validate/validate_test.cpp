// Tables of measured runs, each row predicted by simulating it: held to what a run of the same config says.
#include "explore/validate/validate.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "explore/folder.hpp"
#include "output/report/validation_text.hpp"
#include "ppsim/explore/run/run.hpp"

namespace ppsim::validate_test {
namespace {

// 8 GPUs of 100 TFLOP/s and 8 GiB; a GPT of 8 layers with 111 million parameters.
constexpr const char* kConfig = R"({
  "cluster": {"nodes": 1, "gpus_per_node": 8,
    "gpu": {"name": "G", "peak": {"bf16": "100 TFLOP/s"}, "memory": "8 GiB", "memory_bandwidth": "1 TB/s",
            "matmul_efficiency": 0.5, "runtime_memory": "100 MB", "allocator_margin": 0.1},
    "nvlink": {"bandwidth": "100 GB/s", "latency": "5 us"}},
  "model": {"transformer": {"layers": 8, "hidden": 1024, "heads": 16, "sequence_length": 512,
                            "vocabulary": 8192}},
  "parallelism": {"pipeline": 2, "micro_batches": 4},
  "schedule": {"name": "1f1b"}
})";

// A spec that takes tensor, pipeline, micro-batches, their size and the schedule from a table; `rest`: what
// else it says.
std::string spec_text(const std::string& rest) {
  return std::string("{\"config\": ") + kConfig + R"(,
    "columns": {"tp": "/parallelism/tensor", "pp": "/parallelism/pipeline", "m": "/parallelism/micro_batches",
                "b": "/parallelism/micro_batch_size", "schedule": "/schedule/name"},
    "labels": ["tp", "pp"],
    )" + rest +
         "}";
}

constexpr const char* kMilliseconds = R"("measured": {"column": "t", "unit": "ms"})";

// What is read and described, alive as long as what borrows it.
struct Case {
  Folder folder;
  ValidationSpec spec;
  CsvTable table;
  DescribedTable described;

  Case(const std::string& rest, const std::string& rows)
      : spec(read_validation_spec(folder.write("s.json", spec_text(rest)))),
        table(parse_csv_table(rows, "t.csv")),
        described(describe_table(spec, table)) {}
  Case(const Case&) = delete;
  Case& operator=(const Case&) = delete;
};

// The same run without any table.
Run run_of(const Folder& folder, const std::vector<Override>& overrides) {
  const Config config = load_config(folder.write("c.json", kConfig), overrides);
  return run(config);
}

std::vector<Override> settings(const char* tensor, const char* pipeline, const char* micro_batches,
                               const char* size, const char* schedule) {
  return {{"/parallelism/tensor", tensor},
          {"/parallelism/pipeline", pipeline},
          {"/parallelism/micro_batches", micro_batches},
          {"/parallelism/micro_batch_size", size},
          {"/schedule/name", schedule}};
}

constexpr const char* kRows =
    "tp,pp,m,b,schedule,t\n"
    "1,2,4,1,1f1b,10\n"
    "2,4,8,2,gpipe,20\n"
    "1,8,16,1,1f1b,15.5\n";

std::vector<std::vector<Override>> settings_of_rows() {
  return {settings("1", "2", "4", "1", "1f1b"), settings("2", "4", "8", "2", "gpipe"),
          settings("1", "8", "16", "1", "1f1b")};
}

TEST_CASE("a row is predicted as a run of the same config is, to the nanosecond and the byte") {
  const Case rows(kMilliseconds, kRows);
  const Validation validation = validate(rows.described);
  CHECK(validation.table_rows == 3);
  CHECK(validation.skipped.empty());
  REQUIRE(validation.rows.size() == 3);
  const std::vector<double> measured = {10e6, 20e6, 15.5e6};
  for (std::size_t i = 0; i < 3; ++i) {
    CAPTURE(i);
    const Report report = run_of(rows.folder, settings_of_rows()[i]).report;
    const PredictedRow& row = validation.rows[i];
    CHECK(row.row == i);
    CHECK(row.predicted == report.step_time());
    CHECK(row.peak == report.peak_memory());
    CHECK(row.fits == report.fits());
    CHECK(*row.measured == doctest::Approx(measured[i]).epsilon(1e-12));
    CHECK(*row.error() == static_cast<double>(row.predicted.count()) / *row.measured - 1);
  }
}

TEST_CASE("parameters to try are put into every row's config") {
  const Case rows(kMilliseconds, kRows);
  const std::vector<Override> more = {{"/cluster/gpu/matmul_efficiency", "0.25"}};
  const Validation validation = validate(rows.described, more);
  for (std::size_t i = 0; i < 3; ++i) {
    std::vector<Override> all = settings_of_rows()[i];
    all.push_back(more[0]);
    CHECK(validation.rows.at(i).predicted == run_of(rows.folder, all).report.step_time());
  }
}

TEST_CASE("any number of threads gives the same text") {
  std::string table = "tp,pp,m,b,schedule,t\n";
  for (int m = 1; m <= 24; ++m)  // m = 8, 17: 9 ranks, which 8 GPUs are not
    table += "1," + std::to_string(1 + m % 9) + "," + std::to_string(m) + ",1,1f1b,10\n";
  const Case rows(kMilliseconds, table);
  const Validation one = validate(rows.described, {}, 1);
  CHECK(one.rows.size() + one.skipped.size() == 24);
  CHECK(one.skipped.size() == 2);
  for (const unsigned threads : {0U, 2U, 5U}) {
    const Validation many = validate(rows.described, {}, threads);
    CHECK(validation_json(many, rows.spec, rows.table, "pp") ==
          validation_json(one, rows.spec, rows.table, "pp"));
  }
}

TEST_CASE("what is no legal run is skipped with its reason, and the others are predicted") {
  const Case rows(kMilliseconds,
                  "tp,pp,m,b,schedule,t\n"
                  "1,2,4,1,1f1b,10\n"
                  "1,16,4,1,1f1b,10\n"
                  "3,1,4,1,1f1b,10\n"
                  "1,2,4,1,2f2b,10\n"
                  "1,2,four,1,1f1b,10\n"
                  "1,2,4,1,1f1b,soon\n"
                  "1,2,4,1,1f1b,0\n"
                  "1,4,4,1,1f1b,10\n");
  const Validation validation = validate(rows.described);
  REQUIRE(validation.rows.size() == 2);
  CHECK(validation.rows[1].row == 7);
  const auto reason = [&](std::size_t i) { return validation.skipped.at(i).reason; };
  REQUIRE(validation.skipped.size() == 6);
  for (std::size_t i = 0; i < 6; ++i) CHECK(validation.skipped[i].row == i + 1);
  CHECK(reason(0).find("GPUs") != std::string::npos);
  CHECK(reason(1).find("tensor") != std::string::npos);
  CHECK(reason(2).find("there is no schedule \"2f2b\"") != std::string::npos);
  CHECK(reason(3) ==
        "t.csv, line 6, column \"m\" /parallelism/micro_batches: \"four\"; expected a whole number from 1 to "
        "100000000");
  CHECK(reason(4) == "t.csv, line 7: \"soon\" in column \"t\"; expected a number");
  CHECK(reason(5) == "\"t\" is 0, which is no time or rate");
}

// Measured at 10 units on 4 GPUs, 2 x 4 samples of 512 tokens a step.
double measured_ns(const char* unit) {
  const Case rows(std::string(R"("measured": {"column": "t", "unit": ")") + unit + "\"}",
                  "tp,pp,m,b,schedule,t\n2,2,4,2,1f1b,10\n");
  return validate(rows.described).rows.at(0).measured.value();
}

TEST_CASE("a measured rate is the time of a step's work, of all GPUs or of each") {
  CHECK(measured_ns("us") == doctest::Approx(10e3));
  CHECK(measured_ns("samples/s") == doctest::Approx(8 / 10.0 * 1e9));
  CHECK(measured_ns("samples/s/GPU") == doctest::Approx(8 / (10.0 * 4) * 1e9));
  CHECK(measured_ns("tokens/s") == doctest::Approx(8 * 512 / 10.0 * 1e9));
  CHECK(measured_ns("tokens/s/GPU") == doctest::Approx(8 * 512 / (10.0 * 4) * 1e9));
  // Narayanan et al. 2021, eq. 3 without recomputation: 72 B s l h^2 (1 + s / 6h + v / 12lh).
  const double B = 8, s = 512, l = 8, h = 1024, v = 8192;
  const double flops = 72 * B * s * l * h * h * (1 + s / (6 * h) + v / (12 * l * h));
  CHECK(measured_ns("TFLOP/s/GPU") == doctest::Approx(flops / (10e12 * 4) * 1e9));
}

// Costs given outright: 8 samples a step, and nobody says on how many GPUs.
TEST_CASE("a rate of each GPU needs a config that says how many GPUs there are") {
  const auto validated = [](const char* unit) {
    const Folder folder;
    const ValidationSpec spec = read_validation_spec(
        folder.write("s.json", std::string(R"({"config": {"costs": {"forward": "10 us", "backward": "20 us"},
                                             "parallelism": {"pipeline": 2, "micro_batches": 8},
                                             "schedule": {"name": "1f1b"}},
                                  "columns": {"pp": "/parallelism/pipeline"}, "labels": ["pp"],
                                  "measured": {"column": "r", "unit": ")") +
                                   unit + "\"}}"));
    const CsvTable table = parse_csv_table("pp,r\n2,10\n", "t.csv");
    return validate(describe_table(spec, table));
  };
  CHECK(validated("samples/s").rows.at(0).measured == doctest::Approx(8 / 10.0 * 1e9));
  CHECK(validated("samples/s/GPU").skipped.at(0).reason ==
        "costs do not say how many GPUs there are, which \"r\" needs");
}

TEST_CASE("of several measured columns the first that a row has counts, and a row without is predicted") {
  const Case rows(R"("measured": [{"column": "t", "unit": "ms"}, {"column": "r", "unit": "samples/s"}])",
                  "tp,pp,m,b,schedule,t,r\n1,2,4,1,1f1b,10,400\n1,2,4,1,1f1b,,500\n1,2,4,1,1f1b,,\n");
  const Validation validation = validate(rows.described);
  REQUIRE(validation.rows.size() == 3);
  CHECK(*validation.rows[0].measured == doctest::Approx(10e6));
  CHECK(*validation.rows[1].measured == doctest::Approx(4 / 500.0 * 1e9));
  CHECK_FALSE(validation.rows[2].measured.has_value());
  CHECK_FALSE(validation.rows[2].error().has_value());
  CHECK(time_accuracy(validation).count == 2);
}

TEST_CASE("ratios hold each row against the reference of its group: above 1 is faster") {
  const Case rows(R"("measured": {"column": "t", "unit": "ms"},
                     "relative_to": {"reference": {"schedule": "gpipe"}, "by": ["pp"]})",
                  "tp,pp,m,b,schedule,t\n"
                  "1,2,4,1,1f1b,10\n"
                  "1,2,4,1,gpipe,12\n"
                  "1,4,16,1,gpipe,30\n"
                  "1,4,16,2,1f1b,24\n"
                  "1,8,16,2,1f1b,24\n");
  const Validation validation = validate(rows.described);
  REQUIRE(validation.rows.size() == 5);
  const auto predicted = [&](std::size_t i) {
    return static_cast<double>(validation.rows[i].predicted.count());
  };
  CHECK(*validation.rows[0].ratio == predicted(1) / predicted(0));
  CHECK(*validation.rows[0].measured_ratio == doctest::Approx(1.2));
  CHECK(*validation.rows[0].error() == doctest::Approx(predicted(1) / predicted(0) / 1.2 - 1));
  CHECK(*validation.rows[3].ratio == predicted(2) / predicted(3));
  CHECK(*validation.rows[3].measured_ratio == doctest::Approx(1.25));
  // References have no ratio and no error, and neither has a row whose group has no reference.
  for (const std::size_t i : {1U, 2U, 4U}) {
    CHECK_FALSE(validation.rows[i].ratio.has_value());
    CHECK_FALSE(validation.rows[i].error().has_value());
  }
  CHECK(time_accuracy(validation).count == 2);
}

TEST_CASE("rows that were out of memory have a verdict and no error") {
  const Case rows(R"("measured": {"column": "t", "unit": "ms"},
                     "status": {"column": "status", "measured": ["ok"], "out_of_memory": ["oom"]})",
                  "tp,pp,m,b,schedule,status,t\n"
                  "1,2,4,1,1f1b,ok,10\n"
                  "1,2,64,4,gpipe,oom,\n"
                  "1,2,4,1,1f1b,oom,\n"
                  "1,2,64,4,gpipe,ok,900\n"
                  "1,2,4,1,1f1b,hung,\n");
  const Validation validation = validate(rows.described);
  REQUIRE(validation.rows.size() == 4);
  // What 64 micro-batches of GPipe keep is above 8 GiB, what two of 1F1B keep below.
  CHECK_FALSE(run_of(rows.folder, settings("1", "2", "64", "4", "gpipe")).report.fits());
  CHECK(run_of(rows.folder, settings("1", "2", "4", "1", "1f1b")).report.fits());
  const MemoryVerdicts verdicts = memory_verdicts(validation);
  CHECK(verdicts.fits_and_ran == 1);
  CHECK(verdicts.too_large_and_failed == 1);
  CHECK(verdicts.fits_but_failed == 1);
  CHECK(verdicts.too_large_but_ran == 1);
  CHECK(time_accuracy(validation).count == 2);
  CHECK(validation.skipped.at(0).reason == "status is \"hung\"");
}

TEST_CASE("measured memory is held against the ranks that it was measured on") {
  const Case rows(
      R"("measured": {"column": "t", "unit": "ms"},
                     "memory": [{"column": "all", "unit": "GiB"},
                                {"column": "last", "unit": "MB", "of": "last"},
                                {"column": "first", "unit": "MiB", "of": "first", "part": "allocated"},
                                {"column": "act", "unit": "B", "part": "activations"},
                                {"column": "fixed", "unit": "B", "part": "static"}])",
      "tp,pp,m,b,schedule,t,all,last,first,act,fixed\n1,4,8,1,1f1b,1,2,3,4,5,6\n1,4,8,1,1f1b,1,,5,,,\n");
  const Validation validation = validate(rows.described);
  const Report report = run_of(rows.folder, settings("1", "4", "8", "1", "1f1b")).report;
  const auto bytes = [](Bytes amount) { return static_cast<double>(amount.count()); };
  const std::vector<MemoryError>& memory = validation.rows.at(0).memory;
  REQUIRE(memory.size() == 5);
  CHECK(memory[0].measured == 2.0 * 1024 * 1024 * 1024);
  CHECK(memory[0].predicted == bytes(report.peak_memory()));
  CHECK(memory[1].measured == 3e6);
  CHECK(memory[1].predicted == bytes(report.per_rank.back().peak_memory));
  // Without the tenth that the allocator adds, and the 100 MB of the runtime.
  const RankReport& first = report.per_rank.front();
  CHECK(memory[2].predicted == bytes(first.static_bytes() + first.peak_activation + first.working));
  CHECK(memory[2].predicted * 1.1 + 100e6 == doctest::Approx(bytes(first.peak_memory)).epsilon(1e-6));
  // The first rank keeps the most micro-batches, and the embedding or the head is the most to hold.
  CHECK(memory[3].predicted == bytes(first.peak_activation));
  CHECK(memory[4].predicted ==
        std::max(bytes(first.static_bytes()), bytes(report.per_rank.back().static_bytes())));
  CHECK(validation.rows.at(1).memory.size() == 1);  // cells that are empty state nothing
  CHECK(memory_accuracy(validation).count == 6);
}

TEST_CASE("a step may be the longest time that a rank needs, but for rows that say otherwise") {
  const Case rows(R"("measured": {"column": "t", "unit": "ms"}, "step": "rank_span",
                     "makespan_where": {"column": "schedule", "cell": "gpipe"})",
                  "tp,pp,m,b,schedule,t\n1,4,8,1,zb-h2,1\n1,4,8,1,gpipe,1\n");
  const Validation validation = validate(rows.described);
  const Report span = run_of(rows.folder, settings("1", "4", "8", "1", "zb-h2")).report;
  const Report makespan = run_of(rows.folder, settings("1", "4", "8", "1", "gpipe")).report;
  // Ranks of ZB-H2 begin and end one after the other (Qi et al. 2024, section 2.2).
  CHECK(span.max_rank_span < span.step_time());
  CHECK(validation.rows.at(0).predicted == span.max_rank_span);
  CHECK(validation.rows.at(1).predicted == makespan.step_time());
}

TEST_CASE("errors by the cells of a column are those of their rows, in the order in which they come") {
  const Case rows(kMilliseconds, "tp,pp,m,b,schedule,t\n1,4,8,1,1f1b,10\n1,2,8,1,1f1b,10\n1,4,4,1,1f1b,10\n");
  const Validation validation = validate(rows.described);
  const auto groups = accuracy_by(validation, rows.table, "pp");
  REQUIRE(groups.size() == 2);
  CHECK(groups[0].first == "4");
  CHECK(groups[0].second.count == 2);
  CHECK(groups[0].second.bias ==
        doctest::Approx((*validation.rows[0].error() + *validation.rows[2].error()) / 2));
  CHECK(groups[1].second.bias == doctest::Approx(*validation.rows[1].error()));
}

}  // namespace
}  // namespace ppsim::validate_test
