/// Inference: what a token step costs a stage, and the KV cache it reads.
#pragma once

#include "cost_model.hpp"

namespace ppsim {

/// Token step `step` (1: the first after prefill) of one request: the new token attends to the prompt, the
/// tokens made before it and itself.
[[nodiscard]] Seconds decode_time(const ModelRun& run, const Transformer& model, const StagePlace& place,
                                  std::uint32_t step);

/// Tensor-parallel collectives inside it.
[[nodiscard]] Seconds decode_comm_time(const ModelRun& run, const Transformer& model,
                                       const StagePlace& place);

/// Keys and values of one token position of one request (micro_batch_size samples), over a stage's layers, on
/// one GPU.
[[nodiscard]] Bytes kv_cache_per_token(const ModelRun& run, const Transformer& model,
                                       const StagePlace& place);

}  // namespace ppsim
