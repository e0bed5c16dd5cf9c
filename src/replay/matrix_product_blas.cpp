#include <cblas.h>

#include "replay/matrix_product.hpp"

namespace ppsim {

bool has_blas() {
  return true;
}

void use_one_thread() {
  openblas_set_num_threads(1);
}

void multiply(std::size_t rows, std::size_t columns, std::size_t inner, const float* a, const float* b,
              float* c) {
  const auto m = static_cast<int>(rows), n = static_cast<int>(columns), k = static_cast<int>(inner);
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, m, n, k, 1, a, k, b, n, 0, c, n);
}

}  // namespace ppsim
