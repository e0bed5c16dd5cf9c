/// The field tables of the sections, and of what is inside them.
#pragma once

#include <span>
#include <string_view>

#include "input/config/field_rows.hpp"
#include "ppsim/input/config/config.hpp"
#include "ppsim/model/costs/workload.hpp"

namespace ppsim {

// Bounds of counts. None is near to what exists, or is likely to; they are there so that a slip of the finger
// is told from a plan, and so that what is computed from them fits its integers (config_limits.cpp looks at
// products).
inline constexpr CountRange kLayers{1, 100'000};
inline constexpr CountRange kWidth{1, 10'000'000};
inline constexpr CountRange kTokens{1, 100'000'000};
inline constexpr CountRange kGpusPerNode{1, 4'096};
inline constexpr CountRange kNodes{1, 1'000'000};

extern const TableOf<Gpu> kGpuFields;
extern const TableOf<Link> kLinkFields;
extern const TableOf<Cluster> kInfinibandFields;
extern const TableOf<Pcie> kPcieFields;
extern const TableOf<Fabric> kFabricFields;
extern const TableOf<Software> kSoftwareFields;
extern const TableOf<Cluster> kClusterFields;
extern const TableOf<Transformer> kTransformerFields;
extern const TableOf<LayerCosts> kModelFields;
extern const TableOf<CostsInput> kCostsFields;
extern const TableOf<Parallelism> kParallelismFields;
extern const TableOf<Training> kTrainingFields;
extern const FieldTable kScheduleFields;
extern const TableOf<Simulation> kSimulationFields;
extern const TableOf<Noise> kNoiseFields;

/// How long an overlapped pair lasts, in `costs` and in `simulation`: "sum", "max" or a time.
[[nodiscard]] PairCost read_pair(const ObjectReader& section, std::string_view key);
inline constexpr std::string_view kPairExpected = "sum, max, or a time";
inline constexpr std::string_view kPairSchema =
    R"({"anyOf": [{"enum": ["sum", "max"]}, {"$ref": "common.schema.json#/definitions/time"}]})";

}  // namespace ppsim
