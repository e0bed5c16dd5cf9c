#include "ppsim/schedule/placement.hpp"

#include <doctest/doctest.h>

#include <stdexcept>

#include "ppsim/schedule/schedule.hpp"

namespace ppsim::placement_test {
namespace {

TEST_CASE("linear placement puts stage s on rank s") {
  const Placement placement = linear_placement(3);
  CHECK(placement.ranks == 3);
  CHECK(placement.stages() == 3);
  CHECK(placement.directions() == 1);
  for (std::uint32_t s = 0; s < 3; ++s) CHECK(placement.rank_of(static_cast<Stage>(s)) == Rank{s});
}

TEST_CASE("looped placement deals stages out to ranks round after round") {
  const Placement placement = looped_placement(2, 3);
  CHECK(placement.stages() == 6);
  CHECK(placement.stages_of(Rank{0}) == std::vector<Stage>{Stage{0}, Stage{2}, Stage{4}});
  CHECK(placement.stages_of(Rank{1}) == std::vector<Stage>{Stage{1}, Stage{3}, Stage{5}});
}

TEST_CASE("in two directions a rank holds the stages of both, ascending") {
  const Placement placement{2, {{Rank{0}, Rank{1}}, {Rank{1}, Rank{0}}}};
  CHECK(placement.directions() == 2);
  CHECK(placement.stages_of(Rank{1}) == std::vector<Stage>{Stage{0}, Stage{1}});
  CHECK(placement.rank_of(Stage{0}, 1) == Rank{1});
}

TEST_CASE("a writer keeps each rank's ops in the order in which they were written") {
  ScheduleWriter out("own", linear_placement(2), 1, 4);
  out.forward(0, 0);
  out.input_grad(0, 0);
  out.weight_grad(0, 0);
  out.next_rank();
  out.forward(1, 0);
  out.backward(1, 0);
  out.next_rank();
  const Schedule schedule = std::move(out).take();
  CHECK(schedule.name == "own");
  CHECK(schedule.micro_batches == 1);
  REQUIRE(schedule.program(Rank{0}).size() == 3);
  CHECK(schedule.program(Rank{0})[2] == Op{OpKind::WeightGrad, false, Stage{0}, MicroBatch{0}});
  REQUIRE(schedule.program(Rank{1}).size() == 2);
  CHECK(schedule.program(Rank{1})[1] == Op{OpKind::Backward, false, Stage{1}, MicroBatch{0}});
}

TEST_CASE("a writer that was not given every rank's program is our own mistake") {
  ScheduleWriter out("own", linear_placement(2), 1, 2);
  out.forward(0, 0);
  out.next_rank();
  CHECK_THROWS_AS((void)std::move(out).take(), std::logic_error);
}

}  // namespace
}  // namespace ppsim::placement_test
