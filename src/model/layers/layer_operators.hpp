/// The operators of each kind of layer, and of the two ends of a transformer.
#pragma once

#include "model/layers/operator_list.hpp"

namespace ppsim {

/// KV heads that one GPU holds: a head is copied where the tensor group has more GPUs than there are heads.
[[nodiscard]] std::uint32_t kv_heads_per_gpu(const Transformer& model, std::uint32_t tensor);

/// Each requires sizes that check_model() accepted.
[[nodiscard]] Operators layer_operators(const ModelRun& run, const Transformer& model, bool experts,
                                        const Pass& pass);
[[nodiscard]] Operators embedding_operators(const ModelRun& run, const Transformer& model, const Pass& pass);

/// Last norm, head and loss; inference has no loss.
[[nodiscard]] Operators head_operators(const ModelRun& run, const Transformer& model, const Pass& pass);

/// What the attention core reads and makes of a token on one GPU, as numbers of its model's type.
struct AttentionWidths {
  double queries = 0;
  double keys = 0;
  double values = 0;
  double outputs = 0;
};
[[nodiscard]] AttentionWidths attention_widths(const ModelRun& run, const Transformer& model,
                                               const Pass& pass);

/// Parts of a layer.
void add_attention(OperatorList& list);
void add_mlp(OperatorList& list);
void add_experts(OperatorList& list);

/// Norm before a part of a layer, which keeps its input; what is added to the hidden states behind it.
void add_norm(OperatorList& list, std::string_view name, Keep keep,
              OperatorList::Part part = OperatorList::Part::Layer);
void add_residual(OperatorList& list, std::string_view name);

}  // namespace ppsim
