/// Costs of ops fitted to measured steps.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "metrics/robust_fit.hpp"
#include "metrics/step_samples.hpp"
#include "ppsim/core/units.hpp"

namespace ppsim {

/// Ops that should take the same: of one kind, of one stage of so many, of one duration by the config.
struct CostCell {
  CostKind kind{};
  std::uint32_t stages = 0;
  Stage stage{};
  Time modelled{};

  friend auto operator<=>(const CostCell&, const CostCell&) = default;
};

struct CellFit {
  std::size_t samples = 0;
  Time duration{};  ///< median of span + gap
};

/// All cells of a kind.
struct KindFit {
  std::size_t samples = 0;          ///< 0: not measured
  std::size_t points = 0;           ///< different durations by the config,
  Time least{}, most{};             ///< from here to there
  std::optional<double> intercept;  ///< ns, of the line through them; empty: they differ too little for one
  double factor = 1;                ///< measured without overhead / duration by the config
  double line_residual = 0;         ///< median of |cell / (overhead + factor x its duration) - 1|
  double residual_p50 = 0;          ///< of |sample / its cell - 1|: what a run differs by from another
  double residual_p95 = 0;
  std::vector<double> factors;  ///< sample / its cell
};

/// measured = overhead + factor(kind) x duration by the config, and where a cell was measured, its median.
struct CostFit {
  std::map<CostCell, CellFit> cells;
  std::array<KindFit, kCostKinds> kinds;
  /// Of a pass, whatever it computes: the median of the kinds' intercepts, or where no kind has durations
  /// that differ, the median gap in front of a pass.
  Time overhead{};
  bool overhead_by_line = false;
  double factor = 1;  ///< of passes of a kind that was not measured: the median of the measured kinds'

  [[nodiscard]] const KindFit& of(CostKind kind) const { return kinds[static_cast<std::size_t>(kind)]; }

  /// Its median, or what the line says of it.
  [[nodiscard]] Time predict(const CostCell& cell) const;
  /// What the line says of it, measured or not.
  [[nodiscard]] Time on_line(const CostCell& cell) const;
};

/// Durations tell a line's slope from its intercept where the longest is at least so many times the shortest.
inline constexpr double kLeastRatio = 1.25;

/// The line: Theil-Sen through the median of each duration by the config, weights 1 / t^2. O(n log n).
[[nodiscard]] CostFit fit_costs(std::span<const StepSamples* const> steps);

}  // namespace ppsim
