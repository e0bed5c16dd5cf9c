#include "ppsim/input/config/config.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "input/config/config_files.hpp"

namespace ppsim::config_test {
namespace {

using namespace test;

TEST_CASE("costs are read with their units") {
  const Scratch scratch;
  const Config config = load_config(scratch.put("config.json", kReference));
  const auto& costs = std::get<CostsInput>(config.input);
  CHECK(costs.forward == std::vector<Time>{Time(1'000'000)});
  CHECK(costs.backward == std::vector<Time>{Time(2'000'000)});
  CHECK(costs.input_grad.empty());
  CHECK(costs.transfer == std::vector<Bytes>{Bytes(2'500'000)});
  CHECK(costs.activation == std::vector<Bytes>{Bytes(1'000'000)});
  CHECK(costs.link.bandwidth == BytesPerSecond(50'000'000'000));
  CHECK(costs.link.latency == Time(5'000));
  CHECK(std::get<PairRule>(costs.pair) == PairRule::Sum);
  CHECK(config.parallelism.pipeline == 8);
  CHECK(config.parallelism.micro_batches == 64);
  CHECK(config.parallelism.virtual_stages == 1);
  CHECK_FALSE(config.virtual_stages.has_value());
  CHECK(config.schedule.name == "1f1b");
  CHECK(config.simulation.communication == Communication::Overlap);
  CHECK(config.simulation.contention == Contention("none"));
  CHECK(config.simulation.seed == 0);
}

TEST_CASE("a cost may be a list of one value a stage") {
  const Scratch scratch;
  const Config config = load_config(scratch.put("config.json", R"({
    "costs": {"forward": ["1 us", "2 us"], "input_grad": "1 us", "weight_grad": ["0 ns", "3 us"],
              "overlapped_pair": "5 us"},
    "parallelism": {"pipeline": 2, "virtual_stages": 1, "micro_batches": 3}, "schedule": {"name": "gpipe"}})"));
  const auto& costs = std::get<CostsInput>(config.input);
  CHECK(costs.forward == std::vector<Time>{Time(1'000), Time(2'000)});
  CHECK(costs.backward.empty());
  CHECK(costs.weight_grad == std::vector<Time>{Time(0), Time(3'000)});
  CHECK(costs.transfer == std::vector<Bytes>{Bytes(0)});
  CHECK(std::get<Time>(costs.pair) == Time(5'000));
  CHECK(config.virtual_stages == 1);
}

TEST_CASE("sections may be paths, each relative to the file that names it") {
  const Scratch scratch;
  const Config config = load_config(put_config(scratch));
  const auto& [cluster, model, training] = std::get<ModelInput>(config.input);
  CHECK(cluster.nodes == 2);
  CHECK(cluster.gpus_per_node == 8);
  CHECK(cluster.nics_per_node == 4);
  CHECK(cluster.nvlink.bandwidth == BytesPerSecond(450'000'000'000));
  CHECK(cluster.infiniband.bandwidth == BytesPerSecond(50'000'000'000));
  CHECK(cluster.gpu.name == "H100");
  CHECK(cluster.gpu.peak[std::size_t(Dtype::Bf16)] == FlopsPerSecond(989e12));
  CHECK(cluster.gpu.peak[std::size_t(Dtype::Fp8)] == FlopsPerSecond(1979e12));
  CHECK_FALSE(cluster.gpu.peak[std::size_t(Dtype::Fp32)].has_value());
  CHECK(cluster.gpu.memory == Bytes(85'899'345'920));
  CHECK(cluster.gpu.matmul_efficiency.at(Flops(1e12)) == 0.5);
  CHECK(cluster.gpu.kernel_overhead == Time(0));
  CHECK(cluster.source == "the cluster's data sheet. The GPU's.");
  const auto& transformer = std::get<Transformer>(model);
  CHECK(transformer.layers == 80);
  CHECK(transformer.kv_heads == 64);
  CHECK(transformer.ffn_hidden == 4 * 8192);
  CHECK(transformer.dtype == Dtype::Bf16);
  CHECK(config.parallelism.tensor == 8);
  CHECK(config.parallelism.data == 1);
  CHECK(config.parallelism.recompute == Recompute::Full);
  CHECK(config.simulation.communication == Communication::Blocking);
  CHECK(config.simulation.contention == Contention("fifo"));
  CHECK(config.simulation.seed == 7);
}

TEST_CASE("latent attention, experts, tiles, reserves and what training keeps are read") {
  const Scratch scratch;
  std::vector<Override> overrides;
  for (
      const char* text :
      {R"(/model/transformer/latent_attention={"q_lora_rank": 1536, "kv_lora_rank": 512, "qk_nope_head_size": 128,
           "qk_rope_head_size": 64, "v_head_size": 96})",
       R"(/model/transformer/experts={"count": 256, "per_token": 8, "shared": 1, "ffn_hidden": 2048,
           "dense_layers": 3, "every": 2})",
       "/model/transformer/dropout=false", "/model/transformer/flash_attention=true",
       "/model/transformer/compute_dtype=fp8", "/model/transformer/wire_dtype=mxfp8",
       R"(/cluster/gpu/matmul_tiling={"rows": 128, "columns": 256, "processors": 132, "ramp": 64})",
       "/cluster/gpu/attention_efficiency=0.4", "/cluster/gpu/memory_efficiency=0.8",
       "/cluster/gpu/runtime_memory=1 GiB", "/cluster/software/allocator_margin=0.05",
       "/parallelism/context=2", "/parallelism/context_exchange=all_to_all", "/parallelism/expert=4",
       "/parallelism/expert_tensor=1", "/parallelism/zero_stage=1", "/parallelism/collectives=hierarchical",
       R"(/training={"gradient_dtype": "bf16", "master_dtype": "none", "moment_dtype": "fp16", "fused_loss": true,
           "working_memory": true, "gradient_placeholders": true})"})
    overrides.push_back(parse_override(text));
  const Config config = load_config(put_config(scratch), overrides);
  const auto& [cluster, any_model, training] = std::get<ModelInput>(config.input);
  const auto& model = std::get<Transformer>(any_model);
  CHECK(model.latent_attention->q_lora_rank == 1536);
  CHECK(model.latent_attention->kv_lora_rank == 512);
  CHECK(model.latent_attention->qk_nope_head_size == 128);
  CHECK(model.latent_attention->qk_rope_head_size == 64);
  CHECK(model.latent_attention->v_head_size == 96);
  CHECK(model.experts->count == 256);
  CHECK(model.experts->per_token == 8);
  CHECK(model.experts->shared == 1);
  CHECK(model.experts->ffn_hidden == 2048);
  CHECK(model.experts->dense_layers == 3);
  CHECK(model.experts->every == 2);
  CHECK_FALSE(model.dropout);
  CHECK(model.flash_attention);
  CHECK(model.product_dtype() == Dtype::Fp8);
  CHECK(model.sent_dtype() == Dtype::Mxfp8);
  CHECK(cluster.gpu.matmul_tiling->rows == 128);
  CHECK(cluster.gpu.matmul_tiling->columns == 256);
  CHECK(cluster.gpu.matmul_tiling->processors == 132);
  CHECK(cluster.gpu.matmul_tiling->ramp == 64);
  CHECK(cluster.gpu.attention_efficiency == 0.4);
  CHECK(cluster.gpu.memory_efficiency == 0.8);
  CHECK(cluster.gpu.runtime_memory == Bytes(1 << 30));
  CHECK(cluster.software.allocator_margin == 0.05);
  CHECK(config.parallelism.context == 2);
  CHECK(config.parallelism.context_exchange == ContextExchange::AllToAll);
  CHECK(config.parallelism.expert == 4);
  CHECK(config.parallelism.tensor_of_expert() == 1);
  CHECK(config.parallelism.zero_stage == 1);
  CHECK(config.parallelism.collectives == CollectiveAlgorithm::Hierarchical);
  CHECK(training.gradient_dtype == Dtype::Bf16);
  CHECK_FALSE(training.master_dtype.has_value());
  CHECK(training.moment_dtype == Dtype::Fp16);
  CHECK(training.fused_loss);
  CHECK(training.working_memory);
  CHECK(training.gradient_placeholders);
}

TEST_CASE(
    "what is left out of a model, a GPU and training means what it meant before there was a key for it") {
  const Scratch scratch;
  const Config config = load_config(put_config(scratch));
  const auto& [cluster, any_model, training] = std::get<ModelInput>(config.input);
  const auto& model = std::get<Transformer>(any_model);
  CHECK_FALSE(model.latent_attention.has_value());
  CHECK_FALSE(model.experts.has_value());
  CHECK(model.size_of_head() == 128);
  CHECK(model.dropout);
  CHECK_FALSE(model.flash_attention);
  CHECK(model.product_dtype() == Dtype::Bf16);
  CHECK_FALSE(cluster.gpu.matmul_tiling.has_value());
  CHECK_FALSE(cluster.gpu.memory_efficiency.has_value());
  CHECK(cluster.software.allocator_margin == 0);
  CHECK(config.parallelism.replicas() == 1);
  CHECK(config.parallelism.tensor_of_expert() == 8);
  CHECK(config.parallelism.collectives == CollectiveAlgorithm::Ring);
  CHECK(training.gradient_dtype == Dtype::Fp32);
  CHECK(training.master_dtype == Dtype::Fp32);
  CHECK_FALSE(training.working_memory);
  CHECK(origin_of(config, "/training/moment_dtype") == "\"fp32\" from default");
}

Cluster cluster_with(const Scratch& scratch, std::initializer_list<const char*> overrides) {
  std::vector<Override> list;
  for (const char* text : overrides) list.push_back(parse_override(text));
  return std::get<ModelInput>(load_config(put_config(scratch), list).input).cluster;
}

TEST_CASE("PCIe stands in place of NVLink, a fabric above the NICs") {
  const Scratch scratch;
  const Cluster plain = cluster_with(scratch, {});
  CHECK_FALSE(plain.pcie.has_value());
  CHECK_FALSE(plain.fabric.has_value());
  const Cluster cluster = cluster_with(
      scratch, {"/cluster/nvlink=null",
                R"(/cluster/pcie={"bandwidth": "32 GB/s", "latency": "5 us", "source": "of PCIe."})",
                R"(/cluster/fabric={"nodes_per_leaf": 16, "oversubscription": 1.5, "rail_optimized": true,
                    "latency": "300 ns", "source": "of the fabric."})"});
  CHECK(cluster.pcie->link.bandwidth == BytesPerSecond(32'000'000'000));
  CHECK(cluster.pcie->link.latency == Time(5'000));
  CHECK(cluster.pcie->gpus_per_switch == 8);  // all of a node
  CHECK(cluster.inside().bandwidth == BytesPerSecond(32'000'000'000));
  CHECK(cluster.fabric->nodes_per_leaf == 16);
  CHECK(cluster.fabric->oversubscription == 1.5);
  CHECK(cluster.fabric->rail_optimized);
  CHECK(cluster.fabric->latency == Time(300));
  CHECK(cluster.source == "the cluster's data sheet. The GPU's. of PCIe. of the fabric.");
  const Cluster defaults =
      cluster_with(scratch, {R"(/cluster/fabric={"nodes_per_leaf": 1})", "/cluster/nodes=1"});
  CHECK(defaults.fabric->oversubscription == 1);
  CHECK_FALSE(defaults.fabric->rail_optimized);
  CHECK(defaults.fabric->latency == Time(0));
}

TEST_CASE("the parts of a boundary are gathered where the config says so, and not elsewhere") {
  const Scratch scratch;
  const auto parallelism = [&](const char* flag) {
    return load_config(put_config(scratch), std::vector<Override>{{"/parallelism/scatter_gather", flag}});
  };
  CHECK(parallelism("true").parallelism.scatter_gather);
  CHECK_FALSE(parallelism("false").parallelism.scatter_gather);
  const Config plain = load_config(put_config(scratch));
  CHECK_FALSE(plain.parallelism.scatter_gather);
  CHECK(origin_of(plain, "/parallelism/scatter_gather") == "false from default");
}

TEST_CASE("every value of the resolved document says where it came from") {
  const Scratch scratch;
  const std::vector<Override> overrides{
      {"/cluster/gpu/memory", "40 GiB"}, {"/parallelism/data", "1", "--data"}, {"/schedule/group", "4"}};
  const Config config = load_config(put_config(scratch), overrides);
  CHECK(origin_of(config, "/cluster/nodes") == "2 from " + scratch.path("clusters/h100.json"));
  CHECK(origin_of(config, "/cluster/gpu/name") == "\"H100\" from " + scratch.path("gpus/h100.json"));
  CHECK(origin_of(config, "/cluster/gpu/memory") == "\"40 GiB\" from --set");
  CHECK(origin_of(config, "/cluster/gpu/kernel_overhead") == "\"0 s\" from default");
  CHECK(origin_of(config, "/model/transformer/kv_heads") == "64 from default");
  CHECK(origin_of(config, "/parallelism/tensor") == "8 from " + scratch.path("config.json"));
  CHECK(origin_of(config, "/parallelism/data") == "1 from --data");
  CHECK(origin_of(config, "/parallelism/micro_batch_size") == "16 from " + scratch.path("config.json"));
  CHECK(origin_of(config, "/schedule/group") == "4 from --set");
  CHECK(locate(config, "/cluster/gpu/peak/bf16") == scratch.path("gpus/h100.json") + "#/peak/bf16");
  CHECK(locate(config, "/cluster/gpu/memory") == "--set /cluster/gpu/memory");
  CHECK(locate(config, "/parallelism/pipeline") == scratch.path("config.json") + "#/parallelism/pipeline");
  CHECK(locate(config, "/cluster") == scratch.path("clusters/h100.json"));
  CHECK(locate(config, "/clusters") == scratch.path("config.json") + "#/clusters");
  CHECK(locate(config, "") == scratch.path("config.json"));
  CHECK(locate(config, "rank 3") == "rank 3");
}

TEST_CASE("a resolved document is a config that resolves to itself") {
  const Scratch scratch;
  for (const char* text : {kConfig, kReference}) {
    const Config config = load_config(put_config(scratch, text));
    const Config again = load_config(scratch.put("again.json", config.resolved));
    CHECK(again.resolved == config.resolved);
    CHECK(again.hash == config.hash);
  }
}

}  // namespace
}  // namespace ppsim::config_test
