#include "metrics/gpu_trace.hpp"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "ppsim/core/error.hpp"

namespace ppsim {
namespace {

struct Span {
  Time start{}, finish{};
};

/// Ascending, none of them overlap, none is empty.
using Spans = std::vector<Span>;

Spans merged(Spans spans) {
  std::sort(spans.begin(), spans.end(), [](const Span& a, const Span& b) { return a.start < b.start; });
  Spans result;
  for (const Span span : spans) {
    if (span.finish <= span.start) continue;
    if (!result.empty() && span.start <= result.back().finish) {
      result.back().finish = std::max(result.back().finish, span.finish);
    } else {
      result.push_back(span);
    }
  }
  return result;
}

Time length(const Spans& spans) {
  Time sum{};
  for (const Span span : spans) sum += span.finish - span.start;
  return sum;
}

Spans intersection(const Spans& a, const Spans& b) {
  Spans result;
  for (auto i = a.begin(), j = b.begin(); i != a.end() && j != b.end();) {
    const Span both{std::max(i->start, j->start), std::min(i->finish, j->finish)};
    if (both.start < both.finish) result.push_back(both);
    (i->finish < j->finish ? i : j) += 1;
  }
  return result;
}

/// Windows whose time is given out piece by piece.
class Windows {
 public:
  explicit Windows(Spans windows) : windows_(std::move(windows)) {}

  /// What of these spans lies in the windows and in none that were taken before.
  Time take(const Spans& spans) {
    taken_.insert(taken_.end(), spans.begin(), spans.end());
    taken_ = merged(std::move(taken_));
    const Time before = std::exchange(covered_, length(intersection(windows_, taken_)));
    return covered_ - before;
  }

  [[nodiscard]] Time all() const { return length(windows_); }

 private:
  Spans windows_;
  Spans taken_;
  Time covered_{};
};

/// The shortest of its kind shows what a transfer takes once both ends are there.
using Ends = std::tuple<std::string, std::optional<std::uint32_t>, std::optional<std::uint32_t>>;

std::map<Ends, Time> shortest_transfers(const GpuTrace& trace) {
  std::map<Ends, Time> shortest;
  for (const GpuKernel& kernel : trace.kernels) {
    if (kernel.work != GpuWork::PointToPoint) continue;
    const Time duration = kernel.finish - kernel.start;
    const auto [at, is_new] =
        shortest.emplace(Ends{trace.names[kernel.name], kernel.from, kernel.to}, duration);
    if (!is_new) at->second = std::min(at->second, duration);
  }
  return shortest;
}

Spans kernels_of(const GpuTrace& trace, GpuWork work) {
  Spans spans;
  for (const GpuKernel& kernel : trace.kernels) {
    if (kernel.work == work) spans.push_back({kernel.start, kernel.finish});
  }
  return merged(std::move(spans));
}

Spans transfer_spans_of(const GpuTrace& trace) {
  const auto shortest = shortest_transfers(trace);
  Spans spans;
  for (const GpuKernel& kernel : trace.kernels) {
    if (kernel.work != GpuWork::PointToPoint) continue;
    const Time duration = shortest.at(Ends{trace.names[kernel.name], kernel.from, kernel.to});
    spans.push_back({kernel.finish - duration, kernel.finish});
  }
  return merged(std::move(spans));
}

Span whole_span(const GpuTrace& trace) {
  PPSIM_ASSERT(!trace.kernels.empty(), "no kernel");
  Time finish = trace.kernels.front().finish;
  for (const GpuKernel& kernel : trace.kernels) finish = std::max(finish, kernel.finish);
  return {trace.kernels.front().start, finish};
}

Time median_duration(Spans spans) {
  const auto at = spans.begin() + static_cast<std::ptrdiff_t>((spans.size() - 1) / 2);
  const auto shorter = [](const Span& a, const Span& b) { return a.finish - a.start < b.finish - b.start; };
  std::nth_element(spans.begin(), at, spans.end(), shorter);
  return at->finish - at->start;
}

double share_of_window(Time part, Time whole) {
  return whole == Time{} ? 0.0 : static_cast<double>(part.count()) / static_cast<double>(whole.count());
}

}  // namespace

double GpuActivity::bubble_fraction() const {
  return share_of_window(transfer + wait + idle, window);
}

double bubble_fraction(std::span<const GpuActivity> ranks) {
  Time bubble{}, window{};
  for (const GpuActivity& rank : ranks) {
    bubble += rank.transfer + rank.wait + rank.idle;
    window += rank.window;
  }
  return share_of_window(bubble, window);
}

std::vector<TraceAnnotation> profiler_steps(const GpuTrace& trace) {
  std::vector<TraceAnnotation> host, gpu;
  for (const TraceAnnotation& range : trace.ranges) {
    if (!range.text.starts_with("ProfilerStep#")) continue;
    if (!range.on_gpu) host.push_back(range);
    if (range.on_gpu && (gpu.empty() || gpu.front().stream == range.stream)) gpu.push_back(range);
  }
  return host.empty() ? gpu : host;
}

GpuActivity measure_activity(const GpuTrace& trace) {
  Spans steps;
  for (const TraceAnnotation& step : profiler_steps(trace)) steps.push_back({step.start, step.finish});
  GpuActivity activity;
  activity.steps = static_cast<std::uint32_t>(steps.size());
  if (steps.empty()) steps.push_back(whole_span(trace));
  activity.step_time = median_duration(steps);
  Windows windows(merged(steps));
  activity.window = windows.all();
  activity.compute = windows.take(kernels_of(trace, GpuWork::Compute));
  activity.collective = windows.take(kernels_of(trace, GpuWork::Collective));
  activity.transfer = windows.take(transfer_spans_of(trace));
  activity.wait = windows.take(kernels_of(trace, GpuWork::PointToPoint));
  activity.idle =
      activity.window - activity.compute - activity.collective - activity.transfer - activity.wait;
  return activity;
}

}  // namespace ppsim
