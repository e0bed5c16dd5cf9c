/// Calibration: measured steps -> costs, links and jitter that predict others.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "metrics/cost_fit.hpp"
#include "metrics/link_fit.hpp"
#include "ppsim/core/units.hpp"
#include "ppsim/engine/jitter.hpp"
#include "ppsim/input/config/config.hpp"

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

struct MeasuredFile {
  std::string timeline;  ///< path of a CSV of one step or several
  Config config;         ///< of the run that it is of
};

struct Calibration {
  Config config;       ///< the first file's, with costs in place of what it had
  std::string source;  ///< "measured: a.csv (10 steps), b.csv (10 steps)"
  CalibrationReport report;
};

/// A cell (ops of one kind and stage) and a kind of link need as many samples.
inline constexpr std::size_t kFewestSamples = 5;

/// Fits to all files, and tests it by holding out: each file in turn where there are several, else each of at
/// most five groups of steps; what is held out is simulated with what was fitted to the others, in the order
/// that was measured. Throws Error (where: the file) for too few samples, for transfers without bytes, for a
/// file that is not of its config, and (where: the config) for what costs given outright cannot say.
[[nodiscard]] Calibration calibrate(std::span<const MeasuredFile> files);

}  // namespace ppsim
