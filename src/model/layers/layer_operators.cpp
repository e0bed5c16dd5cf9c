// MLP, experts, and the ends of the model. Tensors that are kept: Korthikanti et al. 2022, sections 4.1 and
// 4.3; a mask has one byte an element.
//
// Experts (DeepSeek-AI 2024, DeepSeekMoE): the tokens are taken to spread evenly, so that every group of
// experts sees as many as every other: each GPU computes its own tokens' share of all visits, whichever GPU
// they come from.
#include "model/layers/layer_operators.hpp"

namespace ppsim {

namespace {

// Names of the three steps of an MLP, which experts have too.
struct MlpNames {
  std::string_view up, activation, down;
};

struct MlpShape {
  double width;         // on this GPU
  double share = 1;     // of the tokens
  double count = 1;     // experts
  double split = 1;     // GPUs that share its input and output
  bool routed = false;  // only some tokens come
};

void begin_product(OperatorList& list, std::string_view name, const MlpShape& shape, double matrix) {
  Operator& op = list.begin(name);
  op.parameters = shape.count * matrix;
  op.routed_expert = shape.routed;
}

// Up (with the gate), activation function, down. Without biases.
void add_mlp_steps(OperatorList& list, const MlpNames& names, const MlpShape& shape) {
  const LayerSizes& sizes = list.sizes();
  const double up = (list.model().gated_mlp ? 2 : 1) * shape.width;
  begin_product(list, names.up, shape, up * sizes.hidden);
  list.weights(up, sizes.hidden, !shape.routed, shape.share, shape.count);
  list.keep_weight_input(sizes.hidden / shape.split, shape.share);
  list.weight_output(up, shape.share);

  list.begin(names.activation);
  list.keep(up, sizes.element * list.kept_share(KernelKind::Activation), Keep::Layer, shape.share);
  list.traffic(KernelKind::Activation, up + shape.width, 2 * up + shape.width, shape.share);
  list.gradients(up + shape.width, shape.share);

  begin_product(list, names.down, shape, shape.width * sizes.hidden);
  list.weights(sizes.hidden, shape.width, false, shape.share, shape.count);
  list.keep_weight_input(shape.width, shape.share);
  list.weight_output(sizes.hidden / shape.split, shape.share);
}

// The choice is made in fp32, of a copy of the hidden states that its backward needs.
void add_router(OperatorList& list, const Experts& experts) {
  const LayerSizes& sizes = list.sizes();
  list.begin("router").parameters = sizes.hidden * experts.count;
  list.weights(experts.count, sizes.hidden, false, 1 / sizes.sequence);
  list.keep(sizes.hidden / sizes.sequence, 4);
}

// Copies of the tokens, one for each expert that they visit, and their sum.
void add_permutation(OperatorList& list, std::string_view name, double share) {
  const double hidden = list.sizes().hidden;
  list.begin(name);
  list.traffic(KernelKind::Routing, 2 * hidden, 2 * hidden, share);
  list.gradients(hidden, share);
}

}  // namespace

// Norms are few parameters; they are counted as if the tensor group split them too, as in 13 h / t.
void add_norm(OperatorList& list, std::string_view name, Keep keep, OperatorList::Part part) {
  const LayerSizes& sizes = list.sizes();
  const double part_of_hidden = sizes.hidden / sizes.sequence;
  Operator& op = list.begin(name, part);
  op.parameters =
      sizes.hidden * (list.model().gated_mlp ? 1 : 2) / (part == OperatorList::Part::End ? 1 : sizes.tensor);
  const double more = list.kept_share(KernelKind::Norm) - 1;
  list.keep(part_of_hidden, sizes.element, keep);
  if (more > 0) list.keep(part_of_hidden, more * sizes.element);
  list.traffic(KernelKind::Norm, 2 * part_of_hidden, 3 * part_of_hidden);
  list.gradients(2 * part_of_hidden);
}

void add_residual(OperatorList& list, std::string_view name) {
  const double part_of_hidden = list.sizes().hidden / list.sizes().sequence;
  list.begin(name);
  list.traffic(KernelKind::Residual, 3 * part_of_hidden, 3 * part_of_hidden);
  list.dropout(part_of_hidden);
}

void add_mlp(OperatorList& list) {
  const Transformer& model = list.model();
  const LayerSizes& sizes = list.sizes();
  const double width = model.ffn_hidden / sizes.tensor;
  add_mlp_steps(list, {model.gated_mlp ? "mlp gate and up" : "mlp up", "activation function", "mlp down"},
                {.width = width, .split = sizes.sequence});
  if (!model.gated_mlp) list.last().parameters += width + sizes.hidden / sizes.tensor;  // biases
}

void add_experts(OperatorList& list) {
  const Experts& experts = *list.model().experts;
  const Parallelism& parallelism = list.run().parallelism;
  const LayerSizes& sizes = list.sizes();
  add_router(list, experts);
  if (experts.shared > 0) {
    const double width = static_cast<double>(experts.shared) * experts.ffn_hidden / sizes.tensor;
    add_mlp_steps(list, {"shared expert up", "shared expert activation", "shared expert down"},
                  {.width = width, .split = sizes.sequence});
  }
  // A tensor group's visits are shared out among its GPUs, as far as they do not work on the same expert.
  const double visits = experts.per_token * parallelism.tensor_of_expert() / sizes.tensor;
  add_permutation(list, "dispatch", visits);
  add_mlp_steps(list, {"experts up", "experts activation", "experts down"},
                {.width = static_cast<double>(experts.ffn_hidden) / parallelism.tensor_of_expert(),
                 .share = visits,
                 .count = static_cast<double>(experts.count) / parallelism.expert,
                 .routed = true});
  add_permutation(list, "combine", visits);
}

Operators layer_operators(const ModelRun& run, const Transformer& model, bool experts, const Pass& pass) {
  OperatorList list(run, model, pass);
  add_attention(list);
  add_norm(list, "mlp norm", Keep::Layer);
  if (experts)
    add_experts(list);
  else
    add_mlp(list);
  add_residual(list, "mlp residual");
  return std::move(list).take();
}

Operators embedding_operators(const ModelRun& run, const Transformer& model, const Pass& pass) {
  OperatorList list(run, model, pass);
  const LayerSizes& sizes = list.sizes();
  const double part_of_hidden = sizes.hidden / sizes.sequence;
  list.begin("embedding", OperatorList::Part::End).parameters =
      static_cast<double>(embedding_parameters(model)) / sizes.tensor;
  list.traffic(KernelKind::Residual, 2 * part_of_hidden, 3 * part_of_hidden);
  list.dropout(part_of_hidden);
  return std::move(list).take();
}

namespace {

// What the loss sees of the logits. Where every GPU of a tensor group has them all, a plain loss makes copies
// of them: gathered, in fp32, shifted against the labels, and their log-softmax; and gradients, two of them
// in fp32.
void add_loss(OperatorList& list) {
  const LayerSizes& sizes = list.sizes();
  const Training& training = list.run().training;
  const bool gathered = training.gathered_logits && sizes.tensor > 1;
  const double logits = list.model().vocabulary / (gathered ? 1 : sizes.tensor);
  list.begin("loss", OperatorList::Part::End);
  list.keep(logits, training.fused_loss ? sizes.element : 4);
  if (training.gathered_logits) list.keep(logits, sizes.element + 4 + 4);
  if (training.fused_loss) {
    list.traffic(KernelKind::Loss, 2 * logits, 0);
  } else {
    const double wide = 4 / sizes.element;
    list.traffic(KernelKind::Loss, (1 + 3 * wide) * logits, (1 + 2 * wide) * logits);
    list.gradients(training.gathered_logits ? (1 + 2 * wide) * logits : logits);
  }
}

}  // namespace

Operators head_operators(const ModelRun& run, const Transformer& model, const Pass& pass) {
  OperatorList list(run, model, pass);
  const LayerSizes& sizes = list.sizes();
  const double logits = model.vocabulary / sizes.tensor;
  add_norm(list, "last norm", Keep::Always, OperatorList::Part::End);
  const bool shared = model.tied_embeddings && run.shape.ranks == 1;
  list.begin("head", OperatorList::Part::End).parameters = shared ? 0 : logits * sizes.hidden;
  list.weights(logits, sizes.hidden, true);
  list.keep_weight_input(sizes.hidden / sizes.sequence);
  list.weight_output(logits);
  if (run.inference()) return std::move(list).take();
  // Without fusion the logits are copied to fp32, softmax and all that follows are in fp32 (section 4.3).
  add_loss(list);
  return std::move(list).take();
}

}  // namespace ppsim
