// How Megatron-LM's arguments spread the model, and how they train it.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "input/config/config_sections.hpp"
#include "input/import/megatron/megatron_sections.hpp"

namespace ppsim {
namespace {

constexpr CountRange kGroupSize{1, 1'000'000};
constexpr CountRange kBatchSize{1, 1'000'000'000};

std::uint64_t layers_of_pipeline(const MegatronArguments& arguments) {
  return arguments.needed_count("--num-layers", kLayers);
}

std::uint64_t virtual_stages(const MegatronArguments& arguments, std::uint64_t pipeline) {
  constexpr std::string_view kLayersEach = "--num-layers-per-virtual-pipeline-stage";
  constexpr std::string_view kStages = "--num-virtual-stages-per-pipeline-rank";
  constexpr std::string_view kLayout = "--pipeline-model-parallel-layout";
  for (const auto& [one, other] :
       {std::pair{kStages, kLayersEach}, std::pair{kLayout, kStages}, std::pair{kLayout, kLayersEach}})
    if (arguments.has(one) && arguments.has(other))
      throw arguments.error(one, fmt::format("{} and {}; expected one of them", one, other));
  if (const std::size_t stages = read_layout(arguments).size(); stages > 0) {
    if (stages % pipeline == 0) return stages / pipeline;
    throw arguments.error(
        kLayout, fmt::format("{} has {} stages; expected a multiple of {} ranks", kLayout, stages, pipeline));
  }
  if (!arguments.has(kLayersEach)) return arguments.count(kStages, kGroupSize, 1);
  const std::uint64_t layers = layers_of_pipeline(arguments), each = *arguments.count(kLayersEach, kLayers);
  if (layers % (pipeline * each) != 0)
    throw arguments.error(kLayersEach, fmt::format("{} {}: {} layers are no multiple of {} ranks x {}",
                                                   kLayersEach, each, layers, pipeline, each));
  return layers / (pipeline * each);
}

// What the schedule of one rank interleaves; Megatron's own default is the number of ranks.
void check_group(const MegatronArguments& arguments, std::uint64_t pipeline) {
  constexpr std::string_view kName = "--microbatch-group-size-per-virtual-pipeline-stage";
  const auto group = arguments.count(kName, kGroupSize);
  if (group && *group < pipeline)
    throw arguments.error(kName,
                          fmt::format("{} {}; expected at least the {} ranks", kName, *group, pipeline));
}

std::uint64_t read_micro_batches(const MegatronArguments& arguments, const MegatronShape& shape,
                                 std::uint64_t micro_batch_size, std::vector<std::string>& notes) {
  const std::uint64_t samples = micro_batch_size * shape.data;
  const auto global = arguments.count("--global-batch-size", kBatchSize);
  if (!global) notes.push_back("--global-batch-size is not given: one micro-batch a step");
  if (global.value_or(samples) % samples != 0)
    throw arguments.error(
        "--global-batch-size",
        fmt::format("--global-batch-size {}; expected a multiple of micro-batch size {} x data {}", *global,
                    micro_batch_size, shape.data));
  return global.value_or(samples) / samples;
}

// Layers of each micro-batch that a backward makes again, or nothing.
std::string_view full_recompute(const MegatronArguments& arguments, const MegatronShape& shape,
                                std::vector<std::string>& notes) {
  constexpr std::array<std::string_view, 2> kMethods{"uniform", "block"};
  if (!arguments.has("--recompute-method"))
    throw arguments.error("--recompute-granularity", "--recompute-granularity full needs --recompute-method");
  const bool block = arguments.choice("--recompute-method", kMethods, 0) == 1;
  const std::uint64_t count = arguments.count("--recompute-num-layers", kLayers, 1);
  const std::uint64_t most = (layers_of_pipeline(arguments) + shape.stages() - 1) / shape.stages();
  if (block && count < most)
    throw arguments.error(
        "--recompute-num-layers",
        fmt::format("--recompute-method block with {} of {} layers; expected all layers of a "
                    "stage, as a config recomputes all or none",
                    count, most));
  if (!block && count > 1)
    notes.push_back(
        fmt::format("the input of each layer is taken to be kept; by --recompute-num-layers it is "
                    "that of every {} layers",
                    count));
  return "full";
}

std::string_view recompute(const MegatronArguments& arguments, const MegatronShape& shape,
                           std::vector<std::string>& notes) {
  constexpr std::array<std::string_view, 2> kGranularities{"full", "selective"};
  const std::size_t none = kGranularities.size();
  const std::size_t chosen = arguments.choice("--recompute-granularity", kGranularities,
                                              arguments.has("--recompute-activations") ? 1 : none);
  if (chosen == 0) return full_recompute(arguments, shape, notes);
  for (const char* name : {"--recompute-method", "--recompute-num-layers"})
    if (arguments.has(name))
      throw arguments.error(name, fmt::format("{} needs --recompute-granularity full", name));
  for (const std::string& module : arguments.texts("--recompute-modules"))
    if (module != "core_attn")
      throw arguments.error("--recompute-modules",
                            fmt::format("--recompute-modules {}; expected core_attn, which is "
                                        "what \"selective\" recomputes",
                                        shown(Json(module))));
  return chosen == none ? "none" : "selective";
}

std::optional<std::string_view> context_exchange(const MegatronArguments& arguments) {
  std::optional<std::string_view> exchange;
  for (const std::string& type : arguments.texts("--cp-comm-type")) {
    const std::string_view one = type == "p2p" ? "ring" : type == "a2a" ? "all_to_all" : "";
    if (one.empty() || (exchange && *exchange != one))
      throw arguments.error(
          "--cp-comm-type",
          fmt::format("--cp-comm-type {}; expected p2p or a2a, for all layers", shown(Json(type))));
    exchange = one;
  }
  return exchange;
}

void put_expert_parallelism(const MegatronArguments& arguments, Json& section) {
  for (const auto& [name, key] : {std::pair{"--expert-model-parallel-size", "expert"},
                                  std::pair{"--expert-tensor-parallel-size", "expert_tensor"}}) {
    const auto size = arguments.count(name, kGroupSize);
    if (!size) continue;
    if (arguments.has("--num-experts")) section[key] = *size;
    if (!arguments.has("--num-experts") && *size > 1)
      throw arguments.error(name, fmt::format("{} {} without --num-experts", name, *size));
  }
}

}  // namespace

MegatronShape read_megatron_shape(const MegatronArguments& arguments, std::uint64_t gpus,
                                  const std::string& where_gpus) {
  MegatronShape shape;
  shape.tensor = arguments.count("--tensor-model-parallel-size", kGroupSize, 1);
  shape.pipeline = arguments.count("--pipeline-model-parallel-size", {1, kMaxStages}, 1);
  shape.context = arguments.count("--context-parallel-size", kGroupSize, 1);
  const std::uint64_t replica = shape.tensor * shape.pipeline * shape.context;
  if (gpus % replica != 0)
    throw Error(where_gpus,
                fmt::format("{} GPUs; expected a multiple of tensor {} x pipeline {} x context {}", gpus,
                            shape.tensor, shape.pipeline, shape.context));
  shape.data = gpus / replica;
  shape.virtual_stages = virtual_stages(arguments, shape.pipeline);
  check_group(arguments, shape.pipeline);
  return shape;
}

Json megatron_parallelism(const MegatronArguments& arguments, const MegatronShape& shape,
                          std::vector<std::string>& notes) {
  const std::uint64_t micro_batch_size = arguments.needed_count("--micro-batch-size", {1, 1'000'000});
  Json section = {{"tensor", shape.tensor}, {"pipeline", shape.pipeline}, {"data", shape.data}};
  if (shape.context > 1) {
    section["context"] = shape.context;
    section["context_exchange"] = context_exchange(arguments).value_or("ring");
  }
  put_expert_parallelism(arguments, section);
  if (arguments.has("--use-distributed-optimizer")) section["zero_stage"] = 1;
  if (shape.virtual_stages > 1) section["virtual_stages"] = shape.virtual_stages;
  section["micro_batch_size"] = micro_batch_size;
  section["micro_batches"] = read_micro_batches(arguments, shape, micro_batch_size, notes);
  section["recompute"] = recompute(arguments, shape, notes);
  section["sequence_parallel"] = arguments.has("--sequence-parallel") && shape.tensor > 1;
  if (Json layers = megatron_layers_per_stage(arguments, shape, notes); !layers.is_null())
    section["layers_per_stage"] = std::move(layers);
  return section;
}

}  // namespace ppsim
