// What mode compute computes: products of single-precision matrices.
#pragma once

#include <cstddef>

namespace ppsim {

/// False in a build without a BLAS, which then has no multiply() to call.
[[nodiscard]] bool has_blas();

/// From now on products run on the calling thread alone: the other cores are other ranks'.
void use_one_thread();

/// c = a b, where a and c have `rows` rows, b as many as all have columns, `width`. Row by row.
void multiply(std::size_t rows, std::size_t width, const float* a, const float* b, float* c);

}  // namespace ppsim
