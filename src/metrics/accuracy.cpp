#include "metrics/accuracy.hpp"

#include <cmath>
#include <vector>

#include "metrics/nearest_rank.hpp"
#include "metrics/robust_fit.hpp"

namespace ppsim {

Accuracy accuracy_of(std::span<const double> errors) {
  if (errors.empty()) return {};
  Accuracy accuracy{.count = errors.size()};
  std::vector<double> sizes;
  for (const double error : errors) {
    accuracy.bias += error;
    accuracy.mean_absolute += std::abs(error);
    sizes.push_back(std::abs(error));
  }
  const auto count = static_cast<double>(errors.size());
  accuracy.bias /= count;
  accuracy.mean_absolute /= count;
  accuracy.p50 = nearest_rank(sizes, 50);
  accuracy.p95 = nearest_rank(sizes, 95);
  accuracy.largest = nearest_rank(sizes, 100);
  return accuracy;
}

void MemoryVerdicts::add(bool fits, bool ran) {
  ++(fits ? (ran ? fits_and_ran : fits_but_failed) : (ran ? too_large_but_ran : too_large_and_failed));
}

std::size_t MemoryVerdicts::count() const {
  return fits_and_ran + fits_but_failed + too_large_but_ran + too_large_and_failed;
}

}  // namespace ppsim
