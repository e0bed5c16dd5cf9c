#include "assumptions.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cost_model.hpp"
#include "gradient_reduction.hpp"
#include "memory_model.hpp"
#include "products.hpp"

namespace ppsim {

namespace {

using Sentences = std::vector<std::string>;

double megabytes(Bytes bytes) {
  return static_cast<double>(bytes.count()) / 1e6;
}
double gigabytes_per_second(BytesPerSecond rate) {
  return static_cast<double>(rate.count()) / 1e9;
}
double microseconds(Seconds seconds) {
  return seconds.count() * 1e6;
}

std::string efficiency_text(const Efficiency& efficiency) {
  const auto by_value = [](const auto& a, const auto& b) { return a.second < b.second; };
  const auto [low, high] = std::minmax_element(efficiency.points.begin(), efficiency.points.end(), by_value);
  if (low->second == high->second) return fmt::format("{:.4g} %", 100 * low->second);
  return fmt::format("{:.4g} to {:.4g} %, by size,", 100 * low->second, 100 * high->second);
}

std::string product_speed(const ModelRun& run, Dtype dtype, const char* what) {
  const Gpu& gpu = run.cluster.gpu;
  return fmt::format("{} reach {} of the {:.4g} TFLOP/s that {} peaks at in {}", what,
                     efficiency_text(gpu.matmul_efficiency), ProductClock(gpu, dtype).peak().count() / 1e12,
                     gpu.name.empty() ? "the GPU" : gpu.name, name(dtype));
}

void add_compute(Sentences& sentences, const ModelRun& run, const Transformer& model) {
  const Time overhead = run.cluster.gpu.kernel_overhead;
  const std::string kernels =
      overhead > Time{} ? fmt::format(", and each takes {:.4g} us more to start", microseconds(overhead))
                        : "";
  sentences.push_back(product_speed(run, model.dtype, "Matrix products") + kernels + ".");
  sentences.push_back(
      "Norms, softmax, dropout, activation functions and the embedding's look-up take no time.");
  sentences.push_back(fmt::format(
      "Attention computes all {0} x {0} scores of a head, not only the causal half.", model.sequence_length));
}

void add_recompute(Sentences& sentences, Recompute recompute) {
  switch (recompute) {
    case Recompute::None:
      return;
    case Recompute::Selective:
      sentences.push_back(
          "Selective recomputation computes scores and context again in the backward and keeps neither.");
      return;
    case Recompute::Full:
      sentences.push_back(
          "Full recomputation runs each layer's forward again in the backward and keeps the layer's input "
          "alone; the "
          "working set of the layer at hand is not counted.");
      return;
  }
}

std::string tensor_group_text(const ModelRun& run) {
  const GroupShape shape = run.tensor_shape();
  if (shape.nodes == 1) return fmt::format("{} GPUs of one node", shape.gpus_per_node);
  return fmt::format("{} GPUs on {} nodes", shape.size(), shape.nodes);
}

void add_tensor_parallel(Sentences& sentences, const ModelRun& run, const Transformer& model) {
  if (run.parallelism.tensor == 1) return;
  const Bytes bytes = hidden_bytes(run, model, model.sequence_length);
  const int backward = run.parallelism.recompute == Recompute::Full ? 4 : 2;
  const std::string passes = run.inference() ? "forward" : fmt::format("forward and {} backward", backward);
  sentences.push_back(fmt::format(
      "Tensor parallelism costs a layer 2 all-reduces {} of {:.4g} MB, each a ring over {} at {:.4g} GB/s "
      "that takes "
      "{:.4g} us, with no compute beside it; the embedding adds one{}.",
      passes, megabytes(bytes), tensor_group_text(run),
      gigabytes_per_second(ring_link(run.cluster, run.tensor_shape()).bandwidth),
      microseconds(run.tensor_all_reduce(bytes)), run.inference() ? "" : " forward, the head one backward"));
  if (run.parallelism.sequence_parallel)
    sentences.push_back(
        "An all-gather and a reduce-scatter of sequence parallelism take as long as one all-reduce.");
  if (model.kv_heads < run.parallelism.tensor)
    sentences.push_back(fmt::format("Each KV head is held and computed by {} GPUs.",
                                    run.parallelism.tensor / model.kv_heads));
}

void add_parameters(Sentences& sentences, const ModelRun& run, Dtype dtype) {
  const ParameterBytes each = parameter_bytes(run, dtype);
  if (run.inference()) {
    sentences.push_back(fmt::format("A parameter takes {} bytes.", each.weights));
    return;
  }
  sentences.push_back(
      fmt::format("A parameter takes {} bytes of weights, {} of gradients and {} of optimizer state{}; the "
                  "optimizer step takes no "
                  "time.",
                  each.weights, each.gradients, each.optimizer,
                  run.parallelism.data > 1 ? ", on every replica (nothing is sharded)" : ""));
  if (run.parallelism.data > 1)
    sentences.push_back(
        fmt::format("Gradients are reduced in fp32 by a ring over {} replicas at {:.4g} GB/s, after a rank's "
                    "last backward and "
                    "beside nothing else.",
                    run.parallelism.data, gigabytes_per_second(gradient_ring_link(run).bandwidth)));
}

void add_model_style(Sentences& sentences, const ModelRun& run, const Transformer& model) {
  sentences.push_back(model.gated_mlp ? "The model has no biases and no learned positions (Llama style)."
                                      : "The model has biases and learned positions (GPT style).");
  if (model.tied_embeddings && run.shape.ranks > 1)
    sentences.push_back(run.inference()
                            ? "The tied embedding is held twice, on the first stage and on the last."
                            : "The tied embedding is held twice, on the first stage and on the last; keeping "
                              "the copies equal takes no time.");
}

void add_activations(Sentences& sentences, const ModelRun& run, const Transformer& model) {
  sentences.push_back(
      fmt::format("A layer keeps {:.4g} MB of activations a micro-batch (Korthikanti et al. 2022, dropout "
                  "masks included); the first "
                  "stage keeps the embedding's mask too, the last the head's inputs and its logits in fp32.",
                  layer_activation(run, model).kept / 1e6));
}

void add_inference(Sentences& sentences, const ModelRun& run) {
  sentences.push_back(
      fmt::format("A token step takes a layer the longer of computing its products and of reading its "
                  "weights and KV cache at {:.4g} "
                  "GB/s.",
                  gigabytes_per_second(run.cluster.gpu.memory_bandwidth)));
  sentences.push_back("Prefill computes the logits of every token of the prompt; sampling takes no time.");
  sentences.push_back("Tokens a second count those read and those produced.");
}

void add_boundary(Sentences& sentences, const ModelRun& run) {
  if (run.parallelism.tensor == 1 || run.shape.ranks == 1) return;
  sentences.push_back(
      run.parallelism.sequence_parallel
          ? fmt::format("Each GPU of a tensor group sends 1/{} of a boundary.", run.parallelism.tensor)
          : std::string("Each GPU of a tensor group sends the whole boundary to its peer."));
}

void add_buffers(Sentences& sentences) {
  sentences.push_back(
      "Memory of communication buffers, workspaces, the runtime and fragmentation is not counted.");
}

}  // namespace

Sentences transformer_assumptions(const ModelRun& run, const Transformer& model) {
  Sentences sentences;
  add_compute(sentences, run, model);
  if (run.inference()) {
    add_inference(sentences, run);
  } else {
    sentences.push_back("The backward of a matrix product takes twice its forward.");
    add_recompute(sentences, run.parallelism.recompute);
  }
  add_tensor_parallel(sentences, run, model);
  add_boundary(sentences, run);
  if (!run.inference()) add_activations(sentences, run, model);
  add_model_style(sentences, run, model);
  add_parameters(sentences, run, model.dtype);
  add_buffers(sentences);
  return sentences;
}

Sentences layer_costs_assumptions(const ModelRun& run, const LayerCosts& model) {
  Sentences sentences;
  sentences.push_back(product_speed(run, model.dtype, "Layers") +
                      ", and nothing but their FLOPs takes time.");
  sentences.push_back(
      "Half of a layer's backward is for its input's gradient, half for its weights'; all its activations "
      "stay until the "
      "latter has ended.");
  if (run.parallelism.recompute == Recompute::Full) add_recompute(sentences, Recompute::Full);
  if (run.parallelism.tensor > 1)
    sentences.push_back(fmt::format(
        "Tensor parallelism divides FLOPs, activations and parameters by {} and exchanges nothing.",
        run.parallelism.tensor));
  add_boundary(sentences, run);
  add_parameters(sentences, run, model.dtype);
  add_buffers(sentences);
  return sentences;
}

}  // namespace ppsim
