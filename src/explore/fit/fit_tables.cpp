#include "explore/fit/fit_tables.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <map>

#include "input/table/present_value.hpp"
#include "ppsim/core/error.hpp"

namespace ppsim {
namespace {

// The cluster that a row runs on, as its config names it; empty: the spec's own.
std::string cluster_of_row(const RowDescription& row) {
  std::string cluster;
  for (const Override& set : row.overrides)
    if (set.pointer == "/cluster") cluster = set.value;
  if (cluster.size() >= 2 && cluster.starts_with('"')) cluster = cluster.substr(1, cluster.size() - 2);
  return cluster;
}

// What it runs, as text: the same for rows that differ in nothing but what was measured.
std::string run_text(const RowDescription& row) {
  std::string text;
  for (const Override& set : row.overrides) text += fmt::format("{}={}\n", set.pointer, set.value);
  return text;
}

// Rows that run elsewhere are none of this fit's.
DescribedTable on_cluster(DescribedTable table, const std::string& cluster) {
  if (cluster.empty()) return table;
  for (RowDescription& row : table.rows)
    if (const std::string runs_on = cluster_of_row(row); !runs_on.empty() && runs_on != cluster)
      row.skip = "runs on another cluster";
  return table;
}

std::vector<Override> overrides_of(const FitSpec& spec, std::span<const double> values) {
  std::vector<Override> overrides;
  for (std::size_t i = 0; i < values.size(); ++i)
    overrides.push_back(
        {spec.parameters[i].pointer, parameter_text(spec.parameters[i], values[i]), "fitted value of"});
  return overrides;
}

// Which rows count, and where each stands among the samples.
class TableSamples {
 public:
  explicit TableSamples(std::vector<DescribedTable> tables) : tables_(std::move(tables)) {}

  // Those that are predicted with the values that stand now.
  FitSamples choose(unsigned threads) {
    FitSamples samples;
    std::map<std::string, std::uint32_t> groups;
    for (std::uint32_t table = 0; table < tables_.size(); ++table) {
      std::vector<std::size_t>& rows = rows_.emplace_back();
      for (const PredictedRow& row : validate(tables_[table], {}, threads).rows) {
        if (!row.error()) continue;
        rows.push_back(row.row);
        const std::string text = run_text(tables_[table].rows[row.row]);
        samples.group.push_back(
            groups.try_emplace(text, static_cast<std::uint32_t>(groups.size())).first->second);
        samples.table.push_back(table);
      }
    }
    return samples;
  }

  void predict(std::span<const Override> values, std::span<double> log_ratios, unsigned threads) const {
    std::size_t first = 0;
    for (std::size_t table = 0; table < tables_.size(); ++table) {
      std::map<std::size_t, double> errors;
      for (const PredictedRow& row : validate(tables_[table], values, threads).rows)
        if (const auto error = row.error()) errors[row.row] = std::log1p(*error);
      for (const std::size_t row : rows_[table]) {
        const auto found = errors.find(row);
        log_ratios[first++] =
            found != errors.end() ? found->second : std::numeric_limits<double>::quiet_NaN();
      }
    }
  }

 private:
  std::vector<DescribedTable> tables_;
  std::vector<std::vector<std::size_t>> rows_;  // [tables] that count
};

std::vector<FitParameter> parameters_of(const ValidationSpec& spec) {
  std::vector<FitParameter> parameters;
  for (const ParameterRange& range : spec.fit->parameters)
    parameters.push_back({range.pointer, range.least, range.most,
                          range.start ? *range.start : present_value(spec, range), range.logarithmic});
  return parameters;
}

}  // namespace

TableFit fit_tables(const std::vector<DescribedTable>& tables, const FitOptions& options, unsigned threads) {
  const ValidationSpec& spec = *tables.front().spec;
  PPSIM_ASSERT(spec.fit.has_value(), spec.path);
  std::vector<DescribedTable> those;
  for (const DescribedTable& table : tables) those.push_back(on_cluster(table, spec.fit->cluster));
  TableSamples samples(std::move(those));
  const FitSamples chosen = samples.choose(threads);
  TableFit result;
  result.fit = fit(
      parameters_of(spec), chosen,
      [&](std::span<const double> values, std::span<double> log_ratios) {
        samples.predict(overrides_of(*spec.fit, values), log_ratios, threads);
      },
      options);
  std::vector<double> values;
  for (const auto& parameter : result.fit.parameters) values.push_back(parameter.value);
  result.values = overrides_of(*spec.fit, values);
  for (const DescribedTable& table : tables) result.names.push_back(table.table->path);
  return result;
}

}  // namespace ppsim
