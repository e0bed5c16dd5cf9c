// Chrome trace, JSON object format: metadata first, then events by time. Half a million ops make millions of
// events, so the text is appended piece by piece and no JSON value is ever built.
#include <fmt/compile.h>
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "actions.hpp"
#include "labels.hpp"
#include "ppsim/core/version.hpp"
#include "ppsim/io/timeline_files.hpp"
#include "trace_tracks.hpp"

namespace ppsim {
namespace {

/// In the order in which events of one instant are written.
enum class Phase : std::uint8_t { Slice, FlowStart, FlowEnd, Counter };

/// What is sorted; the text is made from it afterwards.
struct Event {
  Time ts{};
  Time dur{};  ///< slices only
  Phase phase{};
  std::uint32_t row = 0;     ///< a track; for counters the rank
  std::uint32_t source = 0;  ///< slice, flow id, or step of the rank's memory
};

/// A binding of two slices by an arrow.
struct Flow {
  std::uint32_t from = 0;  ///< slice
  std::uint32_t to = 0;
  std::string_view category;
  std::string_view name;
};

std::string json_text(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

bool before(const Event& a, const Event& b) {
  return std::tuple(a.ts, a.phase, b.dur, a.row, a.source) <
         std::tuple(b.ts, b.phase, a.dur, b.row, b.source);
}

class TraceWriter {
 public:
  TraceWriter(const OpGraph& graph, const Timeline& timeline, const std::vector<RankMemory>& memory,
              const Report& report)
      : graph_(graph),
        memory_(memory),
        report_(report),
        chunks_(graph),
        tracks_(make_tracks(graph, timeline)) {}

  std::string write() && {
    collect_flows();
    collect_events();
    text_.reserve(events_.size() * 120);
    text_ += "{\"displayTimeUnit\":\"ms\",";
    write_other_data();
    text_ += "\"traceEvents\":[\n";
    write_metadata();
    for (const Event& event : events_) write_event(event);
    text_.resize(text_.size() - 2);  // the last comma
    text_ += "\n]}\n";
    return std::move(text_);
  }

 private:
  template <class Format, class... Args>
  void append(const Format& format, const Args&... args) {
    fmt::format_to(std::back_inserter(text_), format, args...);
  }

  /// Microseconds with exactly three decimals: nanoseconds survive the trip through a double.
  void append_us(Time time) { append(FMT_COMPILE("{}.{:03}"), time.count() / 1000, time.count() % 1000); }

  void collect_flows() {
    const auto add = [&](std::uint32_t from, std::uint32_t to, std::string_view category,
                         std::string_view name) {
      if (has_inside(from) && has_inside(to)) flows_.push_back({from, to, category, name});
    };
    for (std::size_t i = 0; i < tracks_.transfers.size(); ++i) {
      add(tracks_.send_slice[i], tracks_.receive_slice[i], "transfer",
          payload_name(tracks_.transfers[i].op, report_.stages));
    }
    for (const auto& [forward, backward] : list_forward_backward(graph_)) {
      add(forward, backward, "forward-backward", "forward to backward");
    }
  }

  /// An arrow needs a point strictly inside its slice.
  bool has_inside(std::uint32_t slice) const {
    if (slice == kNoSlice) return false;
    const Interval& span = tracks_.slices[slice].span;
    return span.finish - span.start >= Time(2);
  }

  void collect_events() {
    for (std::uint32_t i = 0; i < tracks_.slices.size(); ++i) {
      const Slice& slice = tracks_.slices[i];
      events_.push_back(
          {slice.span.start, slice.span.finish - slice.span.start, Phase::Slice, slice.track, i});
    }
    for (std::uint32_t id = 0; id < flows_.size(); ++id) {
      const Slice& from = tracks_.slices[flows_[id].from];
      const Slice& to = tracks_.slices[flows_[id].to];
      events_.push_back({from.span.start + Time(1), Time(0), Phase::FlowStart, from.track, id});
      events_.push_back({to.span.finish - Time(1), Time(0), Phase::FlowEnd, to.track, id});
    }
    for (std::uint32_t rank = 0; rank < memory_.size(); ++rank) {
      const auto& steps = memory_[rank].steps;
      for (std::uint32_t step = 0; step < steps.size(); ++step) {
        events_.push_back({steps[step].at, Time(0), Phase::Counter, rank, step});
      }
    }
    std::sort(events_.begin(), events_.end(), before);
  }

  void write_other_data() {
    append(FMT_COMPILE("\"otherData\":{{\"ppsim_version\":{},\"schedule\":{},\"ranks\":{},\"stages\":{},"
                       "\"micro_batches\":{}"
                       ","),
           json_text(version()), json_text(report_.schedule), report_.ranks, report_.stages,
           report_.micro_batches);
    append(FMT_COMPILE("\"makespan_ns\":{},\"bubble_fraction\":{}}},\n"), report_.makespan.count(),
           report_.bubble_fraction);
  }

  void write_metadata() {
    for (std::uint32_t rank = 0; rank < graph_.rank_count(); ++rank) {
      const std::string layers = layers_phrase(report_.per_rank[rank].layers);
      const std::string name =
          layers.empty() ? fmt::format("rank {}", rank) : fmt::format("rank {} ({})", rank, layers);
      append(FMT_COMPILE("{{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":{},\"args\":{{\"name\":{}}}}},\n"),
             rank, json_text(name));
      append(FMT_COMPILE("{{\"name\":\"process_sort_index\",\"ph\":\"M\",\"pid\":{},\"args\":{{\"sort_"
                         "index\":{}}}}},\n"),
             rank, rank);
    }
    for (std::uint32_t track = 0; track < tracks_.tracks.size(); ++track) {
      const Track& row = tracks_.tracks[track];
      append(
          FMT_COMPILE(
              "{{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":{},\"tid\":{},\"args\":{{\"name\":{}}}}},\n"),
          row.rank, tid(track), json_text(row.name));
      append(FMT_COMPILE("{{\"name\":\"thread_sort_index\",\"ph\":\"M\",\"pid\":{},\"tid\":{},\"args\":{{"
                         "\"sort_index\":{}}}"
                         "}},\n"),
             row.rank, tid(track), track);
    }
  }

  /// Thread ids are unique over all processes and none is a process id, which Perfetto would take for a main
  /// thread.
  std::uint32_t tid(std::uint32_t track) const { return graph_.rank_count() + track; }

  void write_event(const Event& event) {
    switch (event.phase) {
      case Phase::Slice:
        write_slice(event);
        break;
      case Phase::FlowStart:
        write_flow(event, "\"s\"");
        break;
      case Phase::FlowEnd:
        write_flow(event, "\"f\",\"bp\":\"e\"");
        break;
      case Phase::Counter:
        write_counter(event);
        break;
    }
    text_ += "},\n";
  }

  void write_slice(const Event& event) {
    const Slice& slice = tracks_.slices[event.source];
    if (slice.kind == Slice::Kind::Action) {
      const auto ops = graph_.ops(slice.source);
      begin_slice(event, "", action_name(ops, rank_of(event.row), chunks_), long_name(ops.front().kind));
      write_action_args(ops, index(rank_of(event.row)));
    } else {
      const Transfer& transfer = tracks_.transfers[slice.source];
      const bool send = slice.kind == Slice::Kind::Send;
      begin_slice(event, send ? "send " : "receive ",
                  action_name({&transfer.op, 1}, graph_.rank_of(transfer.source), chunks_),
                  send ? "send" : "receive");
      write_transfer_args(transfer);
    }
  }

  Rank rank_of(std::uint32_t track) const { return static_cast<Rank>(tracks_.tracks[track].rank); }

  void begin_slice(const Event& event, std::string_view prefix, const std::string& name,
                   std::string_view category) {
    append(FMT_COMPILE("{{\"name\":\"{}{}\",\"cat\":\"{}\",\"ph\":\"X\",\"ts\":"), prefix, name, category);
    append_us(event.ts);
    text_ += ",\"dur\":";
    append_us(event.dur);
    append(FMT_COMPILE(",\"pid\":{},\"tid\":{},\"args\":"), tracks_.tracks[event.row].rank, tid(event.row));
  }

  void write_action_args(std::span<const Op> ops, std::size_t rank) {
    const Op first = ops.front();
    append(FMT_COMPILE("{{\"kind\":\"{}\",\"stage\":{}"), name(first.kind), index(first.stage));
    if (is_compute(first.kind)) append(FMT_COMPILE(",\"micro_batch\":{}"), index(first.micro_batch));
    append_layers("layers", report_.per_rank[rank], first.stage);
    if (ops.size() > 1) {
      append(FMT_COMPILE(",\"pair_kind\":\"{}\",\"pair_stage\":{},\"pair_micro_batch\":{}"),
             name(ops[1].kind), index(ops[1].stage), index(ops[1].micro_batch));
      append_layers("pair_layers", report_.per_rank[rank], ops[1].stage);
    }
    text_ += '}';
  }

  void append_layers(std::string_view key, const RankReport& report, Stage stage) {
    const std::string layers = layers_text(layers_of(report, stage));
    if (!layers.empty()) append(FMT_COMPILE(",\"{}\":\"{}\""), key, layers);
  }

  void write_transfer_args(const Transfer& transfer) {
    const TransferClass& kind = graph_.transfer_classes()[graph_.edge_classes()[transfer.edge]];
    append(
        FMT_COMPILE("{{\"kind\":\"{}\",\"stage\":{},\"micro_batch\":{},\"bytes\":{},\"from\":{},\"to\":{}}}"),
        name(transfer.op.kind), index(transfer.op.stage), index(transfer.op.micro_batch), kind.bytes.count(),
        index(kind.from), index(kind.to));
  }

  void write_flow(const Event& event, std::string_view phase) {
    const Flow& flow = flows_[event.source];
    append(FMT_COMPILE("{{\"name\":\"{}\",\"cat\":\"{}\",\"ph\":{},\"id\":{},\"ts\":"), flow.name,
           flow.category, phase, event.source);
    append_us(event.ts);
    append(FMT_COMPILE(",\"pid\":{},\"tid\":{}"), tracks_.tracks[event.row].rank, tid(event.row));
  }

  void write_counter(const Event& event) {
    append(FMT_COMPILE("{{\"name\":\"{}\",\"ph\":\"C\",\"ts\":"),
           report_.forward_only ? "KV cache" : "activation memory");
    append_us(event.ts);
    append(FMT_COMPILE(",\"pid\":{},\"args\":{{\"bytes\":{}}}"), event.row,
           memory_[event.row].steps[event.source].bytes.count());
  }

  const OpGraph& graph_;
  const std::vector<RankMemory>& memory_;
  const Report& report_;
  ChunkIndex chunks_;
  Tracks tracks_;
  std::vector<Flow> flows_;
  std::vector<Event> events_;
  std::string text_;
};

}  // namespace

std::string chrome_trace(const OpGraph& graph, const Timeline& timeline,
                         const std::vector<RankMemory>& memory, const Report& report) {
  return TraceWriter(graph, timeline, memory, report).write();
}

}  // namespace ppsim
