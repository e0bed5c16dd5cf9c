#include "ppsim/schedule/registry.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <stdexcept>

#include "ppsim/core/error.hpp"
#include "support.hpp"

namespace ppsim::registry_test {
namespace {

template <class Call>
std::string message_of(Call&& call) {
  try {
    (void)call();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "no error";
}

// Self-registration is lost in silence where the archive is not linked whole: so the names stand here.
TEST_CASE("the built-in schedules are these") {
  std::vector<std::string> names;
  for (const ScheduleInfo* info : all_schedules()) names.push_back(info->name);
  CHECK(names == std::vector<std::string>{"1f1b",       "bpipe",     "chimera",       "combined-1f1b",
                                          "dualpipe",   "dualpipev", "eager-1f1b",    "gpipe",
                                          "hanayo",     "inference", "interleaved",   "interleaved-zb",
                                          "looped-bfs", "naive",     "pipedream-2bw", "seq1f1b",
                                          "terapipe",   "v-half",    "v-min",         "zb-1p",
                                          "zb-2p",      "zb-auto",   "zb-h1",         "zb-h2",
                                          "zbv",        "zbv-auto"});
}

TEST_CASE("every schedule says in one line each what it is, where from, and what it costs") {
  for (const ScheduleInfo* info : all_schedules()) {
    CAPTURE(info->name);
    for (const std::string& line : {info->name, info->summary, info->source, info->placement,
                                    info->makespan.text, info->bubble.text, info->peak.text}) {
      CHECK(!line.empty());
      CHECK(line.find('\n') == std::string::npos);
    }
    CHECK(info->generate);
    CHECK((info->chunk_rule != ChunkRule::Own || info->chunks));
    for (const OptionSpec& option : info->options) {
      CAPTURE(option.name);
      CHECK(!option.help.empty());
      CHECK_NOTHROW((void)complete_options(*info, {{option.name, option.default_value}}));
    }
  }
}

TEST_CASE("a schedule is found by its name") {
  CHECK(find_schedule("gpipe").name == "gpipe");
  CHECK(&find_schedule("1f1b") == all_schedules().front());
}

TEST_CASE("an unknown name is an error that lists the known ones, the nearest first") {
  CHECK(message_of([] {
          return find_schedule("interleave");
        }).starts_with("/schedule/name: there is no schedule \"interleave\", expected one of interleaved, "));
  const std::string message = message_of([] { return find_schedule("gpip", "x.json#/schedule/name"); });
  CHECK(message.starts_with("x.json#/schedule/name: there is no schedule \"gpip\", expected one of gpipe, "));
  for (const ScheduleInfo* info : all_schedules()) CHECK(message.find(info->name) != std::string::npos);
  CHECK(where_of([] { return find_schedule(""); }) == "/schedule/name");
}

TEST_CASE("a second registration of a name throws and changes nothing") {
  ScheduleInfo other;
  other.name = "gpipe";
  other.summary = "another one";
  CHECK_THROWS_AS((void)Registration(other), std::logic_error);
  CHECK(find_schedule("gpipe").summary != "another one");
  CHECK(std::is_sorted(all_schedules().begin(), all_schedules().end(),
                       [](const auto* a, const auto* b) { return a->name < b->name; }));
}

TEST_CASE("options that are left out take their defaults") {
  const OptionValues options = complete_options(find_schedule("1f1b"), {{"slack", std::int64_t{2}}});
  CHECK(options == OptionValues{{"recompute_ahead", std::int64_t{0}},
                                {"slack", std::int64_t{2}},
                                {"warmup_per_hop", std::int64_t{1}}});
  CHECK(complete_options(find_schedule("naive"), {}).empty());
}

TEST_CASE("an option that does not fit is an error at its key that says what would be right") {
  const auto error = [](const char* schedule, const char* option, OptionValue value) {
    return message_of([&] {
      return complete_options(find_schedule(schedule), {{option, std::move(value)}});
    });
  };
  const std::string text = "2";
  CHECK(error("1f1b", "slak", std::int64_t{2}) ==
        "/schedule/slak: there is no option \"slak\": 1f1b has warmup_per_hop, slack, recompute_ahead");
  CHECK(error("naive", "slack", std::int64_t{2}) ==
        "/schedule/slack: there is no option \"slack\": naive has no options");
  CHECK(error("1f1b", "slack", text) == "/schedule/slack: is \"2\", expected an integer from 0 to 1000000");
  CHECK(error("1f1b", "slack", std::int64_t{-1}) ==
        "/schedule/slack: is -1, expected an integer from 0 to 1000000");
  CHECK(error("1f1b", "warmup_per_hop", std::int64_t{0}) ==
        "/schedule/warmup_per_hop: is 0, expected an integer from 1 to 1000000");
  CHECK(error("inference", "decode_steps", std::int64_t{1'000'001}) ==
        "/schedule/decode_steps: is 1000001, expected an integer from 0 to 1000000");
  CHECK(error("gpipe", "backward_order", std::string("up")) ==
        "/schedule/backward_order: is \"up\", expected one of ascending, descending");
  CHECK(error("gpipe", "backward_order", std::int64_t{1}) ==
        "/schedule/backward_order: is 1, expected one of ascending, descending");
  CHECK(where_of([] {
          return complete_options(find_schedule("naive"), {{"x", std::int64_t{1}}}, "a.json#/schedule");
        }) == "a.json#/schedule/x");
}

TEST_CASE("a shape that fits no schedule is refused before a generator sees it") {
  struct Case {
    const char* schedule;
    Shape shape;
    const char* reason;
  };
  const Case cases[] = {
      {"gpipe", {0, 1, 1}, "0 ranks, 1 micro-batches, 1 chunks a rank: expected at least 1 of each"},
      {"gpipe", {1, 0, 1}, "1 ranks, 0 micro-batches, 1 chunks a rank: expected at least 1 of each"},
      {"interleaved", {1, 1, 0}, "1 ranks, 1 micro-batches, 0 chunks a rank: expected at least 1 of each"},
      {"gpipe", {4, 8, 2}, "2 chunks a rank: expected 1"},
      {"naive", {65'536, 1, 1}, "65536 stages: expected at most 65535"},
      {"interleaved", {65'535, 65'535, 2}, "131070 stages: expected at most 65535"},
      {"1f1b",
       {4, 300'000'000, 1},
       "4 stages with 300000000 micro-batches: expected at most 1073741824 of both multiplied"},
      {"inference",
       {4, 4'000'000'000, 1},
       "4 stages with 8000000000 micro-batches (slices, token steps, steps counted): expected at most "
       "1073741824 of both multiplied"},
  };
  for (const auto& [name, shape, reason] : cases) {
    const ScheduleInfo& info = find_schedule(name);
    const ScheduleRequest request{shape, complete_options(info, {}), nullptr};
    CHECK(why_not(info, request) == reason);
    CHECK(message_of([&, &shape = shape] {
            return make_schedule(info, {shape, request.options, nullptr});
          }) == "/parallelism: " + info.name + ": " + reason);
  }
}

TEST_CASE("asking a request for an option that nobody declared is our own mistake") {
  const ScheduleRequest request{{2, 2, 1}, {}, nullptr};
  CHECK_THROWS_AS((void)request.integer("slack"), std::logic_error);
  CHECK_THROWS_AS((void)request.text("backward_order"), std::logic_error);
}

}  // namespace
}  // namespace ppsim::registry_test
