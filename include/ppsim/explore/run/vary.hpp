// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// One config with some of its values varied: every combination, side by side.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ppsim/explore/run/compare.hpp"
#include "ppsim/input/config/config.hpp"

namespace ppsim {

/// A place of the config, and the values that it takes one after the other.
struct Variation {
  std::string pointer;
  std::vector<std::string> values;  ///< as --set takes them
};

/// Reads "/pointer=v1,v2,...". Commas within [], {} or "" belong to a value. Throws Error (where: "--vary").
[[nodiscard]] Variation parse_variation(std::string_view text);

/// The case that runs what the config itself runs, as `simulate` does.
[[nodiscard]] ComparisonCase own_case();

/// Compares the cases under every combination of values, the last variation changing fastest, then the cases.
/// What is illegal or does not fit becomes a row with its reason. A row is called by its values ("tensor=8
/// pipeline=4"), then by its case. The combinations run on `threads` threads (0: as many as the machine has);
/// the rows are the same for any number of them. Throws Error where no combination is a legal config, where
/// two variations are about one place, and for more than 100,000 combinations.
[[nodiscard]] std::vector<ComparisonRow> compare_varied(const std::string& path,
                                                        const std::vector<Override>& overrides,
                                                        const std::vector<Variation>& variations,
                                                        const std::vector<ComparisonCase>& cases,
                                                        unsigned threads = 0);

}  // namespace ppsim
