#include "ppsim/engine/contention.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <stdexcept>
#include <tuple>
#include <utility>

#include "ppsim/core/error.hpp"

namespace ppsim {
namespace {

// Built before main by the models' own files, read-only after.
struct ContentionRegistry {
  std::map<std::string, ContentionInfo, std::less<>> by_name;
  std::vector<Contention> all;
};

ContentionRegistry& contention_registry() {
  static ContentionRegistry instance;
  return instance;
}

// Models that do the same work for a run go by name, so that the order is total.
auto work_of(Contention model) {
  const ContentionInfo& info = model.info();
  return std::tie(info.times_known, info.sharing.collectives, info.name);
}

const ContentionInfo& find_contention(std::string_view name, std::string_view where) {
  const auto& by_name = contention_registry().by_name;
  if (const auto found = by_name.find(name); found != by_name.end()) return found->second;
  throw Error(std::string(where), fmt::format("there is no contention model \"{}\", expected one of {}", name,
                                              fmt::join(contention_names(), ", ")));
}

}  // namespace

ContentionRegistration::ContentionRegistration(ContentionInfo info) {
  ContentionRegistry& registry = contention_registry();
  const std::string name = info.name;
  const auto [place, added] = registry.by_name.emplace(name, std::move(info));
  if (!added) throw std::logic_error(fmt::format("contention model \"{}\" is registered twice", name));
  registry.all.push_back(Contention(place->second));
  std::sort(registry.all.begin(), registry.all.end(),
            [](Contention a, Contention b) { return work_of(a) < work_of(b); });
}

Contention::Contention() : Contention("none") {}

Contention::Contention(std::string_view name, std::string_view where)
    : info_(&find_contention(name, where)) {}

std::span<const Contention> all_contentions() {
  return contention_registry().all;
}

std::vector<std::string_view> contention_names() {
  std::vector<std::string_view> names;
  for (const Contention model : all_contentions()) names.push_back(model.name());
  return names;
}

std::string contention_help() {
  std::vector<std::string> models;
  for (const Contention model : all_contentions())
    models.push_back(fmt::format("{}: {}", model.name(), model.info().help));
  return fmt::format("{}", fmt::join(models, "; "));
}

}  // namespace ppsim
