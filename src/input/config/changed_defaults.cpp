#include "input/config/changed_defaults.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace ppsim {

namespace {

constexpr std::array<std::string_view, 1> kVersions{"0.1"};

// What changes from here on stands here: {"/simulation/contention", "0.2", "\"none\""}.
constexpr std::array<ChangedDefault, 0> kChanges{};

constexpr DefaultHistory kHistory{kVersions, kChanges};

const Pointer kVersionKey("/ppsim");

std::size_t place_of(const DefaultHistory& history, std::string_view version) {
  const auto found = std::find(history.versions.begin(), history.versions.end(), version);
  return static_cast<std::size_t>(found - history.versions.begin());
}

bool names_version(const Document& document) {
  return document.root().contains(kVersionKey) && document.root().at(kVersionKey).is_string();
}

}  // namespace

const DefaultHistory& default_history() {
  return kHistory;
}

void offer_old_defaults(Document& document, const DefaultHistory& history) {
  if (!names_version(document)) return;
  const auto version = document.root().at(kVersionKey).get<std::string>();
  for (const ChangedDefault& change : history.changes)
    if (place_of(history, version) < place_of(history, change.since))
      document.offer(Pointer(std::string(change.pointer)), parse_json(change.was, change.pointer),
                     {document.where(kVersionKey), "ppsim " + version, document.files_of(kVersionKey)});
}

std::string changed_defaults_note(const Document& document, const DefaultHistory& history) {
  if (names_version(document)) return "";
  std::vector<std::string> changes;
  for (const ChangedDefault& change : history.changes)
    if (const Pointer pointer{std::string(change.pointer)}; document.left_out(pointer))
      changes.push_back(
          fmt::format("{} is {}, was {}", change.pointer, compact(document.root().at(pointer)), change.was));
  if (changes.empty()) return "";
  return fmt::format("defaults changed since {}: {}; \"ppsim\": \"{}\" in the config keeps the old ones",
                     history.versions.front(), fmt::join(changes, "; "), history.versions.front());
}

}  // namespace ppsim
