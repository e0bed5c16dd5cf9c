#include "ppsim/metrics/traffic.hpp"

#include <doctest/doctest.h>

#include "cases.hpp"
#include "ppsim/engine/simulate.hpp"
#include "two_by_two.hpp"

namespace ppsim::traffic_test {
namespace {

StepTraffic traffic_of(const Schedule& schedule, const Workload& workload, Contention contention) {
  const OpGraph graph =
      build_graph(schedule, workload, Communication::Overlap, {}, contention.info().sharing);
  return measure_traffic(schedule, workload, graph, simulate(graph, contention));
}

using Users = std::vector<std::string>;

// The case of the engine's tests: both transfers take 14 where 10 would do, and in each rank one of the two
// forwards takes 24 where 20 would, 12 of it collectives. Backwards last until 378.
TEST_CASE("transfers and collectives that meet take longer than alone, by what they took from one another") {
  const StepTraffic traffic = traffic_of(make_schedule("gpipe", {2, 2, 1}), two_by_two(), Contention("fair"));
  CHECK(traffic.makespan == Time(378));
  REQUIRE(traffic.transfers.size() == 2);
  const TransferTraffic& forward = traffic.transfers[0];
  CHECK(forward.bytes == Bytes(10));
  CHECK(forward.bandwidth == BytesPerSecond(1'000'000'000));
  CHECK(forward.narrowest == "node 0 GPU 0 NVLink out");
  CHECK(forward.flows == 1);
  CHECK(forward.time == DurationSummary{2, Time(10), Time(14), Time(14)});
  CHECK(traffic.transfers[1].time == DurationSummary{2, Time(0), Time(0), Time(0)});
  REQUIRE(traffic.collectives.size() == 2);
  for (const CollectiveTraffic& one : traffic.collectives) {
    CHECK(one.kind == OpKind::Forward);
    CHECK(one.inside == 8);
    CHECK(one.time == DurationSummary{2, Time(8), Time(10), Time(12)});
  }
}

TEST_CASE("a link's load is what crosses it, and who shares it is named") {
  // GPU 0 sends two micro-batches of 10 and collectives of 8; so much comes in at GPU 2.
  const StepTraffic traffic = traffic_of(make_schedule("gpipe", {2, 2, 1}), two_by_two(), Contention("fair"));
  REQUIRE(traffic.links.size() == 1);
  CHECK(traffic.links[0].links.kind == LinkKind::NvLink);
  CHECK(traffic.links[0].links.count == 8);
  CHECK(traffic.links[0].used == 8);
  CHECK(traffic.links[0].busiest == "node 0 GPU 0 NVLink out");
  CHECK(traffic.links[0].load == doctest::Approx(36.0 / 378));
  REQUIRE(traffic.shared.size() == 4);
  CHECK(traffic.shared[0].users == Users{"rank 0 -> rank 1", "tensor group of rank 0"});
  CHECK(traffic.shared[0].links == 2);
  CHECK(traffic.shared[0].first == "node 0 GPU 0 NVLink out");
  CHECK(traffic.shared[3].users == Users{"rank 0 -> rank 1", "tensor group of rank 1"});
}

TEST_CASE("where nothing is shared all take their time alone") {
  const StepTraffic traffic = traffic_of(make_schedule("gpipe", {2, 2, 1}), two_by_two(), Contention("none"));
  for (const TransferTraffic& one : traffic.transfers) CHECK(one.time.longest == one.time.alone);
  for (const CollectiveTraffic& one : traffic.collectives) CHECK(one.time.longest == one.time.alone);
}

TEST_CASE("costs given outright have a link for each two ranks") {
  const Schedule schedule = make_schedule("1f1b", {4, 8, 1});
  const StepTraffic traffic =
      traffic_of(schedule, workload_of(reference_costs(), schedule), Contention("fair"));
  CHECK(traffic.transfers.size() == 6);
  REQUIRE(traffic.links.size() == 1);
  CHECK(traffic.links[0].links.kind == LinkKind::RankToRank);
  CHECK(traffic.links[0].links.count == 12);
  CHECK(traffic.links[0].used == 6);
  CHECK(traffic.shared.empty());
}

}  // namespace
}  // namespace ppsim::traffic_test
