/// What `ppsim schedule optimize` found, as a table and as JSON.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ppsim/io/config.hpp"
#include "ppsim/metrics/report.hpp"
#include "ppsim/schedule/schedule.hpp"

namespace ppsim {

/// What an order is judged by.
enum class OrderObjective : std::uint8_t {
  Makespan,  ///< first start to last finish
  Span,      ///< the longest time of a rank from its own first start to its own last finish
};

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

/// Schedules side by side, the optimized one last, and below whether it is proved to be the best.
[[nodiscard]] std::string optimization_table(const Optimization& result, const Config& config, bool color);
[[nodiscard]] std::string optimization_json(const Optimization& result, const Config& config);

}  // namespace ppsim
