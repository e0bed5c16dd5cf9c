// PyTorch's own cases of each lowering pass, and files of others, read from the shared folder.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <fstream>
#include <iterator>
#include <regex>

#include "ppsim/schedule/check/check.hpp"
#include "ppsim/schedule/lowering.hpp"
#include "ppsim/schedule/registry.hpp"
#include "ppsim/schedule/text/text.hpp"
#include "schedule/action_rows.hpp"
#include "support.hpp"

namespace ppsim::lowering_golden_test {
namespace {

using Json = nlohmann::json;

std::optional<std::string> golden(const char* file) {
  const auto shared = shared_folder();
  if (!shared) {
    MESSAGE("skipped: no folder of published data");
    return std::nullopt;
  }
  std::ifstream in(*shared / "golden" / file, std::ios::binary);
  REQUIRE_MESSAGE(in, file);
  return std::string{std::istreambuf_iterator<char>(in), {}};
}

std::optional<Json> lowering_cases() {
  const auto text = golden("pytorch/lowering_cases.json");
  return text ? std::optional(Json::parse(*text)) : std::nullopt;
}

Rows rows_of_json(const Json& rows) {
  Rows result;
  for (const Json& row : rows) {
    result.emplace_back();
    for (const std::string cell : row)
      if (!cell.empty()) result.back().push_back(cell);
  }
  return result;
}

// PyTorch's sweeps spend a turn on a blank cell. A RESHARD takes a turn too, and can be taken out afterwards.
Rows rows_with_turns(const Json& rows) {
  Rows result;
  for (const Json& row : rows) {
    const std::string last = row.back().get<std::string>().empty() ? row[1] : row.back();
    result.emplace_back();
    for (const std::string cell : row)
      result.back().push_back(cell.empty() ? last.substr(0, 1) + "RESHARD" : cell);
  }
  return result;
}

Rows without_turns(Rows rows) {
  for (auto& row : rows)
    std::erase_if(row, [](const std::string& cell) { return cell.ends_with("RESHARD"); });
  return rows;
}

Schedule parse(const std::string& csv) {
  return parse_csv(csv, "f.csv").schedule;
}

// An old file's B is I to us.
std::string with_new_names(const std::string& csv, bool old_file) {
  static const std::regex whole_backward(R"((\d)B(\d))");
  return old_file ? std::regex_replace(csv, whole_backward, "$1I$2") : csv;
}

template <class Pass>
void check_row_cases(const Json& cases, Pass pass) {
  REQUIRE(!cases.empty());
  for (const Json& one : cases) {
    CAPTURE(one.dump());
    const Schedule schedule = parse(csv_of(rows_of_json(Json::array({one["in"]}))));
    CHECK(to_comms_csv(pass(schedule)) == csv_of(rows_of_json(Json::array({one["out"]}))));
  }
}

TEST_CASE("PyTorch's cases of the passes over one rank come out as they do there") {
  const auto cases = lowering_cases();
  if (!cases) return;
  check_row_cases((*cases)["add_unshard_reshard"], [](const Schedule& s) { return add_unshards(s); });
  check_row_cases((*cases)["add_reduce_grad"], add_reductions);
  check_row_cases((*cases)["merge_bw"], merge_backward);
}

TEST_CASE("PyTorch's cases of sends and receives come out as they do there, and run in as many steps") {
  const auto cases = lowering_cases();
  if (!cases) return;
  int met = 0;
  for (const Json& one : (*cases)["add_send_recv"]) {
    CAPTURE(one["name"].dump());
    const Rows compute = rows_with_turns(one["compute"]), expected = rows_of_json(one["comms"]);
    const auto [schedule, notes] = parse_csv(csv_of(compute), "f.csv");
    const bool old_file = notes.size() == 2;  // beside the one about RESHARD
    const Rows lowered = rows_of(to_comms_csv(add_sends_and_receives(schedule)));
    const std::string csv = csv_of(without_turns(lowered));
    CHECK(csv == with_new_names(csv_of(expected), old_file));
    CHECK(check_communication(parse(csv_of(expected))).empty());
    for (std::size_t stage = 0; stage < one["stage_to_rank"].size(); ++stage)
      CHECK(index(schedule.placement.rank_of(static_cast<Stage>(stage))) == one["stage_to_rank"][stage]);
    CHECK(count_steps(rows_of(csv), static_cast<int>(schedule.stages())) ==
          one["simulated_steps"].get<int>());
    const auto swept = place_by_sweeps(compute, static_cast<int>(schedule.stages()));
    REQUIRE(swept);
    CHECK(without_turns(*swept) == expected);
    ++met;
  }
  CHECK(met == 2);
}

TEST_CASE(
    "PyTorch's file with communication is its compute file after merge_bw and send_recv, byte for byte") {
  const auto cases = lowering_cases();
  if (!cases) return;
  const auto compute = golden("pytorch/zb1p_2rank_2stagep_compute.csv");
  const auto comms = golden("pytorch/zb1p_2rank_2stagep_comms.csv");
  const std::string expected = csv_of(rows_of(*comms));  // blanks and line ends alike
  const Schedule lowered = add_sends_and_receives(merge_backward(parse(*compute)));
  CHECK(to_comms_csv(lowered) == expected);
  const Schedule read = parse(*comms);
  CHECK(read == lowered);
  CHECK(to_comms_csv(read) == expected);
  CHECK(check_order(read).empty());
  CHECK(check_communication(read).empty());
  CHECK(count_steps(rows_of(*comms), 4) == (*cases)["csv_case"]["simulated_steps"].get<int>());
}

TEST_CASE("PyTorch's actions are read as it reads them") {
  const auto cases = lowering_cases();
  if (!cases) return;
  const Json& actions = (*cases)["action_parse"];
  CHECK(actions.size() == 8);
  for (const auto& entry : actions.items()) {
    CAPTURE(entry.key());
    const Json& meaning = entry.value();  // [stage, kind, micro-batch or null]
    // In front of ops, so that every stage and micro-batch is there.
    std::string csv = entry.key();
    for (const int stage : {0, 1, 2, 3})
      for (const int m : {0, 1, 2, 3}) csv += fmt::format(",{}F{},{}B{}", stage, m, stage, m);
    const Schedule schedule = parse(csv);
    const bool is_op = meaning[1].get<std::string>().size() == 1;
    CHECK(schedule.communication.size() == (is_op ? 0 : 1));
    const Stage stage = is_op ? schedule.ops[0].stage : schedule.communication[0].stage;
    const MicroBatch m = is_op ? schedule.ops[0].micro_batch : schedule.communication[0].micro_batch;
    CHECK(index(stage) == meaning[0]);
    CHECK((is_op ? name(schedule.ops[0].kind) : name(schedule.communication[0].kind)) == meaning[1]);
    if (!meaning[2].is_null()) CHECK(index(m) == meaning[2]);
    if (!is_op) CHECK(is_send_or_receive(schedule.communication[0].kind) == !meaning[2].is_null());
  }
}

TEST_CASE("stages lie on ranks as in PyTorch's maps") {
  const auto cases = lowering_cases();
  if (!cases) return;
  for (const Json& one : (*cases)["stage_to_rank_mapping"]) {
    CAPTURE(one.dump());
    const std::uint32_t P = one["p"], V = one["S"].get<std::uint32_t>() / P;
    const Placement placement = one["style"] == "loop" ? looped_placement(P, V) : wave_placement(P, V);
    REQUIRE(placement.stages() == one["map"].size());
    for (std::size_t stage = 0; stage < one["map"].size(); ++stage)
      CHECK(index(placement.rank_of(static_cast<Stage>(stage))) == one["map"][stage]);
  }
}

// PyTorch tests V, M, P. Shapes with ragged groups it keeps from all but flexible schedules, we from none.
TEST_CASE("the shapes of PyTorch's order tests make legal orders that run with their communication") {
  const auto cases = lowering_cases();
  if (!cases) return;
  int legal = 0;
  for (const Json& one : (*cases)["pipeline_order_cases_(n_local_stages,n_microbatches,group_size)"]) {
    const Shape shape{one[2], one[1], one[0]};
    for (const char* name : {"interleaved", "interleaved-zb", "looped-bfs"}) {
      CAPTURE(fmt::format("{} {}", name, one.dump()));
      const ScheduleInfo& info = find_schedule(name);
      const ScheduleRequest request{shape, complete_options(info, {}), nullptr};
      if (why_not(info, request)) continue;
      const Schedule schedule = add_sends_and_receives(make_schedule(info, request));
      CHECK(check_order(schedule).empty());
      CHECK(check_communication(schedule).empty());
      if (shape.ranks <= (kSanitized ? 8 : 16))  // the steps of larger ones take seconds to count
        CHECK(count_steps(rows_of(to_comms_csv(schedule)), static_cast<int>(schedule.stages())));
      ++legal;
    }
  }
  CHECK(legal >= 60);
}

TEST_CASE("a torchtitan user's file is read, checked and lowered, and runs") {
  const auto text = golden("torchtitan/custom_schedule.csv");
  if (!text) return;
  const Schedule schedule = parse(*text);
  CHECK(check_order(schedule).empty());
  for (const bool merged : {false, true}) {
    const Schedule compute = merged ? merge_backward(schedule) : schedule;
    const Schedule lowered = add_sends_and_receives(add_reductions(add_unshards(compute)));
    CHECK(check_order(lowered).empty());
    CHECK(check_communication(lowered).empty());
    CHECK(count_steps(rows_of(to_comms_csv(lowered)), 4));
    CHECK(parse(to_comms_csv(lowered)) == lowered);
    CHECK(to_csv(lowered) == to_csv(compute));
    // All backwards of the file are an I with its W behind it.
    CHECK((to_csv(compute).find('I') == std::string::npos) == merged);
  }
}

}  // namespace
}  // namespace ppsim::lowering_golden_test
