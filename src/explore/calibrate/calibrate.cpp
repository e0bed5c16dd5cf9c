#include "explore/calibrate/calibrate.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "explore/calibrate/calibrated_costs.hpp"
#include "explore/calibrate/measured_set.hpp"
#include "explore/run/plan.hpp"
#include "ppsim/core/error.hpp"
#include "ppsim/explore/run/runs.hpp"

namespace ppsim {
namespace {

// Four digits say all that some hundred samples can.
double rounded(double value) {
  return std::round(value * 1e4) / 1e4;
}

Spread spread_for(const std::vector<double>& factors) {
  if (factors.empty()) return {};
  const FactorSpread spread = spread_of(factors);
  constexpr double kWidest = 2;  // that a config may have
  if (!spread.heavy && spread.sigma <= kWidest) return Lognormal{rounded(spread.sigma)};
  constexpr std::size_t kMost = 256;
  Samples samples{thinned(factors, kMost)};
  for (double& factor : samples.factors) factor = std::clamp(rounded(factor), 1e-4, 1e3);
  return samples;
}

Jitter jitter_of(const Fit& fit) {
  Jitter jitter;
  for (std::size_t i = 0; i < kCostKinds; ++i)
    if (const auto op = op_kind(static_cast<CostKind>(i)); op && is_compute(*op))
      jitter.ops[*op] = spread_for(fit.costs.kinds[i].factors);
  // A pair takes what a backward does.
  if (fit.costs.of(CostKind::Backward).samples == 0)
    jitter.ops[OpKind::Backward] = spread_for(fit.costs.of(CostKind::Pair).factors);
  std::vector<double> transfers;
  for (const auto* link : {&fit.network.inside, &fit.network.across})
    if (link->has_value())
      transfers.insert(transfers.end(), (*link)->factors.begin(), (*link)->factors.end());
  jitter.transfers = spread_for(transfers);
  return jitter;
}

void tell_link(const CalibratedLink& link, std::vector<std::string>& notes) {
  if (!link.fit) {
    notes.push_back(fmt::format("{}: not measured, and left as they are", link.name));
    return;
  }
  if (link.fit->determined == LinkDetermined::Latency)
    notes.push_back(
        fmt::format("{}: times do not grow with size, so that the bandwidth is not told and is {}", link.name,
                    link.fit->link.bandwidth == link.fit->before.bandwidth
                        ? "left as it was"
                        : "taken so high that it adds a hundredth at the most"));
  if (link.fit->determined == LinkDetermined::Bandwidth)
    notes.push_back(fmt::format("{}: the latency is not told by transfers of these sizes, and is {}",
                                link.name,
                                link.fit->link.latency == Time{} ? "taken as 0" : "left as it was"));
  if (link.fit->factors.empty())
    notes.push_back(fmt::format("{}: latency is the larger part, so that no jitter is told", link.name));
}

class Calibrator {
 public:
  explicit Calibrator(std::span<const MeasuredFile> files) : set_(files) {}

  Calibration run() && {
    const Fit fit = set_.fit_all();
    CalibrationReport& report = result_.report;
    report.costs = fit.costs;
    report.jitter = jitter_of(fit);
    list_links(fit.network);
    result_.config = calibrated_file(0, fit, report.jitter, report.notes);
    result_.source = source();
    for (std::size_t file = 0; file < set_.files().size(); ++file) report.files.push_back(compare(file, fit));
    set_.files().size() > 1 ? hold_out_files() : hold_out_steps();
    tell();
    return std::move(result_);
  }

 private:
  [[nodiscard]] const Config& first() const { return set_.files().front().config(); }

  void list_links(const NetworkFit& network) {
    const Cluster* cluster = cluster_of(first().input);
    const bool inside = cluster == nullptr ? network.inside.has_value() : cluster->gpus_per_node > 1;
    if (inside) result_.report.links.push_back({set_.link_name(false), false, network.inside});
    if (cluster != nullptr && cluster->nodes > 1)
      result_.report.links.push_back({set_.link_name(true), true, network.across});
  }

  [[nodiscard]] Config calibrated_file(std::size_t file, const Fit& fit, const Jitter& jitter,
                                       std::vector<std::string>& notes) const {
    const LoadedFile& loaded = set_.files()[file];
    return calibrated(loaded.config(), loaded.plan, loaded.steps.front(), fit.costs, fit.network, jitter,
                      notes);
  }

  // A step of the file's own schedule, in the order that was measured.
  [[nodiscard]] Run simulate(const Config& config, std::size_t file) const {
    const Schedule& schedule = set_.files()[file].plan.schedule;
    return ppsim::run(config,
                      {located(config, [&] { return workload_for(config, schedule); }), schedule, {}});
  }

  [[nodiscard]] StepPrediction predict(std::size_t file, const Fit& fit) const {
    std::vector<std::string> unused;
    const Config config = calibrated_file(file, fit, jitter_of(fit), unused);
    const Run run = simulate(config, file);
    StepPrediction result{run.report.step_time()};
    if (config.simulation.noise.jitter.any())
      result.with_jitter = run_many(config, run, draws(run.graph), 1).step_time.p50;
    return result;
  }

  [[nodiscard]] CalibratedFile compare(std::size_t file, const Fit& fit) const {
    const auto own = set_.places([&](const StepPlace& place) { return place.file == file; });
    return {set_.files()[file].name(), own.size(), set_.median_step(own), predict(file, fit)};
  }

  // Enough for a median to a part of a hundred of what steps spread; fewer of large ones.
  static std::uint32_t draws(const OpGraph& graph) {
    constexpr std::uint32_t kOps = 20'000'000, kFewest = 21, kMost = 201;
    return std::clamp(kOps / std::max(graph.vertex_count(), 1U), kFewest, kMost);
  }

  void hold_out_files() {
    for (std::size_t file = 0; file < set_.files().size(); ++file) {
      const auto others = set_.places([&](const StepPlace& place) { return place.file != file; });
      const auto own = set_.places([&](const StepPlace& place) { return place.file == file; });
      result_.report.held_out.push_back(
          {set_.files()[file].name(), set_.median_step(own), predict(file, set_.fit(others))});
    }
  }

  void hold_out_steps() {
    constexpr std::size_t kFolds = 5;
    const std::size_t steps = set_.files().front().steps.size(), folds = std::min(steps, kFolds);
    if (folds < 2) {
      result_.report.notes.emplace_back("nothing was held out: there is one step");
      return;
    }
    for (std::size_t fold = 0; fold < folds; ++fold) {
      const auto own = set_.places([&](const StepPlace& place) { return place.step % folds == fold; });
      const auto others = set_.places([&](const StepPlace& place) { return place.step % folds != fold; });
      std::vector<std::size_t> numbers;
      for (const StepPlace& place : own) numbers.push_back(place.step);
      result_.report.held_out.push_back(
          {fmt::format("step{} {}", own.size() == 1 ? "" : "s", fmt::join(numbers, ", ")),
           set_.median_step(own), predict(0, set_.fit(others))});
    }
  }

  [[nodiscard]] std::string source() const {
    std::vector<std::string> names;
    for (const LoadedFile& loaded : set_.files())
      names.push_back(fmt::format("{} ({} step{})", loaded.name(), loaded.steps.size(),
                                  loaded.steps.size() == 1 ? "" : "s"));
    return fmt::format("measured: {}", fmt::join(names, ", "));
  }

  // What the figures do not say of themselves.
  void tell() {
    std::vector<std::string>& notes = result_.report.notes;
    for (const CalibratedLink& link : result_.report.links) tell_link(link, notes);
    const CostsInput& costs = std::get<CostsInput>(result_.config.input);
    if (!costs.uniform())
      notes.emplace_back("stages differ: the costs are lists, which serve no other number of stages");
    if (!costs.backward.empty() && costs.weight_grad.empty())
      notes.emplace_back(
          "I and W were not measured: a backward that is split is what the config says, or two halves");
    if (!first().simulation.noise.stragglers.gpus.empty())
      notes.emplace_back("slow GPUs of the config are left out: the costs of their stages have them");
    if (std::holds_alternative<ModelInput>(first().input))
      notes.emplace_back("the model became costs: weights, gradients and optimizer state are not in them");
  }

  MeasuredSet set_;
  Calibration result_;
};

}  // namespace

Calibration calibrate(std::span<const MeasuredFile> files) {
  PPSIM_ASSERT(!files.empty(), "nothing measured");
  return Calibrator(files).run();
}

}  // namespace ppsim
