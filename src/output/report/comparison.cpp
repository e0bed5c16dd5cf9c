#include "ppsim/output/report/comparison.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "output/labels.hpp"
#include "output/report_document.hpp"
#include "text/json_text.hpp"
#include "text/quantity.hpp"
#include "text/table.hpp"

namespace ppsim {
namespace {

bool all_know_tokens(const std::vector<ComparisonRow>& rows) {
  return std::all_of(rows.begin(), rows.end(), [](const ComparisonRow& row) {
    return !row.report || row.report->tokens_per_second.value_or(0) > 0;
  });
}

/// How long each run takes for the same work, since a row may change the size of its batch: nanoseconds a
/// token where all know their tokens, else (costs given outright) a micro-batch. 0 where there is no run.
std::vector<double> slowness(const std::vector<ComparisonRow>& rows) {
  const bool by_token = all_know_tokens(rows);
  std::vector<double> times;
  for (const ComparisonRow& row : rows) {
    if (!row.report) {
      times.push_back(0);
    } else if (by_token) {
      times.push_back(1e9 / *row.report->tokens_per_second);
    } else {
      times.push_back(static_cast<double>(row.report->makespan.count()) / row.report->steps /
                      row.report->micro_batches);
    }
  }
  return times;
}

/// The fastest run whose memory fits; the first of equals.
std::optional<std::size_t> best_row(const std::vector<ComparisonRow>& rows) {
  const std::vector<double> times = slowness(rows);
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!rows[i].report || !rows[i].report->fits()) continue;
    if (!best || times[i] < times[*best]) best = i;
  }
  return best;
}

std::uint32_t peak_count(const Report& report) {
  std::uint32_t most = 0;
  for (const RankReport& rank : report.per_rank) most = std::max(most, rank.peak_activation_count);
  return most;
}

Bytes peak_activation(const Report& report) {
  Bytes most;
  for (const RankReport& rank : report.per_rank) most = std::max(most, rank.peak_activation);
  return most;
}

std::string memory_cell(const Report& report, bool color) {
  if (!report.gpu_memory) return format_bytes(report.peak_memory());
  const std::string used = of_capacity(report.peak_memory(), *report.gpu_memory);
  return report.fits() ? used : painted(fmt::format("does not fit ({})", used), Ansi::Red, color);
}

/// Optional columns: shown where any run knows the figure.
struct ComparisonColumns {
  bool tokens = false;
  bool mfu = false;
  bool tensor_comm = false;
  bool varied = false;  ///< rows are more than a schedule

  explicit ComparisonColumns(const std::vector<ComparisonRow>& rows) {
    for (const ComparisonRow& row : rows) {
      tokens = tokens || (row.report && row.report->tokens_per_second);
      mfu = mfu || (row.report && row.report->mfu);
      tensor_comm = tensor_comm || (row.report && row.report->tensor_comm_fraction > 0);
      varied = varied || !row.varied.empty();
    }
  }
};

Table make_table(const ComparisonColumns& columns) {
  std::vector<Table::Column> titles = {{columns.varied ? "run" : "schedule", Align::Left},
                                       {"step time"},
                                       {"x best"},
                                       {"bubble fraction"},
                                       {"bubble ratio"},
                                       {"span bubble fraction"}};
  if (columns.tokens) titles.push_back({"tokens/s"});
  if (columns.mfu) titles.push_back({"MFU"});
  if (columns.tensor_comm) titles.push_back({"TP comm"});
  titles.push_back({"peak activation"});
  titles.push_back({"in flight"});
  titles.push_back({"memory", Align::Left});
  titles.push_back({"", Align::Left});
  return Table(std::move(titles));
}

std::vector<std::string> make_cells(const ComparisonRow& row, const ComparisonColumns& columns,
                                    const std::string& against_best, bool color) {
  const Report& report = *row.report;
  std::vector<std::string> cells = {row.label,
                                    format_time(report.step_time()),
                                    against_best,
                                    percent(report.bubble_fraction),
                                    percent(report.bubble_ratio),
                                    percent(report.span_bubble_fraction)};
  if (columns.tokens) {
    cells.push_back(report.tokens_per_second ? fmt::format("{:.0f}", *report.tokens_per_second) : "");
  }
  if (columns.mfu) cells.push_back(report.mfu ? percent(*report.mfu) : "");
  if (columns.tensor_comm) cells.push_back(percent(report.tensor_comm_fraction));
  cells.push_back(format_bytes(peak_activation(report)));
  cells.push_back(std::to_string(peak_count(report)));
  cells.push_back(memory_cell(report, color));
  return cells;
}

/// What every run assumed, in the order of the first; each report lists its own as well.
std::string common_assumptions(const std::vector<ComparisonRow>& rows) {
  const auto first =
      std::find_if(rows.begin(), rows.end(), [](const ComparisonRow& row) { return row.report.has_value(); });
  if (first == rows.end()) return {};
  std::string text = "\nAssumed by every run (simulate lists what one assumes besides):\n";
  for (const std::string& assumption : first->report->assumptions) {
    const bool common = std::all_of(rows.begin(), rows.end(), [&](const ComparisonRow& row) {
      if (!row.report) return true;
      const auto& list = row.report->assumptions;
      return std::find(list.begin(), list.end(), assumption) != list.end();
    });
    if (common) text += fmt::format("- {}\n", assumption);
  }
  return text;
}

}  // namespace

std::string comparison_table(const std::vector<ComparisonRow>& rows, const Config& config, bool color) {
  const ComparisonColumns columns(rows);
  const auto best = best_row(rows);
  const std::vector<double> times = slowness(rows);
  const double best_time = best ? times[*best] : 0;
  Table table = make_table(columns);
  std::string left_out;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!rows[i].report) {
      left_out += fmt::format("{} left out: {}\n", rows[i].label, rows[i].reason);
      continue;
    }
    auto cells =
        make_cells(rows[i], columns, best_time > 0 ? fmt::format("{:.2f}", times[i] / best_time) : "", color);
    cells.push_back(best == i ? painted("best", Ansi::Green, color) : "");
    table.add_row(std::move(cells));
  }
  return fmt::format("{}; communication {}, contention {}\n\n{}{}{}", config.path,
                     name(config.simulation.communication), config.simulation.contention.name(), table.text(),
                     left_out, common_assumptions(rows));
}

std::string comparison_json(const std::vector<ComparisonRow>& rows, const Config& config) {
  nlohmann::ordered_json document = make_document_head(config);
  document["runs"] = nlohmann::ordered_json::array();
  const auto best = best_row(rows);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    nlohmann::ordered_json run = {{"label", rows[i].label}, {"best", best == i}};
    for (const Override& set : rows[i].varied) run["varied"][set.pointer] = override_value(set.value);
    if (rows[i].report) {
      run["report"] = make_report_body(*rows[i].report);
    } else {
      run["reason"] = rows[i].reason;
    }
    document["runs"].push_back(std::move(run));
  }
  return document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace ppsim
