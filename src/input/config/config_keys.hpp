/// Every key of a config: what nests, what may be a path, in the order in which a resolved document lists
/// them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace ppsim {

struct ObjectKeys;

enum class KeyKind : std::uint8_t {
  Value,    ///< anything that is read where it stands
  Section,  ///< an object, or the path of a file that holds it
  Object,   ///< an object
  List,     ///< a list of objects, or a value
  Note,     ///< for readers and editors; left out of the resolved document
};

struct Key {
  std::string_view name;
  KeyKind kind = KeyKind::Value;
  const ObjectKeys* object = nullptr;  ///< keys of the object, or of each in the list
};

struct ObjectKeys {
  std::span<const Key> keys;
  bool open = false;  ///< other keys may stand beside them: the options of a schedule

  [[nodiscard]] const Key* find(std::string_view name) const;
};

/// The keys of the whole document.
extern const ObjectKeys kConfigKeys;

/// "unknown key; did you mean "nodes"?", or with the list of known keys where none is near.
[[nodiscard]] std::string unknown_key(std::string_view name, const ObjectKeys& known);

}  // namespace ppsim
