/// How far apart two names are, to offer the one that was probably meant.
#pragma once

#include <cstddef>
#include <string_view>

namespace ppsim {

/// Letters to add, to take away or to change that make one of the other: Levenshtein, 1966. O(|a| |b|).
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace ppsim
