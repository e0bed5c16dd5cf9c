/// The little languages in which Megatron's arguments say what each layer is and where.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ppsim {

/// What a stage of --pipeline-model-parallel-layout holds.
struct LaidOutStage {
  std::uint32_t layers = 0;      ///< t
  std::uint32_t prediction = 0;  ///< m, layers that predict further tokens
  std::uint32_t embeddings = 0;  ///< E
  std::uint32_t losses = 0;      ///< L
};

/// "Et*3|(tt|)*29,m|L": `x*n` and `(...)*n` repeat, `|` ends a stage, commas mean nothing. Throws Error
/// (where: `where`) for another letter, a bracket or a count that is missing, and more than `most` letters.
[[nodiscard]] std::vector<LaidOutStage> parse_pipeline_layout(std::string_view text, const std::string& where,
                                                              std::size_t most);

/// "([0]*3+[1]*58)", an expression of Python with lists of 0 and 1, `+` and `*`: --moe-layer-freq. Throws
/// Error (where: `where`) as above.
[[nodiscard]] std::vector<bool> parse_layer_pattern(std::string_view text, const std::string& where,
                                                    std::size_t most);

}  // namespace ppsim
