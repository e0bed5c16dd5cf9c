// Which layers each stage holds, by the three ways in which Megatron-LM's arguments say it.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <numeric>

#include "input/config/config_sections.hpp"
#include "input/import/megatron/megatron_sections.hpp"

namespace ppsim {
namespace {

constexpr std::string_view kLayout = "--pipeline-model-parallel-layout";
constexpr std::string_view kFirst = "--decoder-first-pipeline-num-layers";
constexpr std::string_view kLast = "--decoder-last-pipeline-num-layers";
constexpr std::string_view kEmbedding = "--account-for-embedding-in-pipeline-split";
constexpr std::string_view kLoss = "--account-for-loss-in-pipeline-split";

std::uint64_t layers_of(const MegatronArguments& arguments) {
  return arguments.needed_count("--num-layers", kLayers);
}

// A config puts the embedding in front of the first stage's layers and the loss behind those of the last.
void check_ends(const MegatronArguments& arguments, const std::vector<LaidOutStage>& stages) {
  std::uint32_t embeddings = 0, losses = 0;
  for (const LaidOutStage& stage : stages) {
    embeddings += stage.embeddings;
    losses += stage.losses;
  }
  if (embeddings == 1 && losses == 1 && stages.front().embeddings == 1 && stages.back().losses == 1) return;
  throw arguments.error(
      kLayout, fmt::format("{}: expected one E, in the first stage, and one L, in the last", kLayout));
}

std::vector<std::uint64_t> laid_out_layers(const MegatronArguments& arguments,
                                           const std::vector<LaidOutStage>& stages,
                                           std::vector<std::string>& notes) {
  check_ends(arguments, stages);
  std::vector<std::uint64_t> layers;
  std::uint64_t prediction = 0;
  for (const LaidOutStage& stage : stages) {
    layers.push_back(stage.layers);
    prediction += stage.prediction;
  }
  if (prediction > 0)
    notes.push_back(
        fmt::format("{} of the layout that predict further tokens (m) are left out: their stages "
                    "are that much shorter",
                    prediction));
  const std::uint64_t sum = std::accumulate(layers.begin(), layers.end(), std::uint64_t{0});
  if (sum != layers_of(arguments))
    throw arguments.error(kLayout, fmt::format("{} has {} layers (t); expected the {} of --num-layers",
                                               kLayout, sum, layers_of(arguments)));
  return layers;
}

// The first or the last rank's layers are given, the others share the rest; each rank's chunks are alike.
std::vector<std::uint64_t> uneven_ranks(const MegatronArguments& arguments, const MegatronShape& shape) {
  const std::string_view name = arguments.has(kFirst) ? kFirst : kLast;
  const auto first = arguments.count(kFirst, kLayers), last = arguments.count(kLast, kLayers);
  const std::uint64_t given = first.value_or(0) + last.value_or(0), layers = layers_of(arguments);
  const std::uint64_t others =
      shape.pipeline - std::min<std::uint64_t>(shape.pipeline, (first ? 1 : 0) + (last ? 1 : 0));
  if (given > layers ||
      (others == 0 ? given != layers : (layers - given) % (others * shape.virtual_stages) != 0))
    throw arguments.error(
        name, fmt::format("{}: the {} layers left do not divide among {} other ranks of {} stages", name,
                          static_cast<std::int64_t>(layers) - static_cast<std::int64_t>(given), others,
                          shape.virtual_stages));
  std::vector<std::uint64_t> ranks(shape.pipeline, others == 0 ? 0 : (layers - given) / others);
  if (first) ranks.front() = *first;
  if (last) ranks.back() = *last;
  std::vector<std::uint64_t> stages;
  for (std::uint64_t stage = 0; stage < shape.stages(); ++stage) {
    const std::uint64_t rank = ranks[stage % shape.pipeline];
    if (rank % shape.virtual_stages != 0)
      throw arguments.error(name, fmt::format("{}: {} layers do not divide among {} stages of a rank", name,
                                              rank, shape.virtual_stages));
    stages.push_back(rank / shape.virtual_stages);
  }
  return stages;
}

// The embedding and the loss count as a layer each.
std::vector<std::uint64_t> even_with_ends(const MegatronArguments& arguments, const MegatronShape& shape) {
  const std::uint64_t embedding = arguments.has(kEmbedding) ? 1 : 0, loss = arguments.has(kLoss) ? 1 : 0;
  const std::uint64_t all = layers_of(arguments) + embedding + loss;
  if (all % shape.stages() != 0)
    throw arguments.error(
        embedding > 0 ? kEmbedding
        : loss > 0    ? kLoss
                      : "--num-layers",
        fmt::format("{} layers{} do not divide among {} stages", layers_of(arguments),
                    embedding + loss > 0 ? ", with the embedding or the loss as one each," : "",
                    shape.stages()));
  std::vector<std::uint64_t> stages(shape.stages(), all / shape.stages());
  if (stages.front() < embedding || stages.back() < loss + (stages.size() == 1 ? embedding : 0))
    throw arguments.error(kLoss, "a stage with less than no layers");
  stages.front() -= embedding;
  stages.back() -= loss;
  return stages;
}

}  // namespace

std::vector<LaidOutStage> read_layout(const MegatronArguments& arguments) {
  if (!arguments.has(kLayout)) return {};
  constexpr std::size_t kMost = kLayers.most + kMaxStages;
  return parse_pipeline_layout(arguments.text(kLayout, ""),
                               fmt::format("{}, {}", arguments.where(kLayout), kLayout), kMost);
}

Json megatron_layers_per_stage(const MegatronArguments& arguments, const MegatronShape& shape,
                               std::vector<std::string>& notes) {
  const std::vector<LaidOutStage> layout = read_layout(arguments);
  const bool uneven = arguments.has(kFirst) || arguments.has(kLast);
  const bool ends = arguments.has(kEmbedding) || arguments.has(kLoss);
  if ((layout.empty() ? 0 : 1) + (uneven ? 1 : 0) + (ends ? 1 : 0) > 1)
    throw arguments.error(
        uneven ? (arguments.has(kFirst) ? kFirst : kLast) : kLayout,
        fmt::format("expected one of {}, {} and {}, {} and {}", kLayout, kFirst, kLast, kEmbedding, kLoss));
  const std::vector<std::uint64_t> stages = !layout.empty() ? laid_out_layers(arguments, layout, notes)
                                            : uneven        ? uneven_ranks(arguments, shape)
                                                            : even_with_ends(arguments, shape);
  const bool even = std::adjacent_find(stages.begin(), stages.end(), std::not_equal_to<>()) == stages.end();
  return even ? Json() : Json(stages);
}

}  // namespace ppsim
