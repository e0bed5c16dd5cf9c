#include "ppsim/core/op.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string_view>

#include "ppsim/core/version.hpp"

namespace ppsim::op_test {
namespace {

constexpr auto kKinds = all_op_kinds();

static_assert(index(Rank{7}) == 7 && index(Stage{65535}) == 65535 && index(Chunk{1}) == 1 &&
              index(MicroBatch{9}) == 9);
static_assert(index(Stage{kMaxStages}) == kMaxStages, "a Stage names every stage that is allowed");

TEST_CASE("every kind of op has a name, a name for people and a key of its own") {
  for (const auto text : {&OpTraits::name, &OpTraits::long_name, &OpTraits::key}) {
    std::set<std::string_view> texts;
    for (const OpKind kind : kKinds) texts.insert(traits_of(kind).*text);
    CHECK(texts.size() == kOpKinds);
    CHECK(texts.count("") == 0);
  }
  CHECK(name(OpKind::Load) == "LOAD");  // the table has as many rows as there are kinds, in their order
}

TEST_CASE("forward, backward, its halves and recomputation are busy time; what runs once a step is not") {
  for (const OpKind kind : kKinds) {
    const bool once_a_step =
        kind == OpKind::GradientReduction || kind == OpKind::ParameterGather || kind == OpKind::OptimizerStep;
    const bool copy = kind == OpKind::Evict || kind == OpKind::Load;
    CHECK(is_compute(kind) == (!once_a_step && !copy));
    CHECK(is_copy(kind) == copy);
    CHECK(has_micro_batch(kind) == !once_a_step);
    CHECK(is_collective(kind) == (once_a_step && kind != OpKind::OptimizerStep));
  }
}

TEST_CASE("what F and R allocate is freed by a backward, or by its two halves together") {
  const KeptParts kept = traits_of(OpKind::Forward).allocates, again = traits_of(OpKind::Recompute).allocates;
  const KeptParts input = traits_of(OpKind::InputGrad).frees, weight = traits_of(OpKind::WeightGrad).frees;
  CHECK(traits_of(OpKind::Backward).frees ==
        KeptParts{kept.for_input_grad, kept.for_weight_grad, again.recomputed});
  CHECK((input.for_input_grad != weight.for_input_grad && input.for_weight_grad != weight.for_weight_grad &&
         input.recomputed != weight.recomputed));
  for (const OpKind kind : kKinds)
    CHECK(ends_backward(kind) == (kind == OpKind::Backward || kind == OpKind::WeightGrad));
}

TEST_CASE("what has a box in pictures has a colour of its own") {
  std::set<OpColor> colors;
  for (const OpKind kind : kKinds)
    if (!is_copy(kind)) colors.insert(traits_of(kind).color);
  CHECK(colors.size() == kOpKinds - 2);
  CHECK(colors.count(OpColor::None) == 0);
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
