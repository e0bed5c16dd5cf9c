// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// Jitter: durations that differ from run to run.
#pragma once

#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "ppsim/core/op.hpp"
#include "ppsim/core/units.hpp"
#include "ppsim/engine/simulate.hpp"
#include "ppsim/graph/op_graph.hpp"

namespace ppsim {

/// exp(sigma z - sigma^2 / 2), z a standard normal: a factor whose mean is 1 for any sigma, so that what the
/// costs say stays the mean. The logarithm's standard deviation is sigma.
struct Lognormal {
  double sigma = 0;
};

/// Measured factors, drawn with replacement. Their mean is what was measured, not scaled to 1.
struct Samples {
  std::vector<double> factors;  ///< at least one
};

/// Of a duration. Lognormal of sigma 0: none.
using Spread = std::variant<Lognormal, Samples>;

[[nodiscard]] bool varies(const Spread& spread);

struct Jitter {
  ByOpKind<Spread> ops{};  ///< of each op as a whole; a pair takes what its backward does
  Spread transfers{};      ///< of each, bytes / bandwidth; its latency stays

  [[nodiscard]] bool any() const;
};

/// Draws what a run takes. Each factor is a pure function of (seed, run, vertex or edge): no draw depends on
/// another, or on the thread. Durations are rounded half up to a nanosecond. One object may serve many
/// threads.
class JitterDraw {
 public:
  JitterDraw(const OpGraph& graph, const Jitter& jitter, std::uint64_t seed);
  JitterDraw(const JitterDraw&) = delete;
  JitterDraw& operator=(const JitterDraw&) = delete;

  /// The times of one run; the next run overwrites them.
  struct Buffers {
    std::vector<Time> durations;      ///< [vertices]
    std::vector<Time> transmissions;  ///< [edges]
  };
  [[nodiscard]] Buffers make_buffers() const;

  /// What does not vary is as the graph has it: without any jitter, all. Requires buffers that this
  /// object made. Throws Error (where: "") where all durations together pass 2^62 ns. O(V + E).
  [[nodiscard]] RunTimes draw(std::uint32_t run, Buffers& buffers) const;

 private:
  // A vertex or an edge whose duration varies.
  struct Item {
    std::uint32_t id;
    const Spread* spread;
    Time duration;
  };

  struct Place {
    std::uint32_t stream;
    std::uint32_t run;
  };

  void note_vertices();
  void note_transfers();
  double draw(std::span<const Item> items, Place place, std::vector<Time>& times) const;

  OpGraph graph_;
  Jitter jitter_;
  std::uint64_t seed_;
  std::vector<Item> vertices_, edges_;
  double fixed_ = 0;  // ns of all that does not vary
};

}  // namespace ppsim
