#include "ppsim/output/trace/timeline_csv.hpp"

#include <fmt/compile.h>
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "graph/transfer_list.hpp"
#include "input/timeline/streams.hpp"
#include "input/timeline/timeline_columns.hpp"

namespace ppsim {
namespace {

/// In the order of the tie: what computes, then what is sent, then what is received.
enum class Stream : std::uint8_t { Compute, Send, Receive, Collective };

struct Row {
  Interval span;
  Rank rank{};
  Stream stream{};
  Op op;
  std::optional<Bytes> bytes;  ///< transfers only
  Rank peer{};
};

bool row_before(const Row& a, const Row& b) {
  // Stable sorting keeps the rest: program order, and F before B in a pair.
  return std::tuple(a.span.start, a.rank, a.stream, a.span.finish) <
         std::tuple(b.span.start, b.rank, b.stream, b.span.finish);
}

std::string_view stream_name(Stream stream) {
  switch (stream) {
    case Stream::Compute:
      return kComputeStream;
    case Stream::Send:
      return kSendStream;
    case Stream::Receive:
      return kReceiveStream;
    case Stream::Collective:
      return kCollectiveStream;
  }
  return "?";
}

std::vector<Row> list_rows(const OpGraph& graph, const Timeline& timeline) {
  std::vector<Row> rows;
  for (std::uint32_t rank = 0; rank < graph.rank_count(); ++rank) {
    for (VertexId v = graph.rank_begin()[rank]; v < graph.rank_begin()[rank + 1]; ++v) {
      const auto ops = graph.ops(v);
      const Stream stream = stream_of(ops) == kComputeStream ? Stream::Compute : Stream::Collective;
      for (const Op op : ops) {
        rows.push_back(
            {{timeline.start[v], timeline.finish[v]}, static_cast<Rank>(rank), stream, op, {}, {}});
      }
    }
  }
  for (const Transfer& transfer : list_transfers(graph)) {
    const TransferClass& kind = *graph.transfer(transfer.edge);
    const Time start = timeline.transfer_start[transfer.edge];
    const Time finish = timeline.transfer_finish[transfer.edge];
    rows.push_back(
        {send_span(kind, start, finish), kind.from, Stream::Send, transfer.op, kind.bytes, kind.to});
    rows.push_back(
        {receive_span(kind, start, finish), kind.to, Stream::Receive, transfer.op, kind.bytes, kind.from});
  }
  return rows;
}

void append_row(std::string& text, const Row& row) {
  const auto out = std::back_inserter(text);
  fmt::format_to(out, FMT_COMPILE("{},{},{},{},"), index(row.rank), stream_name(row.stream),
                 name(row.op.kind), index(row.op.stage));
  // What runs once a step has no micro-batch.
  if (has_micro_batch(row.op.kind)) fmt::format_to(out, FMT_COMPILE("{}"), index(row.op.micro_batch));
  fmt::format_to(out, FMT_COMPILE(",{},{},"), row.span.start.count(), row.span.finish.count());
  if (row.bytes) {
    fmt::format_to(out, FMT_COMPILE("{},{}\n"), row.bytes->count(), index(row.peer));
  } else {
    text += ",\n";
  }
}

void append_rows(std::string& text, const OpGraph& graph, const Timeline& timeline, std::string_view prefix) {
  std::vector<Row> rows = list_rows(graph, timeline);
  std::stable_sort(rows.begin(), rows.end(), row_before);
  text.reserve(text.size() + rows.size() * 48);
  for (const Row& row : rows) {
    text += prefix;
    append_row(text, row);
  }
}

}  // namespace

std::string timeline_csv(const OpGraph& graph, const Timeline& timeline) {
  std::string text = std::string(kTimelineHeader) + "\n";
  append_rows(text, graph, timeline, "");
  return text;
}

std::string timeline_csv(const OpGraph& graph, std::span<const Timeline> steps) {
  if (steps.size() == 1) return timeline_csv(graph, steps.front());
  std::string text = fmt::format("{},{}\n", kStepColumn, kTimelineHeader);
  for (std::size_t step = 0; step < steps.size(); ++step)
    append_rows(text, graph, steps[step], fmt::format("{},", step));
  return text;
}

}  // namespace ppsim
