/// A cluster and models with round figures.
#pragma once

#include "ppsim/model/costs/workload.hpp"

namespace ppsim {

/// `nodes` x 8 GPUs of 100 TFLOP/s in bf16, half of it reached; NVLink 400 GB/s + 1 us; 8 NICs of 50 GB/s + 4
/// us.
inline Cluster round_cluster(std::uint32_t nodes) {
  Cluster cluster;
  cluster.nodes = nodes;
  cluster.gpus_per_node = 8;
  cluster.gpu.name = "round GPU";
  cluster.gpu.peak[static_cast<std::size_t>(Dtype::Bf16)] = FlopsPerSecond(100e12);
  cluster.gpu.memory = Bytes(80'000'000'000);
  cluster.gpu.memory_bandwidth = BytesPerSecond(2'000'000'000'000);
  cluster.gpu.matmul_efficiency.points = {{Flops(0), 0.5}};
  cluster.nvlink = {BytesPerSecond(400'000'000'000), std::chrono::microseconds(1)};
  cluster.infiniband = {BytesPerSecond(50'000'000'000), std::chrono::microseconds(4)};
  cluster.nics_per_node = 8;
  return cluster;
}

/// GPT of 6 layers, h = 1024, 16 heads, s = 512, v = 8192.
inline Transformer small_gpt() {
  Transformer model;
  model.layers = 6;
  model.hidden = 1024;
  model.heads = 16;
  model.kv_heads = 16;
  model.ffn_hidden = 4096;
  model.sequence_length = 512;
  model.vocabulary = 8192;
  return model;
}

/// Llama 2 70B, as published by Meta: grouped-query attention, gated MLP, head of its own.
inline Transformer llama_70b() {
  Transformer model;
  model.layers = 80;
  model.hidden = 8192;
  model.heads = 64;
  model.kv_heads = 8;
  model.ffn_hidden = 28672;
  model.gated_mlp = true;
  model.sequence_length = 4096;
  model.vocabulary = 32000;
  model.tied_embeddings = false;
  return model;
}

inline Parallelism parallel(std::uint32_t tensor, std::uint32_t pipeline, std::uint32_t data = 1) {
  Parallelism parallelism;
  parallelism.tensor = tensor;
  parallelism.pipeline = pipeline;
  parallelism.data = data;
  return parallelism;
}

/// One stage a rank.
inline Workload training(const Cluster& cluster, const Model& model, const Parallelism& parallelism) {
  return make_workload(ModelInput{cluster, model}, parallelism,
                       {parallelism.pipeline, parallelism.pipeline, {}});
}

inline Workload inference(const Cluster& cluster, const Model& model, const Parallelism& parallelism,
                          std::uint32_t decode_steps) {
  return make_workload(ModelInput{cluster, model}, parallelism,
                       {parallelism.pipeline, parallelism.pipeline, decode_steps});
}

}  // namespace ppsim
