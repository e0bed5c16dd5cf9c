/// A reference of all keys of a config, made from the field tables.
#pragma once

#include <string>
#include <string_view>

namespace ppsim {

/// A table a section: key, type, default, meaning. `section` is a name ("gpu") or a pointer ("/cluster/gpu"),
/// and what is inside comes with it; empty: all. Throws Error (where: "--keys") where there is no such
/// section.
[[nodiscard]] std::string key_reference(std::string_view section);

/// The same as JSON: a list of {"pointer", "kind", "type", "default", "required", "help", ...}.
[[nodiscard]] std::string key_reference_json(std::string_view section);

}  // namespace ppsim
