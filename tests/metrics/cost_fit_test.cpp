#include "metrics/cost_fit.hpp"

#include <doctest/doctest.h>

namespace ppsim::cost_fit_test {
namespace {

using doctest::Approx;

// One of each kind and duration by the config, which takes `measured` of it.
template <class Measured>
StepSamples step_of(std::initializer_list<CostKind> kinds, std::initializer_list<std::int64_t> modelled,
                    Measured measured, std::int64_t gap = 0) {
  StepSamples step;
  for (const CostKind kind : kinds) {
    std::uint16_t stage = 0;
    for (const std::int64_t one : modelled) {
      const Time span(static_cast<std::int64_t>(measured(kind, static_cast<double>(one))) - gap);
      step.ops.push_back({kind, 4, static_cast<Stage>(stage++), Time(one), span, Time(gap)});
    }
  }
  return step;
}

CostFit fit_of(const StepSamples& step) {
  const std::vector<const StepSamples*> steps(7, &step);
  return fit_costs(steps);
}

TEST_CASE("overhead and factors are told apart where durations differ") {
  // 500 + 1.2 F, 500 + 0.9 B.
  const CostFit fit = fit_of(
      step_of({CostKind::Forward, CostKind::Backward}, {10'000, 20'000, 40'000},
              [](CostKind kind, double x) { return 500 + (kind == CostKind::Forward ? 1.2 : 0.9) * x; }));
  CHECK(fit.overhead_by_line);
  CHECK(fit.overhead == Time(500));
  CHECK(fit.of(CostKind::Forward).factor == Approx(1.2));
  CHECK(fit.of(CostKind::Backward).factor == Approx(0.9));
  CHECK(*fit.of(CostKind::Forward).intercept == Approx(500));
  CHECK(fit.of(CostKind::Forward).samples == 21);
  CHECK(fit.of(CostKind::Forward).points == 3);
  CHECK(fit.of(CostKind::Forward).line_residual == Approx(0));
  // A cell that was measured, one on the line, and a kind that was not measured: by the median factor, 1.05.
  CHECK(fit.predict({CostKind::Forward, 4, Stage{1}, Time(20'000)}) == Time(24'500));
  CHECK(fit.predict({CostKind::Backward, 8, Stage{7}, Time(30'000)}) == Time(27'500));
  CHECK(fit.predict({CostKind::WeightGrad, 4, Stage{0}, Time(10'000)}) == Time(11'000));
}

TEST_CASE("where durations are all alike the overhead is the gap in front of an op") {
  const CostFit fit = fit_of(step_of(
      {CostKind::Forward}, {10'000, 10'000}, [](CostKind, double x) { return 2 * x; },
      /*gap=*/30));
  CHECK_FALSE(fit.overhead_by_line);
  CHECK(fit.overhead == Time(30));
  CHECK(fit.of(CostKind::Forward).factor == Approx((20'000.0 - 30) / 10'000));
  CHECK_FALSE(fit.of(CostKind::Forward).intercept.has_value());
  CHECK(fit.predict({CostKind::Forward, 4, Stage{0}, Time(10'000)}) == Time(20'000));
}

TEST_CASE("what runs once a step has no overhead") {
  const CostFit fit =
      fit_of(step_of({CostKind::Forward, CostKind::OptimizerStep}, {1'000, 4'000},
                     [](CostKind kind, double x) { return kind == CostKind::Forward ? 100 + x : 3 * x; }));
  CHECK(fit.overhead == Time(100));
  CHECK(fit.predict({CostKind::OptimizerStep, 9, Stage{0}, Time(2'000)}) == Time(6'000));
}

TEST_CASE("an overhead is never below zero, nor more than an op takes") {
  const auto negative = [](CostKind, double x) { return 2 * x - 900; };
  CHECK(fit_of(step_of({CostKind::Forward}, {1'000, 4'000}, negative)).overhead == Time(0));
  const auto falling = [](CostKind, double x) { return 5'000 - x; };
  const CostFit fit = fit_of(step_of({CostKind::Forward}, {1'000, 4'000}, falling));
  CHECK(fit.overhead == Time(1'000));
  CHECK(fit.of(CostKind::Forward).factor >= 0);
}

TEST_CASE("wild samples of a cell move neither its median nor the line") {
  StepSamples good = step_of({CostKind::Forward}, {1'000, 2'000}, [](CostKind, double x) { return 100 + x; });
  StepSamples wild = good;
  for (OpSample& op : wild.ops) op.span *= 50;
  const CostFit fit = fit_costs(std::vector<const StepSamples*>{&good, &wild, &good, &wild, &good});
  CHECK(fit.overhead == Time(100));
  CHECK(fit.predict({CostKind::Forward, 4, Stage{0}, Time(1'000)}) == Time(1'100));
  CHECK(fit.of(CostKind::Forward).residual_p50 == Approx(0));
  CHECK(fit.of(CostKind::Forward).residual_p95 == Approx(49));
}

}  // namespace
}  // namespace ppsim::cost_fit_test
