#include "schedule/text/csv_cells.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/numbers.hpp"

namespace ppsim {
namespace {

constexpr std::string_view kPairEnd = ")OVERLAP_F_B";
constexpr std::string_view kBlanks = " \t\r";

std::string_view trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

// Calls each(part, number from 1).
template <class Each>
void split(std::string_view text, char separator, Each each) {
  for (std::uint32_t number = 1;; ++number) {
    const std::size_t end = text.find(separator);
    each(text.substr(0, end), number);
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

std::optional<CommKind> communication_of(std::string_view kind) {
  for (const CommKind known :
       {CommKind::SendForward, CommKind::RecvForward, CommKind::SendBackward, CommKind::RecvBackward,
        CommKind::Unshard, CommKind::Reshard, CommKind::ReduceGrad}) {
    if (kind == name(known)) return known;
  }
  return std::nullopt;
}

class Reader {
 public:
  Reader(std::string_view file, std::vector<Fault>& faults) : file_(file), faults_(faults) {}

  CsvCells read(std::string_view text) && {
    const std::size_t before = faults_.size();
    split(text, '\n', [&](std::string_view line, std::uint32_t row) {
      split(line, ',', [&](std::string_view cell, std::uint32_t column) {
        if (const auto action = trim(cell); !action.empty()) try_add(action, row, column);
      });
    });
    if (faults_.size() == before && out_.cells.empty())
      faults_.push_back({std::string(file_), "holds no action, expected rows of cells like 0F3"});
    return std::move(out_);
  }

 private:
  void try_add(std::string_view text, std::uint32_t row, std::uint32_t column) {
    try {
      add(text, row, column);
    } catch (const Error& error) {
      faults_.push_back(error.fault());
    }
  }

  void add(std::string_view text, std::uint32_t row, std::uint32_t column) {
    const auto fail = [&](std::string_view what) {
      throw Error(fmt::format("{}, row {}, cell {}", file_, row, column),
                  fmt::format("\"{}\" {}", text, what));
    };
    if (!text.starts_with('(')) {
      out_.cells.push_back(parse_action(text, fail));
    } else {
      const std::size_t middle = text.find(';');
      if (middle == std::string_view::npos || !text.ends_with(kPairEnd))
        fail("is no pair like (0F7;7B3)OVERLAP_F_B");
      out_.cells.push_back(parse_half(text.substr(1, middle - 1), fail));
      out_.cells.back().overlaps_next = true;
      mark(row, column);
      out_.cells.push_back(
          parse_half(text.substr(middle + 1, text.size() - kPairEnd.size() - middle - 1), fail));
    }
    mark(row, column);
  }

  void mark(std::uint32_t row, std::uint32_t column) {
    out_.rows = row;
    out_.cells.back().row = row;
    out_.cells.back().column = column;
  }

  template <class Fail>
  static CsvCell parse_half(std::string_view text, Fail fail) {
    CsvCell cell = parse_action(trim(text), fail);
    if (cell.communication) fail("pairs communication, expected ops as in (0F7;7B3)OVERLAP_F_B");
    return cell;
  }

  template <class Fail>
  static CsvCell parse_action(std::string_view text, Fail fail) {
    CsvCell cell;
    if (!text.empty() && (text[0] == 'd' || text[0] == 'u')) {
      cell.direction = text[0];
      text.remove_prefix(1);
    }
    const auto stage = take_number<std::uint32_t>(text);
    const std::size_t digits = std::min(text.find_first_of("0123456789"), text.size());
    cell.kind = text.substr(0, digits);
    text.remove_prefix(digits);
    if (!stage || *stage >= kMaxStages) fail("is no action like 0F3");
    cell.stage = *stage;
    cell.communication = communication_of(cell.kind);
    if (!cell.communication && !op_of_cell(cell.kind))
      fail("is no action like 0F3: the kind is F, B, I, W or R");
    if (cell.communication && !is_send_or_receive(*cell.communication)) {
      if (!text.empty()) fail(fmt::format("has a micro-batch, expected an action like 0{}", cell.kind));
      return cell;
    }
    const auto micro_batch = take_number<std::uint32_t>(text);
    if (!micro_batch || !text.empty()) fail("has no micro-batch, expected an action like 0F3");
    cell.micro_batch = *micro_batch;
    return cell;
  }

  std::string_view file_;
  std::vector<Fault>& faults_;
  CsvCells out_;
};

}  // namespace

std::optional<OpKind> op_of_cell(std::string_view kind) {
  if (kind == "BW") return OpKind::Backward;
  for (const OpKind known : all_op_kinds())
    if (has_micro_batch(known) && kind == name(known)) return known;
  return std::nullopt;
}

CsvCells read_csv_cells(std::string_view text, std::string_view file, std::vector<Fault>& faults) {
  return Reader(file, faults).read(text);
}

}  // namespace ppsim
