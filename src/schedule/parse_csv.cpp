// Reading the action grammar.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <vector>

#include "ppsim/core/error.hpp"
#include "ppsim/schedule/text.hpp"

namespace ppsim {
namespace {

// One action as written.
struct Cell {
  char direction = 0;  // 'd', 'u', or 0
  std::uint32_t stage = 0;
  std::string_view kind;
  std::uint32_t micro_batch = 0;
  bool overlaps_next = false;
  std::uint32_t row = 0, column = 0;  // from 1, for errors
};

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

// Takes a number off the front.
std::optional<std::uint32_t> take_number(std::string_view& text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

class Reader {
 public:
  Reader(std::string_view file, std::vector<Fault>& faults) : file_(file), faults_(faults) {}

  /// Empty where the file has no action, or one that is none.
  std::vector<Cell> read(std::string_view text) {
    const std::size_t before = faults_.size();
    split(text, '\n', [&](std::string_view line, std::uint32_t row) {
      split(line, ',', [&](std::string_view cell, std::uint32_t column) {
        if (const auto action = trim(cell); !action.empty()) try_add(action, row, column);
      });
    });
    if (faults_.size() > before) return {};
    if (cells_.empty())
      faults_.push_back({std::string(file_), "holds no action, expected rows of cells like 0F3"});
    return std::move(cells_);
  }

  [[nodiscard]] std::uint32_t rows() const { return rows_; }

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
      cells_.push_back(parse_action(text, fail));
    } else {
      const std::size_t middle = text.find(';');
      if (middle == std::string_view::npos || !text.ends_with(kPairEnd))
        fail("is no pair like (0F7;7B3)OVERLAP_F_B");
      cells_.push_back(parse_action(trim(text.substr(1, middle - 1)), fail));
      cells_.back().overlaps_next = true;
      mark(row, column);
      cells_.push_back(
          parse_action(trim(text.substr(middle + 1, text.size() - kPairEnd.size() - middle - 1)), fail));
    }
    mark(row, column);
  }

  void mark(std::uint32_t row, std::uint32_t column) {
    rows_ = row;
    cells_.back().row = row;
    cells_.back().column = column;
  }

  template <class Fail>
  static Cell parse_action(std::string_view text, Fail fail) {
    Cell cell;
    if (!text.empty() && (text[0] == 'd' || text[0] == 'u')) {
      cell.direction = text[0];
      text.remove_prefix(1);
    }
    const auto stage = take_number(text);
    const std::size_t digits = std::min(text.find_first_of("0123456789"), text.size());
    cell.kind = text.substr(0, digits);
    text.remove_prefix(digits);
    if (!stage || *stage >= kMaxStages) fail("is no action like 0F3");
    cell.stage = *stage;
    check_kind(cell.kind, fail);
    const auto micro_batch = take_number(text);
    if (!micro_batch || !text.empty()) fail("has no micro-batch, expected an action like 0F3");
    cell.micro_batch = *micro_batch;
    return cell;
  }

  template <class Fail>
  static void check_kind(std::string_view kind, Fail fail) {
    for (const std::string_view compute : {"F", "B", "I", "W", "BW", "EVICT", "LOAD"}) {
      if (kind == compute) return;
    }
    for (const std::string_view other :
         {"SEND_F", "RECV_F", "SEND_B", "RECV_B", "UNSHARD", "RESHARD", "REDUCE_GRAD"}) {
      if (kind == other) fail("is communication, expected a compute-only file (F, B, I, W)");
    }
    fail("is no action like 0F3: the kind is F, B, I or W");
  }

  std::string_view file_;
  std::vector<Cell> cells_;
  std::vector<Fault>& faults_;
  std::uint32_t rows_ = 0;  // up to the last one with an action: blank lines at the end are no ranks
};

// Files written before December 2024 say B for I, and BW for the whole backward.
bool is_old_file(const std::vector<Cell>& cells) {
  std::map<std::tuple<char, std::uint32_t, std::uint32_t>, std::string_view> backward;
  for (const Cell& cell : cells) {
    if (cell.kind == "BW") return true;
    if (cell.kind == "B" || cell.kind == "I") {
      std::string_view& kind = backward[{cell.direction, cell.stage, cell.micro_batch}];
      if (kind != "I") kind = cell.kind;
    }
  }
  return std::any_of(cells.begin(), cells.end(), [&](const Cell& cell) {
    if (cell.kind != "W") return false;
    const auto found = backward.find({cell.direction, cell.stage, cell.micro_batch});
    return found != backward.end() && found->second == "B";
  });
}

OpKind kind_of(std::string_view kind, bool old_file) {
  if (kind == "F") return OpKind::Forward;
  if (kind == "I") return OpKind::InputGrad;
  if (kind == "W") return OpKind::WeightGrad;
  if (kind == "EVICT") return OpKind::Evict;
  if (kind == "LOAD") return OpKind::Load;
  return old_file && kind == "B" ? OpKind::InputGrad : OpKind::Backward;
}

class Assembler {
 public:
  Assembler(std::string_view file, const std::vector<Cell>& cells, std::uint32_t rows)
      : file_(file), cells_(cells), bidirectional_(cells.front().direction != 0) {
    schedule_.name = file;
    schedule_.placement.ranks = rows;
    schedule_.placement.route.resize(bidirectional_ ? 2 : 1);
  }

  /// Faults of placement come all together; wild numbers throw.
  Schedule build(bool old_file, std::vector<Fault>& faults) && {
    measure();
    place(faults);
    schedule_.forward_only =
        std::all_of(cells_.begin(), cells_.end(), [](const Cell& cell) { return cell.kind == "F"; });
    for (const Cell& cell : cells_) {
      while (schedule_.rank_begin.size() < cell.row) end_row();
      schedule_.ops.push_back(Op{kind_of(cell.kind, old_file), cell.overlaps_next,
                                 static_cast<Stage>(cell.stage),
                                 static_cast<MicroBatch>(cell.micro_batch + first_[direction(cell)])});
    }
    while (schedule_.rank_begin.size() <= schedule_.ranks()) end_row();
    return std::move(schedule_);
  }

 private:
  [[nodiscard]] static std::uint32_t direction(const Cell& cell) { return cell.direction == 'u' ? 1 : 0; }

  void end_row() { schedule_.rank_begin.push_back(static_cast<std::uint32_t>(schedule_.ops.size())); }

  [[nodiscard]] Fault fault_at(const Cell& cell, std::string what) const {
    return {fmt::format("{}, row {}, cell {}", file_, cell.row, cell.column), std::move(what)};
  }

  // Counts stages and micro-batches. Neither can be larger than what the file has actions for: a wild number
  // is caught here.
  void measure() {
    std::array<std::uint64_t, 2> micro_batches{};
    for (const Cell& cell : cells_) {
      if ((cell.direction != 0) != bidirectional_) {
        const Fault fault = fault_at(cell, "some cells have a direction (d, u) and some have none");
        throw Error(fault.where, fault.what);
      }
      stages_ = std::max<std::uint64_t>(stages_, cell.stage + std::uint64_t{1});
      std::uint64_t& count = micro_batches[direction(cell)];
      count = std::max(count, cell.micro_batch + std::uint64_t{1});
    }
    const std::uint64_t total = micro_batches[0] + micro_batches[1];
    constexpr std::uint64_t kSlack = 4096;  // small files may miss what they like: the check lists it
    if (stages_ * total > 16 * cells_.size() + kSlack) {
      throw Error(std::string(file_), fmt::format("names {} stages and {} micro-batches but holds {} actions",
                                                  stages_, total, cells_.size()));
    }
    first_ = {0, static_cast<std::uint32_t>(micro_batches[0])};
    schedule_.micro_batches = static_cast<std::uint32_t>(total);
    if (!bidirectional_) return;
    schedule_.directions.assign(total, 0);
    std::fill(schedule_.directions.begin() + first_[1], schedule_.directions.end(), std::uint8_t{1});
  }

  // The row of a stage's actions is its rank. One fault for each further row in which a stage stands.
  void place(std::vector<Fault>& faults) {
    std::set<std::pair<std::uint32_t, std::uint32_t>> told;  // (stage, row)
    const Rank nowhere{schedule_.ranks()};
    for (auto& route : schedule_.placement.route) route.assign(stages_, nowhere);
    for (const Cell& cell : cells_) {
      Rank& rank = schedule_.placement.route[direction(cell)][cell.stage];
      if (rank == nowhere) rank = Rank{cell.row - 1};
      if (rank != Rank{cell.row - 1} && told.emplace(cell.stage, cell.row).second) {
        faults.push_back(
            fault_at(cell, fmt::format("stage {} stands in row {} too: a stage lives on one rank", cell.stage,
                                       index(rank) + 1)));
      }
    }
    for (const auto& route : schedule_.placement.route) {
      const auto gap = std::find(route.begin(), route.end(), nowhere);
      if (gap == route.end()) continue;
      faults.push_back(
          {std::string(file_), fmt::format("stage {} of {} stands in no row", gap - route.begin(), stages_)});
    }
  }

  std::string_view file_;
  const std::vector<Cell>& cells_;
  bool bidirectional_;
  std::uint64_t stages_ = 0;
  std::array<std::uint32_t, 2> first_{};  // global number of each direction's micro-batch 0
  Schedule schedule_;
};

}  // namespace

std::optional<ParsedSchedule> parse_csv(std::string_view text, std::string_view file,
                                        std::vector<Fault>& faults) {
  const std::size_t before = faults.size();
  Reader reader(file, faults);
  const std::vector<Cell> cells = reader.read(text);
  if (faults.size() > before) return std::nullopt;
  const bool old_file = is_old_file(cells);
  ParsedSchedule parsed;
  try {
    parsed.schedule = Assembler(file, cells, reader.rows()).build(old_file, faults);
  } catch (const Error& error) {
    faults.push_back(error.fault());
  }
  if (faults.size() > before) return std::nullopt;
  if (old_file) {
    parsed.note = fmt::format(
        "{}: written before December 2024: its B is read as I (input gradient), its BW as B", file);
  }
  return parsed;
}

ParsedSchedule parse_csv(std::string_view text, std::string_view file) {
  std::vector<Fault> faults;
  auto parsed = parse_csv(text, file, faults);
  if (!parsed) throw Error(faults.front().where, faults.front().what);
  return *std::move(parsed);
}

}  // namespace ppsim
