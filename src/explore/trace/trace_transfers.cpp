#include "explore/trace/trace_transfers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <map>
#include <utility>

#include "metrics/nearest_rank.hpp"
#include "ppsim/core/error.hpp"

namespace ppsim {
namespace {

using Ends = std::pair<std::size_t, std::size_t>;  // from, to

// Ranks of one job are not further apart.
constexpr Time kMostAhead = std::chrono::hours(1);

std::map<Ends, std::vector<EdgeId>> edges_by_ends(const OpGraph& graph) {
  std::map<Ends, std::vector<EdgeId>> edges;
  for (EdgeId edge = 0; edge < graph.edge_count(); ++edge) {
    if (const TransferClass* kind = graph.transfer(edge))
      edges[{index(kind->from), index(kind->to)}].push_back(edge);
  }
  return edges;
}

/// Kernels of all traces by the ranks that they join, as positions in the pipeline. A trace numbers ranks by
/// the job, or within the group of the pipeline.
class KernelsByEnds {
 public:
  explicit KernelsByEnds(const std::vector<GpuTrace>& traces) {
    for (std::size_t rank = 0; rank < traces.size(); ++rank) {
      if (traces[rank].rank) positions_[*traces[rank].rank] = rank;
    }
    if (!are_of_job(traces)) positions_.clear();
    for (std::size_t rank = 0; rank < traces.size(); ++rank) {
      for (const GpuKernel& kernel : traces[rank].kernels) add(kernel, rank);
    }
  }

  [[nodiscard]] bool empty() const { return sends_.empty() && receives_.empty(); }
  [[nodiscard]] const std::vector<const GpuKernel*>& sends(Ends ends) { return sends_[ends]; }
  [[nodiscard]] const std::vector<const GpuKernel*>& receives(Ends ends) { return receives_[ends]; }

 private:
  /// True where every end is the rank of a trace.
  [[nodiscard]] bool are_of_job(const std::vector<GpuTrace>& traces) const {
    const auto known = [&](const std::optional<std::uint32_t>& id) {
      return !id || positions_.contains(*id);
    };
    return std::all_of(traces.begin(), traces.end(), [&](const GpuTrace& trace) {
      return std::all_of(trace.kernels.begin(), trace.kernels.end(),
                         [&](const GpuKernel& kernel) { return known(kernel.from) && known(kernel.to); });
    });
  }

  [[nodiscard]] std::size_t position(std::uint32_t id) const {
    const auto found = positions_.find(id);
    return found == positions_.end() ? id : found->second;
  }

  void add(const GpuKernel& kernel, std::size_t rank) {
    if (kernel.work != GpuWork::PointToPoint || !kernel.from || !kernel.to) return;
    const Ends ends{position(*kernel.from), position(*kernel.to)};
    if (ends.first == rank) sends_[ends].push_back(&kernel);
    if (ends.second == rank) receives_[ends].push_back(&kernel);
  }

  std::map<std::uint32_t, std::size_t> positions_;
  std::map<Ends, std::vector<const GpuKernel*>> sends_, receives_;
};

void check_count(const GpuTrace& trace, Ends ends, std::size_t found, std::size_t expected,
                 std::size_t steps) {
  if (found == expected * steps) return;
  throw Error(trace.source,
              fmt::format("{} NCCL kernels from rank {} to rank {} found, expected {}, {} a step", found,
                          ends.first, ends.second, expected * steps, expected));
}

/// What two ranks' clocks differ by, transfer by transfer.
std::map<Ends, std::vector<Time>> differences(const OpGraph& graph,
                                              const std::vector<std::vector<TransferKernels>>& transfers) {
  std::map<Ends, std::vector<Time>> result;
  for (const auto& step : transfers) {
    for (const TransferKernels& transfer : step) {
      const TransferClass& kind = *graph.transfer(transfer.edge);
      const Time ahead = transfer.receive->finish - transfer.send->finish;
      const std::size_t from = index(kind.from), to = index(kind.to);
      // One list for both directions: what holds a receiver up then holds up both.
      result[std::minmax(from, to)].push_back(from < to ? ahead : -ahead);
    }
  }
  return result;
}

/// From rank to rank, the nearest first; those that no transfer reaches keep their own clock.
std::vector<Time> spread_from_first(std::size_t ranks, const std::map<Ends, Time>& medians) {
  std::vector<Time> ahead(ranks);
  std::vector<bool> known(ranks);
  for (std::size_t root = 0; root < ranks; ++root) {
    if (known[root]) continue;
    std::deque<std::size_t> next = {root};
    known[root] = true;
    for (; !next.empty(); next.pop_front()) {
      const std::size_t at = next.front();
      for (const auto& [ends, difference] : medians) {
        if (ends.first != at && ends.second != at) continue;
        const bool forwards = ends.first == at;
        const std::size_t other = forwards ? ends.second : ends.first;
        if (known[other]) continue;
        known[other] = true;
        ahead[other] = ahead[at] + (forwards ? difference : -difference);
        next.push_back(other);
      }
    }
  }
  return ahead;
}

}  // namespace

std::vector<std::vector<TransferKernels>> match_transfers(const OpGraph& graph,
                                                          const std::vector<GpuTrace>& traces,
                                                          std::size_t steps) {
  KernelsByEnds kernels(traces);
  if (kernels.empty()) return {};
  std::vector<std::vector<TransferKernels>> matched(steps);
  for (const auto& [ends, edges] : edges_by_ends(graph)) {
    const auto& sends = kernels.sends(ends);
    const auto& receives = kernels.receives(ends);
    check_count(traces[ends.first], ends, sends.size(), edges.size(), steps);
    check_count(traces[ends.second], ends, receives.size(), edges.size(), steps);
    for (std::size_t i = 0; i < sends.size(); ++i)
      matched[i / edges.size()].push_back({edges[i % edges.size()], sends[i], receives[i]});
  }
  for (auto& step : matched) {
    std::sort(step.begin(), step.end(),
              [](const TransferKernels& a, const TransferKernels& b) { return a.edge < b.edge; });
  }
  return matched;
}

Clocks align_clocks(const OpGraph& graph, const std::vector<std::vector<TransferKernels>>& transfers) {
  const auto all = differences(graph, transfers);
  std::map<Ends, Time> medians;
  for (const auto& [ends, values] : all) {
    const Time median = medians[ends] = nearest_rank(values, 50);
    if (std::chrono::abs(median) > kMostAhead)
      throw Error("",
                  fmt::format("the clocks of ranks {} and {} are more than an hour apart: expected traces of "
                              "one job",
                              ends.first, ends.second));
  }
  Clocks clocks{spread_from_first(graph.rank_count(), medians), {}};
  std::vector<Time> residuals;
  for (const auto& [ends, values] : all) {
    const Time between = clocks.ahead[ends.second] - clocks.ahead[ends.first];
    for (const Time value : values) residuals.push_back(std::chrono::abs(value - between));
  }
  if (!residuals.empty()) clocks.uncertainty = nearest_rank(residuals, 95);
  return clocks;
}

}  // namespace ppsim
