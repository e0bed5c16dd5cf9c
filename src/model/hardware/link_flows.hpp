/// Flows of one GPU each that move at the same moment, counted link by link.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>

#include "model/hardware/network_links.hpp"

namespace ppsim {

class LinkFlows {
 public:
  void add(const GpuPath& path);

  [[nodiscard]] bool empty() const { return shares_.empty(); }
  [[nodiscard]] const std::map<LinkId, LinkShare>& shares() const { return shares_; }

  /// What each flow gets of the busiest of the links that `counts(LinkId)` accepts, shared evenly; far above
  /// all bandwidths where it accepts none.
  template <class Counts>
  [[nodiscard]] BytesPerSecond rate(Counts counts) const {
    BytesPerSecond least = kUnlimited;
    for (const auto& [link, share] : shares_)
      if (counts(link)) least = std::min(least, share.each());
    return least;
  }
  [[nodiscard]] BytesPerSecond rate() const {
    return rate([](LinkId) { return true; });
  }
  [[nodiscard]] Time latency() const { return latency_; }  ///< the longest

  static constexpr BytesPerSecond kUnlimited{std::numeric_limits<std::int64_t>::max()};

 private:
  std::map<LinkId, LinkShare> shares_;
  Time latency_{};
};

}  // namespace ppsim
