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

DeadlockError::DeadlockError(std::string where, std::vector<std::string> cycle)
    : Error(std::move(where),
            fmt::format("deadlock: {} ops wait for one another: {}", cycle.size(), fmt::join(cycle, " <- "))),
      cycle_(std::move(cycle)) {}

namespace detail {

void assertion_failed(const char* condition, const char* file, int line, const std::string& values) {
  throw std::logic_error(
      fmt::format("internal error at {}:{}: {} is false ({})", file, line, condition, values));
}

}  // namespace detail

}  // namespace ppsim
