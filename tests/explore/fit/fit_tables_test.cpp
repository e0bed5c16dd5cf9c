// Parameters of a cluster are found again in a table that the simulator made of them.
#include "explore/fit/fit_tables.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>
#include <vector>

#include "explore/folder.hpp"
#include "input/scratch.hpp"
#include "input/table/present_value.hpp"
#include "output/config/fitted_cluster.hpp"
#include "output/report/fit_text.hpp"
#include "ppsim/explore/run/run.hpp"

namespace ppsim::fit_tables_test {
namespace {

using test::error_of;

// What is to be found is far from what stands here.
constexpr const char* kCluster = R"({
  "nodes": 1, "gpus_per_node": 8, "source": "Made up.",
  "gpu": {"name": "G", "peak": {"bf16": "100 TFLOP/s"}, "memory": "80 GiB", "memory_bandwidth": "1 TB/s",
          "matmul_efficiency": 0.4, "memory_efficiency": 0.5, "checkpoint_overhead": "20 us"},
  "nvlink": {"bandwidth": "100 GB/s", "latency": "5 us"}
})";

constexpr const char* kConfig = R"({
  "cluster": "cluster.json",
  "model": {"transformer": {"layers": 8, "hidden": 512, "heads": 8, "sequence_length": 128,
                            "vocabulary": 4096}},
  "parallelism": {"pipeline": 1, "micro_batches": 1},
  "schedule": {"name": "1f1b"}
})";

constexpr const char* kParameters = R"(
  "/cluster/gpu/matmul_efficiency": {"least": 0.1, "most": 0.9},
  "/cluster/gpu/memory_efficiency": {"least": 0.2, "most": 1},
  "/cluster/nvlink/latency": {"least": 1, "most": 40, "unit": "us", "start": 3})";

const std::vector<Override> kTruth = {{"/cluster/gpu/matmul_efficiency", "0.62"},
                                      {"/cluster/gpu/memory_efficiency", "0.83"},
                                      {"/cluster/nvlink/latency", "14 us"}};

std::string spec_text(const std::string& fit) {
  return fmt::format(R"({{"config": {},
    "columns": {{"tp": "/parallelism/tensor", "pp": "/parallelism/pipeline", "m": "/parallelism/micro_batches",
                 "b": "/parallelism/micro_batch_size", "cluster": "/cluster"}},
    "measured": {{"column": "t", "unit": "ns"}}{}}})",
                     kConfig, fit);
}

std::string fit_of(const std::string& parameters) {
  return fmt::format(R"(, "fit": {{"cluster": "cluster.json", "parameters": {{{}}}}})", parameters);
}

struct Row {
  int tensor, pipeline, micro_batches, size;
};

const std::vector<Row> kShapes = {{1, 1, 4, 1},  {1, 1, 2, 8}, {2, 1, 4, 2}, {4, 1, 4, 1},
                                  {8, 1, 4, 4},  {1, 2, 8, 1}, {1, 4, 8, 4}, {2, 2, 8, 8},
                                  {2, 4, 16, 1}, {4, 2, 8, 2}, {1, 8, 8, 2}, {8, 1, 2, 16}};

// A folder with a cluster, a table of what the simulator says of it at other values, and a spec.
class Case {
 public:
  explicit Case(const std::string& fit, const std::vector<Override>& truth = kTruth) {
    (void)folder_.write("cluster.json", kCluster);
    (void)folder_.write("other.json", kCluster);
    spec_ = read_validation_spec(folder_.write("spec.json", spec_text(fit)));
    std::string text = "tp,pp,m,b,cluster,t\n";
    for (const Row& row : kShapes) text += line(row, truth);
    table_ = parse_csv_table(text, "t.csv");
  }

  [[nodiscard]] TableFit fit(const FitOptions& options = {}, unsigned threads = 0) const {
    return fit_tables({describe_table(spec_, table_)}, options, threads);
  }

  // A row that was measured elsewhere, at another speed.
  void add_other_cluster() {
    table_.rows.push_back({"1", "1", "4", "1", "other.json", "77777"});
    table_.lines.push_back(table_.lines.back() + 1);
  }

  [[nodiscard]] const ValidationSpec& spec() const { return spec_; }
  [[nodiscard]] const CsvTable& table() const { return table_; }
  [[nodiscard]] const Folder& folder() const { return folder_; }

 private:
  [[nodiscard]] std::string line(const Row& row, const std::vector<Override>& truth) const {
    std::vector<Override> overrides = truth;
    overrides.push_back({"/parallelism/tensor", std::to_string(row.tensor)});
    overrides.push_back({"/parallelism/pipeline", std::to_string(row.pipeline)});
    overrides.push_back({"/parallelism/micro_batches", std::to_string(row.micro_batches)});
    overrides.push_back({"/parallelism/micro_batch_size", std::to_string(row.size)});
    const Config config = load_config(folder_.write("c.json", kConfig), overrides);
    const Time step = run(config).report.step_time();
    return fmt::format("{},{},{},{},,{}\n", row.tensor, row.pipeline, row.micro_batches, row.size,
                       step.count());
  }

  Folder folder_;
  ValidationSpec spec_;
  CsvTable table_;
};

double value_of(const TableFit& fit, std::size_t parameter) {
  return fit.fit.parameters.at(parameter).value;
}

TEST_CASE("parameters that made a table are found in it again, from a start far off") {
  const Case rows(fit_of(kParameters));
  const TableFit fit = rows.fit();
  REQUIRE(fit.fit.parameters.size() == 3);
  CHECK(value_of(fit, 0) == doctest::Approx(0.62).epsilon(0.01));
  CHECK(value_of(fit, 1) == doctest::Approx(0.83).epsilon(0.01));
  CHECK(value_of(fit, 2) == doctest::Approx(14).epsilon(0.01));
  for (const FittedParameter& parameter : fit.fit.parameters)
    CHECK(parameter.verdict == FitVerdict::Identified);
  CHECK(fit.fit.errors.overall.samples == kShapes.size());
  CHECK(fit.fit.errors.overall.mean_absolute < 0.001);
  CHECK(fit.fit.held_out->overall.mean_absolute < 0.005);
  CHECK(fit.names == std::vector<std::string>{"t.csv"});
  CHECK(fit.values.at(2).pointer == "/cluster/nvlink/latency");
}

TEST_CASE("a parameter that no row depends on stays where it starts, by the file or by the spec") {
  // Nothing is recomputed, so no layer runs again.
  const std::string other =
      ", \"/cluster/software/checkpoint_overhead\": {\"least\": 0, \"most\": 900, \"unit\": \"us\"";
  const Case by_file(fit_of(kParameters + other + "}"));
  const TableFit fit = by_file.fit();
  CHECK(fit.fit.parameters.at(3).verdict == FitVerdict::Unidentified);
  CHECK(fit.values.at(3).value == "20.000 us");
  CHECK(value_of(fit, 0) == doctest::Approx(0.62).epsilon(0.01));
  const Case by_spec(fit_of(kParameters + other + ", \"start\": 70}"));
  CHECK(by_spec.fit().values.at(3).value == "70.000 us");
}

TEST_CASE("threads change nothing of a fit, and neither do rows that run on another cluster") {
  Case rows(fit_of(kParameters));
  const TableFit one = rows.fit({}, 1);
  const std::string text = fit_json(one, rows.spec().fit->parameters);
  CHECK(fit_json(rows.fit({}, 3), rows.spec().fit->parameters) == text);
  rows.add_other_cluster();
  CHECK(fit_json(rows.fit({}, 2), rows.spec().fit->parameters) == text);
}

TEST_CASE("the cluster that is written has the fitted values and predicts the table") {
  const Case rows(fit_of(kParameters));
  const TableFit fit = rows.fit();
  const std::string note = fit_note(fit, rows.spec().fit->parameters);
  const std::string cluster = fitted_cluster(rows.spec(), fit.values, note);
  const std::string path = rows.folder().write("fitted.json", cluster);
  const std::vector<Override> on_it = {{"/cluster", path}};
  const Config config = load_config(rows.folder().write("c.json", kConfig), on_it);
  const Cluster& read = std::get<ModelInput>(config.input).cluster;
  CHECK(read.source ==
        "Made up. Fitted on t.csv (12 rows): gpu/matmul_efficiency, gpu/memory_efficiency, nvlink/latency.");
  CHECK(read.gpu.matmul_efficiency.at(Flops(1)) == doctest::Approx(value_of(fit, 0)));
  const Validation validation = validate(describe_table(rows.spec(), rows.table()), on_it);
  CHECK(time_accuracy(validation).count == kShapes.size());
  CHECK(time_accuracy(validation).largest < 0.002);
}

TEST_CASE("a parameter's present value is read in its unit, and one that is none is an error at its place") {
  const Case rows(fit_of(kParameters));
  const auto value = [&](const char* pointer, const char* unit) {
    return present_value(rows.spec(), {pointer, unit_named(unit, "here"), 0, 9});
  };
  CHECK(value("/cluster/nvlink/latency", "us") == 5);
  CHECK(value("/cluster/nvlink/latency", "ms") == doctest::Approx(0.005));
  CHECK(value("/cluster/nvlink/bandwidth", "GB/s") == doctest::Approx(100));
  CHECK(value("/cluster/nvlink/bandwidth", "Gb/s") == doctest::Approx(800));
  CHECK(value("/cluster/nvlink/bandwidth", "b/s") == doctest::Approx(800e9));
  CHECK(value("/cluster/gpu/memory", "GiB") == 80);
  CHECK(value("/cluster/gpu/peak/bf16", "PFLOP/s") == doctest::Approx(0.1));
  CHECK(value("/cluster/gpu/matmul_efficiency", "") == 0.4);
  const auto error = [&](const char* pointer, const char* unit) {
    return error_of([&] { return value(pointer, unit); });
  };
  CHECK(error("/cluster/nvlink/latency", "")
            .ends_with("cluster.json#/nvlink/latency: \"5 us\"; expected a number"));
  CHECK(
      error("/cluster/nvlink/bandwidth", "us")
          .ends_with("cluster.json#/nvlink/bandwidth: 100 GB/s has an unknown unit; expected a number and a "
                     "unit, such as \"5 us\" (ns, us, ms, s)"));
  CHECK(error("/cluster/gpu/memory_efficiency", "us").ends_with("0.5; expected a quantity in us"));
  CHECK(error("/cluster/software/step_overhead", "us")
            .ends_with("nothing stands there; a parameter that is fitted needs a value to start from"));
}

TEST_CASE("what cannot be fitted is one line that says why") {
  CHECK(error_of([] {
          return Case(fit_of(R"("/cluster/nvlink/latency": {"least": 6, "most": 9, "unit": "us"})")).fit();
        }).starts_with("/cluster/nvlink/latency: "));
  CHECK(error_of([] {
          FitOptions few;
          few.most_predictions = 5;
          return Case(fit_of(kParameters)).fit(few);
        }).starts_with("predictions: a fit of 3 parameters needs "));
  CHECK(error_of([] {
          return Case(fit_of(kParameters), {{"/cluster/gpu/matmul_efficiency", "0.4"}}).fit({.folds = 1});
        }) == "no error");
}

}  // namespace
}  // namespace ppsim::fit_tables_test
