// Measured files taken apart, and what is fitted to all of their steps or to some.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "explore/calibrate/calibrate.hpp"
#include "explore/calibrate/calibrated_costs.hpp"

namespace ppsim {

struct LoadedFile {
  const MeasuredFile* file = nullptr;
  Plan plan;
  std::vector<StepSamples> steps;

  [[nodiscard]] const Config& config() const { return file->config; }
  [[nodiscard]] const std::string& name() const { return file->timeline; }
};

/// A step of a file.
struct StepPlace {
  std::size_t file = 0;
  std::size_t step = 0;
};

struct Fit {
  CostFit costs;
  NetworkFit network;
};

/// Borrows the files.
class MeasuredSet {
 public:
  /// Throws Error as calibrate() does for files that cannot be read or do not go together.
  explicit MeasuredSet(std::span<const MeasuredFile> files);

  [[nodiscard]] const std::vector<LoadedFile>& files() const { return files_; }
  /// Of all steps those that are wanted.
  [[nodiscard]] std::vector<StepPlace> places(const std::function<bool(const StepPlace&)>& wanted) const;

  /// Fits to some steps; links that they do not tell stay without a fit.
  [[nodiscard]] Fit fit(const std::vector<StepPlace>& places) const;
  /// Fits to all steps. Throws Error (where: the file) for too few samples and for transfers without bytes.
  [[nodiscard]] Fit fit_all() const;

  /// By the steps' makespan, as step time.
  [[nodiscard]] Time median_step(const std::vector<StepPlace>& places) const;

  /// "rank to rank", "inside nodes", "between nodes"
  [[nodiscard]] std::string link_name(bool across) const;

 private:
  [[nodiscard]] const WorkloadInput& input(std::size_t file) const { return files_[file].config().input; }
  [[nodiscard]] Link link_of(std::size_t file, bool across) const;
  [[nodiscard]] std::vector<TransferSample> transfers(const std::vector<StepPlace>& places,
                                                      bool across) const;
  [[nodiscard]] std::optional<LinkFit> fit_links(const std::vector<StepPlace>& places, bool across) const;
  void check_costs(const CostFit& costs) const;
  void check_links(const std::vector<TransferSample>& transfers, bool across) const;

  std::vector<LoadedFile> files_;
};

}  // namespace ppsim
