#include "ppsim/explore/order/optimize.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "explore/order/order_beam.hpp"
#include "explore/order/order_bounds.hpp"
#include "explore/order/order_exact.hpp"
#include "explore/order/order_greedy.hpp"
#include "explore/order/order_local.hpp"
#include "explore/order/order_problem.hpp"
#include "explore/run/plan.hpp"
#include "ppsim/core/error.hpp"
#include "ppsim/schedule/check/check.hpp"
#include "ppsim/schedule/registry.hpp"

namespace ppsim {
namespace {

// The exact search goes up to here: far beyond what it can prove, so that it is the budget that ends it.
constexpr std::size_t kMostExactOps = 600;

// The local search replays the whole order for each move: so many ops in all, some seconds.
constexpr std::uint64_t kReplayedOps = 150'000'000;
constexpr std::uint64_t kMostMoves = 100'000;
constexpr std::size_t kMostLocalOps = 50'000;

// Width x ops^2 of the beam search, about a second.
constexpr std::uint64_t kBeamWork = 80'000'000;
constexpr std::uint64_t kMostWidth = 200;
constexpr std::uint64_t kLeastWidth = 4;

// How many of the best orders the local search starts from.
constexpr std::size_t kStarts = 2;

struct Candidate {
  Order order;
  Time value{};
};

// "zb-auto:limit=1.5p": what differs from the defaults stands behind the name.
std::string label_of_schedule(const ScheduleInfo& info, const OptionValues& options) {
  std::string label = info.name;
  for (const OptionSpec& option : info.options) {
    const OptionValue& value = options.at(option.name);
    if (value != option.default_value) label += fmt::format(":{}={}", option.name, to_text(value));
  }
  return label;
}

class Optimizer {
 public:
  Optimizer(const Config& config, const OptimizeOptions& options)
      : config_(config),
        options_(options),
        base_(make_plan(config)),
        problem_(located(config, [&] { return make_order_problem(base_, options); })),
        replay_(problem_) {
    if (options.seconds) {
      constexpr double kMost = 1e9;  // 31 years, which a clock's integer holds
      deadline_ = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                     std::chrono::duration<double>(std::min(*options.seconds, kMost)));
    }
    config_.simulation.communication = Communication::Overlap;
    config_.simulation.contention = Contention("none");
    config_.simulation.detail = Detail::Folded;
    result_.objective = options.objective;
    if (options.limit || base_.workload.gpu_memory) result_.limit = problem_.limit;
  }

  Optimization run() && {
    if (options_.heuristics) {
      add_registered();
      for (const GreedyRule& rule : greedy_rules(problem_)) {
        if (candidates_.empty() || !is_late()) add_greedy(rule);
      }
    } else {
      add_greedy(one_by_one());
    }
    std::stable_sort(candidates_.begin(), candidates_.end(),
                     [](const Candidate& a, const Candidate& b) { return a.value < b.value; });
    best_ = candidates_.front();
    result_.lower_bound = OrderBounds(problem_).of(OrderState(problem_));
    if (options_.heuristics) {
      follow_beam();
      improve();
    }
    search();
    finish();
    return std::move(result_);
  }

 private:
  using Clock = std::chrono::steady_clock;

  [[nodiscard]] bool is_late() const { return deadline_ && Clock::now() >= *deadline_; }

  void add_registered() {
    if (config_.schedule.file) add_row(*config_.schedule.file, base_.schedule);
    for (const ScheduleInfo* info : all_schedules()) {
      if (!info->forward_only && !is_late()) add_schedule(*info);
    }
  }

  // The best of its variants that keeps the limit; else the best one.
  void add_schedule(const ScheduleInfo& info) {
    std::optional<OptimizationRow> best;
    for (const OptionValues& options : variants(info)) {
      const ScheduleRequest request{shape(), options, &base_.workload};
      if (why_not(info, request)) continue;
      const Schedule schedule = make_schedule(info, request);
      if (!is_comparable(schedule)) return;
      OptimizationRow row = make_row(label_of_schedule(info, options), schedule);
      add_candidate(make_order(problem_, schedule));
      if (!best || is_better(row, *best)) best = std::move(row);
    }
    if (best) result_.rows.push_back(*std::move(best));
  }

  void add_row(const std::string& label, const Schedule& schedule) {
    result_.rows.push_back(make_row(label, schedule));
    add_candidate(make_order(problem_, schedule));
  }

  [[nodiscard]] bool is_better(const OptimizationRow& a, const OptimizationRow& b) const {
    if (a.fits != b.fits) return a.fits;
    return objective_of(a.report) < objective_of(b.report);
  }

  [[nodiscard]] Time objective_of(const Report& report) const {
    return options_.objective == OrderObjective::Makespan ? report.makespan : report.max_rank_span;
  }

  [[nodiscard]] Shape shape() const {
    const std::uint32_t ranks = problem_.ranks();
    return {ranks, problem_.micro_batches, problem_.placement.stages() / ranks};
  }

  [[nodiscard]] bool is_comparable(const Schedule& schedule) const {
    return schedule.placement == problem_.placement && schedule.micro_batches == problem_.micro_batches &&
           schedule.slices == 1 && schedule.steps == 1;
  }

  // Defaults; what the config gives; the memory limit, where the schedule knows one; and each choice of each
  // option with these.
  [[nodiscard]] std::vector<OptionValues> variants(const ScheduleInfo& info) const {
    std::vector<OptionValues> bases = {complete_options(info, {})};
    if (info.name == config_.schedule.name) bases.push_back(complete_options(info, config_.schedule.options));
    if (!result_.limit.empty()) bases.push_back(with_limit(info));
    std::vector<OptionValues> all = bases;
    for (const OptionValues& base : bases) {
      for (const OptionSpec& option : info.options) {
        for (const std::string& choice : option.choices) {
          all.push_back(base);
          all.back()[option.name] = choice;
        }
      }
    }
    std::vector<OptionValues> distinct;
    for (OptionValues& options : all) {
      if (std::find(distinct.begin(), distinct.end(), options) == distinct.end())
        distinct.push_back(std::move(options));
    }
    return distinct;
  }

  [[nodiscard]] OptionValues with_limit(const ScheduleInfo& info) const {
    const Bytes least = *std::min_element(problem_.limit.begin(), problem_.limit.end());
    const MemoryLimit limit = options_.limit.value_or(MemoryLimit{0, least});
    OptionValues options = complete_options(info, {});
    for (auto& [name, value] : options) {
      if (std::holds_alternative<MemoryLimit>(value)) value = limit;
    }
    return options;
  }

  [[nodiscard]] OptimizationRow make_row(std::string label, const Schedule& schedule) const {
    Run result = ppsim::run(config_, Plan{base_.workload, schedule, {}});
    OptimizationRow row{std::move(label), std::move(result.report), true};
    for (std::uint32_t rank = 0; rank < problem_.ranks(); ++rank)
      row.fits = row.fits && row.report.per_rank[rank].peak_activation <= problem_.limit[rank];
    return row;
  }

  void add_greedy(const GreedyRule& rule) {
    Order order = make_greedy_order(problem_, rule);
    const auto value = replay_.run(order);
    PPSIM_ASSERT(value.has_value(), "greedy orders run, within the limit");
    candidates_.push_back({std::move(order), *value});
  }

  [[nodiscard]] GreedyRule one_by_one() const {
    GreedyRule rule;
    rule.in_flight = 1.0 / problem_.ranks();
    rule.steep = false;
    return rule;
  }

  void add_candidate(Order order) {
    if (const auto value = replay_.run(order)) candidates_.push_back({std::move(order), *value});
  }

  [[nodiscard]] bool is_proved() const { return best_.value <= result_.lower_bound; }

  void keep(Order order) {
    const auto value = replay_.run(order);
    PPSIM_ASSERT(value.has_value(), "a search gave an order that does not run");
    if (*value < best_.value) best_ = {std::move(order), *value};
  }

  void follow_beam() {
    const std::uint64_t ops = problem_.op_count();
    const std::uint64_t width = std::min(kMostWidth, kBeamWork / (ops * ops));
    if (is_proved() || width < kLeastWidth) return;
    if (auto order = search_beam(problem_, best_.value, width, deadline_)) {
      keep(*std::move(order));
      candidates_.insert(candidates_.begin(), best_);
    }
  }

  void improve() {
    if (problem_.op_count() > kMostLocalOps) return;
    const std::uint64_t moves = std::min(kMostMoves, kReplayedOps / problem_.op_count());
    for (std::size_t start = 0; start < std::min(kStarts, candidates_.size()) && !is_proved(); ++start) {
      keep(improve_order(problem_, candidates_[start].order, result_.lower_bound, moves,
                         options_.seed + start, deadline_));
    }
  }

  void search() {
    const bool many_types = std::any_of(problem_.types_of.begin(), problem_.types_of.end(),
                                        [](const auto& types) { return types.size() > kMostTypes; });
    if (is_proved()) return;
    result_.too_large = many_types || problem_.op_count() > kMostExactOps;
    if (result_.too_large || options_.nodes == 0) return;
    ExactResult exact = search_exactly(problem_, best_.value, result_.lower_bound, options_.nodes, deadline_);
    result_.nodes = exact.nodes;
    if (exact.better) keep(*std::move(exact.better));
    if (exact.complete) result_.lower_bound = best_.value;
  }

  // The engine has the last word: the search's own figures must be its.
  void finish() {
    result_.schedule = make_schedule(problem_, best_.order, "optimized");
    PPSIM_ASSERT(check_order(result_.schedule).empty(), "the optimized order is not legal");
    result_.row = make_row("optimized", result_.schedule);
    result_.value = best_.value;
    PPSIM_ASSERT(objective_of(result_.row.report) == best_.value && result_.row.fits,
                 fmt::format("search says {} ns, engine {} ns", best_.value.count(),
                             objective_of(result_.row.report).count()));
  }

  Config config_;
  const OptimizeOptions& options_;
  Plan base_;
  OrderProblem problem_;
  OrderReplay replay_;
  std::optional<Clock::time_point> deadline_;
  std::vector<Candidate> candidates_;
  Candidate best_;
  Optimization result_;
};

}  // namespace

Optimization optimize(const Config& config, const OptimizeOptions& options) {
  return Optimizer(config, options).run();
}

}  // namespace ppsim
