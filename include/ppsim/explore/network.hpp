/// What the network of a config's run looks like before anything is run.
#pragma once

#include "ppsim/io/config.hpp"
#include "ppsim/io/network_text.hpp"

namespace ppsim {

/// Of the config's schedule. Throws Error as make_plan() does.
[[nodiscard]] NetworkDescription describe_network(const Config& config);

}  // namespace ppsim
