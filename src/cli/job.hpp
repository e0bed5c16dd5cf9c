// What commands share that run as a job of several processes.
#pragma once

#include <functional>
#include <new>
#include <string>
#include <string_view>

#include "cli/command.hpp"
#include "ppsim/core/error.hpp"
#include "replay/group.hpp"

namespace ppsim::cli {

inline constexpr int kFailed = 1;
inline constexpr int kUsage = 2;
inline constexpr int kSkipped = 77;  // no GPU: what test runners read as skipped

struct JobArguments {
  std::string backend = "host-mpi", timeout = "20 s";

  /// Declares --backend and --timeout.
  void declare(CLI::App& app);
};

/// A line of this program, among those of launchers.
void say(std::string_view line);

/// Calls `body` in this process as one rank of its job; returns the exit code. Of what `body` throws, a
/// JointError is said once (NoGpu too), and anything else ends the job with a line of the rank that threw it.
/// Throws Error where this build has no such backend.
int run_in_job(const JobArguments& arguments, const std::function<int(Group&)>& body);

/// What went wrong here, if anything did, and the exit code that means it.
struct JobFault {
  std::string line;
  int code = 0;
};

template <class Action>
JobFault fault_of(Action&& action) {
  try {
    action();
    return {};
  } catch (const DeadlockError& error) {
    return {error.what(), kFailed};
  } catch (const Error& error) {
    return {error.what(), kUsage};
  } catch (const std::bad_alloc&) {
    return {"not enough memory for a run of this size", kUsage};
  }
}

/// All ranks call it, each with its own. The exit code where any of them has one, which rank 0 says; else 0.
[[nodiscard]] int agree_on_fault(Group& group, const JobFault& own);

}  // namespace ppsim::cli
