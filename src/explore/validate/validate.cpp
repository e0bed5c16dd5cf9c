#include "explore/validate/validate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <stdexcept>
#include <variant>

#include "explore/run/parallel.hpp"
#include "ppsim/core/error.hpp"
#include "ppsim/explore/run/run.hpp"

namespace ppsim {
namespace {

// What became of a row.
using RowOutcome = std::variant<std::monostate, PredictedRow, SkippedRow>;

// Samples or tokens of a step.
double work_of(const MeasuredColumn& column, const Config& config, const Run& run) {
  const Parallelism& parallelism = config.parallelism;
  if (column.unit == MeasuredUnit::SamplesPerSecond)
    return static_cast<double>(parallelism.micro_batch_size) * parallelism.micro_batches * parallelism.data;
  const Workload& workload = run.plan.workload;
  if (!workload.tokens_per_step || !workload.model_flops_per_step)
    throw Error("", fmt::format("costs do not say how many tokens and FLOPs a step has, which \"{}\" needs",
                                column.column));
  return column.unit == MeasuredUnit::ModelFlops ? static_cast<double>(workload.model_flops_per_step->count())
                                                 : static_cast<double>(*workload.tokens_per_step);
}

// The GPUs of a job whose rate is stated for one GPU.
double shares_of(const MeasuredColumn& column, const Report& report) {
  if (!column.per_gpu) return 1;
  if (!report.gpus)
    throw Error("",
                fmt::format("costs do not say how many GPUs there are, which \"{}\" needs", column.column));
  return static_cast<double>(*report.gpus);
}

// Nanoseconds of a step.
std::optional<double> measured_time(const DescribedTable& described, std::size_t row, const Config& config,
                                    const Run& run) {
  for (const MeasuredColumn& column : described.spec->measured) {
    const std::optional<double> cell = number_in(*described.table, row, column.column);
    if (!cell) continue;
    if (*cell <= 0)
      throw Error("", fmt::format("\"{}\" is {}, which is no time or rate", column.column, *cell));
    if (column.unit == MeasuredUnit::Time) return *cell * column.factor * 1e9;
    const double work = work_of(column, config, run);
    return work / (*cell * column.factor * shares_of(column, run.report)) * 1e9;
  }
  return std::nullopt;
}

Bytes memory_of(const RankReport& rank, MemoryPart part) {
  switch (part) {
    case MemoryPart::Reserved:
      return rank.peak_memory;
    case MemoryPart::Allocated:
      return rank.peak_memory - rank.reserve();
    case MemoryPart::Activations:
      return rank.peak_activation;
    case MemoryPart::Static:
      return rank.static_bytes();
  }
  throw std::logic_error("no such part of memory");
}

double predicted_memory(const MemoryColumn& column, const std::vector<RankReport>& ranks) {
  Bytes most;
  for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
    const bool counts =
        column.of == MemoryOf::AllRanks || rank == (column.of == MemoryOf::FirstRank ? 0 : ranks.size() - 1);
    if (counts) most = std::max(most, memory_of(ranks[rank], column.part));
  }
  return static_cast<double>(most.count());
}

std::vector<MemoryError> memory_errors(const DescribedTable& described, std::size_t row,
                                       const Report& report) {
  std::vector<MemoryError> errors;
  for (const MemoryColumn& column : described.spec->memory)
    if (const auto cell = number_in(*described.table, row, column.column); cell && *cell > 0)
      errors.push_back({*cell * column.unit, predicted_memory(column, report.per_rank)});
  return errors;
}

bool ranks_step_alone(const DescribedTable& described, std::size_t row) {
  const auto& exception = described.spec->makespan_where;
  if (!described.spec->span || !exception) return described.spec->span;
  return described.table->rows[row][described.table->column(exception->first)] != exception->second;
}

PredictedRow predict(const DescribedTable& described, std::size_t row, std::span<const Override> more) {
  const RowDescription& description = described.rows[row];
  const Config config = row_config(*described.spec, description, more);
  const Run run = ppsim::run(config);
  PredictedRow predicted{.row = row, .notes = config.notes};
  predicted.predicted = ranks_step_alone(described, row) ? run.report.max_rank_span : run.report.step_time();
  predicted.ran = !description.out_of_memory;
  if (predicted.ran) predicted.measured = measured_time(described, row, config, run);
  predicted.memory = memory_errors(described, row, run.report);
  predicted.peak = run.report.peak_memory();
  if (run.report.gpu_memory) predicted.fits = run.report.fits();
  return predicted;
}

RowOutcome try_row(const DescribedTable& described, std::size_t row, std::span<const Override> more) {
  if (!described.rows[row].skip.empty()) return SkippedRow{row, described.rows[row].skip};
  try {
    return predict(described, row, more);
  } catch (const Error& error) {
    return SkippedRow{row, error.what()};
  }
}

bool has_cells(const DescribedTable& described, std::size_t row,
               const std::vector<std::pair<std::string, std::string>>& cells) {
  return std::all_of(cells.begin(), cells.end(), [&](const auto& cell) {
    return described.table->rows[row][described.table->column(cell.first)] == cell.second;
  });
}

bool same_cells(const DescribedTable& described, std::size_t a, std::size_t b,
                const std::vector<std::string>& columns) {
  return std::all_of(columns.begin(), columns.end(), [&](const std::string& name) {
    const std::size_t column = described.table->column(name);
    return described.table->rows[a][column] == described.table->rows[b][column];
  });
}

// Rates to the reference's, as publishers state speed-ups: above 1 is faster.
void set_ratios(const DescribedTable& described, std::vector<PredictedRow>& rows) {
  const RelativeTo& relative = *described.spec->relative;
  for (PredictedRow& row : rows) {
    const auto reference = std::find_if(rows.begin(), rows.end(), [&](const PredictedRow& other) {
      return other.measured && has_cells(described, other.row, relative.reference) &&
             same_cells(described, other.row, row.row, relative.by);
    });
    row.relative = true;
    if (reference == rows.end() || &*reference == &row) continue;
    row.ratio =
        static_cast<double>(reference->predicted.count()) / static_cast<double>(row.predicted.count());
    if (row.measured) row.measured_ratio = *reference->measured / *row.measured;
  }
}

}  // namespace

DescribedTable describe_table(const ValidationSpec& spec, const CsvTable& table) {
  check_columns(spec, table);
  DescribedTable described{&spec, &table, {}};
  for (std::size_t row = 0; row < table.rows.size(); ++row)
    described.rows.push_back(describe_row(spec, table, row));
  return described;
}

Validation validate(const DescribedTable& described, std::span<const Override> more, unsigned threads) {
  std::vector<RowOutcome> outcomes(described.rows.size());
  const auto predict_one = [&](std::size_t row) { outcomes[row] = try_row(described, row, more); };
  for_each_index(outcomes.size(), threads, [&] { return std::function<void(std::size_t)>(predict_one); });
  Validation validation{described.spec->path, described.table->path, described.rows.size(), {}, {}};
  for (RowOutcome& outcome : outcomes) {
    if (auto* row = std::get_if<PredictedRow>(&outcome)) validation.rows.push_back(std::move(*row));
    if (auto* row = std::get_if<SkippedRow>(&outcome)) validation.skipped.push_back(std::move(*row));
  }
  if (described.spec->relative) set_ratios(described, validation.rows);
  return validation;
}

}  // namespace ppsim
