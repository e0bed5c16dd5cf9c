// Reading a spec.
#include "input/table/validation_spec.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "input/config/config_reader.hpp"
#include "ppsim/core/error.hpp"

namespace ppsim {
namespace {

constexpr FieldTable kAny{{}, true};
constexpr Field kMeasuredList[] = {{"column"}, {"unit"}};
constexpr FieldTable kMeasured{kMeasuredList};
constexpr Field kMemoryList[] = {{"column"}, {"unit"}, {"of"}, {"part"}};
constexpr FieldTable kMemory{kMemoryList};
constexpr Field kStatusList[] = {{"column"}, {"measured"}, {"out_of_memory"}};
constexpr FieldTable kStatus{kStatusList};
constexpr Field kWhereList[] = {{"column"}, {"cell"}};
constexpr FieldTable kWhere{kWhereList};
constexpr Field kRelativeList[] = {{"reference"}, {"by"}};
constexpr FieldTable kRelative{kRelativeList};
constexpr Field kParameterList[] = {{"least"}, {"most"}, {"start"}, {"unit"}, {"whole"}, {"logarithmic"}};
constexpr FieldTable kParameter{kParameterList};
constexpr Field kFitList[] = {{"cluster"}, {"parameters", KeyKind::Object, &kAny}};
constexpr FieldTable kFit{kFitList};
constexpr Field kRuleList[] = {{"to"}, {"unit"}, {"presets"}, {"values"}, {"options"}};
constexpr FieldTable kRule{kRuleList};
constexpr Field kComputedList[] = {{"value"}, {"unit"}, {"optional"}};
constexpr FieldTable kComputed{kComputedList};
constexpr Field kSpecList[] = {{"$schema", KeyKind::Note},
                               {"description", KeyKind::Note},
                               {"report", KeyKind::Note},
                               {"source"},
                               {"table"},
                               {"config", KeyKind::Object, &kAny},
                               {"columns", KeyKind::Object, &kAny},
                               {"computed", KeyKind::Object, &kAny},
                               {"measured", KeyKind::List, &kMeasured},
                               {"memory", KeyKind::List, &kMemory},
                               {"status", KeyKind::Object, &kStatus},
                               {"step"},
                               {"makespan_where", KeyKind::Object, &kWhere},
                               {"labels"},
                               {"colour"},
                               {"relative_to", KeyKind::Object, &kRelative},
                               {"fit", KeyKind::Object, &kFit}};
constexpr FieldTable kSpec{kSpecList};

bool flag_in(const ObjectReader& section, std::string_view key) {
  return section.has(key) && section.flag(key);
}

std::string text_in(const ObjectReader& section, std::string_view key) {
  return section.has(key) ? section.text(key) : "";
}

template <NamedEnum E>
E one_of(const ObjectReader& section, std::string_view key, E absent) {
  return section.has(key) ? section.one_of<E>(key) : absent;
}

// A cell's text: JSON texts without their quotes.
std::string value_text(const Json& value) {
  return value.is_string() ? value.get<std::string>() : compact(value);
}

void check_pointer(const ObjectReader& object, std::string_view key, const std::string& pointer) {
  if (!pointer.starts_with('/'))
    throw object.error(key, fmt::format("\"{}\"; expected a place of the config, such as "
                                        "/parallelism/tensor",
                                        pointer));
}

std::vector<std::string> read_texts(const ObjectReader& section, std::string_view key) {
  std::vector<std::string> texts;
  if (!section.has(key)) return texts;
  const Json& list = section.value(key);
  if (!list.is_array()) throw section.error(key, fmt::format("{}; expected a list of texts", shown(list)));
  for (const Json& entry : list) {
    if (!entry.is_string())
      throw section.error(key, fmt::format("{}; expected a list of texts", shown(list)));
    texts.push_back(entry.get<std::string>());
  }
  return texts;
}

double read_number(const ObjectReader& section, std::string_view key) {
  const Json& value = section.value(key);
  if (!value.is_number()) throw section.error(key, fmt::format("{}; expected a number", shown(value)));
  return value.get<double>();
}

QuantityUnit read_unit(const ObjectReader& section) {
  if (!section.has("unit")) return {};
  return unit_named(section.text("unit"), section.error("unit", "").fault().where);
}

ObjectReader inner(Document& document, const ObjectReader& holder, std::string_view key,
                   const FieldTable& keys) {
  return {document, holder.at(key), keys};
}

// {"/pointer": value, ...} or {"skip": "why"}; anything else is a value.
CellMeaning read_meaning(const ObjectReader& values, const std::string& cell, const std::string& origin) {
  const Json& json = values.value(cell);
  CellMeaning meaning;
  if (!json.is_object()) {
    meaning.value = value_text(json);
    return meaning;
  }
  for (const auto& [key, value] : json.items()) {
    if (key == "skip" && value.is_string()) {
      meaning.skip = value.get<std::string>();
      continue;
    }
    if (!key.starts_with('/'))
      throw values.error(cell, fmt::format("\"{}\"; expected \"skip\" with a reason, or places of the config "
                                           "such as \"/parallelism/tensor\"",
                                           key));
    meaning.sets.push_back({key, compact(value), origin});
  }
  return meaning;
}

std::vector<std::pair<std::string, CellMeaning>> read_meanings(Document& document, const ObjectReader& rule,
                                                               std::string_view key,
                                                               const std::string& column) {
  std::vector<std::pair<std::string, CellMeaning>> meanings;
  if (!rule.has(key)) return meanings;
  const ObjectReader values = inner(document, rule, key, kAny);
  for (const auto& [cell, json] : values.self().items())
    meanings.emplace_back(cell, read_meaning(values, cell, fmt::format("column \"{}\"", column)));
  return meanings;
}

ColumnRule read_rule(Document& document, const ObjectReader& columns, const std::string& column) {
  ColumnRule rule;
  rule.column = column;
  rule.where = columns.error(column, "").fault().where;
  if (columns.value(column).is_string()) {
    rule.pointer = columns.text(column);
    check_pointer(columns, column, rule.pointer);
    return rule;
  }
  const ObjectReader section = inner(document, columns, column, kRule);
  if (section.has("to")) {
    rule.pointer = section.text("to");
    check_pointer(section, "to", rule.pointer);
  }
  if (section.has("unit")) rule.unit = section.text("unit");
  if (section.has("presets")) rule.presets = document.beside(section.at("presets"), section.text("presets"));
  rule.values = read_meanings(document, section, "values", column);
  rule.options = read_meanings(document, section, "options", column);
  if (rule.pointer.empty() && rule.values.empty())
    throw section.error("expected \"to\", a place of the config, or \"values\", what cells mean");
  return rule;
}

ComputedValue read_computed(Document& document, const ObjectReader& computed, const std::string& pointer) {
  check_pointer(computed, pointer, pointer);
  const std::string where = computed.error(pointer, "").fault().where;
  if (computed.value(pointer).is_string())
    return {pointer, Expression(computed.text(pointer), where), {}, false, where};
  const ObjectReader section = inner(document, computed, pointer, kComputed);
  return {pointer, Expression(section.text("value"), where), read_unit(section), flag_in(section, "optional"),
          where};
}

MeasuredColumn read_measured(const ObjectReader& section) {
  struct Unit {
    std::string_view name;
    MeasuredUnit unit;
    double factor;
    bool per_gpu;
  };
  constexpr std::array<Unit, 9> kUnits = {{{"ms", MeasuredUnit::Time, 1e-3, false},
                                           {"s", MeasuredUnit::Time, 1, false},
                                           {"us", MeasuredUnit::Time, 1e-6, false},
                                           {"ns", MeasuredUnit::Time, 1e-9, false},
                                           {"tokens/s", MeasuredUnit::TokensPerSecond, 1, false},
                                           {"tokens/s/GPU", MeasuredUnit::TokensPerSecond, 1, true},
                                           {"samples/s", MeasuredUnit::SamplesPerSecond, 1, false},
                                           {"samples/s/GPU", MeasuredUnit::SamplesPerSecond, 1, true},
                                           {"TFLOP/s/GPU", MeasuredUnit::ModelFlops, 1e12, true}}};
  std::array<std::string_view, kUnits.size()> names;
  std::transform(kUnits.begin(), kUnits.end(), names.begin(), [](const Unit& unit) { return unit.name; });
  const Unit& unit = kUnits.at(section.choice("unit", names));
  return {section.text("column"), unit.unit, unit.factor, unit.per_gpu};
}

MemoryColumn read_memory(const ObjectReader& section) {
  constexpr std::array<std::string_view, 5> kUnits{"B", "MB", "GB", "MiB", "GiB"};
  constexpr std::array<double, 5> kBytes{1, 1e6, 1e9, 0x1p20, 0x1p30};
  return {section.text("column"), kBytes.at(section.choice("unit", kUnits)),
          one_of(section, "of", MemoryOf::AllRanks), one_of(section, "part", MemoryPart::Reserved)};
}

// One, or a list.
template <class Read>
auto read_texts(Document& document, const ObjectReader& root, std::string_view key, const FieldTable& keys,
                Read read) {
  std::vector<decltype(read(root))> list;
  if (!root.has(key)) return list;
  const Json& value = root.value(key);
  if (!value.is_array()) {
    list.push_back(read(inner(document, root, key, keys)));
    return list;
  }
  for (std::size_t i = 0; i < value.size(); ++i)
    list.push_back(read(ObjectReader(document, root.at(key) / i, keys)));
  return list;
}

StatusColumn read_status(const ObjectReader& section) {
  return {section.text("column"), read_texts(section, "measured"), read_texts(section, "out_of_memory")};
}

RelativeTo read_relative(Document& document, const ObjectReader& section) {
  RelativeTo relative;
  const ObjectReader reference = inner(document, section, "reference", kAny);
  for (const auto& [column, cell] : reference.self().items())
    relative.reference.emplace_back(column, reference.text(column));
  if (relative.reference.empty()) throw section.error("reference", "expected a column and its cell");
  relative.by = read_texts(section, "by");
  return relative;
}

ParameterRange read_parameter(Document& document, const ObjectReader& fit, const std::string& pointer) {
  constexpr std::string_view kCluster = "/cluster/";
  if (!pointer.starts_with(kCluster))
    throw fit.error(pointer, "expected a place of the cluster, such as /cluster/nvlink/latency");
  const ObjectReader section = inner(document, fit, pointer, kParameter);
  ParameterRange parameter;
  parameter.pointer = newest_pointer(pointer);
  parameter.unit = read_unit(section);
  parameter.least = read_number(section, "least");
  parameter.most = read_number(section, "most");
  if (section.has("start")) parameter.start = read_number(section, "start");
  parameter.whole = flag_in(section, "whole");
  parameter.logarithmic = flag_in(section, "logarithmic");
  if (!(parameter.least < parameter.most))
    throw section.error("most", fmt::format("{}; expected more than \"least\"", parameter.most));
  if (parameter.logarithmic && parameter.least <= 0)
    throw section.error("least", "expected more than 0 on a logarithmic scale");
  return parameter;
}

FitSpec read_fit(Document& document, const ObjectReader& section) {
  FitSpec fit{text_in(section, "cluster"), {}};
  const ObjectReader parameters = section.object("parameters");
  for (const auto& [pointer, range] : parameters.self().items())
    fit.parameters.push_back(read_parameter(document, parameters, pointer));
  if (fit.parameters.empty()) throw section.error("parameters", "expected at least one");
  return fit;
}

}  // namespace

ValidationSpec read_validation_spec(const std::string& path) {
  Document document(path);
  const ObjectReader root(document, Pointer(), kSpec);
  ValidationSpec spec;
  spec.path = path;
  (void)root.object("config");
  const ObjectReader columns = root.object("columns");
  for (const auto& [column, rule] : columns.self().items())
    spec.columns.push_back(read_rule(document, columns, column));
  if (root.has("computed")) {
    const ObjectReader computed = root.object("computed");
    for (const auto& [pointer, value] : computed.self().items())
      spec.computed.push_back(read_computed(document, computed, pointer));
  }
  if (root.has("status")) spec.status = read_status(root.object("status"));
  spec.measured = read_texts(document, root, "measured", kMeasured, read_measured);
  spec.memory = read_texts(document, root, "memory", kMemory, read_memory);
  if (spec.measured.empty() && spec.memory.empty())
    throw root.error("expected \"measured\" or \"memory\", the columns with what was measured");
  constexpr std::array<std::string_view, 2> kStep{"makespan", "rank_span"};
  spec.span = root.has("step") && root.choice("step", kStep) == 1;
  if (root.has("makespan_where")) {
    const ObjectReader where = root.object("makespan_where");
    spec.makespan_where = {where.text("column"), where.text("cell")};
  }
  spec.labels = read_texts(root, "labels");
  if (root.has("colour")) spec.colour = root.text("colour");
  if (root.has("relative_to")) spec.relative = read_relative(document, root.object("relative_to"));
  if (root.has("fit")) spec.fit = read_fit(document, root.object("fit"));
  return spec;
}

}  // namespace ppsim
