/// The columns of a timeline file.
#pragma once

#include <string_view>

namespace ppsim {

inline constexpr std::string_view kTimelineHeader =
    "rank,stream,kind,stage,micro_batch,start_ns,finish_ns,bytes,peer";

/// In front of them where there are several steps.
inline constexpr std::string_view kStepColumn = "step";

}  // namespace ppsim
