// What must be so before a replay begins.
#pragma once

#include <cstdint>
#include <string>

#include "replay/replay.hpp"

namespace ppsim {

/// All ranks call it, each with what is wrong with it, or "". Throws JointError with the first fault.
void agree(Group& group, const std::string& fault);

/// "4 processes are in this job"
[[nodiscard]] std::string job_size(const Transport& transport);

/// All ranks call it. Throws JointError where not all have rank 0's.
void agree_on(Group& group, std::uint64_t fingerprint);

/// All ranks call it. Throws JointError.
void check_requirements(const OpGraph& graph, Group& group, const ReplayOptions& options);

}  // namespace ppsim
