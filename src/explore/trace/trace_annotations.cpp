#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <string_view>
#include <tuple>
#include <utility>

#include "explore/trace/trace_ops.hpp"
#include "ppsim/core/error.hpp"
#include "ppsim/schedule/text/text.hpp"

namespace ppsim {
namespace {

/// Megatron's and PyTorch's names for an op's kind; those that end in a blank go on with a number.
struct KindName {
  std::string_view text;
  OpKind kind;
};
constexpr std::array kKindNames = {KindName{"forward_step", OpKind::Forward},
                                   KindName{"backward_step", OpKind::Backward},
                                   KindName{"forward-compute", OpKind::Forward},
                                   KindName{"backward-compute", OpKind::Backward},
                                   KindName{"Forward ", OpKind::Forward},
                                   KindName{"Backward ", OpKind::Backward},
                                   KindName{"Optimizer.step#", OpKind::OptimizerStep}};

std::optional<OpKind> kind_of(std::string_view text) {
  for (const KindName& name : kKindNames) {
    const bool goes_on = name.text.back() == ' ' || name.text.back() == '#';
    if (goes_on ? text.starts_with(name.text) : text == name.text) return name.kind;
  }
  return std::nullopt;
}

std::string op_text(const Schedule& schedule, Op op) {
  return has_micro_batch(op.kind) ? to_text(schedule, op)
                                  : fmt::format("{}{}", index(op.stage), name(op.kind));
}

/// What a label stands for: all such vertices of the rank in program order, and the kind of kernels to look
/// for.
struct Label {
  std::vector<VertexId> vertices;
  GpuWork work = GpuWork::Compute;
};
using Labels = std::map<std::string, Label, std::less<>>;

class LabelList {
 public:
  LabelList(const OpGraph& graph, const Schedule& schedule, Rank rank) {
    for (VertexId v = graph.rank_begin()[index(rank)]; v < graph.rank_begin()[index(rank) + 1]; ++v) {
      const auto ops = graph.ops(v);
      for (const Op op : ops) {
        add(exact_, op_text(schedule, op), v, op.kind);
        add(by_kind_, std::string(name(op.kind)), v, op.kind);
      }
      if (ops.size() > 1) {
        const std::string pair =
            fmt::format("({};{})OVERLAP_F_B", op_text(schedule, ops[0]), op_text(schedule, ops[1]));
        add(exact_, pair, v, ops[0].kind);
      }
    }
  }

  /// Label of an annotation, or none; `exact`: by the schedule's grammar, else by kind alone.
  [[nodiscard]] Labels::const_iterator find(std::string_view text, bool exact) const {
    if (exact) {
      if (text.starts_with("PP:")) text.remove_prefix(3);
      return exact_.find(text);
    }
    const auto kind = kind_of(text);
    return kind ? by_kind_.find(name(*kind)) : by_kind_.end();
  }

  [[nodiscard]] const Label& at(const std::string& label, bool exact) const {
    return (exact ? exact_ : by_kind_).at(label);
  }

  [[nodiscard]] Labels::const_iterator end(bool exact) const { return exact ? exact_.end() : by_kind_.end(); }

 private:
  static void add(Labels& labels, const std::string& text, VertexId vertex, OpKind kind) {
    Label& label = labels[text];
    label.vertices.push_back(vertex);
    label.work = is_collective(kind) ? GpuWork::Collective : GpuWork::Compute;
  }

  Labels exact_, by_kind_;
};

/// Kernels by the middle of their time on a stream, or by when the host launched them. Where a range begins
/// or ends just at a kernel, its rounded times may cut a little of it off, but never half.
class KernelIndex {
 public:
  explicit KernelIndex(const GpuTrace& trace) {
    for (const GpuKernel& kernel : trace.kernels) {
      by_stream_[kernel.stream].push_back({kernel.start + (kernel.finish - kernel.start) / 2, &kernel});
      if (kernel.launch) by_launch_.push_back({*kernel.launch, &kernel});
    }
    std::stable_sort(by_launch_.begin(), by_launch_.end(), before);
    for (auto& [stream, entries] : by_stream_) std::stable_sort(entries.begin(), entries.end(), before);
  }

  /// From the first to the last kernel of that work in a range; nothing where there is none.
  [[nodiscard]] std::optional<OpSpan> span_of(const TraceAnnotation& range, GpuWork work) const {
    std::optional<OpSpan> span;
    const auto stream = by_stream_.find(range.stream);
    const std::vector<Entry> none;
    const std::vector<Entry>& entries = !range.on_gpu                ? by_launch_
                                        : stream == by_stream_.end() ? none
                                                                     : stream->second;
    for (auto at = std::lower_bound(entries.begin(), entries.end(), Entry{range.start, nullptr}, before);
         at != entries.end() && (at->at < range.finish || at->at == range.start); ++at) {
      if (at->kernel->work != work) continue;
      if (!span) span = {at->kernel->start, at->kernel->finish};
      span->start = std::min(span->start, at->kernel->start);
      span->finish = std::max(span->finish, at->kernel->finish);
    }
    return span;
  }

 private:
  struct Entry {
    Time at{};
    const GpuKernel* kernel = nullptr;
  };
  static bool before(const Entry& a, const Entry& b) { return a.at < b.at; }

  std::map<std::uint32_t, std::vector<Entry>> by_stream_;
  std::vector<Entry> by_launch_;
};

/// Spans of each label, in time.
using Found = std::map<std::string, std::vector<OpSpan>, std::less<>>;

/// The same range may lie on several streams, once each: what overlaps is one.
void add_span(std::vector<OpSpan>& spans, OpSpan span, const TraceAnnotation& range,
              Time& last_range_finish) {
  if (!spans.empty() && range.start < last_range_finish) {
    spans.back().start = std::min(spans.back().start, span.start);
    spans.back().finish = std::max(spans.back().finish, span.finish);
  } else {
    spans.push_back(span);
  }
  last_range_finish = std::max(last_range_finish, range.finish);
}

Found find_spans(const GpuTrace& trace, const KernelIndex& kernels, const LabelList& labels, bool on_gpu,
                 bool exact) {
  Found found;
  std::map<std::string, Time, std::less<>> range_finish;
  for (const TraceAnnotation& range : trace.ranges) {
    if (range.on_gpu != on_gpu) continue;
    const auto label = labels.find(range.text, exact);
    if (label == labels.end(exact)) continue;
    const auto span = kernels.span_of(range, label->second.work);
    if (span) add_span(found[label->first], *span, range, range_finish[label->first]);
  }
  return found;
}

class SpanTable {
 public:
  SpanTable(const OpGraph& graph, Rank rank, const GpuTrace& trace)
      : graph_(graph),
        rank_(rank),
        trace_(trace),
        first_(graph.rank_begin()[index(rank)]),
        count_(graph.rank_begin()[index(rank) + 1] - first_) {}

  void place(const std::string& text, const Label& label, const std::vector<OpSpan>& spans) {
    const std::size_t a_step = label.vertices.size();
    if (spans.size() % a_step != 0) {
      throw Error(trace_.source, fmt::format("rank {}: {} of {} found, the schedule has {} a step",
                                             index(rank_), spans.size(), text, a_step));
    }
    for (std::size_t i = 0; i < spans.size(); ++i) place(label.vertices[i % a_step], i / a_step, spans[i]);
  }

  /// Every vertex has as many steps.
  RankSpans take() && {
    for (std::size_t step = 0; step < spans_.size(); ++step) {
      for (std::uint32_t i = 0; i < count_; ++i) {
        if (!spans_[step][i]) fail_missing(first_ + i, step);
      }
    }
    RankSpans result;
    for (const auto& step : spans_) {
      result.emplace_back();
      for (const auto& span : step) result.back().push_back(*span);
    }
    return result;
  }

 private:
  void place(VertexId vertex, std::size_t step, OpSpan span) {
    if (step >= spans_.size()) spans_.resize(step + 1, std::vector<std::optional<OpSpan>>(count_));
    auto& slot = spans_[step][vertex - first_];
    if (!slot) slot = span;
    slot->start = std::min(slot->start, span.start);
    slot->finish = std::max(slot->finish, span.finish);
  }

  [[noreturn]] void fail_missing(VertexId vertex, std::size_t step) const {
    throw Error(trace_.source,
                fmt::format("lacks {} in step {} of {}: expected an annotation with kernels for each op of "
                            "the schedule in each step",
                            graph_.describe(vertex), step, spans_.size()));
  }

  const OpGraph& graph_;
  Rank rank_;
  const GpuTrace& trace_;
  VertexId first_;
  std::uint32_t count_;
  std::vector<std::vector<std::optional<OpSpan>>> spans_;  // [steps][vertices of the rank]
};

}  // namespace

std::optional<RankSpans> spans_by_annotations(const OpGraph& graph, const Schedule& schedule, Rank rank,
                                              const GpuTrace& trace) {
  const LabelList labels(graph, schedule, rank);
  const KernelIndex kernels(trace);
  for (const bool exact : {true, false}) {
    for (const bool on_gpu : {true, false}) {
      const Found found = find_spans(trace, kernels, labels, on_gpu, exact);
      if (found.empty()) continue;
      SpanTable table(graph, rank, trace);
      for (const auto& [text, spans] : found) {
        table.place(text, labels.at(text, exact), spans);
      }
      return std::move(table).take();
    }
  }
  return std::nullopt;
}

}  // namespace ppsim
