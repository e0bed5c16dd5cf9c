#include "ppsim/output/picture/timeline_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "output/labels.hpp"
#include "output/picture/palette.hpp"
#include "text/quantity.hpp"

namespace ppsim {
namespace {

/// Columns that the shortest op may take: more would only stretch the drawing.
constexpr std::int64_t kWidestShortest = 4;

/// One column of a row.
struct Cell {
  char character = '.';
  std::optional<std::uint8_t> color;  ///< background; empty: idle
};

/// Of a column's time, by kind; idle last.
using Shares = std::array<double, kOpKinds + 1>;

char letter(OpKind kind, std::size_t chunk) {
  const char upper = name(kind).front();
  return chunk % 2 == 0 ? upper : static_cast<char>(std::tolower(upper));
}

class Drawing {
 public:
  Drawing(const OpGraph& graph, const Timeline& timeline, std::size_t width, bool color)
      : graph_(graph), timeline_(timeline), chunks_(graph), color_(color) {
    for (const Time finish : timeline.finish) makespan_ = std::max(makespan_, finish);
    makespan_ = std::max(makespan_, Time(1));
    const Time shortest = shortest_op(graph, timeline).value_or(Time::max());
    label_ = fmt::format("rank {}", graph.rank_count() - 1).size() + 1;
    const std::size_t room = std::max<std::size_t>(width, label_ + 10) - label_;
    const double wanted =
        kWidestShortest * static_cast<double>(makespan_.count()) / static_cast<double>(shortest.count());
    columns_ = std::min(room, static_cast<std::size_t>(std::clamp(std::ceil(wanted), 1.0, 1e6)));
  }

  std::string draw() const {
    std::string text;
    for (std::uint32_t rank = 0; rank < graph_.rank_count(); ++rank) {
      text += fmt::format("{:<{}}", fmt::format("rank {}", rank), label_) + render(draw_rank(rank)) + "\n";
    }
    return text + axis() + legend();
  }

 private:
  double column(Time time) const {
    return static_cast<double>(columns_) * static_cast<double>(time.count()) /
           static_cast<double>(makespan_.count());
  }

  std::vector<Cell> draw_rank(std::uint32_t rank) const {
    std::vector<Cell> cells(columns_);
    std::vector<Shares> shares(columns_);
    const auto draw = [&](VertexId v) {
      const double from = column(timeline_.start[v]);
      const double to = column(timeline_.finish[v]);
      if (to - from >= 1) {
        draw_action(cells, static_cast<Rank>(rank), v, std::lround(from), std::lround(to));
      } else {
        add_shares(shares, graph_.ops(v).front().kind, from, to);
      }
    };
    // What runs beside the program is seen where the rank computes nothing.
    const VertexId begin = graph_.rank_begin()[rank], side = graph_.side_begin()[rank];
    for (VertexId v = side; v < graph_.rank_begin()[rank + 1]; ++v) draw(v);
    for (VertexId v = begin; v < side; ++v) draw(v);
    draw_shares(cells, shares);
    return cells;
  }

  void draw_action(std::vector<Cell>& cells, Rank rank, VertexId vertex, long begin, long end) const {
    const auto ops = graph_.ops(vertex);
    const Op op = ops.front();
    const std::size_t chunk = is_compute(op.kind) ? chunks_.chunk_of(rank, op.stage) : 0;
    const std::string label = label_of(ops, chunk, static_cast<std::size_t>(end - begin));
    for (long c = begin; c < end; ++c) {
      cells[static_cast<std::size_t>(c)] = {label[static_cast<std::size_t>(c - begin)],
                                            terminal_color(op.kind, chunk)};
    }
  }

  /// Exactly `width` characters: the number where colour says the rest, else letter and number, then a line.
  std::string label_of(std::span<const Op> ops, std::size_t chunk, std::size_t width) const {
    const Op op = ops.front();
    const char line = color_ ? ' ' : op.kind == OpKind::Forward ? '=' : '-';
    std::string label;
    if (is_compute(op.kind)) {
      const std::string number = std::to_string(index(op.micro_batch));
      label = color_ ? number : letter(op.kind, chunk) + number;
      if (ops.size() > 1) {
        const std::string pair =
            fmt::format("{}+{}{}", label, color_ ? "" : name(ops[1].kind), index(ops[1].micro_batch));
        if (pair.size() <= width) label = pair;
      }
    } else {
      label = name(op.kind);
    }
    if (label.size() > width) label = color_ ? "" : std::string(1, letter(op.kind, chunk));
    label.resize(width, line);
    return label;
  }

  void add_shares(std::vector<Shares>& shares, OpKind kind, double from, double to) const {
    for (auto c = static_cast<std::size_t>(from); c < columns_ && static_cast<double>(c) < to; ++c) {
      const auto begin = static_cast<double>(c);
      shares[c][static_cast<std::size_t>(kind)] += std::min(to, begin + 1) - std::max(from, begin);
    }
  }

  /// Columns of many short ops show their mix: each the kind, or idle, that is most behind its share of time
  /// so far.
  void draw_shares(std::vector<Cell>& cells, const std::vector<Shares>& shares) const {
    Shares behind{};
    for (std::size_t c = 0; c < columns_; ++c) {
      if (cells[c].color || std::accumulate(shares[c].begin(), shares[c].end(), 0.0) == 0) {
        behind = {};
        continue;
      }
      double idle = 1;
      for (std::size_t kind = 0; kind < kOpKinds; ++kind) {
        behind[kind] += shares[c][kind];
        idle -= shares[c][kind];
      }
      behind[kOpKinds] += idle;
      const auto most =
          static_cast<std::size_t>(std::max_element(behind.begin(), behind.end()) - behind.begin());
      behind[most] -= 1;
      if (most == kOpKinds) continue;
      const auto kind = static_cast<OpKind>(most);
      cells[c] = {color_ ? ' ' : letter(kind, 0), terminal_color(kind, 0)};
    }
  }

  std::string render(const std::vector<Cell>& cells) const {
    std::string text;
    std::optional<std::uint8_t> current;
    for (const Cell& cell : cells) {
      if (color_ && cell.color != current) {
        text += cell.color ? fmt::format("\x1b[38;5;16;48;5;{}m", *cell.color) : "\x1b[0m";
        current = cell.color;
      }
      text += cell.character;
    }
    return current ? text + "\x1b[0m" : text;
  }

  std::string axis() const {
    const std::string end = format_time(makespan_);
    const std::size_t gap = columns_ > end.size() + 1 ? columns_ - end.size() - 1 : 1;
    return std::string(label_, ' ') + "0" + std::string(gap, ' ') + end + "\n";
  }

  std::string legend() const {
    std::array<bool, kOpKinds> seen{};
    for (VertexId v = 0; v < graph_.vertex_count(); ++v) {
      for (const Op op : graph_.ops(v)) seen[static_cast<std::size_t>(op.kind)] = true;
    }
    std::string text = std::string(label_, ' ');
    for (std::size_t kind = 0; kind < kOpKinds; ++kind) {
      if (!seen[kind]) continue;
      const auto op = static_cast<OpKind>(kind);
      text += color_
                  ? fmt::format("\x1b[38;5;16;48;5;{}m  \x1b[0m {}  ", terminal_color(op, 0), long_name(op))
                  : fmt::format("{} {}  ", letter(op, 0), long_name(op));
    }
    text += ". idle  numbers: micro-batches, from 0";
    if (chunks_.most_chunks() > 1) text += color_ ? "  lighter: odd chunks" : "  lower case: odd chunks";
    return text + "\n";
  }

  const OpGraph& graph_;
  const Timeline& timeline_;
  ChunkIndex chunks_;
  bool color_;
  Time makespan_{};
  std::size_t label_ = 0;
  std::size_t columns_ = 0;
};

}  // namespace

std::string timeline_text(const OpGraph& graph, const Timeline& timeline, std::size_t width, bool color) {
  return Drawing(graph, timeline, width, color).draw();
}

}  // namespace ppsim
