// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// Errors. The user's fault is an Error (or several Faults); ours is a failed PPSIM_ASSERT.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

namespace ppsim {

/// One thing that is wrong: where ("cluster.json#/nvlink/bandwidth", "rank 3, step 17") and what, and what
/// would be right.
struct Fault {
  std::string where;
  std::string what;

  friend bool operator==(const Fault&, const Fault&) = default;
};

/// "where: what", or "what" alone where `where` is empty.
[[nodiscard]] std::string to_string(const Fault& fault);

/// The user's fault. what() is one line, to_string() of the fault. The program ends with exit code 2.
class Error : public std::runtime_error {
 public:
  Error(std::string where, std::string what);

  [[nodiscard]] const Fault& fault() const { return fault_; }

 private:
  Fault fault_;
};

/// A run that cannot progress. `cycle` names the ops that wait for one another, one line each: every op waits
/// for the one before it, the first for the last. what() leaves out the middle of a long one. The program
/// ends with exit code 1.
class DeadlockError : public Error {
 public:
  DeadlockError(std::string where, std::vector<std::string> cycle);

  [[nodiscard]] const std::vector<std::string>& cycle() const { return cycle_; }

 private:
  std::vector<std::string> cycle_;
};

namespace detail {
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line,
                                   const std::string& values);
}  // namespace detail

}  // namespace ppsim

/// Always on: our own mistake, reported with the values (a string) that show it. Throws std::logic_error.
#define PPSIM_ASSERT(condition, values) \
  ((condition) ? void() : ::ppsim::detail::assertion_failed(#condition, __FILE__, __LINE__, (values)))
