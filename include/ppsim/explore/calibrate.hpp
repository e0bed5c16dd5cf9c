/// Calibration: measured steps -> costs, links and jitter that predict others.
#pragma once

#include <span>
#include <string>

#include "ppsim/io/calibration_text.hpp"
#include "ppsim/io/config.hpp"

namespace ppsim {

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
