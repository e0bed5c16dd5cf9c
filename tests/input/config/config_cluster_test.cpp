// Costs whose ranks lie on a cluster.
#include <doctest/doctest.h>

#include "input/scratch.hpp"
#include "ppsim/input/config/config.hpp"

namespace ppsim::config_cluster_test {
namespace {

using test::error_of;
using test::Scratch;

std::string config_text(const std::string& cluster, const std::string& parallelism,
                        const std::string& simulation = "{}") {
  return R"({"cluster": )" + cluster +
         R"(, "costs": {"forward": "1 ms", "backward": "2 ms", "transfer": "1 MB",
             "gradient_reduction": ["3 ms", "4 ms"], "overhead": "7 us"},
             "parallelism": )" +
         parallelism + R"(, "schedule": {"name": "1f1b"}, "simulation": )" + simulation + "}";
}

const std::string kCluster =
    R"({"nodes": 2, "gpus_per_node": 4, "nvlink": {"bandwidth": "100 GB/s", "latency": "2 us"},
        "infiniband": {"bandwidth": "20 GB/s", "latency": "5 us", "nics_per_node": 1,
                       "measured_sizes": ["1 kB", "2 MB"]}})";

Config load(const Scratch& scratch, const std::string& text) {
  return load_config(scratch.put("c.json", text));
}

TEST_CASE("costs may have a cluster in place of a link, and then say where ranks lie") {
  const Scratch scratch;
  const Config config =
      load(scratch, config_text(kCluster, R"({"pipeline": 2, "micro_batches": 4, "tensor": 2, "data": 2})"));
  const auto& costs = std::get<CostsInput>(config.input);
  REQUIRE(costs.cluster.has_value());
  CHECK(cluster_of(config.input) == &*costs.cluster);
  CHECK(costs.cluster->gpus() == 8);
  CHECK(*costs.cluster->infiniband.measured == SizeRange{Bytes(1'000), Bytes(2'000'000)});
  CHECK_FALSE(costs.cluster->nvlink.measured.has_value());
  CHECK(costs.overhead == Time(7'000));
  CHECK(costs.gradient_reduction.size() == 2);
  CHECK(config.parallelism.tensor == 2);
  CHECK(config.parallelism.replicas() == 2);
}

TEST_CASE("names of a cluster's GPUs and links, and reductions, have a meaning beside its costs") {
  const Scratch scratch;
  const std::string noise =
      R"({"noise": {"gpu_speed": {"node 1 GPU 3": 0.5}, "link_degradation": {"node 0 NIC 0": 0.9},
                               "jitter": {"gradient_reduction": {"sigma": 0.1}}}})";
  const Config config = load(scratch, config_text(kCluster, R"({"pipeline": 2, "micro_batches": 4})", noise));
  CHECK(config.simulation.noise.stragglers.gpus.size() == 1);
  CHECK(config.simulation.noise.stragglers.links.size() == 2);
}

TEST_CASE("without a cluster a placing of ranks is an error still") {
  const Scratch scratch;
  const std::string text = R"({"costs": {"forward": "1 ms", "backward": "2 ms"},
      "parallelism": {"pipeline": 2, "micro_batches": 4, "tensor": 2}, "schedule": {"name": "1f1b"}})";
  const std::string path = scratch.put("c.json", text);
  CHECK(error_of([&] { return load_config(path); }) ==
        path + R"(#/parallelism/tensor: has no meaning with "costs"; leave it out)");
}

TEST_CASE("measured factors may stand in the config itself") {
  const Scratch scratch;
  const Config config =
      load(scratch, config_text(kCluster, R"({"pipeline": 2, "micro_batches": 4})",
                                R"({"noise": {"jitter": {"forward": {"samples": [1, 1.25, 3]}}}})"));
  CHECK(std::get<Samples>(config.simulation.noise.jitter.ops[OpKind::Forward]).factors ==
        std::vector<double>{1, 1.25, 3});
}

}  // namespace
}  // namespace ppsim::config_cluster_test
