// What a resolved document holds, and its hash.
#include <doctest/doctest.h>

#include <algorithm>

#include "input/config/config_files.hpp"
#include "input/config/fields.hpp"
#include "ppsim/input/config/config.hpp"

namespace ppsim::resolved_config_test {
namespace {

using namespace test;

TEST_CASE("the hash knows values, and neither notes nor the order of keys nor the way a value is written") {
  const Scratch scratch;
  const auto hash = [&](const std::string& text) { return load_config(scratch.put("x.json", text)).hash; };
  const std::string plain = hash(
      R"({"costs": {"forward": "1 ms"}, "parallelism": {"pipeline": 2, "micro_batches": 4}, "schedule": {"name": "gpipe"}})");
  CHECK(plain.size() == 16);
  CHECK(
      plain ==
      hash(
          R"({"description": "x", "schedule": {"name": "gpipe"}, "parallelism": {"micro_batches": 4.0, "pipeline": 2}, "costs": {"forward": "1000 us"}})"));
  CHECK(
      plain !=
      hash(
          R"({"costs": {"forward": "1 ms"}, "parallelism": {"pipeline": 2, "micro_batches": 5}, "schedule": {"name": "gpipe"}})"));
}

// Each is a default, fixed or following from other keys.
TEST_CASE("a key that is written out at its default gives the same hash as without it") {
  const Scratch scratch;
  const std::string plain = load_config(put_config(scratch)).hash;
  const auto hash_with = [&](const char* pointer, const char* value) {
    return load_config(put_config(scratch), std::vector<Override>{{pointer, value}}).hash;
  };
  for (const auto& one :
       {std::pair("/cluster/gpu/kernel_overhead", "0 us"),
        std::pair("/cluster/software/allocator_margin", "0"),
        std::pair("/cluster/infiniband/measured_sizes", "null"),
        std::pair("/model/transformer/kv_heads", "64"), std::pair("/model/transformer/head_size", "128"),
        std::pair("/model/transformer/compute_dtype", "bf16"), std::pair("/parallelism/data", "1"),
        std::pair("/training", "{}"), std::pair("/training/kernels/norm/bytes", "1"),
        std::pair("/schedule/group", "0"), std::pair("/simulation/detail", "folded")}) {
    CAPTURE(one.first);
    CHECK(hash_with(one.first, one.second) == plain);
  }
  CHECK(hash_with("/model/transformer/kv_heads", "32") != plain);
  CHECK(hash_with("/training/kernels/norm/bytes", "2") != plain);
  CHECK(hash_with("/training/kernels/unfused_softmax", "{}") != plain);
  CHECK(hash_with("/simulation/seed", "8") != plain);
}

// Keys that the table has, where an object of the document has no value for them.
void list_missing(const FieldTable& table, const Json& object, const std::string& pointer,
                  std::vector<std::string>& missing) {
  for (const Field& field : table.fields) {
    const std::string place = pointer + "/" + std::string(field.name);
    if (field.kind == KeyKind::Note) continue;
    if (!object.contains(field.name))
      missing.push_back(place);
    else if (const Json& value = object[std::string(field.name)]; field.table != nullptr && value.is_object())
      list_missing(*field.table, value, place, missing);
  }
}

std::vector<std::string> missing_keys(const Config& config) {
  std::vector<std::string> missing;
  list_missing(kConfigFields, Json::parse(config.resolved), "", missing);
  return missing;
}

using Missing = std::vector<std::string>;

TEST_CASE("a resolved document has every key that has a meaning, each with its origin") {
  const Scratch scratch;
  const Config of_model = load_config(put_config(scratch));
  CHECK(missing_keys(of_model) ==
        Missing{"/model/sequence_length", "/model/dtype", "/simulation/streams", "/simulation/grouped"});
  CHECK(missing_keys(load_config(put_config(scratch),
                                 std::vector<Override>{{"/simulation/communication", "program"}})) ==
        Missing{"/model/sequence_length", "/model/dtype"});
  // Costs have no model, no replicas and, without a cluster, no groups of GPUs.
  CHECK(missing_keys(load_config(scratch.put("reference.json", kReference))) ==
        Missing{"/model", "/parallelism/tensor", "/parallelism/data", "/parallelism/context",
                "/parallelism/context_exchange", "/parallelism/expert", "/parallelism/expert_tensor",
                "/parallelism/zero_stage", "/parallelism/collectives", "/parallelism/micro_batch_size",
                "/parallelism/recompute", "/parallelism/sequence_parallel", "/parallelism/scatter_gather",
                "/parallelism/layers_per_stage", "/training", "/simulation/streams", "/simulation/grouped",
                "/simulation/overlapped_pair", "/simulation/detail"});
  CHECK(origin_of(of_model, "/cluster/gpu/expert_efficiency") == "null from default");
  CHECK(origin_of(of_model, "/parallelism/collectives") == "\"ring\" from default");
  CHECK(origin_of(of_model, "/training/captured_launches") == "0.0 from default");
}

TEST_CASE("null stands for no value where a key may do without one, and nowhere else") {
  const Scratch scratch;
  const auto with = [&](const char* layer) {
    return scratch.put("null.json", std::string(R"({"costs": {"forward": "1 ms", "backward": null},
      "parallelism": {"pipeline": 2, "micro_batches": )") +
                                        layer + R"(}, "schedule": {"name": "gpipe"}})");
  };
  CHECK(test::error_of([&] { return load_config(with("4")); }) == "no error");
  CHECK(test::error_of([&] { return load_config(with("null")); }) ==
        scratch.path("null.json") +
            "#/parallelism/micro_batches: null; expected a whole number from 1 to "
            "100000000");
}

}  // namespace
}  // namespace ppsim::resolved_config_test
