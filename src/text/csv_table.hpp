/// Tables of text: a header line, then a row a line.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace ppsim {

/// Comma-separated values (RFC 4180): cells with commas, quotes or line breaks stand in quotes.
struct CsvTable {
  std::string path;
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;  ///< each as long as the header
  std::vector<std::size_t> lines;              ///< where each row begins in the file, from 1

  /// Throws Error (where: path) where no column is called so; names those that there are.
  [[nodiscard]] std::size_t column(std::string_view name) const;
};

/// Throws Error (where: "path, line N") for an empty text, a row of another length than the header, a column
/// named twice, and a quote that is not closed.
[[nodiscard]] CsvTable parse_csv_table(std::string_view text, const std::string& path);

}  // namespace ppsim
