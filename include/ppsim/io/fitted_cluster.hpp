/// A cluster section with fitted parameters in place, as a file to name in configs.
#pragma once

#include <span>
#include <string>

#include "ppsim/io/validation_spec.hpp"

namespace ppsim {

/// The cluster of `spec`'s config, its GPU and links inlined, with `values` put in; `note` goes behind its
/// source. Throws Error as load_config does.
[[nodiscard]] std::string fitted_cluster(const ValidationSpec& spec, std::span<const Override> values,
                                         const std::string& note);

/// The number that stands at a parameter's place in the spec's config, in the parameter's unit. Throws Error
/// (where: the spec's place) where there is none.
[[nodiscard]] double present_value(const ValidationSpec& spec, const ParameterRange& parameter);

}  // namespace ppsim
