#include "ppsim/model/layers/stage_layout.hpp"

#include <doctest/doctest.h>

#include <string>

#include "support.hpp"

namespace ppsim::stage_layout_test {
namespace {

TEST_CASE("80 layers on 4 stages are 20 each") {
  CHECK(make_even_layout(80, 4).stages == std::vector<LayerRange>{{0, 20}, {20, 20}, {40, 20}, {60, 20}});
}

TEST_CASE("where the stages do not divide the layers the first ones hold one more") {
  CHECK(make_even_layout(10, 4).stages == std::vector<LayerRange>{{0, 3}, {3, 3}, {6, 2}, {8, 2}});
}

TEST_CASE("an even layout holds every layer once, for every size") {
  for (std::uint32_t layers = 1; layers <= 24; ++layers) {
    for (std::uint32_t stages = 1; stages <= layers; ++stages) {
      std::uint32_t next = 0;
      for (const LayerRange range : make_even_layout(layers, stages).stages) {
        CHECK(range.first == next);
        next += range.count;
      }
      CHECK(next == layers);
    }
  }
}

TEST_CASE("where embedding and head count as a layer each the ends hold one layer less") {
  // 22 layers and two ends are 24: six on each of four stages.
  CHECK(make_balanced_layout(22, 4).stages == std::vector<LayerRange>{{0, 5}, {5, 6}, {11, 6}, {17, 5}});
  // 9 and two are 11: 3 + 3 + 3 + 2, of which the ends are not layers.
  CHECK(make_balanced_layout(9, 4).stages == std::vector<LayerRange>{{0, 2}, {2, 3}, {5, 3}, {8, 1}});
  CHECK(make_balanced_layout(7, 1).stages == std::vector<LayerRange>{{0, 7}});
}

TEST_CASE("a balanced layout holds every layer once, and only an end may be without") {
  for (std::uint32_t layers = 1; layers <= 24; ++layers) {
    for (std::uint32_t stages = 1; stages <= layers + 2; ++stages) {
      const std::vector<LayerRange> layout = make_balanced_layout(layers, stages).stages;
      std::uint32_t next = 0;
      for (std::size_t stage = 0; stage < layout.size(); ++stage) {
        CHECK(layout[stage].first == next);
        CHECK((layout[stage].count > 0 || stage == 0 || stage + 1 == layout.size()));
        next += layout[stage].count;
      }
      CHECK(next == layers);
    }
  }
  CHECK(make_balanced_layout(2, 4).stages == std::vector<LayerRange>{{0, 0}, {0, 1}, {1, 1}, {2, 0}});
  CHECK(where_of([] { return make_balanced_layout(2, 5); }) == "/parallelism/pipeline");
}

TEST_CASE("an explicit layout holds what it says") {
  CHECK(make_layout(10, 3, std::vector<std::uint32_t>{1, 7, 2}).stages ==
        std::vector<LayerRange>{{0, 1}, {1, 7}, {8, 2}});
}

TEST_CASE("a stage may be without layers") {
  CHECK(make_layout(4, 4, std::vector<std::uint32_t>{0, 3, 1, 0}).stages ==
        std::vector<LayerRange>{{0, 0}, {0, 3}, {3, 1}, {4, 0}});
  CHECK(make_layout(1, 3, std::vector<std::uint32_t>{0, 1, 0}).stages ==
        std::vector<LayerRange>{{0, 0}, {0, 1}, {1, 0}});
}

TEST_CASE("a layout that does not fit the model is an error at its key") {
  const auto explicit_layout = [](std::vector<std::uint32_t> counts) {
    return where_of([&] { return make_layout(10, 3, counts); });
  };
  CHECK(explicit_layout({3, 3, 4}) == "no error");
  CHECK(explicit_layout({5, 5}) == "/parallelism/layers_per_stage");
  CHECK(explicit_layout({3, 3, 3}) == "/parallelism/layers_per_stage");
  CHECK(explicit_layout({5, 5, 5}) == "/parallelism/layers_per_stage");
  CHECK(explicit_layout({4294967295U, 10, 1}) == "/parallelism/layers_per_stage");  // no wrap to 10
  CHECK(where_of([] { return make_even_layout(3, 4); }) == "/parallelism/pipeline");
  CHECK(where_of([] { return make_even_layout(100'000, 65'536); }) == "/parallelism/pipeline");
  CHECK(make_even_layout(65'535, 65'535).stages.size() == kMaxStages);
}

}  // namespace
}  // namespace ppsim::stage_layout_test
