/// Programs as text, and the two procedures of PyTorch's pipelining over them, step by step as its runtime's
/// rules say: placing sends and receives, and counting the steps of a run. No schedule, no lowering.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace ppsim {

using Rows = std::vector<std::vector<std::string>>;

inline Rows rows_of(const std::string& csv) {
  Rows rows;
  std::istringstream lines(csv);
  for (std::string line; std::getline(lines, line);) {
    rows.emplace_back();
    std::istringstream cells(line);
    for (std::string cell; std::getline(cells, cell, ',');) {
      std::erase_if(cell, [](char c) { return c == ' ' || c == '\r'; });
      if (!cell.empty()) rows.back().push_back(cell);
    }
  }
  return rows;
}

inline std::string csv_of(const Rows& rows) {
  std::string csv;
  for (const auto& row : rows) csv += fmt::format("{}\n", fmt::join(row, ","));
  return csv;
}

struct RowAction {
  std::string direction;  // "d", "u", or ""
  int stage = 0;
  std::string kind;
  int micro_batch = -1;

  [[nodiscard]] std::string text() const {
    return fmt::format("{}{}{}{}", direction, stage, kind,
                       micro_batch < 0 ? "" : std::to_string(micro_batch));
  }
  [[nodiscard]] RowAction with(const char* other_kind, int other_stage) const {
    return {direction, other_stage, other_kind, micro_batch};
  }
};

inline RowAction parse_row_action(std::string text) {
  RowAction action;
  if (text[0] == 'd' || text[0] == 'u') {
    action.direction = text.substr(0, 1);
    text.erase(0, 1);
  }
  std::size_t digits = 0;
  action.stage = std::stoi(text, &digits);
  const std::size_t end = std::min(text.find_first_of("0123456789", digits), text.size());
  action.kind = text.substr(digits, end - digits);
  if (end < text.size()) action.micro_batch = std::stoi(text.substr(end));
  return action;
}

/// One action, or the two of a pair.
inline std::vector<RowAction> parse_cell(const std::string& cell) {
  if (cell[0] != '(') return {parse_row_action(cell)};
  const std::size_t middle = cell.find(';');
  return {parse_row_action(cell.substr(1, middle - 1)),
          parse_row_action(cell.substr(middle + 1, cell.find(')') - middle - 1))};
}

/// What the ranks of a pipeline of `stages` stages have run. `requests` > 0: F(0, u) needs the token of
/// F(S-1, u - requests).
class RowsRun {
 public:
  RowsRun(std::size_t ranks, int stages, int requests) : ran_(ranks), stages_(stages), requests_(requests) {}

  [[nodiscard]] bool ready(std::size_t rank, const std::string& cell) const {
    const auto actions = parse_cell(cell);
    return std::all_of(actions.begin(), actions.end(),
                       [&](const RowAction& action) { return is_ready(rank, action); });
  }

  void run(std::size_t rank, const std::string& cell) {
    for (const RowAction& action : parse_cell(cell)) {
      ran_[rank].insert(action.text());
      if (action.kind.starts_with("SEND")) sent_.insert(action.text());
    }
  }

  /// Where F's result goes: the next stage, or in a token loop the first one. Nowhere: kind is empty.
  [[nodiscard]] RowAction after_forward(const RowAction& forward) const {
    if (forward.stage + 1 < stages_) return forward.with("RECV_F", forward.stage + 1);
    if (requests_ == 0) return {};
    return {"", 0, "RECV_F", forward.micro_batch + requests_};
  }

 private:
  [[nodiscard]] bool has(std::size_t rank, const RowAction& action) const {
    return ran_[rank].contains(action.text());
  }

  [[nodiscard]] bool is_ready(std::size_t rank, const RowAction& a) const {
    const int s = a.stage;
    if (a.kind == "F" && s > 0) return has(rank, a.with("RECV_F", s)) || has(rank, a.with("F", s - 1));
    if (a.kind == "F" && requests_ > 0 && a.micro_batch >= requests_) {
      return has(rank, a.with("RECV_F", 0)) || has(rank, {"", stages_ - 1, "F", a.micro_batch - requests_});
    }
    if ((a.kind == "B" || a.kind == "I") && s + 1 < stages_) {
      return has(rank, a.with("RECV_B", s)) || has(rank, a.with("I", s + 1)) || has(rank, a.with("B", s + 1));
    }
    if (a.kind == "SEND_F") return has(rank, a.with("F", s));
    if (a.kind == "SEND_B") return has(rank, a.with("B", s)) || has(rank, a.with("I", s));
    if (a.kind == "RECV_F" && s == 0)
      return sent_.contains(RowAction{"", stages_ - 1, "SEND_F", a.micro_batch - requests_}.text());
    if (a.kind == "RECV_F") return sent_.contains(a.with("SEND_F", s - 1).text());
    if (a.kind == "RECV_B") return sent_.contains(a.with("SEND_B", s + 1).text());
    return true;
  }

  std::vector<std::set<std::string>> ran_;  // [ranks]
  std::set<std::string> sent_;
  int stages_, requests_;
};

/// Steps until every row has run; empty where one cannot. In a step each rank in turn runs its next action if
/// its inputs are there; those that could not try once more when all have had their turn.
inline std::optional<int> count_steps(const Rows& rows, int stages, int requests = 0) {
  RowsRun run(rows.size(), stages, requests);
  std::vector<std::size_t> next(rows.size(), 0);
  for (int steps = 0;; ++steps) {
    std::vector<std::size_t> turn(rows.size()), idle;
    for (std::size_t rank = 0; rank < rows.size(); ++rank) turn[rank] = rank;
    bool left = false, progress = false;
    for (int sweep = 0; sweep < 2; ++sweep, turn = std::exchange(idle, {})) {
      for (const std::size_t rank : turn) {
        if (next[rank] == rows[rank].size()) continue;
        left = true;
        if (!run.ready(rank, rows[rank][next[rank]])) {
          idle.push_back(rank);
          continue;
        }
        run.run(rank, rows[rank][next[rank]++]);
        progress = true;
      }
    }
    if (!left) return steps;
    if (!progress) return std::nullopt;
  }
}

/// The sends and receives as PyTorch's pass places them; empty where the order deadlocks. `last`: the largest
/// micro-batch of a token loop.
inline std::optional<Rows> place_by_sweeps(const Rows& rows, int stages, int requests = 0, int last = 0) {
  std::map<std::pair<std::string, int>, std::size_t> rank_of;  // (direction, stage)
  for (std::size_t rank = 0; rank < rows.size(); ++rank) {
    for (const std::string& cell : rows[rank])
      for (const RowAction& action : parse_cell(cell)) rank_of[{action.direction, action.stage}] = rank;
  }
  RowsRun run(rows.size(), stages, requests);
  Rows out(rows.size());
  const auto emit = [&](std::size_t rank, const std::string& cell) {
    run.run(rank, cell);
    out[rank].push_back(cell);
  };
  const auto hand_over = [&](std::size_t rank, const RowAction& send, const RowAction& receive) {
    const std::size_t to = rank_of.at({receive.direction, receive.stage});
    if (to == rank) return;
    emit(rank, send.text());
    emit(to, receive.text());
  };
  std::vector<std::size_t> next(rows.size(), 0);
  for (bool progress = true; progress;) {
    progress = false;
    for (std::size_t rank = 0; rank < rows.size(); ++rank) {
      if (next[rank] == rows[rank].size() || !run.ready(rank, rows[rank][next[rank]])) continue;
      progress = true;
      const std::string cell = rows[rank][next[rank]++];
      emit(rank, cell);
      for (const RowAction& a : parse_cell(cell)) {
        if (a.kind == "F") {
          const RowAction receive = run.after_forward(a);
          const bool token = receive.stage == 0 && receive.micro_batch > last;  // nobody reads it
          if (!receive.kind.empty() && !token) hand_over(rank, a.with("SEND_F", a.stage), receive);
        }
        if ((a.kind == "B" || a.kind == "I") && a.stage > 0)
          hand_over(rank, a.with("SEND_B", a.stage), a.with("RECV_B", a.stage - 1));
      }
    }
  }
  for (std::size_t rank = 0; rank < rows.size(); ++rank) {
    if (next[rank] < rows[rank].size()) return std::nullopt;
  }
  return out;
}

}  // namespace ppsim
