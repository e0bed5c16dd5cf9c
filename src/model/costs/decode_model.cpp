// A token step is bound by compute or by memory, whichever is slower (roofline: Williams et al. 2009): a
// layer takes
//   max(FLOPs / achievable, (weights + KV cache read) / memory bandwidth)
// and its kernels' overhead, tensor-parallel all-reduces and exchanges of experts, of one token a sample, on
// top. Of the experts only those are read that a token visits.
#include "model/costs/decode_model.hpp"

#include <algorithm>

#include "model/costs/stage_collectives.hpp"

namespace ppsim {

namespace {

// Latent attention caches the latent, and the keys' part that carries the position, on every GPU of a tensor
// group (DeepSeek-V2, section 2.1.3).
double kv_bytes_per_layer(const ModelRun& run, const Transformer& model) {
  const double bytes = element_bytes(model.dtype) * run.parallelism.micro_batch_size;
  if (model.latent_attention)
    return bytes * (static_cast<double>(model.latent_attention->kv_lora_rank) +
                    model.latent_attention->qk_rope_head_size);
  return bytes * 2 * kv_heads_per_gpu(model, run.parallelism.tensor) * model.size_of_head();
}

// Of a layer's weights, all but experts that no token visits; each there is gets as many visits as others.
double weight_bytes(const Transformer& model, const Operators& operators) {
  double parameters = 0;
  for (const Operator& op : operators) {
    const double visits = op.routed_expert ? op.forward.begin()->m : 1;
    parameters += op.parameters * std::min(1.0, visits);
  }
  return parameters * element_bytes(model.product_dtype());
}

Seconds reading_time(const ModelRun& run, double bytes) {
  const double bandwidth = static_cast<double>(run.cluster.gpu.memory_bandwidth.count());
  return Seconds(bytes / (bandwidth * run.cluster.gpu.memory_efficiency.value_or(1)));
}

Seconds part_time(const ModelRun& run, const Transformer& model, const Operators& operators, double read) {
  const GpuClock clock = make_clock(run, model);
  const double kernels_of_traffic = run.cluster.gpu.memory_efficiency ? 1 : 0;
  Seconds compute{}, overhead{};
  for (const Operator& op : operators) {
    overhead += clock.overhead(kernels_of_traffic * op.forward_traffic.kernels);
    for (const Product& product : op.forward) {
      compute += clock.compute_time(product);
      overhead += clock.overhead(product.kernels);
    }
  }
  return std::max(compute, reading_time(run, read)) + overhead;
}

Seconds layer_time(const ModelRun& run, const Transformer& model, bool experts, const Pass& pass) {
  const Operators operators = layer_operators(run, model, experts, pass);
  const double cache = pass.context * kv_bytes_per_layer(run, model);
  return part_time(run, model, operators, weight_bytes(model, operators) + cache);
}

Pass token_pass(const ModelRun& run, const Transformer& model, std::uint32_t step) {
  return {static_cast<double>(run.parallelism.micro_batch_size), 1,
          static_cast<double>(model.sequence_length) + step};
}

DecodeStep decode_step(const ModelRun& run, const Transformer& model, std::uint32_t step) {
  const Pass pass = token_pass(run, model, step);
  DecodeStep times;
  times.dense = layer_time(run, model, false, pass);
  if (model.experts) times.experts = layer_time(run, model, true, pass);
  const double head = static_cast<double>(head_parameters(model)) / run.parallelism.tensor;
  times.head =
      part_time(run, model, head_operators(run, model, pass), head * element_bytes(model.product_dtype()));
  return times;
}

}  // namespace

std::vector<DecodeStep> decode_steps(const ModelRun& run, const Transformer& model) {
  std::vector<DecodeStep> steps;
  steps.reserve(*run.shape.decode_steps);
  for (std::uint32_t step = 1; step <= *run.shape.decode_steps; ++step)
    steps.push_back(decode_step(run, model, step));
  return steps;
}

Seconds decode_time(const ModelRun& run, const Transformer& model, const StagePlace& place,
                    const DecodeStep& step) {
  const std::uint32_t experts = count_expert_layers(model, place.layers);
  const Seconds layers = (place.layers.count - experts) * step.dense + experts * step.experts;
  return layers + (place.head ? step.head : Seconds(0)) + decode_tensor_comm(run, model, place).time +
         decode_other_comm(run, model, place).time;
}

CollectiveCost decode_tensor_comm(const ModelRun& run, const Transformer& model, const StagePlace& place) {
  const double all_reduces = 2.0 * place.layers.count + (place.embedding ? 1 : 0);
  return all_reduces * run.tensor_all_reduce(hidden_bytes(run, model, 1));
}

CollectiveCost decode_other_comm(const ModelRun& run, const Transformer& model, const StagePlace& place) {
  return count_expert_layers(model, place.layers) * expert_exchange(run, model, token_pass(run, model, 1));
}

Bytes kv_cache_per_token(const ModelRun& run, const Transformer& model, const StagePlace& place) {
  return to_bytes(kv_bytes_per_layer(run, model) * place.layers.count);
}

}  // namespace ppsim
