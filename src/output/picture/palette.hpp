/// Colours of ops, in pictures and on terminals: forward blue, backward green, chunks in shades; and of
/// categories.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "ppsim/core/op.hpp"

namespace ppsim {

/// "#9fc2ec"; light enough for dark text. Chunk 0 is the deepest shade, the last of `chunks` the lightest.
[[nodiscard]] std::string fill_color(OpKind kind, std::size_t chunk, std::size_t chunks);

/// Number in the terminal's 256-colour palette, for black text on it; chunks take turns between two shades.
[[nodiscard]] std::uint8_t terminal_color(OpKind kind, std::size_t chunk);

/// Colours that colour-blind people tell apart, on white and on black; then they begin anew.
inline constexpr std::size_t kCategoryColors = 6;
[[nodiscard]] std::string_view category_color(std::size_t index);
inline constexpr std::string_view kOtherColor = "#868e96";  // grey: of what has no category

}  // namespace ppsim
