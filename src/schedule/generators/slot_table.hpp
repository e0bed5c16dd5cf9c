// A rank's ops by time slot, for schedules that give each op a slot and run in the order of the slots.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "ppsim/core/error.hpp"
#include "ppsim/schedule/schedule.hpp"

namespace ppsim {

class SlotTable {
 public:
  explicit SlotTable(std::size_t slots) : ops_(slots) {}

  void put(std::size_t slot, OpKind kind, std::size_t stage, std::size_t micro_batch) {
    PPSIM_ASSERT(!ops_.at(slot), "two ops of a rank in one slot");
    ops_[slot] = Op{kind, false, static_cast<Stage>(stage), static_cast<MicroBatch>(micro_batch)};
  }

  /// Hands the ops out in the order of their slots, and leaves the table empty.
  void write_rank(ScheduleWriter& out) {
    for (std::optional<Op>& op : ops_) {
      if (op) out.push(*op);
      op.reset();
    }
    out.next_rank();
  }

 private:
  std::vector<std::optional<Op>> ops_;
};

}  // namespace ppsim
