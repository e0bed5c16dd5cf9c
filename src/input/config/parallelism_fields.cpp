// The fields that say how a model is spread over a cluster.
#include "input/config/config_sections.hpp"
#include "input/config/schema_rules.hpp"
#include "input/config/tables.hpp"

namespace ppsim {

namespace {

constexpr CountRange kStages{1, kMaxStages};
constexpr CountRange kGroup{1, 1'000'000};
constexpr CountRange kSamples{1, 1'000'000};
constexpr CountRange kMicroBatches{1, 100'000'000};

// Counts, or how to come by them.
void read_layers_per_stage(const ObjectReader& section, const Field& field, Parallelism& parallelism) {
  if (section.value(field.name).is_string())
    parallelism.layer_split = section.one_of<LayerSplit>(field.name);
  else
    parallelism.layers_per_stage = section.counts(field.name, {0, kLayers.most});
}

constexpr auto kParallelismRows = row::rows<Parallelism>(
    row::kSchema, row::kDescription,
    row::count<&Parallelism::tensor>("tensor", kGroup, 1, "GPUs that share each layer").only(kOnCluster),
    row::count<&Parallelism::pipeline>("pipeline", kStages, {}, "Pipeline ranks, P"),
    row::count<&Parallelism::data>("data", kGroup, 1, "Replicas of the pipeline").only(kOnCluster),
    row::count<&Parallelism::context>("context", kGroup, 1, "GPUs that share each sequence").only(kOnCluster),
    row::choice<&Parallelism::context_exchange>("context_exchange", name(ContextExchange::Ring),
                                                "How these come by each other's keys and values")
        .only(kWithModel),
    row::count<&Parallelism::expert>("expert", kGroup, 1,
                                     "Groups of GPUs that share out a layer's routed experts")
        .only(kWithModel),
    row::count<&Parallelism::expert_tensor>("expert_tensor", kGroup, Absent::none("tensor"),
                                            "GPUs that share each routed expert")
        .only(kWithModel),
    row::count<&Parallelism::zero_stage>(
        "zero_stage", {0, 3}, 0,
        "What replicas share out: 1 the optimizer state, 2 gradients too, 3 weights too")
        .only(kWithModel),
    row::choice<&Parallelism::collectives>(
        "collectives", name(CollectiveAlgorithm::Ring),
        "How all-reduces, reduce-scatters and all-gathers run; auto: the fastest of all")
        .only(kWithModel),
    row::count<&Parallelism::virtual_stages>("virtual_stages", kStages, Absent::none("by the schedule"),
                                             "Chunks of the model on each rank, V"),
    row::count<&Parallelism::micro_batch_size>("micro_batch_size", kSamples, 1, "Samples of one micro-batch")
        .only(kWithModel),
    row::count<&Parallelism::micro_batches>("micro_batches", kMicroBatches, {},
                                            "Micro-batches of a step and replica, M; in inference: requests"),
    row::choice<&Parallelism::recompute>("recompute", name(Recompute::None),
                                         "What backward computes again instead of keeping it")
        .only(kWithModel),
    row::flag<&Parallelism::sequence_parallel>(
        "sequence_parallel", false, "The tensor group also splits what lies between its matrix products")
        .only(kWithModel),
    row::flag<&Parallelism::scatter_gather>(
        "scatter_gather", false,
        "Each GPU of a tensor group sends its part of a boundary, and the receivers gather it")
        .only(kWithModel),
    row::custom<Parallelism, &read_layers_per_stage>(
        {.name = "layers_per_stage",
         .absent = name(LayerSplit::Even),
         .help = "Layers of each stage; ends_as_layers: even with embedding and head as a layer each",
         .scope = kWithModel,
         .expected = "even, ends_as_layers, or list of counts, or 0",
         .schema = R"({"anyOf": [{"enum": ["even", "ends_as_layers"]},
                       {"type": "array", "minItems": 1,
                        "items": {"type": "integer", "minimum": 0, "maximum": 100000}}]})"}));

Json parallelism_rules() {
  return {
      {"not", rule::all({rule::equals("sequence_parallel", true), rule::equals("scatter_gather", true)})}};
}

KeyScopes scopes_of_parallelism(InputKind kind) {
  if (kind == InputKind::Model) return kWithModel.bit | kOnCluster.bit;
  return kind == InputKind::CostsOnCluster ? kOnCluster.bit : 0;
}

}  // namespace

constinit const TableOf<Parallelism> kParallelismFields{
    {kParallelismRows, false, "How the model is spread over the GPUs", &parallelism_rules}};

Parallelism read_parallelism(const ObjectReader& section, InputKind kind) {
  Parallelism parallelism;
  read_fields(section, kParallelismFields, parallelism, scopes_of_parallelism(kind));
  if (parallelism.scatter_gather && parallelism.sequence_parallel)
    throw section.error(
        "scatter_gather",
        "has no meaning with \"sequence_parallel\", which splits the boundary anyway; leave it out");
  return parallelism;
}

}  // namespace ppsim
