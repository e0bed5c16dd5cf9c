/// JSON Schemas of a config and its sections, made from the field tables.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ppsim {

/// "config", "cluster", "gpu", ...: each is the file configs/schema/NAME.schema.json.
[[nodiscard]] std::vector<std::string_view> schema_names();

/// The file's text. Throws Error (where: "--schema") for a name that is none.
[[nodiscard]] std::string config_schema(std::string_view name);

}  // namespace ppsim
