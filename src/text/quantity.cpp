// Quantities as text. Reading is exact: a decimal number times a rational unit, in integers; only FLOPs are
// doubles.
#include "text/quantity.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/int128.hpp"
#include "ppsim/core/error.hpp"

namespace ppsim {

namespace {

// What kind of quantity is read, for messages.
struct Kind {
  Dimension dimension;
  std::string_view example;
  std::string_view base;  // "nanoseconds": what must come out whole
};

constexpr Kind kTime{Dimension::Time, "5 us", "nanoseconds"};
constexpr Kind kSize{Dimension::Bytes, "80 GiB", "bytes"};
constexpr Kind kRate{Dimension::Bandwidth, "450 GB/s", "bytes a second"};
constexpr Kind kFlopCount{Dimension::Flops, "2.5 TFLOP", "FLOPs"};
constexpr Kind kFlopRate{Dimension::FlopRate, "989 TFLOP/s", "FLOPs a second"};

std::string known_units(const Kind& kind) {
  std::vector<std::string_view> names;
  for (const QuantityUnit& unit : units_of(kind.dimension)) names.push_back(unit.name);
  return fmt::format("expected a number and a unit, such as \"{}\" ({})", kind.example,
                     fmt::join(names, ", "));
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// A number without sign: digits x 10^exponent, and what stands behind it.
struct Decimal {
  std::string digits;  // no leading zeros; empty: zero
  std::int64_t exponent = 0;
  std::string_view number;
  std::string_view rest;
};

// Digits and at most one point, JSON's way: "2", "2.5", not ".5" nor "2.".
std::optional<std::size_t> read_mantissa(std::string_view text, Decimal& decimal) {
  std::size_t at = 0;
  for (; at < text.size() && is_digit(text[at]); ++at) decimal.digits += text[at];
  if (at == 0) return std::nullopt;
  if (at == text.size() || text[at] != '.') return at;
  const std::size_t point = at++;
  for (; at < text.size() && is_digit(text[at]); ++at) decimal.digits += text[at];
  decimal.exponent = -static_cast<std::int64_t>(at - point - 1);
  return at == point + 1 ? std::nullopt : std::optional(at);
}

// "e3", "E-3"; without digits it is no exponent but the start of a unit.
std::size_t read_exponent(std::string_view text, std::size_t at, Decimal& decimal) {
  if (at == text.size() || (text[at] != 'e' && text[at] != 'E')) return at;
  const bool plus = at + 1 < text.size() && text[at + 1] == '+';
  const char* begin = text.data() + at + (plus ? 2 : 1);
  std::int64_t exponent = 0;
  const auto [end, failure] = std::from_chars(begin, text.data() + text.size(), exponent);
  if (end == begin) return at;
  // Past any range, and far from overflow when the point's place is added.
  constexpr std::int64_t kFar = 1'000'000'000;
  const bool negative = *begin == '-';
  if (failure != std::errc()) exponent = negative ? -kFar : kFar;
  decimal.exponent += std::clamp(exponent, -kFar, kFar);
  return static_cast<std::size_t>(end - text.data());
}

std::optional<Decimal> read_decimal(std::string_view text) {
  Decimal decimal;
  const auto mantissa = read_mantissa(text, decimal);
  if (!mantissa) return std::nullopt;
  const std::size_t at = read_exponent(text, *mantissa, decimal);
  decimal.number = text.substr(0, at);
  decimal.rest = text.substr(at);
  decimal.digits.erase(0, decimal.digits.find_first_not_of('0'));
  while (!decimal.digits.empty() && decimal.digits.back() == '0') {
    decimal.digits.pop_back();
    ++decimal.exponent;
  }
  return decimal;
}

std::string_view trim_left(std::string_view text) {
  const auto first = text.find_first_not_of(' ');
  return first == std::string_view::npos ? std::string_view{} : text.substr(first);
}

// Splits text into its number and unit, or says what is wrong with it.
struct Reading {
  Decimal decimal;
  QuantityUnit unit;
};

Reading read(std::string_view text, std::string_view where, const Kind& kind) {
  const auto fail = [&](std::string_view fault) -> Error {
    return Error(std::string(where), fmt::format("{} {}; {}", text, fault, known_units(kind)));
  };
  if (text.empty()) throw Error(std::string(where), fmt::format("is empty; {}", known_units(kind)));
  if (text.front() == '-')
    throw Error(std::string(where), fmt::format("{} is negative; expected zero or more", text));
  const auto decimal = read_decimal(text);
  if (!decimal) throw fail("does not begin with a number");
  const auto name = trim_left(decimal->rest);
  if (name.empty()) throw fail("has no unit");
  for (const QuantityUnit& unit : units_of(kind.dimension))
    if (unit.name == name) return {*decimal, unit};
  throw fail("has an unknown unit");
}

constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
constexpr UInt128 kTooLarge = UInt128{1} << 63;

UInt128 power_of_ten(std::int64_t exponent) {
  UInt128 power = 1;
  for (; exponent > 0; --exponent) power *= 10;
  return power;
}

// The value in base units, kTooLarge for all above kMost; empty where it is not whole.
// 128 bits hold every product here: 10^20 or 10^26 times the largest unit (TiB, 1.1 x 10^12), and 10^36 x 8.
std::optional<UInt128> whole(const Reading& reading) {
  const auto& [digits, exponent, number, rest] = reading.decimal;
  if (digits.empty()) return UInt128{0};
  if (static_cast<std::int64_t>(digits.size()) + exponent > 20) return kTooLarge;
  if (digits.size() > 26 || exponent < -36) return std::nullopt;
  UInt128 value = 0;
  for (const char digit : digits) value = value * 10 + static_cast<unsigned>(digit - '0');
  value *= static_cast<UInt128>(reading.unit.factor) * power_of_ten(exponent);
  const auto divisor = static_cast<UInt128>(reading.unit.divisor) * power_of_ten(-exponent);
  if (value % divisor != 0) return std::nullopt;
  return std::min(value / divisor, kTooLarge);
}

std::int64_t parse_whole(std::string_view text, std::string_view where, const Kind& kind) {
  const std::optional<UInt128> value = whole(read(text, where, kind));
  if (!value) throw Error(std::string(where), fmt::format("{} is not a whole number of {}", text, kind.base));
  if (*value == kTooLarge)
    throw Error(std::string(where),
                fmt::format("{} is too large; expected at most {} {}", text, kMost, kind.base));
  return static_cast<std::int64_t>(*value);
}

double parse_real(std::string_view text, std::string_view where, const Kind& kind) {
  const Reading reading = read(text, where, kind);
  // strtod gives infinity where the number is too large, and reads the whole of what read_decimal accepted.
  const double number = std::strtod(std::string(reading.decimal.number).c_str(), nullptr);
  const double value = number * static_cast<double>(reading.unit.factor);
  // Far above any machine and any training run; products of a few such figures stay finite.
  constexpr double kMostFlops = 1e36;
  if (!(value <= kMostFlops))
    throw Error(std::string(where),
                fmt::format("{} is too large; expected at most {:g} {}", text, kMostFlops, kind.base));
  return value;
}

template <class T>
T above_zero(T value, std::string_view text, std::string_view where) {
  if (value == T{}) throw Error(std::string(where), fmt::format("{} is zero; expected more than zero", text));
  return value;
}

// Three significant digits, more where they stand before the point; no zeros at the end.
std::string short_number(double value) {
  std::string text = fmt::format("{:.{}f}", value, value < 9.995 ? 2 : value < 99.95 ? 1 : 0);
  if (text.find('.') == std::string::npos) return text;
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

// In the largest unit in which it is at least 1. `units` ascend by `step`.
std::string format_scaled(double value, std::span<const QuantityUnit> units, double step) {
  const std::string_view sign = value < 0 ? "-" : "";
  value = std::abs(value);
  std::size_t unit = 0;
  // What would print as a full step ("1024 MiB") goes up a unit.
  while (unit + 1 < units.size() && std::round(value) >= step) {
    value /= step;
    ++unit;
  }
  return fmt::format("{}{} {}", sign, short_number(value), units[unit].name);
}

// The count of base units that a text has, which is whole for all but FLOPs.
double base_units(std::string_view text, Dimension dimension, std::string_view where) {
  switch (dimension) {
    case Dimension::Number:
      break;
    case Dimension::Time:
      return static_cast<double>(parse_time(text, where).count());
    case Dimension::Bytes:
      return static_cast<double>(parse_bytes(text, where).count());
    case Dimension::Bandwidth:
      return static_cast<double>(parse_bandwidth(text, where).count());
    case Dimension::Flops:
      return parse_flops(text, where).count();
    case Dimension::FlopRate:
      return parse_flops_per_second(text, where).count();
  }
  throw std::logic_error("a number has no unit");
}

std::string rounded_time(double value, const QuantityUnit& unit) {
  int decimals = 0;
  for (std::int64_t step = unit.factor; step > 1; step /= 10) ++decimals;
  return fmt::format("{:.{}f} {}", value, decimals, unit.name);
}

// Nine digits of a value, or all digits of its whole base units where nine say a part of one. A count of
// bytes has all its digits.
std::string rounded_to_whole(double value, const QuantityUnit& unit) {
  const QuantityUnit& base = units_of(unit.dimension).front();
  const std::string text = fmt::format("{:.9g} {}", value, unit.name);
  const std::optional<Decimal> decimal = read_decimal(text);
  if (unit.name != "B" && (!decimal || whole({*decimal, unit}))) return text;
  return fmt::format("{:.0f} {}",
                     value * static_cast<double>(unit.factor) / static_cast<double>(unit.divisor), base.name);
}

}  // namespace

double parse_in_unit(std::string_view text, const QuantityUnit& unit, std::string_view where) {
  return base_units(text, unit.dimension, where) * static_cast<double>(unit.divisor) /
         static_cast<double>(unit.factor);
}

std::string quantity_text(double value, const QuantityUnit& unit) {
  switch (unit.dimension) {
    case Dimension::Number:
      return fmt::format("{:.9g}", value);
    case Dimension::Time:
      return rounded_time(value, unit);
    case Dimension::Bytes:
    case Dimension::Bandwidth:
      return rounded_to_whole(value, unit);
    case Dimension::Flops:
    case Dimension::FlopRate:
      return fmt::format("{:.9g} {}", value, unit.name);
  }
  throw std::logic_error("no such dimension");
}

Time parse_time(std::string_view text, std::string_view where) {
  const Time time(parse_whole(text, where, kTime));
  if (time > kMostTime)
    throw Error(std::string(where), fmt::format("{} is too long; expected at most 2^61 ns, 73 years", text));
  return time;
}

Bytes parse_bytes(std::string_view text, std::string_view where) {
  return Bytes(parse_whole(text, where, kSize));
}

BytesPerSecond parse_bandwidth(std::string_view text, std::string_view where) {
  return BytesPerSecond(above_zero(parse_whole(text, where, kRate), text, where));
}

Flops parse_flops(std::string_view text, std::string_view where) {
  return Flops(parse_real(text, where, kFlopCount));
}

FlopsPerSecond parse_flops_per_second(std::string_view text, std::string_view where) {
  return FlopsPerSecond(above_zero(parse_real(text, where, kFlopRate), text, where));
}

std::string format_time(Time time) {
  const auto nanoseconds = static_cast<double>(time.count());
  if (std::abs(nanoseconds) < 1e3) return fmt::format("{} ns", time.count());
  // What would print as 1000.000 goes up a unit.
  if (std::abs(nanoseconds) < 1e6) return fmt::format("{:.3f} us", nanoseconds / 1e3);
  if (std::abs(nanoseconds) < 999'999'500.0) return fmt::format("{:.3f} ms", nanoseconds / 1e6);
  return fmt::format("{:.3f} s", nanoseconds / 1e9);
}

std::string format_bytes(Bytes bytes) {
  static const std::array units{unit_named("B", ""), unit_named("KiB", ""), unit_named("MiB", ""),
                                unit_named("GiB", ""), unit_named("TiB", "")};
  return format_scaled(static_cast<double>(bytes.count()), units, 1024);
}

std::string format_bandwidth(BytesPerSecond rate) {
  return format_scaled(static_cast<double>(rate.count()), units_of(Dimension::Bandwidth).first(5), 1000);
}

}  // namespace ppsim
