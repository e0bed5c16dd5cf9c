/// Text in pictures.
#pragma once

#include <string>
#include <string_view>

namespace ppsim {

/// For the content of elements and for attributes.
[[nodiscard]] std::string escape_xml(std::string_view text);

/// Pixels that text takes at a font size, about.
[[nodiscard]] constexpr double text_width(std::size_t characters, double size) {
  return 0.6 * size * static_cast<double>(characters);
}

}  // namespace ppsim
