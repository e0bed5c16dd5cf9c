// From the rows of a table to configs.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "core/numbers.hpp"
#include "input/table/validation_spec.hpp"
#include "ppsim/core/error.hpp"
#include "text/quantity.hpp"

namespace ppsim {
namespace {

namespace fs = std::filesystem;

const CellMeaning* find_meaning(const std::vector<std::pair<std::string, CellMeaning>>& meanings,
                                std::string_view cell) {
  const CellMeaning* other = nullptr;
  for (const auto& [name, meaning] : meanings) {
    if (name == cell) return &meaning;
    if (name == "*") other = &meaning;
  }
  return other;
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c); });
  return text;
}

// Letters and digits alone: names compare with "_" and "-" equal, or left out.
std::string bare_name(std::string text) {
  text = lower(std::move(text));
  std::erase_if(text, [](char c) { return !((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')); });
  return text;
}

struct NameAndOption {
  std::string name, option;
};

// "DeepSeekV3 (w/o MTP)": what stands in brackets at the end is an option.
NameAndOption split_option(const std::string& cell) {
  const std::size_t bracket = cell.find('(');
  if (bracket == std::string::npos || !cell.ends_with(')')) return {cell, ""};
  return {cell.substr(0, bracket), cell.substr(bracket + 1, cell.size() - bracket - 2)};
}

// The file of the folder that is called so; empty: none is.
std::string find_preset(const ColumnRule& rule, const std::string& name) {
  std::error_code failure;
  std::vector<std::string> found;
  for (const auto& entry : fs::directory_iterator(rule.presets, failure))
    if (entry.path().extension() == ".json" && bare_name(entry.path().stem().string()) == bare_name(name))
      found.push_back(entry.path().string());
  if (failure) throw Error(rule.where, fmt::format("cannot list {}: {}", rule.presets, failure.message()));
  return found.empty() ? "" : *std::min_element(found.begin(), found.end());
}

// Applies the rules of a spec to one row.
class RowWriter {
 public:
  RowWriter(const ValidationSpec& spec, const CsvTable& table, std::size_t row)
      : spec_(spec), table_(table), row_(row) {}

  RowDescription describe() {
    read_status();
    for (const ColumnRule& rule : spec_.columns) apply(rule);
    for (const ComputedValue& computed : spec_.computed) apply(computed);
    return std::move(result_);
  }

 private:
  [[nodiscard]] const std::string& cell(std::string_view column) const {
    return table_.rows[row_][table_.column(column)];
  }

  void skip(std::string why) {
    if (result_.skip.empty()) result_.skip = std::move(why);
  }

  void read_status() {
    if (!spec_.status) return;
    const auto is_in = [](const std::vector<std::string>& list, const std::string& text) {
      return std::find(list.begin(), list.end(), text) != list.end();
    };
    const std::string& status = cell(spec_.status->column);
    result_.out_of_memory = is_in(spec_.status->out_of_memory, status);
    if (!result_.out_of_memory && !is_in(spec_.status->measured, status))
      skip(fmt::format("{} is \"{}\"", spec_.status->column, status));
  }

  void set(const ColumnRule& rule, const std::string& value) {
    result_.overrides.push_back(
        {rule.pointer, rule.unit.empty() ? value : value + " " + rule.unit,
         fmt::format("{}, line {}, column \"{}\"", table_.path, table_.lines[row_], rule.column)});
  }

  // Says whether the cell's own value is still to be set.
  bool apply(const ColumnRule& rule, const CellMeaning& meaning) {
    if (!meaning.skip.empty()) skip(meaning.skip);
    result_.overrides.insert(result_.overrides.end(), meaning.sets.begin(), meaning.sets.end());
    if (meaning.value) set(rule, *meaning.value);
    return !meaning.value;
  }

  void apply(const ColumnRule& rule) {
    const std::string& text = cell(rule.column);
    if (!rule.presets.empty()) return apply_preset(rule, text);
    if (rule.values.empty()) {
      if (!text.empty()) set(rule, text);
      return;
    }
    const CellMeaning* meaning = find_meaning(rule.values, text);
    if (meaning == nullptr)
      return skip(fmt::format("{} is \"{}\", of which {} says nothing", rule.column, text, rule.where));
    if (apply(rule, *meaning) && !rule.pointer.empty() && meaning->sets.empty() && !text.empty())
      set(rule, text);
  }

  // What `values` say of the name is put into the preset.
  void apply_preset(const ColumnRule& rule, const std::string& text) {
    const NameAndOption parts = split_option(text);
    const std::string file = find_preset(rule, parts.name);
    if (file.empty()) return skip(fmt::format("no preset for {} \"{}\"", rule.column, parts.name));
    const fs::path folder = fs::path(spec_.path).parent_path();
    set(rule, fs::path(file).lexically_relative(folder.empty() ? "." : folder).string());
    if (const CellMeaning* meaning = find_meaning(rule.values, text)) apply(rule, *meaning);
    if (parts.option.empty()) return;
    const CellMeaning* option = find_meaning(rule.options, parts.option);
    if (option == nullptr)
      return skip(fmt::format("{} has an option \"{}\" that cannot be described", rule.column, parts.option));
    apply(rule, *option);
  }

  void apply(const ComputedValue& computed) {
    bool known = true;
    const double value = computed.expression.value([&](const std::string& column) {
      const std::optional<double> number = number_in(table_, row_, column);
      if (!number && !computed.optional) skip(fmt::format("{} is not stated", column));
      known = known && number.has_value();
      return number.value_or(1);
    });
    if (!known) return;
    if (!std::isfinite(value)) return skip(fmt::format("{} is not a number", computed.pointer));
    result_.overrides.push_back(
        {computed.pointer, quantity_text(value, computed.unit),
         fmt::format("{}, line {}, by {}", table_.path, table_.lines[row_], computed.where)});
  }

  const ValidationSpec& spec_;
  const CsvTable& table_;
  std::size_t row_;
  RowDescription result_;
};

}  // namespace

void check_columns(const ValidationSpec& spec, const CsvTable& table) {
  std::vector<std::string> named = spec.labels;
  for (const ColumnRule& rule : spec.columns) named.push_back(rule.column);
  for (const ComputedValue& computed : spec.computed)
    named.insert(named.end(), computed.expression.columns().begin(), computed.expression.columns().end());
  for (const MeasuredColumn& column : spec.measured) named.push_back(column.column);
  for (const MemoryColumn& column : spec.memory) named.push_back(column.column);
  if (spec.status) named.push_back(spec.status->column);
  if (spec.colour) named.push_back(*spec.colour);
  if (spec.makespan_where) named.push_back(spec.makespan_where->first);
  if (spec.relative) {
    for (const auto& [column, cell] : spec.relative->reference) named.push_back(column);
    named.insert(named.end(), spec.relative->by.begin(), spec.relative->by.end());
  }
  for (const std::string& column : named) (void)table.column(column);
}

RowDescription describe_row(const ValidationSpec& spec, const CsvTable& table, std::size_t row) {
  return RowWriter(spec, table, row).describe();
}

Config row_config(const ValidationSpec& spec, const RowDescription& row, std::span<const Override> more) {
  std::vector<Override> overrides = row.overrides;
  overrides.insert(overrides.end(), more.begin(), more.end());
  return load_config(spec.path, overrides, "/config");
}

std::optional<double> number_in(const CsvTable& table, std::size_t row, std::string_view column) {
  const std::string& text = table.rows[row][table.column(column)];
  if (text.empty()) return std::nullopt;
  const auto number = parse_number<double>(text);
  if (!number || !std::isfinite(*number))
    throw Error(fmt::format("{}, line {}", table.path, table.lines[row]),
                fmt::format("\"{}\" in column \"{}\"; expected a number", text, column));
  return number;
}

std::string parameter_text(const ParameterRange& parameter, double value) {
  return parameter.whole ? fmt::format("{:.0f}", value) : quantity_text(value, parameter.unit);
}

}  // namespace ppsim
