// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// Strong units. Time is integer nanoseconds everywhere after the cost model; a wrong mix does not compile.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <type_traits>

namespace ppsim {

/// Simulated or measured time, integer nanoseconds.
using Time = std::chrono::nanoseconds;

/// No duration that is given may be longer (73 years), so that an F and a B, each of two such, still add up.
inline constexpr Time kMostTime{std::int64_t{1} << 61};

/// Fractional seconds, used inside the cost model only; to_time() ends its life.
using Seconds = std::chrono::duration<double>;

/// Plain numbers that scale a quantity: a fraction of a whole number of bytes would lose its remainder
/// unseen.
template <class Factor, class Number>
inline constexpr bool kScales = std::is_integral_v<Factor> ||
                                (std::is_floating_point_v<Factor> && std::is_floating_point_v<Number>);

/// A number with a unit. Same units add and compare; scaling by a plain number keeps the unit.
template <class Tag, class Number>
class Quantity {
 public:
  using number_type = Number;

  constexpr Quantity() = default;
  constexpr explicit Quantity(Number count) : count_(count) {}

  /// The plain number, in the base unit (bytes, bytes a second, FLOPs, FLOPs a second).
  [[nodiscard]] constexpr Number count() const { return count_; }

  constexpr Quantity& operator+=(Quantity other) { return count_ += other.count_, *this; }
  constexpr Quantity& operator-=(Quantity other) { return count_ -= other.count_, *this; }
  friend constexpr Quantity operator+(Quantity a, Quantity b) { return Quantity(a.count_ + b.count_); }
  friend constexpr Quantity operator-(Quantity a, Quantity b) { return Quantity(a.count_ - b.count_); }
  template <class Factor>
  requires kScales<Factor, Number>
  friend constexpr Quantity operator*(Quantity a, Factor factor) {
    return Quantity(a.count_ * static_cast<Number>(factor));
  }
  template <class Factor>
  requires kScales<Factor, Number>
  friend constexpr Quantity operator*(Factor factor, Quantity a) { return a * factor; }
  template <class Divisor>
  requires kScales<Divisor, Number>
  friend constexpr Quantity operator/(Quantity a, Divisor divisor) {
    return Quantity(a.count_ / static_cast<Number>(divisor));
  }
  friend constexpr auto operator<=>(Quantity, Quantity) = default;

 private:
  Number count_{};
};

using Bytes = Quantity<struct BytesTag, std::int64_t>;
using BytesPerSecond = Quantity<struct BytesPerSecondTag, std::int64_t>;
using Flops = Quantity<struct FlopsTag, double>;
using FlopsPerSecond = Quantity<struct FlopsPerSecondTag, double>;

/// Time to move `bytes` at `rate` > 0, rounded half up to a nanosecond; exact (128-bit arithmetic).
/// Saturates at Time::max().
[[nodiscard]] Time operator/(Bytes bytes, BytesPerSecond rate);

/// Time to compute `flops` at `rate` > 0, not rounded.
[[nodiscard]] constexpr Seconds operator/(Flops flops, FlopsPerSecond rate) {
  return Seconds(flops.count() / rate.count());
}

/// The number of microseconds, for texts.
[[nodiscard]] constexpr double microseconds(Seconds seconds) {
  return seconds.count() * 1e6;
}

/// Rounds half up to a nanosecond. Throws Error where the result would not fit a Time or is not finite.
[[nodiscard]] Time to_time(Seconds seconds);

/// `nanoseconds` >= 0 rounded half up. Saturates at Time::max().
[[nodiscard]] Time round_to_time(double nanoseconds);

/// `time` x `factor` >= 0, rounded half up; exact where the factor is 1. Saturates at Time::max().
[[nodiscard]] Time scaled(Time time, double factor);

}  // namespace ppsim
