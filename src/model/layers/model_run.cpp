#include "model/layers/model_run.hpp"

#include <fmt/format.h>

#include <cmath>

#include "ppsim/core/error.hpp"

namespace ppsim {

CollectiveCost ModelRun::tensor_all_reduce(Bytes bytes) const {
  if (!parallelism.sequence_parallel) return collectives().all_reduce(GroupKind::Tensor, bytes);
  return collectives().all_gather(GroupKind::Tensor, bytes) +
         collectives().reduce_scatter(GroupKind::Tensor, bytes);
}

double ModelRun::sequence_split() const {
  return parallelism.sequence_parallel ? parallelism.tensor : 1;
}

double ModelRun::boundary_split() const {
  return parallelism.sequence_parallel || parallelism.scatter_gather ? parallelism.tensor : 1;
}

Seconds ModelRun::boundary_gather(Bytes boundary) const {
  if (!parallelism.scatter_gather) return Seconds(0);
  return collectives().all_gather(GroupKind::Tensor, boundary).time;
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
