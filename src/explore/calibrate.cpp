#include "ppsim/explore/calibrate.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "calibrated_costs.hpp"
#include "plan.hpp"
#include "ppsim/core/error.hpp"
#include "ppsim/explore/runs.hpp"
#include "ppsim/io/timeline_files.hpp"

namespace ppsim {
namespace {

struct LoadedFile {
  const MeasuredFile* file = nullptr;
  Plan plan;
  std::vector<StepSamples> steps;
};

// Steps of files, each by (file, step).
struct StepPlace {
  std::size_t file = 0;
  std::size_t step = 0;
};

struct Fit {
  CostFit costs;
  NetworkFit network;
};

LoadedFile load(const MeasuredFile& file) {
  LoadedFile loaded{&file, make_plan(file.config), {}};
  if (loaded.plan.workload.overlap_gradients)
    throw Error(locate(file.config, "/training/overlap_gradients"),
                "costs cannot say what runs beside the backwards; expected a run without it");
  const OpGraph graph = make_graph(file.config, loaded.plan);
  for (const Timeline& step : read_timeline(file.timeline, graph))
    loaded.steps.push_back(sample_step(loaded.plan.schedule, loaded.plan.workload.network, graph, step));
  return loaded;
}

void check_alike(std::span<const MeasuredFile> files) {
  const bool on_cluster = cluster_of(files.front().config.input) != nullptr;
  for (const MeasuredFile& file : files) {
    if ((cluster_of(file.config.input) != nullptr) == on_cluster) continue;
    throw Error(file.config.path,
                fmt::format("expected {} \"cluster\", as in {}", on_cluster ? "a section" : "no section",
                            files.front().config.path));
  }
}

std::string cell_name(const CostCell& cell) {
  return fmt::format("{} of stage {}", name(cell.kind), index(cell.stage));
}

bool holds(const LoadedFile& loaded, const CostCell& cell) {
  const auto& ops = loaded.steps.front().ops;
  return std::any_of(ops.begin(), ops.end(), [&](const OpSample& op) {
    return op.kind == cell.kind && op.stages == cell.stages && op.stage == cell.stage &&
           op.modelled == cell.modelled;
  });
}

Error too_few(std::string_view file, std::string_view what, std::size_t samples) {
  return {std::string(file), fmt::format("{}: {} sample{}; expected at least {}: measure more steps", what,
                                         samples, samples == 1 ? "" : "s", kFewestSamples)};
}

// The same link measured from another config: by what the first has of it.
TransferSample rebased(TransferSample sample, const Link& own, const Link& first) {
  const double ratio =
      static_cast<double>(own.bandwidth.count()) / static_cast<double>(first.bandwidth.count());
  sample.wire = scaled(sample.wire, ratio);
  sample.latency += first.latency - own.latency;
  return sample;
}

class Calibrator {
 public:
  explicit Calibrator(std::span<const MeasuredFile> files) {
    check_alike(files);
    for (const MeasuredFile& file : files) files_.push_back(load(file));
  }

  Calibration run() && {
    const std::vector<StepPlace> all = places([](const StepPlace&) { return true; });
    const Fit fit = fit_to(all);
    check_costs(fit.costs);
    check_links(all);
    CalibrationReport& report = result_.report;
    report.costs = fit.costs;
    list_links(fit.network);
    report.jitter = jitter_of(fit);
    result_.config = calibrated_file(0, fit, report.jitter, report.notes);
    result_.source = source();
    for (std::size_t file = 0; file < files_.size(); ++file) report.files.push_back(compare(file, fit));
    hold_out();
    tell();
    return std::move(result_);
  }

 private:
  template <class Wanted>
  [[nodiscard]] std::vector<StepPlace> places(Wanted wanted) const {
    std::vector<StepPlace> list;
    for (std::size_t file = 0; file < files_.size(); ++file)
      for (std::size_t step = 0; step < files_[file].steps.size(); ++step)
        if (const StepPlace place{file, step}; wanted(place)) list.push_back(place);
    return list;
  }

  [[nodiscard]] const WorkloadInput& input(std::size_t file) const { return files_[file].file->config.input; }

  [[nodiscard]] std::vector<TransferSample> transfers(const std::vector<StepPlace>& places,
                                                      bool across) const {
    const auto link_of = [&](std::size_t file) {
      return across ? across_link(input(file)) : inside_link(input(file));
    };
    std::vector<TransferSample> list;
    for (const StepPlace& place : places)
      for (const TransferSample& sample : files_[place.file].steps[place.step].transfers)
        if (sample.crosses_nodes == across) list.push_back(rebased(sample, link_of(place.file), link_of(0)));
    return list;
  }

  // Nothing where it cannot be fitted.
  [[nodiscard]] std::optional<LinkFit> fit_links(const std::vector<StepPlace>& places, bool across) const {
    const std::vector<TransferSample> list = transfers(places, across);
    const bool fits = std::any_of(list.begin(), list.end(), [](const TransferSample& sample) {
      return sample.is_honest() && sample.wire > Time{};
    });
    if (!fits) return std::nullopt;
    return fit_link(list, across ? across_link(input(0)) : inside_link(input(0)));
  }

  [[nodiscard]] Fit fit_to(const std::vector<StepPlace>& places) const {
    std::vector<const StepSamples*> steps;
    for (const StepPlace& place : places) steps.push_back(&files_[place.file].steps[place.step]);
    return {fit_costs(steps), {fit_links(places, false), fit_links(places, true)}};
  }

  void check_costs(const CostFit& costs) const {
    for (const auto& [cell, fit] : costs.cells) {
      if (fit.samples >= kFewestSamples) continue;
      const auto file = std::find_if(files_.begin(), files_.end(),
                                     [cell = cell](const LoadedFile& loaded) { return holds(loaded, cell); });
      throw too_few(file->file->timeline, cell_name(cell), fit.samples);
    }
  }

  void check_links(const std::vector<StepPlace>& places) const {
    for (const bool across : {false, true}) {
      const std::vector<TransferSample> list = transfers(places, across);
      if (list.empty()) continue;
      const std::string& file = files_.front().file->timeline;
      if (std::all_of(list.begin(), list.end(),
                      [](const TransferSample& sample) { return sample.bytes == Bytes{}; }))
        throw Error(file,
                    fmt::format("{}: all transfers are of 0 B; expected some with bytes", link_name(across)));
      const auto honest = std::count_if(list.begin(), list.end(),
                                        [](const TransferSample& sample) { return sample.is_honest(); });
      if (static_cast<std::size_t>(honest) < kFewestSamples)
        throw too_few(file,
                      fmt::format("{}, of {} transfers those that were alone on their links and awaited",
                                  link_name(across), list.size()),
                      static_cast<std::size_t>(honest));
      if (!fit_links(places, across))
        throw Error(
            file, fmt::format("{}: no transfer with bytes was alone on its links and awaited; expected some",
                              link_name(across)));
    }
  }

  [[nodiscard]] std::string link_name(bool across) const {
    if (cluster_of(input(0)) == nullptr) return "rank to rank";
    return across ? "between nodes" : "inside nodes";
  }

  void list_links(const NetworkFit& network) {
    const Cluster* cluster = cluster_of(input(0));
    const bool inside = cluster == nullptr ? network.inside.has_value() : cluster->gpus_per_node > 1;
    if (inside) result_.report.links.push_back({link_name(false), false, network.inside});
    if (cluster != nullptr && cluster->nodes > 1)
      result_.report.links.push_back({link_name(true), true, network.across});
  }

  [[nodiscard]] Config calibrated_file(std::size_t file, const Fit& fit, const Jitter& jitter,
                                       std::vector<std::string>& notes) const {
    const LoadedFile& loaded = files_[file];
    return calibrated(loaded.file->config, loaded.plan, loaded.steps.front(), fit.costs, fit.network, jitter,
                      notes);
  }

  // Four digits say all that some hundred samples can.
  static Spread spread_for(const std::vector<double>& factors) {
    if (factors.empty()) return {};
    const auto rounded = [](double value) { return std::round(value * 1e4) / 1e4; };
    const FactorSpread spread = spread_of(factors);
    constexpr double kWidest = 2;  // of a config
    if (!spread.heavy && spread.sigma <= kWidest) return Lognormal{rounded(spread.sigma)};
    constexpr std::size_t kMost = 256;
    Samples samples{thinned(factors, kMost)};
    for (double& factor : samples.factors) factor = std::clamp(rounded(factor), 1e-4, 1e3);
    return samples;
  }

  static Jitter jitter_of(const Fit& fit) {
    Jitter jitter;
    constexpr std::array kKinds{CostKind::Forward, CostKind::Backward, CostKind::InputGrad,
                                CostKind::WeightGrad};
    for (std::size_t i = 0; i < kKinds.size(); ++i)
      jitter.compute[i] = spread_for(fit.costs.of(kKinds[i]).factors);
    if (fit.costs.of(CostKind::Backward).samples == 0)
      jitter.compute[1] = spread_for(fit.costs.of(CostKind::Pair).factors);
    std::vector<double> transfers;
    for (const auto* link : {&fit.network.inside, &fit.network.across})
      if (link->has_value())
        transfers.insert(transfers.end(), (*link)->factors.begin(), (*link)->factors.end());
    jitter.transfers = spread_for(transfers);
    return jitter;
  }

  // A step of the file's own schedule, in the order that was measured.
  [[nodiscard]] Run simulate(const Config& config, std::size_t file) const {
    const Schedule& schedule = files_[file].plan.schedule;
    PhaseSeconds unused;
    return ppsim::run(config, {located(config, [&] { return workload_for(config, schedule); }), schedule, {}},
                      unused);
  }

  [[nodiscard]] Time predict(std::size_t file, const Fit& fit) const {
    std::vector<std::string> unused;
    return simulate(calibrated_file(file, fit, {}, unused), file).report.step_time();
  }

  [[nodiscard]] Time median_step(const std::vector<StepPlace>& places) const {
    std::vector<double> times;
    for (const StepPlace& place : places) {
      const LoadedFile& loaded = files_[place.file];
      times.push_back(static_cast<double>(
          step_time(loaded.steps[place.step].makespan, loaded.plan.schedule.steps).count()));
    }
    return round_to_time(median(std::move(times)));
  }

  [[nodiscard]] CalibratedFile compare(std::size_t file, const Fit& fit) const {
    CalibratedFile result{files_[file].file->timeline,
                          files_[file].steps.size(),
                          median_step(places([&](const StepPlace& place) { return place.file == file; })),
                          predict(file, fit),
                          {}};
    const Jitter& jitter = result_.report.jitter;
    if (!jitter.any()) return result;
    std::vector<std::string> unused;
    const Config config = calibrated_file(file, fit, jitter, unused);
    const Run run = simulate(config, file);
    result.with_jitter = run_many(config, run, draws(run.graph), 1).step_time.p50;
    return result;
  }

  // Enough for a median to a part of a hundred of what steps spread; fewer of large ones.
  static std::uint32_t draws(const OpGraph& graph) {
    constexpr std::uint32_t kOps = 20'000'000, kFewest = 21, kMost = 201;
    return std::clamp(kOps / std::max(graph.vertex_count(), 1U), kFewest, kMost);
  }

  void hold_out() { files_.size() > 1 ? hold_out_files() : hold_out_steps(); }

  void hold_out_files() {
    for (std::size_t file = 0; file < files_.size(); ++file) {
      const auto others = places([&](const StepPlace& place) { return place.file != file; });
      const auto own = places([&](const StepPlace& place) { return place.file == file; });
      result_.report.held_out.push_back(
          {files_[file].file->timeline, median_step(own), predict(file, fit_to(others))});
    }
  }

  void hold_out_steps() {
    constexpr std::size_t kFolds = 5;
    const std::size_t steps = files_.front().steps.size(), folds = std::min(steps, kFolds);
    if (folds < 2) {
      result_.report.notes.emplace_back("nothing was held out: there is one step");
      return;
    }
    for (std::size_t fold = 0; fold < folds; ++fold) {
      const auto own = places([&](const StepPlace& place) { return place.step % folds == fold; });
      const auto others = places([&](const StepPlace& place) { return place.step % folds != fold; });
      std::vector<std::size_t> numbers;
      for (const StepPlace& place : own) numbers.push_back(place.step);
      result_.report.held_out.push_back(
          {fmt::format("step{} {}", own.size() == 1 ? "" : "s", fmt::join(numbers, ", ")), median_step(own),
           predict(0, fit_to(others))});
    }
  }

  [[nodiscard]] std::string source() const {
    std::vector<std::string> names;
    for (const LoadedFile& loaded : files_)
      names.push_back(fmt::format("{} ({} step{})", loaded.file->timeline, loaded.steps.size(),
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
    if (!files_.front().file->config.simulation.noise.stragglers.gpus.empty())
      notes.emplace_back("slow GPUs of the config are left out: the costs of their stages have them");
    if (std::holds_alternative<ModelInput>(input(0)))
      notes.emplace_back("the model became costs: weights, gradients and optimizer state are not in them");
  }

  static void tell_link(const CalibratedLink& link, std::vector<std::string>& notes) {
    if (!link.fit) {
      notes.push_back(fmt::format("{}: not measured, and left as they are", link.name));
      return;
    }
    if (link.fit->determined == LinkDetermined::Latency)
      notes.push_back(
          fmt::format("{}: times do not grow with size, so that the bandwidth is not told and "
                      "is left as it was",
                      link.name));
    if (link.fit->determined == LinkDetermined::Bandwidth)
      notes.push_back(fmt::format("{}: the latency is not told by transfers of these sizes, and is {}",
                                  link.name,
                                  link.fit->link.latency == Time{} ? "taken as 0" : "left as it was"));
    if (link.fit->factors.empty())
      notes.push_back(fmt::format("{}: latency is the larger part, so that no jitter is told", link.name));
  }

  std::vector<LoadedFile> files_;
  Calibration result_;
};

}  // namespace

Calibration calibrate(std::span<const MeasuredFile> files) {
  PPSIM_ASSERT(!files.empty(), "nothing measured");
  return Calibrator(files).run();
}

}  // namespace ppsim
