/// Colours of ops, in pictures and on terminals: forward blue, backward green, chunks in shades.
#pragma once

#include <cstdint>
#include <string>

#include "ppsim/core/op.hpp"

namespace ppsim {

/// "#9fc2ec"; light enough for dark text. Chunk 0 is the deepest shade, the last of `chunks` the lightest.
[[nodiscard]] std::string fill_color(OpKind kind, std::size_t chunk, std::size_t chunks);

/// Number in the terminal's 256-colour palette, for black text on it; chunks take turns between two shades.
[[nodiscard]] std::uint8_t terminal_color(OpKind kind, std::size_t chunk);

}  // namespace ppsim
