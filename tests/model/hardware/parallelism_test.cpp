#include "ppsim/model/hardware/parallelism.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "model/presets.hpp"
#include "support.hpp"

namespace ppsim::parallelism_test {
namespace {

TEST_CASE("tensor is innermost, then data, pipeline outermost") {
  // T = 2, D = 2, P = 2 on 8 GPUs, as in the docstring of Megatron's parallel_state: tensor groups [0,1]
  // [2,3] [4,5] [6,7]; data-parallel replicas of rank 0 are [0,1] and [2,3]; rank 1 follows behind all of
  // rank 0.
  const Parallelism p = parallel(2, 2, 2);
  CHECK(tensor_group(p, Rank{0}, 0).first == 0);
  CHECK(tensor_group(p, Rank{0}, 1).first == 2);
  CHECK(tensor_group(p, Rank{1}, 0).first == 4);
  CHECK(tensor_group(p, Rank{1}, 1).first == 6);
  CHECK(tensor_group(p, Rank{1}, 1).count == 2);
}

TEST_CASE("tensor groups share no GPU and leave none out") {
  const Parallelism p = parallel(4, 3, 5);
  std::vector<int> users(4 * 3 * 5);
  for (std::uint32_t rank = 0; rank < 3; ++rank) {
    for (std::uint32_t replica = 0; replica < 5; ++replica) {
      const GpuRange group = tensor_group(p, Rank{rank}, replica);
      for (std::uint64_t gpu = group.first; gpu < group.first + group.count; ++gpu) ++users.at(gpu);
    }
  }
  CHECK(users == std::vector<int>(60, 1));
}

TEST_CASE("T x P x D may use all GPUs and not one more") {
  const Cluster cluster = round_cluster(4);
  CHECK(where_of([&] {
          check_fits(parallel(8, 4, 1), cluster);
          return 0;
        }) == "no error");
  CHECK(where_of([&] {
          check_fits(parallel(1, 33, 1), cluster);
          return 0;
        }) == "/parallelism");
  CHECK(where_of([&] {
          check_fits(parallel(8, 4, 2), cluster);
          return 0;
        }) == "/parallelism");
  // 2^32 x 2^32 would wrap to 0 in 64 bits.
  const std::uint32_t large = 1U << 31;
  CHECK(where_of([&] {
          check_fits(parallel(large, large, 4), cluster);
          return 0;
        }) == "/parallelism");
}

TEST_CASE("a tensor group divides a node or fills whole nodes") {
  const Cluster cluster = round_cluster(4);
  for (const std::uint32_t tensor : {1, 2, 4, 8, 16, 32})
    CHECK(where_of([&] {
            check_fits(parallel(tensor, 1), cluster);
            return 0;
          }) == "no error");
  for (const std::uint32_t tensor : {3, 6, 12, 20})
    CHECK(where_of([&] {
            check_fits(parallel(tensor, 1), cluster);
            return 0;
          }) == "/parallelism/tensor");
}

}  // namespace
}  // namespace ppsim::parallelism_test
