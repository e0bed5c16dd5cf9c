#include "input/import/huggingface/huggingface_keys.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace ppsim {
namespace {

// Keys that change neither sizes nor work.
constexpr std::string_view kKeysWithoutEffect[] = {"_attn_implementation_autoset",
                                                   "_name_or_path",
                                                   "activation_function",
                                                   "architectures",
                                                   "attn_implementation",
                                                   "auto_map",
                                                   "aux_loss_alpha",
                                                   "bos_token_id",
                                                   "eos_token_id",
                                                   "ep_size",
                                                   "hidden_act",
                                                   "initializer_range",
                                                   "layer_norm_eps",
                                                   "layer_norm_epsilon",
                                                   "max_window_layers",
                                                   "n_ctx",
                                                   "n_group",
                                                   "norm_topk_prob",
                                                   "output_attentions",
                                                   "output_hidden_states",
                                                   "output_router_logits",
                                                   "pad_token_id",
                                                   "pretraining_tp",
                                                   "reorder_and_upcast_attn",
                                                   "return_dict",
                                                   "rms_norm_eps",
                                                   "rope_interleave",
                                                   "rope_parameters",
                                                   "rope_scaling",
                                                   "rope_theta",
                                                   "routed_scaling_factor",
                                                   "router_aux_loss_coef",
                                                   "router_jitter_noise",
                                                   "scale_attn_by_inverse_layer_idx",
                                                   "scale_attn_weights",
                                                   "scoring_func",
                                                   "seq_aux",
                                                   "summary_activation",
                                                   "summary_first_dropout",
                                                   "summary_proj_to_labels",
                                                   "summary_type",
                                                   "summary_use_proj",
                                                   "task_specific_params",
                                                   "topk_group",
                                                   "topk_method",
                                                   "transformers_version",
                                                   "use_cache"};

// What names of sizes are made of: a key with one of them that is not known may make the model another.
constexpr std::string_view kSizeWords[] = {"size",   "dim",    "rank",  "num_",  "n_",    "layer",  "head",
                                           "expert", "hidden", "inner", "width", "ratio", "sparse", "moe"};

bool is_neutral(const std::string& key) {
  return std::find(std::begin(kKeysWithoutEffect), std::end(kKeysWithoutEffect), key) !=
         std::end(kKeysWithoutEffect);
}

// A flag that is off, or an empty list, says nothing.
bool says_something(const Json& value) {
  return value != Json(false) && value != Json(0) && !(value.is_structured() && value.empty());
}

bool may_be_size(const std::string& key) {
  return std::any_of(std::begin(kSizeWords), std::end(kSizeWords),
                     [&](std::string_view word) { return key.find(word) != std::string::npos; });
}

}  // namespace

void tell_unread_keys(ForeignObject& config, std::string_view model_type, std::vector<std::string>& notes) {
  std::vector<std::string> others;
  for (const std::string& key : config.unread()) {
    if (is_neutral(key) || !says_something(config.value(key))) continue;
    if (may_be_size(key))
      throw config.error(key,
                         fmt::format("{}; not known for {}, and may change the model's size; take it out "
                                     "of the file where it does not",
                                     shown(config.value(key)), model_type));
    others.push_back(key);
  }
  if (!others.empty()) notes.push_back(fmt::format("not known and left out: {}", fmt::join(others, ", ")));
}

}  // namespace ppsim
