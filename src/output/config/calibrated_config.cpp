// A calibrated config as a document.
#include "output/config/calibrated_config.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>

#include "ppsim/core/error.hpp"
#include "text/json_text.hpp"

namespace ppsim {
namespace {

namespace fs = std::filesystem;

std::string text_of(Time time) {
  return fmt::format("{} ns", time.count());
}
std::string text_of(Bytes bytes) {
  return fmt::format("{} B", bytes.count());
}
std::string text_of(BytesPerSecond rate) {
  return fmt::format("{} B/s", rate.count());
}

template <class T>
void put(Json& section, const char* key, const PerStage<T>& list) {
  if (list.empty()) return;
  if (list.size() == 1) {
    section[key] = text_of(list.front());
    return;
  }
  section[key] = Json::array();
  for (const T& value : list) section[key].push_back(text_of(value));
}

Json pair_json(const PairCost& pair) {
  if (const auto* time = std::get_if<Time>(&pair)) return text_of(*time);
  return name(std::get<PairRule>(pair));
}

void put_link(Json& section, const Link& link, const std::string& source) {
  section["source"] = source;
  section["bandwidth"] = text_of(link.bandwidth);
  section["latency"] = text_of(link.latency);
  if (link.measured)
    section["measured_sizes"] = {text_of(link.measured->least), text_of(link.measured->most)};
}

Json costs_json(const CostsInput& costs, const std::string& source) {
  Json section = {{"source", source}};
  put(section, "forward", costs.forward);
  put(section, "backward", costs.backward);
  put(section, "input_grad", costs.input_grad);
  put(section, "weight_grad", costs.weight_grad);
  put(section, "recompute", costs.recompute);
  section["overlapped_pair"] = pair_json(costs.pair);
  put(section, "transfer", costs.transfer);
  put(section, "activation", costs.activation);
  put(section, "activation_freed_at_input_grad", costs.activation_freed_at_input_grad);
  put(section, "decode_forward", costs.decode_forward);
  put(section, "decode_transfer", costs.decode_transfer);
  put(section, "gradient_reduction", costs.gradient_reduction);
  put(section, "optimizer_step", costs.optimizer_step);
  put(section, "parameter_gather", costs.parameter_gather);
  section["overhead"] = text_of(costs.overhead);
  return section;
}

void put_fits(Json& cluster, const CalibrationReport& report, const CostsInput& costs,
              const std::string& source) {
  for (const CalibratedLink& link : report.links) {
    if (!link.fit) continue;
    const char* inside = costs.cluster->pcie ? "pcie" : "nvlink";
    put_link(cluster[link.crosses_nodes ? "infiniband" : inside], link.fit->link, source);
  }
}

Json spread_json(const Spread& spread, const std::string& source) {
  if (const auto* lognormal = std::get_if<Lognormal>(&spread))
    return {{"distribution", "lognormal"}, {"sigma", lognormal->sigma}, {"source", source}};
  return {{"samples", std::get<Samples>(spread).factors}, {"source", source}};
}

Json jitter_json(const Jitter& jitter, const std::string& source) {
  Json section = Json::object();
  const auto add = [&](std::string_view key, const Spread& spread) {
    if (varies(spread)) section[key] = spread_json(spread, source);
  };
  for (const OpKind kind : all_op_kinds())
    if (is_compute(kind)) add(traits_of(kind).key, jitter.ops[kind]);
  add("transfers", jitter.transfers);
  return section;
}

void replace_noise(Json& simulation, const Jitter& jitter, const std::string& source) {
  Json& noise = simulation["noise"];
  if (!noise.is_object()) noise = Json::object();
  noise.erase("gpu_speed");
  noise.erase("jitter");
  if (Json section = jitter_json(jitter, source); !section.empty()) noise["jitter"] = std::move(section);
  if (noise.empty()) simulation.erase("noise");
}

void erase_of_models(Json& document, bool on_cluster) {
  Json& parallelism = document["parallelism"];
  Json kept = Json::object();
  for (const char* key : {"tensor", "pipeline", "data", "context", "virtual_stages", "micro_batches"}) {
    const bool places = key[0] == 't' || key[0] == 'd' || key[0] == 'c';
    if (parallelism.contains(key) && (on_cluster || !places)) kept[key] = parallelism[key];
  }
  parallelism = std::move(kept);
  for (const char* key : {"detail", "overlapped_pair"}) document["simulation"].erase(key);
}

// A key without a value may as well be left out.
void take_out_nulls(Json& value) {
  if (!value.is_object()) return;
  std::vector<std::string> empty;
  for (auto& [key, child] : value.items()) {
    if (child.is_null()) empty.push_back(key);
    take_out_nulls(child);
  }
  for (const std::string& key : empty) value.erase(key);
}

// From the folder of `path` to a file that is named from where the program runs.
std::string beside(const std::string& path, const std::string& file) {
  std::error_code failure;
  const fs::path here = fs::current_path(failure);
  const fs::path folder = (here / path).lexically_normal().parent_path();
  return (here / file).lexically_normal().lexically_proximate(folder).string();
}

}  // namespace

std::string calibrated_config(const Config& config, const CalibrationReport& report,
                              const std::string& source, const std::string& path) {
  const auto& costs = std::get<CostsInput>(config.input);
  const Json read = Json::parse(config.resolved);
  Json document = {{"description", "Written by ppsim calibrate."}};
  if (costs.cluster) {
    document["cluster"] = read.at("cluster");
    put_fits(document["cluster"], report, costs, source);
  }
  document["costs"] = costs_json(costs, source);
  const bool has_link = !report.links.empty() || read.contains(Json::json_pointer("/costs/link"));
  if (!costs.cluster && has_link) put_link(document["costs"]["link"], costs.link, source);
  for (const char* key : {"parallelism", "schedule", "simulation"}) document[key] = read.at(key);
  erase_of_models(document, costs.cluster.has_value());
  replace_noise(document["simulation"], report.jitter, source);
  if (config.schedule.file) document["schedule"]["file"] = beside(path, *config.schedule.file);
  take_out_nulls(document);
  return document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace ppsim
