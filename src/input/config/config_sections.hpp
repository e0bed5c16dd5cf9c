/// The sections of a config that describe what is run.
#pragma once

#include <array>
#include <optional>

#include "input/config/config_reader.hpp"
#include "ppsim/model/costs/workload.hpp"

namespace ppsim {

// Bounds of counts. None is near to what exists, or is likely to; they are there so that a slip of the finger
// is told from a plan, and so that what is computed from them fits its integers (config_limits.cpp looks at
// products).
inline constexpr CountRange kLayers{1, 100'000};
inline constexpr CountRange kWidth{1, 10'000'000};
inline constexpr CountRange kTokens{1, 100'000'000};

inline constexpr std::array<std::string_view, kDtypes> kDtypeNames{"fp32", "fp16",  "bf16",
                                                                   "fp8",  "mxfp8", "nvfp4"};

/// A source is text wherever it stands; empty where it is left out.
[[nodiscard]] std::string read_source(const ObjectReader& section);
[[nodiscard]] std::string join_sources(const std::string& first, const std::string& second);

/// What stands for the work: a model on a cluster, or costs, whose ranks have a link each or a cluster's.
enum class InputKind : std::uint8_t { Model, Costs, CostsOnCluster };

/// Costs need no GPU.
[[nodiscard]] Cluster read_cluster(const ObjectReader& section, InputKind kind);
[[nodiscard]] Model read_model(const ObjectReader& section);
[[nodiscard]] CostsInput read_costs(const ObjectReader& section, std::optional<Cluster> cluster);
[[nodiscard]] PairCost read_pair(const ObjectReader& section);  ///< its `overlapped_pair`

[[nodiscard]] Training read_training(const ObjectReader& section);

/// With costs, what only a model or a cluster gives a meaning to is an error.
[[nodiscard]] Parallelism read_parallelism(const ObjectReader& section, InputKind kind);

}  // namespace ppsim
