// Activations (Korthikanti et al. 2022 for what they are) as the program allocates and frees them; DESIGN
// section 4.
#include "ppsim/metrics/memory.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "ppsim/core/error.hpp"

namespace ppsim {
namespace {

/// What an EVICT or LOAD does to a rank's memory.
struct CopyEvent {
  Time at{};
  Bytes bytes;  // taken; below zero where given back
  std::int32_t count = 0;
};

/// By rank, in time; at one instant what is given back comes first. Room is taken when a copy starts, and
/// given back where it came from when it ends.
std::vector<std::vector<CopyEvent>> list_copies(const OpGraph& graph, const Timeline& timeline) {
  std::vector<std::vector<CopyEvent>> ranks(graph.rank_count());
  for (const CopyEdge& copy : graph.copies()) {
    const TransferClass& kind = *graph.transfer(copy.edge);
    ranks[index(kind.to)].push_back({timeline.transfer_start[copy.edge], kind.bytes, 1});
    ranks[index(kind.from)].push_back({timeline.transfer_finish[copy.edge], Bytes(0) - kind.bytes, -1});
  }
  for (auto& events : ranks) {
    std::stable_sort(events.begin(), events.end(), [](const CopyEvent& a, const CopyEvent& b) {
      return a.at != b.at ? a.at < b.at : a.count < b.count;
    });
  }
  return ranks;
}

/// What the ops of a stage take when they start and give back when they end.
struct StageMemory {
  ByOpKind<Bytes> taken, freed;

  explicit StageMemory(const StageCosts& costs) {
    for (const OpKind kind : all_op_kinds()) {
      taken[kind] = costs.bytes_of(traits_of(kind).allocates);
      freed[kind] = costs.bytes_of(traits_of(kind).frees);
    }
  }
};

/// What a rank holds while its program runs. A program's order is the order of time, and what ends frees
/// before what starts behind it allocates: so walking it in order settles what happens at one instant.
class MemoryWalk {
 public:
  MemoryWalk(const Schedule& schedule, const Workload& workload, std::span<const StageMemory> stages,
             std::span<const CopyEvent> copies)
      : schedule_(schedule), workload_(workload), stages_(stages), copies_(copies) {}

  void run(std::span<const Op> ops, Time start, Time finish) {
    copy([&](Time at) { return at <= start; });
    for (const Op op : ops) at_start(op);
    record(start);
    copy([&](Time at) { return at < finish; });
    for (const Op op : ops) at_finish(op);
    record(finish);
  }

  [[nodiscard]] RankMemory take() && {
    copy([](Time) { return true; });
    memory_.kv_cache = kv_cache_;
    return std::move(memory_);
  }

 private:
  [[nodiscard]] const StageCosts& costs(Op op) const { return workload_.stages[index(op.stage)]; }

  // The copies that come next, as long as `due` says so of their time.
  template <class Due>
  void copy(Due due) {
    while (!copies_.empty() && due(copies_.front().at)) {
      const CopyEvent event = copies_.front();
      copies_ = copies_.subspan(1);
      activation_ += event.bytes;
      count_ = static_cast<std::uint32_t>(std::int64_t{count_} + event.count);
      record(event.at);
    }
  }

  // A pair of stage and micro-batch counts from F on, until nothing of it is kept.
  void at_start(Op op) {
    if (op.kind == OpKind::Forward) ++count_;
    if (!schedule_.forward_only) activation_ += stages_[index(op.stage)].taken[op.kind];
  }

  void at_finish(Op op) {
    if (schedule_.forward_only) {
      if (op.kind == OpKind::Forward) grow_cache(op);
      return;
    }
    activation_ -= stages_[index(op.stage)].freed[op.kind];
    if (!ends_backward(op.kind)) return;
    PPSIM_ASSERT(count_ > 0, "more activations freed than allocated");
    --count_;
  }

  /// Without a token loop (a forward-only schedule from a file) every forward is a prefill.
  void grow_cache(Op op) {
    --count_;
    const bool prefill = !schedule_.is_token_step(op.micro_batch);
    kv_cache_ += prefill ? costs(op).kv_cache_prefill : costs(op).kv_cache_step;
  }

  void record(Time at) {
    std::vector<MemoryStep>& steps = memory_.steps;
    if (!steps.empty())
      at = std::max(at, steps.back().at);  // measured actions may overlap by the clock's error
    if (activation_ > memory_.peak_activation) {
      memory_.peak_activation = activation_;
      memory_.peak_at = at;
    }
    memory_.peak_count = std::max(memory_.peak_count, count_);
    const MemoryStep now{at, schedule_.forward_only ? kv_cache_ : activation_, count_};
    if (!steps.empty() && steps.back().at == at) {
      steps.back() = now;
    } else if (steps.empty() || steps.back().bytes != now.bytes || steps.back().count != now.count) {
      steps.push_back(now);
    }
  }

  const Schedule& schedule_;
  const Workload& workload_;
  std::span<const StageMemory> stages_;
  std::span<const CopyEvent> copies_;  // still to come
  Bytes activation_;
  Bytes kv_cache_;
  std::uint32_t count_ = 0;
  RankMemory memory_;
};

}  // namespace

std::vector<RankMemory> measure_memory(const OpGraph& graph, const Timeline& timeline,
                                       const Schedule& schedule, const Workload& workload) {
  const auto copies = list_copies(graph, timeline);
  const std::vector<StageMemory> stages(workload.stages.begin(), workload.stages.end());
  std::vector<RankMemory> ranks;
  for (std::size_t rank = 0; rank < graph.rank_count(); ++rank) {
    MemoryWalk walk(schedule, workload, stages, copies[rank]);
    for (VertexId v = graph.rank_begin()[rank]; v < graph.rank_begin()[rank + 1]; ++v) {
      walk.run(graph.ops(v), timeline.start[v], timeline.finish[v]);
    }
    RankMemory memory = std::move(walk).take();
    for (const Stage stage : schedule.placement.stages_of(static_cast<Rank>(rank))) {
      memory.static_bytes += workload.stages[index(stage)].static_bytes();
      memory.working = std::max(memory.working, workload.stages[index(stage)].working);
    }
    memory.peak_total =
        workload.reserved(memory.static_bytes + memory.peak_activation + memory.kv_cache + memory.working);
    ranks.push_back(std::move(memory));
  }
  return ranks;
}

}  // namespace ppsim
