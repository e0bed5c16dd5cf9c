// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// The registry of schedules: a generator registers itself from its own file, with all that a reader, the
/// comparison, the sweep and the property tests need to know of it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "ppsim/core/units.hpp"
#include "ppsim/model/costs/workload.hpp"
#include "ppsim/schedule/schedule.hpp"

namespace ppsim {

/// How much activation memory a schedule may use on a rank.
struct MemoryLimit {
  double times = 0;  ///< that many times the schedule's own unit (see its option); 0: `bytes` counts
  Bytes bytes;

  friend bool operator==(const MemoryLimit&, const MemoryLimit&) = default;
};

/// Value of a schedule's option.
using OptionValue = std::variant<std::int64_t, std::string, MemoryLimit>;

/// "3", "descending", "1.5p" (times the unit), "1024 B".
[[nodiscard]] std::string to_text(const OptionValue& value);

/// Declares an option: its default fixes its type.
struct OptionSpec {
  std::string name;
  std::string help;
  OptionValue default_value;
  std::int64_t minimum = 0;            ///< integers only
  std::int64_t maximum = 1'000'000;    ///< integers only
  std::vector<std::string> choices{};  ///< texts only; empty: any
  std::string default_text{};          ///< shown for the default where it depends on the shape, else empty
};

/// Options as given, by name; what is left out takes the declared default.
using OptionValues = std::map<std::string, OptionValue, std::less<>>;

/// The size of a run. V counts the chunks of a rank: S = P x V.
struct Shape {
  std::uint32_t ranks = 1;          ///< P
  std::uint32_t micro_batches = 1;  ///< M (inference: requests; several steps: of one step)
  std::uint32_t chunks = 1;         ///< V
};

/// What a generator gets: options are complete (every declared one is there) and checked.
struct ScheduleRequest {
  Shape shape;
  OptionValues options;
  const Workload* costs = nullptr;  ///< for the few schedules that look at costs

  /// Value of a declared option.
  [[nodiscard]] std::int64_t integer(std::string_view option) const;
  [[nodiscard]] const std::string& text(std::string_view option) const;
  [[nodiscard]] MemoryLimit limit(std::string_view option) const;
};

/// Equal stages, for the closed forms: per stage (per chunk where V > 1).
struct UniformCosts {
  Time forward{};      ///< F
  Time backward{};     ///< B
  Time input_grad{};   ///< I
  Time weight_grad{};  ///< W
  Time hop{};          ///< c

  std::optional<Time> pair{};  ///< FB, an overlapped pair; empty: F + B
  Time copy{};                 ///< EVICT or LOAD
  Time recompute{};            ///< R, which B and I are without where it is an op of its own
};

/// How many chunks a rank a schedule runs.
enum class ChunkRule : std::uint8_t {
  One,  ///< linear and bidirectional: V = 1
  Two,  ///< V-shapes: V = 2
  Any,  ///< looped: `virtual_stages`
  Own,  ///< fixed by the schedule's own options; see chunks()
};

/// A closed form as text, with every symbol of SCHEDULES' conventions, P M V r F B I W c, and R.
struct Formula {
  std::string text;    ///< "(P-1)(F+B)"
  std::string domain;  ///< where it holds, "" for everywhere
};

struct ScheduleInfo {
  std::string name;
  std::string summary;       ///< one line
  std::string source;        ///< paper
  std::string placement;     ///< "linear", "looped", ...
  std::string constraint{};  ///< on the shape, in words, "" for none
  std::vector<OptionSpec> options{};
  ChunkRule chunk_rule = ChunkRule::One;
  bool forward_only = false;
  std::uint32_t weight_versions = 1;  ///< of each stage's weights that a rank holds
  Formula makespan;
  Formula span{};  ///< largest time, over ranks, from a rank's first start to its last end; "": as makespan
  Formula bubble;  ///< idle share of all compute time
  Formula peak;    ///< live (stage, micro-batch) pairs on rank r

  // All that follow get complete options; generate and the exact forms are asked only for what fits.

  /// The schedule's own rule: empty where the shape fits, else one line, why not and what would fit. Callers
  /// use why_not() below, which adds the rules that all schedules share.
  std::function<std::optional<std::string>(const ScheduleRequest&)> why_not{};
  std::function<Schedule(const ScheduleRequest&)> generate;
  /// Exact makespan for equal stages, or empty outside the formula's domain.
  std::function<std::optional<Time>(const ScheduleRequest&, const UniformCosts&)> exact_makespan{};
  /// The same of the rank span, where it has a form of its own.
  std::function<std::optional<Time>(const ScheduleRequest&, const UniformCosts&)> exact_span{};
  /// Exact peak count of live activations on a rank, or empty outside the domain.
  std::function<std::optional<std::uint64_t>(const ScheduleRequest&, Rank)> exact_peak{};
  /// ChunkRule::Own: V that the options mean.
  std::function<std::uint32_t(const OptionValues&)> chunks{};
  /// As how many units a micro-batch runs (slices, token steps, optimizer steps); empty: 1.
  std::function<std::uint64_t(const OptionValues&)> units{};
};

/// ScheduleInfo::units, or 1.
[[nodiscard]] std::uint64_t units_per_micro_batch(const ScheduleInfo& info, const OptionValues& options);

/// Registers during static initialisation: `const Registration registration{ScheduleInfo{...}};` at namespace
/// scope of the schedule's file. A second registration of a name throws std::logic_error.
struct Registration {
  explicit Registration(ScheduleInfo info);
};

/// All schedules by name, ascending.
[[nodiscard]] std::span<const ScheduleInfo* const> all_schedules();

/// Throws Error (where: `where`) that lists the known names, nearest first, where there is none of that name.
[[nodiscard]] const ScheduleInfo& find_schedule(std::string_view name,
                                                std::string_view where = "/schedule/name");

/// Completes and checks options. Throws Error (where: `where`/OPTION) for an unknown option (with the known
/// ones), a wrong type, a value out of range.
[[nodiscard]] OptionValues complete_options(const ScheduleInfo& info, const OptionValues& given,
                                            std::string_view where = "/schedule");

/// Empty where the request fits, else one line: why not, and what would fit. Counts of 0, more stages or ops
/// than ids can name, and a V that is not the schedule's fit nowhere; the rest is the schedule's own rule.
[[nodiscard]] std::optional<std::string> why_not(const ScheduleInfo& info, const ScheduleRequest& request);

/// Checks the shape and generates. Throws Error (where: "/parallelism") with why_not's line.
[[nodiscard]] Schedule make_schedule(const ScheduleInfo& info, const ScheduleRequest& request);

}  // namespace ppsim
