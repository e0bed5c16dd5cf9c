// Scatter/gather (Narayanan et al. 2021, section 4.1): each of T GPUs sends 1/T of a boundary, and the
// receivers put it together again.
#include <doctest/doctest.h>

#include "model/presets.hpp"
#include "ppsim/model/costs/stragglers.hpp"

namespace ppsim::scatter_gather_test {
namespace {

// A boundary is 512 x 1024 x 2 bytes = 1 MiB, 2621.44 ns at 400 GB/s.
StageCosts stage_with(const Parallelism& parallelism) {
  return training(round_cluster(4), small_gpt(), parallelism).stages.at(0);
}

Parallelism scattered(std::uint32_t tensor, std::uint32_t pipeline) {
  Parallelism p = parallel(tensor, pipeline);
  p.scatter_gather = true;
  return p;
}

TEST_CASE("each GPU sends its part of a boundary, and the receivers gather the whole in a ring") {
  const StageCosts whole = stage_with(parallel(8, 2)), parts = stage_with(scattered(8, 2));
  CHECK(whole.forward_transfer == Bytes(1'048'576));
  CHECK(whole.forward_gather == Time(0));
  CHECK(parts.forward_transfer == Bytes(131'072));
  CHECK(parts.backward_transfer == Bytes(131'072));
  // 7/8 x 2621.44 ns + 7 x 1 us on NVLink.
  CHECK(parts.forward_gather == Time(9'294));
  CHECK(parts.backward_gather == Time(9'294));
  CHECK(parts.duration(OpKind::Forward) == whole.duration(OpKind::Forward));
  // From one node to the next at 50 GB/s + 4 us: 20,972 ns of bytes become 2,621.
  const Network network = Network::of_cluster(round_cluster(4), parallel(8, 2));
  const Route route = network.route(Rank{0}, Rank{1});
  CHECK(route.transfer(whole.forward_transfer) == Time(4'000 + 20'972));
  CHECK(route.transfer(parts.forward_transfer, parts.forward_gather) == Time(4'000 + 2'621 + 9'294));
}

TEST_CASE("a group over two nodes gathers over their NICs, one GPU nothing") {
  // 15/16 x 2621.44 ns + 15 x 4 us.
  CHECK(stage_with(scattered(16, 2)).forward_gather == Time(62'458));
  const StageCosts one = stage_with(scattered(1, 2));
  CHECK(one.forward_gather == Time(0));
  CHECK(one.forward_transfer == Bytes(1'048'576));
}

TEST_CASE("sequence parallelism sends as little and gathers inside the next stage") {
  Parallelism p = parallel(8, 2);
  p.sequence_parallel = true;
  CHECK(stage_with(p).forward_transfer == Bytes(131'072));
  CHECK(stage_with(p).forward_gather == Time(0));
}

TEST_CASE("a token's boundary is scattered too") {
  // 1024 x 2 bytes; 7/8 x 5.12 ns + 7 us.
  const StageCosts stage = inference(round_cluster(4), small_gpt(), scattered(8, 2), 2).stages.at(0);
  CHECK(stage.decode_transfer == Bytes(256));
  CHECK(stage.decode_gather == Time(7'004));
  CHECK(stage.forward_gather == Time(9'294));
  CHECK(inference(round_cluster(4), small_gpt(), parallel(8, 2), 2).stages[0].decode_transfer == Bytes(2048));
}

TEST_CASE("layers given by their costs have boundaries of their own sizes") {
  LayerCosts model;
  model.layers = {{Flops(1e12), Flops(2e12), Bytes(1'000), Bytes(8'000'000), 0},
                  {Flops(1e12), Flops(2e12), Bytes(1'000), Bytes(16'000'000), 0}};
  const std::vector<StageCosts> stages = training(round_cluster(4), model, scattered(8, 2)).stages;
  // 8 MB behind the first layer, both ways: 1 MB each; 7/8 x 20 us + 7 us.
  CHECK(stages[0].forward_transfer == Bytes(1'000'000));
  CHECK(stages[0].forward_gather == Time(24'500));
  CHECK(stages[1].backward_transfer == Bytes(1'000'000));
  CHECK(stages[1].backward_gather == Time(24'500));
}

TEST_CASE("a slice of a sequence gathers its share") {
  const Workload workload = make_workload(ModelInput{round_cluster(4), small_gpt()}, scattered(8, 2),
                                          {.ranks = 2, .stages = 2, .slices = 4});
  CHECK(workload.stages[0].forward_gather == Time((9'294 + 2) / 4));
  CHECK(workload.stages[0].forward_transfer == Bytes(131'072 / 4));
}

}  // namespace
}  // namespace ppsim::scatter_gather_test
