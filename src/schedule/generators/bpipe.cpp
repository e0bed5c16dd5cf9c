// BPipe: Kim et al., "BPipe: Memory-Balanced Pipeline Parallelism for Training Large Language Models", ICML
// 2023. The order of 1F1B; the first ranks, which keep most activations, lend the last ones what exceeds a
// common cap. The cap and the pairing of ranks are the paper's, the moments this project's definition.
#include <algorithm>
#include <deque>
#include <vector>

#include "ppsim/schedule/registry.hpp"
#include "schedule/generators/one_f_one_b.hpp"

namespace ppsim::bpipe_schedule {
namespace {

// K: half of what both ranks of a pair keep, and a buffer each for what comes and goes.
std::uint32_t cap(std::uint32_t P) {
  return (P + 3) / 2;  // ceil((P+2)/2)
}

// Micro-batches that rank r would keep for itself.
std::uint32_t own_peak(const Shape& shape, std::uint64_t r) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(shape.micro_batches, shape.ranks - r));
}

bool evicts(const Shape& shape, std::uint64_t r) {
  return r < shape.ranks / 2 && own_peak(shape, r) > cap(shape.ranks);
}

// Every forward past the K-th pushes one micro-batch out, and each comes back.
std::size_t count_ops(const Shape& shape) {
  const std::size_t P = shape.ranks, M = shape.micro_batches;
  std::size_t ops = 2 * P * M;
  for (std::uint32_t r = 0; r < P; ++r) ops += evicts(shape, r) ? 2 * (M - cap(shape.ranks)) : 0;
  return ops;
}

// A rank that evicts. Local micro-batches are the oldest; the youngest goes, the one that is away longest
// comes back first.
class EvictingRank {
 public:
  EvictingRank(ScheduleWriter& out, std::uint32_t stage, std::uint32_t cap)
      : out_(out), stage_(stage), cap_(cap) {}

  void forward(std::uint64_t m) {
    if (local_.size() == cap_) {
      copy(OpKind::Evict, local_.back());
      away_.push_back(local_.back());
      local_.pop_back();
    }
    out_.forward(stage_, m);
    local_.push_back(static_cast<std::uint32_t>(m));
  }

  void backward(std::uint64_t m) {
    out_.backward(stage_, m);
    local_.pop_front();  // backwards go by age too
    if (next_back_ == away_.size()) return;
    copy(OpKind::Load, away_[next_back_]);
    local_.insert(std::upper_bound(local_.begin(), local_.end(), away_[next_back_]), away_[next_back_]);
    ++next_back_;
  }

 private:
  void copy(OpKind kind, std::uint32_t m) {
    out_.push({kind, false, static_cast<Stage>(stage_), MicroBatch{m}});
  }

  ScheduleWriter& out_;
  std::uint32_t stage_;
  std::size_t cap_;
  std::deque<std::uint32_t> local_;  // ascending
  std::vector<std::uint32_t> away_;  // in the order in which they went
  std::size_t next_back_ = 0;
};

Schedule generate(const ScheduleRequest& request) {
  const auto [P, M, V] = request.shape;
  ScheduleWriter out("bpipe", linear_placement(P), M, count_ops(request.shape));
  for (std::uint32_t r = 0; r < P; ++r) {
    EvictingRank rank(out, r, evicts(request.shape, r) ? cap(P) : M + std::size_t{1});
    write_one_f_one_b(
        M, P - 1 - r, [&](std::uint64_t m) { rank.forward(m); }, [&](std::uint64_t m) { rank.backward(m); });
    out.next_rank();
  }
  return std::move(out).take();
}

// That of 1F1B, where copies take no time.
std::optional<Time> exact_makespan(const ScheduleRequest& request, const UniformCosts& costs) {
  const std::int64_t P = request.shape.ranks, M = request.shape.micro_batches;
  const Time c = costs.hop;
  const Time work = (M + P - 1) * (costs.forward + costs.backward);
  if (P == 1) return work;
  if (costs.copy != Time{} || c > std::min(costs.forward, costs.backward)) return std::nullopt;
  return work + 2 * c * (P - 2 + M - (M - 1 + P - 1) / P);
}

// Of the rank's own; a guest counts where it stays.
std::optional<std::uint64_t> exact_peak(const ScheduleRequest& request, Rank rank) {
  const std::uint32_t own = own_peak(request.shape, index(rank));
  return evicts(request.shape, index(rank)) ? std::min(own, cap(request.shape.ranks)) : own;
}

const Registration registration{ScheduleInfo{
    .name = "bpipe",
    .summary = "1F1B whose first ranks lend activations to the last ones: half the largest memory",
    .source =
        "Kim et al., \"BPipe: Memory-Balanced Pipeline Parallelism for Training Large Language Models\", "
        "ICML 2023; the moments are this project's definition",
    .placement = "linear",
    .makespan = {"as 1f1b", "copies that take no time"},
    .bubble = {"(P-1)/(M+P-1)", "c = 0, copies that take no time"},
    .peak = {"min(M, P-r, K), K = ceil((P+2)/2)",
             "own ones; ranks P-1-r keep as guests what r has sent them, "
             "and with them no more than K"},
    .generate = generate,
    .exact_makespan = exact_makespan,
    .exact_peak = exact_peak,
}};

}  // namespace
}  // namespace ppsim::bpipe_schedule
