/// Published tables.
#pragma once

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace ppsim {

/// Row by row, by column.
inline std::vector<std::map<std::string, std::string>> read_csv(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::vector<std::string> header;
  std::vector<std::map<std::string, std::string>> rows;
  for (std::string line; std::getline(file, line);) {
    std::istringstream cells(line);
    std::map<std::string, std::string> row;
    std::size_t column = 0;
    for (std::string cell; std::getline(cells, cell, ','); ++column) {
      if (rows.empty() && header.size() == column)
        header.push_back(cell);
      else if (column < header.size())
        row[header[column]] = cell;
    }
    if (!row.empty()) rows.push_back(row);
  }
  return rows;
}

}  // namespace ppsim
