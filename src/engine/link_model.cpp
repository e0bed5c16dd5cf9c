#include "engine/link_model.hpp"

namespace ppsim {

std::optional<TransferTimes> LinkModel::admit(const TransferClass& transfer, EdgeId, Time wire, Time now) {
  return TransferTimes::of(transfer, wire, now);
}

}  // namespace ppsim
