/// What training keeps beside the model, and in which types: gradients, optimizer state, working memory.
#pragma once

#include <optional>

#include "ppsim/model/cluster.hpp"

namespace ppsim {

/// Mixed precision (Micikevicius et al. 2018) with Adam (Kingma and Ba 2015).
struct Training {
  Dtype gradient_dtype = Dtype::Fp32;
  std::optional<Dtype> master_dtype = Dtype::Fp32;  ///< of the optimizer's own copy of the weights; empty, or
                                                    ///< where the weights have that type: no copy
  Dtype moment_dtype = Dtype::Fp32;                 ///< of each of the two moments
  bool fused_loss = false;      ///< the loss works on the logits in place and keeps no copy in fp32
  bool working_memory = false;  ///< counts what a pass needs while it runs, and the buffers of transfers
  bool gradient_placeholders = false;  ///< the framework holds an empty gradient for each shape of a weight
  Bytes gradient_bucket;           ///< most gradients of a GPU that are reduced at once; 0: all of a stage
  bool overlap_gradients = false;  ///< a bucket is reduced as soon as the last backward has filled it
};

}  // namespace ppsim
