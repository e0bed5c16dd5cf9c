/// Stages of a model that is given by the costs of its layers.
#pragma once

#include "model/costs/stage_collectives.hpp"
#include "ppsim/model/layers/transformer.hpp"

namespace ppsim {

/// Of a stage's layers on one GPU, for one micro-batch.
struct LayerSums {
  Flops flops;  ///< forward
  Seconds forward{};
  Seconds backward{};   ///< `recompute` included
  Seconds recompute{};  ///< the forward again
  double activation = 0;
  double recomputed = 0;  ///< activations that recomputation makes again
  double parameters = 0;
};

/// Throws Error (where: the config key) for a run that costs of layers say too little for.
void check_model(const ModelRun& run, const LayerCosts& model);

[[nodiscard]] LayerSums sum_layers(const ModelRun& run, const LayerCosts& model, LayerRange layers);

/// What ZeRO exchanges of these layers, which `forward` and `backward` of LayerSums do not hold.
[[nodiscard]] ZeroCollectives layer_costs_collectives(const ModelRun& run, const LayerCosts& model,
                                                      LayerRange layers);

}  // namespace ppsim
