// The section `noise`; tests/input/config/data/bad_configs.json has what may be wrong with one.
#include <doctest/doctest.h>

#include "input/scratch.hpp"
#include "ppsim/input/config/config.hpp"

namespace ppsim::config_noise_test {
namespace {

using test::Scratch;

// On 4 nodes of 8 GPUs, P 4.
Noise noise_of(const std::string& noise) {
  return load_config("configs/seed_4x8.json", std::vector<Override>{{"/simulation/noise", noise}})
      .simulation.noise;
}

double sigma(const Spread& spread) {
  return std::get<Lognormal>(spread).sigma;
}

TEST_CASE("GPUs and ranks have the share of their speed that the config gives them") {
  const auto gpus = noise_of(R"({"gpu_speed": {"node 2 GPU 5": 0.9, "rank 3": 0.5}})").stragglers.gpus;
  REQUIRE(gpus.size() == 2);
  const auto& place = std::get<GpuPlace>(gpus[0].place);
  CHECK((place.node == 2 && place.gpu == 5 && gpus[0].factor == 0.9));
  CHECK((std::get<Rank>(gpus[1].place) == Rank{3} && gpus[1].factor == 0.5));
}

TEST_CASE("a link without a direction is both, and the lower share counts") {
  CHECK(noise_of(R"({"link_degradation": {"node 1 NIC 0": 0.5, "node 1 NIC 0 in": 0.25,
                                          "node 0 GPU 3 NVLink out": 0.8}})")
            .stragglers.links ==
        LinkFactors{{"node 0 GPU 3 NVLink out", 0.8}, {"node 1 NIC 0 in", 0.25}, {"node 1 NIC 0 out", 0.5}});
}

TEST_CASE("links of PCIe and of a fabric have names of their own, a leaf's directions are up and down") {
  const auto links = [](const char* fabric, const std::string& names) {
    return load_config(
               "configs/seed_4x8.json",
               std::vector<Override>{
                   {"/cluster/nvlink", "null"},
                   {"/cluster/pcie", R"({"bandwidth": "32 GB/s", "latency": "5 us", "gpus_per_switch": 4})"},
                   {"/cluster/fabric", fabric},
                   {"/simulation/noise", R"({"link_degradation": )" + names + "}"}})
        .simulation.noise.stragglers.links;
  };
  CHECK(links(R"({"nodes_per_leaf": 2})",
              R"({"node 3 GPU 7 PCIe in": 0.9, "node 3 switch 1": 0.8, "leaf 1": 0.7})") ==
        LinkFactors{{"leaf 1 down", 0.7},
                    {"leaf 1 up", 0.7},
                    {"node 3 GPU 7 PCIe in", 0.9},
                    {"node 3 switch 1 in", 0.8},
                    {"node 3 switch 1 out", 0.8}});
  CHECK(links(R"({"nodes_per_leaf": 2, "rail_optimized": true})", R"({"leaf 1 rail 7 up": 0.5})") ==
        LinkFactors{{"leaf 1 rail 7 up", 0.5}});
}

TEST_CASE("a kind without jitter of its own has that of compute, gradient reduction that of transfers") {
  const Jitter jitter =
      noise_of(
          R"({"jitter": {"compute": {"sigma": 0.1}, "backward": {"sigma": 0}, "transfers": {"sigma": 0.3}}})")
          .jitter;
  CHECK(sigma(jitter.ops[OpKind::Forward]) == 0.1);
  CHECK(sigma(jitter.ops[OpKind::Backward]) == 0);
  CHECK(sigma(jitter.ops[OpKind::InputGrad]) == 0.1);
  CHECK(sigma(jitter.ops[OpKind::WeightGrad]) == 0.1);
  CHECK(sigma(jitter.ops[OpKind::OptimizerStep]) == 0.1);
  CHECK(sigma(jitter.transfers) == 0.3);
  CHECK(sigma(jitter.ops[OpKind::GradientReduction]) == 0.3);
  const Jitter own = noise_of(R"({"jitter": {"gradient_reduction": {"sigma": 0.2}}})").jitter;
  CHECK(sigma(own.ops[OpKind::GradientReduction]) == 0.2);
  CHECK(sigma(own.transfers) == 0);
}

TEST_CASE("samples lie beside the file that names them") {
  const Scratch scratch;
  scratch.put("measured/f.csv", "# by hand\r\nfactor\r\n0.5\r\n\r\n2\r\n1e1");
  scratch.put("measured/noise.json",
              R"({"description": "one node", "jitter": {"forward": {"samples": "f.csv", "source": "us"}}})");
  const Config config = load_config(scratch.put("c.json", R"({
    "costs": {"forward": "1 ms", "backward": "2 ms"}, "parallelism": {"pipeline": 2, "micro_batches": 2},
    "schedule": {"name": "1f1b"}, "simulation": {"noise": "measured/noise.json"}})"));
  const auto& samples = std::get<Samples>(config.simulation.noise.jitter.ops[OpKind::Forward]);
  CHECK(samples.factors == std::vector<double>{0.5, 2, 10});
  // From where the document lies, so that the resolved one runs too.
  CHECK(config.resolved.find(R"("samples":"measured/f.csv")") != std::string::npos);
}

TEST_CASE("a config without noise says that there is none") {
  const Config config = load_config("configs/reference_8x64.json");
  CHECK(config.resolved.find(R"("noise":null)") != std::string::npos);
  CHECK_FALSE(config.simulation.noise.jitter.any());
}

}  // namespace
}  // namespace ppsim::config_noise_test
