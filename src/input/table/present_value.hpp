/// Where a fit starts: what a spec's config says of a parameter.
#pragma once

#include "input/table/validation_spec.hpp"

namespace ppsim {

/// The number that stands at a parameter's place in the spec's config, in the parameter's unit. Throws Error
/// (where: the spec's place) where there is none.
[[nodiscard]] double present_value(const ValidationSpec& spec, const ParameterRange& parameter);

}  // namespace ppsim
