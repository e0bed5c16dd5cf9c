#include "engine/link_model.hpp"

namespace ppsim {

std::optional<TransferTimes> LinkModel::admit(const TransferClass& transfer, EdgeId, Time transmission,
                                              Time now) {
  return TransferTimes::of(transfer, transmission, now);
}

}  // namespace ppsim
