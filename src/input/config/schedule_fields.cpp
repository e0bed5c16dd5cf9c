// The fields of a schedule, and the options that stand beside them.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "input/config/config_sections.hpp"
#include "input/config/memory_limit.hpp"
#include "input/config/schema_rules.hpp"
#include "input/config/tables.hpp"

namespace ppsim {

namespace {

constexpr auto kScheduleRows =
    row::rows<ScheduleChoice>(row::kSchema, row::kDescription,
                              Field{.name = "name",
                                    .type = ValueType::Text,
                                    .absent = Absent::none(""),
                                    .help = "One of ppsim schedule list; its options stand beside it"},
                              Field{.name = "file",
                                    .type = ValueType::Text,
                                    .absent = Absent::none(""),
                                    .help = "Path of a schedule as CSV, relative to the file that names it",
                                    .expected = "path"});

constexpr auto kMostInteger = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

// "1.5p", a number, which means the same, or bytes.
MemoryLimit read_limit(const ObjectReader& section, const std::string& key) {
  const Json& value = section.value(key);
  if (!value.is_number())
    return parse_memory_limit(section.text(key), section.document().where(section.at(key)));
  if (value.get<double>() > 0) return {value.get<double>(), {}};
  throw section.error(
      key, fmt::format("{}; expected a number above 0, the same followed by \"p\", or bytes", shown(value)));
}

OptionValue read_option(const ObjectReader& section, const std::string& key, const ScheduleInfo& schedule) {
  const bool is_limit =
      std::any_of(schedule.options.begin(), schedule.options.end(), [&](const auto& option) {
        return option.name == key && std::holds_alternative<MemoryLimit>(option.default_value);
      });
  if (is_limit) return read_limit(section, key);
  const Json& value = section.value(key);
  if (value.is_string()) return value.get<std::string>();
  const bool too_large = value.is_number_unsigned() && value.get<std::uint64_t>() > kMostInteger;
  if (value.is_number_integer() && !too_large) return value.get<std::int64_t>();
  throw section.error(key, fmt::format("{}; expected a whole number or text", shown(value)));
}

// Every other key of the section is an option.
bool is_schedule_key(std::string_view key) {
  return key == "name" || key == "file" || key == "description" || key == "$schema";
}

Json to_json(const OptionValue& value) {
  const auto* integer = std::get_if<std::int64_t>(&value);
  return integer != nullptr ? Json(*integer) : Json(to_text(value));
}

// A default that the shape decides is not a value to write down.
void read_options(const ObjectReader& section, ScheduleChoice& choice) {
  Document& document = section.document();
  const ScheduleInfo& info = find_schedule(choice.name, document.where(section.at("name")));
  for (const auto& [key, value] : section.self().items()) {
    if (!is_schedule_key(key)) choice.options[key] = read_option(section, key, info);
  }
  const auto complete = [&] {
    try {
      return complete_options(info, choice.options);
    } catch (const Error& error) {
      throw Error(document.where(error.fault().where), error.fault().what);
    }
  }();
  for (const OptionSpec& option : info.options) {
    if (option.default_text.empty()) section.set_default(option.name, to_json(option.default_value));
    if (complete.at(option.name) == option.default_value) document.mark_default(section.at(option.name));
  }
}

// What a file cannot say of itself: its numbers count slices, or the micro-batches of several steps.
void read_file_options(const ObjectReader& section, ScheduleChoice& choice) {
  for (const auto& [key, value] : section.self().items()) {
    if (is_schedule_key(key)) continue;
    if (key != "slices" && key != "steps")
      throw section.error(key, "unknown key; a schedule from a file has no options but slices and steps");
    choice.options[key] = section.count<std::int64_t>(key, {1, 1'000'000});
  }
}

Json schedule_rules() {
  const Json name = rule::given("name"), file = rule::given("file");
  const Json options = {
      {"propertyNames", {{"enum", {"$schema", "description", "name", "file", "slices", "steps"}}}}};
  Json rules =
      rule::any({rule::all({name, rule::none({file})}), rule::all({file, rule::none({name}), options})});
  rules["additionalProperties"] = {{"description", "An option of the schedule"},
                                   {"type", {"number", "string"}}};
  return rules;
}

}  // namespace

constinit const FieldTable kScheduleFields{
    kScheduleRows, true, "A schedule by name, with its options beside it, or read from a file",
    &schedule_rules};

ScheduleChoice read_schedule(const ObjectReader& section) {
  Document& document = section.document();
  read_fields(section, kScheduleFields, nullptr, 0);
  ScheduleChoice choice;
  if (section.has("name") == section.has("file")) throw section.error("expected either \"name\" or \"file\"");
  if (section.has("name")) {
    choice.name = section.text("name");
    read_options(section, choice);
  } else {
    read_file_options(section, choice);
    choice.file = document.beside(section.at("file"), section.text("file"));
    document.at(section.at("file")) = document.from_document(*choice.file);
  }
  return choice;
}

}  // namespace ppsim
