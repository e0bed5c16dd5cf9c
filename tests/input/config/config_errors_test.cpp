// What is wrong with a document, what ppsim says, and that no document makes it crash.
#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <random>

#include "input/scratch.hpp"
#include "ppsim/input/config/config.hpp"

namespace ppsim::config_errors_test {
namespace {

using nlohmann::ordered_json;
using test::error_of;
using test::Scratch;

// The table that schema_test.py reads too: tests/input/config/data/bad_configs.json says what its fields
// mean.
const ordered_json& table() {
  static const ordered_json read = ordered_json::parse(read_file("tests/input/config/data/bad_configs.json"));
  return read;
}

void set(ordered_json& document, const std::string& pointer, const ordered_json& value) {
  const ordered_json::json_pointer place(pointer);
  ordered_json& holder = document[place.parent_pointer()];
  if (value.is_null()) {
    holder.erase(place.back());
  } else if (holder.is_array()) {
    holder[std::stoul(place.back())] = value;
  } else {
    holder[place.back()] = value;
  }
}

std::string document_of(const ordered_json& entry) {
  if (entry.contains("text")) return entry["text"].get<std::string>();
  ordered_json document = table()["bases"][entry["base"].get<std::string>()];
  for (const auto& [pointer, value] : entry["set"].items()) set(document, pointer, value);
  return document.dump();
}

// The table has no idea where the scratch folder is.
std::string without_folder(std::string text, const Scratch& scratch) {
  const std::string folder = scratch.path("");
  for (auto at = text.find(folder); at != std::string::npos; at = text.find(folder))
    text.erase(at, folder.size());
  return text;
}

// Registered models are no part of the table: a new one is a file of its own.
std::string with_contentions(std::string text) {
  constexpr std::string_view kPlace = "{contentions}";
  const auto at = text.find(kPlace);
  if (at == std::string::npos) return text;
  std::string names;
  for (const std::string_view name : contention_names())
    names += (names.empty() ? "\"" : " or \"") + std::string(name) + "\"";
  return text.replace(at, kPlace.size(), names);
}

// Ends an error that goes on with a list of names: a new schedule, or a new key, is no change of the table.
constexpr std::string_view kMore = "{more}";

std::string error_of_file(const std::string& path, const Scratch& scratch,
                          const std::vector<Override>& overrides = {}) {
  return without_folder(error_of([&] { return load_config(path, overrides); }), scratch);
}

TEST_CASE("the documents that the table of bad ones begins with are good") {
  const Scratch scratch;
  for (const auto& base : table()["bases"]) {
    CHECK(error_of_file(scratch.put("config.json", base.dump()), scratch) == "no error");
  }
}

TEST_CASE("each bad document is refused with one line that names the file, the place and what is expected") {
  CHECK(table()["cases"].size() > 100);
  for (const auto& entry : table()["cases"]) {
    CAPTURE(entry["name"].get<std::string>());
    const Scratch scratch;
    const ordered_json files = entry.value("files", ordered_json::object());
    for (const auto& [name, content] : files.items())
      scratch.put(name, content.is_string() ? content.get<std::string>() : content.dump());
    const std::string error = error_of_file(scratch.put("config.json", document_of(entry)), scratch);
    const std::string expected = with_contentions(entry["error"].get<std::string>());
    if (expected.ends_with(kMore)) {
      CHECK(error.starts_with(expected.substr(0, expected.size() - kMore.size())));
    } else {
      CHECK(error == expected);
    }
  }
}

TEST_CASE("a config that is not there is an error at its path") {
  CHECK(error_of([] { return load_config("no/such.json"); }) == "no/such.json: there is no such file");
}

std::string put_base(const Scratch& scratch, const char* name) {
  return scratch.put("config.json", table()["bases"][name].dump());
}

TEST_CASE("a bad override is an error that names the override") {
  const Scratch scratch;
  const std::string path = put_base(scratch, "model");
  const auto error = [&](const char* pointer, const char* value) {
    return error_of_file(path, scratch, {{pointer, value}});
  };
  CHECK(error("/parallelism/pipeline", "0") ==
        "--set /parallelism/pipeline: 0; expected a whole number from 1 to 65535");
  CHECK(error("/parallelism/pipelin", "4") ==
        "--set /parallelism/pipelin: unknown key; did you mean \"pipeline\"?");
  CHECK(error("/cluster/gpu/memory", "80") ==
        "--set /cluster/gpu/memory: 80 has no unit; expected a number and a unit, such as \"80 GiB\" (B, kB, "
        "MB, "
        "GB, TB, KiB, MiB, GiB, TiB)");
  CHECK(error("/parallelism/pipeline/x", "1") ==
        "--set /parallelism/pipeline/x: there is no such place: /parallelism/pipeline is 4");
  CHECK(error("/cluster", "none.json") == "--set /cluster: none.json: there is no such file");
  CHECK(error("/parallelism", "null") == "config.json: missing section \"parallelism\"");
  CHECK(error("/a~2", "1") == "--set: \"/a~2\" is not a JSON pointer");
  CHECK(error_of_file(path, scratch, {{"/schedule/name", "gpip", "--schedule"}})
            .starts_with("--schedule /schedule/name: there is no schedule \"gpip\""));
}

TEST_CASE("an override of a list names an entry that is there") {
  const Scratch scratch;
  const std::string path = put_base(scratch, "layers");
  CHECK(error_of_file(path, scratch, {{"/model/layer_costs/0/repeat", "8"}}) == "no error");
  for (const char* index : {"1", "-", "00", "x"})
    CHECK(error_of_file(path, scratch, {{std::string("/model/layer_costs/") + index + "/repeat", "8"}})
              .starts_with(std::string("--set /model/layer_costs/") + index +
                           "/repeat: there is no such place: /model/layer_costs is [{"));
}

TEST_CASE("an override splits at the first equals sign") {
  const Override override = parse_override("/schedule/file=a=b");
  CHECK(override.pointer == "/schedule/file");
  CHECK(override.value == "a=b");
  CHECK(override.origin == "--set");
  CHECK(error_of([] { return parse_override("schedule/name=x"); }) ==
        "--set: schedule/name=x; expected /pointer=value, such as /schedule/name=gpipe");
  CHECK(error_of([] { return parse_override("/schedule/name"); }) ==
        "--set: /schedule/name; expected /pointer=value, such as /schedule/name=gpipe");
}

// Changes a document here and there: a value for another, a key less, a key more, a byte of the text.
class Mutator {
 public:
  explicit Mutator(std::uint32_t seed) : random_(seed) {}

  std::string mutate(ordered_json document) {
    for (std::size_t changes = 1 + pick(2); changes > 0; --changes) change(document);
    std::string text = document.dump();
    if (pick(8) == 0) text[pick(text.size())] = static_cast<char>(pick(256));
    if (pick(16) == 0) text.resize(pick(text.size()));
    return text;
  }

 private:
  std::size_t pick(std::size_t count) { return random_() % count; }

  ordered_json junk() {
    static const std::vector<ordered_json> values{nullptr,
                                                  true,
                                                  0,
                                                  -1,
                                                  1,
                                                  2,
                                                  1'000'000'000'000,
                                                  1e300,
                                                  -0.5,
                                                  18'446'744'073'709'551'615U,
                                                  "",
                                                  "1 ms",
                                                  "0 s",
                                                  "9e18 ns",
                                                  "1e-9 GB/s",
                                                  "config.json",
                                                  ".",
                                                  "\x01\n",
                                                  "interleaved",
                                                  "inference",
                                                  "full",
                                                  ordered_json::array(),
                                                  ordered_json::object(),
                                                  {1, 2},
                                                  {"1 us", "2 us"},
                                                  {{"name", "gpipe"}},
                                                  {{"flops", "1 FLOP"}}};
    return values[pick(values.size())];
  }

  void change(ordered_json& value) {
    if (!value.is_structured() || value.empty() || pick(4) == 0) {
      change_here(value);
      return;
    }
    auto child = value.begin();
    std::advance(child, pick(value.size()));
    change(*child);
  }

  void change_here(ordered_json& value) {
    const std::vector<std::string> keys = config_keys();
    if (value.is_object() && !value.empty() && pick(2) == 0) {
      value.erase(std::next(value.begin(), static_cast<std::ptrdiff_t>(pick(value.size()))).key());
    } else if (value.is_object() && pick(2) == 0) {
      const std::string& key = keys[pick(keys.size())];
      value[key.substr(key.rfind('/') + 1)] = junk();
    } else {
      value = junk();
    }
  }

  std::mt19937 random_;
};

TEST_CASE("a document changed at random is read or refused in one line, and never more") {
  const Scratch scratch;
  std::size_t read = 0;
  Mutator mutator(20250301);
  for (int i = 0; i < 600; ++i) {
    for (const auto& base : table()["bases"]) {
      const std::string text = mutator.mutate(base);
      CAPTURE(text);
      const std::string error =
          error_of([&, path = scratch.put("config.json", text)] { return load_config(path); });
      CHECK(error.find('\n') == std::string::npos);
      read += error == "no error" ? 1 : 0;
    }
  }
  // Neither all nor none: the changes are neither too small nor too wild to test anything.
  CHECK(read > 50);
  CHECK(read < 1'500);
}

}  // namespace
}  // namespace ppsim::config_errors_test
