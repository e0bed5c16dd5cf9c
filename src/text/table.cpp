#include "text/table.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "ppsim/core/error.hpp"

namespace ppsim {
namespace {

/// Columns that `text` takes on a terminal: code points, ANSI colours (ESC [ ... m) left out.
std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  bool in_escape = false;
  for (const char c : text) {
    if (in_escape) {
      in_escape = c != 'm';
    } else if (c == '\x1b') {
      in_escape = true;
    } else if ((static_cast<unsigned char>(c) & 0xC0U) != 0x80U) {  // not a continuation byte of UTF-8
      ++width;
    }
  }
  return width;
}

void append_cell(std::string& line, std::string_view cell, std::size_t width, Align align) {
  const std::string blanks(width - display_width(cell), ' ');
  if (align == Align::Right) line += blanks;
  line += cell;
  if (align == Align::Left) line += blanks;
}

}  // namespace

void Table::add_row(std::vector<std::string> cells) {
  PPSIM_ASSERT(cells.size() == columns_.size(),
               std::to_string(cells.size()) + " cells for " + std::to_string(columns_.size()) + " columns");
  rows_.push_back(std::move(cells));
}

std::string Table::text() const {
  std::vector<std::string> titles;
  std::vector<std::size_t> widths;
  for (const Column& column : columns_) {
    titles.push_back(column.title);
    widths.push_back(display_width(column.title));
  }
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], display_width(row[i]));
  }
  std::string text;
  const auto append_row = [&](const std::vector<std::string>& row) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i > 0) text += "  ";
      append_cell(text, row[i], widths[i], columns_[i].align);
    }
    while (!text.empty() && text.back() == ' ') text.pop_back();
    text += '\n';
  };
  append_row(titles);
  for (const auto& row : rows_) append_row(row);
  return text;
}

}  // namespace ppsim
