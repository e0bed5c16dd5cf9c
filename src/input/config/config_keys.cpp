#include "input/config/config_keys.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "ppsim/input/config/config.hpp"

namespace ppsim {

namespace {

constexpr Key kSchema{"$schema", KeyKind::Note};
constexpr Key kDescription{"description", KeyKind::Note};

constexpr Key kPeakList[] = {{"fp32"}, {"fp16"}, {"bf16"}, {"fp8"}, {"mxfp8"}, {"nvfp4"}};
constexpr ObjectKeys kPeak{kPeakList};

constexpr Key kEfficiencyList[] = {{"flops"}, {"efficiency"}};
constexpr ObjectKeys kEfficiency{kEfficiencyList};

constexpr Key kTilingList[] = {{"rows"}, {"columns"}, {"processors"}, {"ramp"}};
constexpr ObjectKeys kTiling{kTilingList};

constexpr Key kGpuList[] = {kSchema,
                            kDescription,
                            {"source"},
                            {"name"},
                            {"peak", KeyKind::Object, &kPeak},
                            {"memory"},
                            {"memory_bandwidth"},
                            {"matmul_efficiency", KeyKind::List, &kEfficiency},
                            {"kernel_overhead"},
                            {"launch_overhead"},
                            {"pass_overhead"},
                            {"checkpoint_overhead"},
                            {"unaligned_efficiency"},
                            {"expert_efficiency"},
                            {"collective_overhead"},
                            {"step_overhead"},
                            {"matmul_tiling", KeyKind::Object, &kTiling},
                            {"attention_efficiency"},
                            {"memory_efficiency"},
                            {"optimizer_efficiency"},
                            {"runtime_memory"},
                            {"allocator_margin"}};
constexpr ObjectKeys kGpu{kGpuList};

constexpr Key kLinkList[] = {kSchema,       kDescription, {"source"},
                             {"bandwidth"}, {"latency"},  {"measured_sizes"}};
constexpr ObjectKeys kLink{kLinkList};

constexpr Key kInfinibandList[] = {kSchema,     kDescription,       {"source"},       {"bandwidth"},
                                   {"latency"}, {"measured_sizes"}, {"nics_per_node"}};
constexpr ObjectKeys kInfiniband{kInfinibandList};

constexpr Key kPcieList[] = {kSchema,     kDescription,       {"source"},         {"bandwidth"},
                             {"latency"}, {"measured_sizes"}, {"gpus_per_switch"}};
constexpr ObjectKeys kPcie{kPcieList};

constexpr Key kFabricList[] = {
    kSchema,    kDescription, {"source"}, {"nodes_per_leaf"}, {"oversubscription"}, {"rail_optimized"},
    {"latency"}};
constexpr ObjectKeys kFabric{kFabricList};

constexpr Key kClusterList[] = {kSchema,
                                kDescription,
                                {"source"},
                                {"nodes"},
                                {"gpus_per_node"},
                                {"gpu", KeyKind::Section, &kGpu},
                                {"nvlink", KeyKind::Section, &kLink},
                                {"pcie", KeyKind::Section, &kPcie},
                                {"infiniband", KeyKind::Section, &kInfiniband},
                                {"fabric", KeyKind::Section, &kFabric}};
constexpr ObjectKeys kCluster{kClusterList};

constexpr Key kLatentList[] = {
    {"q_lora_rank"}, {"kv_lora_rank"}, {"qk_nope_head_size"}, {"qk_rope_head_size"}, {"v_head_size"}};
constexpr ObjectKeys kLatent{kLatentList};

constexpr Key kExpertsList[] = {{"count"},      {"per_token"},    {"shared"},
                                {"ffn_hidden"}, {"dense_layers"}, {"every"}};
constexpr ObjectKeys kExperts{kExpertsList};

constexpr Key kTransformerList[] = {kSchema,
                                    kDescription,
                                    {"source"},
                                    {"layers"},
                                    {"hidden"},
                                    {"heads"},
                                    {"kv_heads"},
                                    {"head_size"},
                                    {"latent_attention", KeyKind::Object, &kLatent},
                                    {"ffn_hidden"},
                                    {"gated_mlp"},
                                    {"experts", KeyKind::Object, &kExperts},
                                    {"sequence_length"},
                                    {"vocabulary"},
                                    {"tied_embeddings"},
                                    {"dropout"},
                                    {"flash_attention"},
                                    {"dtype"},
                                    {"compute_dtype"},
                                    {"wire_dtype"}};
constexpr ObjectKeys kTransformer{kTransformerList};

constexpr Key kLayerCostList[] = {{"repeat"},     {"forward"}, {"backward"},
                                  {"activation"}, {"output"},  {"parameters"}};
constexpr ObjectKeys kLayerCost{kLayerCostList};

constexpr Key kModelList[] = {kSchema,
                              kDescription,
                              {"source"},
                              {"transformer", KeyKind::Section, &kTransformer},
                              {"layer_costs", KeyKind::List, &kLayerCost},
                              {"sequence_length"},
                              {"dtype"}};
constexpr ObjectKeys kModel{kModelList};

constexpr Key kCostsList[] = {kSchema,
                              kDescription,
                              {"source"},
                              {"forward"},
                              {"backward"},
                              {"input_grad"},
                              {"weight_grad"},
                              {"overlapped_pair"},
                              {"transfer"},
                              {"activation"},
                              {"activation_freed_at_input_grad"},
                              {"decode_forward"},
                              {"decode_transfer"},
                              {"gradient_reduction"},
                              {"optimizer_step"},
                              {"parameter_gather"},
                              {"overhead"},
                              {"link", KeyKind::Section, &kLink}};
constexpr ObjectKeys kCosts{kCostsList};

constexpr Key kParallelismList[] = {kSchema,
                                    kDescription,
                                    {"tensor"},
                                    {"pipeline"},
                                    {"data"},
                                    {"context"},
                                    {"context_exchange"},
                                    {"expert"},
                                    {"expert_tensor"},
                                    {"zero_stage"},
                                    {"collectives"},
                                    {"virtual_stages"},
                                    {"micro_batch_size"},
                                    {"micro_batches"},
                                    {"recompute"},
                                    {"sequence_parallel"},
                                    {"scatter_gather"},
                                    {"layers_per_stage"}};
constexpr ObjectKeys kParallelism{kParallelismList};

constexpr Key kFactorsList[] = {{"bytes"}, {"kernels"}};
constexpr ObjectKeys kFactors{kFactorsList};
constexpr Key kKeepingList[] = {{"bytes"}, {"kernels"}, {"kept"}};
constexpr ObjectKeys kKeeping{kKeepingList};

constexpr Key kKernelsList[] = {{"norm", KeyKind::Object, &kKeeping},
                                {"softmax", KeyKind::Object, &kFactors},
                                {"dropout", KeyKind::Object, &kFactors},
                                {"rotary", KeyKind::Object, &kFactors},
                                {"activation", KeyKind::Object, &kKeeping},
                                {"residual", KeyKind::Object, &kFactors},
                                {"routing", KeyKind::Object, &kFactors},
                                {"loss", KeyKind::Object, &kFactors},
                                {"quantize", KeyKind::Object, &kFactors},
                                {"unfused_softmax", KeyKind::Object, &kFactors},
                                {"attention_work"}};
constexpr ObjectKeys kKernels{kKernelsList};

constexpr Key kTrainingList[] = {kSchema,
                                 kDescription,
                                 {"gradient_dtype"},
                                 {"master_dtype"},
                                 {"moment_dtype"},
                                 {"fused_loss"},
                                 {"gathered_logits"},
                                 {"captured_launches"},
                                 {"overlap_sharding"},
                                 {"overlap_tensor"},
                                 {"overlap_expert"},
                                 {"working_memory"},
                                 {"gradient_placeholders"},
                                 {"gradient_bucket"},
                                 {"kernels", KeyKind::Object, &kKernels},
                                 {"overlap_gradients"}};
constexpr ObjectKeys kTraining{kTrainingList};

constexpr Key kScheduleList[] = {kSchema, kDescription, {"name"}, {"file"}};
constexpr ObjectKeys kSchedule{kScheduleList, true};

// By the name of a GPU, a rank or a link.
constexpr ObjectKeys kPlaces{{}, true};

constexpr Key kSpreadList[] = {{"distribution"}, {"sigma"}, {"samples"}, {"source"}};
constexpr ObjectKeys kSpread{kSpreadList};

constexpr Key kJitterList[] = {
    {"compute", KeyKind::Object, &kSpread},     {"forward", KeyKind::Object, &kSpread},
    {"backward", KeyKind::Object, &kSpread},    {"input_grad", KeyKind::Object, &kSpread},
    {"weight_grad", KeyKind::Object, &kSpread}, {"gradient_reduction", KeyKind::Object, &kSpread},
    {"transfers", KeyKind::Object, &kSpread}};
constexpr ObjectKeys kJitter{kJitterList};

constexpr Key kNoiseList[] = {kSchema,
                              kDescription,
                              {"gpu_speed", KeyKind::Object, &kPlaces},
                              {"link_degradation", KeyKind::Object, &kPlaces},
                              {"jitter", KeyKind::Object, &kJitter}};
constexpr ObjectKeys kNoise{kNoiseList};

constexpr Key kSimulationList[] = {kSchema,           kDescription,
                                   {"communication"}, {"streams"},
                                   {"grouped"},       {"overlapped_pair"},
                                   {"contention"},    {"detail"},
                                   {"seed"},          {"noise", KeyKind::Section, &kNoise}};
constexpr ObjectKeys kSimulation{kSimulationList};

constexpr Key kConfigList[] = {kSchema,
                               kDescription,
                               {"cluster", KeyKind::Section, &kCluster},
                               {"model", KeyKind::Section, &kModel},
                               {"costs", KeyKind::Section, &kCosts},
                               {"parallelism", KeyKind::Section, &kParallelism},
                               {"training", KeyKind::Section, &kTraining},
                               {"schedule", KeyKind::Section, &kSchedule},
                               {"simulation", KeyKind::Section, &kSimulation}};

// Edits (a letter more, less or another) that make one of the other. Levenshtein, 1966.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t kept = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({kept, diagonal + 1, row[j] + 1});
    }
  }
  return row.back();
}

void list_keys(const ObjectKeys& object, const std::string& prefix, std::vector<std::string>& keys) {
  for (const Key& key : object.keys) {
    keys.push_back(fmt::format("{}/{}", prefix, key.name));
    if (key.object != nullptr)
      list_keys(*key.object, keys.back() + (key.kind == KeyKind::List ? "/*" : ""), keys);
  }
}

}  // namespace

const ObjectKeys kConfigKeys{kConfigList};

const Key* ObjectKeys::find(std::string_view name) const {
  const auto found = std::find_if(keys.begin(), keys.end(), [&](const Key& key) { return key.name == name; });
  return found == keys.end() ? nullptr : &*found;
}

std::string unknown_key(std::string_view name, const ObjectKeys& known) {
  const Key* nearest = nullptr;
  std::size_t least = std::max<std::size_t>(2, name.size() / 3) + 1;
  for (const Key& key : known.keys) {
    // A long name is near nothing, and comparing it is slow.
    if (name.size() > 2 * key.name.size() + 2) continue;
    const std::size_t edits = distance(name, key.name);
    if (edits < least && edits < key.name.size()) {
      least = edits;
      nearest = &key;
    }
  }
  if (nearest != nullptr) return fmt::format("unknown key; did you mean \"{}\"?", nearest->name);
  std::vector<std::string_view> names;
  for (const Key& key : known.keys)
    if (key.kind != KeyKind::Note) names.push_back(key.name);
  return fmt::format("unknown key; expected one of {}", fmt::join(names, ", "));
}

std::vector<std::string> config_keys() {
  std::vector<std::string> keys;
  list_keys(kConfigKeys, "", keys);
  return keys;
}

}  // namespace ppsim
