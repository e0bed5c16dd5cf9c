#include <fmt/format.h>

#include <unistd.h>

#include <cstdio>
#include <optional>

#include "cli/command.hpp"
#include "explore/fit/fit_tables.hpp"
#include "output/config/fitted_cluster.hpp"
#include "output/report/fit_text.hpp"
#include "ppsim/core/error.hpp"
#include "text/files.hpp"

namespace ppsim::cli {
namespace {

struct FitArguments {
  std::vector<std::string> specs, tables;
  std::string output, cluster;
  FitOptions options;
  unsigned threads = 0;
  bool json = false;
};

// A spec for each table, or one for all.
std::vector<ValidationSpec> read_specs(const FitArguments& arguments) {
  if (arguments.specs.size() != 1 && arguments.specs.size() != arguments.tables.size())
    throw Error("--table", fmt::format("{} tables for {} specs; expected one a spec, or a single spec",
                                       arguments.tables.size(), arguments.specs.size()));
  std::vector<ValidationSpec> specs;
  for (std::size_t i = 0; i < arguments.tables.size(); ++i)
    specs.push_back(
        read_validation_spec(arguments.specs.size() == 1 ? arguments.specs.front() : arguments.specs[i]));
  ValidationSpec& first = specs.front();
  if (!first.fit) throw Error(first.path, "has no \"fit\", which names the parameters to look for");
  if (!arguments.cluster.empty()) first.fit->cluster = arguments.cluster;
  return specs;
}

// On a terminal, one line that is written over.
FitProgress progress_bar() {
  if (isatty(STDERR_FILENO) == 0) return {};
  return [](std::size_t done, std::size_t limit, double loss) {
    constexpr std::size_t kWidth = 30;
    const std::size_t full = kWidth * done / limit;
    (void)std::fputs(fmt::format("\r[{:<{}}] {} of at most {} predictions, loss {:.6f} ",
                                 std::string(full, '#'), kWidth, done, limit, loss)
                         .c_str(),
                     stderr);
  };
}

int fit(const FitArguments& arguments) {
  const std::vector<ValidationSpec> specs = read_specs(arguments);
  std::vector<std::string> inputs = arguments.specs;
  inputs.insert(inputs.end(), arguments.tables.begin(), arguments.tables.end());
  check_outputs({arguments.output}, inputs);
  std::vector<CsvTable> tables;
  for (const std::string& path : arguments.tables) tables.push_back(parse_csv_table(read_file(path), path));
  std::vector<DescribedTable> described;
  for (std::size_t i = 0; i < tables.size(); ++i) described.push_back(describe_table(specs[i], tables[i]));
  FitOptions options = arguments.options;
  options.progress = progress_bar();
  const TableFit result = fit_tables(described, options, arguments.threads);
  if (options.progress) (void)std::fputs("\n", stderr);
  const std::vector<ParameterRange>& ranges = specs.front().fit->parameters;
  if (!arguments.output.empty())
    write_file(arguments.output, fitted_cluster(specs.front(), result.values, fit_note(result, ranges)));
  print(arguments.json ? fit_json(result, ranges) : fit_table(result, ranges));
  return 0;
}

}  // namespace

Command add_fit(CLI::App& parent) {
  CLI::App* app = parent.add_subcommand("fit", "Fit a machine's parameters to tables of measured runs");
  const auto arguments = std::make_shared<FitArguments>();
  app->add_option("SPECS", arguments->specs,
                  "JSON: what the columns of each table mean; the first names the parameters")
      ->required()
      ->type_name("");
  app->add_option("--table", arguments->tables,
                  "CSV with a row a run; as many as specs, or several of one spec")
      ->required()
      ->type_name("TABLE.csv");
  add_output(*app, "-o,--output", arguments->output, "Write the cluster with what was fitted");
  app->add_option("--cluster", arguments->cluster,
                  "Fit this cluster, as the specs name it, in place of the first spec's")
      ->check(not_empty())
      ->type_name("PATH");
  app->add_option("--folds", arguments->options.folds, "Parts of the cross-validation; 1: none")
      ->check(CLI::Range(1U, 1000U))
      ->type_name("N");
  app->add_option("--seed", arguments->options.seed, "Which rows are held out together")
      ->check(whole_number())
      ->type_name("N");
  app->add_option("--max-predictions", arguments->options.most_predictions,
                  "Predictions of all rows, at the most")
      ->check(whole_number())
      ->type_name("N");
  add_threads(*app, arguments->threads);
  add_switch(*app, "--json", arguments->json, "Print the figures as JSON and nothing else");
  return {app, [arguments] { return fit(*arguments); }};
}

}  // namespace ppsim::cli
