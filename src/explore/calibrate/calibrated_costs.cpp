#include "explore/calibrate/calibrated_costs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "metrics/robust_fit.hpp"

namespace ppsim {
namespace {

// Nearer than this, stages that are alike by the config are alike: what medians of some ten samples differ
// by.
constexpr double kAlike = 0.02;

double ns(Time time) {
  return static_cast<double>(time.count());
}

bool is_alike(const std::vector<double>& values, double middle) {
  return std::all_of(values.begin(), values.end(),
                     [&](double value) { return std::abs(value - middle) <= kAlike * middle; });
}

template <class T>
bool all_equal(const std::vector<T>& list) {
  return std::adjacent_find(list.begin(), list.end(), std::not_equal_to<>()) == list.end();
}

template <class T>
PerStage<T> one_or_each(std::vector<T> list) {
  if (all_equal(list)) list.resize(1);
  return list;
}

class CostsWriter {
 public:
  CostsWriter(const Config& config, const Plan& plan, const StepSamples& own, const CostFit& fit)
      : config_(config), plan_(plan), fit_(fit) {
    for (const OpSample& op : own.ops) own_[{op.kind, op.stage}].push_back(op.modelled);
  }

  [[nodiscard]] CostsInput costs(std::vector<std::string>& notes) const {
    CostsInput costs;
    costs.overhead = fit_.overhead;
    costs.forward = passes(CostKind::Forward);
    if (!plan_.schedule.forward_only) add_backward(costs);
    if (has(CostKind::Recompute)) costs.recompute = passes(CostKind::Recompute);
    if (has(CostKind::TokenStep)) costs.decode_forward = passes(CostKind::TokenStep);
    if (has(CostKind::GradientReduction)) costs.gradient_reduction = once(CostKind::GradientReduction);
    if (has(CostKind::OptimizerStep)) costs.optimizer_step = once(CostKind::OptimizerStep);
    if (has(CostKind::ParameterGather)) costs.parameter_gather = once(CostKind::ParameterGather);
    costs.pair = pair();
    add_bytes(costs, notes);
    return costs;
  }

 private:
  [[nodiscard]] bool has(CostKind kind) const {
    return std::any_of(own_.begin(), own_.end(),
                       [&](const auto& entry) { return entry.first.first == kind; });
  }

  [[nodiscard]] double prediction(CostKind kind, Stage stage, Time modelled) const {
    return ns(fit_.predict({kind, plan_.schedule.stages(), stage, modelled}));
  }

  // What an op of that stage takes; of several durations by the config (token steps, a stage on two ranks)
  // the median. `modelled`: of stages whose run has no such op.
  [[nodiscard]] double total(CostKind kind, Stage stage, Time modelled) const {
    const auto found = own_.find({kind, stage});
    if (found == own_.end()) return prediction(kind, stage, modelled);
    std::vector<double> predictions;
    for (const Time one : found->second) predictions.push_back(prediction(kind, stage, one));
    return median(std::move(predictions));
  }

  [[nodiscard]] Time modelled(CostKind kind, Stage stage) const {
    const auto op = op_kind(kind);
    return op ? plan_.workload.stages[index(stage)].duration(*op) : Time{};
  }

  // The overhead of every op is a cost of its own.
  [[nodiscard]] PerStage<Time> passes(CostKind kind) const {
    std::vector<double> totals;
    std::vector<Time> by_config;
    for (std::uint32_t s = 0; s < plan_.schedule.stages(); ++s) {
      by_config.push_back(modelled(kind, static_cast<Stage>(s)));
      totals.push_back(total(kind, static_cast<Stage>(s), by_config.back()));
    }
    if (const double middle = median(totals); all_equal(by_config) && is_alike(totals, middle))
      totals = {middle};
    std::vector<Time> list;
    for (const double one : totals) list.push_back(std::max(round_to_time(one) - fit_.overhead, Time{}));
    return list;
  }

  // A stage that has no such op at its end has none.
  [[nodiscard]] PerStage<Time> once(CostKind kind) const {
    std::vector<Time> list;
    for (std::uint32_t s = 0; s < plan_.schedule.stages(); ++s) {
      const bool there = own_.contains({kind, static_cast<Stage>(s)});
      list.push_back(there ? round_to_time(total(kind, static_cast<Stage>(s), Time{})) : Time{});
    }
    return one_or_each(std::move(list));
  }

  // Whether the config says how a backward is split.
  [[nodiscard]] bool knows_split() const {
    const auto* costs = std::get_if<CostsInput>(&config_.input);
    return costs == nullptr || !costs->input_grad.empty() || !costs->weight_grad.empty();
  }

  [[nodiscard]] bool measured(CostKind kind) const { return fit_.of(kind).samples > 0; }

  void add_backward(CostsInput& costs) const {
    const bool split = measured(CostKind::InputGrad) && measured(CostKind::WeightGrad);
    if (measured(CostKind::Backward) || !split) costs.backward = passes(CostKind::Backward);
    if (split) {
      costs.input_grad = passes(CostKind::InputGrad);
      costs.weight_grad = passes(CostKind::WeightGrad);
    } else if (knows_split()) {
      costs.input_grad = input_share(costs.backward);
    }
  }

  // The part of a backward that the config gives to the input; the weights have the rest.
  [[nodiscard]] PerStage<Time> input_share(const PerStage<Time>& backward) const {
    std::vector<Time> list;
    for (std::uint32_t s = 0; s < plan_.schedule.stages(); ++s) {
      const StageCosts& stage = plan_.workload.stages[s];
      const Time input_grad = stage.duration(OpKind::InputGrad);
      const Time whole = input_grad + stage.duration(OpKind::WeightGrad);
      const double share = whole == Time{} ? 0 : ns(input_grad) / ns(whole);
      list.push_back(scaled(backward.size() == 1 ? backward.front() : backward[s], share));
    }
    return one_or_each(std::move(list));
  }

  [[nodiscard]] PairCost pair() const {
    std::vector<double> totals;
    for (const auto& [key, list] : own_)
      if (key.first == CostKind::Pair) totals.push_back(total(key.first, key.second, Time{}));
    if (totals.empty()) return plan_.workload.pair;
    return round_to_time(median(std::move(totals)));
  }

  void add_bytes(CostsInput& costs, std::vector<std::string>& notes) const {
    bool same = true;
    for (std::size_t s = 0; s < plan_.workload.stages.size(); ++s) {
      const StageCosts& stage = plan_.workload.stages[s];
      const bool sends_on = plan_.schedule.forward_only || s + 1 < plan_.workload.stages.size();
      costs.transfer.push_back(sends_on ? stage.forward_transfer : stage.backward_transfer);
      same &= s == 0 || plan_.schedule.forward_only || stage.backward_transfer == costs.transfer[s];
      costs.activation.push_back(stage.activation);
      costs.activation_freed_at_input_grad.push_back(stage.activation_freed_at_input_grad);
      if (plan_.schedule.forward_only) costs.decode_transfer.push_back(stage.decode_transfer);
    }
    if (!same)
      notes.emplace_back("boundaries differ in size: costs give a stage one for both ways, its forward's");
    costs.transfer = one_or_each(std::move(costs.transfer));
    costs.activation = one_or_each(std::move(costs.activation));
    costs.activation_freed_at_input_grad = one_or_each(std::move(costs.activation_freed_at_input_grad));
    if (!costs.decode_transfer.empty()) costs.decode_transfer = one_or_each(std::move(costs.decode_transfer));
  }

  const Config& config_;
  const Plan& plan_;
  const CostFit& fit_;
  std::map<std::pair<CostKind, Stage>, std::vector<Time>> own_;
};

void place_links(CostsInput& costs, const Config& config, const NetworkFit& network) {
  if (const Cluster* cluster = cluster_of(config.input)) costs.cluster = *cluster;
  if (!costs.cluster) {
    costs.link = network.inside ? network.inside->link : inside_link(config.input);
    return;
  }
  if (network.across) costs.cluster->infiniband = network.across->link;
  if (!network.inside) return;
  costs.cluster->nvlink = network.inside->link;
  if (costs.cluster->pcie) costs.cluster->pcie->link = network.inside->link;
}

}  // namespace

Link inside_link(const WorkloadInput& input) {
  const Cluster* cluster = cluster_of(input);
  return cluster != nullptr ? cluster->inside() : std::get<CostsInput>(input).link;
}

Link across_link(const WorkloadInput& input) {
  const Cluster* cluster = cluster_of(input);
  return cluster != nullptr ? cluster->infiniband : Link{BytesPerSecond(1), Time{}};
}

Config calibrated(const Config& config, const Plan& plan, const StepSamples& own, const CostFit& costs,
                  const NetworkFit& network, const Jitter& jitter, std::vector<std::string>& notes) {
  Config result = config;
  CostsInput input = CostsWriter(config, plan, own, costs).costs(notes);
  place_links(input, config, network);
  result.input = std::move(input);
  result.simulation.detail = Detail::Folded;
  result.simulation.noise.stragglers.gpus.clear();
  result.simulation.noise.jitter = jitter;
  return result;
}

}  // namespace ppsim
