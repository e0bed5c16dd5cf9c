// A schedule of the cells of its file.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <vector>

#include "ppsim/core/error.hpp"
#include "ppsim/schedule/text/text.hpp"
#include "schedule/text/csv_cells.hpp"

namespace ppsim {
namespace {

// Files written before December 2024 say B for I, and BW for the whole backward.
bool is_old_file(const std::vector<CsvCell>& cells) {
  std::map<std::tuple<char, std::uint32_t, std::uint32_t>, std::string_view> backward;
  for (const CsvCell& cell : cells) {
    if (cell.kind == "BW") return true;
    if (cell.kind == "B" || cell.kind == "I") {
      std::string_view& kind = backward[{cell.direction, cell.stage, cell.micro_batch}];
      if (kind != "I") kind = cell.kind;
    }
  }
  return std::any_of(cells.begin(), cells.end(), [&](const CsvCell& cell) {
    if (cell.kind != "W") return false;
    const auto found = backward.find({cell.direction, cell.stage, cell.micro_batch});
    return found != backward.end() && found->second == "B";
  });
}

OpKind kind_of(std::string_view kind, bool old_file) {
  if (old_file && kind == "B") return OpKind::InputGrad;
  return *op_of_cell(kind);
}

class Assembler {
 public:
  Assembler(std::string_view file, const CsvCells& csv)
      : file_(file), cells_(csv.cells), bidirectional_(cells_.front().direction != 0) {
    schedule_.name = file;
    schedule_.placement.ranks = csv.rows;
    schedule_.placement.route.resize(bidirectional_ ? 2 : 1);
  }

  /// Faults of placement come all together; wild numbers throw.
  Schedule build(bool old_file, std::vector<Fault>& faults) && {
    measure();
    place(faults);
    place_communication(faults);
    schedule_.forward_only = std::all_of(cells_.begin(), cells_.end(), [](const CsvCell& cell) {
      return cell.communication || cell.kind == "F";
    });
    schedule_.recompute_ahead = std::any_of(cells_.begin(), cells_.end(), [](const CsvCell& cell) {
      return !cell.communication && cell.kind == name(OpKind::Recompute);
    });
    for (const CsvCell& cell : cells_) {
      while (schedule_.rank_begin.size() < cell.row) end_row();
      add(cell, old_file);
    }
    while (schedule_.rank_begin.size() <= schedule_.ranks()) end_row();
    if (schedule_.communication.empty()) schedule_.communication_begin.clear();
    if (schedule_.forward_only) schedule_.requests = requests();
    return std::move(schedule_);
  }

 private:
  [[nodiscard]] static std::uint32_t direction(const CsvCell& cell) { return cell.direction == 'u' ? 1 : 0; }

  void end_row() {
    schedule_.rank_begin.push_back(static_cast<std::uint32_t>(schedule_.ops.size()));
    schedule_.communication_begin.push_back(static_cast<std::uint32_t>(schedule_.communication.size()));
  }

  void add(const CsvCell& cell, bool old_file) {
    const Stage stage = static_cast<Stage>(cell.stage);
    const auto micro_batch = static_cast<MicroBatch>(cell.micro_batch + first_[direction(cell)]);
    if (!cell.communication) {
      schedule_.ops.push_back(Op{kind_of(cell.kind, old_file), cell.overlaps_next, stage, micro_batch});
      return;
    }
    const auto position = static_cast<std::uint32_t>(schedule_.ops.size()) - schedule_.rank_begin.back();
    schedule_.communication.push_back({*cell.communication, stage, micro_batch, position});
  }

  [[nodiscard]] Fault fault_at(const CsvCell& cell, std::string what) const {
    return {fmt::format("{}, row {}, cell {}", file_, cell.row, cell.column), std::move(what)};
  }

  // Counts stages and micro-batches of ops. Neither can be larger than what the file has actions for: a wild
  // number is caught here.
  void measure() {
    for (const CsvCell& cell : cells_) {
      if ((cell.direction != 0) != bidirectional_) {
        const Fault fault = fault_at(cell, "some cells have a direction (d, u) and some have none");
        throw Error(fault.where, fault.what);
      }
      if (cell.communication) continue;
      stages_ = std::max<std::uint64_t>(stages_, cell.stage + std::uint64_t{1});
      std::uint64_t& count = micro_batches_[direction(cell)];
      count = std::max(count, cell.micro_batch + std::uint64_t{1});
    }
    if (stages_ == 0) throw Error(std::string(file_), "holds communication only, expected ops like 0F3 too");
    const std::uint64_t total = micro_batches_[0] + micro_batches_[1];
    constexpr std::uint64_t kSlack = 4096;  // small files may miss what they like: the check lists it
    if (stages_ * total > 16 * cells_.size() + kSlack) {
      throw Error(std::string(file_), fmt::format("names {} stages and {} micro-batches but holds {} actions",
                                                  stages_, total, cells_.size()));
    }
    first_ = {0, static_cast<std::uint32_t>(micro_batches_[0])};
    schedule_.micro_batches = static_cast<std::uint32_t>(total);
    if (!bidirectional_) return;
    schedule_.directions.assign(total, 0);
    std::fill(schedule_.directions.begin() + first_[1], schedule_.directions.end(), std::uint8_t{1});
  }

  // The row of a stage's ops is its rank.
  void place(std::vector<Fault>& faults) {
    const Rank nowhere{schedule_.ranks()};
    for (auto& route : schedule_.placement.route) route.assign(stages_, nowhere);
    for (const CsvCell& cell : cells_) {
      if (cell.communication) continue;
      Rank& rank = schedule_.placement.route[direction(cell)][cell.stage];
      if (rank == nowhere) rank = Rank{cell.row - 1};
      check_row(cell, faults);
    }
    for (const auto& route : schedule_.placement.route) {
      const auto gap = std::find(route.begin(), route.end(), nowhere);
      if (gap == route.end()) continue;
      faults.push_back(
          {std::string(file_), fmt::format("stage {} of {} stands in no row", gap - route.begin(), stages_)});
    }
  }

  // One fault for each further row in which a stage stands.
  void check_row(const CsvCell& cell, std::vector<Fault>& faults) {
    const Rank rank = schedule_.placement.route[direction(cell)][cell.stage];
    const bool nowhere = rank == Rank{schedule_.ranks()};  // told as such
    if (nowhere || rank == Rank{cell.row - 1} || !told_.emplace(cell.stage, cell.row).second) return;
    faults.push_back(fault_at(cell, fmt::format("stage {} stands in row {} too: a stage lives on one rank",
                                                cell.stage, index(rank) + 1)));
  }

  // Communication follows the ops: it brings no stage and no micro-batch of its own.
  void place_communication(std::vector<Fault>& faults) {
    for (const CsvCell& cell : cells_) {
      if (!cell.communication) continue;
      const std::uint64_t micro_batches = micro_batches_[direction(cell)];
      if (cell.stage >= stages_) {
        faults.push_back(fault_at(
            cell, fmt::format("stage {} has no ops: the last stage is {}", cell.stage, stages_ - 1)));
      } else if (cell.micro_batch >= micro_batches) {
        faults.push_back(fault_at(cell, fmt::format("micro-batch {} has no ops: there are {} micro-batches",
                                                    cell.micro_batch, micro_batches)));
      } else {
        check_row(cell, faults);
      }
    }
  }

  // Stage 0 receives its first token when all requests are prefilled.
  [[nodiscard]] std::uint32_t requests() const {
    std::uint32_t first = schedule_.micro_batches;
    for (const CommAction& action : schedule_.communication) {
      if (action.kind == CommKind::RecvForward && action.stage == Stage{0})
        first = std::min(first, static_cast<std::uint32_t>(index(action.micro_batch)));
    }
    const bool loop = first > 0 && first < schedule_.micro_batches && schedule_.micro_batches % first == 0;
    return loop ? first : 0;
  }

  std::string_view file_;
  const std::vector<CsvCell>& cells_;
  bool bidirectional_;
  std::uint64_t stages_ = 0;
  std::array<std::uint64_t, 2> micro_batches_{};            // by direction
  std::array<std::uint32_t, 2> first_{};                    // global number of each direction's micro-batch 0
  std::set<std::pair<std::uint32_t, std::uint32_t>> told_;  // (stage, row)
  Schedule schedule_;
};

std::vector<std::string> notes_on(const Schedule& schedule, std::string_view file, bool old_file) {
  std::vector<std::string> notes;
  if (old_file) {
    notes.push_back(fmt::format(
        "{}: written before December 2024: its B is read as I (input gradient), its BW as B", file));
  }
  const bool sharded = std::any_of(schedule.communication.begin(), schedule.communication.end(),
                                   [](const CommAction& action) { return !is_send_or_receive(action.kind); });
  if (sharded) {
    notes.push_back(
        fmt::format("{}: UNSHARD, RESHARD and REDUCE_GRAD are kept and cost nothing: parameters are "
                    "whole on every replica, gradients are reduced behind each rank's program",
                    file));
  }
  return notes;
}

}  // namespace

std::optional<ParsedSchedule> parse_csv(std::string_view text, std::string_view file,
                                        std::vector<Fault>& faults) {
  const std::size_t before = faults.size();
  const CsvCells csv = read_csv_cells(text, file, faults);
  if (faults.size() > before) return std::nullopt;
  const bool old_file = is_old_file(csv.cells);
  ParsedSchedule parsed;
  try {
    parsed.schedule = Assembler(file, csv).build(old_file, faults);
  } catch (const Error& error) {
    faults.push_back(error.fault());
  }
  if (faults.size() > before) return std::nullopt;
  parsed.notes = notes_on(parsed.schedule, file, old_file);
  return parsed;
}

ParsedSchedule parse_csv(std::string_view text, std::string_view file) {
  std::vector<Fault> faults;
  auto parsed = parse_csv(text, file, faults);
  if (!parsed) throw Error(faults.front().where, faults.front().what);
  return *std::move(parsed);
}

}  // namespace ppsim
