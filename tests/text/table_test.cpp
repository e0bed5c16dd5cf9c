#include "text/table.hpp"

#include <doctest/doctest.h>

#include <stdexcept>

using ppsim::Align;
using ppsim::Table;

TEST_CASE("a column is as wide as its widest cell, and no line ends in blanks") {
  Table table({{"name", Align::Left}, {"n"}, {"note", Align::Left}});
  table.add_row({"gpipe", "1", ""});
  table.add_row({"1f1b", "1234", "best"});
  CHECK(table.text() ==
        "name      n  note\n"
        "gpipe     1\n"
        "1f1b   1234  best\n");
}

TEST_CASE("widths count characters: several bytes of UTF-8 are one, ANSI colours none") {
  Table table({{"a"}, {"b", Align::Left}});
  table.add_row({"\u00b5\u00b5\u00b5", "x"});
  table.add_row({"\x1b[31mno\x1b[0m", "y"});
  CHECK(table.text() ==
        "  a  b\n"
        "\u00b5\u00b5\u00b5  x\n"
        " \x1b[31mno\x1b[0m  y\n");
}

TEST_CASE("a table without rows is its titles") {
  CHECK(Table({{"a"}, {"b"}}).text() == "a  b\n");
}

TEST_CASE("a row with too few cells is our own mistake") {
  Table table({{"a"}, {"b"}});
  CHECK_THROWS_AS(table.add_row({"1"}), std::logic_error);
}
