// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// What training keeps beside the model, and in which types: gradients, optimizer state, working memory.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "ppsim/core/enum_names.hpp"
#include "ppsim/model/hardware/cluster.hpp"

namespace ppsim {

/// Kernels of a layer that memory bounds, and the attention core: what software does in one kernel or
/// several.
enum class KernelKind : std::uint8_t {
  Norm,
  Softmax,
  Dropout,
  Rotary,
  Activation,
  Residual,
  Routing,
  Loss,
  Quantize
};
template <>
inline constexpr auto kEnumNames<KernelKind> = enum_names<KernelKind>({{KernelKind::Norm, "norm"},
                                                                       {KernelKind::Softmax, "softmax"},
                                                                       {KernelKind::Dropout, "dropout"},
                                                                       {KernelKind::Rotary, "rotary"},
                                                                       {KernelKind::Activation, "activation"},
                                                                       {KernelKind::Residual, "residual"},
                                                                       {KernelKind::Routing, "routing"},
                                                                       {KernelKind::Loss, "loss"},
                                                                       {KernelKind::Quantize, "quantize"}});
inline constexpr std::size_t kKernelKinds = kEnumNames<KernelKind>.size();

/// What the training software's kernels take, as multiples of one kernel that moves its inputs and outputs
/// once.
struct KernelFactors {
  double bytes = 1;
  double kernels = 1;
  double kept = 1;  ///< of the tensors that a norm (from 1) or an activation function keeps for its backward
};

/// Mixed precision (Micikevicius et al. 2018) with Adam (Kingma and Ba 2015).
struct Training {
  Dtype gradient_dtype = Dtype::Fp32;
  std::optional<Dtype> master_dtype = Dtype::Fp32;  ///< of the optimizer's own copy of the weights; empty, or
                                                    ///< where the weights have that type: no copy
  Dtype moment_dtype = Dtype::Fp32;                 ///< of each of the two moments
  bool fused_loss = false;       ///< the loss works on the logits in place and keeps no copy in fp32
  bool gathered_logits = false;  ///< the loss sees all logits of a token on every GPU of a tensor group
  bool working_memory = false;   ///< counts what a pass needs while it runs, and the buffers of transfers
  bool gradient_placeholders = false;  ///< the framework holds an empty gradient for each shape of a weight
  Bytes gradient_bucket;  ///< most gradients of a GPU that are reduced at once; 0: all of a stage
  std::array<KernelFactors, kKernelKinds> kernels{};
  std::optional<KernelFactors> unfused_softmax{};  ///< where Megatron-LM's fused softmax does not fit: it
                                                   ///< asks for samples x heads of a GPU a multiple of 4
  double attention_work = 1;       ///< time of a fused attention core, as a multiple of what the GPU says
  double captured_launches = 0;    ///< share of kernels that CUDA graphs launch, at no cost of the host's
  bool overlap_sharding = false;   ///< what ZeRO 2 and 3 exchange for a pass runs beside its computing (FSDP)
  double overlap_tensor = 0;       ///< share of the tensor group's collectives that runs beside its products
  double overlap_expert = 0;       ///< and of the experts' all-to-alls beside other computing
  bool overlap_gradients = false;  ///< a bucket is reduced as soon as the last backward has filled it
};

}  // namespace ppsim
