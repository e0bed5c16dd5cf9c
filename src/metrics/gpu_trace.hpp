/// What a profiler saw one GPU do, and how much of it was work.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ppsim/core/units.hpp"

namespace ppsim {

enum class GpuWork : std::uint8_t {
  Compute,       ///< a kernel that is not NCCL's
  PointToPoint,  ///< an NCCL kernel that sends or receives: it spins until the other end is there
  Collective,    ///< any other NCCL kernel
};

struct GpuKernel {
  GpuWork work{};
  std::uint32_t name = 0;  ///< into GpuTrace::names
  std::uint32_t stream = 0;
  Time start{}, finish{};
  std::optional<Time> launch{};           ///< by the host; empty: not known
  std::optional<std::uint32_t> from, to;  ///< point to point: ranks, where the trace says so
};

/// A range that the program named.
struct TraceAnnotation {
  std::string text;
  bool on_gpu = false;  ///< over kernels of `stream`; else over the host's time
  std::uint32_t stream = 0;
  Time start{}, finish{};
};

/// One rank's. Times are on a clock of its own.
struct GpuTrace {
  std::string source;  ///< names the file in messages
  std::optional<std::uint32_t> rank;
  std::vector<std::string> names;
  std::vector<GpuKernel> kernels;       ///< by start
  std::vector<TraceAnnotation> ranges;  ///< by start
};

/// Where a GPU's time went. The parts sum to `window`; where kernels overlap, compute counts first, then
/// collectives, then transfers.
struct GpuActivity {
  std::uint32_t steps = 0;  ///< that the profiler marked; 0: none
  Time step_time{};         ///< the median of them; without: the window
  Time window{};            ///< all marked steps; without: first kernel start to last kernel end
  Time compute{};
  Time collective{};
  Time transfer{};  ///< the end of each send and receive, as long as the shortest between the same ranks
  Time wait{};      ///< what they spun before that
  Time idle{};      ///< nothing ran

  [[nodiscard]] double bubble_fraction() const;  ///< (transfer + wait + idle) / window
};

/// Requires a kernel. Steps are ranges named "ProfilerStep#N". O(n log n).
[[nodiscard]] GpuActivity measure_activity(const GpuTrace& trace);

/// Of all ranks: their transfers, waits and idle times against their windows.
[[nodiscard]] double bubble_fraction(std::span<const GpuActivity> ranks);

/// The ranges named "ProfilerStep#N": the host's, or where there are none the GPU's first stream's.
[[nodiscard]] std::vector<TraceAnnotation> profiler_steps(const GpuTrace& trace);

}  // namespace ppsim
