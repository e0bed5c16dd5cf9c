#include "ppsim/schedule/text.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include "ppsim/schedule/check.hpp"
#include "ppsim/schedule/registry.hpp"
#include "support.hpp"

using namespace ppsim;

namespace {

Op op(OpKind kind, std::uint16_t stage, std::uint32_t micro_batch, bool overlaps_next = false) {
  return {kind, overlaps_next, Stage{stage}, MicroBatch{micro_batch}};
}

std::string error_of(std::string_view text) {
  try {
    (void)parse_csv(text, "f.csv");
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("a file is read op by op, blanks dropped, whatever its line ends") {
  const Schedule schedule = parse_csv(" 0F0, ,0F1,0B0,0B1\r\n1F0,1I0,,1W0,1F1,1B1,\r\n\n", "f.csv").schedule;
  CHECK(schedule.ops ==
        std::vector<Op>{op(OpKind::Forward, 0, 0), op(OpKind::Forward, 0, 1), op(OpKind::Backward, 0, 0),
                        op(OpKind::Backward, 0, 1), op(OpKind::Forward, 1, 0), op(OpKind::InputGrad, 1, 0),
                        op(OpKind::WeightGrad, 1, 0), op(OpKind::Forward, 1, 1), op(OpKind::Backward, 1, 1)});
  CHECK(schedule.rank_begin == std::vector<std::uint32_t>{0, 4, 9});
  CHECK(schedule.placement == linear_placement(2));
  CHECK(schedule.micro_batches == 2);
  CHECK_FALSE(schedule.forward_only);
}

TEST_CASE("a pair is two ops, the first overlapping the next, and is written as it was") {
  const std::string text = "0F0,(0F1;0B0)OVERLAP_F_B,0B1\n";
  const Schedule schedule = parse_csv(text, "f.csv").schedule;
  CHECK(schedule.ops == std::vector<Op>{op(OpKind::Forward, 0, 0), op(OpKind::Forward, 0, 1, true),
                                        op(OpKind::Backward, 0, 0), op(OpKind::Backward, 0, 1)});
  CHECK(to_csv(schedule) == text);
}

TEST_CASE("directions number their micro-batches each for itself, and the schedule numbers them through") {
  // Two ranks, two directions: stage 0 of the down pipe on rank 0, of the up pipe on rank 1.
  const std::string text = "d0F0,u1F0,u1B0,d0B0\nu0F0,d1F0,d1B0,u0B0\n";
  const Schedule schedule = parse_csv(text, "f.csv").schedule;
  CHECK(schedule.micro_batches == 2);
  CHECK(schedule.directions == std::vector<std::uint8_t>{0, 1});
  CHECK(schedule.ops[1] == op(OpKind::Forward, 1, 1));
  CHECK(schedule.placement.rank_of(Stage{0}, 0) == Rank{0});
  CHECK(schedule.placement.rank_of(Stage{0}, 1) == Rank{1});
  CHECK(check_order(schedule).empty());
  CHECK(to_csv(schedule) == text);
}

TEST_CASE("an old file's B is the input gradient where a W or a BW says so, and the reader says it once") {
  for (const char* text : {"0F0,0B0,0W0\n", "0F0,0F1,0B0,0W0,0BW1\n"}) {
    const ParsedSchedule parsed = parse_csv(text, "old.csv");
    CHECK(parsed.note.find("old.csv") != std::string::npos);
    CHECK(check_order(parsed.schedule).empty());
    CHECK(parsed.schedule.ops.back().kind ==
          (parsed.schedule.micro_batches == 1 ? OpKind::WeightGrad : OpKind::Backward));
  }
  CHECK(parse_csv("0F0,0I0,0W0\n", "new.csv").note.empty());
}

TEST_CASE("what is not in the grammar is named with its row and cell") {
  CHECK(error_of("") == "f.csv: holds no action, expected rows of cells like 0F3");
  CHECK(error_of(" , \n") == "f.csv: holds no action, expected rows of cells like 0F3");
  CHECK(error_of("0F0\n1F0,hello") == "f.csv, row 2, cell 2: \"hello\" is no action like 0F3");
  CHECK(error_of("0F0,0X1") ==
        "f.csv, row 1, cell 2: \"0X1\" is no action like 0F3: the kind is F, B, I or W");
  CHECK(error_of("0F") == "f.csv, row 1, cell 1: \"0F\" has no micro-batch, expected an action like 0F3");
  CHECK(error_of("0F1x") == "f.csv, row 1, cell 1: \"0F1x\" has no micro-batch, expected an action like 0F3");
  CHECK(error_of("0F0,0SEND_F0") ==
        "f.csv, row 1, cell 2: \"0SEND_F0\" is communication, expected a compute-only file (F, B, I, W)");
  CHECK(error_of("0UNSHARD,0F0") ==
        "f.csv, row 1, cell 1: \"0UNSHARD\" is communication, expected a compute-only file (F, B, I, W)");
  CHECK(error_of("(0F0;0B0)") == "f.csv, row 1, cell 1: \"(0F0;0B0)\" is no pair like (0F7;7B3)OVERLAP_F_B");
  CHECK(error_of("-1F0") == "f.csv, row 1, cell 1: \"-1F0\" is no action like 0F3");
  CHECK(error_of("65535F0") == "f.csv, row 1, cell 1: \"65535F0\" is no action like 0F3");
  CHECK(error_of("0F99999999999") ==
        "f.csv, row 1, cell 1: \"0F99999999999\" has no micro-batch, expected an action like 0F3");
}

TEST_CASE("a stage in two rows, a stage in none, and wild numbers are named") {
  CHECK(error_of("0F0\n1F0,0F1") ==
        "f.csv, row 2, cell 2: stage 0 stands in row 1 too: a stage lives on one rank");
  CHECK(error_of("0F0\n2F0") == "f.csv: stage 1 of 3 stands in no row");
  CHECK(error_of("0F4000000000") == "f.csv: names 1 stages and 4000000001 micro-batches but holds 1 actions");
  CHECK(error_of("0F0,d0F0") ==
        "f.csv, row 1, cell 2: some cells have a direction (d, u) and some have none");
}

TEST_CASE("text that was cut, doubled or scrambled gives a schedule or one line, never a crash") {
  const ScheduleInfo& info = find_schedule("interleaved");
  const std::string legal = to_csv(make_schedule(info, {{2, 4, 2}, complete_options(info, {}), nullptr}));
  CHECK(rc::check("any text", [&] {
    std::string text = legal;
    const auto edits = *rc::gen::inRange(1, 6);
    for (int edit = 0; edit < edits; ++edit) {
      const auto at = *rc::gen::inRange<std::size_t>(0, text.size());
      const auto letter =
          *rc::gen::element('0', '9', 'F', 'B', 'I', 'W', ',', '\n', '(', ';', ')', ' ', 'd', 'u', 'S', '\0');
      if (*rc::gen::arbitrary<bool>()) {
        text[at] = letter;
      } else {
        text.insert(at, 1, letter);
      }
    }
    try {
      const Schedule schedule = parse_csv(text, "f").schedule;
      (void)check_order(schedule);
      RC_ASSERT(parse_csv(to_csv(schedule), "f").schedule == schedule);
    } catch (const Error& error) {
      RC_ASSERT(std::string(error.what()).find('\n') == std::string::npos ||
                text.find('\n') != std::string::npos);
    }
  }));
}
