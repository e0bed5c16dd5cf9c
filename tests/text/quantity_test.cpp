#include "text/quantity.hpp"

#include <doctest/doctest.h>

#include "input/scratch.hpp"

namespace ppsim::quantity_test {
namespace {

using test::error_of;

TEST_CASE("a time is read exactly, in every unit") {
  CHECK(parse_time("5 us", "") == Time(5'000));
  CHECK(parse_time("1 ms", "") == Time(1'000'000));
  CHECK(parse_time("2.5 s", "") == Time(2'500'000'000));
  CHECK(parse_time("7ns", "") == Time(7));
  CHECK(parse_time("0 us", "") == Time(0));
  CHECK(parse_time("1e-3 us", "") == Time(1));
  CHECK(parse_time("1.5E+3 ns", "") == Time(1'500));
  // In doubles 0.1 x 3 us would not be 300 ns.
  CHECK(parse_time("0.3 us", "") == Time(300));
  CHECK(parse_time("2305843009213693952 ns", "") == kMostTime);  // 2^61
}

TEST_CASE("bytes are read exactly, in powers of ten and of two") {
  CHECK(parse_bytes("80 GiB", "") == Bytes(85'899'345'920));  // 80 x 2^30
  CHECK(parse_bytes("2.5 MB", "") == Bytes(2'500'000));
  CHECK(parse_bytes("1 kB", "") == Bytes(1'000));
  CHECK(parse_bytes("1.5 KiB", "") == Bytes(1'536));
  CHECK(parse_bytes("0.5 TiB", "") == Bytes(549'755'813'888));  // 2^39
  CHECK(parse_bytes("0 B", "") == Bytes(0));
  CHECK(parse_bytes("0e99 B", "") == Bytes(0));
}

TEST_CASE("bandwidth is sold in bits and used in bytes") {
  CHECK(parse_bandwidth("400 Gb/s", "") == BytesPerSecond(50'000'000'000));
  CHECK(parse_bandwidth("450 GB/s", "") == BytesPerSecond(450'000'000'000));
  CHECK(parse_bandwidth("3.35 TB/s", "") == BytesPerSecond(3'350'000'000'000));
  CHECK(parse_bandwidth("8 Kib/s", "") == BytesPerSecond(1'024));
}

TEST_CASE("FLOPs are doubles") {
  CHECK(parse_flops("2.5 TFLOP", "") == Flops(2.5e12));
  CHECK(parse_flops("0 FLOP", "") == Flops(0));
  CHECK(parse_flops_per_second("989 TFLOP/s", "") == FlopsPerSecond(989e12));
  CHECK(parse_flops_per_second("1 PFLOP/s", "") == FlopsPerSecond(1e15));
}

constexpr const char* kTimes = "expected a number and a unit, such as \"5 us\" (ns, us, ms, s)";

TEST_CASE("what is no time is an error that names the units") {
  const auto error = [](const char* text) { return error_of([=] { return parse_time(text, "x"); }); };
  const auto expected = [](const char* fault) { return std::string("x: ") + fault + "; " + kTimes; };
  CHECK(error("") == expected("is empty"));
  CHECK(error("5") == expected("5 has no unit"));
  CHECK(error("5 ") == expected("5  has no unit"));
  CHECK(error("5 GB") == expected("5 GB has an unknown unit"));
  CHECK(error("5 us ") == expected("5 us  has an unknown unit"));
  CHECK(error("5 US") == expected("5 US has an unknown unit"));
  CHECK(error("5e us") == expected("5e us has an unknown unit"));
  CHECK(error("-5 us") == "x: -5 us is negative; expected zero or more");
  CHECK(error("+5 us") == expected("+5 us does not begin with a number"));
  CHECK(error("us") == expected("us does not begin with a number"));
  CHECK(error(".5 us") == expected(".5 us does not begin with a number"));
  CHECK(error("5. us") == expected("5. us does not begin with a number"));
  CHECK(error("inf us") == expected("inf us does not begin with a number"));
}

TEST_CASE("a part of a nanosecond, of a byte or of a byte a second is an error") {
  CHECK(error_of([] { return parse_time("0.5 ns", "x"); }) ==
        "x: 0.5 ns is not a whole number of nanoseconds");
  CHECK(error_of([] { return parse_bytes("1.0005 kB", "x"); }) ==
        "x: 1.0005 kB is not a whole number of bytes");
  CHECK(error_of([] { return parse_bandwidth("1 b/s", "x"); }) ==
        "x: 1 b/s is not a whole number of bytes a second");
  CHECK(error_of([] { return parse_time("1e-40 s", "x"); }) ==
        "x: 1e-40 s is not a whole number of nanoseconds");
  CHECK(error_of([] { return parse_time("0.3333333333333333333333333333333333333333 s", "x"); }) ==
        "x: 0.3333333333333333333333333333333333333333 s is not a whole number of nanoseconds");
}

TEST_CASE("what does not fit is an error and never wraps") {
  const auto error = [](const std::string& text) { return error_of([&] { return parse_time(text, "x"); }); };
  for (const char* text : {"9223372036854775808 ns", "9223372037 s", "1e30 s", "1e19 ns",
                           "1e99999999999999999999 s", "340282366920938463463374607431768211456 ns"})
    CHECK(error(text) ==
          "x: " + std::string(text) + " is too large; expected at most 9223372036854775807 nanoseconds");
  CHECK(error_of([] { return parse_flops("1e999 FLOP", "x"); }) ==
        "x: 1e999 FLOP is too large; expected at most 1e+36 FLOPs");
}

TEST_CASE("a rate of zero is an error") {
  CHECK(error_of([] { return parse_bandwidth("0 GB/s", "x"); }) ==
        "x: 0 GB/s is zero; expected more than zero");
  CHECK(error_of([] { return parse_flops_per_second("0 TFLOP/s", "x"); }) ==
        "x: 0 TFLOP/s is zero; expected more than zero");
}

TEST_CASE("a unit says what it measures, and every dimension has its base unit first") {
  struct UnitCase {
    const char* name;
    Dimension dimension;
    const char* base;
  };
  constexpr UnitCase cases[] = {{"", Dimension::Number, ""},
                                {"ms", Dimension::Time, "ns"},
                                {"s", Dimension::Time, "ns"},
                                {"B", Dimension::Bytes, "B"},
                                {"TiB", Dimension::Bytes, "B"},
                                {"GB/s", Dimension::Bandwidth, "B/s"},
                                {"b/s", Dimension::Bandwidth, "B/s"},
                                {"GFLOP", Dimension::Flops, "FLOP"},
                                {"FLOP/s", Dimension::FlopRate, "FLOP/s"},
                                {"TFLOP/s", Dimension::FlopRate, "FLOP/s"}};
  for (const UnitCase& one : cases) {
    CAPTURE(one.name);
    const QuantityUnit unit = unit_named(one.name, "x");
    CHECK(unit.name == one.name);
    CHECK(unit.dimension == one.dimension);
    CHECK(units_of(unit.dimension).front().name == one.base);
    CHECK(units_of(unit.dimension).front().factor == 1);
  }
  const auto error = [](const char* name) { return error_of([=] { return unit_named(name, "x"); }); };
  CHECK(error("US").starts_with("x: \"US\" is an unknown unit; expected one of ns, us, ms, s, B, "));
  CHECK(error("tokens/s").ends_with(", TFLOP/s, PFLOP/s"));
  CHECK(error("us ").starts_with("x: \"us \" is an unknown unit"));
}

TEST_CASE("a quantity is counted in any unit of its dimension, and in no other") {
  const auto in = [](const char* text, const char* unit) {
    return parse_in_unit(text, unit_named(unit, ""), "x");
  };
  CHECK(in("5 us", "ms") == 0.005);
  CHECK(in("80 GiB", "KiB") == 80.0 * 1024 * 1024);
  CHECK(in("100 GB/s", "Gb/s") == 800);
  CHECK(in("1 B/s", "b/s") == 8);
  CHECK(in("2.5 TFLOP", "GFLOP") == 2500);
  CHECK(in("989 TFLOP/s", "PFLOP/s") == 0.989);
  CHECK(error_of([&] { return in("5 us", "GB/s"); }).starts_with("x: 5 us has an unknown unit"));
  CHECK(
      error_of([&] { return in("989 TFLOP/s", "TFLOP"); }).starts_with("x: 989 TFLOP/s has an unknown unit"));
}

TEST_CASE("a count of a unit is written so that it can be read, to whole nanoseconds and bytes") {
  const auto text = [](double value, const char* unit) { return quantity_text(value, unit_named(unit, "")); };
  CHECK(text(1.0 / 3, "") == "0.333333333");
  CHECK(text(12.34567, "us") == "12.346 us");
  CHECK(text(1.0 / 3, "s") == "0.333333333 s");
  CHECK(text(21.3, "ns") == "21 ns");
  CHECK(text(1234567890123.4, "B") == "1234567890123 B");
  CHECK(text(0.3, "GB") == "0.3 GB");
  CHECK(text(123.456789012, "GB/s") == "123.456789 GB/s");
  CHECK(text(2.0 / 3, "TFLOP") == "0.666666667 TFLOP");
  CHECK(text(312.5, "TFLOP/s") == "312.5 TFLOP/s");
  // Nine digits of these say a part of a byte: 98765432.1 b/s are 12345679.0125 B/s, 1 GiB / 3 is no whole
  // number.
  CHECK(text(0.0987654321, "Gb/s") == "12345679 B/s");
  CHECK(text(1.0 / 3, "GiB") == "357913941 B");
  CHECK(text(1.23456789, "MB") == "1234568 B");
  // What is out of range is left to the reader of the text, who knows its place.
  CHECK(text(-1, "GB/s") == "-1 GB/s");
  CHECK(text(1e30, "GB/s") == "1e+30 GB/s");
  for (const double value : {0.1, 1.0 / 3, 0.0987654321, 7.7777777777, 399.123456789})
    for (const QuantityUnit& unit : units_of(Dimension::Bandwidth))
      if (value * static_cast<double>(unit.factor) > 100)
        CHECK(parse_in_unit(quantity_text(value, unit), unit, "") == doctest::Approx(value).epsilon(0.01));
}

TEST_CASE("times print with three decimals") {
  CHECK(format_time(Time(0)) == "0 ns");
  CHECK(format_time(Time(999)) == "999 ns");
  CHECK(format_time(Time(55'000)) == "55.000 us");
  CHECK(format_time(Time(219'820'000)) == "219.820 ms");
  CHECK(format_time(Time(999'999)) == "999.999 us");
  CHECK(format_time(Time(999'999'400)) == "999.999 ms");
  CHECK(format_time(Time(999'999'999)) == "1.000 s");
  CHECK(format_time(Time(27'064'460'000)) == "27.064 s");
  CHECK(format_time(Time(-1'500)) == "-1.500 us");
}

TEST_CASE("bytes and rates print with three significant digits") {
  CHECK(format_bytes(Bytes(0)) == "0 B");
  CHECK(format_bytes(Bytes(1'023)) == "1023 B");
  CHECK(format_bytes(Bytes(1'024)) == "1 KiB");
  CHECK(format_bytes(Bytes(1'048'575)) == "1 MiB");  // not 1024 KiB
  CHECK(format_bytes(Bytes(13'207'024'435)) == "12.3 GiB");
  CHECK(format_bytes(Bytes(85'899'345'920)) == "80 GiB");
  CHECK(format_bytes(Bytes(10'737'418'239)) == "10 GiB");  // not 10.00
  CHECK(format_bytes(Bytes(-1'536)) == "-1.5 KiB");
  CHECK(format_bandwidth(BytesPerSecond(50'000'000'000)) == "50 GB/s");
  CHECK(format_bandwidth(BytesPerSecond(3'350'000'000'000)) == "3.35 TB/s");
  CHECK(format_bandwidth(BytesPerSecond(450'000'000'000)) == "450 GB/s");
}

}  // namespace
}  // namespace ppsim::quantity_test
