/// How far predictions are from what was measured.
#pragma once

#include <cstddef>
#include <span>

namespace ppsim {

/// Of relative errors, predicted / measured - 1. All 0 where there is none.
struct Accuracy {
  std::size_t count = 0;
  double mean_absolute = 0;  ///< MAPE, as a share
  double bias = 0;           ///< mean: above 0 where predictions are too slow
  double p50 = 0;            ///< of absolute errors, by nearest rank
  double p95 = 0;
  double largest = 0;
};

[[nodiscard]] Accuracy accuracy_of(std::span<const double> errors);

/// Rows that ran and rows that were out of memory, by what was predicted.
struct MemoryVerdicts {
  std::size_t fits_and_ran = 0;
  std::size_t fits_but_failed = 0;
  std::size_t too_large_but_ran = 0;
  std::size_t too_large_and_failed = 0;

  void add(bool fits, bool ran);
  [[nodiscard]] std::size_t count() const;
  [[nodiscard]] std::size_t right() const { return fits_and_ran + too_large_and_failed; }
};

}  // namespace ppsim
