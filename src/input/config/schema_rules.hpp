/// What a JSON Schema says of keys that go together. Null stands for no value, as the reader has it.
#pragma once

#include <initializer_list>
#include <string_view>

#include "text/json_text.hpp"

namespace ppsim::rule {

/// The key has a value.
[[nodiscard]] Json given(std::string_view key);

/// The key has this value.
[[nodiscard]] Json equals(std::string_view key, const Json& value);

[[nodiscard]] Json all(std::initializer_list<Json> rules);
[[nodiscard]] Json any(std::initializer_list<Json> rules);
[[nodiscard]] Json none(std::initializer_list<Json> rules);

/// `then` holds where `condition` does; the other form says what holds elsewhere.
[[nodiscard]] Json where(const Json& condition, const Json& then);
[[nodiscard]] Json where(const Json& condition, const Json& then, const Json& otherwise);

}  // namespace ppsim::rule
