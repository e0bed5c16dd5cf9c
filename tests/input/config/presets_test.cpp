// Clusters, GPUs and models that come with ppsim.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <sstream>

#include "input/scratch.hpp"
#include "ppsim/input/config/config.hpp"
#include "ppsim/model/costs/workload.hpp"

namespace ppsim::presets_test {
namespace {

// Names of configs/FOLDER/NAME.json.
std::vector<std::string> presets(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator("configs/" + folder))
    if (entry.path().extension() == ".json") names.push_back(entry.path().stem().string());
  std::sort(names.begin(), names.end());
  return names;
}

ModelInput seed_with(std::vector<Override> changes) {
  return std::get<ModelInput>(load_config("configs/seed_4x8.json", changes).input);
}

TEST_CASE("every model that comes with ppsim is read, and says where its figures come from") {
  CHECK(presets("models").size() >= 30);
  for (const std::string& name : presets("models")) {
    CAPTURE(name);
    const ModelInput input = seed_with({{"/model", "models/" + name + ".json"}});
    CHECK_FALSE(std::get<Transformer>(input.model).source.empty());
  }
}

TEST_CASE("every GPU that comes with ppsim is read") {
  CHECK(presets("gpus").size() >= 10);
  for (const std::string& name : presets("gpus")) {
    CAPTURE(name);
    CHECK_FALSE(seed_with({{"/cluster/gpu", "gpus/" + name + ".json"}}).cluster.gpu.name.empty());
  }
}

// fp16, as V100 knows no bf16.
TEST_CASE("a model runs on part of every cluster that comes with ppsim") {
  CHECK(presets("clusters").size() >= 25);
  Parallelism parallelism;
  parallelism.pipeline = 4;
  parallelism.tensor = 2;
  for (const std::string& name : presets("clusters")) {
    CAPTURE(name);
    const ModelInput input =
        seed_with({{"/cluster", "clusters/" + name + ".json"}, {"/model/transformer/dtype", "fp16"}});
    CHECK_FALSE(input.cluster.source.empty());
    const Workload workload = make_workload(input, parallelism, {4, 4, {}});
    REQUIRE(workload.stages.size() == 4);
    CHECK(workload.stages.front().duration(OpKind::Forward) > Time{});
  }
}

struct TableRow {
  std::string counted;  ///< billions
  std::string stated;   ///< billions; empty: the source has no count
};

// "| name | counted | stated | by |" of configs/README.md; empty where there is none.
TableRow table_row(const std::string& name) {
  const std::string text = read_file("configs/README.md");
  const std::string start = "\n| " + name + " | ";
  const std::size_t found = text.find(start);
  if (found == std::string::npos) return {};
  std::istringstream cells(text.substr(found + start.size()));
  TableRow row;
  std::getline(cells, row.counted, '|');
  std::getline(cells, row.stated, '|');
  for (std::string* cell : {&row.counted, &row.stated}) std::erase(*cell, ' ');
  return row;
}

TEST_CASE("configs/README.md has the parameters of every model, within 2 % of what its source states") {
  int stated = 0;
  for (const std::string& name : presets("models")) {
    CAPTURE(name);
    const Model model = seed_with({{"/model", "models/" + name + ".json"}}).model;
    const double billions = static_cast<double>(parameters(model)) / 1e9;
    const TableRow row = table_row(name);
    CHECK(row.counted == fmt::format("{:.2f}", billions));
    if (row.stated.empty()) continue;
    ++stated;
    CHECK(std::abs(billions / std::stod(row.stated) - 1) <= 0.02);
  }
  CHECK(stated >= 25);
}

}  // namespace
}  // namespace ppsim::presets_test
