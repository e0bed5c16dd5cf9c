/// Inference: what a token step costs a stage, and the KV cache it reads.
#pragma once

#include <vector>

#include "model/costs/cost_model.hpp"

namespace ppsim {

/// What a token step takes one layer of each kind, and the head.
struct DecodeStep {
  Seconds dense{};
  Seconds experts{};
  Seconds head{};
};

/// [decode_steps] The first is the one after prefill: the new token of a request attends to the prompt, the
/// tokens made before it and itself.
[[nodiscard]] std::vector<DecodeStep> decode_steps(const ModelRun& run, const Transformer& model);

/// Of a stage, its collectives included.
[[nodiscard]] Seconds decode_time(const ModelRun& run, const Transformer& model, const StagePlace& place,
                                  const DecodeStep& step);

/// Tensor-parallel collectives inside it.
[[nodiscard]] CollectiveCost decode_tensor_comm(const ModelRun& run, const Transformer& model,
                                                const StagePlace& place);

/// Exchange of tokens between groups that share out the experts, inside it.
[[nodiscard]] CollectiveCost decode_other_comm(const ModelRun& run, const Transformer& model,
                                               const StagePlace& place);

/// Keys and values of one token position of one request (micro_batch_size samples), over a stage's layers, on
/// one GPU.
[[nodiscard]] Bytes kv_cache_per_token(const ModelRun& run, const Transformer& model,
                                       const StagePlace& place);

}  // namespace ppsim
