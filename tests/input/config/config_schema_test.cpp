// The reader, the JSON Schemas, the presets and configs/README.md speak of the same keys.
#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <set>

#include "input/config/fields.hpp"
#include "input/scratch.hpp"
#include "ppsim/input/config/config.hpp"

namespace ppsim::config_schema_test {
namespace {

using nlohmann::json;

// Collects the keys that a schema names, through references and alternatives. What stands under "not", "if"
// and the like only restricts.
class KeyCollector {
 public:
  std::set<std::string> collect(const std::string& file) {
    walk(file, json::parse(read_file("configs/schema/" + file)), "");
    return keys_;
  }

 private:
  void walk(const std::string& file, const json& schema, const std::string& prefix) {
    if (!schema.is_object()) return;
    if (schema.contains("$ref")) follow(file, schema["$ref"].get<std::string>(), prefix);
    for (const char* alternatives : {"anyOf", "oneOf", "allOf"})
      for (const json& part : schema.value(alternatives, json::array())) walk(file, part, prefix);
    if (schema.contains("items")) walk(file, schema["items"], prefix + "/*");
    const json properties = schema.value("properties", json::object());
    for (const auto& [key, value] : properties.items()) {
      keys_.insert(prefix + "/" + key);
      walk(file, value, prefix + "/" + key);
    }
  }

  void follow(const std::string& file, const std::string& reference, const std::string& prefix) {
    const auto hash = reference.find('#');
    const std::string target = hash == 0 ? file : reference.substr(0, hash);
    const json schema = json::parse(read_file("configs/schema/" + target));
    walk(target,
         hash == std::string::npos ? schema : schema.at(json::json_pointer(reference.substr(hash + 1))),
         prefix);
  }

  std::set<std::string> keys_;
};

// A schema knows keys by their old places too.
TEST_CASE("the reader and the JSON Schema know the same keys") {
  const std::vector<std::string> keys = config_keys();
  CHECK(keys.size() > 80);
  std::set<std::string> read(keys.begin(), keys.end());
  for (const MovedKey& key : moved_keys()) {
    CHECK(read.contains(key.to));
    CHECK(read.insert(key.from).second);
  }
  const std::set<std::string> in_schema = KeyCollector().collect("config.schema.json");
  std::vector<std::string> differ;
  std::set_symmetric_difference(read.begin(), read.end(), in_schema.begin(), in_schema.end(),
                                std::back_inserter(differ));
  CHECK(differ == std::vector<std::string>{});
}

TEST_CASE("configs/README.md explains every key") {
  const std::string text = read_file("configs/README.md");
  for (const std::string& key : config_keys()) {
    CAPTURE(key);
    CHECK((key.ends_with('*') || text.find("`" + key.substr(key.rfind('/') + 1) + "`") != std::string::npos));
  }
}

TEST_CASE("the JSON Schema and configs/README.md name every contention model, and say what each does") {
  const json schema = json::parse(read_file("configs/schema/config.schema.json"));
  const json key = schema.at("/properties/simulation/anyOf/0/properties/contention"_json_pointer);
  CHECK(key.at("enum") == json(contention_names()));
  CHECK(key.at("description") == contention_help());
  CHECK(read_file("configs/README.md").find("| " + contention_help() + " |") != std::string::npos);
}

std::vector<std::string> json_files(const std::string& folder) {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".json") files.push_back(entry.path().string());
  std::sort(files.begin(), files.end());
  return files;
}

TEST_CASE("every config that comes with ppsim is read") {
  const std::vector<std::string> files = json_files("configs");
  CHECK(files.size() >= 7);
  for (const std::string& file : files) {
    CAPTURE(file);
    CHECK(test::error_of([&] { return load_config(file); }) == "no error");
  }
}

}  // namespace
}  // namespace ppsim::config_schema_test
