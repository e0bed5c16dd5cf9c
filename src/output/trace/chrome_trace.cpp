// Chrome trace, JSON object format: metadata first, then events by time. Half a million ops make millions of
// events, so the text is appended piece by piece and no JSON value is ever built.
#include "ppsim/output/trace/chrome_trace.hpp"

#include <fmt/compile.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "graph/transfer_list.hpp"
#include "output/labels.hpp"
#include "output/trace/microseconds.hpp"
#include "output/trace/trace_tracks.hpp"
#include "ppsim/core/version.hpp"
#include "ppsim/output/shown_run.hpp"

namespace ppsim {
namespace {

/// In the order in which events of one instant are written.
enum class Phase : std::uint8_t { Slice, FlowStart, FlowEnd, Counter };

/// What is sorted; the text is made from it afterwards.
struct Event {
  Time ts{};
  Time dur{};  ///< slices only
  Phase phase{};
  std::uint32_t run = 0;
  std::uint32_t row = 0;     ///< a track of the run; for counters the rank
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
  return std::tuple(a.ts, a.phase, b.dur, a.run, a.row, a.source) <
         std::tuple(b.ts, b.phase, a.dur, b.run, b.row, b.source);
}

/// What a run puts into the trace, and where its ids begin.
struct RunPart {
  const ShownRun* run;
  ChunkIndex chunks;
  Tracks tracks;
  std::vector<Flow> flows;
  Time origin{};  ///< of its clock: the trace begins at 0
  std::uint32_t first_process = 0, first_thread = 0, first_flow = 0;
};

Time first_start(const Tracks& tracks) {
  Time first = Time::max();
  for (const Slice& slice : tracks.slices) first = std::min(first, slice.span.start);
  return tracks.slices.empty() ? Time{} : first;
}

class TraceWriter {
 public:
  explicit TraceWriter(std::span<const ShownRun> runs) {
    std::uint32_t ranks = 0;
    for (const ShownRun& run : runs) ranks += run.graph->rank_count();
    // Thread ids are unique over all processes and none is a process id, which Perfetto would take for a main
    // thread.
    std::uint32_t process = 0, thread = ranks, flow = 0;
    for (const ShownRun& run : runs) {
      RunPart& part = parts_.emplace_back(
          RunPart{&run, ChunkIndex(*run.graph), make_tracks(*run.graph, *run.timeline), {}});
      part.origin = first_start(part.tracks);
      part.first_process = process;
      part.first_thread = thread;
      part.first_flow = flow;
      collect_flows(part);
      process += run.graph->rank_count();
      thread += static_cast<std::uint32_t>(part.tracks.tracks.size());
      flow += static_cast<std::uint32_t>(part.flows.size());
    }
  }

  std::string write() && {
    for (std::uint32_t run = 0; run < parts_.size(); ++run) collect_events(run);
    std::sort(events_.begin(), events_.end(), before);
    text_.reserve(events_.size() * 120);
    text_ += "{\"displayTimeUnit\":\"ms\",";
    write_other_data();
    text_ += "\"traceEvents\":[\n";
    for (const RunPart& part : parts_) write_metadata(part);
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

  static void collect_flows(RunPart& part) {
    const Tracks& tracks = part.tracks;
    const auto add = [&](std::uint32_t from, std::uint32_t to, std::string_view category,
                         std::string_view name) {
      if (has_inside(tracks, from) && has_inside(tracks, to))
        part.flows.push_back({from, to, category, name});
    };
    for (std::size_t i = 0; i < tracks.transfers.size(); ++i) {
      add(tracks.send_slice[i], tracks.receive_slice[i], "transfer",
          payload_name(tracks.transfers[i].op, part.run->report->stages));
    }
    for (const auto& [forward, backward] : list_forward_backward(*part.run->graph)) {
      add(forward, backward, "forward-backward", "forward to backward");
    }
  }

  /// An arrow needs a point strictly inside its slice.
  static bool has_inside(const Tracks& tracks, std::uint32_t slice) {
    if (slice == kNoSlice) return false;
    const Interval& span = tracks.slices[slice].span;
    return span.finish - span.start >= Time(2);
  }

  void collect_events(std::uint32_t run) {
    const RunPart& part = parts_[run];
    const auto& slices = part.tracks.slices;
    const auto add = [&](Time at, Time duration, Phase phase, std::uint32_t row, std::uint32_t source) {
      events_.push_back({at - part.origin, duration, phase, run, row, source});
    };
    for (std::uint32_t i = 0; i < slices.size(); ++i) {
      const Slice& slice = slices[i];
      add(slice.span.start, slice.span.finish - slice.span.start, Phase::Slice, slice.track, i);
    }
    for (std::uint32_t id = 0; id < part.flows.size(); ++id) {
      const Slice& from = slices[part.flows[id].from];
      const Slice& to = slices[part.flows[id].to];
      add(from.span.start + Time(1), Time(0), Phase::FlowStart, from.track, id);
      add(to.span.finish - Time(1), Time(0), Phase::FlowEnd, to.track, id);
    }
    const std::vector<RankMemory>& memory = *part.run->memory;
    for (std::uint32_t rank = 0; rank < memory.size(); ++rank) {
      const auto& steps = memory[rank].steps;
      for (std::uint32_t step = 0; step < steps.size(); ++step)
        add(steps[step].at, Time(0), Phase::Counter, rank, step);
    }
  }

  void write_other_data() {
    append(FMT_COMPILE("\"otherData\":{{\"ppsim_version\":{},"), json_text(version()));
    if (parts_.size() == 1) {
      write_figures(*parts_.front().run->report);
    } else {
      for (const RunPart& part : parts_) {
        append(FMT_COMPILE("{}{}:{{"), &part == &parts_.front() ? "" : ",", json_text(part.run->name));
        write_figures(*part.run->report);
        text_ += '}';
      }
    }
    text_ += "},\n";
  }

  void write_figures(const Report& report) {
    append(FMT_COMPILE("\"schedule\":{},\"ranks\":{},\"stages\":{},\"micro_batches\":{},"),
           json_text(report.schedule), report.ranks, report.stages, report.micro_batches);
    append(FMT_COMPILE("\"makespan_ns\":{},\"bubble_fraction\":{}"), report.makespan.count(),
           report.bubble_fraction);
  }

  static std::string process_name(const ShownRun& run, std::uint32_t rank) {
    const std::string layers = layers_phrase(run.report->per_rank[rank].layers);
    return fmt::format("{}{}rank {}{}", run.name, run.name.empty() ? "" : " ", rank,
                       layers.empty() ? "" : fmt::format(" ({})", layers));
  }

  void write_metadata(const RunPart& part) {
    for (std::uint32_t rank = 0; rank < part.run->graph->rank_count(); ++rank) {
      const std::uint32_t process = part.first_process + rank;
      append(FMT_COMPILE("{{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":{},\"args\":{{\"name\":{}}}}},\n"),
             process, json_text(process_name(*part.run, rank)));
      append(FMT_COMPILE("{{\"name\":\"process_sort_index\",\"ph\":\"M\",\"pid\":{},\"args\":{{\"sort_"
                         "index\":{}}}}},\n"),
             process, process);
    }
    for (std::uint32_t track = 0; track < part.tracks.tracks.size(); ++track) {
      const Track& row = part.tracks.tracks[track];
      append(
          FMT_COMPILE(
              "{{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":{},\"tid\":{},\"args\":{{\"name\":{}}}}},\n"),
          part.first_process + row.rank, part.first_thread + track, json_text(row.name));
      append(FMT_COMPILE("{{\"name\":\"thread_sort_index\",\"ph\":\"M\",\"pid\":{},\"tid\":{},\"args\":{{"
                         "\"sort_index\":{}}}"
                         "}},\n"),
             part.first_process + row.rank, part.first_thread + track, track);
    }
  }

  [[nodiscard]] std::uint32_t process_of(const Event& event) const {
    const RunPart& part = parts_[event.run];
    return part.first_process +
           (event.phase == Phase::Counter ? event.row : part.tracks.tracks[event.row].rank);
  }

  [[nodiscard]] std::uint32_t thread_of(const Event& event) const {
    return parts_[event.run].first_thread + event.row;
  }

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
    const RunPart& part = parts_[event.run];
    const OpGraph& graph = *part.run->graph;
    const Slice& slice = part.tracks.slices[event.source];
    if (slice.kind == Slice::Kind::Action) {
      const auto ops = graph.ops(slice.source);
      const Rank rank{part.tracks.tracks[event.row].rank};
      begin_slice(event, "", action_name(ops, rank, part.chunks), long_name(ops.front().kind));
      write_action_args(ops, part.run->report->per_rank[index(rank)]);
    } else {
      const Transfer& transfer = part.tracks.transfers[slice.source];
      const bool send = slice.kind == Slice::Kind::Send;
      begin_slice(event, send ? "send " : "receive ",
                  action_name({&transfer.op, 1}, graph.rank_of(transfer.source), part.chunks),
                  send ? "send" : "receive");
      write_transfer_args(graph, transfer);
    }
  }

  void begin_slice(const Event& event, std::string_view prefix, const std::string& name,
                   std::string_view category) {
    append(FMT_COMPILE("{{\"name\":\"{}{}\",\"cat\":\"{}\",\"ph\":\"X\",\"ts\":"), prefix, name, category);
    append_microseconds(text_, event.ts);
    text_ += ",\"dur\":";
    append_microseconds(text_, event.dur);
    append(FMT_COMPILE(",\"pid\":{},\"tid\":{},\"args\":"), process_of(event), thread_of(event));
  }

  void write_action_args(std::span<const Op> ops, const RankReport& rank) {
    const Op first = ops.front();
    append(FMT_COMPILE("{{\"kind\":\"{}\",\"stage\":{}"), name(first.kind), index(first.stage));
    if (is_compute(first.kind)) append(FMT_COMPILE(",\"micro_batch\":{}"), index(first.micro_batch));
    append_layers("layers", rank, first.stage);
    if (ops.size() > 1) {
      append(FMT_COMPILE(",\"pair_kind\":\"{}\",\"pair_stage\":{},\"pair_micro_batch\":{}"),
             name(ops[1].kind), index(ops[1].stage), index(ops[1].micro_batch));
      append_layers("pair_layers", rank, ops[1].stage);
    }
    text_ += '}';
  }

  void append_layers(std::string_view key, const RankReport& report, Stage stage) {
    const std::string layers = layers_text(layers_of(report, stage));
    if (!layers.empty()) append(FMT_COMPILE(",\"{}\":\"{}\""), key, layers);
  }

  void write_transfer_args(const OpGraph& graph, const Transfer& transfer) {
    const TransferClass& kind = *graph.transfer(transfer.edge);
    append(
        FMT_COMPILE("{{\"kind\":\"{}\",\"stage\":{},\"micro_batch\":{},\"bytes\":{},\"from\":{},\"to\":{}}}"),
        name(transfer.op.kind), index(transfer.op.stage), index(transfer.op.micro_batch), kind.bytes.count(),
        index(kind.from), index(kind.to));
  }

  void write_flow(const Event& event, std::string_view phase) {
    const RunPart& part = parts_[event.run];
    const Flow& flow = part.flows[event.source];
    append(FMT_COMPILE("{{\"name\":\"{}\",\"cat\":\"{}\",\"ph\":{},\"id\":{},\"ts\":"), flow.name,
           flow.category, phase, part.first_flow + event.source);
    append_microseconds(text_, event.ts);
    append(FMT_COMPILE(",\"pid\":{},\"tid\":{}"), process_of(event), thread_of(event));
  }

  void write_counter(const Event& event) {
    const ShownRun& run = *parts_[event.run].run;
    append(FMT_COMPILE("{{\"name\":\"{}\",\"ph\":\"C\",\"ts\":"),
           run.report->forward_only ? "KV cache" : "activation memory");
    append_microseconds(text_, event.ts);
    append(FMT_COMPILE(",\"pid\":{},\"args\":{{\"bytes\":{}}}"), process_of(event),
           (*run.memory)[event.row].steps[event.source].bytes.count());
  }

  std::vector<RunPart> parts_;
  std::vector<Event> events_;
  std::string text_;
};

}  // namespace

std::string chrome_trace(const OpGraph& graph, const Timeline& timeline,
                         const std::vector<RankMemory>& memory, const Report& report) {
  const ShownRun run{"", &graph, &timeline, &memory, &report};
  return TraceWriter({&run, 1}).write();
}

std::string chrome_trace(std::span<const ShownRun> runs) {
  return TraceWriter(runs).write();
}

}  // namespace ppsim
