// ds_config.json of DeepSpeed: batch sizes, ZeRO, types of gradients.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "input/config/config_sections.hpp"
#include "input/import/foreign_json.hpp"
#include "input/import/imported_section.hpp"
#include "text/files.hpp"

namespace ppsim {
namespace {

constexpr CountRange kBatchSamples{1, 1'000'000'000};
constexpr CountRange kElements{1, 1'000'000'000'000};

// What changes neither the time nor the memory of a step, or too little.
constexpr std::string_view kWithoutEffect[] = {"aio",
                                               "checkpoint",
                                               "comet",
                                               "comms_logger",
                                               "csv_monitor",
                                               "disable_allgather",
                                               "dump_state",
                                               "flops_profiler",
                                               "gradient_clipping",
                                               "gradient_predivide_factor",
                                               "memory_breakdown",
                                               "monitor_config",
                                               "prescale_gradients",
                                               "scheduler",
                                               "steps_per_print",
                                               "tensorboard",
                                               "torch_autocast",
                                               "wall_clock_breakdown",
                                               "wandb",
                                               "zero_allow_untested_optimizer",
                                               "zero_force_ds_cpu_optimizer"};
constexpr std::string_view kNeutralZero[] = {"allgather_bucket_size",
                                             "allgather_partitions",
                                             "contiguous_gradients",
                                             "elastic_checkpoint",
                                             "grad_hooks",
                                             "ignore_unused_parameters",
                                             "legacy_stage1",
                                             "load_from_fp32_weights",
                                             "memory_efficient_linear",
                                             "override_module_apply",
                                             "pipeline_loading_checkpoint",
                                             "reduce_scatter",
                                             "round_robin_gradients",
                                             "stage3_gather_16bit_weights_on_model_save",
                                             "stage3_gather_fp16_weights_on_model_save",
                                             "stage3_max_live_parameters",
                                             "stage3_max_reuse_distance",
                                             "stage3_param_persistence_threshold",
                                             "stage3_prefetch_bucket_size",
                                             "sub_group_size",
                                             "use_all_reduce_for_fetch_params"};

template <std::size_t Count>
bool list_contains(const std::string_view (&list)[Count], std::string_view key) {
  return std::find(std::begin(list), std::end(list), key) != std::end(list);
}

// Who starts the training fills "auto" in, from figures that this file does not have.
void refuse_auto(ForeignObject& section, std::string_view key) {
  if (section.has(key) && section.value(key) == "auto")
    throw section.error(key, "\"auto\"; expected the value that the training gets");
}

std::optional<std::uint64_t> count_of(ForeignObject& section, std::string_view key, CountRange range) {
  refuse_auto(section, key);
  if (!section.has(key)) return std::nullopt;
  return section.count(key, range);
}

bool flag_of(ForeignObject& section, std::string_view key) {
  refuse_auto(section, key);
  return section.flag(key, false);
}

bool is_enabled(ForeignObject& root, std::string_view key) {
  if (!root.has(key)) return false;
  ForeignObject section = root.object(key);
  return flag_of(section, "enabled");
}

template <std::size_t Count>
void refuse_unread(ForeignObject& section, const std::string_view (&neutral)[Count]) {
  for (const std::string& key : section.unread()) {
    const Json& value = section.value(key);
    if (list_contains(neutral, key) || value == Json(false) || value == Json(0)) continue;
    if (value.is_object() && value.value("enabled", Json()) == Json(false)) continue;
    throw section.error(key,
                        fmt::format("{}; not known, and may change what a step costs; take it out of the "
                                    "file where it does not",
                                    shown(value)));
  }
}

class DeepspeedImporter {
 public:
  DeepspeedImporter(ForeignObject& root, const DeepspeedOptions& options) : root_(root), options_(options) {}

  Json read() {
    read_zero();
    read_batch();
    read_recompute();
    read_dtypes();
    check_optimizer();
    refuse_unread(root_, kWithoutEffect);
    return {{"parallelism", parallelism_}, {"training", training_}};
  }

  [[nodiscard]] std::vector<std::string> take_notes() { return std::move(notes_); }

 private:
  template <class... Arguments>
  void note(fmt::format_string<Arguments...> text, Arguments&&... arguments) {
    notes_.push_back(fmt::format(text, std::forward<Arguments>(arguments)...));
  }

  static void refuse_offload(ForeignObject& zero) {
    for (const char* key : {"offload_optimizer", "offload_param"}) {
      if (!zero.has(key)) continue;
      ForeignObject offload = zero.object(key);
      if (offload.has("device") && offload.text("device") == "none") continue;
      throw zero.error(key,
                       "offloads to other memory than the GPU's; expected \"device\": \"none\", as the "
                       "simulator has no such memory");
    }
    for (const char* key : {"cpu_offload", "cpu_offload_params", "cpu_offload_use_pin_memory"})
      if (flag_of(zero, key))
        throw zero.error(key, "true; expected false, as the simulator has no such memory");
  }

  void read_zero() {
    pipeline_ = options_.pipeline.value_or(1);
    if (!options_.pipeline) note("pipeline is 1, as the file does not say it; --pipeline gives another");
    if (!root_.has("zero_optimization")) return;
    ForeignObject zero = root_.object("zero_optimization");
    stage_ = count_of(zero, "stage", {0, 3}).value_or(0);
    if (stage_ >= 2 && pipeline_ > 1)
      throw zero.error("stage",
                       fmt::format("{} with --pipeline {}; expected at most 1, as DeepSpeed's pipelines "
                                   "take no more",
                                   stage_, pipeline_));
    refuse_offload(zero);
    bucket_ = count_of(zero, "reduce_bucket_size", kElements).value_or(500'000'000);
    overlaps_ = zero.has("overlap_comm") ? flag_of(zero, "overlap_comm") : false;
    for (const char* key : {"zero_hpz_partition_size", "mics_shard_size"})
      if (count_of(zero, key, {0, 1'000'000}).value_or(1) > 1)
        throw zero.error(key, "expected 1: a config shares out among all replicas");
    refuse_unread(zero, kNeutralZero);
  }

  // train_batch_size = train_micro_batch_size_per_gpu x gradient_accumulation_steps x data: what is not given
  // follows from the others.
  void read_batch() {
    const auto total = count_of(root_, "train_batch_size", kBatchSamples);
    auto micro = count_of(root_, "train_micro_batch_size_per_gpu", {1, 1'000'000});
    auto steps = count_of(root_, "gradient_accumulation_steps", {1, 100'000'000});
    auto data = options_.data;
    if (total && micro && steps && !data) data = divided(*total, *micro * *steps, "micro-batches");
    if (!data) note("data is 1, as the file does not say it; --data gives another");
    if (!data) data = 1;
    if (!steps && total && micro) steps = divided(*total, *micro * *data, "micro-batch x data");
    if (!micro && total) micro = divided(*total, steps.value_or(1) * *data, "steps x data");
    if (!micro) throw root_.error("missing key \"train_micro_batch_size_per_gpu\", or \"train_batch_size\"");
    if (!steps) note("gradient_accumulation_steps is not given: 1");
    if (!steps) steps = 1;
    if (total && *total != *micro * *steps * *data)
      throw root_.error("train_batch_size", fmt::format("{}; expected micro-batch {} x steps {} x data {}",
                                                        *total, *micro, *steps, *data));
    parallelism_ = {{"pipeline", pipeline_},
                    {"data", *data},
                    {"zero_stage", stage_},
                    {"micro_batch_size", *micro},
                    {"micro_batches", *steps}};
    read_other_groups();
  }

  std::uint64_t divided(std::uint64_t total, std::uint64_t parts, std::string_view what) {
    if (total % parts == 0) return total / parts;
    throw root_.error("train_batch_size",
                      fmt::format("{}; expected a multiple of {} {}", total, what, parts));
  }

  void read_other_groups() {
    if (root_.has("tensor_parallel")) {
      ForeignObject tensor = root_.object("tensor_parallel");
      parallelism_["tensor"] = count_of(tensor, "autotp_size", {1, 1'000'000}).value_or(1);
    }
    if (const auto parts = count_of(root_, "sequence_parallel_size", {1, 1'000'000}); parts && *parts > 1) {
      parallelism_["context"] = *parts;
      parallelism_["context_exchange"] = "all_to_all";
    }
  }

  void read_recompute() {
    parallelism_["recompute"] = "none";
    if (!root_.has("activation_checkpointing")) return;
    ForeignObject section = root_.object("activation_checkpointing");
    for (const char* key : {"cpu_checkpointing", "partition_activations"})
      if (flag_of(section, key))
        throw section.error(
            key, fmt::format("true; expected false: checkpoints {}",
                             std::string_view(key).starts_with("cpu")
                                 ? "elsewhere than in the GPU's memory are not known"
                                 : "in parts on several GPUs are not known; sequence_parallel has such"));
    if (count_of(section, "number_checkpoints", {1, 100'000}))
      note("number_checkpoints is left out: each layer keeps its input");
    parallelism_["recompute"] = "full";
    note("activation_checkpointing stands for recompute full; the model's code says whether it is used");
  }

  void read_dtypes() {
    const bool half = is_enabled(root_, "fp16");
    const bool brain = is_enabled(root_, "bf16") || is_enabled(root_, "bfloat16");
    if (half && brain) throw root_.error("fp16", "enabled, and bf16 too; expected one of them");
    const std::string_view dtype = half ? "fp16" : brain ? "bf16" : "fp32";
    note("the model's dtype is {}, which stands in its own section: /model/transformer/dtype", dtype);
    if (root_.has("communication_data_type")) {
      (void)root_.text("communication_data_type");
      note("communication_data_type is left out: gradients are reduced as they are added up");
    }
    // Its optimizer for bf16 adds gradients up in fp32, unless ZeRO shares them out.
    std::string_view gradient = brain && stage_ <= 1 ? "fp32" : dtype;
    if (root_.has("data_types")) {
      constexpr std::array<std::string_view, 3> kNames{"fp32", "fp16", "bf16"};
      ForeignObject types = root_.object("data_types");
      const std::string given =
          types.has("grad_accum_dtype") ? types.text("grad_accum_dtype") : std::string(gradient);
      const auto found = std::find(kNames.begin(), kNames.end(), given);
      if (found == kNames.end())
        throw types.error("grad_accum_dtype", fmt::format("{}; expected fp32, fp16 or bf16", shown(given)));
      gradient = *found;
    }
    training_ = {{"gradient_dtype", gradient}};
    put_bucket(gradient == "fp32" ? 4 : 2);
  }

  void put_bucket(std::uint64_t bytes) {
    if (!root_.has("zero_optimization")) return;
    if (stage_ >= 2) {
      note(
          "reduce_bucket_size and overlap_comm are left out: with ZeRO stage {} gradients are reduced in "
          "every "
          "backward",
          stage_);
      return;
    }
    if (!overlaps_) return;
    training_["gradient_bucket"] = fmt::format("{} B", bucket_ * bytes);
    training_["overlap_gradients"] = true;
  }

  void check_optimizer() {
    if (!root_.has("optimizer")) return;
    constexpr std::array<std::string_view, 3> kAdam{"adam", "adamw", "fusedadam"};
    ForeignObject optimizer = root_.object("optimizer");
    std::string type = optimizer.text("type");
    std::transform(type.begin(), type.end(), type.begin(), [](unsigned char c) { return std::tolower(c); });
    if (std::find(kAdam.begin(), kAdam.end(), type) == kAdam.end())
      throw optimizer.error("type", fmt::format("{}; expected Adam or AdamW, whose two moments are counted",
                                                shown(optimizer.value("type"))));
  }

  ForeignObject& root_;
  const DeepspeedOptions& options_;
  Json parallelism_, training_;
  std::vector<std::string> notes_;
  std::uint64_t pipeline_ = 1, stage_ = 0, bucket_ = 0;
  bool overlaps_ = false;
};

ImportedSection read_deepspeed(const std::string& path, const DeepspeedOptions& options) {
  const Json document = parse_json(read_file(path), path);
  ForeignObject root(document, path + "#");
  DeepspeedImporter importer(root, options);
  Json sections = importer.read();
  check_sections(sections, path);
  Json result = {{"description", import_source(path, "a configuration of DeepSpeed")}};
  result.update(sections);
  return imported_section(result, importer.take_notes());
}

}  // namespace

ImportedSection import_deepspeed(const std::string& path, const DeepspeedOptions& options) {
  return with_plain_errors([&] { return read_deepspeed(path, options); });
}

}  // namespace ppsim
