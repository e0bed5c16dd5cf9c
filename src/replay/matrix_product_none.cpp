// Where the build found no BLAS.
#include <stdexcept>

#include "replay/matrix_product.hpp"

namespace ppsim {

bool has_blas() {
  return false;
}

void use_one_thread() {}

void multiply(std::size_t, std::size_t, std::size_t, const float*, const float*, float*) {
  throw std::logic_error("a matrix product in a build without a BLAS");
}

}  // namespace ppsim
