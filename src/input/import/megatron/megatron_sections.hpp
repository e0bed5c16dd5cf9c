/// Sections of a config out of Megatron-LM's arguments.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "input/import/megatron/megatron_arguments.hpp"
#include "input/import/megatron/pipeline_layout_text.hpp"
#include "text/json_text.hpp"

namespace ppsim {

/// How many GPUs play what.
struct MegatronShape {
  std::uint64_t tensor = 1, pipeline = 1, context = 1, data = 1;
  std::uint64_t virtual_stages = 1;

  [[nodiscard]] std::uint64_t stages() const { return pipeline * virtual_stages; }
};

// All add to `notes` what they assumed, and throw Error as MegatronArguments does.

/// `gpus`: of the whole job; `where_gpus` says where that stands.
[[nodiscard]] MegatronShape read_megatron_shape(const MegatronArguments& arguments, std::uint64_t gpus,
                                                const std::string& where_gpus);

/// `transformer`.
[[nodiscard]] Json megatron_transformer(const MegatronArguments& arguments, const MegatronShape& shape,
                                        std::vector<std::string>& notes);

[[nodiscard]] Json megatron_parallelism(const MegatronArguments& arguments, const MegatronShape& shape,
                                        std::vector<std::string>& notes);

/// `dtype`: of the model.
[[nodiscard]] Json megatron_training(const MegatronArguments& arguments, const MegatronShape& shape,
                                     std::string_view dtype, std::vector<std::string>& notes);

/// Stages of --pipeline-model-parallel-layout, chunk by chunk; none where it is not given.
[[nodiscard]] std::vector<LaidOutStage> read_layout(const MegatronArguments& arguments);

/// `layers_per_stage` where the stages are not all alike, or null.
[[nodiscard]] Json megatron_layers_per_stage(const MegatronArguments& arguments, const MegatronShape& shape,
                                             std::vector<std::string>& notes);

}  // namespace ppsim
