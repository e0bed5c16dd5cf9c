#include "ppsim/schedule/text.hpp"

#include <doctest/doctest.h>

#include "ppsim/core/error.hpp"
#include "ppsim/schedule/registry.hpp"

namespace ppsim {
namespace {

std::string csv_of(const char* name, Shape shape, const OptionValues& options = {}) {
  const ScheduleInfo& info = find_schedule(name);
  return to_csv(make_schedule(info, {shape, complete_options(info, options), nullptr}));
}

// The order that SCHEDULES 4.1 prints.
TEST_CASE("a schedule is one row a rank, one cell an op") {
  CHECK(csv_of("naive", {2, 2, 1}) == "0F0,0B0,0F1,0B1\n1F0,1B0,1F1,1B1\n");
}

TEST_CASE("pairs are written in one cell, and ops in two directions with the number within theirs") {
  const char* csv = "d0F0,u1F0,(d0F1;u1B0)OVERLAP_F_B,d0I0,d0W0,d0B1\nu0F0,d1F0,d1B0,u0B0,d1F1,d1B1\n";
  const Schedule schedule = parse_csv(csv, "f.csv").schedule;
  CHECK(to_csv(schedule) == csv);
  CHECK(schedule.micro_batches == 3);
  CHECK(schedule.directions == std::vector<std::uint8_t>{0, 0, 1});
  CHECK(to_text(schedule, {OpKind::InputGrad, false, Stage{1}, MicroBatch{2}}) == "u1I0");
  CHECK(to_text(schedule, {OpKind::WeightGrad, false, Stage{1}, MicroBatch{1}}) == "d1W1");
}

TEST_CASE("a schedule that ends in half a pair can still be written, for messages") {
  Schedule schedule = parse_csv("0F0,0B0\n", "f.csv").schedule;
  schedule.ops[1].overlaps_next = true;
  CHECK(to_csv(schedule) == "0F0,0B0\n");
}

TEST_CASE("a file's rows are its ranks, and the placement is where the stages stand") {
  const auto [schedule, note] = parse_csv("0F0,3F0,3B0,0B0\n1F0,2F0,2B0,1B0\n", "v.csv");  // a V-shape
  CHECK(note.empty());
  CHECK(schedule.name == "v.csv");
  CHECK(schedule.placement == Placement{2, {{Rank{0}, Rank{1}, Rank{1}, Rank{0}}}});
  CHECK(schedule.micro_batches == 1);
  CHECK(!schedule.forward_only);
  CHECK(schedule.rank_begin == std::vector<std::uint32_t>{0, 4, 8});
  CHECK(schedule.program(Rank{1})[2] == Op{OpKind::Backward, false, Stage{2}, MicroBatch{0}});
}

TEST_CASE("blank cells, spaces, Windows line ends and blank lines at the end carry no meaning") {
  const Schedule plain = parse_csv("0F0,0F1,0B0,0B1\n1F0,1B0,1F1,1B1\n", "f.csv").schedule;
  for (const char* csv : {
           "0F0,0F1,0B0,0B1\n1F0,1B0,1F1,1B1",
           "0F0,0F1,,,0B0,,0B1,\r\n,1F0,1B0,1F1,1B1,,\r\n",
           " 0F0 ,\t0F1,0B0,0B1\n1F0,1B0, ,1F1,1B1\n\n\n",
       }) {
    CAPTURE(std::string(csv));
    CHECK(parse_csv(csv, "f.csv").schedule == plain);
  }
  CHECK(parse_csv("0F0,( 0F1 ; 0B0 )OVERLAP_F_B,0B1", "f.csv").schedule ==
        parse_csv("0F0,(0F1;0B0)OVERLAP_F_B,0B1", "f.csv").schedule);
}

TEST_CASE("a row without a cell is a rank that holds no stage") {
  const Schedule schedule = parse_csv("0F0,0B0\n\n1F0,1B0\n", "f.csv").schedule;
  CHECK(schedule.ranks() == 3);
  CHECK(schedule.program(Rank{1}).empty());
  CHECK(schedule.placement.rank_of(Stage{1}) == Rank{2});
}

TEST_CASE("a file with nothing but forwards is forward only, without a token loop") {
  const Schedule schedule = parse_csv(csv_of("inference", {2, 2, 1}), "f.csv").schedule;
  CHECK(schedule.forward_only);
  CHECK(schedule.micro_batches == 4);
  CHECK(schedule.requests == 0);
}

TEST_CASE("an old file's B is read as I and its BW as B, and a note says so") {
  const Schedule fresh = parse_csv("0F0,0F1,0I0,0W0,0B1\n", "f.csv").schedule;
  const auto [by_bw, note] = parse_csv("0F0,0F1,0B0,0W0,0BW1\n", "f.csv");
  CHECK(by_bw == fresh);
  CHECK(note == "f.csv: written before December 2024: its B is read as I (input gradient), its BW as B");
  // No BW: a W whose stage and micro-batch have a B and no I tells it.
  const auto [by_w, second_note] = parse_csv("0F0,0B0,0W0\n", "f.csv");
  CHECK(by_w == parse_csv("0F0,0I0,0W0\n", "f.csv").schedule);
  CHECK(!second_note.empty());
}

TEST_CASE("a file that mixes fused and split backwards is no old file") {
  CHECK(parse_csv("0F0,0F1,0B0,0I1,0W1\n", "f.csv").note.empty());
  CHECK(parse_csv("0F0,0I0,0B0,0W0\n", "f.csv").note.empty());  // faulty, but its W has an I
}

TEST_CASE("what cannot be read is an error at its row and cell, counted from 1") {
  struct Case {
    const char* csv;
    const char* message;
  };
  const Case cases[] = {
      {"", "f.csv: holds no action, expected rows of cells like 0F3"},
      {"\r\n , ,\n", "f.csv: holds no action, expected rows of cells like 0F3"},
      {"0F0,x\n", "f.csv, row 1, cell 2: \"x\" is no action like 0F3"},
      {"F0\n", "f.csv, row 1, cell 1: \"F0\" is no action like 0F3"},
      {"0F0\n1F0,,1F\n", "f.csv, row 2, cell 3: \"1F\" has no micro-batch, expected an action like 0F3"},
      {"0F0 0B0\n", "f.csv, row 1, cell 1: \"0F0 0B0\" has no micro-batch, expected an action like 0F3"},
      {"-1F0\n", "f.csv, row 1, cell 1: \"-1F0\" is no action like 0F3"},
      {"0F-1\n", "f.csv, row 1, cell 1: \"0F-1\" is no action like 0F3: the kind is F, B, I or W"},
      {"0X0\n", "f.csv, row 1, cell 1: \"0X0\" is no action like 0F3: the kind is F, B, I or W"},
      {"0f0\n", "f.csv, row 1, cell 1: \"0f0\" is no action like 0F3: the kind is F, B, I or W"},
      {"\"0F0\"\n", "f.csv, row 1, cell 1: \"\"0F0\"\" is no action like 0F3"},
      {"0F0\n0SEND_F0\n",
       "f.csv, row 2, cell 1: \"0SEND_F0\" is communication, expected a compute-only file (F, B, I, W)"},
      {"0UNSHARD,0F0\n",
       "f.csv, row 1, cell 1: \"0UNSHARD\" is communication, expected a compute-only file (F, B, I, W)"},
      {"65535F0\n", "f.csv, row 1, cell 1: \"65535F0\" is no action like 0F3"},
      {"99999999999F0\n", "f.csv, row 1, cell 1: \"99999999999F0\" is no action like 0F3"},
      {"0F4294967296\n",
       "f.csv, row 1, cell 1: \"0F4294967296\" has no micro-batch, expected an action like 0F3"},
      {"0F4294967295\n", "f.csv: names 1 stages and 4294967296 micro-batches but holds 1 actions"},
      {"0F0,65534F0\n", "f.csv: names 65535 stages and 1 micro-batches but holds 2 actions"},
      {"0F0,(0F1;0B0\n", "f.csv, row 1, cell 2: \"(0F1;0B0\" is no pair like (0F7;7B3)OVERLAP_F_B"},
      {"(0F1)OVERLAP_F_B\n",
       "f.csv, row 1, cell 1: \"(0F1)OVERLAP_F_B\" is no pair like (0F7;7B3)OVERLAP_F_B"},
      {"(;)OVERLAP_F_B\n", "f.csv, row 1, cell 1: \"(;)OVERLAP_F_B\" is no action like 0F3"},
      {"()OVERLAP_F_B;\n", "f.csv, row 1, cell 1: \"()OVERLAP_F_B;\" is no pair like (0F7;7B3)OVERLAP_F_B"},
      {"0F0,1F0\n1B0,0B0\n", "f.csv, row 2, cell 1: stage 1 stands in row 1 too: a stage lives on one rank"},
      {"0F0,2F0\n", "f.csv: stage 1 of 3 stands in no row"},
      {"0F0,d1F0\n", "f.csv, row 1, cell 2: some cells have a direction (d, u) and some have none"},
      {"d0F0\n", "f.csv: stage 0 of 1 stands in no row"},
  };
  for (const Case& text : cases) {
    CAPTURE(std::string(text.csv));
    try {
      (void)parse_csv(text.csv, "f.csv");
      FAIL_CHECK("was read");
    } catch (const Error& error) {
      CHECK(std::string(error.what()) == text.message);
    }
  }
}

}  // namespace
}  // namespace ppsim
