// What the field tables are written out as: JSON Schemas, a reference of keys, and the tables of
// configs/README.md, which people write and these tests hold to the rows.
#include "output/config/config_schema.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <regex>
#include <set>
#include <sstream>

#include "output/config/key_reference.hpp"
#include "ppsim/core/error.hpp"
#include "text/files.hpp"

namespace ppsim::config_schema_file_test {
namespace {

using nlohmann::json;

TEST_CASE("the schemas under configs/schema are what scripts/schemas writes from the field tables") {
  CHECK(schema_names().size() >= 8);
  for (const std::string_view name : schema_names()) {
    CAPTURE(name);
    CHECK(read_file("configs/schema/" + std::string(name) + ".schema.json") == config_schema(name));
  }
  CHECK_THROWS_AS((void)config_schema("gpus"), Error);
}

json keys_of(std::string_view section) {
  return json::parse(key_reference_json(section));
}

TEST_CASE("the reference of keys says of each what it is, what it may be, and what holds without it") {
  const json keys = keys_of("parallelism");
  const auto found = std::find_if(
      keys.begin(), keys.end(), [](const json& key) { return key["pointer"] == "/parallelism/zero_stage"; });
  REQUIRE(found != keys.end());
  CHECK(*found ==
        json{{"pointer", "/parallelism/zero_stage"},
             {"kind", "value"},
             {"type", "count from 0 to 3"},
             {"required", false},
             {"default", "0"},
             {"help", "What replicas share out: 1 the optimizer state, 2 gradients too, 3 weights too"},
             {"only", "with a model"},
             {"least", 0},
             {"most", 3}});
  const std::string text = key_reference("/parallelism");
  CHECK(text.find("\npipeline           count from 1 to 65535") != std::string::npos);
  CHECK(text.find("required") != std::string::npos);
  CHECK_THROWS_AS((void)key_reference("paralelism"), Error);
}

TEST_CASE("every key has a line of help, and none ends like a sentence of several") {
  for (const json& key : keys_of("")) {
    CAPTURE(key["pointer"].get<std::string>());
    const auto help = key["help"].get<std::string>();
    CHECK_FALSE(help.empty());
    CHECK(help.find('\n') == std::string::npos);
    CHECK_FALSE(help.ends_with('.'));
  }
}

// Names in `text` between backticks.
std::vector<std::string> quoted_names(const std::string& text) {
  std::vector<std::string> names;
  for (std::size_t start = text.find('`'); start != std::string::npos;) {
    const std::size_t end = text.find('`', start + 1);
    if (end == std::string::npos) break;
    names.push_back(text.substr(start + 1, end - start - 1));
    start = text.find('`', end + 1);
  }
  return names;
}

std::string without_quotes(std::string text) {
  std::erase(text, '`');
  return text;
}

std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  std::istringstream stream(line.substr(1));
  for (std::string cell; std::getline(stream, cell, '|');) {
    const auto first = cell.find_first_not_of(' '), last = cell.find_last_not_of(' ');
    cells.push_back(first == std::string::npos ? "" : cell.substr(first, last - first + 1));
  }
  return cells;
}

// A row of one of the page's tables of keys: "| `memory` | bytes | | capacity |" under the heading `gpu`.
struct KeyRow {
  std::vector<std::string> sections;  // that the table is of
  std::vector<std::string> keys;
  std::vector<std::string> names;     // keys, and those of the objects that the row explains
  std::optional<std::string> absent;  // its cell of defaults; empty: the table has none
};

// "`nvlink`, `pcie` and `infiniband`:", which says of what sections the table below is.
bool names_sections(const std::string& line) {
  static const std::regex names("`[a-z_]+`(, `[a-z_]+`)*( and `[a-z_]+`)?:");
  return std::regex_match(line, names);
}

// Tables whose first column is "key" or "key of `section`", below a heading or a line that names sections.
std::vector<KeyRow> key_rows_of_readme() {
  std::vector<KeyRow> rows;
  std::vector<std::string> heading{""}, subject{""}, titles;  // "": the whole document
  std::istringstream page(read_file("configs/README.md"));
  for (std::string line; std::getline(page, line);) {
    const bool keeps = line.starts_with("### ") && quoted_names(line).empty();
    if (line.starts_with("##") && !keeps) heading = quoted_names(line);
    if (line.starts_with("#")) subject = heading;
    if (names_sections(line)) subject = quoted_names(line);
    if (!line.starts_with("|")) {
      if (!titles.empty()) subject = heading;
      titles.clear();
      continue;
    }
    const std::vector<std::string> cells = cells_of(line);
    if (titles.empty()) {
      titles = cells;
      if (cells[0].starts_with("key of `")) subject = quoted_names(cells[0]);
    } else if (titles[0].starts_with("key") && !subject.empty() && !quoted_names(cells[0]).empty()) {
      const bool has_default = titles.size() > 2 && titles[2] == "default";
      rows.push_back({subject, quoted_names(cells[0]), quoted_names(line),
                      has_default ? std::optional(without_quotes(cells[2])) : std::nullopt});
    }
  }
  return rows;
}

// Defaults by key, of a section and of all that is inside.
std::multimap<std::string, std::string> defaults_of(const std::string& section) {
  std::multimap<std::string, std::string> defaults;
  for (const json& key : keys_of(section)) {
    const auto pointer = key["pointer"].get<std::string>();
    defaults.emplace(pointer.substr(pointer.rfind('/') + 1), key["default"].get<std::string>());
  }
  return defaults;
}

TEST_CASE("the tables of configs/README.md name keys that there are, with the defaults that hold") {
  const std::vector<KeyRow> rows = key_rows_of_readme();
  CHECK(rows.size() > 90);
  for (const KeyRow& row : rows) {
    std::multimap<std::string, std::string> defaults;
    for (const std::string& section : row.sections) defaults.merge(defaults_of(section));
    for (const std::string& key : row.keys) {
      CAPTURE(row.sections.front());
      CAPTURE(key);
      if (row.sections.front() == "schedule" && (key == "slices" || key == "steps")) continue;  // options
      const auto [first, last] = defaults.equal_range(key);
      CHECK(first != last);
      if (!row.absent) continue;
      std::vector<std::string> known;
      for (auto it = first; it != last; ++it) known.push_back(it->second);
      CAPTURE(*row.absent);
      CAPTURE(known.empty() ? std::string() : known.front());
      CHECK(std::find(known.begin(), known.end(), *row.absent) != known.end());
    }
  }
}

TEST_CASE("the tables of configs/README.md name every key") {
  std::set<std::string> named;
  for (const KeyRow& row : key_rows_of_readme()) named.insert(row.names.begin(), row.names.end());
  for (const json& key : keys_of("")) {
    const auto pointer = key["pointer"].get<std::string>();
    const std::string last = pointer.substr(pointer.rfind('/') + 1);
    CAPTURE(pointer);
    // Sections have a heading, and a source stands in many.
    if (key["kind"] == "value" && last != "source") CHECK(named.contains(last));
  }
}

}  // namespace
}  // namespace ppsim::config_schema_file_test
