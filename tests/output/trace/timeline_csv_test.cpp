#include "ppsim/output/trace/timeline_csv.hpp"

#include <doctest/doctest.h>

#include <rapidcheck.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "tiny_run.hpp"

namespace ppsim::test::timeline_csv_test {
namespace {

/// Rows without the header, each split at its commas.
std::vector<std::vector<std::string>> rows_of(const TinyRun& run) {
  std::istringstream text(timeline_csv(run.graph, run.timeline));
  std::vector<std::vector<std::string>> rows;
  for (std::string line; std::getline(text, line);) {
    std::vector<std::string> cells(1);
    for (const char c : line) {
      if (c == ',') cells.emplace_back();
      if (c != ',') cells.back() += c;
    }
    rows.push_back(cells);
  }
  rows.erase(rows.begin());
  return rows;
}

}  // namespace

// The same run as the trace's: what is sent at 10 us leaves until 11, and arrives from 10.5 to 11.5.
TEST_CASE("the timeline of one micro-batch on two ranks, byte for byte") {
  const TinyRun run = make_run(one_f_one_b(2, 1), tiny_costs());
  CHECK(timeline_csv(run.graph, run.timeline) ==
        "rank,stream,kind,stage,micro_batch,start_ns,finish_ns,bytes,peer\n"
        "0,compute,F,0,0,0,10000,,\n"
        "0,send,F,0,0,10000,11000,1000,1\n"
        "1,receive,F,0,0,10500,11500,1000,0\n"
        "1,compute,F,1,0,11500,21500,,\n"
        "1,compute,B,1,0,21500,41500,,\n"
        "1,send,B,1,0,41500,42500,1000,0\n"
        "0,receive,B,1,0,42000,43000,1000,1\n"
        "0,compute,B,0,0,43000,63000,,\n");
}

TEST_CASE("a pair gives two rows of the same times, and gradient reduction no micro-batch") {
  ScheduleWriter writer("pairs", linear_placement(1), 2, 4);
  writer.forward(0, 0);
  writer.push({OpKind::Forward, true, Stage{0}, MicroBatch{1}});
  writer.backward(0, 0);
  writer.backward(0, 1);
  writer.next_rank();
  Workload workload = make_workload(tiny_costs(), RunShape{1, 1, {}}, 1);
  workload.stages[0].ops[OpKind::GradientReduction].duration = Time(5);
  const TinyRun run = make_run(std::move(writer).take(), std::move(workload));
  CHECK(timeline_csv(run.graph, run.timeline) ==
        "rank,stream,kind,stage,micro_batch,start_ns,finish_ns,bytes,peer\n"
        "0,compute,F,0,0,0,10000,,\n"
        "0,compute,F,0,1,10000,40000,,\n"
        "0,compute,B,0,0,10000,40000,,\n"
        "0,compute,B,0,1,40000,60000,,\n"
        "0,collectives,REDUCE_GRAD,0,,60000,60005,,\n");
}

TEST_CASE("rows ascend by start, then rank; each has nine cells") {
  CHECK(rc::check([] {
    std::pair<long, long> last{0, 0};
    for (const auto& row : rows_of(random_run())) {
      RC_ASSERT(row.size() == 9U);
      const std::pair now(std::stol(row[5]), std::stol(row[0]));
      RC_ASSERT(last <= now);
      RC_ASSERT(std::stol(row[5]) <= std::stol(row[6]));
      last = now;
    }
  }));
}

TEST_CASE("every op has a row, and every transfer one at each end that name each other") {
  CHECK(rc::check([] {
    const TinyRun run = random_run();
    const auto rows = rows_of(run);
    const auto count = [&](std::string_view stream) {
      return std::count_if(rows.begin(), rows.end(), [&](const auto& row) { return row[1] == stream; });
    };
    RC_ASSERT(static_cast<std::size_t>(count("compute")) == run.schedule.ops.size());
    RC_ASSERT(count("send") == count("receive"));
    for (const auto& send : rows) {
      if (send[1] != "send") continue;
      RC_ASSERT(1 == std::count_if(rows.begin(), rows.end(), [&](const auto& row) {
                  return row[1] == "receive" && row[0] == send[8] && row[8] == send[0] && row[2] == send[2] &&
                         row[3] == send[3] && row[4] == send[4] && row[7] == send[7];
                }));
    }
  }));
}

}  // namespace ppsim::test::timeline_csv_test
