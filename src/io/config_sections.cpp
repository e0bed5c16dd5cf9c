#include "config_sections.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

namespace ppsim {

namespace {

// Bounds of counts. None is near to what exists, or is likely to; they are there so that a slip of the finger
// is told from a plan, and so that what is computed from them fits its integers (config_limits.cpp looks at
// products).
constexpr CountRange kNodes{1, 1'000'000};
constexpr CountRange kGpusPerNode{1, 4'096};
constexpr CountRange kNicsPerNode{1, 4'096};
constexpr CountRange kLayers{1, 100'000};
constexpr CountRange kWidth{1, 10'000'000};
constexpr CountRange kHeads{1, 100'000};
constexpr CountRange kTokens{1, 100'000'000};
constexpr CountRange kParameters{0, 1'000'000'000'000'000};
constexpr CountRange kStages{1, kMaxStages};
constexpr CountRange kGroup{1, 1'000'000};
constexpr CountRange kSamples{1, 1'000'000};
constexpr CountRange kMicroBatches{1, 100'000'000};

constexpr std::array<std::string_view, kDtypes> kDtypeNames{"fp32", "fp16", "bf16", "fp8"};

Dtype read_dtype(const ObjectReader& section) {
  return static_cast<Dtype>(section.choice("dtype", kDtypeNames, "bf16"));
}

std::string join_sources(const std::string& first, const std::string& second) {
  return first.empty() || second.empty() ? first + second : first + " " + second;
}

// A source is text wherever it stands; the cluster's own and those of its parts are told together.
std::string read_source(const ObjectReader& section) {
  return section.has("source") ? section.text("source") : "";
}

Link read_link(const ObjectReader& section) {
  return {section.quantity("bandwidth", parse_bandwidth), section.quantity("latency", parse_time)};
}

// A thousand times the fastest there are; times all NICs of a node it still fits 64 bits.
constexpr BytesPerSecond kFastest(1'000'000'000'000'000);

Link read_cluster_link(const ObjectReader& section) {
  const Link link = read_link(section);
  if (link.bandwidth > kFastest)
    throw section.error("bandwidth", fmt::format("{}; expected at most {}", shown(section.value("bandwidth")),
                                                 format_bandwidth(kFastest)));
  return link;
}

Efficiency read_curve(const ObjectReader& gpu) {
  Efficiency curve;
  const Pointer list = gpu.at("matmul_efficiency");
  for (std::size_t i = 0; i < gpu.value("matmul_efficiency").size(); ++i) {
    const ObjectReader point = gpu.entry("matmul_efficiency", i);
    const Flops flops = point.quantity("flops", parse_flops);
    if (flops <= (curve.points.empty() ? Flops(0) : curve.points.back().first))
      throw point.error("flops", fmt::format("{}; expected more than zero, and than the point before",
                                             shown(point.value("flops"))));
    curve.points.emplace_back(flops, point.share("efficiency"));
  }
  if (curve.points.empty())
    throw gpu.error("matmul_efficiency", "an empty list; expected at least one point");
  return curve;
}

Efficiency read_efficiency(const ObjectReader& gpu) {
  if (gpu.value("matmul_efficiency").is_array()) return read_curve(gpu);
  // The FLOPs of a single point have no meaning.
  return {{{Flops(1), gpu.share("matmul_efficiency")}}};
}

Gpu read_gpu(const ObjectReader& section) {
  Gpu gpu;
  gpu.name = section.text("name");
  const ObjectReader peak = section.object("peak");
  for (std::size_t i = 0; i < kDtypes; ++i)
    if (peak.has(kDtypeNames[i])) gpu.peak[i] = peak.quantity(kDtypeNames[i], parse_flops_per_second);
  if (std::none_of(gpu.peak.begin(), gpu.peak.end(), [](const auto& rate) { return rate.has_value(); }))
    throw section.error("peak", "gives no rate; expected one for fp32, fp16, bf16 or fp8");
  gpu.memory = section.quantity("memory", parse_bytes);
  gpu.memory_bandwidth = section.quantity("memory_bandwidth", parse_bandwidth);
  gpu.matmul_efficiency = read_efficiency(section);
  gpu.kernel_overhead = section.quantity("kernel_overhead", parse_time, "0 s");
  return gpu;
}

// Who has one GPU a node has no NVLink to describe, who has one node no InfiniBand. No route uses them; the
// other link stands in, so that every bandwidth is above zero.
void read_links(const ObjectReader& section, Cluster& cluster) {
  const bool nvlink = section.has("nvlink") || cluster.gpus_per_node > 1;
  const bool infiniband = section.has("infiniband") || cluster.nodes > 1;
  if (nvlink) {
    const ObjectReader link = section.object("nvlink");
    cluster.nvlink = cluster.infiniband = read_cluster_link(link);
    cluster.source = join_sources(cluster.source, read_source(link));
  }
  if (infiniband) {
    const ObjectReader link = section.object("infiniband");
    cluster.infiniband = read_cluster_link(link);
    cluster.nics_per_node = link.count("nics_per_node", kNicsPerNode);
    cluster.source = join_sources(cluster.source, read_source(link));
  }
  if (!nvlink) cluster.nvlink = cluster.infiniband;
  if (!nvlink && !infiniband) cluster.nvlink = cluster.infiniband = {BytesPerSecond(1), Time(0)};
}

Transformer read_transformer(const ObjectReader& section) {
  Transformer model;
  model.layers = section.count("layers", kLayers);
  model.hidden = section.count("hidden", kWidth);
  model.heads = section.count("heads", kHeads);
  model.kv_heads = section.count("kv_heads", kHeads, model.heads);
  model.gated_mlp = section.flag("gated_mlp", false);
  if (model.gated_mlp && !section.has("ffn_hidden"))
    throw section.error("missing key \"ffn_hidden\"; a gated MLP has no usual width");
  model.ffn_hidden = section.count("ffn_hidden", {1, 10 * kWidth.most}, std::uint64_t{4} * model.hidden);
  model.sequence_length = section.count("sequence_length", kTokens);
  model.vocabulary = section.count("vocabulary", kTokens);
  model.tied_embeddings = section.flag("tied_embeddings", true);
  model.dtype = read_dtype(section);
  if (model.hidden % model.heads != 0)
    throw section.error("heads",
                        fmt::format("{}; expected a divisor of hidden, {}", model.heads, model.hidden));
  if (model.heads % model.kv_heads != 0)
    throw section.error("kv_heads",
                        fmt::format("{}; expected a divisor of heads, {}", model.kv_heads, model.heads));
  return model;
}

LayerCost read_layer_cost(const ObjectReader& section) {
  return {section.quantity("forward", parse_flops), section.quantity("backward", parse_flops),
          section.quantity("activation", parse_bytes), section.quantity("output", parse_bytes),
          section.count<std::uint64_t>("parameters", kParameters)};
}

LayerCosts read_layer_costs(const ObjectReader& section) {
  const Json& list = section.value("layer_costs");
  if (!list.is_array() || list.empty())
    throw section.error("layer_costs", fmt::format("{}; expected a list of layers", shown(list)));
  LayerCosts costs;
  for (std::size_t i = 0; i < section.value("layer_costs").size(); ++i) {
    const ObjectReader entry = section.entry("layer_costs", i);
    const LayerCost layer = read_layer_cost(entry);
    const auto repeat = entry.count("repeat", kLayers, 1);
    if (costs.layers.size() + repeat > kLayers.most)
      throw entry.error(fmt::format("more than {} layers", kLayers.most));
    costs.layers.insert(costs.layers.end(), repeat, layer);
  }
  if (section.has("sequence_length")) costs.sequence_length = section.count("sequence_length", kTokens);
  costs.dtype = read_dtype(section);
  return costs;
}

bool moves(const std::vector<Bytes>& bytes) {
  return std::any_of(bytes.begin(), bytes.end(), [](Bytes one) { return one > Bytes(0); });
}

// Transfers of nothing need no link; then any link does.
Link read_costs_link(const ObjectReader& section, const CostsInput& costs) {
  if (section.has("link")) return read_link(section.object("link"));
  if (moves(costs.transfer) || moves(costs.decode_transfer))
    throw section.error("missing section \"link\"; the transfers need one");
  return {BytesPerSecond(1), Time(0)};
}

}  // namespace

PairCost read_pair(const ObjectReader& section) {
  const std::string text = section.text("overlapped_pair", "sum");
  if (text == "sum") return PairRule::Sum;
  if (text == "max") return PairRule::Max;
  try {
    return section.quantity("overlapped_pair", parse_time);
  } catch (const Error&) {
    throw section.error("overlapped_pair",
                        fmt::format("{}; expected \"sum\", \"max\" or a time such as \"5 us\"",
                                    shown(section.value("overlapped_pair"))));
  }
}

Cluster read_cluster(const ObjectReader& section) {
  Cluster cluster;
  cluster.nodes = section.count("nodes", kNodes);
  cluster.gpus_per_node = section.count("gpus_per_node", kGpusPerNode);
  const ObjectReader gpu = section.object("gpu");
  cluster.gpu = read_gpu(gpu);
  cluster.source = join_sources(read_source(section), read_source(gpu));
  read_links(section, cluster);
  return cluster;
}

Model read_model(const ObjectReader& section) {
  if (section.has("transformer") == section.has("layer_costs"))
    throw section.error("expected either \"transformer\" or \"layer_costs\"");
  const std::string source = read_source(section);
  if (section.has("layer_costs")) {
    LayerCosts costs = read_layer_costs(section);
    costs.source = source;
    return costs;
  }
  for (const char* key : {"sequence_length", "dtype"})
    if (section.has(key)) throw section.error(key, "belongs into \"transformer\"");
  const ObjectReader inner = section.object("transformer");
  Transformer model = read_transformer(inner);
  model.source = join_sources(source, read_source(inner));
  return model;
}

CostsInput read_costs(const ObjectReader& section) {
  CostsInput costs;
  (void)read_source(section);
  (void)section.value("forward");
  costs.forward = section.quantities("forward", parse_time);
  costs.backward = section.quantities("backward", parse_time);
  costs.input_grad = section.quantities("input_grad", parse_time);
  costs.weight_grad = section.quantities("weight_grad", parse_time);
  costs.transfer = section.quantities("transfer", parse_bytes, "0 B");
  costs.activation = section.quantities("activation", parse_bytes, "0 B");
  costs.activation_freed_at_input_grad =
      section.quantities("activation_freed_at_input_grad", parse_bytes, "0 B");
  costs.decode_forward = section.quantities("decode_forward", parse_time);
  costs.decode_transfer = section.quantities("decode_transfer", parse_bytes);
  costs.pair = read_pair(section);
  costs.link = read_costs_link(section, costs);
  return costs;
}

Parallelism read_parallelism(const ObjectReader& section, bool with_costs) {
  Parallelism parallelism;
  parallelism.pipeline = section.count("pipeline", kStages);
  if (section.has("virtual_stages")) parallelism.virtual_stages = section.count("virtual_stages", kStages);
  parallelism.micro_batches = section.count("micro_batches", kMicroBatches);
  if (with_costs) {
    for (const char* key :
         {"tensor", "data", "micro_batch_size", "recompute", "sequence_parallel", "layers_per_stage"})
      if (section.has(key)) throw section.error(key, "has no meaning with \"costs\"; leave it out");
    return parallelism;
  }
  constexpr std::array<std::string_view, 3> kRecompute{"none", "selective", "full"};
  parallelism.tensor = section.count("tensor", kGroup, 1);
  parallelism.data = section.count("data", kGroup, 1);
  parallelism.micro_batch_size = section.count("micro_batch_size", kSamples, 1);
  parallelism.recompute = static_cast<Recompute>(section.choice("recompute", kRecompute, "none"));
  parallelism.sequence_parallel = section.flag("sequence_parallel", false);
  if (section.has("layers_per_stage"))
    parallelism.layers_per_stage = section.counts("layers_per_stage", kLayers);
  return parallelism;
}

}  // namespace ppsim
