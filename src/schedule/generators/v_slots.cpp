#include "schedule/generators/v_slots.hpp"

#include <algorithm>

#include "ppsim/core/error.hpp"

namespace ppsim {
namespace {

bool is_phase(VCell cell) {
  return cell < VCell::WeightGrad;
}

bool is_forward_slot(VCell cell) {
  return cell == VCell::ForwardDown || cell == VCell::ForwardBack;
}

// What a rank holds behind a slot.
struct Held {
  std::int32_t live = 0;     // activations
  std::int32_t pending = 0;  // W that wait for an empty slot

  friend bool operator==(const Held&, const Held&) = default;
};

// Where W are not in the row, an empty slot stands for one that waits.
Held after(Held held, VCell cell, bool with_w) {
  switch (cell) {
    case VCell::ForwardDown:
    case VCell::ForwardBack:
      ++held.live;
      break;
    case VCell::InputGradBack:
    case VCell::InputGradDown:
      if (!with_w) ++held.pending;
      break;
    case VCell::WeightGrad:
      --held.live;
      break;
    case VCell::Empty:
      if (held.pending > 0) --held.pending, --held.live;
      break;
  }
  return held;
}

// W into empty slots, as early as there are any.
void put_weight_grads(VRow& row) {
  std::size_t pending = 0;
  for (VCell& cell : row) {
    if (cell == VCell::InputGradBack || cell == VCell::InputGradDown) ++pending;
    if (cell != VCell::Empty || pending == 0) continue;
    cell = VCell::WeightGrad;
    --pending;
  }
  row.insert(row.end(), pending, VCell::WeightGrad);
}

// The steps of one compaction share what is known of the rows.
class Compaction {
 public:
  Compaction(std::vector<VRow> rows, std::uint32_t micro_batches, bool with_w)
      : rows_(std::move(rows)), M_(micro_batches), with_w_(with_w), lanes_(rows_.size()) {
    for (std::size_t r = 0; r < rows_.size(); ++r) {
      if (with_w_) put_weight_grads(rows_[r]);
      most_slots_ = std::max(most_slots_, rows_[r].size());
      lanes_[r].held.resize(rows_[r].size() + 1);
      for (std::vector<std::size_t>& slots : lanes_[r].slots) slots.reserve(M_);
      update_held(r, 0, rows_[r].size());
      for (const Held held : lanes_[r].held) cap_ = std::max(cap_, held.live);
    }
  }

  // Visits every op in the order of slots. Between the first gradient that is back at rank 0 and the last
  // micro-batch's entry lies the steady part, which stays; with W in their slots the warm-up moves, then,
  // without them, only the cool-down.
  void move_ops() {
    enum { WarmUp, Steady, CoolDown } zone = WarmUp;
    for (std::size_t slot = 0; slot < most_slots_; ++slot) {
      for (std::size_t r = 0; r < rows_.size(); ++r) {
        if (slot >= rows_[r].size() || rows_[r][slot] == VCell::Empty) continue;
        const VCell cell = rows_[r][slot];
        if (zone == WarmUp && cell == VCell::InputGradDown && r == 0) zone = Steady;
        const bool stays = zone == Steady || (zone == WarmUp && !with_w_);
        if (zone == Steady && cell == VCell::ForwardDown && lanes_[r].slots[0].size() + 1 == M_)
          zone = CoolDown;
        note(r, cell, stays ? slot : move(r, slot));
      }
    }
  }

  // Each op as early as its rank and its input allow; the order on a rank stays.
  [[nodiscard]] std::vector<VRow> squeezed() && {
    if (!with_w_) {
      for (VRow& row : rows_) put_weight_grads(row);
    }
    std::vector<VRow> result(rows_.size());
    std::size_t slots = 0;
    for (const VRow& row : rows_) slots = std::max(slots, row.size());
    for (Lane& lane : lanes_) lane = {};
    for (std::size_t slot = 0; slot < slots; ++slot) {
      for (std::size_t r = 0; r < rows_.size(); ++r) {
        if (slot < rows_[r].size() && rows_[r][slot] != VCell::Empty) append(result[r], r, rows_[r][slot]);
      }
    }
    return result;
  }

 private:
  struct Lane {
    std::array<std::vector<std::size_t>, 4> slots;  // [phase][micro-batch] of the ops that have been visited
    std::vector<std::size_t> input_grads;           // slots of the I among them, ascending
    std::size_t weight_grads = 0;                   // W among them
    std::vector<Held> held;                         // before each slot
  };

  // The first slot behind all that an op needs.
  [[nodiscard]] std::size_t first_slot(std::size_t r, VCell cell) const {
    const Lane& lane = lanes_[r];
    if (cell == VCell::WeightGrad) return lane.input_grads[lane.weight_grads] + 1;
    const auto phase = static_cast<std::size_t>(cell);
    const std::size_t micro_batch = lane.slots[phase].size();
    std::size_t first = micro_batch > 0 ? lane.slots[phase].back() + 1 : 0;
    if (phase > 0) first = std::max(first, lane.slots[phase - 1][micro_batch] + 1);
    if (const auto feeder = feeder_of(r, phase))
      first = std::max(first, lanes_[*feeder].slots[phase][micro_batch] + 1);
    return first;
  }

  // The rank from which a phase's input comes; none where the V turns or begins.
  [[nodiscard]] std::optional<std::size_t> feeder_of(std::size_t r, std::size_t phase) const {
    const bool down = phase % 2 == 0;
    if (r == (down ? 0 : rows_.size() - 1)) return std::nullopt;
    return down ? r - 1 : r + 1;
  }

  void note(std::size_t r, VCell cell, std::size_t slot) {
    Lane& lane = lanes_[r];
    if (cell == VCell::WeightGrad) {
      ++lane.weight_grads;
      return;
    }
    lane.slots[static_cast<std::size_t>(cell)].push_back(slot);
    if (cell != VCell::InputGradBack && cell != VCell::InputGradDown) return;
    auto& all = lane.input_grads;
    all.insert(std::upper_bound(all.begin(), all.end(), slot), slot);
  }

  // Moves an op to the earliest slot where it keeps the peak within the cap, and returns that.
  std::size_t move(std::size_t r, std::size_t from) {
    VRow& row = rows_[r];
    const VCell cell = row[from];
    const std::size_t first = first_slot(r, cell);
    const std::size_t to = with_w_ ? earliest_with_w(r, cell, first, from) : earliest(r, cell, first, from);
    if (to == from) return from;
    row[from] = VCell::Empty;
    row[to] = cell;
    if (with_w_) {
      const std::int32_t more = after({}, cell, with_w_).live;
      for (std::size_t slot = to + 1; slot <= from; ++slot) lanes_[r].held[slot].live += more;
    } else {
      update_held(r, to, from);
    }
    return to;
  }

  // Only an F raises the peak, and it does so everywhere between the slots.
  [[nodiscard]] std::size_t earliest_with_w(std::size_t r, VCell cell, std::size_t first,
                                            std::size_t from) const {
    const std::vector<Held>& held = lanes_[r].held;
    std::size_t to = first;
    if (is_forward_slot(cell)) {
      for (to = from; to > first && held[to].live < cap_;) --to;
    }
    while (to < from && rows_[r][to] != VCell::Empty) ++to;
    return to;
  }

  // An op that comes earlier also holds up the W behind it. A slot that raises the peak too far at some point
  // does so for every slot up to that point, because no W retires earlier for an op that comes later: so the
  // search goes on behind it.
  [[nodiscard]] std::size_t earliest(std::size_t r, VCell cell, std::size_t first, std::size_t from) const {
    const VRow& row = rows_[r];
    for (std::size_t to = first; to < from; ++to) {
      if (row[to] != VCell::Empty) continue;
      Held held = after(lanes_[r].held[to], cell, with_w_);
      std::size_t at = to;
      while (held.live <= cap_ && at + 1 < from) held = after(held, row[++at], with_w_);
      if (held.live <= cap_) return to;
      to = at;
    }
    return from;
  }

  // Behind a change of the slots from `first` to `last`.
  void update_held(std::size_t r, std::size_t first, std::size_t last) {
    std::vector<Held>& held = lanes_[r].held;
    for (std::size_t slot = first; slot < rows_[r].size(); ++slot) {
      const Held now = after(held[slot], rows_[r][slot], with_w_);
      if (slot >= last && held[slot + 1] == now) return;
      held[slot + 1] = now;
    }
  }

  void append(VRow& row, std::size_t r, VCell cell) {
    if (is_phase(cell)) {
      const std::size_t slot = std::max(row.size(), first_slot(r, cell));
      row.resize(slot, VCell::Empty);
      lanes_[r].slots[static_cast<std::size_t>(cell)].push_back(slot);
    }
    row.push_back(is_phase(cell) ? cell : VCell::Empty);
  }

  std::vector<VRow> rows_;
  std::uint32_t M_;
  bool with_w_;
  std::vector<Lane> lanes_;
  std::size_t most_slots_ = 0;
  std::int32_t cap_ = 0;  // largest peak of a rank before any move
};

std::vector<VRow> compact_once(std::vector<VRow> rows, std::uint32_t micro_batches, bool with_w) {
  Compaction compaction(std::move(rows), micro_batches, with_w);
  compaction.move_ops();
  return std::move(compaction).squeezed();
}

}  // namespace

VRow repeat_block(const VOffsets& offsets, std::uint32_t micro_batches) {
  const std::uint32_t last = *std::max_element(offsets.begin(), offsets.end());
  VRow row(std::size_t{kVPeriod} * (micro_batches - 1) + last + 1, VCell::Empty);
  for (std::size_t phase = 0; phase < offsets.size(); ++phase) {
    for (std::size_t m = 0; m < micro_batches; ++m) {
      VCell& cell = row[offsets[phase] + kVPeriod * m];
      PPSIM_ASSERT(cell == VCell::Empty, "two ops of a rank in one slot");
      cell = static_cast<VCell>(phase);
    }
  }
  return row;
}

std::vector<VRow> compact(std::vector<VRow> rows, std::uint32_t micro_batches) {
  return compact_once(compact_once(std::move(rows), micro_batches, true), micro_batches, false);
}

}  // namespace ppsim
