// Writing the action grammar of PyTorch's torch.distributed.pipelining (its schedules' CSV files).
#include "ppsim/schedule/text/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "schedule/program_actions.hpp"

namespace ppsim {
namespace {

// How a file names a micro-batch: "d" or "u" in two directions, and the number within the direction.
struct LocalName {
  std::string_view prefix;
  std::size_t number;
};

LocalName local_name(const Schedule& schedule, MicroBatch micro_batch) {
  if (schedule.placement.directions() == 1) return {"", index(micro_batch)};
  const auto& directions = schedule.directions;  // all 0s, then all 1s
  const auto up = std::lower_bound(directions.begin(), directions.end(), std::uint8_t{1});
  if (schedule.direction(micro_batch) == 0) return {"d", index(micro_batch)};
  return {"u", index(micro_batch) - static_cast<std::size_t>(up - directions.begin())};
}

// The cells of one row.
class Row {
 public:
  Row(const Schedule& schedule, std::string& out) : schedule_(schedule), out_(out) {}

  void add(std::string_view cell) {
    if (!std::exchange(first_, false)) out_ += ',';
    out_ += cell;
  }

  void add(std::span<const Op> ops) {
    if (ops.size() == 1) return add(to_text(schedule_, ops[0]));
    add(fmt::format("({};{})OVERLAP_F_B", to_text(schedule_, ops[0]), to_text(schedule_, ops[1])));
  }

 private:
  const Schedule& schedule_;
  std::string& out_;
  bool first_ = true;
};

std::string write(const Schedule& schedule, bool with_communication) {
  std::string out;
  for (std::uint32_t rank = 0; rank < schedule.ranks(); ++rank) {
    Row row(schedule, out);
    for_each_action(
        schedule, Rank{rank},
        [&](const CommAction& action) {
          if (with_communication) row.add(to_text(schedule, action));
        },
        [&](std::span<const Op> ops) { row.add(ops); });
    out += '\n';
  }
  return out;
}

}  // namespace

std::string to_text(const Schedule& schedule, Op op) {
  const LocalName micro_batch = local_name(schedule, op.micro_batch);
  return fmt::format("{}{}{}{}", micro_batch.prefix, index(op.stage), name(op.kind), micro_batch.number);
}

std::string to_text(const Schedule& schedule, const CommAction& action) {
  const LocalName micro_batch = local_name(schedule, action.micro_batch);
  std::string text = fmt::format("{}{}{}", micro_batch.prefix, index(action.stage), name(action.kind));
  if (is_send_or_receive(action.kind)) text += std::to_string(micro_batch.number);
  return text;
}

std::string to_csv(const Schedule& schedule) {
  return write(schedule, false);
}

std::string to_comms_csv(const Schedule& schedule) {
  return write(schedule, true);
}

}  // namespace ppsim
