/// A link as latency + bytes / bandwidth, from measured times.
#pragma once

#include <span>
#include <vector>

#include "ppsim/core/units.hpp"
#include "ppsim/model/cluster.hpp"

namespace ppsim {

/// The time of messages of one size, one way: a median.
struct SizeTime {
  Bytes size;
  Time time{};
};

struct LinkFit {
  Link link;
  std::vector<double> errors;  ///< [samples] time by the fit / measured - 1

  [[nodiscard]] double largest_error() const;  ///< by size, without its sign; 0 of no samples
};

/// Theil-Sen with weights 1 / time^2 (metrics/robust_fit.hpp), so that small and large messages count alike.
/// A latency below zero becomes none, and the line one through the origin. Throws Error (where: "") where all
/// messages have one size, or longer ones do not take longer.
[[nodiscard]] LinkFit fit_link(std::span<const SizeTime> samples);

/// A message of so many bytes, by the link alone.
[[nodiscard]] Time link_time(const Link& link, Bytes size);

}  // namespace ppsim
