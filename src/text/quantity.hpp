/// Quantities as text: "450 GB/s", "5 us", "80 GiB", "989 TFLOP/s".
#pragma once

#include <string>
#include <string_view>

#include "ppsim/core/units.hpp"
#include "text/quantity_unit.hpp"

namespace ppsim {

/// Each reads one number (no sign, decimals and exponent allowed) and a unit of configs/README, and throws
/// Error (where: `where`) that says which units are expected, or that the value is negative, not finite, too
/// large, or not a whole number of nanoseconds or bytes. Bandwidths and FLOP/s must be above zero; times and
/// bytes may be zero.
/// Times go up to kMostTime.
[[nodiscard]] Time parse_time(std::string_view text, std::string_view where);
[[nodiscard]] Bytes parse_bytes(std::string_view text, std::string_view where);
[[nodiscard]] BytesPerSecond parse_bandwidth(std::string_view text, std::string_view where);
[[nodiscard]] Flops parse_flops(std::string_view text, std::string_view where);
[[nodiscard]] FlopsPerSecond parse_flops_per_second(std::string_view text, std::string_view where);

/// A quantity of the unit's dimension, written in any unit of it, as a count of `unit`: "5 us" is 0.005 of
/// ms. Throws as the functions above do. Requires a unit that is no number.
[[nodiscard]] double parse_in_unit(std::string_view text, const QuantityUnit& unit, std::string_view where);

/// A count of `unit` as the functions above read it, rounded to whole nanoseconds, bytes or bytes a second:
/// "12.346 us", "21 B", "0.625" of no unit. Nine digits, and where those say a part of a byte, the base unit:
/// "12345679 B/s" for 0.0987654321 Gb/s.
[[nodiscard]] std::string quantity_text(double value, const QuantityUnit& unit);

/// For people: "219.820 ms" (three decimals, so that columns line up), "12.3 GiB", "50 GB/s" (three
/// significant digits, more where they stand before the point).
[[nodiscard]] std::string format_time(Time time);
[[nodiscard]] std::string format_bytes(Bytes bytes);
[[nodiscard]] std::string format_bandwidth(BytesPerSecond rate);

}  // namespace ppsim
