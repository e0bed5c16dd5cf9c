// A schedule as JSON. Programs can have millions of actions, so their text is appended piece by piece and no
// JSON value is ever built of them.
#include <fmt/compile.h>
#include <fmt/format.h>

#include <string>
#include <string_view>

#include "ppsim/output/schedule/schedule_files.hpp"
#include "text/json_text.hpp"

namespace ppsim {
namespace {

std::string text_of_kind(const Op& op) {
  return fmt::format(FMT_COMPILE(R"({{"kind": "{}", "stage": {}, "micro_batch": {}{}}})"), name(op.kind),
                     index(op.stage), index(op.micro_batch),
                     op.overlaps_next ? R"(, "overlaps_next": true)" : "");
}

// What has no micro-batch still has a direction.
std::string text_of_kind(const Schedule& schedule, const CommAction& action) {
  std::string which;
  if (is_send_or_receive(action.kind)) {
    which = fmt::format(FMT_COMPILE(R"(, "micro_batch": {})"), index(action.micro_batch));
  } else if (schedule.placement.directions() > 1) {
    which = fmt::format(R"(, "direction": {})", schedule.direction(action.micro_batch));
  }
  return fmt::format(FMT_COMPILE(R"({{"kind": "{}", "stage": {}{}, "position": {}}})"), name(action.kind),
                     index(action.stage), which, action.position);
}

// [P][*], one element a line.
template <class Row, class Text>
void append_programs(std::string& out, const Schedule& schedule, Row row_of, Text text) {
  out += '[';
  for (std::uint32_t rank = 0; rank < schedule.ranks(); ++rank) {
    out += rank > 0 ? ",\n    [" : "\n    [";
    std::string_view separator = "\n      ";
    for (const auto& element : row_of(Rank{rank})) {
      out += separator;
      out += text(element);
      separator = ",\n      ";
    }
    out += "\n    ]";
  }
  out += "\n  ]";
}

Json placement_of(const Schedule& schedule) {
  Json placement = Json::array();
  for (const auto& route : schedule.placement.route) {
    Json ranks = Json::array();
    for (const Rank rank : route) ranks.push_back(index(rank));
    placement.push_back(std::move(ranks));
  }
  return placement;
}

Json head_of_schedule(const Schedule& schedule) {
  Json head = {{"name", schedule.name},
               {"ranks", schedule.ranks()},
               {"stages", schedule.stages()},
               {"micro_batches", schedule.micro_batches},
               {"slices", schedule.slices},
               {"steps", schedule.steps},
               {"requests", schedule.requests},
               {"forward_only", schedule.forward_only},
               {"placement", placement_of(schedule)}};
  if (!schedule.directions.empty()) head["directions"] = schedule.directions;
  return head;
}

}  // namespace

std::string schedule_json(const Schedule& schedule) {
  std::string out = "{\n";
  const Json head = head_of_schedule(schedule);
  for (const auto& [key, value] : head.items()) out += fmt::format("  \"{}\": {},\n", key, compact(value));
  out += "  \"programs\": ";
  append_programs(
      out, schedule, [&](Rank rank) { return schedule.program(rank); },
      [](const Op& op) { return text_of_kind(op); });
  if (!schedule.communication.empty()) {
    out += ",\n  \"communication\": ";
    append_programs(
        out, schedule, [&](Rank rank) { return schedule.communication_of(rank); },
        [&](const CommAction& action) { return text_of_kind(schedule, action); });
  }
  out += "\n}\n";
  return out;
}

}  // namespace ppsim
