// Eigenvalues of small symmetric matrices.
#pragma once

#include <vector>

namespace ppsim {

using SquareMatrix = std::vector<std::vector<double>>;

struct SymmetricEigen {
  std::vector<double> values;  ///< in no order
  SquareMatrix vectors;        ///< [row][which], orthonormal
};

/// Jacobi's method by rows (Golub and Van Loan, Matrix Computations, 8.5): rotations until what is off the
/// diagonal is lost beside it. O(n^3) a sweep, fewer than ten sweeps.
[[nodiscard]] SymmetricEigen symmetric_eigen(SquareMatrix matrix);

}  // namespace ppsim
