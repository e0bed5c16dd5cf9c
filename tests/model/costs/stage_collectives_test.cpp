// Collectives of experts, context and ZeRO inside a stage's passes. Round cluster: 50 TFLOP/s, NVLink 400
// GB/s + 1 us, a NIC a GPU of 50 GB/s + 4 us. Small GPT: s = 512, h = 1024, 6 layers on 3 ranks.
#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "model/presets.hpp"
#include "ppsim/model/costs/stage_table.hpp"

namespace ppsim::stage_collectives_test {
namespace {

void check_microseconds(Time time, double microseconds) {
  CAPTURE(time.count());
  CAPTURE(microseconds);
  CHECK(std::abs(static_cast<double>(time.count()) - microseconds * 1e3) < 2);
}

Transformer sparse_gpt(std::uint32_t experts) {
  Transformer model = small_gpt();
  model.experts = Experts{.count = experts, .per_token = 2, .ffn_hidden = 512};
  return model;
}

StageCosts middle(const Cluster& cluster, const Transformer& model, const Parallelism& p) {
  return training(cluster, model, p).stages.at(1);
}

// 512 tokens x 2 experts x 1024 x 2 bytes = 2 MiB a GPU. The GPU's efficiency is the same for all products,
// so that sharing out the experts changes no compute.
TEST_CASE("experts that are shared out cost a layer two all-to-alls forward, two in I and none in W") {
  Parallelism p = parallel(1, 3, 8);
  const StageCosts whole = middle(round_cluster(3), sparse_gpt(8), p);
  CHECK(whole.ops[OpKind::Forward].other_comm == Time(0));
  p.expert = 8;
  const StageCosts shared = middle(round_cluster(3), sparse_gpt(8), p);
  const double exchange = 2 * 7 * (0x1p21 / 8 / 400e3 + 1);  // seven pieces of 256 KiB over NVLink
  check_microseconds(shared.ops[OpKind::Forward].other_comm, 2 * exchange);
  check_microseconds(shared.duration(OpKind::Forward) - whole.duration(OpKind::Forward), 2 * exchange);
  check_microseconds(shared.duration(OpKind::InputGrad) - whole.duration(OpKind::InputGrad), 2 * exchange);
  check_microseconds(shared.ops[OpKind::InputGrad].other_comm, 2 * exchange);
  CHECK(shared.duration(OpKind::WeightGrad) == whole.duration(OpKind::WeightGrad));
  CHECK(shared.ops[OpKind::WeightGrad].other_comm == Time(0));
  CHECK(shared.duration(OpKind::Backward) ==
        shared.duration(OpKind::InputGrad) + shared.duration(OpKind::WeightGrad));
  CHECK(shared.ops[OpKind::Forward].tensor_comm == Time(0));
  p.recompute = Recompute::Full;
  check_microseconds(middle(round_cluster(3), sparse_gpt(8), p).ops[OpKind::InputGrad].other_comm,
                     4 * exchange);
}

TEST_CASE("an all-to-all of experts over two nodes sends half of its pieces over InfiniBand") {
  Parallelism p = parallel(1, 3, 16);
  p.expert = 16;
  const double piece = 0x1p21 / 16;
  const double exchange = 2 * (7 * (piece / 400e3 + 1) + 8 * (piece / 50e3 + 4));
  check_microseconds(middle(round_cluster(6), sparse_gpt(16), p).ops[OpKind::Forward].other_comm,
                     2 * exchange);
}

TEST_CASE("with sequence parallelism each GPU of a tensor group exchanges its own tokens") {
  Parallelism p = parallel(4, 3, 4);
  p.sequence_parallel = true;
  p.expert = 4;
  p.expert_tensor = 1;
  // A group of four neighbours: three pieces of a quarter of 2 MiB / 4.
  check_microseconds(middle(round_cluster(6), sparse_gpt(4), p).ops[OpKind::Forward].other_comm,
                     2 * 2 * 3 * (0x1p21 / 16 / 400e3 + 1));
  // As many groups as there are of GPUs that share an expert: GPU g of four nodes' halves, 8 NICs for 8.
  p.expert_tensor = 4;
  check_microseconds(middle(round_cluster(6), sparse_gpt(4), p).ops[OpKind::Forward].other_comm,
                     2 * 2 * ((0x1p21 / 16 / 400e3 + 1) + 2 * (0x1p21 / 16 / 50e3 + 4)));
}

TEST_CASE("layers without experts exchange no tokens, and tokens travel in the type of the wire") {
  Transformer model = sparse_gpt(8);
  model.experts->dense_layers = 3;  // one of the middle stage's two layers
  Parallelism p = parallel(1, 3, 8);
  p.expert = 8;
  check_microseconds(middle(round_cluster(3), model, p).ops[OpKind::Forward].other_comm,
                     2 * 7 * (0x1p21 / 8 / 400e3 + 1));
  model.wire_dtype = Dtype::Fp8;
  check_microseconds(middle(round_cluster(3), model, p).ops[OpKind::Forward].other_comm,
                     2 * 7 * (0x1p20 / 8 / 400e3 + 1));
}

TEST_CASE("token steps exchange their one token a sample") {
  Parallelism p = parallel(1, 3, 8);
  p.expert = 8;
  const StageCosts with = inference(round_cluster(3), sparse_gpt(8), p, 2).stages.at(1);
  const double exchange = 2 * 7 * (2 * 1024 * 2 / 8 / 400e3 + 1);  // two experts, 2 bytes
  check_microseconds(with.decode.other_comm, 2 * exchange);
  CHECK(with.ops[OpKind::InputGrad].other_comm == Time(0));
  // Fewer experts on a GPU are fewer weights to read, which a memory that is fast enough does not show.
  Cluster cluster = round_cluster(3);
  cluster.gpu.memory_bandwidth = BytesPerSecond(1'000'000'000'000'000);
  const StageCosts shared = inference(cluster, sparse_gpt(8), p, 2).stages.at(1);
  p.expert = 1;
  const StageCosts whole = inference(cluster, sparse_gpt(8), p, 2).stages.at(1);
  check_microseconds(shared.decode_forward.at(1) - whole.decode_forward.at(1), 2 * exchange);
}

// Four GPUs with 128 tokens each: K and V are 128 x 2 x 1024 x 2 bytes = 512 KiB. The core's two products of
// 2 x 128 x 512 x 1024 FLOPs take 5.36870912 us forward, its four 10.73741824 us backward.
constexpr double kRingForward = 3 * (0x1p19 / 400e3 + 1 - 5.36870912 / 4);
constexpr double kRingBackward = 3 * (0x1p20 / 400e3 + 1 - 10.73741824 / 4);

Parallelism in_context_of_four() {
  Parallelism p = parallel(1, 3);
  p.context = 4;
  return p;
}

TEST_CASE(
    "of a ring of keys and values what is longer than a part's attention takes time, backward twice the "
    "bytes") {
  const StageCosts ring = middle(round_cluster(2), small_gpt(), in_context_of_four());
  check_microseconds(ring.ops[OpKind::Forward].other_comm, 2 * kRingForward);
  check_microseconds(ring.ops[OpKind::InputGrad].other_comm, 2 * kRingBackward);
  CHECK(ring.ops[OpKind::WeightGrad].other_comm == Time(0));
  // NVLink fast enough hides all of it; nothing else depends on NVLink here.
  Cluster fast = round_cluster(2);
  fast.nvlink = {BytesPerSecond(4'000'000'000'000), Time(0)};
  const StageCosts hidden = middle(fast, small_gpt(), in_context_of_four());
  CHECK(hidden.ops[OpKind::Forward].other_comm == Time(0));
  CHECK(hidden.ops[OpKind::InputGrad].other_comm == Time(0));
  check_microseconds(ring.duration(OpKind::Forward) - hidden.duration(OpKind::Forward), 2 * kRingForward);
  check_microseconds(ring.duration(OpKind::InputGrad) - hidden.duration(OpKind::InputGrad),
                     2 * kRingBackward);
  CHECK(ring.duration(OpKind::WeightGrad) == hidden.duration(OpKind::WeightGrad));
}

TEST_CASE("the ring goes around again where the attention core is recomputed") {
  Parallelism p = in_context_of_four();
  for (const Recompute recompute : {Recompute::Selective, Recompute::Full}) {
    p.recompute = recompute;
    check_microseconds(middle(round_cluster(2), small_gpt(), p).ops[OpKind::InputGrad].other_comm,
                       2 * (kRingForward + kRingBackward));
  }
}

TEST_CASE("a context group that leaves its node hands on over InfiniBand") {
  // Tensor groups of 4, two in a node: GPUs 4 to 7 hand on, a NIC each. A quarter of the heads: 128 KiB, and
  // a quarter of the attention.
  Parallelism p = parallel(4, 3);
  p.context = 4;
  check_microseconds(middle(round_cluster(6), small_gpt(), p).ops[OpKind::Forward].other_comm,
                     2 * 3 * (0x1p17 / 50e3 + 4 - 5.36870912 / 16));
}

TEST_CASE("handing heads on takes two all-to-alls each way, which selective recomputation does not repeat") {
  Parallelism p = in_context_of_four();
  p.context_exchange = ContextExchange::AllToAll;
  // Q, K and V: 768 KiB in quarters; the result: 256 KiB in quarters.
  const double exchange = 3 * (3 * 0x1p18 / 4 / 400e3 + 1) + 3 * (0x1p18 / 4 / 400e3 + 1);
  const StageCosts none = middle(round_cluster(2), small_gpt(), p);
  check_microseconds(none.ops[OpKind::Forward].other_comm, 2 * exchange);
  check_microseconds(none.ops[OpKind::InputGrad].other_comm, 2 * exchange);
  p.recompute = Recompute::Selective;
  check_microseconds(middle(round_cluster(2), small_gpt(), p).ops[OpKind::InputGrad].other_comm,
                     2 * exchange);
  p.recompute = Recompute::Full;
  check_microseconds(middle(round_cluster(2), small_gpt(), p).ops[OpKind::InputGrad].other_comm,
                     4 * exchange);
}

TEST_CASE("with fewer heads of keys and values than GPUs each is sent as often as it is needed") {
  Transformer model = small_gpt();
  model.kv_heads = 2;  // of 64 columns: K and V have 128 each, and four GPUs need four heads
  Parallelism p = in_context_of_four();
  p.context_exchange = ContextExchange::AllToAll;
  const double before = 128 * (1024 + 2 * 2 * 128) * 2;
  check_microseconds(middle(round_cluster(2), model, p).ops[OpKind::Forward].other_comm,
                     2 * (3 * (before / 4 / 400e3 + 1) + 3 * (0x1p18 / 4 / 400e3 + 1)));
}

// A layer has 12 h^2 + 13 h parameters; ring over 8 on NVLink, half of it: 7/8 of the bytes + 7 us.
constexpr double kLayer = 12 * 1024.0 * 1024 + 13 * 1024;
constexpr double kGather = 7.0 / 8 * 2 * kLayer / 400e3 + 7;
constexpr double kScatter = 7.0 / 8 * 4 * kLayer / 400e3 + 7;

TEST_CASE("ZeRO 2 scatters each layer's gradients in W, ZeRO 3 also gathers its weights in F and in I") {
  Parallelism p = parallel(1, 3, 8);
  p.zero_stage = 1;
  const StageCosts before = middle(round_cluster(3), small_gpt(), p);
  CHECK(before.ops[OpKind::WeightGrad].other_comm == Time(0));
  p.zero_stage = 2;
  const StageCosts two = middle(round_cluster(3), small_gpt(), p);
  CHECK(two.duration(OpKind::Forward) == before.duration(OpKind::Forward));
  CHECK(two.duration(OpKind::InputGrad) == before.duration(OpKind::InputGrad));
  check_microseconds(two.ops[OpKind::WeightGrad].other_comm, 2 * kScatter);
  check_microseconds(two.duration(OpKind::WeightGrad) - before.duration(OpKind::WeightGrad), 2 * kScatter);
  p.zero_stage = 3;
  const StageCosts three = middle(round_cluster(3), small_gpt(), p);
  check_microseconds(three.ops[OpKind::Forward].other_comm, 2 * kGather);
  check_microseconds(three.duration(OpKind::Forward) - before.duration(OpKind::Forward), 2 * kGather);
  check_microseconds(three.duration(OpKind::InputGrad) - before.duration(OpKind::InputGrad), 2 * kGather);
  CHECK(three.duration(OpKind::WeightGrad) == two.duration(OpKind::WeightGrad));
  CHECK(three.duration(OpKind::Backward) ==
        three.duration(OpKind::InputGrad) + three.duration(OpKind::WeightGrad));
  p.recompute = Recompute::Full;  // one gathering serves it too
  check_microseconds(middle(round_cluster(3), small_gpt(), p).ops[OpKind::InputGrad].other_comm, 2 * kGather);
}

TEST_CASE("ZeRO exchanges layers that are given by their costs, too") {
  LayerCosts model;
  for (std::uint64_t n = 1; n <= 3; ++n)
    model.layers.push_back({Flops(1e12), Flops(2e12), Bytes(1000), Bytes(100), n * 1'000'000});
  Parallelism p = parallel(1, 1, 8);
  const StageCosts plain = training(round_cluster(1), model, p).stages.at(0);
  p.zero_stage = 3;
  const StageCosts zero = training(round_cluster(1), model, p).stages.at(0);
  // 2 and 4 bytes of six million parameters at 400 GB/s, 7/8 of them, and three times 7 us.
  check_microseconds(zero.duration(OpKind::Forward) - plain.duration(OpKind::Forward), 7.0 / 8 * 30 + 21);
  check_microseconds(zero.duration(OpKind::InputGrad) - plain.duration(OpKind::InputGrad), 7.0 / 8 * 30 + 21);
  check_microseconds(zero.duration(OpKind::WeightGrad) - plain.duration(OpKind::WeightGrad),
                     7.0 / 8 * 60 + 21);
  CHECK(zero.duration(OpKind::Backward) ==
        zero.duration(OpKind::InputGrad) + zero.duration(OpKind::WeightGrad));
  CHECK(zero.duration(OpKind::GradientReduction) == Time(0));
}

TEST_CASE("every kind of collective is a row, and the rows sum up to the stage's passes") {
  Cluster cluster = round_cluster(6);
  cluster.nvlink.latency = std::chrono::microseconds(4);  // so that attention does not hide the ring
  const ModelInput input{cluster, sparse_gpt(8)};
  Parallelism p = parallel(2, 3, 4);
  p.context = 2;
  p.expert = 8;
  p.zero_stage = 3;
  p.recompute = Recompute::Full;
  const StageTable table = make_stage_tables(input, p, {3, 3, {}}).at(1);
  const StageCosts stage = make_workload(input, p, {3, 3, {}}).stages.at(1);
  std::vector<std::string> last;
  Seconds forward{}, backward{}, weight_grad{};
  for (const OperatorRow& row : table.rows) {
    last.push_back(row.name);
    forward += row.forward;
    backward += row.recompute + row.input_grad + row.weight_grad;
    weight_grad += row.weight_grad;
  }
  REQUIRE(last.size() > 5);
  CHECK(std::vector<std::string>(last.end() - 5, last.end()) ==
        std::vector<std::string>{"tensor-parallel collectives", "context ring", "expert all-to-all",
                                 "parameter gathering", "gradient reduce-scatter"});
  CHECK(table.rows.back().layers == 2);
  check_microseconds(stage.duration(OpKind::Forward), 1e6 * forward.count());
  check_microseconds(stage.duration(OpKind::Backward), 1e6 * backward.count());
  check_microseconds(stage.duration(OpKind::WeightGrad), 1e6 * weight_grad.count());
}

TEST_CASE("slices share what their micro-batch exchanges") {
  Parallelism p = parallel(1, 3, 8);
  p.zero_stage = 3;
  const ModelInput input{round_cluster(3), small_gpt()};
  const StageCosts whole = make_workload(input, p, {.ranks = 3, .stages = 3}).stages.at(1);
  const StageCosts slice = make_workload(input, p, {.ranks = 3, .stages = 3, .slices = 4}).stages.at(1);
  CHECK(
      std::abs((4 * slice.ops[OpKind::Forward].other_comm - whole.ops[OpKind::Forward].other_comm).count()) <=
      2);
  CHECK(std::abs((4 * slice.ops[OpKind::InputGrad].other_comm - whole.ops[OpKind::InputGrad].other_comm)
                     .count()) <= 2);
  CHECK(std::abs((4 * slice.ops[OpKind::WeightGrad].other_comm - whole.ops[OpKind::WeightGrad].other_comm)
                     .count()) <= 2);
}

}  // namespace
}  // namespace ppsim::stage_collectives_test
