#include "ppsim/core/error.hpp"

#include <doctest/doctest.h>

#include <stdexcept>

namespace ppsim::error_test {
namespace {

TEST_CASE("a fault is one line, with its place in front where it has one") {
  CHECK(to_string(Fault{"rank 3, step 17", "W before its I"}) == "rank 3, step 17: W before its I");
  CHECK(to_string(Fault{"", "no memory left"}) == "no memory left");
}

TEST_CASE("an error says its fault, and keeps it in parts") {
  const Error error("a.json#/nvlink/bandwidth", "0 B/s; expected more than 0");
  CHECK(std::string(error.what()) == "a.json#/nvlink/bandwidth: 0 B/s; expected more than 0");
  CHECK(error.fault() == Fault{"a.json#/nvlink/bandwidth", "0 B/s; expected more than 0"});
}

TEST_CASE("a deadlock names its ops in order and is an error too") {
  const DeadlockError deadlock("schedule", {"SEND_F 0", "RECV_F 1"});
  CHECK(deadlock.cycle() == std::vector<std::string>{"SEND_F 0", "RECV_F 1"});
  const Error& error = deadlock;
  CHECK(error.fault().where == "schedule");
  CHECK(error.fault().what == "deadlock: 2 ops wait for one another: SEND_F 0 <- RECV_F 1");
}

TEST_CASE("a failed assertion is a logic error with the condition and the values") {
  try {
    PPSIM_ASSERT(1 + 1 == 3, "sum 2");
    FAIL("the assertion did not throw");
  } catch (const std::logic_error& error) {
    const std::string what = error.what();
    CHECK(what.find("1 + 1 == 3") != std::string::npos);
    CHECK(what.find("sum 2") != std::string::npos);
    CHECK(what.find("error_test.cpp") != std::string::npos);
  }
  CHECK_NOTHROW(PPSIM_ASSERT(1 + 1 == 2, "sum 2"));
}

}  // namespace
}  // namespace ppsim::error_test
