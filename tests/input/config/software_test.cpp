// The software on a cluster: its overheads, where they lived once, and the defaults that it brings.
#include <doctest/doctest.h>

#include "input/scratch.hpp"
#include "ppsim/input/config/config.hpp"

namespace ppsim::software_test {
namespace {

using test::error_of;
using test::Scratch;

constexpr const char* kConfig = R"({
  "cluster": "cluster.json",
  "model": {"transformer": {"layers": 8, "hidden": 512, "heads": 8, "sequence_length": 128, "vocabulary": 4096}},
  "parallelism": {"pipeline": 2, "micro_batches": 4},
  "schedule": {"name": "1f1b"}
})";

std::string cluster_with(const std::string& gpu_keys, const std::string& cluster_keys) {
  return R"({"nodes": 1, "gpus_per_node": 2, "nvlink": {"bandwidth": "100 GB/s", "latency": "5 us"},
    "gpu": {"name": "G", "peak": {"bf16": "100 TFLOP/s"}, "memory": "80 GiB", "memory_bandwidth": "1 TB/s",
            "matmul_efficiency": 0.4)" +
         gpu_keys + "}" + cluster_keys + "}";
}

// The config beside a cluster that has these keys in its GPU, and these of its own.
std::string put(const Scratch& scratch, const std::string& gpu_keys, const std::string& cluster_keys) {
  scratch.put("cluster.json", cluster_with(gpu_keys, cluster_keys));
  return scratch.put("config.json", kConfig);
}

const Cluster& cluster_of_model(const Config& config) {
  return std::get<ModelInput>(config.input).cluster;
}

std::string origin_of(const Config& config, std::string_view pointer) {
  for (const Config::Origin& origin : config.origins)
    if (origin.pointer == pointer) return origin.value + " from " + origin.from;
  return "no such value";
}

TEST_CASE("software has overheads, a name and a release") {
  const Scratch scratch;
  const Config config = load_config(put(scratch, "", R"(, "software": {
    "framework": "megatron", "release": "0.12", "launch_overhead": "3 us", "pass_overhead": "4 us",
    "checkpoint_overhead": "5 us", "collective_overhead": "6 us", "step_overhead": "7 ms",
    "allocator_margin": 0.1, "source": "Measured."})"));
  const Software& software = cluster_of_model(config).software;
  CHECK(software.framework == "megatron");
  CHECK(software.release == "0.12");
  CHECK(software.launch_overhead == Time(3'000));
  CHECK(software.pass_overhead == Time(4'000));
  CHECK(software.checkpoint_overhead == Time(5'000));
  CHECK(software.collective_overhead == Time(6'000));
  CHECK(software.step_overhead == Time(7'000'000));
  CHECK(software.allocator_margin == 0.1);
  CHECK(cluster_of_model(config).source == "Measured.");
  CHECK(config.notes.empty());
}

TEST_CASE("software may be a file, and none of it need be given") {
  const Scratch scratch;
  scratch.put("megatron.json", R"({"description": "a file", "step_overhead": "7 ms"})");
  const Config config = load_config(put(scratch, "", R"(, "software": "megatron.json")"));
  CHECK(origin_of(config, "/cluster/software/step_overhead") ==
        "\"7 ms\" from " + scratch.path("megatron.json"));
  const Config bare = load_config(put(scratch, "", ""));
  CHECK(cluster_of_model(bare).software.step_overhead == Time(0));
  CHECK(origin_of(bare, "/cluster/software/framework") == "null from default");
}

TEST_CASE("an overhead in its old place is read, with a line that says where the key lives now") {
  const Scratch scratch;
  const Config old_place = load_config(put(scratch, R"(, "step_overhead": "7 ms")", ""));
  CHECK(cluster_of_model(old_place).software.step_overhead == Time(7'000'000));
  CHECK(old_place.notes == std::vector<std::string>{
                               scratch.path("cluster.json") +
                               "#/gpu/step_overhead: this key lives at /cluster/software/step_overhead now"});
  CHECK(origin_of(old_place, "/cluster/software/step_overhead") ==
        "\"7 ms\" from " + scratch.path("cluster.json"));
  CHECK(old_place.resolved.find(R"("software":{)") != std::string::npos);
  const Config new_place = load_config(put(scratch, "", R"(, "software": {"step_overhead": "7000 us"})"));
  CHECK(new_place.hash == old_place.hash);
  CHECK(new_place.hash != load_config(put(scratch, "", "")).hash);
  // A fault is told where the value stands.
  CHECK(error_of([&] {
          return load_config(put(scratch, R"(, "step_overhead": 7)", ""));
        }).starts_with(scratch.path("cluster.json") + "#/gpu/step_overhead: 7 has no unit"));
}

TEST_CASE("an override counts in the old place and in the new one, whatever the file has") {
  const Scratch scratch;
  for (const auto& path : {put(scratch, R"(, "step_overhead": "7 ms")", "")}) {
    for (const char* pointer : {"/cluster/gpu/step_overhead", "/cluster/software/step_overhead"}) {
      CAPTURE(std::string(pointer));
      const auto overhead = [&](const char* value) {
        const Config config = load_config(path, std::vector<Override>{{pointer, value}});
        return cluster_of_model(config).software.step_overhead;
      };
      CHECK(overhead("9 ms") == Time(9'000'000));
      CHECK(overhead("null") == Time(0));
    }
  }
  const std::string path = put(scratch, "", R"(, "software": {"step_overhead": "7 ms"})");
  const Config config = load_config(path, std::vector<Override>{{"/cluster/gpu/step_overhead", "9 ms"}});
  CHECK(cluster_of_model(config).software.step_overhead == Time(9'000'000));
  CHECK(config.notes ==
        std::vector<std::string>{
            "--set /cluster/gpu/step_overhead: this key lives at /cluster/software/step_overhead now"});
  CHECK(error_of([&] {
          return load_config(path, std::vector<Override>{{"/cluster/gpu/step_overhead", "9"}});
        }).starts_with("--set /cluster/gpu/step_overhead: 9 has no unit"));
}

TEST_CASE("software that an override gives as a whole comes before the old places of a file") {
  const Scratch scratch;
  const std::string path = put(scratch, R"(, "step_overhead": "7 ms", "pass_overhead": "3 us")", "");
  const Config config =
      load_config(path, std::vector<Override>{{"/cluster/software", R"({"step_overhead": "9 ms"})"}});
  CHECK(cluster_of_model(config).software.step_overhead == Time(9'000'000));
  CHECK(cluster_of_model(config).software.pass_overhead == Time(3'000));
}

TEST_CASE("a file that has an overhead in both places is refused") {
  const Scratch scratch;
  CHECK(error_of([&] {
          return load_config(
              put(scratch, R"(, "step_overhead": "7 ms")", R"(, "software": {"step_overhead": "8 ms"})"));
        }) ==
        scratch.path("cluster.json") +
            "#/gpu/step_overhead: lives at /cluster/software/step_overhead now, which has a value too: " +
            scratch.path("cluster.json") + "#/software/step_overhead; expected one of them");
}

constexpr const char* kDefaults = R"(, "software": {"framework": "megatron", "defaults": {
  "/training/fused_loss": true, "/training/kernels/norm/bytes": 3, "/parallelism/sequence_parallel": true,
  "/simulation/contention": "fifo", "/model/transformer/dropout": false,
  "/model/transformer/experts/shared": 2}})";

TEST_CASE("software's defaults hold where the config does not give the key, and say so") {
  const Scratch scratch;
  const Config config = load_config(put(scratch, "", kDefaults));
  const auto& input = std::get<ModelInput>(config.input);
  CHECK(input.training.fused_loss);
  CHECK(input.training.kernels[0].bytes == 3);
  CHECK(config.parallelism.sequence_parallel);
  CHECK_FALSE(std::get<Transformer>(input.model).dropout);
  CHECK(origin_of(config, "/training/fused_loss") == "true from software megatron");
  CHECK(origin_of(config, "/simulation/contention") == "\"fifo\" from software megatron");
  CHECK(origin_of(config, "/training/kernels/norm/kernels") == "1.0 from default");
  // A model without experts has no use for their defaults.
  CHECK(origin_of(config, "/model/transformer/experts") == "null from default");
}

TEST_CASE("the config comes before its software's defaults, and an override before both") {
  const Scratch scratch;
  scratch.put("cluster.json", cluster_with("", kDefaults));
  std::string text = kConfig;
  text.insert(text.rfind('}'), R"(, "training": {"fused_loss": false})");
  const std::string path = scratch.put("config.json", text);
  CHECK(origin_of(load_config(path), "/training/fused_loss") == "false from " + path);
  const Config asked = load_config(path, std::vector<Override>{{"/training/fused_loss", "true"}});
  CHECK(origin_of(asked, "/training/fused_loss") == "true from --set");
}

TEST_CASE("a value has one hash, whether software or the config gives the value") {
  const Scratch scratch;
  const std::string by_software = load_config(put(scratch, "", R"(, "software": {
    "defaults": {"/training/fused_loss": true}})"))
                                      .hash;
  const Config by_config =
      load_config(put(scratch, "", ""), std::vector<Override>{{"/training/fused_loss", "true"}});
  CHECK(by_config.hash == by_software);
  CHECK(load_config(put(scratch, "", "")).hash != by_software);
}

TEST_CASE("software may choose how a model is trained and run, and nothing else") {
  const Scratch scratch;
  const auto error = [&](const std::string& pointer, const std::string& value) {
    return error_of([&] {
      return load_config(
          put(scratch, "", R"(, "software": {"defaults": {")" + pointer + "\": " + value + "}}"));
    });
  };
  const std::string place = scratch.path("cluster.json") + "#/software/defaults/";
  CHECK(error("/cluster/nodes", "2") ==
        place +
            "~1cluster~1nodes: expected a key under /training, /parallelism, /simulation or "
            "/model/transformer");
  CHECK(error("/training/fused", "true") == place + "~1training~1fused: there is no such key");
  CHECK(error("/training/fused_loss", "3") == place + "~1training~1fused_loss: 3; expected true or false");
  CHECK(error_of([&] { return load_config(put(scratch, "", R"(, "software": {"defaults": 3})")); }) ==
        scratch.path("cluster.json") + "#/software/defaults: 3; expected an object");
  CHECK(error_of([&] { return load_config(put(scratch, "", R"(, "software": 3)")); }) ==
        scratch.path("cluster.json") + "#/software: 3; expected an object");
}

TEST_CASE("costs on a cluster take of software's defaults what has a meaning for them") {
  const Scratch scratch;
  scratch.put("cluster.json", cluster_with("", kDefaults));
  const Config config = load_config(scratch.put("config.json", R"({
    "cluster": "cluster.json", "costs": {"forward": "1 ms", "backward": "2 ms"},
    "parallelism": {"pipeline": 2, "micro_batches": 4}, "schedule": {"name": "1f1b"}})"));
  CHECK(origin_of(config, "/simulation/contention") == "\"fifo\" from software megatron");
  CHECK(origin_of(config, "/parallelism/sequence_parallel") == "no such value");
}

}  // namespace
}  // namespace ppsim::software_test
