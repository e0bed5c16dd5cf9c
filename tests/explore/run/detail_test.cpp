// Each replica by itself against one that stands for all.
#include <doctest/doctest.h>

#include <filesystem>

#include "ppsim/explore/order/optimize.hpp"
#include "ppsim/explore/run/run.hpp"
#include "ppsim/explore/run/runs.hpp"
#include "ppsim/output/report/report_text.hpp"
#include "support.hpp"

namespace ppsim::detail_test {
namespace {

Run run_config(const Config& config) {
  return run(config);
}

std::vector<std::string> configs_with_a_model() {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator("configs")) {
    if (entry.path().extension() != ".json") continue;
    if (std::holds_alternative<ModelInput>(load_config(entry.path()).input)) paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

// Both ways, as the same text but for what the config itself says.
void check_alike(const std::string& path, std::vector<Override> overrides) {
  const Config folded = load_config(path, overrides);
  overrides.push_back({"/simulation/detail", "full"});
  const Run one = run_config(folded), all = run_config(load_config(path, overrides));
  CHECK(report_json(all.report, folded) == report_json(one.report, folded));
  CHECK(all.timeline == one.timeline);
  CHECK(all.simulated().vertex_count() == one.graph.vertex_count() * one.plan.workload.network.replicas());
}

TEST_CASE("folding gives the figures of the full mode on every config, also with more replicas") {
  const auto paths = configs_with_a_model();
  CHECK(paths.size() >= 3);
  for (const std::string& path : paths) {
    for (const char* contention : {"none", "fifo", "fair"}) {
      CAPTURE(path);
      CAPTURE(contention);
      const Override links{"/simulation/contention", contention};
      check_alike(path, {links});
      // On a fifo link, replicas that share a NIC come one after the other.
      if (contention == std::string("fifo")) continue;
      check_alike(path, {links,
                         {"/cluster", "clusters/h100_pod.json"},
                         {"/parallelism/data", "4"},
                         {"/cluster/infiniband/nics_per_node", "2"}});
    }
  }
}

// seed_4x8 on twice the nodes, of which a GPU of the second replica is slow.
Config one_slow_gpu() {
  return load_config("configs/seed_4x8.json",
                     std::vector<Override>{{"/cluster/nodes", "8"},
                                           {"/parallelism/data", "2"},
                                           {"/parallelism/micro_batches", "4"},
                                           {"/simulation/detail", "full"},
                                           {"/simulation/noise/gpu_speed/node 3 GPU 1", "0.5"},
                                           {"/simulation/noise/jitter/compute/sigma", "0"}});
}

TEST_CASE("the replica that the others wait for is shown, and many runs without jitter are it") {
  const Config config = one_slow_gpu();
  const Run slow = run_config(config);
  // Rank 1 of the second replica is node 3: its passes take about twice as long, and those of no other.
  const auto& ranks = slow.report.per_rank;
  CHECK(ranks[1].bubbles.busy > ranks[2].bubbles.busy * 3 / 2);
  const RunsReport runs = run_many(config, slow, 3, 2);
  CHECK(runs.step_time.min == slow.report.step_time());
  CHECK(runs.step_time.max == slow.report.step_time());
  CHECK(runs.bubble_fraction.min == slow.report.bubble_fraction);
  CHECK(runs.bubble_fraction.max == slow.report.bubble_fraction);
}

TEST_CASE("orders are optimized for replicas in step, whatever the detail of the config") {
  std::vector<Override> overrides = {{"/cluster/nodes", "8"},
                                     {"/parallelism/data", "2"},
                                     {"/parallelism/micro_batches", "4"},
                                     {"/cluster/gpu/memory", "10 TiB"},
                                     {"/simulation/noise/gpu_speed/node 0 GPU 0", "0.5"},
                                     {"/simulation/noise/gpu_speed/node 3 GPU 1", "0.5"}};
  const auto makespan = [&] {
    return optimize(load_config("configs/seed_4x8.json", overrides), {.nodes = 100}).value;
  };
  const Time folded = makespan();
  overrides.push_back({"/simulation/detail", "full"});
  CHECK(makespan() == folded);
}

TEST_CASE("costs given outright have no replicas to simulate") {
  CHECK(where_of([] {
          return load_config("configs/reference_8x64.json",
                             std::vector<Override>{{"/simulation/detail", "full"}});
        }) == "--set /simulation/detail");
}

}  // namespace
}  // namespace ppsim::detail_test
