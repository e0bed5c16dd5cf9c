#include "text/csv_table.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "ppsim/core/error.hpp"

namespace ppsim {
namespace {

class CsvReader {
 public:
  CsvReader(std::string_view text, const std::string& path) : rest_(text), path_(path) {
    if (rest_.starts_with("\xEF\xBB\xBF")) rest_.remove_prefix(3);  // a byte order mark
  }

  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  [[nodiscard]] std::size_t line() const { return line_; }

  std::vector<std::string> row() {
    std::vector<std::string> cells = {cell()};
    while (take(',')) cells.push_back(cell());
    take('\r');
    if (!at_end() && !take('\n')) throw error("text behind a closing quote; expected a comma");
    ++line_;
    return cells;
  }

  [[nodiscard]] Error error(const std::string& what, std::size_t line = 0) const {
    return {fmt::format("{}, line {}", path_, line > 0 ? line : line_), what};
  }

 private:
  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  std::string cell() {
    if (take('"')) return quoted();
    const std::size_t end = std::min(rest_.find_first_of(",\r\n"), rest_.size());
    std::string text(rest_.substr(0, end));
    rest_.remove_prefix(end);
    return text;
  }

  std::string quoted() {
    const std::size_t begun = line_;
    std::string text;
    while (!at_end()) {
      const char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '"' && !take('"')) return text;
      if (c == '\n') ++line_;
      text += c;
    }
    throw error("a quote that is not closed", begun);
  }

  std::string_view rest_;
  const std::string& path_;
  std::size_t line_ = 1;
};

void check_header(const CsvTable& table, const CsvReader& reader) {
  for (std::size_t i = 0; i < table.header.size(); ++i)
    if (std::find(table.header.begin(), table.header.begin() + static_cast<std::ptrdiff_t>(i),
                  table.header[i]) != table.header.begin() + static_cast<std::ptrdiff_t>(i))
      throw reader.error(fmt::format("two columns are called \"{}\"", table.header[i]), 1);
}

}  // namespace

std::size_t CsvTable::column(std::string_view name) const {
  const auto found = std::find(header.begin(), header.end(), name);
  if (found == header.end())
    throw Error(path, fmt::format("no column \"{}\"; there are \"{}\"", name, fmt::join(header, "\", \"")));
  return static_cast<std::size_t>(found - header.begin());
}

CsvTable parse_csv_table(std::string_view text, const std::string& path) {
  CsvReader reader(text, path);
  if (reader.at_end()) throw Error(path, "empty; expected a header line and rows of cells");
  CsvTable table{path, reader.row(), {}, {}};
  check_header(table, reader);
  while (!reader.at_end()) {
    const std::size_t line = reader.line();
    std::vector<std::string> cells = reader.row();
    if (cells.size() == 1 && cells.front().empty()) continue;  // an empty line
    if (cells.size() != table.header.size())
      throw reader.error(
          fmt::format("{} cells, expected {} as in the header", cells.size(), table.header.size()), line);
    table.rows.push_back(std::move(cells));
    table.lines.push_back(line);
  }
  return table;
}

}  // namespace ppsim
