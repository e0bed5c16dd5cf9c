// parse_csv against text that nobody meant: it reads it or throws an Error, and nothing else. Sanitizer
// builds run this too.
#include <doctest/doctest.h>

#include <random>

#include "ppsim/core/error.hpp"
#include "ppsim/schedule/check/check.hpp"
#include "ppsim/schedule/lowering.hpp"
#include "ppsim/schedule/text/text.hpp"

namespace ppsim::text_fuzz_test {
namespace {

constexpr const char* kSeeds[] = {
    "0F0,0F1,0B0,0B1\n1F0,1B0,1F1,1B1\n",
    "0F0,0F1,0I0,0W0,0B1\r\n1F0,1B0,1F1,1I1,1W1\r\n",
    "0F0,(0F1;0B0)OVERLAP_F_B,0B1\n",
    "d0F0,u1F0,(d0F1;u1B0)OVERLAP_F_B,d0B0,d0B1\nu0F0,d1F0,d1B0,u0B0,d1F1,d1B1\n",
    "0F0,0B0,0W0,0F1,0BW1\n",
};

constexpr const char* kSeedsWithCommunication[] = {
    "0UNSHARD,0F0,0SEND_F0,0RECV_B0,0B0,0REDUCE_GRAD,0RESHARD\n1RECV_F0,1F0,1B0,1SEND_B0\n",
    "0F0,0SEND_F0,2RECV_F0,2F0,(0F1;2B0)OVERLAP_F_B,0SEND_F1,2SEND_B0,0RECV_B0,0B0,2RECV_F1,2F1,2B1,2SEND_B1,"
    "0RECV_B1,0B1\n1RECV_F0,1F0,1SEND_F0,1RECV_F1,1F1,1SEND_F1,1RECV_B0,1B0,1SEND_B0,1RECV_B1,1B1,1SEND_B1\n",
    "d0F0,d0SEND_F0,u1RECV_F0,u1F0,u1B0,u1SEND_B0,d0RECV_B0,d0B0\n"
    "u0F0,u0SEND_F0,d1RECV_F0,d1F0,d1B0,d1SEND_B0,u0RECV_B0,u0B0\n",
    "0F0,0SEND_F0,0RECV_F1,0F1,0SEND_F1\n1RECV_F0,1F0,1SEND_F0,1RECV_F1,1F1\n",
};

// Byte edits and moved pieces, mostly with characters that mean something.
std::string mutated(std::string text, std::mt19937& random) {
  static constexpr std::string_view kAlphabet = "0123456789FBIWdu(); ,\n\r\tSENDOVERLAP_\0\x80\xff-\"";
  const auto below = [&](std::size_t n) { return random() % std::max<std::size_t>(n, 1); };
  for (std::size_t edits = 1 + below(3); edits > 0; --edits) {
    const std::size_t at = below(text.size() + 1);
    switch (below(4)) {
      case 0:
        text.insert(at, 1, kAlphabet[below(kAlphabet.size())]);
        break;
      case 1:
        text.erase(at, 1 + below(4));
        break;
      case 2:
        if (at < text.size()) text[at] = kAlphabet[below(kAlphabet.size())];
        break;
      default:
        text.insert(at, text.substr(below(text.size()), below(12)));
    }
  }
  return text;
}

// mt19937's numbers are fixed by the standard, so every run tests the same texts.
TEST_CASE(
    "text changed at random is read or refused, and what is read without a fault is written back alike") {
  std::mt19937 random(1);
  int read = 0, refused = 0, clean = 0;
  for (int round = 0; round < 20'000; ++round) {
    const std::string text = mutated(kSeeds[round % std::size(kSeeds)], random);
    CAPTURE(text);
    try {
      const Schedule schedule = parse_csv(text, "f.csv").schedule;
      const std::string written = to_csv(schedule);
      ++read;
      if (!check_order(schedule).empty()) continue;
      ++clean;
      if (parse_csv(written, "f.csv").schedule != schedule) FAIL_CHECK("was written as " << written);
    } catch (const Error& error) {
      ++refused;
      if (!error.fault().where.starts_with("f.csv") || error.fault().what.empty()) FAIL_CHECK(error.what());
    }
  }
  CHECK(read >= 1'000);
  CHECK(refused >= 1'000);
  CHECK(clean >= 300);
}

// Cells dropped, doubled and moved within and across rows: texts in the grammar that mean something else.
std::string shuffled_cells(std::string text, std::mt19937& random) {
  for (std::size_t edits = 1 + random() % 2; edits > 0; --edits) {
    const std::size_t from = text.find_first_of(",\n", random() % text.size());
    const std::size_t end = text.find_first_of(",\n", std::min(from, text.size() - 1) + 1);
    if (end == std::string::npos) continue;
    const std::string cell = text.substr(from + 1, end - from - 1);
    if (random() % 4 > 0) text.erase(from + 1, end - from);
    const std::size_t to = text.find_first_of(",\n", random() % text.size());
    if (to != std::string::npos && random() % 4 > 0) text.insert(to, "," + cell);
  }
  return text;
}

TEST_CASE("files with communication changed at random are read or refused, checked, and written back alike") {
  std::mt19937 random(2);
  int refused = 0, faulty = 0, clean = 0;
  for (int round = 0; round < 20'000; ++round) {
    const std::string seed = kSeedsWithCommunication[round % std::size(kSeedsWithCommunication)];
    const std::string text = round % 3 == 0 ? mutated(seed, random) : shuffled_cells(seed, random);
    CAPTURE(text);
    std::vector<Fault> faults;
    const auto parsed = parse_csv(text, "f.csv", faults);
    if (!parsed) {
      ++refused;
      if (faults.empty() || !faults.front().where.starts_with("f.csv")) FAIL_CHECK("refused without a place");
      continue;
    }
    const Schedule& schedule = parsed->schedule;
    const std::string written = to_comms_csv(schedule);
    faults = check_order(schedule);
    for (Fault& fault : check_communication(schedule)) faults.push_back(std::move(fault));
    ++(faults.empty() ? clean : faulty);
    for (const Fault& fault : faults)
      if (!fault.where.starts_with("rank ") || fault.what.empty()) FAIL_CHECK(to_string(fault));
    if (faults.empty() && parse_csv(written, "f.csv").schedule != schedule)
      FAIL_CHECK("was written as " << written);
  }
  CHECK(refused >= 1'000);
  CHECK(faulty >= 1'000);
  CHECK(clean >= 300);
}

}  // namespace
}  // namespace ppsim::text_fuzz_test
