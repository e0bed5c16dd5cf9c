/// The section `noise` of a config: who is slower than the rest, and what differs from run to run.
#pragma once

#include <cstdint>

#include "input/config/config_reader.hpp"
#include "ppsim/input/config/config.hpp"

namespace ppsim {

/// What the names of GPUs, ranks and links may speak of.
struct NamedPlaces {
  std::uint32_t ranks;
  const Cluster* cluster;  ///< null: ranks have a link each
  bool reduces = true;     ///< there are reductions of gradients
};

[[nodiscard]] Noise read_noise(Document& document, const ObjectReader& section, const NamedPlaces& places);

}  // namespace ppsim
