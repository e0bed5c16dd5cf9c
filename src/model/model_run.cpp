#include "model_run.hpp"

#include <fmt/format.h>

#include <cmath>

#include "ppsim/core/error.hpp"

namespace ppsim {

Seconds ModelRun::tensor_all_reduce(Bytes bytes) const {
  const CollectiveAlgorithm algorithm = parallelism.collectives;
  if (parallelism.sequence_parallel)
    return all_gather_time(groups.tensor, bytes, algorithm) +
           reduce_scatter_time(groups.tensor, bytes, algorithm);
  return all_reduce_time(groups.tensor, bytes, algorithm);
}

double ModelRun::sequence_split() const {
  return parallelism.sequence_parallel ? parallelism.tensor : 1;
}

double ModelRun::boundary_split() const {
  return parallelism.sequence_parallel || parallelism.scatter_gather ? parallelism.tensor : 1;
}

Seconds ModelRun::boundary_gather(Bytes boundary) const {
  if (!parallelism.scatter_gather) return Seconds(0);
  return all_gather_time(groups.tensor, boundary, parallelism.collectives);
}

StagePlace stage_place(const StageLayout& layout, std::size_t stage) {
  return {layout.stages[stage], stage == 0, stage + 1 == layout.stages.size()};
}

Bytes to_bytes(double bytes) {
  if (!(bytes <= 0x1p53))
    throw Error("/model", fmt::format("a stage needs {:.3g} bytes; expected at most 2^53", bytes));
  return Bytes(static_cast<std::int64_t>(std::ceil(bytes)));
}

Time to_stage_time(Seconds seconds) {
  if (!(seconds <= Seconds(kMostTime)))
    throw Error("/model", fmt::format("a pass of a stage takes {:.3g} s; expected at most 2^61 ns, 73 years",
                                      seconds.count()));
  return to_time(seconds);
}

}  // namespace ppsim
