// ZeRO (Rajbhandari et al. 2020, section 7). Gradients are summed over the GPUs that hold copies of a weight:
//   stage 0   an all-reduce at the end of a step
//   stage 1   a reduce-scatter, then an all-gather of the weights that each GPU has updated
//   stage 2   the reduce-scatter for every micro-batch, as no GPU keeps all gradients in between; the
//             all-gather at the end of a step
//   stage 3   the reduce-scatter as in 2; the all-gather for every micro-batch, before its forward and again
//             before its backward, as no GPU keeps all weights
// Routed experts have copies of their own, on fewer GPUs.
#include "gradient_reduction.hpp"

namespace ppsim {

namespace {

// Sums `time(group, parameters)` over the two kinds of weights.
template <class GroupTime>
Seconds both_kinds(const ModelRun& run, const StageParameters& parameters, GroupTime time) {
  Seconds sum{};
  if (parameters.dense > 0) sum += time(run.groups.replicas, parameters.dense);
  if (parameters.routed > 0) sum += time(run.groups.expert_replicas, parameters.routed);
  return sum;
}

Seconds step_end_time(const ModelRun& run, const ParameterBytes& each, const GroupLinks& group,
                      double parameters) {
  const CollectiveAlgorithm algorithm = run.parallelism.collectives;
  const Bytes gradients = to_bytes(parameters * each.gradients);
  const Bytes weights = to_bytes(parameters * each.weights);
  switch (run.parallelism.zero_stage) {
    case 0:
      return all_reduce_time(group, gradients, algorithm);
    case 1:
      return reduce_scatter_time(group, gradients, algorithm) + all_gather_time(group, weights, algorithm);
    case 2:
      return all_gather_time(group, weights, algorithm);
    default:
      return Seconds(0);
  }
}

}  // namespace

void set_gradient_reduction(const ModelRun& run, Dtype dtype, std::span<const StageParameters> parameters,
                            std::vector<StageCosts>& stages) {
  const ParameterBytes each = parameter_bytes(run, dtype);
  const auto time = [&](const GroupLinks& group, double one) { return step_end_time(run, each, group, one); };
  for (std::size_t stage = 0; stage < stages.size(); ++stage)
    stages[stage].gradient_reduction = to_stage_time(both_kinds(run, parameters[stage], time));
}

Seconds gathering_time(const ModelRun& run, Dtype dtype, const StageParameters& parameters) {
  if (run.parallelism.zero_stage < 3) return Seconds(0);
  const double each = parameter_bytes(run, dtype).weights;
  return both_kinds(run, parameters, [&](const GroupLinks& group, double one) {
    return all_gather_time(group, to_bytes(one * each), run.parallelism.collectives);
  });
}

Seconds scattering_time(const ModelRun& run, Dtype dtype, const StageParameters& parameters) {
  if (run.parallelism.zero_stage < 2) return Seconds(0);
  const double each = parameter_bytes(run, dtype).gradients;
  return both_kinds(run, parameters, [&](const GroupLinks& group, double one) {
    return reduce_scatter_time(group, to_bytes(one * each), run.parallelism.collectives);
  });
}

}  // namespace ppsim
