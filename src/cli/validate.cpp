#include "explore/validate/validate.hpp"

#include <fmt/format.h>

#include <optional>

#include "cli/command.hpp"
#include "output/report/validation_text.hpp"
#include "ppsim/core/error.hpp"
#include "text/files.hpp"

namespace ppsim::cli {
namespace {

struct ValidateArguments {
  std::string spec, table;
  std::vector<std::string> set;
  std::string group_by, plot;
  std::optional<double> max_mape;  // percent
  unsigned threads = 0;
  bool every_row = false;
  bool json = false;
};

std::vector<Override> overrides_of(const ValidateArguments& arguments) {
  std::vector<Override> overrides;
  for (const std::string& text : arguments.set) overrides.push_back(parse_override(text));
  return overrides;
}

// The gate: 1 where the error is beyond what is allowed, or where nothing could be compared.
int judge_accuracy(const ValidateArguments& arguments, const Validation& validation) {
  if (!arguments.max_mape) return 0;
  const Accuracy accuracy = time_accuracy(validation);
  if (accuracy.count > 0 && 100 * accuracy.mean_absolute <= *arguments.max_mape) return 0;
  note(accuracy.count == 0 ? std::string("ppsim: no row with a measured time was predicted")
                           : fmt::format("ppsim: MAPE {:.2f} %, expected at most {} %",
                                         100 * accuracy.mean_absolute, *arguments.max_mape));
  return 1;
}

int validate(const ValidateArguments& arguments) {
  const ValidationSpec spec = read_validation_spec(arguments.spec);
  check_outputs({arguments.plot}, {arguments.spec, arguments.table});
  const CsvTable table = parse_csv_table(read_file(arguments.table), arguments.table);
  if (!arguments.group_by.empty()) (void)table.column(arguments.group_by);
  const Validation validation =
      ppsim::validate(describe_table(spec, table), overrides_of(arguments), arguments.threads);
  std::vector<std::string> notes;
  for (const PredictedRow& row : validation.rows)
    notes.insert(notes.end(), row.notes.begin(), row.notes.end());
  note_all(notes);
  if (!arguments.plot.empty())
    write_file(arguments.plot, scatter_svg(validation_scatter(validation, spec, table)));
  print(arguments.json ? validation_json(validation, spec, table, arguments.group_by)
                       : validation_table(validation, spec, table, arguments.group_by, arguments.every_row));
  return judge_accuracy(arguments, validation);
}

}  // namespace

Command add_validate(CLI::App& parent) {
  CLI::App* app = parent.add_subcommand("validate", "Predict every row of a table of measured runs");
  const auto arguments = std::make_shared<ValidateArguments>();
  app->add_option("SPEC", arguments->spec, "JSON: what the table's columns mean (configs/validation)")
      ->required()
      ->type_name("");
  app->add_option("--table", arguments->table, "CSV with a row a run")->required()->type_name("TABLE.csv");
  app->add_option("--set", arguments->set, "Set a value of every row's config; may be repeated")
      ->type_name("/POINTER=VALUE");
  app->add_option("--group-by", arguments->group_by, "Print the errors by the cells of this column")
      ->check(not_empty())
      ->type_name("COLUMN");
  app->add_option("--max-mape", arguments->max_mape,
                  "Exit with 1 where the mean absolute error is above so many percent")
      ->check(positive_number_or_zero())
      ->type_name("PERCENT");
  add_output(*app, "--plot", arguments->plot, "Draw predicted against measured (.svg)");
  add_switch(*app, "--rows", arguments->every_row, "Print the error of every row");
  add_threads(*app, arguments->threads);
  add_switch(*app, "--json", arguments->json, "Print the figures as JSON and nothing else");
  return {app, [arguments] { return validate(*arguments); }};
}

}  // namespace ppsim::cli
