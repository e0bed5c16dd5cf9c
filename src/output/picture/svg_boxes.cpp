#include "output/picture/svg_boxes.hpp"

#include <fmt/compile.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <span>
#include <utility>

#include "output/picture/palette.hpp"

namespace ppsim {
namespace {

/// Boxes and columns that a picture may have: some 16 bytes each, so that it stays near a megabyte.
constexpr double kMostBoxes = 60'000;

/// Columns of merged ops are wide enough that the beat between columns and ops does not show.
constexpr double kLeastColumn = 4;

/// Of a row's height, the strip of what runs beside the program.
constexpr double kSideShare = 0.25;

/// Boxes narrower than this have no white rim: it would be wider than they are.
constexpr double kRimFrom = 4;

/// Coordinates in tenths of a pixel: enough for the eye, short in the file, and neighbours meet exactly.
double tenths(double value) {
  return std::round(value * 10) / 10;
}

/// Without a trailing ".0".
void append_number(std::string& text, double value) {
  const auto scaled = static_cast<long>(std::lround(value * 10));
  fmt::format_to(std::back_inserter(text), FMT_COMPILE("{}"), scaled / 10);
  if (scaled % 10 != 0) fmt::format_to(std::back_inserter(text), FMT_COMPILE(".{}"), std::abs(scaled % 10));
}

struct Box {
  double x0, x1, y0, y1;
};

void append_box(std::string& path, Box box) {
  const double x0 = tenths(box.x0);
  const double y0 = tenths(box.y0);
  const double width = tenths(box.x1) - x0;
  path += 'M';
  append_number(path, x0);
  path += ' ';
  append_number(path, y0);
  path += 'h';
  append_number(path, width);
  path += 'v';
  append_number(path, tenths(box.y1) - y0);
  path += "h-";
  append_number(path, width);
  path += 'z';
}

class Painter {
 public:
  Painter(const OpGraph& graph, const Timeline& timeline, const ChunkIndex& chunks, const BoxLayout& layout)
      : graph_(graph),
        timeline_(timeline),
        chunks_(chunks),
        layout_(layout),
        most_chunks_(chunks.most_chunks()),
        narrowest_(std::max(1.0, std::ceil(graph.rank_count() * layout.width / kMostBoxes))),
        column_(std::max(kLeastColumn, narrowest_)),
        columns_(static_cast<std::size_t>(std::ceil(layout.width / column_))),
        plain_(kOpKinds * most_chunks_),
        rimmed_(kOpKinds * most_chunks_),
        beside_(kOpKinds * most_chunks_) {}

  Boxes paint() && {
    for (std::uint32_t rank = 0; rank < graph_.rank_count(); ++rank) paint_rank(rank);
    Boxes boxes;
    boxes.numbered = !numbers_.empty();
    boxes.merged_below = merged_ ? narrowest_ : 0;
    boxes.svg = paths(plain_, "<g>") + paths(rimmed_, R"(<g stroke="#fff" stroke-width="1">)") +
                paths(beside_, "<g>");
    if (!numbers_.empty()) {
      boxes.svg += fmt::format(R"(<g font-size="{:.1f}" text-anchor="middle">)"
                               "\n{}</g>\n",
                               layout_.number_size, numbers_);
    }
    for (std::size_t kind = 0; kind < kOpKinds; ++kind) {
      if (drawn(kind)) boxes.kinds.push_back(static_cast<OpKind>(kind));
    }
    return boxes;
  }

 private:
  std::size_t colour(Rank rank, Op op) const {
    const std::size_t chunk = is_compute(op.kind) ? chunks_.chunk_of(rank, op.stage) : 0;
    return static_cast<std::size_t>(op.kind) * most_chunks_ + chunk;
  }

  void paint_rank(std::uint32_t rank) {
    shares_.assign(columns_ * plain_.size(), 0);
    bool merged = false;
    for (VertexId v = graph_.rank_begin()[rank]; v < graph_.side_begin()[rank]; ++v) {
      const double x0 = layout_.x(timeline_.start[v]);
      const double x1 = layout_.x(timeline_.finish[v]);
      if (x1 - x0 >= narrowest_) {
        paint_action(static_cast<Rank>(rank), v, x0, x1);
      } else {
        merge_action(static_cast<Rank>(rank), v, x0, x1);
        merged = true;
      }
    }
    if (merged) paint_columns(rank);
    merged_ = merged_ || merged;
    paint_side(rank);
  }

  // What runs beside the program: a strip at the foot of the row, in which short boxes run together.
  void paint_side(std::uint32_t rank) {
    const VertexId end = graph_.rank_begin()[rank + 1];
    for (VertexId v = graph_.side_begin()[rank]; v < end;) {
      const VertexId first = v;
      const double x0 = layout_.x(timeline_.start[first]);
      double x1 = x0;
      do {
        x1 = layout_.x(timeline_.finish[v]);
      } while (++v < end && x1 - x0 < narrowest_);
      const double foot = layout_.y(rank) + layout_.row_height;
      append_box(beside_[colour(static_cast<Rank>(rank), graph_.ops(first).front())],
                 {x0, x1, foot - kSideShare * layout_.row_height, foot});
    }
  }

  void paint_action(Rank rank, VertexId vertex, double x0, double x1) {
    const auto ops = graph_.ops(vertex);
    const double height = layout_.row_height / static_cast<double>(ops.size());
    double y = layout_.y(index(rank));
    for (const Op op : ops) {
      auto& paths = x1 - x0 >= kRimFrom && height >= kRimFrom ? rimmed_ : plain_;
      append_box(paths[colour(rank, op)], {x0, x1, y, y + height});
      if (is_compute(op.kind)) write_number(op, (x0 + x1) / 2, y + height / 2, x1 - x0, height);
      y += height;
    }
  }

  void write_number(Op op, double x, double y, double width, double height) {
    const std::string number = std::to_string(index(op.micro_batch));
    const double size = layout_.number_size;
    // Where the longest number does not fit, a few short ones would only puzzle.
    if (digits_width(layout_.most_digits, size) + 1 > width || size + 1 > height) return;
    fmt::format_to(std::back_inserter(numbers_), FMT_COMPILE("<text x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n"),
                   x, y + 0.36 * size, number);
  }

  /// Adds the op's time to the columns it touches; a pair's ops get half each.
  void merge_action(Rank rank, VertexId vertex, double x0, double x1) {
    const auto ops = graph_.ops(vertex);
    const double from = (x0 - layout_.left) / column_;
    const double to = (x1 - layout_.left) / column_;
    for (auto column = static_cast<std::size_t>(from); column < columns_ && static_cast<double>(column) < to;
         ++column) {
      const auto begin = static_cast<double>(column);
      const double share = std::min(to, begin + 1) - std::max(from, begin);
      for (const Op op : ops) {
        shares_[column * plain_.size() + colour(rank, op)] += share / static_cast<double>(ops.size());
      }
    }
  }

  /// Columns of equal shares run together.
  void paint_columns(std::uint32_t rank) {
    std::vector<std::pair<double, double>> spans(plain_.size());
    std::vector<std::size_t> since(plain_.size(), 0);
    for (std::size_t column = 0; column <= columns_; ++column) {
      double share = 0;
      for (std::size_t c = 0; c < plain_.size(); ++c) {
        const double top = share;
        if (column < columns_) share += shares_[column * plain_.size() + c];
        const std::pair span(tenths(std::min(1.0, top) * layout_.row_height),
                             tenths(std::min(1.0, share) * layout_.row_height));
        if (column < columns_ && span == spans[c]) continue;
        paint_run(rank, c, since[c], column, spans[c]);
        spans[c] = span;
        since[c] = column;
      }
    }
  }

  void paint_run(std::uint32_t rank, std::size_t colour, std::size_t begin, std::size_t end,
                 std::pair<double, double> span) {
    if (begin == end || span.first == span.second) return;
    const double y = layout_.y(rank);
    append_box(plain_[colour],
               {layout_.left + column_ * static_cast<double>(begin),
                std::min(layout_.left + column_ * static_cast<double>(end), layout_.left + layout_.width),
                y + span.first, y + span.second});
  }

  std::string paths(const std::vector<std::string>& paths, std::string_view group) const {
    std::string text;
    for (std::size_t c = 0; c < paths.size(); ++c) {
      if (paths[c].empty()) continue;
      text += fmt::format("<path fill=\"{}\" d=\"{}\"/>\n",
                          fill_color(static_cast<OpKind>(c / most_chunks_), c % most_chunks_, most_chunks_),
                          paths[c]);
    }
    return text.empty() ? text : fmt::format("{}\n{}</g>\n", group, text);
  }

  bool drawn(std::size_t kind) const {
    for (std::size_t c = kind * most_chunks_; c < (kind + 1) * most_chunks_; ++c) {
      if (!plain_[c].empty() || !rimmed_[c].empty() || !beside_[c].empty()) return true;
    }
    return false;
  }

  const OpGraph& graph_;
  const Timeline& timeline_;
  const ChunkIndex& chunks_;
  const BoxLayout& layout_;
  std::size_t most_chunks_;
  double narrowest_;  // box that is drawn, in pixels
  double column_;     // width of a column
  std::size_t columns_;
  std::vector<std::string> plain_;   // [kinds x chunks] path data
  std::vector<std::string> rimmed_;  // [kinds x chunks]
  std::vector<std::string> beside_;  // [kinds x chunks] over the others
  std::string numbers_;
  std::vector<double> shares_;  // [columns][kinds x chunks] of one rank
  bool merged_ = false;
};

}  // namespace

Boxes draw_boxes(const OpGraph& graph, const Timeline& timeline, const ChunkIndex& chunks,
                 const BoxLayout& layout) {
  return Painter(graph, timeline, chunks, layout).paint();
}

}  // namespace ppsim
