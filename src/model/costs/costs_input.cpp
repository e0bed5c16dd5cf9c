// Costs given outright.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "core/int128.hpp"
#include "model/costs/model_workloads.hpp"
#include "ppsim/core/error.hpp"
#include "ppsim/model/costs/workload.hpp"

namespace ppsim {

namespace {

std::int64_t count_of(Time time) {
  return time.count();
}
std::int64_t count_of(Bytes bytes) {
  return bytes.count();
}

std::int64_t most(Time) {
  return kMostTime.count();
}
std::int64_t most(Bytes) {
  return std::numeric_limits<std::int64_t>::max();
}

// A pipeline of as many stages as the costs were given for, stretched to another number of stages: the model
// stays the same.
struct Ratio {
  std::uint64_t given;
  std::uint64_t wanted;

  // Rounds half up.
  template <class T>
  [[nodiscard]] T of(T value) const {
    const auto scaled = static_cast<Int128>(count_of(value)) * given;
    const auto rounded = (2 * scaled + wanted) / (2 * static_cast<Int128>(wanted));
    if (rounded > most(value))
      throw Error("/costs", fmt::format("{} x {} / {} is too large", count_of(value), given, wanted));
    return T(static_cast<std::int64_t>(rounded));
  }
};

// Reads quantities of one stage.
class StageReader {
 public:
  /// `ratio`: of stages and slices; `stages`, `slices`: of each alone.
  StageReader(std::uint32_t stage, Ratio ratio, Ratio stages, Ratio slices)
      : stage_(stage), ratio_(ratio), stages_(stages), slices_(slices) {}

  template <class T>
  [[nodiscard]] T plain(const PerStage<T>& list, T absent) const {
    if (list.empty()) return absent;
    return list.size() == 1 ? list.front() : list[stage_];
  }

  template <class T>
  [[nodiscard]] T scaled(const PerStage<T>& list, T absent) const {
    return list.empty() ? absent : ratio_.of(plain(list, absent));
  }

  // What crosses a boundary: the same for any number of stages.
  [[nodiscard]] Bytes boundary(const PerStage<Bytes>& list, Bytes absent) const {
    return list.empty() ? absent : slices_.of(plain(list, absent));
  }

  // What runs once a step, however many slices there are; by the weights that a stage has.
  [[nodiscard]] Time per_step(const PerStage<Time>& list) const {
    return list.empty() ? Time{} : stages_.of(plain(list, Time{}));
  }

  [[nodiscard]] std::uint32_t stage() const { return stage_; }

 private:
  std::uint32_t stage_;
  Ratio ratio_;
  Ratio stages_;
  Ratio slices_;
};

// Times: 64-bit differences of figures that are not negative cannot overflow.
template <class T>
T difference(const StageReader& read, const char* key, T whole, const char* whole_key, T part) {
  if (part > whole)
    throw Error(fmt::format("/costs/{}", key),
                fmt::format("{} of stage {}; expected at most the {} of {}", count_of(part), read.stage(),
                            count_of(whole), whole_key));
  return whole - part;
}

// Two of the three give the third; backward alone is halved, the odd nanosecond to the weight gradient.
void set_backward(StageCosts& stage, const CostsInput& costs, const StageReader& read) {
  Time backward = read.scaled(costs.backward, Time{});
  Time input_grad = read.scaled(costs.input_grad, backward / 2);
  Time weight_grad = read.scaled(costs.weight_grad, Time{});
  if (costs.backward.empty()) {
    backward = input_grad + weight_grad;
  } else if (costs.weight_grad.empty()) {
    weight_grad = difference(read, "input_grad", backward, "backward", input_grad);
  } else if (costs.input_grad.empty()) {
    input_grad = difference(read, "weight_grad", backward, "backward", weight_grad);
  }
  stage.ops[OpKind::Backward].duration = backward;
  stage.ops[OpKind::InputGrad].duration = input_grad;
  stage.ops[OpKind::WeightGrad].duration = weight_grad;
}

// R by itself, or as a part of what runs where the activations are needed first.
void set_recompute(StageCosts& stage, Time recompute, bool ahead) {
  if (ahead) {
    stage.ops[OpKind::Recompute].duration = recompute;
    return;
  }
  for (const OpKind kind : {OpKind::Backward, OpKind::InputGrad}) stage.ops[kind].duration += recompute;
}

void add_overhead(StageCosts& stage, Time overhead, bool recompute_ahead) {
  for (const OpKind kind : {OpKind::Forward, OpKind::Backward, OpKind::InputGrad, OpKind::WeightGrad})
    stage.ops[kind].duration += overhead;
  if (recompute_ahead) stage.ops[OpKind::Recompute].duration += overhead;
  for (Time& time : stage.decode_forward) time += overhead;
}

void set_step_end(StageCosts& stage, const CostsInput& costs, const StageReader& read) {
  stage.ops[OpKind::GradientReduction].duration = read.per_step(costs.gradient_reduction);
  stage.ops[OpKind::OptimizerStep].duration = read.per_step(costs.optimizer_step);
  stage.ops[OpKind::ParameterGather].duration = read.per_step(costs.parameter_gather);
}

StageCosts make_given_stage(const CostsInput& costs, const RunShape& shape, const StageReader& read) {
  StageCosts stage;
  stage.ops[OpKind::Forward].duration = read.scaled(costs.forward, Time{});
  set_backward(stage, costs, read);
  set_recompute(stage, read.scaled(costs.recompute, Time{}), shape.recompute_ahead);
  set_step_end(stage, costs, read);
  stage.forward_transfer = stage.backward_transfer = read.boundary(costs.transfer, Bytes{});
  stage.activation = read.scaled(costs.activation, Bytes{});
  stage.activation_freed_at_input_grad = read.scaled(costs.activation_freed_at_input_grad, Bytes{});
  (void)difference(read, "activation_freed_at_input_grad", stage.activation, "activation",
                   stage.activation_freed_at_input_grad);
  if (shape.decode_steps) {
    const Time prefill = stage.duration(OpKind::Forward);
    stage.decode_forward.assign(*shape.decode_steps, read.scaled(costs.decode_forward, prefill));
    stage.decode_transfer = read.boundary(costs.decode_transfer, stage.forward_transfer);
  }
  add_overhead(stage, costs.overhead, shape.recompute_ahead);
  return stage;
}

template <class T>
void check_length(const char* key, const PerStage<T>& list, std::uint32_t stages) {
  if (list.size() > 1 && list.size() != stages)
    throw Error(fmt::format("/costs/{}", key),
                fmt::format("{} values for {} stages; expected one, or one a stage", list.size(), stages));
}

void check_lengths(const CostsInput& costs, std::uint32_t stages) {
  check_length("forward", costs.forward, stages);
  check_length("backward", costs.backward, stages);
  check_length("input_grad", costs.input_grad, stages);
  check_length("weight_grad", costs.weight_grad, stages);
  check_length("recompute", costs.recompute, stages);
  check_length("transfer", costs.transfer, stages);
  check_length("activation", costs.activation, stages);
  check_length("activation_freed_at_input_grad", costs.activation_freed_at_input_grad, stages);
  check_length("decode_forward", costs.decode_forward, stages);
  check_length("decode_transfer", costs.decode_transfer, stages);
  check_length("gradient_reduction", costs.gradient_reduction, stages);
  check_length("optimizer_step", costs.optimizer_step, stages);
  check_length("parameter_gather", costs.parameter_gather, stages);
}

void check_given(const CostsInput& costs, const RunShape& shape) {
  if (costs.forward.empty()) throw Error("/costs/forward", "missing; expected the time of a stage's forward");
  const bool split = !costs.input_grad.empty() && !costs.weight_grad.empty();
  if (!shape.decode_steps && costs.backward.empty() && !split)
    throw Error("/costs/backward", "missing; expected backward, or input_grad and weight_grad");
  const auto is_zero = [](Time time) { return time == Time{}; };
  if (shape.recompute_ahead && std::all_of(costs.recompute.begin(), costs.recompute.end(), is_zero))
    throw Error(
        kRecomputeAhead,
        "R is an op of its own, and /costs/recompute is 0 s: expected a recomputation that takes time, "
        "or recompute_ahead 0");
}

PairCost scale(PairCost pair, Ratio ratio) {
  if (const auto* time = std::get_if<Time>(&pair)) return ratio.of(*time);
  return pair;
}

bool has_step_end(const CostsInput& costs) {
  return !costs.gradient_reduction.empty() || !costs.optimizer_step.empty() ||
         !costs.parameter_gather.empty();
}

Network network_of(const CostsInput& costs, const Parallelism& parallelism) {
  if (!costs.cluster) return Network::point_to_point(parallelism.pipeline, costs.link);
  check_fits(parallelism, *costs.cluster);
  return Network::of_cluster(*costs.cluster, parallelism);
}

// Static memory is not known: a rank that does not fit without it does not fit.
void set_gpu(Workload& workload, const Cluster& cluster) {
  const Gpu& gpu = cluster.gpu;
  if (gpu.memory == Bytes{}) return;
  workload.gpu_memory = gpu.memory;
  workload.runtime_memory = gpu.runtime_memory;
  workload.allocator_margin = cluster.software.allocator_margin;
}

std::vector<std::string> assumptions_of(const CostsInput& costs, const RunShape& shape,
                                        const CostGranularity& given) {
  std::vector<std::string> list = {"Costs are as given: every micro-batch of a stage takes the same time."};
  if (!shape.decode_steps && costs.input_grad.empty() && costs.weight_grad.empty()) {
    list.push_back("A backward that the schedule splits is half for the input and half for the weights.");
  }
  if (shape.ranks > 1)
    list.push_back(costs.cluster ? "Ranks lie on the cluster's GPUs in order, and share its links."
                                 : "Every ordered pair of ranks has a link of its own.");
  list.push_back(has_step_end(costs)
                     ? "Weights, gradients and optimizer state are not known and not counted."
                     : "Weights, gradients, optimizer state and what runs once a step are not known and not "
                       "counted.");
  if (shape.recompute_ahead)
    list.emplace_back(
        "Recomputation is an op of its own, R. What R keeps until its backward ends is not known and not "
        "counted.");
  if (costs.overhead > Time{})
    list.push_back(
        fmt::format("Each op takes {} ns on top of its costs, whatever these are.", costs.overhead.count()));
  if (given.stages != shape.stages) {
    list.push_back(fmt::format(
        "Costs given for {} stages are scaled to {}: times and activations by {}/{}, transfers not.",
        given.stages, shape.stages, given.stages, shape.stages));
  }
  if (given.slices != shape.slices) {
    list.push_back(fmt::format("Costs given for {} slices of a micro-batch are scaled to {}, by {}/{}.",
                               given.slices, shape.slices, given.slices, shape.slices));
  }
  return list;
}

}  // namespace

bool CostsInput::uniform() const {
  const auto one = [](const auto& list) { return list.size() <= 1; };
  return one(forward) && one(backward) && one(input_grad) && one(weight_grad) && one(recompute) &&
         one(transfer) && one(activation) && one(activation_freed_at_input_grad) && one(decode_forward) &&
         one(decode_transfer) && one(gradient_reduction) && one(optimizer_step) && one(parameter_gather);
}

const Cluster* cluster_of(const WorkloadInput& input) {
  if (const auto* model = std::get_if<ModelInput>(&input)) return &model->cluster;
  const auto& cluster = std::get<CostsInput>(input).cluster;
  return cluster ? &*cluster : nullptr;
}

Workload make_workload(const CostsInput& costs, const RunShape& shape, const CostGranularity& given,
                       const Parallelism& parallelism) {
  PPSIM_ASSERT(shape.stages > 0 && given.stages > 0 && shape.slices > 0 && given.slices > 0,
               fmt::format("{} of {} stages", shape.stages, given.stages));
  check_given(costs, shape);
  check_lengths(costs, given.stages);
  if (!costs.uniform() && given.stages != shape.stages)
    throw Error("/costs",
                fmt::format("values for each of {} stages cannot serve {} stages; expected single values",
                            given.stages, shape.stages));
  const Ratio slices{given.slices, shape.slices}, stages{given.stages, shape.stages};
  const Ratio ratio{std::uint64_t{given.stages} * given.slices, std::uint64_t{shape.stages} * shape.slices};
  Parallelism placed = parallelism;
  placed.pipeline = shape.ranks;
  Workload workload{.stages = {}, .network = network_of(costs, placed), .pair = scale(costs.pair, ratio)};
  workload.stages.reserve(shape.stages);
  for (std::uint32_t stage = 0; stage < shape.stages; ++stage)
    workload.stages.push_back(make_given_stage(costs, shape, StageReader(stage, ratio, stages, slices)));
  if (costs.cluster) set_gpu(workload, *costs.cluster);
  workload.assumptions = assumptions_of(costs, shape, given);
  return workload;
}

}  // namespace ppsim
