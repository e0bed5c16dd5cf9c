// Time of a stage's passes. A product's backward is two products of as many FLOPs: the gradient of its input
// and the gradient of its weights; of the attention core (scores, context), which has no weights, both are
// gradients of inputs.
//
// Tensor parallelism (Shoeybi et al. 2019): each layer has two all-reduces of the hidden states forward and
// two backward. With sequence parallelism an all-gather and a reduce-scatter stand in place of each, which is
// what a ring all-reduce is made of: the same time. The vocabulary-parallel embedding adds one all-reduce
// forward, the head one backward, of its input's gradient; what the loss exchanges is small (one number a
// token) and left out.
#include "model/costs/cost_model.hpp"

#include <algorithm>

#include "model/costs/stage_collectives.hpp"

namespace ppsim {

namespace {

Flops sum_of_flops(const Operators& operators) {
  Flops sum;
  for (const Operator& op : operators) sum += op.forward_flops();
  return sum;
}

// The whole model, as one GPU would compute it.
ModelRun on_one_gpu(const ModelRun& run) {
  ModelRun one = run;
  one.parallelism.tensor = one.parallelism.context = 1;
  one.parallelism.expert = 1;
  one.parallelism.expert_tensor = 1;
  one.parallelism.sequence_parallel = false;
  return one;
}

Flops forward_flops(const ModelRun& one, const Transformer& model, const Pass& pass) {
  const std::uint32_t experts = count_expert_layers(model, {0, model.layers});
  Flops sum = sum_of_flops(head_operators(one, model, pass));
  if (experts > 0) sum += sum_of_flops(layer_operators(one, model, true, pass)) * experts;
  if (experts < model.layers)
    sum += sum_of_flops(layer_operators(one, model, false, pass)) * (model.layers - experts);
  return sum;
}

}  // namespace

OperatorTimes operator_times(const GpuClock& clock, const Operator& op) {
  OperatorTimes times;
  times.forward = clock.time(op.forward) + clock.time(op.forward_traffic);
  if (op.recomputed) times.recompute = times.forward;
  times.input_grad = clock.time(op.input_grad) + clock.time(op.backward_traffic);
  times.weight_grad = clock.time(op.weight_grad);
  return times;
}

GpuClock make_clock(const ModelRun& run, const Transformer& model) {
  return {run.cluster.gpu, model.product_dtype(), model.dtype};
}

PassCollectives& PassCollectives::operator+=(const PassCollectives& other) {
  forward += other.forward;
  recompute += other.recompute;
  input_grad += other.input_grad;
  weight_grad += other.weight_grad;
  return *this;
}

PassCollectives operator*(double times, const PassCollectives& passes) {
  return {times * passes.forward, times * passes.recompute, times * passes.input_grad,
          times * passes.weight_grad};
}

namespace {

CollectiveCost logits_gather(const ModelRun& run, const Transformer& model, double tokens) {
  const double logits = run.parallelism.micro_batch_size * tokens * model.vocabulary;
  return run.collectives().all_gather(GroupKind::Tensor, to_bytes(logits * element_bytes(model.dtype)));
}

}  // namespace

PassCollectives tensor_collectives(const ModelRun& run, const Transformer& model, const StagePlace& place) {
  const double tokens = static_cast<double>(model.sequence_length) / run.parallelism.context;
  const CollectiveCost all_reduce = run.tensor_all_reduce(hidden_bytes(run, model, tokens));
  const double layers = 2.0 * place.layers.count;
  PassCollectives passes;
  passes.forward = (layers + (place.embedding ? 1 : 0)) * all_reduce;
  if (run.parallelism.recompute == Recompute::Full) passes.recompute = layers * all_reduce;
  passes.input_grad = (layers + (place.head ? 1 : 0)) * all_reduce;
  if (place.head && run.training.gathered_logits) passes.forward += logits_gather(run, model, tokens);
  return passes;
}

namespace {

// A pass as the GPU computes it and as the host launches it.
struct PassTime {
  Seconds gpu{};
  double launches = 0;
  Seconds collectives{};

  void add(double times, Seconds seconds, double kernels) {
    gpu += times * seconds;
    launches += times * kernels;
  }
  void add(const CollectiveCost& cost) { collectives += cost.time; }

  friend PassTime operator+(const PassTime& a, const PassTime& b) {
    return {a.gpu + b.gpu, a.launches + b.launches, a.collectives + b.collectives};
  }
};

double kernels_of(const Products& products) {
  double sum = 0;
  for (const Product& product : products) sum += product.kernels;
  return sum;
}

struct PassTimes {
  PassTime forward, input_grad, weight_grad;
  PassTime bare;  // `input_grad` without recomputation

  void add(const GpuClock& clock, const Operator& op, double times) {
    const OperatorTimes one = operator_times(clock, op);
    const double launches = kernels_of(op.forward) + op.forward_traffic.kernels;
    forward.add(times, one.forward, launches);
    input_grad.add(times, one.recompute, op.recomputed ? launches : 0);
    for (PassTime* pass : {&input_grad, &bare})
      pass->add(times, one.input_grad, kernels_of(op.input_grad) + op.backward_traffic.kernels);
    weight_grad.add(times, one.weight_grad, kernels_of(op.weight_grad));
  }

  void add(const PassCollectives& passes) {
    forward.add(passes.forward);
    input_grad.add(passes.recompute);
    input_grad.add(passes.input_grad);
    bare.add(passes.input_grad);
    weight_grad.add(passes.weight_grad);
  }
};

// Without a share of it, which computing hides as far as it lasts.
CollectiveCost hide(CollectiveCost cost, Seconds computing, double share) {
  cost.time -= std::min(share * cost.time, computing);
  return cost;
}

PassCollectives hide(const PassCollectives& passes, const PassTimes& times, double share) {
  if (share == 0) return passes;
  return {hide(passes.forward, times.forward.gpu, share), hide(passes.recompute, times.forward.gpu, share),
          hide(passes.input_grad, times.input_grad.gpu, share),
          hide(passes.weight_grad, times.weight_grad.gpu, share)};
}

double hidden_share(const Training& training, const StageCollective& collective) {
  switch (collective.kind) {
    case StageCollective::Kind::Context:
      return 0;
    case StageCollective::Kind::Experts:
      return training.overlap_expert;
    case StageCollective::Kind::Sharding:
      return training.overlap_sharding ? 1 : 0;
  }
  return 0;
}

}  // namespace

StageTimes stage_times(const ModelRun& run, const Transformer& model, const StagePlace& place,
                       std::span<const StagePart> parts) {
  const GpuClock clock = make_clock(run, model);
  PassTimes sum;
  for (const StagePart& part : parts)
    for (const Operator& op : part.operators) sum.add(clock, op, part.times());
  StageTimes times;
  times.tensor_comm = hide(tensor_collectives(run, model, place), sum, run.training.overlap_tensor);
  for (const StageCollective& collective : stage_collectives(run, model, parts))
    times.other_comm += hide(collective.passes, sum, hidden_share(run.training, collective));
  sum.add(times.tensor_comm);
  sum.add(times.other_comm);
  const Software& software = run.cluster.software;
  const Seconds launch = (1 - run.training.captured_launches) * Seconds(software.launch_overhead);
  const Seconds between(run.shape.ranks > 1 ? software.pass_overhead : Time{});
  const auto longer = [&](const PassTime& pass) {
    return std::max(pass.gpu, pass.launches * launch) + pass.collectives + between;
  };
  if (run.parallelism.recompute == Recompute::Full)
    sum.input_grad.gpu += place.layers.count * Seconds(software.checkpoint_overhead);
  times.forward = longer(sum.forward);
  times.input_grad = longer(sum.input_grad);
  times.weight_grad = longer(sum.weight_grad);
  times.backward = longer(sum.input_grad + sum.weight_grad);
  times.recompute = times.backward - longer(sum.bare + sum.weight_grad);
  return times;
}

Flops model_flops(const ModelRun& run, const Transformer& model) {
  const double passes = static_cast<double>(run.parallelism.micro_batches) * run.parallelism.data;
  const ModelRun one = on_one_gpu(run);
  const Flops forward = forward_flops(one, model, full_pass(run, model));
  if (!run.inference()) return 3.0 * forward * passes;
  Flops sum = forward;
  for (std::uint32_t step = 1; step <= *run.shape.decode_steps; ++step)
    sum += forward_flops(one, model,
                         {static_cast<double>(run.parallelism.micro_batch_size), 1,
                          static_cast<double>(model.sequence_length) + step});
  return sum * passes;
}

}  // namespace ppsim
