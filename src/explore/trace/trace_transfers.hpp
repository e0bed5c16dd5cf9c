/// Which NCCL kernels are which transfers, and what that says of the ranks' clocks.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "metrics/gpu_trace.hpp"
#include "ppsim/core/units.hpp"
#include "ppsim/graph/op_graph.hpp"

namespace ppsim {

/// Both ends of a transfer, each on the clock of its rank.
struct TransferKernels {
  EdgeId edge = 0;
  const GpuKernel* send = nullptr;
  const GpuKernel* receive = nullptr;
};

/// [steps][transfers of the graph, by edge], where the kernels say which ranks they join; else empty. Of two
/// ranks and a direction, the n-th kernel at each end is the n-th transfer. Throws Error (where: a trace)
/// where there are more or fewer than the schedule has.
[[nodiscard]] std::vector<std::vector<TransferKernels>> match_transfers(const OpGraph& graph,
                                                                        const std::vector<GpuTrace>& traces,
                                                                        std::size_t steps);

struct Clocks {
  std::vector<Time> ahead;          ///< [P] of rank 0's
  std::optional<Time> uncertainty;  ///< 95 % of the transfers' ends agree within; empty: not aligned
};

/// So that both ends of a transfer end together, in the median over those of two ranks. Throws Error
/// (where: "") where clocks would be more than an hour apart.
[[nodiscard]] Clocks align_clocks(const OpGraph& graph,
                                  const std::vector<std::vector<TransferKernels>>& transfers);

}  // namespace ppsim
