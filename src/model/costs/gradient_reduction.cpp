// ZeRO (Rajbhandari et al. 2020, section 7). Gradients are summed over the GPUs that hold copies of a weight:
//   stage 0   an all-reduce at the end of a step
//   stage 1   a reduce-scatter then, and behind the optimizer an all-gather of the weights that each GPU has
//             updated
//   stage 2   the reduce-scatter for every micro-batch, as no GPU keeps all gradients in between; the
//             all-gather at the end of a step
//   stage 3   the reduce-scatter as in 2; the all-gather for every micro-batch, before its forward and again
//             before its backward, as no GPU keeps all weights
// Routed experts have copies of their own, on fewer GPUs.
//
// Buckets (Li et al. 2020, PyTorch Distributed, section 3.2): what is reduced at the end of a step is cut
// into as few equal parts as the most bytes of one allow, each a collective with latencies of its own.
#include "model/costs/gradient_reduction.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "ppsim/core/error.hpp"

namespace ppsim {

namespace {

// Sums `cost(kind, bytes)` over the two kinds of weights, `each` bytes a parameter.
template <class KindCost>
CollectiveCost both_kinds(const StageParameters& parameters, double each, KindCost cost) {
  CollectiveCost sum;
  if (parameters.dense > 0) sum += cost(GroupKind::Replicas, to_bytes(parameters.dense * each));
  if (parameters.routed > 0) sum += cost(GroupKind::ExpertReplicas, to_bytes(parameters.routed * each));
  return sum;
}

CollectiveCost gathering(const ModelRun& run, Dtype dtype, const StageParameters& parameters) {
  return both_kinds(parameters, parameter_bytes(run, dtype).weights,
                    [&](GroupKind kind, Bytes bytes) { return run.collectives().all_gather(kind, bytes); });
}

CollectiveCost step_end_reduction(const ModelRun& run, double each, const StageParameters& parameters) {
  return both_kinds(parameters, each, [&](GroupKind kind, Bytes bytes) {
    return run.parallelism.zero_stage == 0 ? run.collectives().all_reduce(kind, bytes)
                                           : run.collectives().reduce_scatter(kind, bytes);
  });
}

std::uint32_t count_buckets(const ModelRun& run, double bytes) {
  const Bytes most = run.training.gradient_bucket;
  if (most == Bytes(0)) return 1;
  constexpr double kMost = 100'000;  // each is an action of its own
  const double buckets = std::max(std::ceil(bytes / static_cast<double>(most.count())), 1.0);
  if (buckets > kMost)
    throw Error("/training/gradient_bucket",
                fmt::format("{} B cuts a stage's gradients into {:.0f} buckets; expected at most {:.0f}",
                            most.count(), buckets, kMost));
  return static_cast<std::uint32_t>(buckets);
}

bool has_copies(const ModelRun& run, const StageParameters& parameters) {
  return (parameters.dense > 0 && run.groups.of(GroupKind::Replicas).members > 1) ||
         (parameters.routed > 0 && run.groups.of(GroupKind::ExpertReplicas).members > 1);
}

}  // namespace

void set_gradient_reduction(StageCosts& stage, const ModelRun& run, Dtype dtype,
                            const StageParameters& parameters) {
  if (!has_copies(run, parameters)) return;
  const std::uint32_t zero = run.parallelism.zero_stage;
  if (zero <= 1) {
    const double each = parameter_bytes(run, dtype).gradients;
    const std::uint32_t buckets = count_buckets(run, (parameters.dense + parameters.routed) * each);
    const CollectiveCost cost = buckets * step_end_reduction(run, each,
                                                             {.dense = parameters.dense / buckets,
                                                              .routed = parameters.routed / buckets});
    stage.gradient_buckets = buckets;
    stage.ops[OpKind::GradientReduction] = {.duration = to_stage_time(cost.time), .bytes = cost.bytes};
  }
  if (zero == 1 || zero == 2) {
    const CollectiveCost cost = gathering(run, dtype, parameters);
    stage.ops[OpKind::ParameterGather] = {.duration = to_stage_time(cost.time), .bytes = cost.bytes};
  }
}

CollectiveCost parameter_gathering(const ModelRun& run, Dtype dtype, const StageParameters& parameters) {
  return run.parallelism.zero_stage < 3 ? CollectiveCost{} : gathering(run, dtype, parameters);
}

CollectiveCost gradient_scattering(const ModelRun& run, Dtype dtype, const StageParameters& parameters) {
  if (run.parallelism.zero_stage < 2) return {};
  return both_kinds(parameters, parameter_bytes(run, dtype).gradients, [&](GroupKind kind, Bytes bytes) {
    return run.collectives().reduce_scatter(kind, bytes);
  });
}

}  // namespace ppsim
