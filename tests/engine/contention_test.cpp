#include "ppsim/engine/contention.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <stdexcept>

#include "engine/link_model.hpp"

namespace ppsim::contention_test {
namespace {

TEST_CASE("a contention model is found by its name, and is equal to itself alone") {
  for (const Contention model : all_contentions()) {
    CHECK(Contention(model.name()) == model);
    CHECK_FALSE(model.info().help.empty());
    CHECK((model == Contention()) == (model.name() == "none"));
  }
  const auto names = contention_names();
  CHECK(std::set(names.begin(), names.end()).size() == all_contentions().size());
}

TEST_CASE("models come in the order of the work that they make, so what shares nothing comes first") {
  const auto known = [](Contention model) { return model.info().times_known; };
  const auto all = all_contentions();
  CHECK(all.front() == Contention("none"));
  CHECK(std::is_sorted(all.begin(), all.end(), [&](auto a, auto b) { return known(a) < known(b); }));
}

TEST_CASE("an unknown name is an error at the place where it stands, with the names that there are") {
  try {
    (void)Contention("lifo", "config.json#/simulation/contention");
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.fault().where == "config.json#/simulation/contention");
    CHECK(error.fault().what.starts_with("there is no contention model \"lifo\", expected one of none, "));
    for (const std::string_view name : contention_names())
      CHECK(error.fault().what.find(name) != std::string::npos);
  }
}

TEST_CASE("a second registration of a name throws and changes nothing") {
  const auto before = contention_names();
  const auto again = [] {
    return ContentionRegistration(
        {.name = "none", .help = "", .make = [](const OpGraph&) { return std::make_unique<LinkModel>(); }});
  };
  CHECK_THROWS_AS(again(), std::logic_error);
  CHECK(contention_names() == before);
}

TEST_CASE("the help says of each model what a link does") {
  CHECK(contention_help().starts_with("none: every transfer has its links for itself; "));
}

}  // namespace
}  // namespace ppsim::contention_test
