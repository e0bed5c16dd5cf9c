#include "explore/calibrate/measured_set.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "ppsim/core/error.hpp"
#include "ppsim/input/timeline/timeline_reader.hpp"

namespace ppsim {
namespace {

bool takes_no_time(const Timeline& step) {
  return std::all_of(step.finish.begin(), step.finish.end(), [](Time time) { return time == Time{}; });
}

LoadedFile load(const MeasuredFile& file) {
  LoadedFile loaded{&file, make_plan(file.config), {}};
  if (loaded.plan.workload.overlap_gradients)
    throw Error(locate(file.config, "/training/overlap_gradients"),
                "costs cannot say what runs beside the backwards; expected a run without it");
  const OpGraph graph = make_graph(file.config, loaded.plan);
  const std::vector<Timeline> steps = read_timeline(file.timeline, graph);
  if (std::all_of(steps.begin(), steps.end(), takes_no_time))
    throw Error(file.timeline, "takes no time; expected measured ops");
  for (const Timeline& step : steps)
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
  sample.transmission = scaled(sample.transmission, ratio);
  sample.latency += first.latency - own.latency;
  return sample;
}

bool has_bytes(const TransferSample& sample) {
  return sample.bytes > Bytes{};
}

bool is_honest(const TransferSample& sample) {
  return sample.is_honest();
}

}  // namespace

MeasuredSet::MeasuredSet(std::span<const MeasuredFile> files) {
  check_alike(files);
  for (const MeasuredFile& file : files) files_.push_back(load(file));
}

std::vector<StepPlace> MeasuredSet::places(const std::function<bool(const StepPlace&)>& wanted) const {
  std::vector<StepPlace> list;
  for (std::size_t file = 0; file < files_.size(); ++file)
    for (std::size_t step = 0; step < files_[file].steps.size(); ++step)
      if (const StepPlace place{file, step}; wanted(place)) list.push_back(place);
  return list;
}

Link MeasuredSet::link_of(std::size_t file, bool across) const {
  return across ? across_link(input(file)) : inside_link(input(file));
}

std::vector<TransferSample> MeasuredSet::transfers(const std::vector<StepPlace>& places, bool across) const {
  std::vector<TransferSample> list;
  for (const StepPlace& place : places)
    for (const TransferSample& sample : files_[place.file].steps[place.step].transfers)
      if (sample.crosses_nodes == across)
        list.push_back(rebased(sample, link_of(place.file, across), link_of(0, across)));
  return list;
}

std::optional<LinkFit> MeasuredSet::fit_links(const std::vector<StepPlace>& places, bool across) const {
  const std::vector<TransferSample> list = transfers(places, across);
  const bool fits = std::any_of(list.begin(), list.end(), [](const TransferSample& sample) {
    return sample.is_honest() && sample.transmission > Time{};
  });
  if (!fits) return std::nullopt;
  return fit_link(list, link_of(0, across));
}

Fit MeasuredSet::fit(const std::vector<StepPlace>& places) const {
  std::vector<const StepSamples*> steps;
  for (const StepPlace& place : places) steps.push_back(&files_[place.file].steps[place.step]);
  return {fit_costs(steps), {fit_links(places, false), fit_links(places, true)}};
}

Fit MeasuredSet::fit_all() const {
  const std::vector<StepPlace> all = places([](const StepPlace&) { return true; });
  Fit result = fit(all);
  check_costs(result.costs);
  for (const bool across : {false, true}) check_links(transfers(all, across), across);
  return result;
}

void MeasuredSet::check_costs(const CostFit& costs) const {
  for (const auto& [cell, fit] : costs.cells) {
    if (fit.samples >= kFewestSamples) continue;
    const auto file = std::find_if(files_.begin(), files_.end(),
                                   [one = cell](const LoadedFile& loaded) { return holds(loaded, one); });
    throw too_few(file->name(), cell_name(cell), fit.samples);
  }
}

void MeasuredSet::check_links(const std::vector<TransferSample>& transfers, bool across) const {
  if (transfers.empty()) return;
  const std::string &file = files_.front().name(), links = link_name(across);
  if (std::none_of(transfers.begin(), transfers.end(), has_bytes))
    throw Error(file, fmt::format("{}: all transfers are of 0 B; expected some with bytes", links));
  const auto honest = static_cast<std::size_t>(std::count_if(transfers.begin(), transfers.end(), is_honest));
  if (honest >= kFewestSamples) return;
  throw too_few(file,
                fmt::format("{}, of {} transfers those that were alone on their links and awaited", links,
                            transfers.size()),
                honest);
}

Time MeasuredSet::median_step(const std::vector<StepPlace>& places) const {
  std::vector<double> times;
  for (const StepPlace& place : places) {
    const LoadedFile& loaded = files_[place.file];
    const Time time = step_time(loaded.steps[place.step].makespan, loaded.plan.schedule.steps);
    times.push_back(static_cast<double>(time.count()));
  }
  return round_to_time(median(std::move(times)));
}

std::string MeasuredSet::link_name(bool across) const {
  if (cluster_of(input(0)) == nullptr) return "rank to rank";
  return across ? "between nodes" : "inside nodes";
}

}  // namespace ppsim
