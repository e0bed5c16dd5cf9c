#include "ppsim/schedule/schedule.hpp"

#include <fmt/format.h>

#include <utility>

#include "ppsim/core/error.hpp"

namespace ppsim {

std::span<const Op> Schedule::program(Rank rank) const {
  const std::uint32_t begin = rank_begin[index(rank)];
  return std::span(ops).subspan(begin, rank_begin[index(rank) + 1] - begin);
}

std::span<const CommAction> Schedule::communication_of(Rank rank) const {
  if (communication_begin.empty()) return {};
  const std::uint32_t begin = communication_begin[index(rank)], end = communication_begin[index(rank) + 1];
  return std::span(communication).subspan(begin, end - begin);
}

ScheduleWriter::ScheduleWriter(std::string name, Placement placement, std::uint32_t micro_batches,
                               std::size_t ops) {
  schedule_.name = std::move(name);
  schedule_.placement = std::move(placement);
  schedule_.micro_batches = micro_batches;
  schedule_.ops.reserve(ops);
  schedule_.rank_begin.reserve(schedule_.ranks() + std::size_t{1});
  schedule_.rank_begin.push_back(0);
}

void ScheduleWriter::next_rank() {
  schedule_.rank_begin.push_back(static_cast<std::uint32_t>(schedule_.ops.size()));
}

Schedule ScheduleWriter::take() && {
  PPSIM_ASSERT(schedule_.rank_begin.size() == schedule_.ranks() + std::size_t{1},
               fmt::format("{} of {} ranks written", schedule_.rank_begin.size() - 1, schedule_.ranks()));
  return std::move(schedule_);
}

}  // namespace ppsim
