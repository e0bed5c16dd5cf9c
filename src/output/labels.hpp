/// How reports, traces and pictures name things, so that all of them say it the same way.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ppsim/graph/op_graph.hpp"
#include "ppsim/graph/timeline.hpp"
#include "ppsim/metrics/report.hpp"
#include "ppsim/model/layers/stage_layout.hpp"

namespace ppsim {

/// "1-4, 17-20": counted from 1, one range a stage; "" where no layer is known.
[[nodiscard]] std::string layers_text(std::span<const LayerRange> layers);

/// "layers 1-4, 17-20", "layer 5", or "".
[[nodiscard]] std::string layers_phrase(std::span<const LayerRange> layers);

/// "1 rank", "4 ranks"; `plural` is put behind the noun.
[[nodiscard]] std::string counted(std::uint64_t count, std::string_view noun, std::string_view plural = "s");

/// "32 micro-batches"; in inference "8 requests, 64 decode steps".
[[nodiscard]] std::string work_text(const Report& report);

/// Layers of one stage of `rank`, as one range, or none where the rank does not hold it.
[[nodiscard]] std::span<const LayerRange> layers_of(const RankReport& rank, Stage stage);

/// "27.3 %"
[[nodiscard]] std::string percent(double fraction);

/// Of errors: "2.73 %", "+2.73 %", and in JSON 2.7312.
[[nodiscard]] std::string fine_percent(double share);
[[nodiscard]] std::string signed_percent(double share);
[[nodiscard]] double rounded_percent(double share);

/// "96 of 80 GiB", in the unit in which the capacity is a round number.
[[nodiscard]] std::string of_capacity(Bytes used, Bytes capacity);

/// ANSI colours, where allowed.
enum class Ansi : unsigned char { Bold, Red, Green };
[[nodiscard]] std::string painted(std::string_view text, Ansi style, bool color);

/// Which chunk of its rank a stage is: stages of each rank as its ops name them, ascending.
class ChunkIndex {
 public:
  explicit ChunkIndex(const OpGraph& graph);

  /// Stages that a rank works on.
  [[nodiscard]] std::span<const Stage> stages_of(Rank rank) const { return stages_[index(rank)]; }
  /// 0 for the first of them.
  [[nodiscard]] std::size_t chunk_of(Rank rank, Stage stage) const;
  /// The most stages of a rank, at least 1.
  [[nodiscard]] std::size_t most_chunks() const;

 private:
  std::vector<std::vector<Stage>> stages_;  ///< [P][*]
};

/// "F3"; where a rank holds several stages a letter tells them apart: "F3a", "F3b". "F7+B3" for a pair; what
/// runs once a step is called by its kind.
[[nodiscard]] std::string action_name(std::span<const Op> ops, Rank rank, const ChunkIndex& chunks);

/// The shortest action of any rank's program that takes time.
[[nodiscard]] std::optional<Time> shortest_op(const OpGraph& graph, const Timeline& timeline);

}  // namespace ppsim
