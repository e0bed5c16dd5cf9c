#include "replay/group.hpp"

#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <string>

#include "replay/in_process.hpp"
#include "replay/runs.hpp"

namespace ppsim::test::group_test {
namespace {

std::string failure_of(std::uint32_t ranks, const std::function<void(Transport&)>& body) {
  try {
    run_in_process(ranks, body);
  } catch (const ReplayError& error) {
    return error.what();
  }
  return "no failure";
}

TEST_CASE("blobs of any length are gathered by rank, and rank 0's goes everywhere") {
  std::array<std::string, 4> heard;
  std::vector<Blob> gathered;
  run_in_process(4, [&](Transport& transport) {
    Group group(transport, 20 * kSecond);
    const auto rank = index(transport.rank());
    const std::string own(1000 * rank, static_cast<char>('a' + rank));
    const std::vector<Blob> blobs = group.gather(bytes_of(own));
    if (rank == 0) gathered = blobs;
    heard[rank] = text_of(group.broadcast(bytes_of(rank == 0 ? "hear, hear" : "not me")));
  });
  REQUIRE(gathered.size() == 4);
  CHECK(gathered[0].empty());
  CHECK(text_of(gathered[3]) == std::string(3000, 'd'));
  for (const std::string& text : heard) CHECK(text == "hear, hear");
}

TEST_CASE("nobody passes a barrier before all have come") {
  std::atomic<int> came = 0;
  std::atomic<bool> early = false;
  run_in_process(8, [&](Transport& transport) {
    Group group(transport, 20 * kSecond);
    for (int round = 1; round <= 50; ++round) {
      ++came;
      group.barrier();
      if (came < 8 * round) early = true;
      group.barrier();
    }
  });
  CHECK(!early);
}

TEST_CASE("a fault of one rank is named with its rank everywhere, one of all without") {
  std::array<std::string, 3> one, all, none;
  run_in_process(3, [&](Transport& transport) {
    Group group(transport, 20 * kSecond);
    const auto rank = index(transport.rank());
    one[rank] = group.first_fault(rank == 1 ? "no file" : "");
    all[rank] = group.first_fault("no file");
    none[rank] = group.first_fault("");
  });
  for (int rank = 0; rank < 3; ++rank) {
    CHECK(one[rank] == "rank 1: no file");
    CHECK(all[rank] == "no file");
    CHECK(none[rank] == "");
  }
}

TEST_CASE("a rank that stays away is named by rank 0") {
  CHECK(failure_of(3, [](Transport& transport) {
          Group group(transport, kSecond / 20);
          if (transport.rank() != Rank{2}) group.barrier();
        }) == "rank 0: heard nothing from rank 2 for 0.1 s while the ranks wait for one another");
}

}  // namespace
}  // namespace ppsim::test::group_test
