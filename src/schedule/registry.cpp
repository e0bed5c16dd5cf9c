#include "ppsim/schedule/registry.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/edit_distance.hpp"
#include "ppsim/core/error.hpp"
#include "ppsim/core/ids.hpp"

namespace ppsim {
namespace {

// Built before main by the schedules' own files, read-only after.
struct Registry {
  std::map<std::string, ScheduleInfo, std::less<>> by_name;
  std::vector<const ScheduleInfo*> all;  // by name, ascending
};

Registry& registry() {
  static Registry instance;
  return instance;
}

std::string type_name(const OptionSpec& option) {
  if (std::holds_alternative<MemoryLimit>(option.default_value))
    return "a number above 0, the same followed by \"p\", or bytes";
  if (std::holds_alternative<std::int64_t>(option.default_value)) {
    return fmt::format("an integer from {} to {}", option.minimum, option.maximum);
  }
  return option.choices.empty() ? "a text" : fmt::format("one of {}", fmt::join(option.choices, ", "));
}

bool is_allowed(const OptionSpec& option, const OptionValue& value) {
  if (value.index() != option.default_value.index()) return false;
  if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    return option.minimum <= *integer && *integer <= option.maximum;
  }
  if (const auto* limit = std::get_if<MemoryLimit>(&value))
    return limit->times > 0 ? std::isfinite(limit->times) : limit->bytes > Bytes(0);
  const auto& choices = option.choices;
  return choices.empty() ||
         std::find(choices.begin(), choices.end(), std::get<std::string>(value)) != choices.end();
}

std::string quoted(const OptionValue& value) {
  const std::string text = to_text(value);
  return std::holds_alternative<std::string>(value) ? fmt::format("\"{}\"", text) : text;
}

const OptionSpec* find_option(const ScheduleInfo& info, std::string_view name) {
  const auto found = std::find_if(info.options.begin(), info.options.end(),
                                  [&](const OptionSpec& option) { return option.name == name; });
  return found == info.options.end() ? nullptr : &*found;
}

std::string known_options(const ScheduleInfo& info) {
  if (info.options.empty()) return fmt::format("{} has no options", info.name);
  std::vector<std::string_view> names;
  for (const OptionSpec& option : info.options) names.push_back(option.name);
  return fmt::format("{} has {}", info.name, fmt::join(names, ", "));
}

template <class T>
const T& value_of(const OptionValues& options, std::string_view name) {
  const auto found = options.find(name);
  PPSIM_ASSERT(found != options.end(), fmt::format("option \"{}\" is not complete or not declared", name));
  return std::get<T>(found->second);
}

// V that a schedule fixes by itself; empty where V is free.
std::optional<std::uint32_t> fixed_chunks(const ScheduleInfo& info, const OptionValues& options) {
  switch (info.chunk_rule) {
    case ChunkRule::One:
      return 1;
    case ChunkRule::Two:
      return 2;
    case ChunkRule::Own:
      return info.chunks(options);
    case ChunkRule::Any:
      return std::nullopt;
  }
  return std::nullopt;
}

// A backward in two and a forward are three ops, and Schedule::rank_begin counts ops with 32 bits.
constexpr std::uint64_t kMostPairs = std::uint64_t{1} << 30;

}  // namespace

std::string to_text(const OptionValue& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return std::to_string(*integer);
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  const auto& limit = std::get<MemoryLimit>(value);
  return limit.times > 0 ? fmt::format("{}p", limit.times) : fmt::format("{} B", limit.bytes.count());
}

std::uint64_t units_per_micro_batch(const ScheduleInfo& info, const OptionValues& options) {
  return info.units ? info.units(options) : 1;
}

std::int64_t ScheduleRequest::integer(std::string_view option) const {
  return value_of<std::int64_t>(options, option);
}

const std::string& ScheduleRequest::text(std::string_view option) const {
  return value_of<std::string>(options, option);
}

MemoryLimit ScheduleRequest::limit(std::string_view option) const {
  return value_of<MemoryLimit>(options, option);
}

Registration::Registration(ScheduleInfo info) {
  Registry& all = registry();
  const std::string name = info.name;
  const auto [place, added] = all.by_name.emplace(name, std::move(info));
  if (!added) throw std::logic_error(fmt::format("schedule \"{}\" is registered twice", name));
  all.all.clear();
  for (const auto& entry : all.by_name) all.all.push_back(&entry.second);
}

std::span<const ScheduleInfo* const> all_schedules() {
  return registry().all;
}

const ScheduleInfo& find_schedule(std::string_view name, std::string_view where) {
  const auto& by_name = registry().by_name;
  if (const auto found = by_name.find(name); found != by_name.end()) return found->second;
  std::vector<std::string_view> names;
  for (const auto& entry : by_name) names.push_back(entry.first);
  std::stable_sort(names.begin(), names.end(), [&](std::string_view a, std::string_view b) {
    return edit_distance(name, a) < edit_distance(name, b);
  });
  throw Error(std::string(where),
              fmt::format("there is no schedule \"{}\", expected one of {}", name, fmt::join(names, ", ")));
}

OptionValues complete_options(const ScheduleInfo& info, const OptionValues& given, std::string_view where) {
  OptionValues complete;
  for (const OptionSpec& option : info.options) complete.emplace(option.name, option.default_value);
  for (const auto& [name, value] : given) {
    const OptionSpec* option = find_option(info, name);
    const std::string place = fmt::format("{}/{}", where, name);
    if (option == nullptr)
      throw Error(place, fmt::format("there is no option \"{}\": {}", name, known_options(info)));
    if (!is_allowed(*option, value)) {
      throw Error(place, fmt::format("is {}, expected {}", quoted(value), type_name(*option)));
    }
    complete[name] = value;
  }
  return complete;
}

std::optional<std::string> why_not(const ScheduleInfo& info, const ScheduleRequest& request) {
  const auto [P, M, V] = request.shape;
  if (P == 0 || M == 0 || V == 0) {
    return fmt::format("{} ranks, {} micro-batches, {} chunks a rank: expected at least 1 of each", P, M, V);
  }
  if (const auto chunks = fixed_chunks(info, request.options); chunks && *chunks != V)
    return fmt::format("{} chunks a rank: expected {}", V, *chunks);
  const std::uint64_t stages = std::uint64_t{P} * V;
  if (stages > kMaxStages) return fmt::format("{} stages: expected at most {}", stages, kMaxStages);
  const std::uint64_t units = M * units_per_micro_batch(info, request.options);  // options stay below 2^20
  if (units > kMostPairs / stages) {
    return fmt::format("{} stages with {} micro-batches{}: expected at most {} of both multiplied", stages,
                       units, units == M ? "" : " (slices, token steps, steps counted)", kMostPairs);
  }
  return info.why_not ? info.why_not(request) : std::nullopt;
}

Schedule make_schedule(const ScheduleInfo& info, const ScheduleRequest& request) {
  if (const auto reason = why_not(info, request))
    throw Error("/parallelism", fmt::format("{}: {}", info.name, *reason));
  return info.generate(request);
}

}  // namespace ppsim
