#include "model/costs/assumptions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "model/costs/cost_model.hpp"
#include "model/costs/memory_model.hpp"
#include "model/costs/software_assumptions.hpp"
#include "model/costs/stage_collectives.hpp"

namespace ppsim {

namespace {

using Sentences = std::vector<std::string>;

double megabytes(Bytes bytes) {
  return static_cast<double>(bytes.count()) / 1e6;
}
double gigabytes_per_second(BytesPerSecond rate) {
  return static_cast<double>(rate.count()) / 1e9;
}

std::string efficiency_text(const Efficiency& efficiency) {
  const auto by_value = [](const auto& a, const auto& b) { return a.second < b.second; };
  const auto [low, high] = std::minmax_element(efficiency.points.begin(), efficiency.points.end(), by_value);
  if (low->second == high->second) return fmt::format("{:.4g} %", 100 * low->second);
  return fmt::format("{:.4g} to {:.4g} %, by size,", 100 * low->second, 100 * high->second);
}

std::string gpu_name(const Gpu& gpu) {
  return gpu.name.empty() ? "the GPU" : gpu.name;
}

std::string product_speed(const ModelRun& run, Dtype dtype, const char* what) {
  const Gpu& gpu = run.cluster.gpu;
  return fmt::format("{} reach {} of the {:.4g} TFLOP/s that {} peaks at in {}", what,
                     efficiency_text(gpu.matmul_efficiency), GpuClock(gpu, dtype).peak().count() / 1e12,
                     gpu_name(gpu), name(dtype));
}

void add_products(Sentences& sentences, const ModelRun& run, const Transformer& model) {
  const Gpu& gpu = run.cluster.gpu;
  const std::string kernels =
      gpu.kernel_overhead > Time{}
          ? fmt::format(", and each takes {:.4g} us more to start", microseconds(gpu.kernel_overhead))
          : "";
  sentences.push_back(product_speed(run, model.product_dtype(), "Matrix products") + kernels + ".");
  if (const auto& tiling = gpu.matmul_tiling)
    sentences.push_back(
        fmt::format("They lose what tiles of {} x {} on {} processors leave idle, and {} inner products at a "
                    "tile's start and end.",
                    tiling->rows, tiling->columns, tiling->processors, tiling->ramp));
  if (gpu.attention_efficiency)
    sentences.push_back(fmt::format("The attention core reaches {:.4g} % of the peak in {}.",
                                    100 * *gpu.attention_efficiency, name(model.dtype)));
  else if (model.product_dtype() != model.dtype)
    sentences.push_back(fmt::format("The attention core is computed in {}.", name(model.dtype)));
}

void add_compute(Sentences& sentences, const ModelRun& run, const Transformer& model) {
  const Gpu& gpu = run.cluster.gpu;
  add_products(sentences, run, model);
  sentences.push_back(
      gpu.memory_efficiency
          ? fmt::format("Norms, softmax, dropout, activation functions, sums, copies and the loss, and "
                        "products with few FLOPs a byte, move their bytes at {:.4g} % of {:.4g} GB/s.",
                        100 * *gpu.memory_efficiency, gigabytes_per_second(gpu.memory_bandwidth))
          : "Norms, softmax, dropout, activation functions and the embedding's look-up take no time.");
  sentences.push_back(
      model.flash_attention
          ? "Flash attention computes the causal half of the scores, and again in the backward; model FLOPs "
            "count all of them once."
          : fmt::format("Attention computes all {0} x {0} scores of a head, not only the causal half.",
                        model.sequence_length));
}

std::string ahead_text(std::string_view which, std::string_view what) {
  return fmt::format(
      "{} recomputation computes {} again in an op of its own, R; what R makes for all layers of a stage is "
      "kept until the backward ends.",
      which, what);
}

void add_recompute(Sentences& sentences, const ModelRun& run) {
  const bool ahead = run.shape.recompute_ahead;
  switch (run.parallelism.recompute) {
    case Recompute::None:
      return;
    case Recompute::Selective:
      sentences.push_back(ahead ? ahead_text("Selective", "scores and context")
                                : "Selective recomputation computes scores and context again in the backward "
                                  "and keeps neither.");
      return;
    case Recompute::Full:
      if (ahead) return sentences.push_back(ahead_text("Full", "each layer's forward"));
      sentences.push_back(fmt::format(
          "Full recomputation runs each layer's forward again in the backward and keeps the layer's input "
          "alone{}.",
          run.training.working_memory ? "" : "; the working set of the layer at hand is not counted"));
      return;
  }
}

// "a ring"; `halved`: all-gathers and reduce-scatters, of which there is no tree.
std::string algorithm_text(CollectiveAlgorithm algorithm, bool halved) {
  switch (algorithm) {
    case CollectiveAlgorithm::Ring:
      return "a ring";
    case CollectiveAlgorithm::Tree:
      return halved ? "a ring" : "a double binary tree";
    case CollectiveAlgorithm::Hierarchical:
      return "rings within nodes and between them";
    case CollectiveAlgorithm::Auto:
      return halved ? "the faster of a ring and rings within nodes and between them"
                    : "the fastest of a ring, a double binary tree, and rings within nodes and between them";
  }
  return "?";
}

// How often a layer's forward exchanges something twice: "forward and 4 backward".
std::string twice_each_way(const ModelRun& run) {
  if (run.inference()) return "forward";
  const bool full = run.parallelism.recompute == Recompute::Full;
  if (full && run.shape.recompute_ahead) return "forward, 2 in R and 2 backward";
  return fmt::format("forward and {} backward", full ? 4 : 2);
}

std::string context_exchange_text(const ModelRun& run, const Transformer& model) {
  const GroupLinks& group = run.groups.of(GroupKind::Context);
  if (run.parallelism.context_exchange == ContextExchange::AllToAll) {
    const HeadExchange bytes = context_head_bytes(run, model);
    return fmt::format(
        "each layer hands heads on in two all-to-alls, pairwise exchanges of {:.4g} MB that take {:.4g} us "
        "and "
        "of {:.4g} MB that take {:.4g} us, and in two backward, with no compute beside them",
        megabytes(bytes.before), microseconds(all_to_all_time(group, bytes.before)), megabytes(bytes.behind),
        microseconds(all_to_all_time(group, bytes.behind)));
  }
  const Bytes bytes = context_ring_bytes(run, model);
  return fmt::format(
      "keys and values go around in {} send{} a layer of {:.4g} MB, {:.4g} us each, backward of twice the "
      "bytes, each beside the attention to the part at hand, and only what is longer takes time",
      group.members - 1, group.members > 2 ? "s" : "", megabytes(bytes),
      microseconds(ring_send_time(group, bytes)));
}

void add_context(Sentences& sentences, const ModelRun& run, const Transformer& model) {
  if (run.parallelism.context == 1) return;
  sentences.push_back(fmt::format(
      "Each GPU of a context group of {} computes its part of every sequence, all with as many scores; {}.",
      run.parallelism.context, context_exchange_text(run, model)));
}

// Where they are not as many as of other weights.
void add_expert_copies(Sentences& sentences, const ModelRun& run) {
  const GroupLinks& group = run.groups.of(GroupKind::ExpertReplicas);
  if (run.inference() || group.members == run.groups.of(GroupKind::Replicas).members) return;
  sentences.push_back(
      group.members == 1
          ? "Each routed expert has one copy, whose gradients are not exchanged."
          : fmt::format("Each routed expert has {} copies, whose gradients are reduced at {:.4g} GB/s.",
                        group.members, gigabytes_per_second(group.ring.bandwidth)));
}

void add_experts_text(Sentences& sentences, const ModelRun& run, const Transformer& model) {
  if (!model.experts) return;
  sentences.push_back(
      fmt::format("Tokens spread evenly over the {} experts of a layer.", model.experts->count));
  add_expert_copies(sentences, run);
  if (run.parallelism.expert == 1) return;
  const Bytes bytes = expert_exchange_bytes(run, model, full_pass(run, model));
  sentences.push_back(fmt::format(
      "The {} groups that hold a layer's experts exchange tokens in 2 all-to-alls {}, pairwise exchanges of "
      "{:.4g} MB a GPU that take {:.4g} us, {}; a tensor group's collectives count as around an MLP.",
      run.parallelism.expert, twice_each_way(run), megabytes(bytes),
      microseconds(all_to_all_time(run.groups.of(GroupKind::Expert), bytes)),
      beside_compute(run.training.overlap_expert, true)));
}

std::string tensor_group_text(const ModelRun& run) {
  const GroupLinks& group = run.groups.of(GroupKind::Tensor);
  if (group.nodes == 1) return fmt::format("{} GPUs of one node", group.members);
  return fmt::format("{} GPUs on {} nodes", group.members, group.nodes);
}

void add_tensor_parallel(Sentences& sentences, const ModelRun& run, const Transformer& model) {
  if (run.parallelism.tensor == 1) return;
  const Bytes bytes =
      hidden_bytes(run, model, static_cast<double>(model.sequence_length) / run.parallelism.context);
  sentences.push_back(fmt::format(
      "Tensor parallelism costs a layer 2 all-reduces {} of {:.4g} MB, each {} over {} at {:.4g} GB/s "
      "that takes {:.4g} us, {}; the embedding adds one{}.",
      twice_each_way(run), megabytes(bytes),
      algorithm_text(run.parallelism.collectives, run.parallelism.sequence_parallel), tensor_group_text(run),
      gigabytes_per_second(run.groups.of(GroupKind::Tensor).ring.bandwidth),
      microseconds(run.tensor_all_reduce(bytes).time), beside_compute(run.training.overlap_tensor, false),
      run.inference() ? "" : " forward, the head one backward"));
  if (run.parallelism.sequence_parallel)
    sentences.push_back(
        "An all-gather and a reduce-scatter of sequence parallelism take as long as one all-reduce.");
  if (model.kv_heads < run.parallelism.tensor)
    sentences.push_back(fmt::format("Each KV head is held and computed by {} GPUs.",
                                    run.parallelism.tensor / model.kv_heads));
}

// "shared out among the 8 GPUs that hold a copy: optimizer state and gradients"
std::string sharing_text(const ModelRun& run) {
  if (run.parallelism.replicas() == 1) return "";
  constexpr std::array<const char*, 4> kShared = {
      "on every replica (nothing is sharded)", "the optimizer state shared out among the replicas",
      "gradients and optimizer state shared out among the replicas", "all shared out among the replicas"};
  return fmt::format(", {}", kShared.at(run.parallelism.zero_stage));
}

// Of a stage: not all are alike.
std::string buckets_text(const Training& training) {
  if (training.gradient_bucket == Bytes(0)) return "";
  return fmt::format(" in buckets of at most {:.4g} MB", megabytes(training.gradient_bucket));
}

std::string reduction_moment(const Training& training, std::uint32_t zero_stage) {
  const double hidden = training.overlap_sharding ? 1 : 0;
  const std::string in_backward =
      ", layer by layer in every backward (where it is split, in W) " + beside_compute(hidden, false) + "; ";
  constexpr const char* kWeights = "the new weights go around behind the optimizer step";
  if (zero_stage == 2) return in_backward + kWeights;
  if (zero_stage == 3)
    return in_backward +
           "a layer's weights are gathered for every forward of it and again for every backward, " +
           beside_compute(hidden, true);
  const std::string moment =
      training.overlap_gradients
          ? ", each as soon as a stage's last backward has filled it and the one before is reduced"
          : ", after a rank's last backward and beside nothing else";
  return buckets_text(training) + moment + (zero_stage == 1 ? std::string("; ") + kWeights : "");
}

void add_reduction(Sentences& sentences, const ModelRun& run) {
  if (run.parallelism.replicas() == 1) return;
  const std::uint32_t stage = run.parallelism.zero_stage;
  sentences.push_back(fmt::format(
      "Gradients are reduced in {} by {} over {} replicas at {:.4g} GB/s{}.",
      name(run.training.gradient_dtype), algorithm_text(run.parallelism.collectives, stage > 0),
      run.parallelism.replicas(), gigabytes_per_second(run.groups.of(GroupKind::Replicas).ring.bandwidth),
      reduction_moment(run.training, stage)));
}

void add_parameters(Sentences& sentences, const ModelRun& run, Dtype dtype) {
  const ParameterBytes each = parameter_bytes(run, dtype);
  if (run.inference()) {
    sentences.push_back(fmt::format("A parameter takes {} bytes.", each.weights));
    return;
  }
  sentences.push_back(fmt::format(
      "A parameter takes {} bytes of weights, {} of gradients and {} of optimizer state{}; the optimizer "
      "step {}.",
      each.weights, each.gradients, each.optimizer, sharing_text(run),
      run.cluster.gpu.memory_efficiency || run.cluster.gpu.optimizer_efficiency
          ? "takes as long as moving them"
          : "takes no time"));
  add_reduction(sentences, run);
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

std::string megabytes_of_layer(const ModelRun& run, const Transformer& model, bool experts) {
  const Operators operators = layer_operators(run, model, experts, full_pass(run, model));
  return fmt::format("{:.4g} MB", activation_of(operators).kept / 1e6);
}

void add_activations(Sentences& sentences, const ModelRun& run, const Transformer& model) {
  const std::uint32_t experts = count_expert_layers(model, {0, model.layers});
  std::string layers;
  if (experts < model.layers) layers = fmt::format("A layer keeps {}", megabytes_of_layer(run, model, false));
  if (experts > 0)
    layers += fmt::format("{} with experts {}", layers.empty() ? "A layer" : ", one",
                          (layers.empty() ? "keeps " : "") + megabytes_of_layer(run, model, true));
  sentences.push_back(fmt::format(
      "{} of activations a micro-batch (Korthikanti et al. 2022, {}); the first stage keeps {}, the last the "
      "head's inputs and its logits in {}.",
      layers, model.dropout ? "dropout masks included" : "no dropout",
      model.dropout ? "the embedding's mask too" : "no more",
      name(run.training.fused_loss ? model.dtype : Dtype::Fp32)));
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
  const std::uint32_t tensor = run.parallelism.tensor;
  if (run.parallelism.scatter_gather)
    sentences.push_back(fmt::format(
        "Each GPU of a tensor group sends 1/{} of a boundary, and the receivers gather the whole at "
        "{:.4g} GB/s before they go on, beside whatever else they do.",
        tensor, gigabytes_per_second(run.groups.of(GroupKind::Tensor).ring.bandwidth)));
  else if (run.parallelism.sequence_parallel)
    sentences.push_back(fmt::format("Each GPU of a tensor group sends 1/{} of a boundary.", tensor));
  else
    sentences.push_back("Each GPU of a tensor group sends the whole boundary to its peer.");
}

void add_network(Sentences& sentences, const ModelRun& run) {
  const Cluster& cluster = run.cluster;
  if (cluster.switches_per_node() > 0)
    sentences.push_back(
        fmt::format("GPUs of a node talk over PCIe, {} under a switch, whose uplink all of them share.",
                    cluster.pcie->gpus_per_switch));
  if (!cluster.fabric) return;
  const Fabric& fabric = *cluster.fabric;
  sentences.push_back(fmt::format(
      "{} nodes share {}; a leaf's uplinks carry 1/{:.4g} of what the NICs below it do, and the spine blocks "
      "nothing. Collectives of different blocks of GPUs do not meet there.",
      fabric.nodes_per_leaf, fabric.rail_optimized ? "a leaf for each of their rails" : "a leaf",
      fabric.oversubscription));
}

void add_buffers(Sentences& sentences, const ModelRun& run) {
  const Bytes runtime = run.cluster.gpu.runtime_memory;
  const double margin = run.cluster.software.allocator_margin;
  if (margin > 0 || runtime > Bytes(0))
    sentences.push_back(
        fmt::format("The allocator reserves {:.4g} % more than is allocated, and {:.4g} MB are taken before.",
                    100 * margin, megabytes(runtime)));
  sentences.push_back(
      run.training.working_memory
          ? "Memory of a pass while it runs and of received transfers is counted; that of workspaces is not."
          : "Memory of communication buffers, workspaces, the runtime and fragmentation is not counted.");
}

}  // namespace

Sentences transformer_assumptions(const ModelRun& run, const Transformer& model) {
  Sentences sentences;
  add_compute(sentences, run, model);
  if (run.inference()) {
    add_inference(sentences, run);
  } else {
    sentences.push_back(run.cluster.gpu.matmul_tiling || run.cluster.gpu.memory_efficiency
                            ? "The backward of a matrix product is two products of as many FLOPs."
                            : "The backward of a matrix product takes twice its forward.");
    add_recompute(sentences, run);
  }
  add_tensor_parallel(sentences, run, model);
  add_context(sentences, run, model);
  add_experts_text(sentences, run, model);
  for (std::string& sentence : software_assumptions(run, model)) sentences.push_back(std::move(sentence));
  add_boundary(sentences, run);
  add_network(sentences, run);
  if (!run.inference()) add_activations(sentences, run, model);
  add_model_style(sentences, run, model);
  add_parameters(sentences, run, model.dtype);
  add_buffers(sentences, run);
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
  if (run.parallelism.recompute == Recompute::Full) add_recompute(sentences, run);
  if (run.parallelism.tensor > 1)
    sentences.push_back(fmt::format(
        "Tensor parallelism divides FLOPs, activations and parameters by {} and exchanges nothing.",
        run.parallelism.tensor));
  add_boundary(sentences, run);
  add_network(sentences, run);
  add_parameters(sentences, run, model.dtype);
  add_buffers(sentences, run);
  return sentences;
}

}  // namespace ppsim
