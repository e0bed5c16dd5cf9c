// What `ppsim network` shows of a config.
#include "ppsim/explore/run/describe.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "ppsim/metrics/traffic.hpp"

namespace ppsim::describe_test {

namespace {

// The main job: 80 layers on 4 nodes of 8 H100, T 8, P 4. A boundary of 256 MiB takes 5,368,709 ns at 50
// GB/s.
Config config_with(std::vector<Override> overrides) {
  overrides.push_back({"/simulation/contention", "fair"});
  return load_config("configs/seed_4x8.json", overrides);
}

StepTraffic traffic_with(const std::vector<Override>& overrides) {
  const Config config = config_with(overrides);
  const Run result = run(config);
  return measure_traffic(result.plan.schedule, result.plan.workload, result.graph, result.timeline);
}

std::vector<CollectiveRows> collectives_of(const std::vector<Override>& overrides) {
  const Config config = config_with(overrides);
  return describe_collectives(config, make_plan(config));
}

const TransferTraffic& row_of(const StepTraffic& traffic, std::uint32_t from, std::uint32_t to) {
  for (const TransferTraffic& row : traffic.transfers)
    if (row.from == Rank{from} && row.to == Rank{to}) return row;
  FAIL("no such transfer");
  return traffic.transfers.front();
}

std::vector<std::string> names(const StepTraffic& traffic) {
  std::vector<std::string> list;
  for (const LinkTraffic& row : traffic.links)
    list.push_back(std::string(name(row.links.kind)) + " " + std::to_string(row.links.count) + " " +
                   std::to_string(row.used));
  return list;
}

}  // namespace

TEST_CASE("each kind of link is counted, and those that anything crosses") {
  CHECK(names(traffic_with({})) == std::vector<std::string>{"NVLink 64 64", "NIC 64 64"});
  CHECK(names(traffic_with({{"/cluster/fabric", R"({"nodes_per_leaf": 2})"}})) ==
        std::vector<std::string>{"NVLink 64 64", "NIC 64 64", "leaf uplink 4 4"});
  // Eight rails of two leaves; PCIe in front of the NICs, two switches a node, between which rings go.
  CHECK(names(traffic_with(
            {{"/cluster/nvlink", "null"},
             {"/cluster/pcie", R"({"bandwidth": "32 GB/s", "latency": "5 us", "gpus_per_switch": 4})"},
             {"/cluster/fabric", R"({"nodes_per_leaf": 2, "rail_optimized": true})"}})) ==
        std::vector<std::string>{"PCIe 64 64", "NIC 64 64", "PCIe switch uplink 16 16", "leaf uplink 32 32"});
}

TEST_CASE("the narrowest link of a transfer is the uplink of its leaf, where that has least for each flow") {
  // Two nodes a leaf: 2 x 400 / 8 = 100 GB/s for eight flows of node 1 to node 2.
  const StepTraffic traffic = traffic_with(
      {{"/cluster/fabric", R"({"nodes_per_leaf": 2, "oversubscription": 8, "latency": "1 us"})"}});
  const TransferTraffic& across = row_of(traffic, 1, 2);
  CHECK(across.bandwidth == BytesPerSecond(12'500'000'000));
  CHECK(across.narrowest == "leaf 0 up");
  CHECK(across.flows == 8);
  CHECK(across.time.alone == Time(21'474'836 + 6'000));  // at a quarter of the rate
  CHECK(row_of(traffic, 1, 0).time.alone == Time(5'368'709 + 5'000));
}

TEST_CASE("links that have lost bandwidth are seen") {
  const TransferTraffic last = row_of(
      traffic_with({{"/simulation/noise", R"({"link_degradation": {"node 3 NIC 5 in": 0.25}})"}}), 2, 3);
  CHECK(last.bandwidth == BytesPerSecond(12'500'000'000));
  CHECK(last.narrowest == "node 3 NIC 5 in");
}

TEST_CASE("collectives of a stage say over whom, how fast, and how long alone") {
  const auto rows = collectives_of({{"/cluster/nodes", "8"}, {"/parallelism/data", "2"}});
  REQUIRE(rows.size() == 4);
  REQUIRE(rows[1].size() == 2);
  const CollectiveRow& tensor = rows[1][0];
  CHECK(tensor.name == "tensor all-reduce");
  CHECK(tensor.algorithm == "ring");
  CHECK((tensor.members == 8 && tensor.nodes == 1));
  CHECK(tensor.bytes == Bytes(256 << 20));
  // 2 x 7/8 of the bytes at 450 GB/s, and 14 x 2 us.
  CHECK(to_time(tensor.alone) == Time(1'043'916 + 28'000));
  const CollectiveRow& gradients = rows[1][1];
  CHECK(gradients.name == "gradient all-reduce");
  CHECK((gradients.members == 2 && gradients.nodes == 2));
  CHECK(gradients.bandwidth == BytesPerSecond(50'000'000'000));
  CHECK(rows[1] == rows[2]);
  CHECK_FALSE(rows[0] == rows[1]);  // the embedding's gradients
}

TEST_CASE("every kind of collective is named") {
  const auto names_with = [](std::vector<Override> overrides) {
    overrides.push_back({"/cluster/nodes", "16"});
    std::vector<std::string> list;
    const std::vector<CollectiveRows> stages = collectives_of(overrides);
    for (const CollectiveRow& row : stages.at(0)) list.push_back(row.name);
    return list;
  };
  using Names = std::vector<std::string>;
  CHECK(names_with({{"/parallelism/scatter_gather", "true"}}) ==
        Names{"tensor all-reduce", "boundary all-gather"});
  CHECK(names_with({{"/parallelism/sequence_parallel", "true"}, {"/parallelism/context", "2"}}) ==
        Names{"tensor all-gather and reduce-scatter", "context send", "gradient all-reduce"});
  CHECK(names_with({{"/parallelism/context", "2"},
                    {"/parallelism/context_exchange", "all_to_all"},
                    {"/parallelism/zero_stage", "1"}}) ==
        Names{"tensor all-reduce", "context all-to-all, before", "context all-to-all, behind",
              "gradient reduce-scatter", "weight all-gather"});
  CHECK(names_with({{"/model/transformer/experts", R"({"count": 8, "per_token": 2, "ffn_hidden": 4096})"},
                    {"/parallelism/data", "4"},
                    {"/parallelism/expert", "2"}}) ==
        Names{"tensor all-reduce", "expert all-to-all", "gradient all-reduce", "expert gradient all-reduce"});
}

TEST_CASE("of costs given outright nothing is known of collectives") {
  const Config config = load_config("configs/reference_8x64.json");
  CHECK(describe_collectives(config, make_plan(config)).empty());
}

}  // namespace ppsim::describe_test
