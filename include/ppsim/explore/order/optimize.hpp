// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// The best order of ops for given costs and memory: proved by branch and bound where the shape is small,
/// found by a portfolio of schedules, greedy rules and local search where it is large.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ppsim/core/enum_names.hpp"
#include "ppsim/explore/run/run.hpp"
#include "ppsim/input/config/config.hpp"
#include "ppsim/metrics/report.hpp"
#include "ppsim/schedule/schedule.hpp"

namespace ppsim {

/// What an order is judged by.
enum class OrderObjective : std::uint8_t {
  Makespan,  ///< first start to last finish
  Span,      ///< the longest time of a rank from its own first start to its own last finish
};
template <>
inline constexpr auto kEnumNames<OrderObjective> =
    enum_names<OrderObjective>({{OrderObjective::Makespan, "makespan"}, {OrderObjective::Span, "span"}});

/// A schedule that the optimized one stands beside.
struct OptimizationRow {
  std::string label;
  Report report;
  bool fits = true;  ///< keeps the memory limit
};

struct Optimization {
  Schedule schedule;                  ///< the best order found
  OptimizationRow row;                ///< and its figures
  std::vector<OptimizationRow> rows;  ///< registered schedules of the same placement
  OrderObjective objective{};
  std::vector<Bytes> limit;  ///< [P] of activations; empty: none
  Time value{};              ///< the objective of `schedule`
  Time lower_bound{};        ///< no order is below it
  std::uint64_t nodes = 0;   ///< of the exact search; 0: it was not needed, or the shape is too large
  bool too_large = false;    ///< for the exact search

  /// True where no order is better.
  [[nodiscard]] bool proved() const { return value <= lower_bound; }
};

struct OptimizeOptions {
  OrderObjective objective = OrderObjective::Makespan;
  bool split = true;  ///< backwards in two, I and W; else whole
  /// Activations that a rank may hold, `times` in units of P micro-batches of the rank (all its chunks).
  /// Empty: what the GPU's memory leaves beside all that is kept for the whole run, or no limit where that is
  /// not known.
  std::optional<MemoryLimit> limit{};
  /// False: no other schedules, no greedy rules, no local search; the exact search begins with one
  /// micro-batch after the other.
  bool heuristics = true;
  std::uint64_t nodes = 1'000'000;  ///< of the exact search, at most
  /// Above zero: no search and no rule begins later than that, and those under way end soon. The result then
  /// depends on the machine.
  std::optional<double> seconds{};
  std::uint64_t seed = 0;  ///< of the local search
};

/// Searches the orders of the placement that the config's schedule has. Transfers overlap and share nothing,
/// whatever the config's simulation says. Never worse than a registered schedule of that placement which
/// keeps the limit, taken in the kind of backward that is asked for and without overlapped pairs or copies.
/// The same input gives the same result unless `seconds` is given. Throws Error for a schedule that the
/// search does not cover (two directions, inference, slices, several steps) and for a limit that no order
/// keeps, with the least that one does.
[[nodiscard]] Optimization optimize(const Config& config, const OptimizeOptions& options);

}  // namespace ppsim
