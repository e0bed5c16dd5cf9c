#include "model/layers/transformer_checks.hpp"

#include <fmt/format.h>

#include "ppsim/core/error.hpp"

namespace ppsim {

namespace {

void check_positive(const char* key, std::uint32_t value) {
  if (value == 0) throw Error(fmt::format("/model/transformer/{}", key), "0; expected at least 1");
}

void check_heads(const Transformer& model) {
  check_positive("heads", model.heads);
  check_positive("kv_heads", model.kv_heads);
  if (model.head_size == 0 && !model.latent_attention && model.hidden % model.heads != 0)
    throw Error("/model/transformer/heads", fmt::format("{} heads for hidden {}; expected a divisor of {}",
                                                        model.heads, model.hidden, model.hidden));
  if (model.heads % model.kv_heads != 0)
    throw Error("/model/transformer/kv_heads",
                fmt::format("{} KV heads for {} heads; expected a divisor of {}", model.kv_heads, model.heads,
                            model.heads));
}

void check_latent(const Transformer& model, const LatentAttention& latent) {
  check_positive("latent_attention/kv_lora_rank", latent.kv_lora_rank);
  check_positive("latent_attention/qk_nope_head_size", latent.qk_nope_head_size);
  check_positive("latent_attention/v_head_size", latent.v_head_size);
  if (model.kv_heads != model.heads)
    throw Error("/model/transformer/kv_heads",
                fmt::format("{} KV heads with latent attention, which has one for each of the {} heads; "
                            "expected no such key",
                            model.kv_heads, model.heads));
}

void check_experts(const Transformer& model, const Experts& experts) {
  check_positive("experts/count", experts.count);
  check_positive("experts/ffn_hidden", experts.ffn_hidden);
  check_positive("experts/every", experts.every);
  if (experts.per_token == 0 || experts.per_token > experts.count)
    throw Error("/model/transformer/experts/per_token",
                fmt::format("{}; expected 1 to the {} that there are", experts.per_token, experts.count));
  if (experts.dense_layers >= model.layers)
    throw Error("/model/transformer/experts/dense_layers",
                fmt::format("{} of {} layers; expected fewer than all", experts.dense_layers, model.layers));
}

// So that counting them in 64 bits cannot wrap.
void check_parameters(const Transformer& model) {
  const double h = model.hidden;
  double width = 3.0 * model.ffn_hidden;
  if (model.experts)
    width +=
        3.0 * model.experts->ffn_hidden * (static_cast<double>(model.experts->count) + model.experts->shared);
  double attention = 4.0 * (h + model.heads * static_cast<double>(model.head_size));
  if (const auto& latent = model.latent_attention)
    attention += (h + model.heads * (static_cast<double>(latent->qk_head_size()) + latent->v_head_size)) *
                 (static_cast<double>(latent->q_lora_rank) + latent->kv_lora_rank + 1);
  const double layer = h * (attention + width + 20);
  const double parameters =
      model.layers * layer + 2 * h * (static_cast<double>(model.vocabulary) + model.sequence_length);
  if (parameters > 0x1p62)
    throw Error("/model/transformer", fmt::format("{:.3g} parameters; expected fewer than 2^62", parameters));
}

void check_divides(const char* key, const char* what, std::uint64_t value, std::uint64_t parts) {
  if (value % parts != 0)
    throw Error(fmt::format("/parallelism/{}", key),
                fmt::format("{} does not divide the model's {} {}; expected a divisor", parts, value, what));
}

void check_tensor(const Transformer& model, const Parallelism& parallelism) {
  const std::uint32_t tensor = parallelism.tensor;
  check_divides("tensor", "heads", model.heads, tensor);
  check_divides("tensor", "ffn_hidden", model.ffn_hidden, tensor);
  if (model.experts)
    check_divides("tensor", "width of shared experts",
                  std::uint64_t{model.experts->shared} * model.experts->ffn_hidden, tensor);
  if (model.kv_heads % tensor != 0 && tensor % model.kv_heads != 0)
    throw Error("/parallelism/tensor",
                fmt::format("{} GPUs for {} KV heads; expected a divisor or a multiple of {}", tensor,
                            model.kv_heads, model.kv_heads));
}

void check_sequence(const Transformer& model, const ModelRun& run) {
  const Parallelism& parallelism = run.parallelism;
  if (parallelism.context > 1 && run.inference())
    throw Error("/parallelism/context", "more than 1 in inference; expected 1");
  check_divides("context", "tokens of a sequence", model.sequence_length, parallelism.context);
  if (parallelism.context_exchange == ContextExchange::AllToAll)
    check_divides("context", "heads on a GPU", model.heads / parallelism.tensor, parallelism.context);
  const std::uint32_t part = model.sequence_length / parallelism.context;
  if (parallelism.sequence_parallel && part % parallelism.tensor != 0)
    throw Error("/parallelism/sequence_parallel",
                fmt::format("a sequence of {} tokens does not split over tensor {}; expected a divisor of {}",
                            part, parallelism.tensor, part));
}

void check_expert_parallel(const Transformer& model, const Parallelism& parallelism) {
  if (!model.experts) {
    for (const auto& [key, size] : {std::pair{"expert", parallelism.expert},
                                    std::pair{"expert_tensor", parallelism.expert_tensor.value_or(1)}})
      if (size > 1)
        throw Error(fmt::format("/parallelism/{}", key),
                    fmt::format("{} for a model without experts; expected 1", size));
    return;
  }
  const std::uint32_t each = parallelism.tensor_of_expert();
  check_divides("expert", "experts", model.experts->count, parallelism.expert);
  check_divides("expert_tensor", "width of an expert", model.experts->ffn_hidden, each);
  const std::uint64_t gpus = std::uint64_t{parallelism.tensor} * parallelism.replicas();
  if (const std::uint64_t parts = std::uint64_t{parallelism.expert} * each; gpus % parts != 0)
    throw Error("/parallelism/expert",
                fmt::format("expert {} x expert_tensor {} does not divide the {} GPUs of a pipeline rank; "
                            "expected a divisor",
                            parallelism.expert, each, gpus));
  if (parallelism.tensor % each != 0)
    throw Error("/parallelism/expert_tensor",
                fmt::format("{}; expected a divisor of tensor, {}", each, parallelism.tensor));
  if (each != parallelism.tensor && !parallelism.sequence_parallel)
    throw Error("/parallelism/expert_tensor",
                fmt::format("{} where tensor is {} leaves each GPU its own tokens; expected "
                            "sequence_parallel with it",
                            each, parallelism.tensor));
}

void check_zero(const ModelRun& run) {
  const std::uint32_t stage = run.parallelism.zero_stage;
  if (stage > 3) throw Error("/parallelism/zero_stage", fmt::format("{}; expected 0 to 3", stage));
  if (stage > 0 && run.inference())
    throw Error("/parallelism/zero_stage", "has no meaning in inference; expected 0");
}

void check_sizes(const Transformer& model) {
  check_positive("layers", model.layers);
  check_positive("hidden", model.hidden);
  check_positive("ffn_hidden", model.ffn_hidden);
  check_positive("sequence_length", model.sequence_length);
  check_heads(model);
  if (model.latent_attention) check_latent(model, *model.latent_attention);
  if (model.experts) check_experts(model, *model.experts);
  check_parameters(model);
}

}  // namespace

void check_model(const ModelRun& run, const Transformer& model) {
  check_sizes(model);
  check_tensor(model, run.parallelism);
  check_sequence(model, run);
  check_expert_parallel(model, run.parallelism);
  check_zero(run);
}

}  // namespace ppsim
