#include "ppsim/schedule/text/text.hpp"

#include <doctest/doctest.h>

#include "ppsim/core/error.hpp"
#include "ppsim/schedule/registry.hpp"

namespace ppsim::text_test {
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
  const auto [schedule, notes] = parse_csv("0F0,3F0,3B0,0B0\n1F0,2F0,2B0,1B0\n", "v.csv");  // a V-shape
  CHECK(notes.empty());
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

TEST_CASE("communication stands in front of the op that it was written before") {
  const char* csv =
      "0UNSHARD,0F0,0SEND_F0,0F1,0SEND_F1,0RECV_B0,0B0,0RECV_B1,0B1,0REDUCE_GRAD,0RESHARD\n"
      "1RECV_F0,1F0,1B0,1SEND_B0,1RECV_F1,1F1,1B1,1SEND_B1\n";
  const auto [schedule, notes] = parse_csv(csv, "f.csv");
  CHECK(to_comms_csv(schedule) == csv);
  CHECK(to_csv(schedule) == "0F0,0F1,0B0,0B1\n1F0,1B0,1F1,1B1\n");
  CHECK(schedule.communication_begin == std::vector<std::uint32_t>{0, 7, 11});
  CHECK(schedule.communication_of(Rank{0})[0] == CommAction{CommKind::Unshard, Stage{0}, MicroBatch{0}, 0});
  CHECK(schedule.communication_of(Rank{0})[2] ==
        CommAction{CommKind::SendForward, Stage{0}, MicroBatch{1}, 2});
  CHECK(schedule.communication_of(Rank{0})[6] == CommAction{CommKind::Reshard, Stage{0}, MicroBatch{0}, 4});
  CHECK(schedule.communication_of(Rank{1})[1] ==
        CommAction{CommKind::SendBackward, Stage{1}, MicroBatch{0}, 2});
  CHECK(notes ==
        std::vector<std::string>{
            "f.csv: UNSHARD, RESHARD and REDUCE_GRAD are kept and cost nothing: parameters are whole "
            "on every replica, gradients are reduced behind each rank's program"});
}

TEST_CASE("in two directions communication has its direction, with a micro-batch or without") {
  const char* csv =
      "d0UNSHARD,d0F0,d0SEND_F0,u1UNSHARD,u1RECV_F0,(u1F0;d0B0)OVERLAP_F_B,u1B0,u1SEND_B0,d0RESHARD\n"
      "u0F0,u0SEND_F0,d1RECV_F0,d1F0,d1B0,d1SEND_B0,u0RECV_B0,u0B0\n";
  const Schedule schedule = parse_csv(csv, "f.csv").schedule;
  CHECK(to_comms_csv(schedule) == csv);
  CHECK(schedule.communication_of(Rank{0})[0] == CommAction{CommKind::Unshard, Stage{0}, MicroBatch{0}, 0});
  CHECK(schedule.communication_of(Rank{0})[2] == CommAction{CommKind::Unshard, Stage{1}, MicroBatch{1}, 1});
  CHECK(schedule.communication_of(Rank{0})[3] ==
        CommAction{CommKind::RecvForward, Stage{1}, MicroBatch{1}, 1});
}

TEST_CASE("a file without communication leaves it open") {
  const Schedule schedule = parse_csv("0F0,0B0\n1F0,1B0\n", "f.csv").schedule;
  CHECK(schedule.communication.empty());
  CHECK(schedule.communication_begin.empty());
  CHECK(to_comms_csv(schedule) == to_csv(schedule));
}

TEST_CASE("the micro-batch of the first token that stage 0 receives is the number of requests") {
  const auto requests = [](const char* csv) { return parse_csv(csv, "f.csv").schedule.requests; };
  const char* rank_1 = "\n1F0,1F1,1F2,1F3\n";
  const auto with = [&](const std::string& rank_0) { return requests((rank_0 + rank_1).c_str()); };
  CHECK(with("0F0,0F1,0RECV_F2,0F2,0RECV_F3,0F3") == 2);
  CHECK(with("0F0,0RECV_F1,0F1,0RECV_F2,0F2,0RECV_F3,0F3") == 1);
  CHECK(with("0F0,0F1,0F2,0RECV_F3,0F3") == 0);  // no whole number of token steps
  CHECK(with("0RECV_F0,0F0,0F1,0F2,0F3") == 0);
  CHECK(requests("0F0,0RECV_F1,0F1,0B0,0B1\n1F0,1F1,1B0,1B1\n") == 0);  // training has no tokens
}

TEST_CASE("an old file's B is read as I and its BW as B, and a note says so") {
  const Schedule fresh = parse_csv("0F0,0F1,0I0,0W0,0B1\n", "f.csv").schedule;
  const auto [by_bw, notes] = parse_csv("0F0,0F1,0B0,0W0,0BW1\n", "f.csv");
  CHECK(by_bw == fresh);
  CHECK(notes == std::vector<std::string>{"f.csv: written before December 2024: its B is read as I (input "
                                          "gradient), its BW as B"});
  // No BW: a W whose stage and micro-batch have a B and no I tells it.
  const auto [by_w, second_notes] = parse_csv("0F0,0B0,0W0\n", "f.csv");
  CHECK(by_w == parse_csv("0F0,0I0,0W0\n", "f.csv").schedule);
  CHECK(!second_notes.empty());
}

TEST_CASE("a file that mixes fused and split backwards is no old file") {
  CHECK(parse_csv("0F0,0F1,0B0,0I1,0W1\n", "f.csv").notes.empty());
  CHECK(parse_csv("0F0,0I0,0B0,0W0\n", "f.csv").notes.empty());  // faulty, but its W has an I
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
      {"0F-1\n", "f.csv, row 1, cell 1: \"0F-1\" is no action like 0F3: the kind is F, B, I, W or R"},
      {"0X0\n", "f.csv, row 1, cell 1: \"0X0\" is no action like 0F3: the kind is F, B, I, W or R"},
      {"0f0\n", "f.csv, row 1, cell 1: \"0f0\" is no action like 0F3: the kind is F, B, I, W or R"},
      {"\"0F0\"\n", "f.csv, row 1, cell 1: \"\"0F0\"\" is no action like 0F3"},
      {"0F0,0SEND_F\n", "f.csv, row 1, cell 2: \"0SEND_F\" has no micro-batch, expected an action like 0F3"},
      {"0UNSHARD0,0F0\n",
       "f.csv, row 1, cell 1: \"0UNSHARD0\" has a micro-batch, expected an action like 0UNSHARD"},
      {"0F0,0SEND_G0\n",
       "f.csv, row 1, cell 2: \"0SEND_G0\" is no action like 0F3: the kind is F, B, I, W or R"},
      {"0F0,(0F1;0SEND_F0)OVERLAP_F_B\n",
       "f.csv, row 1, cell 2: \"(0F1;0SEND_F0)OVERLAP_F_B\" pairs communication, expected ops as in "
       "(0F7;7B3)OVERLAP_F_B"},
      {"0RESHARD,0SEND_F0\n", "f.csv: holds communication only, expected ops like 0F3 too"},
      {"0F0,1RECV_F0\n", "f.csv, row 1, cell 2: stage 1 has no ops: the last stage is 0"},
      {"0F0,0F1,0SEND_F2\n", "f.csv, row 1, cell 3: micro-batch 2 has no ops: there are 2 micro-batches"},
      {"0SEND_F0\n0F0\n", "f.csv, row 1, cell 1: stage 0 stands in row 2 too: a stage lives on one rank"},
      {"d0F0\nu0F0,d0UNSHARD\n",
       "f.csv, row 2, cell 2: stage 0 stands in row 1 too: a stage lives on one rank"},
      {"d0F0,u0UNSHARD\n", "f.csv: stage 0 of 1 stands in no row"},
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
}  // namespace ppsim::text_test
