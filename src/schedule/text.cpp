// Writing the action grammar of PyTorch's torch.distributed.pipelining (its schedules' CSV files).
#include "ppsim/schedule/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace ppsim {

std::string to_text(const Schedule& schedule, Op op) {
  std::size_t micro_batch = index(op.micro_batch);
  std::string_view prefix;
  if (schedule.placement.directions() > 1) {
    const auto& directions = schedule.directions;  // all 0s, then all 1s
    const auto up = std::lower_bound(directions.begin(), directions.end(), std::uint8_t{1});
    const bool is_up = schedule.direction(op.micro_batch) == 1;
    if (is_up) micro_batch -= static_cast<std::size_t>(up - directions.begin());
    prefix = is_up ? "u" : "d";
  }
  return fmt::format("{}{}{}{}", prefix, index(op.stage), name(op.kind), micro_batch);
}

std::string to_csv(const Schedule& schedule) {
  std::string out;
  for (std::uint32_t rank = 0; rank < schedule.ranks(); ++rank) {
    const auto program = schedule.program(Rank{rank});
    for (std::size_t step = 0; step < program.size(); ++step) {
      if (step > 0) out += ',';
      if (!program[step].overlaps_next ||
          step + 1 == program.size()) {  // a pair cut off is check_order's fault
        out += to_text(schedule, program[step]);
        continue;
      }
      const std::string first = to_text(schedule, program[step]);
      out += fmt::format("({};{})OVERLAP_F_B", first, to_text(schedule, program[++step]));
    }
    out += '\n';
  }
  return out;
}

}  // namespace ppsim
