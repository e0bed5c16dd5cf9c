#include "engine/link_model.hpp"

namespace ppsim {

std::optional<Passage> LinkModel::admit(const TransferClass& transfer, EdgeId, Time wire, Time now) {
  return Passage::of(transfer, wire, now);
}

}  // namespace ppsim
