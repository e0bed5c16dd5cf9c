// The cells of a schedule file, as written.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "ppsim/core/error.hpp"
#include "ppsim/schedule/schedule.hpp"

namespace ppsim {

/// One action of a file; a pair gives two.
struct CsvCell {
  char direction = 0;  ///< 'd', 'u', or 0
  std::uint32_t stage = 0;
  std::string_view kind;                  ///< into the file's text
  std::optional<CommKind> communication;  ///< which, where `kind` is no op
  std::uint32_t micro_batch = 0;
  bool overlaps_next = false;
  std::uint32_t row = 0, column = 0;  ///< from 1, for errors
};

struct CsvCells {
  std::vector<CsvCell> cells;
  std::uint32_t rows = 0;  ///< up to the last one with an action: blank lines at the end are no ranks
};

/// The op that a cell of that kind means, or none; BW is what old files call B.
[[nodiscard]] std::optional<OpKind> op_of_cell(std::string_view kind);

/// Reads what `text` has of the action grammar; appends a fault (where: "FILE, row 2, cell 17") for each cell
/// that is no action, and one where there is none at all.
[[nodiscard]] CsvCells read_csv_cells(std::string_view text, std::string_view file,
                                      std::vector<Fault>& faults);

}  // namespace ppsim
