// parse_csv against text that nobody meant: it reads it or throws an Error, and nothing else. Sanitizer
// builds run this too.
#include <doctest/doctest.h>

#include <random>

#include "ppsim/core/error.hpp"
#include "ppsim/schedule/check.hpp"
#include "ppsim/schedule/text.hpp"

namespace ppsim {
namespace {

constexpr const char* kSeeds[] = {
    "0F0,0F1,0B0,0B1\n1F0,1B0,1F1,1B1\n",
    "0F0,0F1,0I0,0W0,0B1\r\n1F0,1B0,1F1,1I1,1W1\r\n",
    "0F0,(0F1;0B0)OVERLAP_F_B,0B1\n",
    "d0F0,u1F0,(d0F1;u1B0)OVERLAP_F_B,d0B0,d0B1\nu0F0,d1F0,d1B0,u0B0,d1F1,d1B1\n",
    "0F0,0B0,0W0,0F1,0BW1\n",
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

}  // namespace
}  // namespace ppsim
