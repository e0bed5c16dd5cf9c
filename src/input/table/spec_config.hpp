/// The config of a spec as a document.
#pragma once

#include "input/config/config_document.hpp"
#include "input/table/validation_spec.hpp"

namespace ppsim {

/// The spec's config, on the cluster that is fitted; no section is read yet.
[[nodiscard]] Document open_config(const ValidationSpec& spec);

}  // namespace ppsim
