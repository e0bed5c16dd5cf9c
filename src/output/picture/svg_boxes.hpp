/// The boxes of a timeline picture: one path a colour, so that a picture of half a million ops stays small.
#pragma once

#include <string>
#include <vector>

#include "output/labels.hpp"
#include "ppsim/graph/op_graph.hpp"
#include "ppsim/graph/timeline.hpp"

namespace ppsim {

/// Where boxes go, in pixels.
struct BoxLayout {
  double left = 0;
  double top = 0;
  double width = 0;             ///< of the whole makespan
  double row_height = 0;        ///< of the boxes
  double row_pitch = 0;         ///< from one row to the next
  double number_size = 0;       ///< font size of the numbers in the boxes
  std::size_t most_digits = 1;  ///< of a number
  Time makespan{};

  [[nodiscard]] double x(Time time) const {
    return left + width * static_cast<double>(time.count()) / static_cast<double>(makespan.count());
  }
  [[nodiscard]] double y(std::size_t rank) const { return top + row_pitch * static_cast<double>(rank); }
};

struct Boxes {
  std::string svg;            ///< paths and numbers
  bool numbered = false;      ///< any box has its number
  double merged_below = 0;    ///< ops narrower than this many pixels were merged; 0: none was
  std::vector<OpKind> kinds;  ///< kinds drawn, ascending
};

/// A box an op, an overlapped pair one above the other. Ops too narrow to be seen are merged into columns
/// that show, from the top, the share of time of each kind; the rest of the column is idle time.
[[nodiscard]] Boxes draw_boxes(const OpGraph& graph, const Timeline& timeline, const ChunkIndex& chunks,
                               const BoxLayout& layout);

/// Pixels that `characters` digits take at a font size, on the safe side.
[[nodiscard]] constexpr double digits_width(std::size_t characters, double font_size) {
  return 0.64 * font_size * static_cast<double>(characters);
}

}  // namespace ppsim
