#include "ppsim/input/timeline/timeline_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <compare>
#include <optional>
#include <string_view>
#include <vector>

#include "core/numbers.hpp"
#include "graph/transfer_list.hpp"
#include "input/timeline/streams.hpp"
#include "input/timeline/timeline_columns.hpp"
#include "ppsim/core/error.hpp"
#include "text/files.hpp"

namespace ppsim {
namespace {

constexpr std::size_t kMostCells = 10;
constexpr std::uint64_t kMostNs = std::uint64_t{1} << 62;

/// What rows are about. A transfer has one at each end.
enum class What : std::uint8_t { Action, Send, Receive };

/// By which a row is found again in the graph.
struct Key {
  What what{};
  std::uint64_t rank = 0, peer = 0;
  OpKind kind{};
  std::uint64_t stage = 0, micro_batch = 0;  // the latter 0 where the kind has none

  friend auto operator<=>(const Key&, const Key&) = default;
};

struct Row {
  std::uint64_t step = 0;
  Key key;
  Time start{}, finish{};
  Bytes bytes;  // transfers only
};

/// One line of the file.
class Line {
 public:
  Line(const std::string& path, std::size_t number, std::string_view text) : path_(path), number_(number) {
    while (true) {
      const std::size_t comma = text.find(',');
      if (count_ < kMostCells) cells_[count_] = text.substr(0, comma);
      ++count_;
      if (comma == std::string_view::npos) return;
      text.remove_prefix(comma + 1);
    }
  }

  [[nodiscard]] std::size_t count() const { return count_; }
  [[nodiscard]] std::string_view cell(std::size_t i) const { return cells_[i]; }

  [[nodiscard]] std::uint64_t number(std::size_t i, std::string_view column) const {
    const std::string_view text = cells_[i];
    const auto value = parse_number<std::uint64_t>(text);
    if (value && *value <= kMostNs) return *value;
    fail(fmt::format("{} is \"{}\", expected a whole number", column, text));
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw Error(fmt::format("{}, line {}", path_, number_), what);
  }

 private:
  const std::string& path_;
  std::size_t number_;
  std::array<std::string_view, kMostCells> cells_;
  std::size_t count_ = 0;
};

OpKind kind_of_row(const Line& line, std::string_view text) {
  for (const OpKind kind : all_op_kinds())
    if (name(kind) == text) return kind;
  line.fail(fmt::format("there is no kind of op \"{}\"", text));
}

What what_of(const Line& line, std::string_view stream) {
  if (stream == kSendStream) return What::Send;
  if (stream == kReceiveStream) return What::Receive;
  if (stream == kComputeStream || stream == kCollectiveStream) return What::Action;
  line.fail(fmt::format("there is no stream \"{}\"; there are {}, {}, {} and {}", stream, kComputeStream,
                        kSendStream, kReceiveStream, kCollectiveStream));
}

/// `first`: the cell of the rank.
Row parse_row(const Line& line, std::size_t first) {
  if (line.count() != first + 9) line.fail(fmt::format("has {} cells, expected {}", line.count(), first + 9));
  Row row;
  if (first > 0) row.step = line.number(0, kStepColumn);
  Key& key = row.key;
  key.what = what_of(line, line.cell(first + 1));
  key.kind = kind_of_row(line, line.cell(first + 2));
  key.rank = line.number(first, "rank");
  key.stage = line.number(first + 3, "stage");
  if (has_micro_batch(key.kind)) key.micro_batch = line.number(first + 4, "micro_batch");
  row.start = Time(static_cast<Time::rep>(line.number(first + 5, "start_ns")));
  row.finish = Time(static_cast<Time::rep>(line.number(first + 6, "finish_ns")));
  if (row.finish < row.start) line.fail("finish_ns is before start_ns");
  if (key.what == What::Action) return row;
  row.bytes = Bytes(static_cast<std::int64_t>(line.number(first + 7, "bytes")));
  key.peer = line.number(first + 8, "peer");
  return row;
}

/// What the graph has, by key.
class Index {
 public:
  struct Entry {
    Key key;
    std::uint32_t id{};  // VertexId or EdgeId
  };

  explicit Index(const OpGraph& graph) {
    for (VertexId v = 0; v < graph.vertex_count(); ++v) {
      for (const Op op : graph.ops(v)) add({What::Action, index(graph.rank_of(v)), 0}, op, v);
    }
    for (const Transfer& transfer : list_transfers(graph)) {
      const TransferClass& kind = *graph.transfer(transfer.edge);
      add({What::Send, index(kind.from), index(kind.to)}, transfer.op, transfer.edge);
      add({What::Receive, index(kind.to), index(kind.from)}, transfer.op, transfer.edge);
    }
    // Stable: equal keys stay in program order.
    std::stable_sort(entries_.begin(), entries_.end(),
                     [](const Entry& a, const Entry& b) { return a.key < b.key; });
  }

  [[nodiscard]] std::span<const Entry> entries() const { return entries_; }

  /// The first entry of that key, or none.
  [[nodiscard]] std::optional<std::size_t> find(const Key& key) const {
    const auto found = std::lower_bound(entries_.begin(), entries_.end(), key,
                                        [](const Entry& entry, const Key& k) { return entry.key < k; });
    if (found == entries_.end() || found->key != key) return std::nullopt;
    return static_cast<std::size_t>(found - entries_.begin());
  }

 private:
  void add(Key key, Op op, std::uint32_t id) {
    key.kind = op.kind;
    key.stage = index(op.stage);
    if (has_micro_batch(op.kind)) key.micro_batch = index(op.micro_batch);
    entries_.push_back({key, id});
  }

  std::vector<Entry> entries_;
};

std::string describe(const Key& key) {
  std::string text = fmt::format("rank {}: {} of stage {}", key.rank, name(key.kind), key.stage);
  if (has_micro_batch(key.kind)) text += fmt::format(", micro-batch {}", key.micro_batch);
  if (key.what == What::Send) text += fmt::format(", sent to rank {}", key.peer);
  if (key.what == What::Receive) text += fmt::format(", received from rank {}", key.peer);
  return text;
}

/// Fills one step's timeline, row by row.
class StepReader {
 public:
  StepReader(const OpGraph& graph, const Index& index)
      : graph_(&graph),
        index_(&index),
        next_(index.entries().size()),
        taken_(index.entries().size()),
        has_(graph.vertex_count()) {
    timeline_.start.resize(graph.vertex_count());
    timeline_.finish.resize(graph.vertex_count());
    timeline_.transfer_start.resize(graph.edge_count());
    timeline_.transfer_finish.resize(graph.edge_count());
  }

  void add(const Row& row, const Line& line) {
    const auto first = index_->find(row.key);
    if (!first) line.fail(fmt::format("{}: the config's run has no such op or transfer", describe(row.key)));
    const std::size_t entry = *first + next_[*first]++;
    if (entry >= taken_.size() || index_->entries()[entry].key != row.key)
      line.fail(fmt::format("{}: stands in the file already", describe(row.key)));
    taken_[entry] = true;
    place(row, index_->entries()[entry].id, line);
  }

  [[nodiscard]] Timeline take(const std::string& path) && {
    const auto missing = std::find(taken_.begin(), taken_.end(), false);
    if (missing != taken_.end()) {
      const Key& key = index_->entries()[static_cast<std::size_t>(missing - taken_.begin())].key;
      throw Error(path,
                  fmt::format("lacks {}: expected each op and transfer of the config's run", describe(key)));
    }
    for (std::size_t edge = 0; edge < timeline_.transfer_start.size(); ++edge) {
      if (timeline_.transfer_finish[edge] < timeline_.transfer_start[edge])
        timeline_.transfer_finish[edge] = timeline_.transfer_start[edge];
    }
    return std::move(timeline_);
  }

 private:
  void place(const Row& row, std::uint32_t id, const Line& line) {
    switch (row.key.what) {
      case What::Action:
        if (has_[id] && (timeline_.start[id] != row.start || timeline_.finish[id] != row.finish))
          line.fail(fmt::format("{}: the other half of its pair has other times", describe(row.key)));
        has_[id] = true;
        timeline_.start[id] = row.start;
        timeline_.finish[id] = row.finish;
        return;
      case What::Send:
        check_bytes(row, id, line);
        timeline_.transfer_start[id] = row.start;
        return;
      case What::Receive:
        check_bytes(row, id, line);
        timeline_.transfer_finish[id] = row.finish;
        return;
    }
  }

  void check_bytes(const Row& row, EdgeId edge, const Line& line) const {
    const Bytes bytes = graph_->transfer(edge)->bytes;
    if (row.bytes != bytes)
      line.fail(fmt::format("bytes is {}, and in the config's run {}", row.bytes.count(), bytes.count()));
  }

  const OpGraph* graph_;
  const Index* index_;
  std::vector<std::uint32_t> next_;  // [entries] of the first of a key: how many rows it has had
  std::vector<bool> taken_;          // [entries]
  std::vector<bool> has_;            // [vertices]
  Timeline timeline_;
};

class FileReader {
 public:
  FileReader(const std::string& path, const OpGraph& graph)
      : path_(path), graph_(graph), index_(graph), step_(graph, index_) {}

  std::vector<Timeline> read(std::string_view text) && {
    const std::size_t first = read_header(next_line(text));
    while (!text.empty()) {
      const std::string_view content = next_line(text);
      const Line line(path_, number_, content);
      const Row row = parse_row(line, first);
      if (row.step != steps_.size()) begin_step(row, line);
      step_.add(row, line);
      has_rows_ = true;
    }
    end_step();
    return std::move(steps_);
  }

 private:
  std::string_view next_line(std::string_view& text) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    ++number_;
    return line;
  }

  /// The cell of the rank.
  [[nodiscard]] std::size_t read_header(std::string_view line) const {
    if (line == kTimelineHeader) return 0;
    if (line == fmt::format("{},{}", kStepColumn, kTimelineHeader)) return 1;
    throw Error(path_ + ", line 1", fmt::format("is no timeline: expected \"{}\", or \"{}\" in front of that",
                                                kTimelineHeader, kStepColumn));
  }

  void begin_step(const Row& row, const Line& line) {
    if (row.step != steps_.size() + 1 || !has_rows_)
      line.fail(fmt::format("step {} stands behind {} steps: expected them in order, from 0", row.step,
                            steps_.size() + (has_rows_ ? 1 : 0)));
    end_step();
    step_ = StepReader(graph_, index_);
  }

  void end_step() {
    steps_.push_back(std::move(step_).take(path_));
    check_program_order(graph_, steps_.back(), path_);
  }

  const std::string& path_;
  const OpGraph& graph_;
  Index index_;
  StepReader step_;
  bool has_rows_ = false;
  std::size_t number_ = 0;  // of the line that was read last
  std::vector<Timeline> steps_;
};

}  // namespace

void check_program_order(const OpGraph& graph, const Timeline& timeline, const std::string& source) {
  for (std::uint32_t rank = 0; rank < graph.rank_count(); ++rank) {
    for (VertexId v = graph.rank_begin()[rank] + 1; v < graph.side_begin()[rank]; ++v) {
      if (timeline.start[v] >= timeline.start[v - 1]) continue;
      throw Error(source, fmt::format("{} starts before {}, which the config's schedule has first",
                                      graph.describe(v), graph.describe(v - 1)));
    }
  }
}

std::vector<Timeline> read_timeline(const std::string& path, const OpGraph& graph) {
  const std::string text = read_file(path);
  return FileReader(path, graph).read(text);
}

}  // namespace ppsim
