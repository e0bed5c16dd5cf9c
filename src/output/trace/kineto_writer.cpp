#include "output/trace/kineto_writer.hpp"

#include <fmt/compile.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <tuple>
#include <vector>

#include "input/timeline/streams.hpp"
#include "output/trace/lanes.hpp"
#include "output/trace/microseconds.hpp"
#include "ppsim/schedule/text/text.hpp"

namespace ppsim {
namespace {

// A moment of 2023: traces count from one, and simulated ones all from the same.
constexpr std::int64_t kBaseTime = 1'700'000'000'000'000'000;
// As PyTorch numbers them: its own compute stream, and others for NCCL.
constexpr std::uint32_t kComputeStreamId = 7, kCollectiveStreamId = 16, kFirstTransferStream = 20;
constexpr std::uint32_t kHost = 1000;  // process and thread of the host

struct KinetoEvent {
  Time start{}, duration{};
  std::string text;  ///< all behind the times
};

/// A send or receive of the rank.
struct Passing {
  std::size_t peer = 0;
  bool sends = false;
  Interval span;
  const TransferClass* kind = nullptr;
};

class RankWriter {
 public:
  RankWriter(const OpGraph& graph, const Timeline& timeline, const Schedule& schedule, Rank rank)
      : graph_(graph), timeline_(timeline), schedule_(schedule), rank_(rank) {}

  std::string write() && {
    add_step();
    for (VertexId v = first(); v < graph_.rank_begin()[index(rank_) + 1]; ++v) add_action(v);
    add_transfers();
    std::stable_sort(events_.begin(), events_.end(), [](const KinetoEvent& a, const KinetoEvent& b) {
      return std::tie(a.start, b.duration) < std::tie(b.start, a.duration);
    });
    std::string text = fmt::format(
        "{{\"schemaVersion\": 1, \"deviceProperties\": [{{\"id\": 0, \"name\": \"simulated\"}}],\n"
        "\"distributedInfo\": {{\"backend\": \"nccl\", \"rank\": {}, \"world_size\": {}}},\n"
        "\"baseTimeNanoseconds\": {}, \"displayTimeUnit\": \"ms\",\n\"traceEvents\": [\n",
        index(rank_), graph_.rank_count(), kBaseTime);
    for (const KinetoEvent& event : events_) append(text, event, &event == &events_.back());
    return text + "]}\n";
  }

 private:
  [[nodiscard]] VertexId first() const { return graph_.rank_begin()[index(rank_)]; }

  static void append(std::string& text, const KinetoEvent& event, bool last) {
    text += "{\"ph\": \"X\", \"ts\": ";
    append_microseconds(text, event.start);
    text += ", \"dur\": ";
    append_microseconds(text, event.duration);
    fmt::format_to(std::back_inserter(text), FMT_COMPILE(", {}}}{}\n"), event.text, last ? "" : ",");
  }

  void add(Time start, Time finish, std::string text) {
    events_.push_back({start, finish - start, std::move(text)});
  }

  void add_step() {
    if (timeline_.finish.empty()) return;
    add(*std::min_element(timeline_.start.begin(), timeline_.start.end()),
        *std::max_element(timeline_.finish.begin(), timeline_.finish.end()),
        annotation("user_annotation", "ProfilerStep#0", kHost, kHost));
  }

  static std::string annotation(std::string_view category, std::string_view name, std::uint32_t process,
                                std::uint32_t thread) {
    return fmt::format("\"cat\": \"{}\", \"name\": \"{}\", \"pid\": {}, \"tid\": {}", category, name, process,
                       thread);
  }

  [[nodiscard]] std::string op_text(Op op) const {
    return has_micro_batch(op.kind) ? to_text(schedule_, op)
                                    : fmt::format("{}{}", index(op.stage), name(op.kind));
  }

  [[nodiscard]] std::string action_text(std::span<const Op> ops) const {
    if (ops.size() == 1) return op_text(ops.front());
    return fmt::format("({};{})OVERLAP_F_B", op_text(ops[0]), op_text(ops[1]));
  }

  void add_action(VertexId vertex) {
    const auto ops = graph_.ops(vertex);
    const Time start = timeline_.start[vertex], finish = timeline_.finish[vertex];
    const bool collective = stream_of(ops) == kCollectiveStream;
    const std::uint32_t stream = collective ? kCollectiveStreamId : kComputeStreamId;
    const std::string label = "PP:" + action_text(ops);
    add(start, finish, annotation("user_annotation", label, kHost, kHost));
    add(start, finish, annotation("gpu_user_annotation", label, 0, stream));
    std::vector<std::string_view> names;
    for (const Op op : ops) {
      for (const std::string_view name : traits_of(op.kind).kernels)
        if (!name.empty()) names.push_back(name);
    }
    const auto count = static_cast<std::int64_t>(names.size());
    for (std::int64_t i = 0; i < count; ++i) {
      const auto at = [&](std::int64_t part) { return start + (finish - start) / count * part; };
      add_kernel(names[static_cast<std::size_t>(i)], stream, at(i), i + 1 == count ? finish : at(i + 1), "");
    }
  }

  /// With its launch, when it starts.
  void add_kernel(std::string_view name, std::uint32_t stream, Time start, Time finish,
                  std::string_view more_args) {
    const std::uint32_t correlation = ++correlation_;
    add(start, start,
        annotation("cuda_runtime", "cudaLaunchKernel", kHost, kHost) +
            fmt::format(", \"args\": {{\"correlation\": {}}}", correlation));
    add(start, finish,
        annotation("kernel", name, 0, stream) +
            fmt::format(", \"args\": {{\"device\": 0, \"stream\": {}, \"correlation\": {}{}}}", stream,
                        correlation, more_args));
  }

  void add_transfers() {
    std::map<std::pair<std::size_t, bool>, std::vector<Passing>> by_peer;
    for (EdgeId edge = 0; edge < graph_.edge_count(); ++edge) {
      const TransferClass* kind = graph_.transfer(edge);
      if (kind == nullptr) continue;
      if (kind->from == rank_) add_passing(by_peer[{index(kind->to), true}], edge, *kind);
      if (kind->to == rank_) add_passing(by_peer[{index(kind->from), false}], edge, *kind);
    }
    std::uint32_t stream = kFirstTransferStream;
    for (const auto& [peer, passings] : by_peer) stream = write_passings(passings, stream);
  }

  void add_passing(std::vector<Passing>& passings, EdgeId edge, const TransferClass& kind) const {
    const bool sends = kind.from == rank_;
    Interval span{timeline_.transfer_start[edge], timeline_.transfer_finish[edge]};
    if (!sends) span.start = std::min(span.start, idle_since(graph_.edge(edge).target));
    // One behind the other, as NCCL runs what two ranks exchange in one direction.
    if (!sends && !passings.empty() && span.start < passings.back().span.start)
      span.start = std::min(passings.back().span.start, timeline_.transfer_start[edge]);
    passings.push_back({index(sends ? kind.to : kind.from), sends, span, &kind});
  }

  /// When the rank begins to wait for what `target` needs.
  [[nodiscard]] Time idle_since(VertexId target) const {
    const bool is_first = target == graph_.rank_begin()[index(graph_.rank_of(target))];
    return is_first ? *std::min_element(timeline_.start.begin(), timeline_.start.end())
                    : timeline_.finish[target - 1];
  }

  /// The streams behind those that these took.
  std::uint32_t write_passings(const std::vector<Passing>& passings, std::uint32_t first_stream) {
    std::vector<std::size_t> order(passings.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return passings[a].span.start < passings[b].span.start;
    });
    std::vector<Interval> spans;
    for (const std::size_t i : order) spans.push_back(passings[i].span);
    const auto lanes = assign_lanes(spans);
    std::uint32_t end = first_stream;
    for (std::size_t i = 0; i < order.size(); ++i) {
      const std::uint32_t stream = first_stream + lanes[i];
      write_passing(passings[order[i]], stream);
      end = std::max(end, stream + 1);
    }
    return end;
  }

  void write_passing(const Passing& passing, std::uint32_t stream) {
    const std::string args = fmt::format(
        ", \"Collective name\": \"{}\", \"Process Group Name\": \"pipeline\", \"Src Rank\": {}, \"Dst "
        "Rank\": "
        "{}, \"In msg nelems\": {}, \"dtype\": \"Byte\"",
        passing.sends ? "send" : "recv", index(passing.kind->from), index(passing.kind->to),
        passing.kind->bytes.count());
    add_kernel("ncclDevKernel_SendRecv", stream, passing.span.start, passing.span.finish, args);
  }

  const OpGraph& graph_;
  const Timeline& timeline_;
  const Schedule& schedule_;
  Rank rank_;
  std::vector<KinetoEvent> events_;
  std::uint32_t correlation_ = 0;
};

}  // namespace

std::string kineto_trace(const OpGraph& graph, const Timeline& timeline, const Schedule& schedule,
                         Rank rank) {
  return RankWriter(graph, timeline, schedule, rank).write();
}

}  // namespace ppsim
