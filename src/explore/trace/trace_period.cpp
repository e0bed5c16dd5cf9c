// Ops without annotations: the kernels of one op are the same sequence of names as those of every other op of
// its kind and stage. How many kernels each has is searched for: what covers most of the step's kernels wins.
// Names that speak of gradients tell where B begins, which shows in nothing else where F and B only ever
// follow one another (1F1B's last stage); where they mislead (recomputation), the search goes on without.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <string_view>
#include <utility>

#include "core/int128.hpp"
#include "explore/trace/trace_ops.hpp"
#include "ppsim/core/error.hpp"

namespace ppsim {
namespace {

// Sequences compared before the search gives up: some seconds.
constexpr std::uint64_t kMostComparisons = 200'000'000;
// Kernels in front of a step's first op, such as those that clear gradients.
constexpr std::size_t kMostBefore = 64;

struct KernelSpan {
  std::uint32_t name = 0;
  Time start{}, finish{};
};
using Kernels = std::vector<KernelSpan>;

bool speaks_of_gradients(std::string_view name) {
  std::string lower;
  for (const char c : name) lower += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  constexpr std::array kWords = {"backward", "bwd", "grad"};
  return std::any_of(kWords.begin(), kWords.end(),
                     [&](const char* word) { return lower.find(word) != std::string::npos; });
}

/// The rank's program as classes of ops that are alike.
struct Program {
  std::vector<std::size_t> classes;      ///< [ops]
  std::vector<bool> is_forward;          ///< [classes]
  std::vector<std::string> class_names;  ///< [classes]
};

Program make_program(const OpGraph& graph, Rank rank, const GpuTrace& trace) {
  Program program;
  std::map<std::string, std::size_t> ids;
  for (VertexId v = graph.rank_begin()[index(rank)]; v < graph.rank_begin()[index(rank) + 1]; ++v) {
    std::string key;
    for (const Op op : graph.ops(v)) {
      if (!is_compute(op.kind))
        throw Error(trace.source,
                    fmt::format("has no annotations, which {} needs to be found", graph.describe(v)));
      key += fmt::format("{}{} of stage {}", key.empty() ? "" : " with ", name(op.kind), index(op.stage));
    }
    const auto [at, is_new] = ids.emplace(key, ids.size());
    if (is_new) {
      program.class_names.push_back(key);
      program.is_forward.push_back(graph.ops(v).front().kind == OpKind::Forward);
    }
    program.classes.push_back(at->second);
  }
  return program;
}

/// How many kernels each class has.
struct Solution {
  std::vector<std::size_t> lengths;  ///< [classes]
  std::vector<std::size_t> first;    ///< [classes] kernel of its first op
  std::size_t before = 0, covered = 0;
};

/// Compares sequences of names in no time: polynomial hashes of all that stand in front.
class NameHashes {
 public:
  explicit NameHashes(const Kernels& kernels) : sums_{0}, powers_{1} {
    for (const KernelSpan& kernel : kernels) {
      sums_.push_back((times_base(sums_.back()) + kernel.name + 1) % kPrime);
      powers_.push_back(times_base(powers_.back()));
    }
  }

  [[nodiscard]] bool equal(std::size_t a, std::size_t b, std::size_t length) const {
    return of(a, length) == of(b, length);
  }

 private:
  static constexpr std::uint64_t kPrime = (std::uint64_t{1} << 61) - 1;
  static constexpr std::uint64_t kBase = 1'315'423'911'977'041;  // any large one below the prime

  static std::uint64_t product(std::uint64_t a, std::uint64_t b) {
    return static_cast<std::uint64_t>(Int128{static_cast<std::int64_t>(a)} * static_cast<std::int64_t>(b) %
                                      static_cast<std::int64_t>(kPrime));
  }
  static std::uint64_t times_base(std::uint64_t a) { return product(a, kBase); }

  [[nodiscard]] std::uint64_t of(std::size_t begin, std::size_t length) const {
    return (sums_[begin + length] + kPrime - product(sums_[begin], powers_[length])) % kPrime;
  }

  std::vector<std::uint64_t> sums_, powers_;
};

class PeriodSearch {
 public:
  PeriodSearch(const Program& program, const Kernels& kernels, const std::vector<bool>& gradient_names)
      : program_(program), kernels_(kernels), gradient_names_(gradient_names), hashes_(kernels) {
    left_.resize(program.class_names.size());
    for (const std::size_t id : program.classes) ++left_[id];
    current_.lengths.resize(left_.size());
    current_.first.resize(left_.size());
  }

  /// The best solution, and whether another is as good.
  struct Answer {
    std::optional<Solution> best;
    bool unique = true;
    bool complete = true;  ///< false: it took too long
  };

  Answer solve() {
    for (const bool by_names : {true, false}) {
      by_names_ = by_names;
      for (std::size_t before = 0; before <= kMostBefore && before < kernels_.size() && !answer_.best;
           ++before) {
        current_.before = before;
        go_on(0, before);
      }
    }
    return answer_;
  }

 private:
  /// As deep as there are classes.
  void go_on(std::size_t op, std::size_t at) {
    for (; op < program_.classes.size(); ++op) {
      const std::size_t id = program_.classes[op];
      if (current_.lengths[id] == 0) return try_lengths(op, at);
      if (!matches(id, at)) return;
      at += current_.lengths[id];
    }
    note_solution(at);
  }

  void try_lengths(std::size_t op, std::size_t at) {
    const std::size_t id = program_.classes[op], ops = program_.classes.size() - op;
    if (at + ops > kernels_.size()) return;
    const std::size_t most = (kernels_.size() - at - (ops - left_[id])) / left_[id];
    if (by_names_ && !program_.is_forward[id] && !of_gradients(at)) return;
    current_.first[id] = at;
    for (std::size_t length = 1; length <= most && answer_.complete; ++length) {
      if (by_names_ && program_.is_forward[id] && of_gradients(at + length - 1)) break;
      current_.lengths[id] = length;
      go_on(op + 1, at + length);
    }
    current_.lengths[id] = 0;
  }

  [[nodiscard]] bool of_gradients(std::size_t kernel) const { return gradient_names_[kernels_[kernel].name]; }

  bool matches(std::size_t id, std::size_t at) {
    const std::size_t length = current_.lengths[id];
    answer_.complete &= ++comparisons_ <= kMostComparisons;
    return answer_.complete && at + length <= kernels_.size() &&
           hashes_.equal(current_.first[id], at, length);
  }

  void note_solution(std::size_t end) {
    current_.covered = end - current_.before;
    if (answer_.best && current_.covered < answer_.best->covered) return;
    answer_.unique = !answer_.best || current_.covered > answer_.best->covered;
    answer_.best = current_;
  }

  const Program& program_;
  const Kernels& kernels_;
  const std::vector<bool>& gradient_names_;
  NameHashes hashes_;
  std::vector<std::size_t> left_;  // [classes] ops
  bool by_names_ = true;           // gradients begin where names first speak of them
  Solution current_;
  Answer answer_;
  std::uint64_t comparisons_ = 0;
};

/// Compute kernels, step by step as the profiler marked them.
std::vector<Kernels> kernels_by_step(const GpuTrace& trace) {
  const std::vector<TraceAnnotation> steps = profiler_steps(trace);
  std::vector<Kernels> result(std::max<std::size_t>(steps.size(), 1));
  for (const GpuKernel& kernel : trace.kernels) {
    if (kernel.work != GpuWork::Compute) continue;
    const bool by_launch = !steps.empty() && !steps.front().on_gpu && kernel.launch;
    const Time at = by_launch ? *kernel.launch : kernel.start;
    const auto next =
        std::upper_bound(steps.begin(), steps.end(), at,
                         [](Time time, const TraceAnnotation& step) { return time < step.start; });
    if (!steps.empty() && next == steps.begin()) continue;  // before the first of them
    const auto step = steps.empty() ? 0 : static_cast<std::size_t>(next - steps.begin() - 1);
    result[step].push_back({kernel.name, kernel.start, kernel.finish});
  }
  return result;
}

std::vector<OpSpan> spans_of(const Program& program, const Kernels& kernels, const Solution& solution) {
  std::vector<OpSpan> spans;
  std::size_t at = solution.before;
  for (const std::size_t id : program.classes) {
    OpSpan span{kernels[at].start, kernels[at].finish};
    for (const std::size_t end = at + solution.lengths[id]; at < end; ++at)
      span.finish = std::max(span.finish, kernels[at].finish);
    spans.push_back(span);
  }
  return spans;
}

[[noreturn]] void fail(const GpuTrace& trace, Rank rank, std::size_t step, const std::string& what) {
  throw Error(trace.source, fmt::format("rank {}, step {}: {}; expected annotations such as \"0F3\", or "
                                        "kernels that repeat as the schedule's ops do",
                                        index(rank), step, what));
}

}  // namespace

RankSpans spans_by_period(const OpGraph& graph, Rank rank, const GpuTrace& trace) {
  const Program program = make_program(graph, rank, trace);
  std::vector<bool> gradient_names;
  for (const std::string& name : trace.names) gradient_names.push_back(speaks_of_gradients(name));
  RankSpans spans;
  for (const Kernels& kernels : kernels_by_step(trace)) {
    const auto answer = PeriodSearch(program, kernels, gradient_names).solve();
    if (!answer.complete)
      fail(trace, rank, spans.size(), "where ops begin is not found in the time there is");
    if (!answer.best)
      fail(trace, rank, spans.size(),
           fmt::format("{} compute kernels do not make {} ops of this schedule", kernels.size(),
                       program.classes.size()));
    if (!answer.unique)
      fail(trace, rank, spans.size(),
           "the names of the kernels do not tell where one op ends and the next begins");
    spans.push_back(spans_of(program, kernels, *answer.best));
  }
  return spans;
}

}  // namespace ppsim
