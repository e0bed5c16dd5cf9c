// Computing that lasts as long as it should.
#pragma once

#include <cstdint>
#include <vector>

#include "ppsim/core/units.hpp"
#include "replay/group.hpp"

namespace ppsim {

/// An op is one product of a matrix of many rows (tokens, in a model) with a square one (weights), in pieces
/// of some rows, so that messages can be looked after in between. How many rows last how long is measured.
class MatrixWork {
 public:
  /// All ranks call it, and measure at the same time, since cores share caches and memory. Requires
  /// has_blas().
  explicit MatrixWork(Group& group);

  [[nodiscard]] std::uint64_t rows_that_last(Time duration) const;

  /// Computes a piece of them; returns the rows that are left.
  [[nodiscard]] std::uint64_t compute_some(std::uint64_t rows);

 private:
  std::vector<float> rows_, weights_, product_;
  double rows_per_ns_ = 0;
};

}  // namespace ppsim
