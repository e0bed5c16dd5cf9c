#include "ppsim/model/layers/training.hpp"

namespace ppsim {

std::string_view name(KernelKind kind) {
  constexpr std::array<std::string_view, kKernelKinds> kNames = {
      "norm", "softmax", "dropout", "rotary", "activation", "residual", "routing", "loss", "quantize"};
  return kNames.at(static_cast<std::size_t>(kind));
}

}  // namespace ppsim
