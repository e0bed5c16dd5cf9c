/// Keys of a config.json that nothing was made of.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "input/import/foreign_json.hpp"

namespace ppsim {

/// Adds a line to `notes` that names those that are not known. Throws Error where one may change the model's
/// size, by its name.
void tell_unread_keys(ForeignObject& config, std::string_view model_type, std::vector<std::string>& notes);

}  // namespace ppsim
