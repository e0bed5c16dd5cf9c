#include "output/labels.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "ppsim/core/error.hpp"

namespace ppsim {
namespace {

std::string range_text(LayerRange range) {
  if (range.count == 1) return fmt::format("{}", range.first + 1);
  return fmt::format("{}-{}", range.first + 1, range.first + range.count);
}

/// a, b, ... z, aa, ab, ...: letters, as Perfetto colours by name and drops digits.
std::string chunk_letters(std::size_t chunk) {
  std::string letters;
  for (std::size_t rest = chunk + 1; rest > 0; rest = (rest - 1) / 26) {
    letters.insert(letters.begin(), static_cast<char>('a' + (rest - 1) % 26));
  }
  return letters;
}

}  // namespace

std::string layers_text(std::span<const LayerRange> layers) {
  std::string text;
  for (const LayerRange range : layers) {
    if (range.count == 0) continue;
    if (!text.empty()) text += ", ";
    text += range_text(range);
  }
  return text;
}

std::string layers_phrase(std::span<const LayerRange> layers) {
  const std::string text = layers_text(layers);
  if (text.empty()) return text;
  const bool one = text.find_first_of("-,") == std::string::npos;
  return (one ? "layer " : "layers ") + text;
}

std::string counted(std::uint64_t count, std::string_view noun, std::string_view plural) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : plural);
}

std::string work_text(const Report& report) {
  if (!report.forward_only) {
    std::string text = counted(report.micro_batches, "micro-batch", "es");
    if (report.slices > 1) text += fmt::format(" of {} slices", report.slices);
    if (report.steps > 1) text += fmt::format(" a step, {} steps", report.steps);
    return text;
  }
  return fmt::format("{}, {}", counted(report.micro_batches, "request"),
                     counted(report.decode_steps, "decode step"));
}

std::span<const LayerRange> layers_of(const RankReport& rank, Stage stage) {
  const auto found = std::find(rank.stages.begin(), rank.stages.end(), stage);
  if (found == rank.stages.end()) return {};
  return {&rank.layers[static_cast<std::size_t>(found - rank.stages.begin())], 1};
}

std::string percent(double fraction) {
  return fmt::format("{:.1f} %", 100 * fraction);
}

std::string fine_percent(double share) {
  return fmt::format("{:.2f} %", 100 * share);
}

std::string signed_percent(double share) {
  return fmt::format("{:+.2f} %", 100 * share);
}

double rounded_percent(double share) {
  return std::round(1e6 * share) / 1e4;
}

std::string of_capacity(Bytes used, Bytes capacity) {
  constexpr double kGiB = 1024.0 * 1024 * 1024;
  const bool decimal = capacity.count() % 1'000'000'000 == 0;
  const double unit = decimal ? 1e9 : kGiB;
  const auto number = [&](Bytes bytes) {
    const double value = static_cast<double>(bytes.count()) / unit;
    return value >= 100 || value == std::floor(value) ? fmt::format("{:.0f}", value)
                                                      : fmt::format("{:.1f}", value);
  };
  return fmt::format("{} of {} {}", number(used), number(capacity), decimal ? "GB" : "GiB");
}

std::string painted(std::string_view text, Ansi style, bool color) {
  if (!color) return std::string(text);
  const auto code = [&] {
    switch (style) {
      case Ansi::Bold:
        return 1;
      case Ansi::Red:
        return 31;
      case Ansi::Green:
        return 32;
    }
    return 0;
  }();
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

ChunkIndex::ChunkIndex(const OpGraph& graph) : stages_(graph.rank_count()) {
  const auto begin = graph.rank_begin();
  for (std::size_t rank = 0; rank < stages_.size(); ++rank) {
    auto& stages = stages_[rank];
    for (VertexId vertex = begin[rank]; vertex < begin[rank + 1]; ++vertex) {
      for (const Op op : graph.ops(vertex)) {
        // A rank's first few ops name all its stages, so the linear search is over a handful.
        if (is_compute(op.kind) && std::find(stages.begin(), stages.end(), op.stage) == stages.end()) {
          stages.push_back(op.stage);
        }
      }
    }
    std::sort(stages.begin(), stages.end());
  }
}

std::size_t ChunkIndex::chunk_of(Rank rank, Stage stage) const {
  const auto& stages = stages_[index(rank)];
  const auto found = std::lower_bound(stages.begin(), stages.end(), stage);
  PPSIM_ASSERT(found != stages.end() && *found == stage,
               fmt::format("stage {} on rank {}", index(stage), index(rank)));
  return static_cast<std::size_t>(found - stages.begin());
}

std::size_t ChunkIndex::most_chunks() const {
  std::size_t most = 1;
  for (const auto& stages : stages_) most = std::max(most, stages.size());
  return most;
}

std::string action_name(std::span<const Op> ops, Rank rank, const ChunkIndex& chunks) {
  std::string text;
  for (const Op op : ops) {
    if (!text.empty()) text += '+';
    text += name(op.kind);
    if (!has_micro_batch(op.kind)) continue;
    text += std::to_string(index(op.micro_batch));
    if (chunks.most_chunks() > 1) text += chunk_letters(chunks.chunk_of(rank, op.stage));
  }
  return text;
}

std::optional<Time> shortest_op(const OpGraph& graph, const Timeline& timeline) {
  std::optional<Time> shortest;
  for (std::size_t rank = 0; rank < graph.rank_count(); ++rank) {
    for (VertexId v = graph.rank_begin()[rank]; v < graph.side_begin()[rank]; ++v) {
      const Time duration = timeline.finish[v] - timeline.start[v];
      if (duration > Time(0)) shortest = std::min(shortest.value_or(duration), duration);
    }
  }
  return shortest;
}

}  // namespace ppsim
