/// JSON text: read with the place of each fault, written on one line.
#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

namespace ppsim {

/// Objects keep the order of their keys.
using Json = nlohmann::ordered_json;

/// Throws Error (where: "FILE, line 3, column 12") for what is not JSON, for a key that an object has twice,
/// and for nesting deeper than any document of ours.
[[nodiscard]] Json parse_json(std::string_view text, std::string_view file);

/// A value as --set takes it: JSON where it parses as JSON, else the text itself.
[[nodiscard]] Json override_value(const std::string& text);

/// On one line, whatever bytes its texts hold.
[[nodiscard]] std::string compact(const Json& value);

/// For messages: compact, and cut where it is long.
[[nodiscard]] std::string shown(const Json& value);

/// Keys, paths and texts of a document may hold anything; a message is one line.
[[nodiscard]] std::string one_line(const std::string& text);

}  // namespace ppsim
