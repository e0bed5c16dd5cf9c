/// The versions of our JSON documents, each of a kind of document: "schema_version". A version goes up where
/// a key goes or changes its meaning, and stays where a key is added.
#pragma once

#include <cstdint>

namespace ppsim {

/// simulate, compare, model, network, schedule optimize, compare-runs: what begins with the config's hash.
inline constexpr std::uint32_t kReportSchema = 1;
inline constexpr std::uint32_t kActivitySchema = 1;         ///< import-trace
inline constexpr std::uint32_t kCalibrationSchema = 1;      ///< calibrate
inline constexpr std::uint32_t kFitSchema = 1;              ///< fit
inline constexpr std::uint32_t kMeasuredClusterSchema = 1;  ///< bench-cluster
inline constexpr std::uint32_t kValidationSchema = 1;       ///< validate

}  // namespace ppsim
