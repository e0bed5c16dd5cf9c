// Activations: Korthikanti et al. 2022, section 4. Their equations are sums over the tensors that a layer
// keeps; here the tensors themselves are listed, so that grouped-query attention, gated MLPs, other MLP
// widths and other element sizes follow. With 2-byte elements, an MLP of 4h and as many KV heads as heads the
// sums are theirs (b samples, s tokens, a heads, tensor size t):
//   none                          s b h (10 + 24/t + 5 a s / (h t))
//   none, sequence parallel       s b h / t (34 + 5 a s / h)
//   selective                     the same without 5 a s / h, the attention core
//   full                          2 s b h, or 2 s b h / t
//
// What W needs when I has ended (Qi et al. 2024, section 2 and appendix, count 32 s b h a layer at t = 1): of
// each product with weights the input, kept since F, and the gradient of its output, which I has made in
// memory that it no longer needed. All else goes at the end of I. With recomputation I makes the inputs
// again; what that takes beyond the bytes kept since F is not counted.
#include "memory_model.hpp"

#include <array>
#include <span>

#include "products.hpp"

namespace ppsim {

namespace {

enum class Split : std::uint8_t {
  Tensor,    // every GPU of the tensor group holds its part
  Sequence,  // every GPU holds a copy, unless sequence parallelism splits it
};

// A tensor of one layer.
struct Tensor {
  double elements;  // a token of a sample
  double size;      // bytes of one element
  Split split;
  bool attention_core = false;  // selective recomputation drops it
  bool weight_input = false;    // W needs it
};

double split_of(const ModelRun& run, Split split) {
  switch (split) {
    case Split::Tensor:
      return run.parallelism.tensor;
    case Split::Sequence:
      return run.sequence_split();
  }
  return 1;
}

double tokens(const ModelRun& run, const Transformer& model) {
  return static_cast<double>(run.parallelism.micro_batch_size) * model.sequence_length;
}

double bytes_of(const ModelRun& run, const Transformer& model, const Tensor& tensor) {
  return tokens(run, model) * tensor.elements * tensor.size / split_of(run, tensor.split);
}

double element(const Transformer& model) {
  return static_cast<double>(element_size(model.dtype).count());
}

// Width of K or V over the whole tensor group, heads that are copied counted as often.
double kv_width(const ModelRun& run, const Transformer& model) {
  return static_cast<double>(model.hidden) / model.heads * kv_heads_per_gpu(model, run.parallelism.tensor) *
         run.parallelism.tensor;
}

// A mask has one byte an element; the paper's GPT drops out after softmax, attention and MLP.
std::array<Tensor, 15> kept_tensors(const ModelRun& run, const Transformer& model) {
  const double e = element(model);
  const double h = model.hidden;
  const double kv = kv_width(run, model);
  const double scores = static_cast<double>(model.heads) * model.sequence_length;
  const double ffn = model.ffn_hidden;
  return {{
      {h, e, Split::Sequence},               // norm before attention: input
      {h, e, Split::Sequence, false, true},  // QKV: input
      {h, e, Split::Tensor},                 // scores: Q
      {kv, e, Split::Tensor},                // scores: K
      {scores, e, Split::Tensor, true},      // softmax: output
      {scores, 1, Split::Tensor, true},      // softmax dropout: mask
      {scores, e, Split::Tensor, true},      // softmax dropout: output
      {kv, e, Split::Tensor},                // context: V
      {h, e, Split::Tensor, false, true},    // projection: input
      {h, 1, Split::Sequence},               // attention dropout: mask
      {h, e, Split::Sequence},               // norm before the MLP: input
      {h, e, Split::Sequence, false, true},  // MLP up (and gate): input
      {model.gated_mlp ? 2 * ffn : ffn, e,
       Split::Tensor},                       // activation function: input (and what the gate multiplies)
      {ffn, e, Split::Tensor, false, true},  // MLP down: input
      {h, 1, Split::Sequence},               // MLP dropout: mask
  }};
}

// Gradients of the outputs of products with weights.
std::array<Tensor, 4> weight_output_gradients(const ModelRun& run, const Transformer& model) {
  const double e = element(model);
  const double h = model.hidden;
  const double ffn = model.ffn_hidden;
  return {{
      {h + 2 * kv_width(run, model), e, Split::Tensor},     // QKV
      {h, e, Split::Sequence},                              // projection
      {model.gated_mlp ? 2 * ffn : ffn, e, Split::Tensor},  // MLP up (and gate)
      {h, e, Split::Sequence},                              // MLP down
  }};
}

bool is_kept(Recompute recompute, const Tensor& tensor) {
  return recompute == Recompute::None || !tensor.attention_core;
}

// Section 4.3: the mask of the embedding's dropout.
double embedding_activation(const ModelRun& run, const Transformer& model) {
  return bytes_of(run, model, {static_cast<double>(model.hidden), 1, Split::Sequence});
}

// Section 4.3: inputs of the last norm and of the head, and the logits in fp32.
ActivationMemory head_activation(const ModelRun& run, const Transformer& model) {
  const double input =
      bytes_of(run, model, {static_cast<double>(model.hidden), element(model), Split::Sequence});
  const double logits = bytes_of(run, model, {static_cast<double>(model.vocabulary), 4, Split::Tensor});
  const double logit_gradients =
      bytes_of(run, model, {static_cast<double>(model.vocabulary), element(model), Split::Tensor});
  return {2 * input + logits, input + logit_gradients};
}

}  // namespace

ActivationMemory layer_activation(const ModelRun& run, const Transformer& model) {
  const Recompute recompute = run.parallelism.recompute;
  ActivationMemory sum;
  for (const Tensor& tensor : kept_tensors(run, model)) {
    if (is_kept(recompute, tensor)) sum.kept += bytes_of(run, model, tensor);
    if (tensor.weight_input) sum.kept_for_weights += bytes_of(run, model, tensor);
  }
  for (const Tensor& tensor : weight_output_gradients(run, model))
    sum.kept_for_weights += bytes_of(run, model, tensor);
  if (recompute == Recompute::Full)
    sum.kept = bytes_of(run, model, {static_cast<double>(model.hidden), element(model), Split::Sequence});
  return sum;
}

ActivationMemory stage_activation(const ModelRun& run, const Transformer& model, const StagePlace& place) {
  const ActivationMemory layer = layer_activation(run, model);
  ActivationMemory sum{layer.kept * place.layers.count, layer.kept_for_weights * place.layers.count};
  if (place.embedding) sum.kept += embedding_activation(run, model);
  if (place.head) {
    const ActivationMemory head = head_activation(run, model);
    sum.kept += head.kept;
    sum.kept_for_weights += head.kept_for_weights;
  }
  return sum;
}

double layer_parameters_per_gpu(const ModelRun& run, const Transformer& model) {
  const double tensor = run.parallelism.tensor;
  // With more GPUs than KV heads several hold a copy of one: its key and value matrices, and their biases.
  const double head_size = static_cast<double>(model.hidden) / model.heads;
  const double copied =
      (kv_heads_per_gpu(model, run.parallelism.tensor) - model.kv_heads / tensor) * head_size;
  const double rows = model.hidden + (model.gated_mlp ? 0.0 : 1.0);
  return static_cast<double>(layer_parameters(model)) / tensor + 2 * rows * copied;
}

double stage_parameters_per_gpu(const ModelRun& run, const Transformer& model, const StagePlace& place) {
  const double tensor = run.parallelism.tensor;
  double sum = layer_parameters_per_gpu(run, model) * place.layers.count;
  if (place.embedding) sum += static_cast<double>(embedding_parameters(model)) / tensor;
  if (place.head) {
    const bool shared = model.tied_embeddings && run.shape.ranks == 1;
    sum += static_cast<double>(final_norm_parameters(model));
    if (!shared) sum += static_cast<double>(head_parameters(model)) / tensor;
  }
  return sum;
}

ParameterBytes parameter_bytes(const ModelRun& run, Dtype dtype) {
  const auto weights = static_cast<double>(element_size(dtype).count());
  if (run.inference()) return {weights, 0, 0};
  return {weights, 4, dtype == Dtype::Fp32 ? 8.0 : 12.0};
}

void set_static_memory(StageCosts& stage, const ModelRun& run, Dtype dtype, double parameters) {
  const ParameterBytes each = parameter_bytes(run, dtype);
  stage.weights = to_bytes(parameters * each.weights);
  stage.gradients = to_bytes(parameters * each.gradients);
  stage.optimizer = to_bytes(parameters * each.optimizer);
}

}  // namespace ppsim
