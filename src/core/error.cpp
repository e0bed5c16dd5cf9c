#include "ppsim/core/error.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

namespace ppsim {

std::string to_string(const Fault& fault) {
  return fault.where.empty() ? fault.what : fmt::format("{}: {}", fault.where, fault.what);
}

Error::Error(std::string where, std::string what)
    : std::runtime_error(to_string(Fault{where, what})), fault_{std::move(where), std::move(what)} {}

namespace {

// A cycle through a large schedule has thousands of ops: the line names its ends, cycle() has all.
std::string shortened(const std::vector<std::string>& cycle) {
  constexpr std::size_t kEnds = 8;
  if (cycle.size() <= 2 * kEnds + 1) return fmt::format("{}", fmt::join(cycle, " <- "));
  const auto end = static_cast<std::ptrdiff_t>(kEnds);
  return fmt::format("{} <- ({} more) <- {}", fmt::join(cycle.begin(), cycle.begin() + end, " <- "),
                     cycle.size() - 2 * kEnds, fmt::join(cycle.end() - end, cycle.end(), " <- "));
}

}  // namespace

DeadlockError::DeadlockError(std::string where, std::vector<std::string> cycle)
    : Error(std::move(where),
            fmt::format("deadlock: {} ops wait for one another: {}", cycle.size(), shortened(cycle))),
      cycle_(std::move(cycle)) {}

namespace detail {

void assertion_failed(const char* condition, const char* file, int line, const std::string& values) {
  throw std::logic_error(
      fmt::format("internal error at {}:{}: {} is false ({})", file, line, condition, values));
}

}  // namespace detail

}  // namespace ppsim
