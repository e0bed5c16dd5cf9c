// What mode compute computes: products of single-precision matrices.
#pragma once

#include <cstddef>

namespace ppsim {

/// False in a build without a BLAS, which then has no multiply() to call.
[[nodiscard]] bool has_blas();

/// From now on products run on the calling thread alone: the other cores are other ranks'.
void use_one_thread();

/// c = a b, where a is rows x inner, b inner x columns. Row by row.
void multiply(std::size_t rows, std::size_t columns, std::size_t inner, const float* a, const float* b,
              float* c);

}  // namespace ppsim
