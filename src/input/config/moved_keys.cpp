// Keys that lived elsewhere once: what stands in an old place is read as if it stood in the new one.
#include <fmt/format.h>

#include "input/config/config_document.hpp"

namespace ppsim {

namespace {

std::string lives_at(const std::string& where, const std::string& pointer) {
  return fmt::format("{}: this key lives at {} now", where, pointer);
}

}  // namespace

// True where both places have a value, and the old one does not count: what an override asks for comes before
// what files say.
bool Document::gives_way(const MovedKey& key) const {
  const Pointer to(key.to);
  if (!root_.contains(to) || root_.at(to).is_null()) return false;
  const Source& old_place = source_of(key.from).second;
  const Source& new_place = source_of(key.to).second;
  if (old_place.asked == new_place.asked)
    throw Error(where(key.from),
                fmt::format("lives at {} now, which has a value too: {}; expected one of them", key.to,
                            where(key.to)));
  return new_place.asked;
}

void Document::move_key(const MovedKey& key) {
  const Pointer from(key.from), to(key.to), section = to.parent_pointer();
  if (!root_.contains(from)) return;
  if (root_.contains(section) && !root_.at(section).is_object() && !root_.at(section).is_null()) return;
  const std::string place = where(key.from);
  notes_.push_back(lives_at(place, key.to));
  if (!gives_way(key)) {
    Source source = source_of(key.from).second;
    source.where = place;
    root_[to] = root_.at(from);
    set_source(to, std::move(source));
  }
  root_.at(from.parent_pointer()).erase(from.back());
}

// The pointer at which an override counts. The file's own value moves first, so that the override replaces
// or removes the value, wherever it stands.
std::string Document::settle(const Override& override) {
  for (const MovedKey& key : moved_keys()) {
    if (override.pointer != key.from && override.pointer != key.to) continue;
    for (const Pointer& section : {Pointer(key.from).parent_pointer(), Pointer(key.to).parent_pointer()})
      for (const Pointer& holder : {section.parent_pointer(), section})
        if (root_.contains(holder) && root_.at(holder).is_string()) load_section(holder);
    move_key(key);
    if (override.pointer == key.from)
      notes_.push_back(lives_at(fmt::format("{} {}", override.origin, override.pointer), key.to));
    return key.to;
  }
  return override.pointer;
}

}  // namespace ppsim
