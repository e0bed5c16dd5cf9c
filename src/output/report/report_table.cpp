#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "output/labels.hpp"
#include "output/report_document.hpp"
#include "ppsim/output/report/report_text.hpp"
#include "text/quantity.hpp"
#include "text/table.hpp"

namespace ppsim {
namespace {

/// A terminal shows about this many rows; JSON has them all.
constexpr std::size_t kMostRows = 32;

using CauseTimes = std::array<Time, kIdleCauses>;

CauseTimes sum_of_causes(const Report& report) {
  CauseTimes sums{};
  for (const RankReport& rank : report.per_rank) {
    for (std::size_t i = 0; i < kIdleCauses; ++i) sums[i] += rank.bubbles.idle_by_cause[i];
  }
  return sums;
}

/// ReportColumns that the table of ranks has, by what the run was.
struct ReportColumns {
  CauseTimes cause_sums;
  bool layers;      ///< known; else the stages are named
  bool activation;  ///< inference keeps none
  bool kv_cache;
  bool static_memory;
  bool working;
  bool reserve;

  explicit ReportColumns(const Report& report)
      : cause_sums(sum_of_causes(report)),
        layers(any(report, [](const RankReport& rank) { return !layers_text(rank.layers).empty(); })),
        activation(!report.forward_only),
        kv_cache(any(report, [](const RankReport& rank) { return rank.kv_cache > Bytes(0); })),
        static_memory(any(report, [](const RankReport& rank) { return rank.static_bytes() > Bytes(0); })),
        working(any(report, [](const RankReport& rank) { return rank.working > Bytes(0); })),
        reserve(any(report, [](const RankReport& rank) { return rank.reserve() > Bytes(0); })) {}

  /// ReportColumns of memory but the total.
  [[nodiscard]] std::size_t memory() const {
    return (activation ? 2U : 0U) + (kv_cache ? 1U : 0U) + (static_memory ? 1U : 0U) + (working ? 1U : 0U) +
           (reserve ? 1U : 0U);
  }

  template <class Predicate>
  static bool any(const Report& report, Predicate predicate) {
    return std::any_of(report.per_rank.begin(), report.per_rank.end(), predicate);
  }
};

Table make_rank_table(const ReportColumns& columns) {
  std::vector<Table::Column> titles = {
      {"rank"}, {columns.layers ? "layers" : "stages", Align::Left}, {"busy"}, {"idle"}};
  for (std::size_t i = 0; i < kIdleCauses; ++i) {
    if (columns.cause_sums[i] > Time(0)) titles.push_back({std::string(name(static_cast<IdleCause>(i)))});
  }
  if (columns.activation) titles.push_back({"peak activation"});
  if (columns.activation) titles.push_back({"in flight"});
  if (columns.kv_cache) titles.push_back({"KV cache"});
  if (columns.static_memory) titles.push_back({"static"});
  if (columns.working) titles.push_back({"working"});
  if (columns.reserve) titles.push_back({"reserve"});
  titles.push_back({"total"});
  titles.push_back({"", Align::Left});
  return Table(std::move(titles));
}

void add_times(std::vector<std::string>& cells, const ReportColumns& columns, Time busy, Time idle,
               const CauseTimes& causes) {
  cells.push_back(format_time(busy));
  cells.push_back(format_time(idle));
  for (std::size_t i = 0; i < kIdleCauses; ++i) {
    if (columns.cause_sums[i] > Time(0)) cells.push_back(format_time(causes[i]));
  }
}

std::string stages_text(const RankReport& rank) {
  std::string text;
  for (const Stage stage : rank.stages) text += fmt::format("{}{}", text.empty() ? "" : ", ", index(stage));
  return text;
}

void add_rank_row(Table& table, const ReportColumns& columns, const Report& report, std::size_t index,
                  bool color) {
  const RankReport& rank = report.per_rank[index];
  std::vector<std::string> cells = {std::to_string(index),
                                    columns.layers ? layers_text(rank.layers) : stages_text(rank)};
  add_times(cells, columns, rank.bubbles.busy, rank.bubbles.idle, rank.bubbles.idle_by_cause);
  if (columns.activation) cells.push_back(format_bytes(rank.peak_activation));
  if (columns.activation) cells.push_back(std::to_string(rank.peak_activation_count));
  if (columns.kv_cache) cells.push_back(format_bytes(rank.kv_cache));
  if (columns.static_memory) cells.push_back(format_bytes(rank.static_bytes()));
  if (columns.working) cells.push_back(format_bytes(rank.working));
  if (columns.reserve) cells.push_back(format_bytes(rank.reserve()));
  cells.push_back(report.gpu_memory ? of_capacity(rank.peak_memory, *report.gpu_memory)
                                    : format_bytes(rank.peak_memory));
  const bool fits = !report.gpu_memory || rank.peak_memory <= *report.gpu_memory;
  cells.push_back(fits ? "" : painted("does not fit", Ansi::Red, color));
  table.add_row(std::move(cells));
}

void add_sum_row(Table& table, const ReportColumns& columns, const Report& report) {
  Time busy{};
  Time idle{};
  for (const RankReport& rank : report.per_rank) {
    busy += rank.bubbles.busy;
    idle += rank.bubbles.idle;
  }
  std::vector<std::string> cells = {"sum", ""};
  add_times(cells, columns, busy, idle, columns.cause_sums);
  cells.resize(cells.size() + 2 + columns.memory());
  table.add_row(std::move(cells));
}

/// A row a rank; beyond kMostRows the middle is left out, and a line behind the table says so.
std::string rank_table(const Report& report, const ReportColumns& columns, bool color) {
  const std::size_t ranks = report.per_rank.size();
  const std::size_t head = ranks > kMostRows ? kMostRows / 2 : ranks;
  const std::size_t tail = ranks > kMostRows ? ranks - kMostRows / 2 : ranks;
  Table table = make_rank_table(columns);
  for (std::size_t rank = 0; rank < head; ++rank) add_rank_row(table, columns, report, rank, color);
  for (std::size_t rank = tail; rank < ranks; ++rank) add_rank_row(table, columns, report, rank, color);
  add_sum_row(table, columns, report);
  std::string text = table.text();
  if (tail > head) text += fmt::format("ranks {}..{} left out; --json has all\n", head, tail - 1);
  return text;
}

std::string zero_causes_line(const ReportColumns& columns) {
  std::string names;
  for (std::size_t i = 0; i < kIdleCauses; ++i) {
    if (columns.cause_sums[i] == Time(0)) {
      names += fmt::format("{}{}", names.empty() ? "" : ", ", name(static_cast<IdleCause>(i)));
    }
  }
  return names.empty() ? "" : fmt::format("no idle time on any rank by: {}\n", names);
}

std::string title_line(const Report& report, const Config& config) {
  std::string text = fmt::format("{}: {}, {}, {}", report.schedule, counted(report.ranks, "rank"),
                                 counted(report.stages, "stage"), work_text(report));
  if (report.gpus) text += fmt::format(", {}", counted(*report.gpus, "GPU"));
  return text + fmt::format("; communication {}, contention {}{}", name(config.simulation.communication),
                            config.simulation.contention.name(),
                            config.simulation.detail == Detail::Full ? ", every replica by itself" : "");
}

std::string memory_figure(const Report& report, bool color) {
  if (!report.gpu_memory) return format_bytes(report.peak_memory());
  const std::string text = of_capacity(report.peak_memory(), *report.gpu_memory);
  return report.fits() ? text : text + ", " + painted("does not fit", Ansi::Red, color);
}

std::string headline_figures(const Report& report, bool color) {
  Table table({{"", Align::Left}, {"", Align::Left}, {"", Align::Left}});
  const auto add = [&](std::string_view name, std::string value, std::string_view meaning) {
    table.add_row({std::string(name), std::move(value), std::string(meaning)});
  };
  const std::string whole =
      report.steps == 1 ? "" : fmt::format("of {} steps' {}, ", report.steps, format_time(report.makespan));
  add("step time", painted(format_time(report.step_time()), Ansi::Bold, color),
      whole + "first start to last finish");
  add("bubble fraction", painted(percent(report.bubble_fraction), Ansi::Bold, color),
      "idle share of all compute time");
  add("bubble ratio", percent(report.bubble_ratio), "idle / busy");
  add("span bubble fraction", percent(report.span_bubble_fraction),
      fmt::format("the same within the longest span of a rank, {}", format_time(report.max_rank_span)));
  if (report.tokens_per_second)
    add("tokens per second", fmt::format("{:.0f}", *report.tokens_per_second), "");
  if (report.mfu) add("MFU", percent(*report.mfu), "model FLOPs / peak of all GPUs");
  if (report.tensor_comm_fraction > 0) {
    add("TP communication", percent(report.tensor_comm_fraction), "of busy time");
  }
  if (report.other_comm_fraction > 0) {
    add("other collectives", percent(report.other_comm_fraction),
        "of busy time: experts', context groups' and ZeRO's");
  }
  add("peak memory", memory_figure(report, color), "the fullest rank");
  std::string text = table.text();
  text.erase(0, text.find('\n') + 1);  // the row of empty titles
  return text;
}

template <class Number, class Format>
std::vector<std::string> summary_row(std::string_view name, Number without, const Summary<Number>& summary,
                                     Format format) {
  std::vector<std::string> cells = {std::string(name), format(without)};
  for (const Number value : {summary.p50, summary.p95, summary.p99, summary.mean, summary.min, summary.max})
    cells.push_back(format(value));
  return cells;
}

/// What the runs came to, beside the one that all other figures are of: without jitter, or the median step.
std::string runs_table(const Report& report, const RunsReport& runs) {
  Table table({{counted(runs.count, runs.measured ? "step" : "run"), Align::Left},
               {runs.measured ? "this one" : "no jitter"},
               {"p50"},
               {"p95"},
               {"p99"},
               {"mean"},
               {"min"},
               {"max"}});
  table.add_row(summary_row("step time", report.step_time(), runs.step_time, format_time));
  table.add_row(summary_row("bubble fraction", report.bubble_fraction, runs.bubble_fraction, percent));
  return table.text();
}

}  // namespace

std::string report_table(const Report& report, const Config& config, bool color, const RunsReport* runs) {
  const ReportColumns columns(report);
  std::string text = title_line(report, config) + "\n\n";
  text += headline_figures(report, color) + "\n";
  if (runs != nullptr) text += runs_table(report, *runs) + "\n";
  text += rank_table(report, columns, color);
  text += zero_causes_line(columns);
  if (!report.assumptions.empty()) text += "\nAssumed:\n";
  for (const std::string& assumption : report.assumptions) text += fmt::format("- {}\n", assumption);
  return text;
}

}  // namespace ppsim
