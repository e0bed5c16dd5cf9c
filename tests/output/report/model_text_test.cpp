#include "ppsim/output/report/model_text.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

namespace ppsim::model_text_test {
namespace {

using std::chrono::milliseconds;

OperatorRow make_row(const char* name, std::uint32_t layers, double parameters, int forward) {
  OperatorRow row{.name = name, .layers = layers, .parameters = parameters};
  row.flops = Flops(2e12);
  row.forward = milliseconds(forward);
  row.input_grad = row.weight_grad = milliseconds(forward);
  row.activation = Bytes(3 << 20);
  return row;
}

// Three stages of two layers; the last has a head.
struct Model {
  std::vector<StageTable> tables;
  Workload workload{.stages = std::vector<StageCosts>(3),
                    .network = Network::point_to_point(3, {BytesPerSecond(1), Time(0)})};

  Model() {
    for (std::uint32_t stage = 0; stage < 3; ++stage)
      tables.push_back({{2 * stage, 2}, {make_row("qkv projection", 2, 1.5e9, 3)}});
    tables[2].rows.push_back(make_row("head", 0, 0, 1));
    workload.stages[0].weights = Bytes(1 << 30);
    workload.stages[2].ops[OpKind::OptimizerStep].duration = milliseconds(5);
    workload.assumptions = {"This holds."};
  }
};

TEST_CASE("stages that are alike share a table, whose rows have shares of its sum") {
  const Model model;
  const std::string text = model_table(model.tables, model.workload);
  CAPTURE(text);
  const auto says = [&](const char* part) { return text.find(part) != std::string::npos; };
  CHECK(says(R"(
stages 0-1, each: layers 1-4, 2 a stage
operator        layers  parameters  forward FLOPs   forward  input grad  weight grad    share  activation
qkv projection       2       1.5 G        2 TFLOP  3.000 ms    3.000 ms     3.000 ms  100.0 %       3 MiB
sum                          1.5 G        2 TFLOP  3.000 ms    3.000 ms     3.000 ms  100.0 %       3 MiB

stage 2: layers 5-6
)"));
  CHECK(says(
      "\nhead                                      2 TFLOP  1.000 ms    1.000 ms     1.000 ms   25.0 %"));
  CHECK_FALSE(says("recompute"));
  CHECK(says("\nAssumed:\n- This holds.\n"));
}

TEST_CASE("the table of memory has a row a stage, and no column of what no stage has") {
  const Model model;
  const std::string text = model_table(model.tables, model.workload);
  CAPTURE(text);
  const auto says = [&](const char* part) { return text.find(part) != std::string::npos; };
  CHECK(says(R"(
stage  weights  optimizer step
    0    1 GiB
    1
    2                 5.000 ms
)"));
}

TEST_CASE("JSON has every stage and operator, in bytes and nanoseconds") {
  const Model model;
  Config config;
  config.hash = "0123456789abcdef";
  const auto json = nlohmann::json::parse(model_json(model.tables, model.workload, config));
  CHECK(json.at("config_hash") == "0123456789abcdef");
  REQUIRE(json.at("stages").size() == 3);
  const auto& last = json.at("stages").at(2);
  CHECK(last.at("stage") == 2);
  CHECK(last.at("layers") == nlohmann::json({5, 6}));
  CHECK(last.at("optimizer_step_ns") == 5'000'000);
  REQUIRE(last.at("operators").size() == 2);
  CHECK(last.at("operators").at(0) ==
        nlohmann::json::parse(R"({"name": "qkv projection", "layers": 2, "parameters": 1.5e9,
                                  "forward_flops": 2e12, "forward_ns": 3000000, "recompute_ns": 0,
                                  "input_grad_ns": 3000000, "weight_grad_ns": 3000000,
                                  "activation_bytes": 3145728})"));
  CHECK(json.at("assumptions") == nlohmann::json({"This holds."}));
}

}  // namespace
}  // namespace ppsim::model_text_test
