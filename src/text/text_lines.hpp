/// Lines of a text and their words.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace ppsim {

struct TextLine {
  std::size_t number = 1;
  std::string_view text;  ///< without its end
};

[[nodiscard]] std::vector<TextLine> lines_of(std::string_view text);

/// Parted by blanks.
[[nodiscard]] std::vector<std::string_view> words_of(std::string_view line);

}  // namespace ppsim
