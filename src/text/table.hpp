/// Plain text tables.
#pragma once

#include <string>
#include <vector>

namespace ppsim {

enum class Align : unsigned char { Left, Right };

/// Columns as wide as their widest cell (UTF-8 aware, ANSI colours not counted), two spaces between, no
/// trailing blanks.
class Table {
 public:
  struct Column {
    std::string title;
    Align align = Align::Right;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  /// As many cells as columns.
  void add_row(std::vector<std::string> cells);

  [[nodiscard]] std::string text() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace ppsim
