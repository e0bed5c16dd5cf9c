#include "input/config/config_limits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <variant>

namespace ppsim {

namespace {

// Sums of bytes, of tokens and of parameters stay below this, well inside 64 bits and exact in a double's
// exponent.
constexpr double kMostSum = 0x1p60;

double micro_batches(const Config& config) {
  if (config.schedule.file) {
    double units = config.parallelism.micro_batches;
    for (const auto& [name, value] : config.schedule.options)  // slices, steps
      units *= static_cast<double>(std::get<std::int64_t>(value));
    return units;
  }
  const ScheduleInfo& info = find_schedule(config.schedule.name);
  const OptionValues options = complete_options(info, config.schedule.options);
  return config.parallelism.micro_batches * static_cast<double>(units_per_micro_batch(info, options));
}

std::optional<Fault> find_excess_of_ops(const Config& config) {
  const double stages = 1.0 * config.parallelism.pipeline * config.parallelism.virtual_stages;
  if (stages > kMaxStages)
    return Fault{
        "/parallelism",
        fmt::format("pipeline x virtual_stages is {:.0f}; expected at most {} stages", stages, kMaxStages)};
  const double pairs = stages * micro_batches(config);
  if (pairs > static_cast<double>(kMaxStageMicroBatches))
    return Fault{"/parallelism", fmt::format("stages x micro-batches is {:.0f}; expected at most {}", pairs,
                                             kMaxStageMicroBatches)};
  return std::nullopt;
}

// Upper bounds of what the model layer sums up, per sample, before any division among GPUs.
struct Totals {
  double parameters = 0;
  double activation = 0;  // bytes
  double tokens = 0;
};

// Widths of all heads together: of queries, keys and values, whichever is the widest.
double attention_width(const Transformer& model) {
  if (const auto& latent = model.latent_attention)
    return model.heads * std::max<double>(latent->qk_head_size(), latent->v_head_size) + latent->q_lora_rank +
           latent->kv_lora_rank;
  return 1.0 * model.heads * model.size_of_head();
}

Totals totals(const Transformer& model) {
  const double hidden = model.hidden, tokens = model.sequence_length;
  const double attention = std::max(hidden, attention_width(model));
  double ffn_weights = model.ffn_hidden;
  double ffn_visited = model.ffn_hidden;
  if (const auto& experts = model.experts) {
    ffn_weights += (1.0 * experts->count + experts->shared) * experts->ffn_hidden;
    ffn_visited += (1.0 * experts->per_token + experts->shared) * (1.0 * experts->ffn_hidden + hidden);
  }
  const double matrices = 4 * attention * attention + 3 * hidden * ffn_weights + 100 * hidden;
  const double kept = tokens * (100 * attention + 10.0 * ffn_visited) + 10.0 * model.heads * tokens * tokens;
  return {model.layers * matrices + 2 * hidden * model.vocabulary,
          model.layers * kept + 10 * tokens * model.vocabulary, tokens};
}

Totals totals(const LayerCosts& costs) {
  Totals sum;
  for (const LayerCost& layer : costs.layers) {
    sum.parameters += static_cast<double>(layer.parameters);
    sum.activation +=
        static_cast<double>(layer.activation.count()) + static_cast<double>(layer.output.count());
  }
  sum.tokens = costs.sequence_length;
  return sum;
}

// Links are numbered by 32 bits, two directions each.
std::optional<Fault> find_excess_of_links(const Cluster& cluster) {
  const double in_node = 1.0 * cluster.gpus_per_node + cluster.nics_per_node + cluster.switches_per_node();
  const double ports = cluster.nodes * in_node + 1.0 * cluster.leaf_groups() * cluster.leaves_per_group();
  constexpr double kMostPorts = 0x1p30;
  if (ports > kMostPorts)
    return Fault{
        "/cluster/nodes",
        fmt::format("{:.0f} GPUs, NICs and switches in all; expected at most {:.0f}", ports, kMostPorts)};
  if (!cluster.fabric) return std::nullopt;
  const double below = std::min(cluster.fabric->nodes_per_leaf, cluster.nodes);
  const double rate =
      below * cluster.nics_per_node * static_cast<double>(cluster.infiniband.bandwidth.count());
  if (rate <= kMostSum) return std::nullopt;
  return Fault{"/cluster/fabric/nodes_per_leaf",
               fmt::format("{:.2g} B/s below a leaf; expected at most {:.2g}", rate, kMostSum)};
}

std::optional<Fault> find_excess_of_model(const Config& config, const Model& model) {
  const Totals sum = std::visit([](const auto& one) { return totals(one); }, model);
  // 18 bytes a parameter, and room.
  if (sum.parameters > kMostSum / 64)
    return Fault{"/model", fmt::format("about {:.2g} parameters; expected at most {:.2g}", sum.parameters,
                                       kMostSum / 64)};
  const double samples = micro_batches(config) * config.parallelism.micro_batch_size;
  if (sum.activation * samples > kMostSum)
    return Fault{"/model", fmt::format("about {:.2g} bytes of activations a step; expected at most {:.2g}",
                                       sum.activation * samples, kMostSum)};
  if (sum.tokens * samples * config.parallelism.data > kMostSum)
    return Fault{"/parallelism", fmt::format("about {:.2g} tokens a step; expected at most {:.2g}",
                                             sum.tokens * samples * config.parallelism.data, kMostSum)};
  return std::nullopt;
}

double largest(const std::vector<Bytes>& list) {
  return list.empty() ? 0 : static_cast<double>(std::max_element(list.begin(), list.end())->count());
}

std::optional<Fault> find_excess_of_costs(const Config& config, const CostsInput& costs) {
  const double stages = 1.0 * config.parallelism.pipeline * config.parallelism.virtual_stages;
  const double bytes = largest(costs.activation) * stages * micro_batches(config);
  if (bytes <= kMostSum) return std::nullopt;
  return Fault{"/costs", fmt::format("about {:.2g} bytes of activations a step; expected at most {:.2g}",
                                     bytes, kMostSum)};
}

}  // namespace

std::optional<Fault> find_excess(const Config& config) {
  if (auto fault = find_excess_of_ops(config)) return fault;
  if (const Cluster* cluster = cluster_of(config.input)) {
    if (auto fault = find_excess_of_links(*cluster)) return fault;
  }
  if (const auto* input = std::get_if<ModelInput>(&config.input))
    return find_excess_of_model(config, input->model);
  return find_excess_of_costs(config, std::get<CostsInput>(config.input));
}

}  // namespace ppsim
