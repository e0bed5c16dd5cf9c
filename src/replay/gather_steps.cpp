#include "replay/gather_steps.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "ppsim/core/error.hpp"
#include "replay/rank_program.hpp"

namespace ppsim {
namespace {

static_assert(sizeof(Time) == sizeof(std::int64_t), "times travel as they are");

void append(Blob& blob, std::span<const Time> times) {
  const auto bytes = std::as_bytes(times);
  blob.insert(blob.end(), bytes.begin(), bytes.end());
}

Blob pack(const std::vector<StepTimes>& steps) {
  Blob blob;
  for (const StepTimes& step : steps) {
    for (const auto* column : {&step.start, &step.finish, &step.departure, &step.arrival})
      append(blob, *column);
  }
  return blob;
}

// Reads times one after the other, on rank 0's clock.
class Reader {
 public:
  Reader(std::span<const std::byte> blob, const RankClock& clock) : blob_(blob), clock_(clock) {}

  Time next() {
    PPSIM_ASSERT(blob_.size() >= sizeof(Time), "a rank's times are too few");
    std::int64_t count = 0;
    std::memcpy(&count, blob_.data(), sizeof count);
    blob_ = blob_.subspan(sizeof count);
    return clock_.on_first(Time(count));
  }
  [[nodiscard]] bool at_end() const { return blob_.empty(); }

 private:
  std::span<const std::byte> blob_;
  const RankClock& clock_;
};

void read_step(Timeline& timeline, const RankProgram& program, Reader& reader) {
  for (std::uint32_t v = 0; v < program.vertex_count(); ++v)
    timeline.start[program.first + v] = reader.next();
  for (std::uint32_t v = 0; v < program.vertex_count(); ++v)
    timeline.finish[program.first + v] = reader.next();
  for (const Message& send : program.sends) timeline.transfer_start[send.edge] = reader.next();
  for (const Message& receive : program.receives) timeline.transfer_finish[receive.edge] = reader.next();
}

Timeline empty_timeline(const OpGraph& graph) {
  const std::size_t vertices = graph.vertex_count(), edges = graph.edge_count();
  return {std::vector<Time>(vertices), std::vector<Time>(vertices), std::vector<Time>(edges),
          std::vector<Time>(edges)};
}

void count_from_first_start(const OpGraph& graph, Timeline& timeline) {
  if (timeline.start.empty()) return;
  const Time first = *std::min_element(timeline.start.begin(), timeline.start.end());
  for (Time& time : timeline.start) time -= first;
  for (Time& time : timeline.finish) time -= first;
  for (EdgeId edge = 0; edge < graph.edge_count(); ++edge) {
    if (graph.transfer(edge) == nullptr) continue;
    Time& start = timeline.transfer_start[edge];
    Time& finish = timeline.transfer_finish[edge];
    start -= first;
    finish = std::max(start, finish - first);
  }
}

}  // namespace

std::vector<Timeline> gather_steps(const OpGraph& graph, Group& group, const std::vector<StepTimes>& steps,
                                   const std::vector<RankClock>& clocks) {
  const std::vector<Blob> blobs = group.gather(pack(steps));
  if (!group.is_first()) return {};
  const std::size_t processes = blobs.size() / graph.rank_count();
  std::vector<Timeline> timelines(steps.size(), empty_timeline(graph));
  for (std::uint32_t rank = 0; rank < graph.rank_count(); ++rank) {
    const RankProgram program = make_rank_program(graph, Rank{rank});
    Reader reader(blobs[rank * processes], clocks[rank * processes]);
    for (Timeline& timeline : timelines) read_step(timeline, program, reader);
    PPSIM_ASSERT(reader.at_end(), "a rank's times are too many");
  }
  for (Timeline& timeline : timelines) count_from_first_start(graph, timeline);
  return timelines;
}

}  // namespace ppsim
