#include "explore/fit/symmetric_eigen.hpp"

#include <cmath>
#include <cstddef>

namespace ppsim {
namespace {

constexpr int kMostSweeps = 50;

struct Rotation {
  std::size_t p, q;
  double cosine, sine;
};

// The one that makes [p][q] zero.
Rotation rotation_for(const SquareMatrix& matrix, std::size_t p, std::size_t q) {
  const double tau = (matrix[q][q] - matrix[p][p]) / (2 * matrix[p][q]);
  const double tangent = (tau >= 0 ? 1 : -1) / (std::abs(tau) + std::hypot(1.0, tau));
  const double cosine = 1 / std::hypot(1.0, tangent);
  return {p, q, cosine, tangent * cosine};
}

void rotate(double& a, double& b, const Rotation& by) {
  const double old = a;
  a = by.cosine * old - by.sine * b;
  b = by.sine * old + by.cosine * b;
}

void rotate_columns(SquareMatrix& matrix, const Rotation& by) {
  for (std::vector<double>& row : matrix) rotate(row[by.p], row[by.q], by);
}

void rotate_rows(SquareMatrix& matrix, const Rotation& by) {
  for (std::size_t i = 0; i < matrix.size(); ++i) rotate(matrix[by.p][i], matrix[by.q][i], by);
}

// Adding it to either does not change a digit.
bool is_lost(double part, double a, double b) {
  return std::abs(part) <= 1e-17 * std::sqrt(std::abs(a * b));
}

bool sweep(SquareMatrix& matrix, SquareMatrix& vectors) {
  bool changed = false;
  for (std::size_t p = 0; p < matrix.size(); ++p) {
    for (std::size_t q = p + 1; q < matrix.size(); ++q) {
      if (is_lost(matrix[p][q], matrix[p][p], matrix[q][q])) continue;
      const Rotation by = rotation_for(matrix, p, q);
      rotate_columns(matrix, by);
      rotate_rows(matrix, by);
      matrix[p][q] = matrix[q][p] = 0;
      rotate_columns(vectors, by);
      changed = true;
    }
  }
  return changed;
}

}  // namespace

SymmetricEigen symmetric_eigen(SquareMatrix matrix) {
  SymmetricEigen result;
  result.vectors.assign(matrix.size(), std::vector<double>(matrix.size()));
  for (std::size_t i = 0; i < matrix.size(); ++i) result.vectors[i][i] = 1;
  for (int i = 0; i < kMostSweeps && sweep(matrix, result.vectors); ++i) {
  }
  for (std::size_t i = 0; i < matrix.size(); ++i) result.values.push_back(matrix[i][i]);
  return result;
}

}  // namespace ppsim
