/// A link as latency + bytes / bandwidth, from measured times of messages.
#pragma once

#include <span>
#include <vector>

#include "ppsim/core/units.hpp"
#include "ppsim/model/hardware/cluster.hpp"

namespace ppsim {

/// The time of messages of one size, one way: a median.
struct SizeTime {
  Bytes size;
  Time time{};
};

struct MessageFit {
  Link link;
  std::vector<double> errors;  ///< [samples] time by the fit / measured - 1

  [[nodiscard]] double largest_error() const;  ///< without its sign; 0 of no samples
};

/// Theil-Sen with weights 1 / time^2 (metrics/robust_fit.hpp), so that small and large messages count alike.
/// Where that line begins below zero, or does not rise, the latency is `empty`, what a message without bytes
/// takes, and the bandwidth as below. Throws Error (where: "") where all messages have one size.
[[nodiscard]] MessageFit fit_messages(std::span<const SizeTime> samples, Time empty = Time{});

/// The bandwidth alone, for messages that wait for one another, whose latency such times do not tell: the
/// median of bytes / (time - latency), weighted by bytes / time. Messages that take no more than the latency
/// say nothing; where none takes more, it is taken as 0. Requires a message of more than 0 B.
[[nodiscard]] MessageFit fit_bandwidth(std::span<const SizeTime> samples, Time latency);

/// A message of so many bytes, by the link alone.
[[nodiscard]] Time message_time(const Link& link, Bytes size);

}  // namespace ppsim
