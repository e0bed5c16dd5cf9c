#include "input/config/changed_defaults.hpp"

#include <doctest/doctest.h>

#include <array>

#include "input/config/config_sections.hpp"
#include "input/config/tables.hpp"
#include "input/scratch.hpp"
#include "ppsim/input/config/config.hpp"

namespace ppsim::changed_defaults_test {
namespace {

using test::error_of;
using test::Scratch;

// As if two defaults had changed with 0.2: once losses were fused, and gradients were reduced in bf16.
constexpr std::array<std::string_view, 2> kVersions{"0.1", "0.2"};
constexpr std::array<ChangedDefault, 2> kChanges{
    {{"/training/fused_loss", "0.2", "true"}, {"/training/gradient_dtype", "0.2", "\"bf16\""}}};
constexpr DefaultHistory kHistory{kVersions, kChanges};

struct Read {
  Training training;
  std::string note;
};

Read read_with(const std::string& text) {
  Document document(parse_json(text, "c.json"), "c.json");
  offer_old_defaults(document, kHistory);
  const ObjectReader root(document, Pointer(), kConfigFields);
  const Training training = read_training(root.object("training"));
  return {training, changed_defaults_note(document, kHistory)};
}

TEST_CASE("a config that names a version keeps the defaults of that version") {
  const Read old = read_with(R"({"ppsim": "0.1", "training": {}})");
  CHECK(old.training.fused_loss);
  CHECK(old.training.gradient_dtype == Dtype::Bf16);
  CHECK(old.note.empty());
  const Read newest = read_with(R"({"ppsim": "0.2", "training": {}})");
  CHECK_FALSE(newest.training.fused_loss);
  CHECK(newest.training.gradient_dtype == Dtype::Fp32);
  CHECK(newest.note.empty());
}

TEST_CASE("what a config gives comes before the defaults of its version") {
  CHECK_FALSE(read_with(R"({"ppsim": "0.1", "training": {"fused_loss": false}})").training.fused_loss);
}

TEST_CASE("a config that names no version is told which changed defaults hold in it") {
  const Read read = read_with(R"({"training": {"gradient_dtype": "bf16"}})");
  CHECK_FALSE(read.training.fused_loss);
  CHECK(
      read.note ==
      "defaults changed since 0.1: /training/fused_loss is false, was true; \"ppsim\": \"0.1\" in the config "
      "keeps the old ones");
}

TEST_CASE("a version that there is not is refused, and one that there is changes no hash") {
  const Scratch scratch;
  const auto config = [&](const std::string& version) {
    return scratch.put("c.json", "{" + version + R"("costs": {"forward": "1 ms", "backward": "2 ms"},
      "parallelism": {"pipeline": 2, "micro_batches": 4}, "schedule": {"name": "1f1b"}})");
  };
  CHECK(error_of([&] { return load_config(config(R"("ppsim": "0.7", )")); }) ==
        scratch.path("c.json") + "#/ppsim: \"0.7\"; expected \"0.1\"");
  CHECK(load_config(config(R"("ppsim": "0.1", )")).hash == load_config(config("")).hash);
}

TEST_CASE("each changed default is that of a key, and of a version that there is") {
  for (const ChangedDefault& change : default_history().changes) {
    CHECK(find_field(change.pointer) != nullptr);
    CHECK(std::find(default_history().versions.begin(), default_history().versions.end(), change.since) !=
          default_history().versions.end());
  }
  CHECK(default_history().versions.front() == "0.1");
}

}  // namespace
}  // namespace ppsim::changed_defaults_test
