/// Latency and bandwidth of a kind of link fitted to measured transfers.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "metrics/step_samples.hpp"
#include "ppsim/core/units.hpp"
#include "ppsim/model/hardware/cluster.hpp"

namespace ppsim {

/// What the samples could tell apart.
enum class LinkDetermined : std::uint8_t {
  Both,
  Bandwidth,  ///< transfers of one size, or a line that would begin below 0: the latency is not told by them
  Latency,    ///< times that do not grow with size: the bandwidth is as it was, or as high as they need
};

/// Transfers of one size.
struct SizeFit {
  Bytes bytes;
  std::size_t samples = 0;
  Time measured{};  ///< median
  Time fitted{};
};

struct LinkFit {
  std::size_t transfers = 0;  ///< of the kind of link
  std::size_t samples = 0;    ///< honest ones, which are used
  Link before;                ///< as the config has it
  Link link;                  ///< fitted, with the sizes that it was fitted to
  LinkDetermined determined = LinkDetermined::Both;
  std::vector<SizeFit> sizes;  ///< ascending
  double residual_p50 = 0;     ///< of |sample / fitted - 1|
  double residual_p95 = 0;
  /// Of bytes / bandwidth, sample / fitted; empty where latency is the larger part of what they take.
  std::vector<double> factors;
};

/// Of honest samples alone: median per message size, then Theil-Sen with weights 1 / t^2,
///   measured = latency + transmission / (fitted bandwidth / bandwidth before)
/// where `transmission` is what the route took before, so that links that several GPUs share, and links that
/// have lost bandwidth, count as what they are. What a route has of latency beyond the link's (a spine, a
/// gather) is taken as the config has it. With one size the latency stays as it was where that leaves bytes
/// some time, else it is 0. Requires an honest sample of more than 0 B. O(n log n).
[[nodiscard]] LinkFit fit_link(std::span<const TransferSample> samples, const Link& before);

}  // namespace ppsim
