// Tables of text, by RFC 4180.
#include "text/csv_table.hpp"

#include <doctest/doctest.h>

#include "input/scratch.hpp"

namespace ppsim::csv_table_test {
namespace {

using test::error_of;
using Cells = std::vector<std::string>;

CsvTable parse(std::string_view text) {
  return parse_csv_table(text, "t.csv");
}

TEST_CASE("a table is a header and rows, each of which knows its line") {
  const CsvTable table = parse("a,b\n1,2\n3,\n");
  CHECK(table.path == "t.csv");
  CHECK(table.header == Cells{"a", "b"});
  CHECK(table.rows == std::vector<Cells>{{"1", "2"}, {"3", ""}});
  CHECK(table.lines == std::vector<std::size_t>{2, 3});
  CHECK(table.column("b") == 1);
}

TEST_CASE("cells in quotes hold commas, quotes and line breaks, and lines behind them are counted on") {
  const CsvTable table = parse("a,b\n\"x, y\",\"he said \"\"no\"\"\"\n\"two\nlines\",z\nlast,row");
  CHECK(table.rows == std::vector<Cells>{{"x, y", "he said \"no\""}, {"two\nlines", "z"}, {"last", "row"}});
  CHECK(table.lines == std::vector<std::size_t>{2, 3, 5});
}

TEST_CASE("CRLF, a byte order mark and empty lines change no cell") {
  const CsvTable table = parse(
      "\xEF\xBB\xBF"
      "a,b\r\n\r\n1,2\r\n\n3,4");
  CHECK(table.header == Cells{"a", "b"});
  CHECK(table.rows == std::vector<Cells>{{"1", "2"}, {"3", "4"}});
  CHECK(table.lines == std::vector<std::size_t>{3, 5});
}

TEST_CASE("an empty line of a table with one column is no row") {
  CHECK(parse("a\n\n1\n").rows == std::vector<Cells>{{"1"}});
}

TEST_CASE("a header alone is a table without rows") {
  CHECK(parse("a,b\n").rows.empty());
  CHECK(parse("a,b").header == Cells{"a", "b"});
}

TEST_CASE("what is no table is refused with its line and what was expected") {
  CHECK(error_of([] { return parse(""); }) == "t.csv: empty; expected a header line and rows of cells");
  CHECK(error_of([] { return parse("a,b\n1,2\n1,2,3\n"); }) ==
        "t.csv, line 3: 3 cells, expected 2 as in the header");
  CHECK(error_of([] { return parse("a,b\n1\n"); }) == "t.csv, line 2: 1 cells, expected 2 as in the header");
  CHECK(error_of([] { return parse("a,b,a\n1,2,3\n"); }) == "t.csv, line 1: two columns are called \"a\"");
  CHECK(error_of([] { return parse("a,b\n1,\"2\n3,4\n"); }) == "t.csv, line 2: a quote that is not closed");
  CHECK(error_of([] { return parse("a,b\n1,\"2\"x\n"); }) ==
        "t.csv, line 2: text behind a closing quote; expected a comma");
}

TEST_CASE("a column that is not there is an error that names those that are") {
  CHECK(error_of([] { return parse("a,b\n").column("c"); }) ==
        "t.csv: no column \"c\"; there are \"a\", \"b\"");
}

}  // namespace
}  // namespace ppsim::csv_table_test
