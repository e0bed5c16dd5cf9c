// Errors of predictions, from figures made by hand.
#include "metrics/accuracy.hpp"

#include <doctest/doctest.h>

#include <vector>

namespace ppsim::accuracy_test {
namespace {

TEST_CASE("of errors +10 %, -20 %, +30 % the MAPE is 20 %, the bias 6.7 % and the largest 30 %") {
  const Accuracy accuracy = accuracy_of(std::vector<double>{0.1, -0.2, 0.3});
  CHECK(accuracy.count == 3);
  CHECK(accuracy.mean_absolute == doctest::Approx(0.6 / 3));
  CHECK(accuracy.bias == doctest::Approx(0.2 / 3));
  CHECK(accuracy.largest == doctest::Approx(0.3));
  CHECK(accuracy.p50 == doctest::Approx(0.2));  // rank ceil(0.5 x 3) = 2 of 0.1, 0.2, 0.3
  CHECK(accuracy.p95 == doctest::Approx(0.3));
}

TEST_CASE("percentiles are by nearest rank: of 1 to 20 % the 95th is the 19th, the median the 10th") {
  std::vector<double> errors;
  for (int i = 20; i >= 1; --i) errors.push_back((i % 2 == 0 ? 0.01 : -0.01) * i);
  const Accuracy accuracy = accuracy_of(errors);
  CHECK(accuracy.p50 == doctest::Approx(0.10));
  CHECK(accuracy.p95 == doctest::Approx(0.19));
  CHECK(accuracy.largest == doctest::Approx(0.20));
  CHECK(accuracy.bias == doctest::Approx(0.01 * 10 / 20));  // (2 - 1) + (4 - 3) + ...
}

TEST_CASE("one error is all of them, with its sign in the bias alone") {
  const Accuracy accuracy = accuracy_of(std::vector<double>{-0.25});
  CHECK(accuracy.bias == -0.25);
  for (const double size : {accuracy.mean_absolute, accuracy.p50, accuracy.p95, accuracy.largest})
    CHECK(size == 0.25);
}

TEST_CASE("of no errors there is nothing to say") {
  const Accuracy accuracy = accuracy_of({});
  CHECK(accuracy.count == 0);
  CHECK(accuracy.mean_absolute == 0);
}

TEST_CASE("memory verdicts are right where what fits ran and what did not was out of memory") {
  MemoryVerdicts verdicts;
  verdicts.add(true, true);
  verdicts.add(true, true);
  verdicts.add(true, true);
  verdicts.add(false, true);
  verdicts.add(true, false);
  verdicts.add(true, false);
  verdicts.add(false, false);
  CHECK(verdicts.fits_and_ran == 3);
  CHECK(verdicts.too_large_but_ran == 1);
  CHECK(verdicts.fits_but_failed == 2);
  CHECK(verdicts.too_large_and_failed == 1);
  CHECK(verdicts.count() == 7);
  CHECK(verdicts.right() == 4);
}

}  // namespace
}  // namespace ppsim::accuracy_test
