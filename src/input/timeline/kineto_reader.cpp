// The format of PyTorch's profiler: one JSON object with "traceEvents", in it complete events ("ph": "X")
// whose "cat" says what they are. Files have hundreds of MB, so the parser's events are taken as they come.
#include "input/timeline/kineto_reader.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <string_view>
#include <utility>

#include "ppsim/core/error.hpp"
#include "text/files.hpp"

namespace ppsim {
namespace {

using KinetoJson = nlohmann::json;

constexpr Time kMostAt{std::int64_t{1} << 61};

/// Microseconds as text, to the nanosecond: since 1970 they are more than a double holds.
std::optional<Time> parse_us(std::string_view text) {
  std::int64_t whole = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), whole);
  if (failure != std::errc{} || whole < 0 || whole > kMostAt.count() / 1000) return std::nullopt;
  std::string_view rest(end, static_cast<std::size_t>(text.data() + text.size() - end));
  std::int64_t fraction = 0;
  if (!rest.empty() && rest.front() == '.') {
    rest.remove_prefix(1);
    for (std::int64_t place = 100; place > 0 && !rest.empty() && rest.front() >= '0' && rest.front() <= '9';
         place /= 10, rest.remove_prefix(1))
      fraction += place * (rest.front() - '0');
    while (!rest.empty() && rest.front() >= '0' && rest.front() <= '9') rest.remove_prefix(1);
  }
  if (!rest.empty()) return std::nullopt;  // an exponent: no time is written so
  return Time(1000 * whole + fraction);
}

/// What of an event may matter.
struct TraceEvent {
  std::string phase, category, name;
  std::optional<Time> ts, dur;
  std::optional<std::uint64_t> tid, stream, correlation, from, to;
};

std::optional<std::uint32_t> to_id(std::optional<std::uint64_t> number) {
  if (!number || *number > 0xFFFFFFFF) return std::nullopt;
  return static_cast<std::uint32_t>(*number);
}

/// Turns events into a GpuTrace.
class TraceBuilder {
 public:
  explicit TraceBuilder(const std::string& path) : path_(path) { trace_.source = path; }

  void set_rank(std::uint64_t rank) { trace_.rank = to_id(rank); }
  void set_base(Time base) { base_ = base; }

  void add(const TraceEvent& event, std::size_t index) {
    if (event.phase != "X") return;
    if (event.category == "kernel" || event.category == "Kernel") {
      add_kernel(event, index);
    } else if (event.category == "user_annotation" || event.category == "gpu_user_annotation") {
      add_range(event, index);
    } else if (event.correlation && event.ts &&
               (event.category == "cuda_runtime" || event.category == "cuda_driver")) {
      launches_.push_back({*event.correlation, *event.ts});
    }
  }

  GpuTrace take() && {
    if (trace_.kernels.empty())
      throw Error(path_,
                  "has no GPU kernel: expected a trace with the activity of a GPU (ProfilerActivity.CUDA)");
    add_launches();
    for (GpuKernel& kernel : trace_.kernels) {
      kernel.start += base_;
      kernel.finish += base_;
      if (kernel.launch) *kernel.launch += base_;
    }
    for (TraceAnnotation& range : trace_.ranges) {
      range.start += base_;
      range.finish += base_;
    }
    const auto by_start = [](const auto& a, const auto& b) { return a.start < b.start; };
    std::stable_sort(trace_.kernels.begin(), trace_.kernels.end(), by_start);
    std::stable_sort(trace_.ranges.begin(), trace_.ranges.end(), by_start);
    return std::move(trace_);
  }

 private:
  struct Launch {
    std::uint64_t correlation = 0;
    Time at{};
  };

  static GpuWork work_of(std::string_view name) {
    if (!name.starts_with("nccl")) return GpuWork::Compute;
    return name.find("SendRecv") != std::string_view::npos ? GpuWork::PointToPoint : GpuWork::Collective;
  }

  [[nodiscard]] std::pair<Time, Time> span_of(const TraceEvent& event, std::size_t index) const {
    const auto need = [&](const std::optional<Time>& time, const char* key) {
      if (!time)
        throw Error(fmt::format("{}#/traceEvents/{}/{}", path_, index, key),
                    fmt::format("is no time of a {}: expected microseconds, such as 12.345", event.category));
      return *time;
    };
    const Time start = need(event.ts, "ts");
    return {start, start + need(event.dur, "dur")};
  }

  void add_kernel(const TraceEvent& event, std::size_t index) {
    GpuKernel kernel;
    kernel.work = work_of(event.name);
    kernel.name = name_id(event.name);
    kernel.stream = to_id(event.stream ? event.stream : event.tid).value_or(0);
    std::tie(kernel.start, kernel.finish) = span_of(event, index);
    kernel.from = to_id(event.from);
    kernel.to = to_id(event.to);
    trace_.kernels.push_back(kernel);
    correlations_.push_back(event.correlation);
  }

  void add_range(const TraceEvent& event, std::size_t index) {
    const auto [start, finish] = span_of(event, index);
    const bool on_gpu = event.category == "gpu_user_annotation";
    trace_.ranges.push_back(
        {event.name, on_gpu, to_id(event.stream ? event.stream : event.tid).value_or(0), start, finish});
  }

  std::uint32_t name_id(const std::string& name) {
    const auto [at, is_new] = name_ids_.emplace(name, static_cast<std::uint32_t>(trace_.names.size()));
    if (is_new) trace_.names.push_back(name);
    return at->second;
  }

  void add_launches() {
    std::sort(launches_.begin(), launches_.end(),
              [](const Launch& a, const Launch& b) { return a.correlation < b.correlation; });
    for (std::size_t i = 0; i < correlations_.size(); ++i) {
      if (!correlations_[i]) continue;
      const auto found =
          std::lower_bound(launches_.begin(), launches_.end(), *correlations_[i],
                           [](const Launch& a, std::uint64_t id) { return a.correlation < id; });
      if (found != launches_.end() && found->correlation == *correlations_[i])
        trace_.kernels[i].launch = found->at;
    }
  }

  const std::string& path_;
  GpuTrace trace_;
  Time base_{};
  std::map<std::string, std::uint32_t> name_ids_;
  std::vector<Launch> launches_;
  std::vector<std::optional<std::uint64_t>> correlations_;  // [kernels]
};

/// Follows the parser: top object, its "traceEvents", an event, its "args". What lies deeper is passed by.
class TraceSax : public nlohmann::json_sax<KinetoJson> {
 public:
  TraceSax(std::string_view text, const std::string& path) : text_(text), path_(path), builder_(path) {}

  GpuTrace take() && {
    if (!has_events_)
      throw Error(path_, "is no trace of a profiler: expected an object with a list \"traceEvents\"");
    return std::move(builder_).take();
  }

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool binary(binary_t&) override { return false; }  // never in text
  bool number_integer(number_integer_t) override { return true; }

  bool number_unsigned(number_unsigned_t value) override {
    take_number(value);
    if (std::optional<Time>* time = time_field()) *time = parse_us(fmt::format("{}", value));
    return true;
  }

  bool number_float(number_float_t, const string_t& text) override {
    if (std::optional<Time>* time = time_field()) *time = parse_us(text);
    return true;
  }

  bool string(string_t& value) override {
    if (depth_ == kInEvent) {
      if (key_ == "ph") event_.phase = value;
      if (key_ == "cat") event_.category = value;
      if (key_ == "name") event_.name = value;
    }
    if (std::optional<Time>* time = time_field()) *time = parse_us(value);
    return true;
  }

  bool start_object(std::size_t) override { return open(Open::Object); }
  bool start_array(std::size_t) override { return open(Open::Array); }

  bool end_object() override {
    if (depth_ == kInEvent && in_events_) builder_.add(event_, index_++);
    return close();
  }

  bool end_array() override {
    if (depth_ == kInList) in_events_ = false;
    return close();
  }

  bool key(string_t& name) override {
    if (depth_ == kInTop) section_ = name;
    key_ = name;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const KinetoJson::exception&) override {
    const std::size_t at = std::min(position - std::min<std::size_t>(position, 1), text_.size());
    const std::string_view before = text_.substr(0, at);
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const auto line_begin = before.rfind('\n') + 1;  // npos + 1 is 0
    throw Error(fmt::format("{}, line {}, column {}", path_, line, at - line_begin + 1),
                at >= text_.size()
                    ? "the file ends here, in the middle of its JSON: was it written to its end?"
                    : "is not JSON");
  }

 private:
  enum class Open : std::uint8_t { Object, Array };
  static constexpr std::size_t kInTop = 1, kInList = 2, kInEvent = 3, kInArgs = 4;

  bool open(Open what) {
    ++depth_;
    if (depth_ == kInTop) top_is_object_ = what == Open::Object;
    if (depth_ == kInList && top_is_object_ && section_ == "traceEvents" && what == Open::Array)
      has_events_ = in_events_ = true;
    if (depth_ == kInEvent) event_ = {};
    if (depth_ == kInArgs) in_args_ = in_events_ && key_ == "args" && what == Open::Object;
    return true;
  }

  bool close() {
    if (depth_ == kInArgs) in_args_ = false;
    --depth_;
    return true;
  }

  std::optional<Time>* time_field() {
    if (!in_events_ || depth_ != kInEvent) return nullptr;
    if (key_ == "ts") return &event_.ts;
    return key_ == "dur" ? &event_.dur : nullptr;
  }

  void take_number(std::uint64_t value) {
    if (depth_ == kInTop && key_ == "baseTimeNanoseconds") return set_base(value);
    if (depth_ == kInList && section_ == "distributedInfo" && key_ == "rank") return builder_.set_rank(value);
    if (depth_ == kInEvent && in_events_ && key_ == "tid") event_.tid = value;
    if (depth_ != kInArgs || !in_args_) return;
    if (key_ == "stream") event_.stream = value;
    if (key_ == "correlation") event_.correlation = value;
    if (key_ == "Src Rank") event_.from = value;
    if (key_ == "Dst Rank") event_.to = value;
  }

  void set_base(std::uint64_t value) {
    if (value > static_cast<std::uint64_t>(kMostAt.count()))
      throw Error(path_ + "#/baseTimeNanoseconds", fmt::format("is {}, expected at most 2^61", value));
    builder_.set_base(Time(static_cast<Time::rep>(value)));
  }

  std::string_view text_;
  const std::string& path_;
  TraceBuilder builder_;
  TraceEvent event_;
  std::string section_, key_;
  std::size_t depth_ = 0, index_ = 0;
  bool top_is_object_ = false, has_events_ = false, in_events_ = false, in_args_ = false;
};

}  // namespace

GpuTrace read_kineto(const std::string& path) {
  const std::string text = read_file(path);
  TraceSax sax(text, path);
  const bool whole = KinetoJson::sax_parse(text, &sax);
  PPSIM_ASSERT(whole, "a parser that fails without a fault");
  return std::move(sax).take();
}

}  // namespace ppsim
