#include "ppsim/core/op.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string_view>

#include "ppsim/core/version.hpp"

namespace ppsim::op_test {
namespace {

constexpr OpKind kKinds[] = {OpKind::Forward,         OpKind::Backward,     OpKind::InputGrad,
                             OpKind::WeightGrad,      OpKind::Recompute,    OpKind::GradientReduction,
                             OpKind::ParameterGather, OpKind::OptimizerStep};

static_assert(index(Rank{7}) == 7 && index(Stage{65535}) == 65535 && index(Chunk{1}) == 1 &&
              index(MicroBatch{9}) == 9);
static_assert(index(Stage{kMaxStages}) == kMaxStages, "a Stage names every stage that is allowed");

TEST_CASE("every kind of op has a name of its own") {
  std::set<std::string_view> names;
  for (const OpKind kind : kKinds) names.insert(name(kind));
  CHECK(names.size() == std::size(kKinds));
  CHECK(names.count("?") == 0);
}

TEST_CASE("forward, backward, its halves and recomputation are busy time; what runs once a step is not") {
  for (const OpKind kind : kKinds) {
    const bool once_a_step =
        kind == OpKind::GradientReduction || kind == OpKind::ParameterGather || kind == OpKind::OptimizerStep;
    CHECK(is_compute(kind) != once_a_step);
  }
}

TEST_CASE("a backward needs the next stage's gradient, whole or its input half; the weight half does not") {
  for (const OpKind kind : kKinds)
    CHECK(needs_gradient(kind) == (kind == OpKind::Backward || kind == OpKind::InputGrad));
}

TEST_CASE("ops are equal where kind, pairing, stage and micro-batch are") {
  const Op op{OpKind::Forward, false, Stage{1}, MicroBatch{2}};
  CHECK(op == Op{OpKind::Forward, false, Stage{1}, MicroBatch{2}});
  CHECK_FALSE(op == Op{OpKind::Backward, false, Stage{1}, MicroBatch{2}});
  CHECK_FALSE(op == Op{OpKind::Forward, true, Stage{1}, MicroBatch{2}});
  CHECK_FALSE(op == Op{OpKind::Forward, false, Stage{2}, MicroBatch{2}});
  CHECK_FALSE(op == Op{OpKind::Forward, false, Stage{1}, MicroBatch{3}});
}

TEST_CASE("the version is three numbers") {
  int numbers = 1;
  for (const char c : version()) {
    CHECK((c == '.' || (c >= '0' && c <= '9')));
    numbers += c == '.' ? 1 : 0;
  }
  CHECK(numbers == 3);
}

}  // namespace
}  // namespace ppsim::op_test
