/// What a calibration came to, as tables for people, as JSON, and as a config that can be run.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ppsim/engine/jitter.hpp"
#include "ppsim/io/config.hpp"
#include "ppsim/metrics/cost_fit.hpp"
#include "ppsim/metrics/link_fit.hpp"

namespace ppsim {

/// A kind of link and what was fitted; nothing where no transfer of the measured steps crossed it.
struct CalibratedLink {
  std::string name;            ///< "rank to rank", "inside nodes", "between nodes"
  bool crosses_nodes = false;  ///< NICs
  std::optional<LinkFit> fit;
};

/// A step time by a fit.
struct StepPrediction {
  Time plain{};                       ///< without jitter
  std::optional<Time> with_jitter{};  ///< median of many draws; empty where nothing varies

  [[nodiscard]] Time best() const { return with_jitter.value_or(plain); }
};

/// A measured file against the simulation of what was fitted to it and the others.
struct CalibratedFile {
  std::string file;
  std::size_t steps = 0;
  Time measured{};  ///< median step time
  StepPrediction predicted;
};

/// What was predicted without having been seen.
struct HeldOut {
  std::string what;  ///< "b.csv", "steps 0, 5"
  Time measured{};   ///< median step time
  StepPrediction predicted;
};

struct CalibrationReport {
  CostFit costs;
  std::vector<CalibratedLink> links;
  Jitter jitter;
  std::vector<CalibratedFile> files;
  std::vector<HeldOut> held_out;
  std::vector<std::string> notes;  ///< what could not be told, and what was taken in its place
};

[[nodiscard]] std::string calibration_table(const CalibrationReport& report);
[[nodiscard]] std::string calibration_json(const CalibrationReport& report);

/// `config`, calibrated: its input is costs. The document that it was read from, with its sections replaced:
/// costs (and no model), the links of the cluster that were fitted, jitter; without stragglers, which are in
/// the costs. Paths are relative to the folder of `path`, where it will lie. `source`: where the figures come
/// from.
[[nodiscard]] std::string calibrated_config(const Config& config, const CalibrationReport& report,
                                            const std::string& source, const std::string& path);

}  // namespace ppsim
