// How the ranks of a job find one another. Rank 0 listens where all know it; the others call, say who they
// are and where they listen themselves; when all have come, each is told where the others are, and calls
// those of lower rank.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "replay/environment.hpp"
#include "replay/job.hpp"
#include "replay/tcp/control.hpp"
#include "replay/tcp/reception.hpp"

namespace ppsim {

/// What each rank has when all have come.
struct FoundRanks {
  Control control;  ///< to rank 0; of rank 0: to all
  Reception reception;
  std::uint64_t job = 0;         ///< rank 0's number for this run: nobody else's processes know it
  std::vector<Endpoint> places;  ///< [ranks] where each listens, but rank 0
};

/// What each rank has when all are connected.
struct Mesh {
  Control control;
  std::vector<Socket> data;  ///< [ranks], its own closed
};

// Each throws ReplayError with the line that this process is to say, and JointError where another says why.
[[nodiscard]] FoundRanks meet_as_first(const Launched& launched, const JobOptions& options);
[[nodiscard]] FoundRanks meet_as_other(const Launched& launched, const JobOptions& options);
[[nodiscard]] Mesh connect_all(FoundRanks found, const JobOptions& options);

/// Of a rank that fails meanwhile: throws, as above.
[[noreturn]] void fail_meeting(Control& control, const std::string& line);

/// Of a rank that fails: the lowest that answers within `limit` says its line. True where another rank does,
/// or has said why the job ends; false where this one must, and then end_all().
[[nodiscard]] bool hand_to_lowest(Control& control, std::string_view line, Time limit);

/// Tells all that the job is over, and waits a moment for them to read it: a connection that closes while
/// there is something unread loses what is on its way.
void end_all(Control& control);

/// "rank 2: ended by signal 15 (Terminated) before all ranks had started", or "".
[[nodiscard]] std::string stop_line(const JobOptions& options, Rank rank);

/// A duration in seconds, for a line.
[[nodiscard]] std::string seconds(Time time);

}  // namespace ppsim
