#include "ppsim/core/version.hpp"

namespace ppsim {

std::string_view version() {
  return PPSIM_VERSION;
}

}  // namespace ppsim
