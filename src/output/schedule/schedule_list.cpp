#include "ppsim/output/schedule/schedule_list.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "text/json_text.hpp"

namespace ppsim {
namespace {

constexpr const char* kSymbols =
    "\nP ranks, r a rank, M micro-batches, V chunks a rank, G a group; F, B = I+W: times of a stage (V > 1: "
    "of a "
    "chunk), FB of an overlapped pair, c of a hop. Peaks count live activations of a stage (a chunk).\n";

std::string with_domain(const Formula& formula) {
  return formula.domain.empty() ? formula.text : fmt::format("{}  ({})", formula.text, formula.domain);
}

std::string default_text(const OptionSpec& option) {
  return option.default_text.empty() ? to_text(option.default_value) : option.default_text;
}

std::string option_range(const OptionSpec& option) {
  if (std::holds_alternative<std::int64_t>(option.default_value)) {
    return fmt::format("integer {} to {}", option.minimum, option.maximum);
  }
  if (std::holds_alternative<MemoryLimit>(option.default_value)) return "number, or bytes";
  return option.choices.empty() ? "text" : fmt::format("{}", fmt::join(option.choices, " or "));
}

void append_field(std::string& out, std::string_view title, const std::string& value) {
  if (!value.empty()) out += fmt::format("  {:<12}{}\n", title, value);
}

Json formula_json(const Formula& formula) {
  return {{"formula", formula.text}, {"domain", formula.domain}};
}

Json option_json(const OptionSpec& option) {
  return {{"name", option.name},
          {"help", option.help},
          {"default", default_text(option)},
          {"values", option_range(option)}};
}

}  // namespace

std::string schedule_list_text(std::span<const ScheduleInfo* const> schedules, bool verbose) {
  std::string out;
  for (const ScheduleInfo* info : schedules) {
    if (!out.empty()) out += '\n';
    out += fmt::format("{}: {}\n", info->name, info->summary);
    append_field(out, "placement", info->placement);
    append_field(out, "constraint", info->constraint);
    append_field(out, "makespan", with_domain(info->makespan));
    append_field(out, "rank span", with_domain(info->span));
    append_field(out, "bubble", with_domain(info->bubble));
    append_field(out, "peak", with_domain(info->peak));
    append_field(out, "source", info->source);
    if (!verbose) continue;
    for (const OptionSpec& option : info->options) {
      append_field(out, "option",
                   fmt::format("{} ({}, default {}): {}", option.name, option_range(option),
                               default_text(option), option.help));
    }
  }
  return out + kSymbols;
}

std::string schedule_list_json(std::span<const ScheduleInfo* const> schedules) {
  Json out = Json::array();
  for (const ScheduleInfo* info : schedules) {
    Json options = Json::array();
    for (const OptionSpec& option : info->options) options.push_back(option_json(option));
    out.push_back({{"name", info->name},
                   {"summary", info->summary},
                   {"placement", info->placement},
                   {"constraint", info->constraint},
                   {"makespan", formula_json(info->makespan)},
                   {"span", formula_json(info->span.text.empty() ? info->makespan : info->span)},
                   {"bubble", formula_json(info->bubble)},
                   {"peak", formula_json(info->peak)},
                   {"source", info->source},
                   {"forward_only", info->forward_only},
                   {"options", options}});
  }
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string faults_json(std::span<const Fault> faults) {
  Json list = Json::array();
  for (const Fault& fault : faults) list.push_back({{"where", fault.where}, {"what", fault.what}});
  const Json out = {{"ok", faults.empty()}, {"faults", std::move(list)}};
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace ppsim
