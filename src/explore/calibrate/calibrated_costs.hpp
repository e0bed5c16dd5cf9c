// A fit as costs that a config can have.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "metrics/cost_fit.hpp"
#include "metrics/link_fit.hpp"
#include "metrics/step_samples.hpp"
#include "ppsim/engine/jitter.hpp"
#include "ppsim/explore/run/run.hpp"

namespace ppsim {

/// By kind of link: between ranks that have a link each, or GPUs of a node; and between nodes.
struct NetworkFit {
  std::optional<LinkFit> inside, across;
};

/// Links of a config as it has them.
[[nodiscard]] Link inside_link(const WorkloadInput& input);
[[nodiscard]] Link across_link(const WorkloadInput& input);

/// The config with what was fitted in place of its costs or its model: costs per stage of `plan`, one value
/// where stages that are alike by the config were measured alike too (within 2 %). `own`: a step of the
/// plan's run, for which ops it has and what they take by the config. Of several replicas each link is as for
/// all of them in step. Adds to `notes` what costs cannot say.
[[nodiscard]] Config calibrated(const Config& config, const Plan& plan, const StepSamples& own,
                                const CostFit& costs, const NetworkFit& network, const Jitter& jitter,
                                std::vector<std::string>& notes);

}  // namespace ppsim
