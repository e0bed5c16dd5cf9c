#include "ppsim/explore/network.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "folder.hpp"

using namespace ppsim;

namespace {

// The main job: 80 layers on 4 nodes of 8 H100, T 8, P 4. A boundary of 256 MiB takes 5,368,709 ns at 50
// GB/s.
NetworkDescription describe(const std::vector<Override>& overrides = {}) {
  return describe_network(load_config("configs/seed_4x8.json", overrides));
}

const TransferRow& row_of(const NetworkDescription& network, TransferKind kind, std::uint32_t from) {
  for (const TransferRow& row : network.transfers)
    if (row.kind == kind && row.from == Rank{from}) return row;
  FAIL("no such transfer");
  return network.transfers.front();
}

std::vector<std::string> names(const NetworkDescription& network) {
  std::vector<std::string> list;
  for (const LinkUse& use : network.links)
    list.push_back(std::string(name(use.links.kind)) + " " + std::to_string(use.links.count) + " " +
                   std::to_string(use.used));
  return list;
}

}  // namespace

TEST_CASE("each kind of link is counted, and those that transfers use") {
  CHECK(names(describe()) == std::vector<std::string>{"NVLink 64 0", "NIC 64 64"});
  CHECK(names(describe({{"/cluster/fabric", R"({"nodes_per_leaf": 2})"}})) ==
        std::vector<std::string>{"NVLink 64 0", "NIC 64 64", "leaf uplink 4 4"});
  // Eight rails of two leaves; PCIe in front of the NICs, two switches a node, whose NICs are below them.
  CHECK(names(describe(
            {{"/cluster/nvlink", "null"},
             {"/cluster/pcie", R"({"bandwidth": "32 GB/s", "latency": "5 us", "gpus_per_switch": 4})"},
             {"/cluster/fabric", R"({"nodes_per_leaf": 2, "rail_optimized": true})"}})) ==
        std::vector<std::string>{"PCIe 64 64", "NIC 64 64", "PCIe switch uplink 16 0", "leaf uplink 32 32"});
}

TEST_CASE("transfers that meet on a NIC take twice as long when all go at once") {
  const NetworkDescription network = describe();
  REQUIRE(network.transfers.size() == 6);  // three boundaries, both ways
  for (const TransferRow& row : network.transfers) {
    CHECK(row.bytes == Bytes(256 << 20));
    CHECK(row.alone == Time(5'368'709 + 5'000));
    // Into or out of node 1 or 2, where two meet.
    CHECK(row.loaded == Time(2 * 5'368'709 + 5'000));
    CHECK(row.busiest.flows == 1);
  }
  REQUIRE(network.shared.size() == 4);  // out of and into the two nodes in the middle
  CHECK(network.network.link_name(network.shared[0].first) == "node 1 NIC 0 out");
  CHECK(network.shared[0].count == 8);
  CHECK(network.shared[0].pairs ==
        std::vector<std::pair<Rank, Rank>>{{Rank{1}, Rank{0}}, {Rank{1}, Rank{2}}});
}

TEST_CASE("the slowest link of a transfer is the uplink of its leaf, where that has least for each flow") {
  // Two nodes a leaf: 2 x 400 / 8 = 100 GB/s for eight flows of node 1 to node 2.
  const NetworkDescription network =
      describe({{"/cluster/fabric", R"({"nodes_per_leaf": 2, "oversubscription": 8, "latency": "1 us"})"}});
  const TransferRow& across = row_of(network, TransferKind::Forward, 1);
  CHECK(across.route.bandwidth == BytesPerSecond(12'500'000'000));
  CHECK(network.network.link_name(across.busiest.link) == "leaf 0 up");
  CHECK(across.busiest.flows == 8);
  CHECK(across.alone == Time(21'474'836 + 6'000));  // at a quarter of the rate
  CHECK(across.loaded == across.alone);
  // Node 1's other transfer has what that leaves of its NICs: 37.5 GB/s, 4/3 of the time; but node 0's NICs
  // have nothing else on the way in.
  const TransferRow& back = row_of(network, TransferKind::Backward, 1);
  CHECK(back.alone == Time(5'368'709 + 5'000));
  CHECK(back.loaded == Time(7'158'279 + 5'000));
}

TEST_CASE("links that have lost bandwidth are seen") {
  const NetworkDescription network =
      describe({{"/simulation/noise", R"({"link_degradation": {"node 3 NIC 5 in": 0.25}})"}});
  const TransferRow& last = row_of(network, TransferKind::Forward, 2);
  CHECK(last.route.bandwidth == BytesPerSecond(12'500'000'000));
  CHECK(network.network.link_name(last.busiest.link) == "node 3 NIC 5 in");
}

TEST_CASE("collectives of a stage say over whom, how fast, and how long alone") {
  const auto rows = describe({{"/cluster/nodes", "8"}, {"/parallelism/data", "2"}}).collectives;
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
    const NetworkDescription network = describe(overrides);
    for (const CollectiveRow& row : network.collectives.at(0)) list.push_back(row.name);
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

TEST_CASE("costs given outright have links and transfers, and nothing is known of collectives") {
  const NetworkDescription network = describe_network(load_config("configs/reference_8x64.json"));
  CHECK(names(network) == std::vector<std::string>{"rank to rank 56 14"});
  CHECK(network.transfers.size() == 14);
  for (const TransferRow& row : network.transfers) {
    CHECK(row.alone == Time(55'000));
    CHECK(row.loaded == Time(55'000));
  }
  CHECK(network.shared.empty());
  CHECK(network.collectives.empty());
}

TEST_CASE("a token goes back to the first rank") {
  const NetworkDescription network = describe_network(load_config("configs/inference_2gpu.json"));
  REQUIRE(network.transfers.size() == 3);
  CHECK(row_of(network, TransferKind::Token, 1).to == Rank{0});
}
