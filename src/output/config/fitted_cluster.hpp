/// A cluster section with fitted parameters in place, as a file to name in configs.
#pragma once

#include <span>
#include <string>

#include "input/table/validation_spec.hpp"

namespace ppsim {

/// The cluster of `spec`'s config, its GPU and links inlined, with `values` put in; `note` goes behind its
/// source. Throws Error as load_config does.
[[nodiscard]] std::string fitted_cluster(const ValidationSpec& spec, std::span<const Override> values,
                                         const std::string& note);

}  // namespace ppsim
