// Attention. FLOPs as in Narayanan et al. 2021 (section 5.1) and Korthikanti et al. 2022 (appendix A): a
// product of m x k by k x n is 2 m n k, and all scores are counted although the mask hides half of them. What
// is kept are the tensors of Korthikanti et al. 2022, section 4.1. To them we add
//   grouped-query attention       fewer columns for K and V (Ainslie et al. 2023)
//   latent attention              DeepSeek-AI 2024, DeepSeek-V2, section 2.1 and appendix C
//   flash attention               Dao 2023, FlashAttention-2: no score is kept, only the log of each row's
//   sum
//                                 in fp32; the backward computes the scores again, 5 products instead of 4;
//                                 blocks above the diagonal are skipped, half of all for long sequences
#include <algorithm>

#include "model/layers/layer_operators.hpp"

namespace ppsim {

namespace {

// What a head works with on this GPU.
struct Core {
  double heads;
  double qk;                     // width of a head's query and key
  double v;                      // and of its value
  double queries, keys, values;  // widths over all heads; copies of a KV head counted once
};

Core grouped_core(const Transformer& model, std::uint32_t tensor) {
  const double heads = model.heads / static_cast<double>(tensor);
  const double size = model.size_of_head();
  const double kv = kv_heads_per_gpu(model, tensor) * size;
  return {heads, size, size, heads * size, kv, kv};
}

// A token step works on the latents themselves: what makes keys of them is applied to the query, what makes
// values to the result, and all heads read one latent (DeepSeek-V2, section 2.1.2).
Core latent_core(const OperatorList& list, const LatentAttention& latent) {
  const double heads = list.model().heads / list.sizes().tensor;
  if (list.sizes().token_step) {
    const double qk = static_cast<double>(latent.kv_lora_rank) + latent.qk_rope_head_size;
    return {heads, qk, static_cast<double>(latent.kv_lora_rank), heads * qk, qk, 0};
  }
  const double qk = latent.qk_head_size();
  const double v = latent.v_head_size;
  return {heads, qk, v, heads * qk, heads * qk, heads * v};
}

Core core_of(const OperatorList& list) {
  const auto& latent = list.model().latent_attention;
  return latent ? latent_core(list, *latent) : grouped_core(list.model(), list.run().parallelism.tensor);
}

// s x s scores of all heads, from products that are `qk` and `v` wide.
Product scores_product(const OperatorList& list, const Core& core) {
  const LayerSizes& sizes = list.sizes();
  Product product{.m = sizes.tokens, .n = sizes.context, .k = core.qk, .count = sizes.samples * core.heads};
  product.input_bytes = product.output_bytes = sizes.element;
  product.attention = true;
  return product;
}

Product context_product(const OperatorList& list, const Core& core) {
  Product product = scores_product(list, core);
  product.n = core.v;
  product.k = list.sizes().context;
  return product;
}

// Both gradients of a product without weights are gradients of inputs.
void add_both_gradients(Operator& op, const Product& forward) {
  Product first = forward;
  std::swap(first.n, first.k);
  op.input_grad.add(first);
  Product second = forward;
  std::swap(second.m, second.k);
  op.input_grad.add(second);
}

void add_unfused_core(OperatorList& list, const Core& core) {
  const double e = list.sizes().element;
  const double scores = core.heads * list.sizes().context;
  Operator& score = list.begin("attention scores", OperatorList::Part::Core);
  score.forward.add(scores_product(list, core));
  add_both_gradients(score, scores_product(list, core));
  list.keep(core.queries, e);
  list.keep(core.keys, e);
  list.gradients(core.queries + core.keys + scores);

  list.begin("softmax", OperatorList::Part::Core);
  list.keep(scores, e, Keep::Core);
  list.traffic(KernelKind::Softmax, 2 * scores, 3 * scores);
  list.gradients(2 * scores);
  list.dropout(scores, Keep::Core);
  if (list.model().dropout) list.keep(scores, e, Keep::Core);  // what dropout makes of the softmax

  Operator& context = list.begin("attention context", OperatorList::Part::Core);
  context.forward.add(context_product(list, core));
  add_both_gradients(context, context_product(list, core));
  list.keep(core.values, e);
  list.gradients(core.heads * core.v + core.values + scores);
}

// One kernel each way.
void add_flash_core(OperatorList& list, const Core& core) {
  const double e = list.sizes().element;
  Operator& op = list.begin("flash attention", OperatorList::Part::Core);
  Product scores = scores_product(list, core);
  Product context = context_product(list, core);
  // The last token, which is all that a token step has, attends to every other.
  scores.computed = context.computed =
      list.run().training.attention_work * (list.sizes().token_step ? 1 : 0.5);
  scores.input_bytes = scores.output_bytes = context.input_bytes = context.output_bytes = 0;
  context.kernels = 0;
  op.forward.add(scores);
  op.forward.add(context);
  scores.count *= 3;   // the scores again, gradients of Q and of K
  context.count *= 2;  // gradients of P and of V
  op.input_grad.add(scores);
  op.input_grad.add(context);
  list.keep(core.queries, e);
  list.keep(core.keys, e);
  list.keep(core.values, e);
  list.keep(core.heads, 4, Keep::Core);
  // The backward needs the output. It is what the projection keeps, unless it goes to other GPUs in between.
  const Parallelism& parallelism = list.run().parallelism;
  if (parallelism.context > 1 && parallelism.context_exchange == ContextExchange::AllToAll)
    list.keep(core.heads * core.v, e, Keep::Core);
  list.gradients(core.queries + core.keys + core.values + core.heads * core.v);
}

void add_qkv(OperatorList& list, const Core& core) {
  const LayerSizes& sizes = list.sizes();
  const double columns = core.queries + core.keys + core.values;
  Operator& op = list.begin("qkv projection");
  op.parameters = columns * (sizes.hidden + (list.model().gated_mlp ? 0 : 1));
  list.weights(columns, sizes.hidden, true);
  list.keep_weight_input(sizes.hidden / sizes.sequence);
  list.weight_output(columns);
}

// Every GPU of a tensor group holds the way down whole, and runs its part of the sequence.
void add_down(OperatorList& list, std::string_view name, double latent) {
  const LayerSizes& sizes = list.sizes();
  list.begin(name).parameters = latent * sizes.hidden;
  list.weights(latent, sizes.hidden, false, 1 / sizes.sequence);
  list.weight_output(latent / sizes.sequence);
}

void add_latent_norm(OperatorList& list, std::string_view name, double latent, double beside) {
  const LayerSizes& sizes = list.sizes();
  list.begin(name).parameters = latent;
  list.keep((latent + beside) / sizes.sequence, sizes.element);
  list.traffic(KernelKind::Norm, 2 * latent / sizes.sequence, 3 * latent / sizes.sequence);
  list.gradients(2 * latent / sizes.sequence);
}

void add_up(OperatorList& list, std::string_view name, double columns, double latent) {
  list.begin(name).parameters = columns * latent;
  list.weights(columns, latent, true);
  list.keep_weight_input(latent / list.sizes().sequence);
  list.weight_output(columns);
}

void add_latent_projections(OperatorList& list, const LatentAttention& latent) {
  const LayerSizes& sizes = list.sizes();
  const double heads = list.model().heads / sizes.tensor;
  const double queries = heads * latent.qk_head_size();
  if (latent.q_lora_rank > 0) {
    add_down(list, "q down projection", latent.q_lora_rank);
    list.keep_weight_input(sizes.hidden / sizes.sequence);  // kv's reads the same
    add_latent_norm(list, "q norm", latent.q_lora_rank, 0);
    add_up(list, "q up projection", queries, latent.q_lora_rank);
  } else {
    add_up(list, "q projection", queries, sizes.hidden);
  }
  add_down(list, "kv down projection", static_cast<double>(latent.kv_lora_rank) + latent.qk_rope_head_size);
  add_latent_norm(list, "kv norm", latent.kv_lora_rank, latent.qk_rope_head_size);
  add_up(list, "kv up projection",
         heads * (static_cast<double>(latent.qk_nope_head_size) + latent.v_head_size), latent.kv_lora_rank);
}

// Llama style turns queries and keys by their position (Su et al. 2021); latent attention turns a part of
// them and puts the parts together, which moves as many bytes.
void add_rotary(OperatorList& list, const Core& core) {
  if (!list.model().gated_mlp) return;
  list.begin("rotary embedding");
  list.traffic(KernelKind::Rotary, 2 * (core.queries + core.keys), 2 * (core.queries + core.keys));
}

void add_output(OperatorList& list, const Core& core) {
  const LayerSizes& sizes = list.sizes();
  const bool latent = list.model().latent_attention.has_value();
  const double inputs = latent ? core.heads * list.model().latent_attention->v_head_size : core.queries;
  const double bias = list.model().gated_mlp || latent ? 0 : sizes.hidden / sizes.tensor;
  list.begin("output projection").parameters = inputs * sizes.hidden + bias;
  list.weights(sizes.hidden, inputs, false);
  list.keep_weight_input(inputs);
  list.weight_output(sizes.hidden / sizes.sequence);
}

}  // namespace

std::uint32_t kv_heads_per_gpu(const Transformer& model, std::uint32_t tensor) {
  return model.kv_heads / std::min(model.kv_heads, tensor);
}

AttentionWidths attention_widths(const ModelRun& run, const Transformer& model, const Pass& pass) {
  const Core core = core_of(OperatorList(run, model, pass));
  return {core.queries, core.keys, core.values, core.heads * core.v};
}

void add_attention(OperatorList& list) {
  const auto& latent = list.model().latent_attention;
  const Core core = core_of(list);
  add_norm(list, "attention norm", Keep::Always);
  if (latent)
    add_latent_projections(list, *latent);
  else
    add_qkv(list, core);
  add_rotary(list, core);
  if (list.model().flash_attention)
    add_flash_core(list, core);
  else
    add_unfused_core(list, core);
  add_output(list, core);
  add_residual(list, "attention residual");
}

}  // namespace ppsim
