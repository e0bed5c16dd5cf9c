/// The sections of a config that describe what is run.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "input/config/config_reader.hpp"
#include "ppsim/input/config/config.hpp"
#include "ppsim/model/costs/workload.hpp"

namespace ppsim {

/// A source is text wherever it stands; empty where it is left out.
[[nodiscard]] std::string read_source(const ObjectReader& section);
[[nodiscard]] std::string join_sources(const std::string& first, const std::string& second);

/// What stands for the work: a model on a cluster, or costs, whose ranks have a link each or a cluster's.
enum class InputKind : std::uint8_t { Model, Costs, CostsOnCluster };

/// Costs need no GPU.
[[nodiscard]] Cluster read_cluster(const ObjectReader& section, InputKind kind);
[[nodiscard]] Software read_software(const ObjectReader& section);
/// Offers the defaults of `cluster.software`. Throws Error for what software may not choose.
void offer_software_defaults(Document& document);
[[nodiscard]] Model read_model(const ObjectReader& section);
[[nodiscard]] CostsInput read_costs(const ObjectReader& section, std::optional<Cluster> cluster);

[[nodiscard]] Training read_training(const ObjectReader& section);

/// With costs, what only a model or a cluster gives a meaning to is an error.
[[nodiscard]] Parallelism read_parallelism(const ObjectReader& section, InputKind kind);

/// Options are checked here, so that a fault names the file.
[[nodiscard]] ScheduleChoice read_schedule(const ObjectReader& section);

/// What the names of GPUs, ranks and links may speak of.
struct NamedPlaces {
  std::uint32_t ranks;
  const Cluster* cluster;  ///< null: ranks have a link each
  bool reduces = true;     ///< there are reductions of gradients
};

[[nodiscard]] Simulation read_simulation(const ObjectReader& section, InputKind kind,
                                         const NamedPlaces& places);
[[nodiscard]] Noise read_noise(const ObjectReader& section, const NamedPlaces& places);

}  // namespace ppsim
