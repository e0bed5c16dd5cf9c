#include "input/config/config_sections.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <optional>

namespace ppsim {

namespace {

constexpr CountRange kNodes{1, 1'000'000};
constexpr CountRange kGpusPerNode{1, 4'096};
constexpr CountRange kNicsPerNode{1, 4'096};
constexpr CountRange kTile{1, 1'000'000};
constexpr CountRange kStages{1, kMaxStages};
constexpr CountRange kGroup{1, 1'000'000};
constexpr CountRange kSamples{1, 1'000'000};
constexpr CountRange kMicroBatches{1, 100'000'000};

std::optional<SizeRange> read_sizes(const ObjectReader& section) {
  if (!section.has("measured_sizes")) return std::nullopt;
  const std::vector<Bytes> ends = section.quantities("measured_sizes", parse_bytes);
  if (ends.size() == 2 && ends[0] <= ends[1]) return SizeRange{ends[0], ends[1]};
  throw section.error("measured_sizes", fmt::format("{}; expected a list of the least and the most bytes",
                                                    shown(section.value("measured_sizes"))));
}

Link read_link(const ObjectReader& section) {
  return {section.quantity("bandwidth", parse_bandwidth), section.quantity("latency", parse_time),
          read_sizes(section)};
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

std::optional<double> read_share(const ObjectReader& section, std::string_view key) {
  if (!section.has(key)) return std::nullopt;
  return section.share(key);
}

std::optional<MatmulTiling> read_tiling(const ObjectReader& gpu) {
  if (!gpu.has("matmul_tiling")) return std::nullopt;
  const ObjectReader section = gpu.object("matmul_tiling");
  return MatmulTiling{section.count("rows", kTile), section.count("columns", kTile),
                      section.count("processors", kTile), section.count("ramp", {0, kTile.most}, 0)};
}

void read_peak(const ObjectReader& section, Gpu& gpu) {
  const ObjectReader peak = section.object("peak");
  for (std::size_t i = 0; i < kDtypes; ++i)
    if (peak.has(kDtypeNames[i])) gpu.peak[i] = peak.quantity(kDtypeNames[i], parse_flops_per_second);
  if (std::none_of(gpu.peak.begin(), gpu.peak.end(), [](const auto& rate) { return rate.has_value(); }))
    throw section.error("peak",
                        fmt::format("gives no rate; expected one for {}", fmt::join(kDtypeNames, " or ")));
}

Gpu read_gpu(const ObjectReader& section) {
  Gpu gpu;
  gpu.name = section.text("name");
  read_peak(section, gpu);
  gpu.memory = section.quantity("memory", parse_bytes);
  gpu.memory_bandwidth = section.quantity("memory_bandwidth", parse_bandwidth);
  gpu.matmul_efficiency = read_efficiency(section);
  gpu.kernel_overhead = section.quantity("kernel_overhead", parse_time, "0 s");
  for (const auto& [key, time] :
       {std::pair("launch_overhead", &Gpu::launch_overhead), std::pair("pass_overhead", &Gpu::pass_overhead),
        std::pair("checkpoint_overhead", &Gpu::checkpoint_overhead),
        std::pair("collective_overhead", &Gpu::collective_overhead),
        std::pair("step_overhead", &Gpu::step_overhead)})
    if (section.has(key)) gpu.*time = section.quantity(key, parse_time);
  gpu.expert_efficiency = read_share(section, "expert_efficiency");
  gpu.unaligned_efficiency = read_share(section, "unaligned_efficiency");
  gpu.matmul_tiling = read_tiling(section);
  gpu.attention_efficiency = read_share(section, "attention_efficiency");
  gpu.memory_efficiency = read_share(section, "memory_efficiency");
  gpu.optimizer_efficiency = read_share(section, "optimizer_efficiency");
  gpu.runtime_memory = section.quantity("runtime_memory", parse_bytes, "0 B");
  gpu.allocator_margin = section.number("allocator_margin", 0, 1, 0);
  return gpu;
}

constexpr double kMostOversubscribed = 1'000;

Pcie read_pcie(const ObjectReader& section, std::uint32_t gpus_per_node) {
  Pcie pcie{read_cluster_link(section), section.count("gpus_per_switch", kGpusPerNode, gpus_per_node)};
  if (gpus_per_node % pcie.gpus_per_switch != 0)
    throw section.error("gpus_per_switch", fmt::format("{}; expected a divisor of the {} GPUs of a node",
                                                       pcie.gpus_per_switch, gpus_per_node));
  return pcie;
}

Fabric read_fabric(const ObjectReader& section) {
  Fabric fabric;
  fabric.nodes_per_leaf = section.count("nodes_per_leaf", kNodes);
  fabric.oversubscription = section.number("oversubscription", 1, kMostOversubscribed, 1);
  fabric.rail_optimized = section.flag("rail_optimized", false);
  fabric.latency = section.quantity("latency", parse_time, "0 s");
  return fabric;
}

// The links in a node; says whether there are any.
bool read_inside(const ObjectReader& section, Cluster& cluster) {
  const bool several = cluster.gpus_per_node > 1;
  if (section.has("pcie") && section.has("nvlink"))
    throw section.error("pcie", "stands instead of \"nvlink\"; expected one or the other");
  if (section.has("pcie") && !several)
    throw section.error("pcie", "joins the GPUs of a node, and a node has one; leave it out");
  if (several && !section.has("pcie") && !section.has("nvlink"))
    throw section.error("missing section \"nvlink\", or \"pcie\" in its place");
  if (!section.has("pcie") && !section.has("nvlink")) return false;
  const ObjectReader link = section.object(section.has("pcie") ? "pcie" : "nvlink");
  if (section.has("pcie")) cluster.pcie = read_pcie(link, cluster.gpus_per_node);
  cluster.nvlink = cluster.pcie ? cluster.pcie->link : read_cluster_link(link);
  cluster.source = join_sources(cluster.source, read_source(link));
  return true;
}

// And between nodes.
bool read_across(const ObjectReader& section, Cluster& cluster) {
  if (section.has("fabric") && !section.has("infiniband"))
    throw section.error("fabric", "joins NICs; expected a section \"infiniband\" beside it");
  if (!section.has("infiniband") && cluster.nodes == 1) return false;
  const ObjectReader link = section.object("infiniband");
  cluster.infiniband = read_cluster_link(link);
  cluster.nics_per_node = link.count("nics_per_node", kNicsPerNode);
  cluster.source = join_sources(cluster.source, read_source(link));
  if (!section.has("fabric")) return true;
  const ObjectReader fabric = section.object("fabric");
  cluster.fabric = read_fabric(fabric);
  cluster.source = join_sources(cluster.source, read_source(fabric));
  return true;
}

// Who has one GPU a node has no NVLink to describe, who has one node no InfiniBand. No route uses them; the
// other link stands in, so that every bandwidth is above zero.
void read_links(const ObjectReader& section, Cluster& cluster) {
  const bool inside = read_inside(section, cluster);
  const bool across = read_across(section, cluster);
  if (!inside && !across) cluster.infiniband = {BytesPerSecond(1), Time(0)};
  if (!inside) cluster.nvlink = cluster.infiniband;
  if (!across && inside) cluster.infiniband = cluster.nvlink;
}

bool moves(const std::vector<Bytes>& bytes) {
  return std::any_of(bytes.begin(), bytes.end(), [](Bytes one) { return one > Bytes(0); });
}

// Transfers of nothing need no link; then any link does.
Link read_costs_link(const ObjectReader& section, const CostsInput& costs) {
  if (costs.cluster && section.has("link"))
    throw section.error("link", "stands instead of the section \"cluster\"; expected one or the other");
  if (costs.cluster) return costs.cluster->inside();
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

std::string join_sources(const std::string& first, const std::string& second) {
  return first.empty() || second.empty() ? first + second : first + " " + second;
}

std::string read_source(const ObjectReader& section) {
  return section.has("source") ? section.text("source") : "";
}

Cluster read_cluster(const ObjectReader& section, InputKind kind) {
  Cluster cluster;
  cluster.nodes = section.count("nodes", kNodes);
  cluster.gpus_per_node = section.count("gpus_per_node", kGpusPerNode);
  cluster.source = read_source(section);
  if (kind == InputKind::Model || section.has("gpu")) {
    const ObjectReader gpu = section.object("gpu");
    cluster.gpu = read_gpu(gpu);
    cluster.source = join_sources(cluster.source, read_source(gpu));
  }
  read_links(section, cluster);
  return cluster;
}

CostsInput read_costs(const ObjectReader& section, std::optional<Cluster> cluster) {
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
  costs.gradient_reduction = section.quantities("gradient_reduction", parse_time);
  costs.optimizer_step = section.quantities("optimizer_step", parse_time);
  costs.parameter_gather = section.quantities("parameter_gather", parse_time);
  costs.overhead = section.quantity("overhead", parse_time, "0 s");
  costs.pair = read_pair(section);
  costs.cluster = std::move(cluster);
  costs.link = read_costs_link(section, costs);
  return costs;
}

namespace {

constexpr std::array<std::string_view, 3> kPlacing{"tensor", "data", "context"};
constexpr std::array<std::string_view, 10> kOfModels{
    "context_exchange", "expert",    "expert_tensor",     "zero_stage",     "collectives",
    "micro_batch_size", "recompute", "sequence_parallel", "scatter_gather", "layers_per_stage"};

// What says where ranks lie.
void read_placing(const ObjectReader& section, Parallelism& parallelism) {
  parallelism.tensor = section.count("tensor", kGroup, 1);
  parallelism.data = section.count("data", kGroup, 1);
  parallelism.context = section.count("context", kGroup, 1);
}

void refuse(const ObjectReader& section, std::span<const std::string_view> keys, std::string_view why) {
  for (const std::string_view key : keys)
    if (section.has(key)) throw section.error(key, why);
}

// Counts, or how to come by them.
void read_layers(const ObjectReader& section, Parallelism& parallelism) {
  constexpr std::string_view kKey = "layers_per_stage";
  constexpr std::array<std::string_view, 2> kSplits{"even", "ends_as_layers"};
  if (!section.has(kKey)) return;
  if (section.value(kKey).is_string())
    parallelism.layer_split = static_cast<LayerSplit>(section.choice(kKey, kSplits, "even"));
  else
    parallelism.layers_per_stage = section.counts(kKey, {0, kLayers.most});
}

}  // namespace

Parallelism read_parallelism(const ObjectReader& section, InputKind kind) {
  Parallelism parallelism;
  parallelism.pipeline = section.count("pipeline", kStages);
  if (section.has("virtual_stages")) parallelism.virtual_stages = section.count("virtual_stages", kStages);
  parallelism.micro_batches = section.count("micro_batches", kMicroBatches);
  if (kind != InputKind::Model) {
    constexpr std::string_view kLeaveOut = "has no meaning with \"costs\"; leave it out";
    if (kind == InputKind::Costs) refuse(section, kPlacing, kLeaveOut);
    refuse(section, kOfModels, kLeaveOut);
    if (kind == InputKind::CostsOnCluster) read_placing(section, parallelism);
    return parallelism;
  }
  constexpr std::array<std::string_view, 3> kRecompute{"none", "selective", "full"};
  read_placing(section, parallelism);
  constexpr std::array<std::string_view, 2> kExchange{"ring", "all_to_all"};
  parallelism.context_exchange =
      static_cast<ContextExchange>(section.choice("context_exchange", kExchange, "ring"));
  parallelism.expert = section.count("expert", kGroup, 1);
  if (section.has("expert_tensor")) parallelism.expert_tensor = section.count("expert_tensor", kGroup);
  parallelism.zero_stage = section.count("zero_stage", {0, 3}, 0);
  constexpr std::array<std::string_view, 4> kCollectives{"ring", "tree", "hierarchical", "auto"};
  if (section.has("collectives"))
    parallelism.collectives =
        static_cast<CollectiveAlgorithm>(section.choice("collectives", kCollectives, "ring"));
  parallelism.micro_batch_size = section.count("micro_batch_size", kSamples, 1);
  parallelism.recompute = static_cast<Recompute>(section.choice("recompute", kRecompute, "none"));
  parallelism.sequence_parallel = section.flag("sequence_parallel", false);
  if (section.has("scatter_gather")) parallelism.scatter_gather = section.flag("scatter_gather", false);
  if (parallelism.scatter_gather && parallelism.sequence_parallel)
    throw section.error(
        "scatter_gather",
        "has no meaning with \"sequence_parallel\", which splits the boundary anyway; leave it out");
  read_layers(section, parallelism);
  return parallelism;
}

Bytes read_bucket(const ObjectReader& section) {
  const Bytes bucket = section.quantity("gradient_bucket", parse_bytes);
  if (bucket > Bytes(0)) return bucket;
  throw section.error("gradient_bucket",
                      fmt::format("{}; expected more than zero", shown(section.value("gradient_bucket"))));
}

// `least_kept`: of the tensors that such a kernel keeps; empty: it keeps none of its own.
KernelFactors read_factors(const ObjectReader& section, std::optional<double> least_kept) {
  constexpr double kMost = 1'000;
  return {section.number("bytes", 0, kMost, 1), section.number("kernels", 0, kMost, 1),
          least_kept ? section.number("kept", *least_kept, kMost, 1) : 1};
}

// A norm's input is kept in any case, as it is what the layer gets.
std::optional<double> least_kept(KernelKind kind) {
  if (kind == KernelKind::Norm) return 1;
  if (kind == KernelKind::Activation) return 0;
  return std::nullopt;
}

void read_kernels(const ObjectReader& section, Training& training) {
  for (std::size_t i = 0; i < kKernelKinds; ++i)
    if (const auto kind = static_cast<KernelKind>(i); section.has(name(kind)))
      training.kernels[i] = read_factors(section.object(name(kind)), least_kept(kind));
  if (section.has("unfused_softmax"))
    training.unfused_softmax = read_factors(section.object("unfused_softmax"), std::nullopt);
  if (section.has("attention_work")) training.attention_work = section.number("attention_work", 0, 100, 1);
}

Training read_training(const ObjectReader& section) {
  const auto dtype = [&](std::string_view key) {
    return static_cast<Dtype>(section.choice(key, kDtypeNames, "fp32"));
  };
  std::array<std::string_view, kDtypes + 1> masters;
  std::copy(kDtypeNames.begin(), kDtypeNames.end(), masters.begin());
  masters.back() = "none";
  const std::size_t master = section.choice("master_dtype", masters, "fp32");
  Training training;
  training.gradient_dtype = dtype("gradient_dtype");
  if (master < kDtypes)
    training.master_dtype = static_cast<Dtype>(master);
  else
    training.master_dtype.reset();
  training.moment_dtype = dtype("moment_dtype");
  training.fused_loss = section.flag("fused_loss", false);
  if (section.has("captured_launches"))
    training.captured_launches = section.number("captured_launches", 0, 1, 0);
  if (section.has("overlap_sharding")) training.overlap_sharding = section.flag("overlap_sharding", false);
  if (section.has("overlap_tensor")) training.overlap_tensor = section.number("overlap_tensor", 0, 1, 0);
  if (section.has("overlap_expert")) training.overlap_expert = section.number("overlap_expert", 0, 1, 0);
  if (section.has("gathered_logits")) training.gathered_logits = section.flag("gathered_logits", false);
  training.working_memory = section.flag("working_memory", false);
  training.gradient_placeholders = section.flag("gradient_placeholders", false);
  if (section.has("gradient_bucket")) training.gradient_bucket = read_bucket(section);
  if (section.has("kernels")) read_kernels(section.object("kernels"), training);
  training.overlap_gradients = section.flag("overlap_gradients", false);
  return training;
}

}  // namespace ppsim
