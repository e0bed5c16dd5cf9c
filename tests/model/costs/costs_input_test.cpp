#include <doctest/doctest.h>

#include <initializer_list>

#include "ppsim/model/costs/workload.hpp"
#include "support.hpp"

namespace ppsim::costs_input_test {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

CostsInput reference() {
  CostsInput costs;
  costs.forward = {milliseconds(1)};
  costs.backward = {milliseconds(2)};
  costs.transfer = {Bytes(2'500'000)};
  costs.activation = {Bytes(1'000'000)};
  costs.link = {BytesPerSecond(50'000'000'000), microseconds(5)};
  return costs;
}

std::string where_of(const CostsInput& costs, const RunShape& shape, std::uint32_t given) {
  return ppsim::where_of([&] { return make_workload(costs, shape, given); });
}

TEST_CASE("single values are the same on every stage") {
  const Workload workload = make_workload(reference(), {8, 8, {}}, 8);
  REQUIRE(workload.stages.size() == 8);
  for (const StageCosts& stage : workload.stages) {
    CHECK(stage.duration(OpKind::Forward) == milliseconds(1));
    CHECK(stage.duration(OpKind::Backward) == milliseconds(2));
    CHECK(stage.duration(OpKind::InputGrad) == milliseconds(1));
    CHECK(stage.duration(OpKind::WeightGrad) == milliseconds(1));
    CHECK(stage.forward_transfer == Bytes(2'500'000));
    CHECK(stage.backward_transfer == Bytes(2'500'000));
    CHECK(stage.activation == Bytes(1'000'000));
    CHECK(stage.activation_freed_at_input_grad == Bytes(0));
    CHECK(stage.layers.count == 0);
    CHECK(stage.static_bytes() == Bytes(0));
  }
  CHECK(!workload.gpus);
  CHECK(workload.assumptions.size() == 4);  // as given, halved backward, a link a pair, no static memory
}

TEST_CASE("a hop of the reference case takes 55 us: 2.5 MB / 50 GB/s + 5 us") {
  const Workload workload = make_workload(reference(), {8, 8, {}}, 8);
  const Route route = workload.network.route(Rank{3}, Rank{4});
  CHECK(workload.stages[3].forward_transfer / route.bandwidth + route.latency == microseconds(55));
}

TEST_CASE("two of backward, input_grad and weight_grad give the third") {
  struct Case {
    int backward, input_grad, weight_grad;  // given, in ns; -1: absent
    int want_backward, want_input_grad, want_weight_grad;
  };
  for (const Case& c : std::initializer_list<Case>{{7, -1, -1, 7, 3, 4},
                                                   {7, 5, -1, 7, 5, 2},
                                                   {7, -1, 5, 7, 2, 5},
                                                   {-1, 3, 2, 5, 3, 2},
                                                   {9, 3, 2, 9, 3, 2},  // fused is not the sum of its halves
                                                   {0, -1, -1, 0, 0, 0}}) {
    CAPTURE(c.backward);
    CAPTURE(c.input_grad);
    CAPTURE(c.weight_grad);
    CostsInput costs = reference();
    const auto list = [](int value) { return value < 0 ? PerStage<Time>{} : PerStage<Time>{Time(value)}; };
    costs.backward = list(c.backward);
    costs.input_grad = list(c.input_grad);
    costs.weight_grad = list(c.weight_grad);
    const StageCosts stage = make_workload(costs, {1, 1, {}}, 1).stages.front();
    CHECK(stage.duration(OpKind::Backward) == Time(c.want_backward));
    CHECK(stage.duration(OpKind::InputGrad) == Time(c.want_input_grad));
    CHECK(stage.duration(OpKind::WeightGrad) == Time(c.want_weight_grad));
  }
}

TEST_CASE("an array gives each stage its own value") {
  CostsInput costs = reference();
  costs.forward = {Time(1), Time(2), Time(3)};
  costs.activation = {Bytes(10), Bytes(20), Bytes(30)};
  costs.activation_freed_at_input_grad = {Bytes(10), Bytes(0), Bytes(5)};
  CHECK_FALSE(costs.uniform());
  const Workload workload = make_workload(costs, {3, 3, {}}, 3);
  for (int stage = 0; stage < 3; ++stage)
    CHECK(workload.stages[stage].duration(OpKind::Forward) == Time(stage + 1));
  CHECK(workload.stages[2].activation == Bytes(30));
  CHECK(workload.stages[2].activation_freed_at_input_grad == Bytes(5));
}

TEST_CASE("uniform costs carry over to another number of stages, transfers unchanged") {
  CostsInput costs = reference();
  costs.backward = {Time(5)};
  costs.forward = {Time(5)};
  costs.pair = Time(9);
  REQUIRE(costs.uniform());
  const Workload workload = make_workload(costs, {4, 8, {}}, 4);
  REQUIRE(workload.stages.size() == 8);
  const StageCosts& stage = workload.stages[7];
  CHECK(stage.duration(OpKind::Forward) == Time(3));  // 5/2 = 2.5, half up
  CHECK(stage.duration(OpKind::Backward) == Time(3));
  CHECK(stage.duration(OpKind::InputGrad) == Time(1));  // floor(3/2): I + W = B holds after the scaling too
  CHECK(stage.duration(OpKind::WeightGrad) == Time(2));
  CHECK(stage.activation == Bytes(500'000));
  CHECK(stage.forward_transfer == Bytes(2'500'000));
  CHECK(std::get<Time>(workload.pair) == Time(5));  // 9/2 = 4.5, half up
  CHECK(workload.assumptions.back() ==
        "Costs given for 4 stages are scaled to 8: times and activations by 4/8, transfers not.");

  const Workload fewer = make_workload(costs, {1, 1, {}}, 4);
  CHECK(fewer.stages[0].duration(OpKind::Forward) == Time(20));
  CHECK(fewer.stages[0].activation == Bytes(4'000'000));
}

TEST_CASE("costs of a slice carry over to another number of slices, transfers too") {
  CostsInput costs = reference();
  costs.forward = {Time(5)};
  costs.backward = {Time(6)};
  const RunShape shape{.ranks = 2, .stages = 2, .slices = 4};
  const StageCosts same = make_workload(costs, shape, {2, 4}).stages[0];
  CHECK(same.duration(OpKind::Forward) == Time(5));
  CHECK(same.forward_transfer == Bytes(2'500'000));
  const Workload cut = make_workload(costs, shape, {2, 1});
  CHECK(cut.stages[0].duration(OpKind::Forward) == Time(1));   // 5/4 = 1.25
  CHECK(cut.stages[0].duration(OpKind::Backward) == Time(2));  // 6/4 = 1.5, half up
  CHECK(cut.stages[0].activation == Bytes(250'000));
  CHECK(cut.stages[0].backward_transfer == Bytes(625'000));
  CHECK(cut.assumptions.back() == "Costs given for 1 slices of a micro-batch are scaled to 4, by 1/4.");
  const StageCosts both = make_workload(costs, {.ranks = 2, .stages = 4, .slices = 1}, {2, 4}).stages[3];
  CHECK(both.duration(OpKind::Forward) == Time(10));
  CHECK(both.forward_transfer == Bytes(10'000'000));
}

TEST_CASE("scaling is exact where the product passes 64 bits") {
  CostsInput costs = reference();
  const std::int64_t large = std::int64_t{1} << 60;
  costs.forward = {Time(large)};
  CHECK(make_workload(costs, {1, 512, {}}, 1024).stages[0].duration(OpKind::Forward) == Time(large) * 2);
  CHECK(where_of(costs, {1, 1, {}}, 1024) == "/costs");
}

TEST_CASE("inference takes the prefill's values where the token step has none") {
  CostsInput costs = reference();
  costs.backward = {};  // forward only: not needed
  const StageCosts same = make_workload(costs, {2, 2, 3}, 2).stages[1];
  CHECK(same.decode_forward == std::vector<Time>(3, milliseconds(1)));
  CHECK(same.decode_transfer == Bytes(2'500'000));
  CHECK(same.duration(OpKind::Backward) == Time(0));

  costs.decode_forward = {microseconds(7)};
  costs.decode_transfer = {Bytes(11)};
  const StageCosts own = make_workload(costs, {2, 2, 1}, 2).stages[1];
  CHECK(own.decode_forward == std::vector<Time>{microseconds(7)});
  CHECK(own.decode_transfer == Bytes(11));
}

TEST_CASE("a wrong cost is an error at its key") {
  const auto with = [](auto change) {
    CostsInput costs = reference();
    change(costs);
    return where_of(costs, {2, 2, {}}, 2);
  };
  CHECK(with([](CostsInput&) {}) == "no error");
  CHECK(with([](CostsInput& c) { c.forward = {Time(1), Time(1), Time(1)}; }) == "/costs/forward");
  CHECK(with([](CostsInput& c) { c.forward = {}; }) == "/costs/forward");
  CHECK(with([](CostsInput& c) { c.backward = {}; }) == "/costs/backward");
  CHECK(with([](CostsInput& c) { c.input_grad = {milliseconds(3)}; }) == "/costs/input_grad");
  CHECK(with([](CostsInput& c) {
          c.weight_grad = {milliseconds(1), milliseconds(3)};
        }) == "/costs/weight_grad");
  CHECK(with([](CostsInput& c) { c.activation_freed_at_input_grad = {Bytes(1'000'001)}; }) ==
        "/costs/activation_freed_at_input_grad");
  CHECK(with([](CostsInput& c) { c.transfer = PerStage<Bytes>(4); }) == "/costs/transfer");
}

TEST_CASE("costs given a stage do not carry over to another number of stages") {
  CostsInput costs = reference();
  costs.forward = {Time(1), Time(2)};
  CHECK(where_of(costs, {2, 4, {}}, 2) == "/costs");
  CHECK(where_of(costs, {2, 2, {}}, 2) == "no error");
}

TEST_CASE("the overhead is on top of each op, however its costs are scaled") {
  CostsInput costs = reference();
  costs.overhead = microseconds(30);
  // Given for 8 stages, run in 16: half of 1 ms and of 2 ms, half of which is for the input.
  const Workload workload = make_workload(costs, {8, 16, {}}, 8);
  CHECK(workload.stages[5].duration(OpKind::Forward) == microseconds(530));
  CHECK(workload.stages[5].duration(OpKind::Backward) == microseconds(1030));
  CHECK(workload.stages[5].duration(OpKind::InputGrad) == microseconds(530));
  CHECK(workload.stages[5].duration(OpKind::WeightGrad) == microseconds(530));
}

TEST_CASE("what runs once a step scales with stages and not with slices") {
  CostsInput costs = reference();
  costs.gradient_reduction = {microseconds(80)};
  costs.optimizer_step = {microseconds(40)};
  costs.parameter_gather = {microseconds(20)};
  RunShape shape{8, 16, {}};
  shape.slices = 4;
  const Workload workload = make_workload(costs, shape, {8, 1});
  CHECK(workload.stages[0].duration(OpKind::GradientReduction) == microseconds(40));
  CHECK(workload.stages[0].duration(OpKind::OptimizerStep) == microseconds(20));
  CHECK(workload.stages[0].duration(OpKind::ParameterGather) == microseconds(10));
}

Cluster two_nodes_of_two() {
  Cluster cluster;
  cluster.nodes = cluster.gpus_per_node = 2;
  cluster.nvlink = {BytesPerSecond(100'000'000'000), microseconds(2)};
  cluster.infiniband = {BytesPerSecond(20'000'000'000), microseconds(5)};
  return cluster;
}

TEST_CASE("ranks of costs lie on a cluster's GPUs in order, and transfers cross its links") {
  CostsInput costs = reference();
  costs.cluster = two_nodes_of_two();
  const Workload workload = make_workload(costs, {4, 4, {}}, 4);
  const Route inside = workload.network.route(Rank{0}, Rank{1});
  CHECK_FALSE(inside.crosses_nodes);
  CHECK(inside.transfer(Bytes(1'000'000)) == microseconds(10 + 2));
  const Route across = workload.network.route(Rank{1}, Rank{2});
  CHECK(across.crosses_nodes);
  CHECK(across.transfer(Bytes(1'000'000)) == microseconds(50 + 5));
  CHECK_FALSE(workload.gpu_memory.has_value());
  // Both GPUs of a rank share its node's one NIC.
  Parallelism pairs;
  pairs.tensor = 2;
  const Route shared = make_workload(costs, {2, 2, {}}, 2, pairs).network.route(Rank{0}, Rank{1});
  CHECK(shared.transfer(Bytes(1'000'000)) == microseconds(100 + 5));
}

TEST_CASE("a cluster with fewer GPUs than ranks is an error, and its memory is a limit") {
  CostsInput costs = reference();
  costs.cluster = two_nodes_of_two();
  CHECK(where_of(costs, {8, 8, {}}, 8) == "/parallelism");
  costs.cluster->gpu.memory = Bytes(5);
  costs.cluster->gpu.runtime_memory = Bytes(2);
  const Workload workload = make_workload(costs, {4, 4, {}}, 4);
  CHECK(workload.gpu_memory == Bytes(5));
  CHECK(workload.reserved(Bytes(1)) == Bytes(3));
}

}  // namespace
}  // namespace ppsim::costs_input_test
