/// Units of quantities, and what they measure.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace ppsim {

enum class Dimension : std::uint8_t { Number, Time, Bytes, Bandwidth, Flops, FlopRate };

/// One of a unit is factor / divisor of its dimension's base unit: ns, B, B/s, FLOP, FLOP/s.
struct QuantityUnit {
  std::string_view name;  ///< "Gb/s"; empty: a number
  Dimension dimension = Dimension::Number;
  std::int64_t factor = 1;
  std::int64_t divisor = 1;  ///< 8 for bits
};

/// All units of a dimension, the base unit first.
[[nodiscard]] std::span<const QuantityUnit> units_of(Dimension dimension);

/// The unit of this name, of whatever dimension. Throws Error (where: `where`) that lists all units where
/// there is none.
[[nodiscard]] QuantityUnit unit_named(std::string_view name, std::string_view where);

}  // namespace ppsim
