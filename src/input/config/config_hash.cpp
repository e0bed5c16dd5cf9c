#include "input/config/config_hash.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <string_view>

#include "core/hash.hpp"

namespace ppsim {

namespace {

class Essence {
 public:
  explicit Essence(const Document& document) : document_(document) {}

  // An object without what may as well be left out.
  [[nodiscard]] Json of(const Json& object, const FieldTable& table, const Pointer& pointer) const {
    Json kept = Json::object();
    for (const auto& [name, value] : object.items()) {
      const Pointer place = pointer / name;
      const Field* field = table.find(name);
      if (document_.is_default(place)) continue;
      if (field == nullptr)  // an option of a schedule, the name of a GPU
        kept[name] = plain_value({}, value);
      else if (says_something(*field, value))
        put(kept, *field, value, place);
    }
    return kept;
  }

 private:
  static bool says_something(const Field& field, const Json& value) {
    return field.kind != KeyKind::Note && field.hashed && !(value.is_null() && field.absent.nullable());
  }

  void put(Json& kept, const Field& field, const Json& value, const Pointer& place) const {
    Json inner = plain_value(field, value);
    if (field.table != nullptr && value.is_object()) inner = of(value, *field.table, place);
    if (field.table != nullptr && value.is_array())
      for (std::size_t i = 0; i < value.size(); ++i)
        if (value[i].is_object()) inner[i] = of(value[i], *field.table, place / i);
    const bool left_out = inner.is_object() && inner.empty() && field.absent.kind() == Absent::Kind::Empty;
    if (!left_out) kept[std::string(field.name)] = std::move(inner);
  }

  const Document& document_;
};

}  // namespace

std::string config_hash(const Document& document) {
  Fnv1a hash;
  hash.add_bytes(compact(Essence(document).of(document.root(), kConfigFields, Pointer())));
  return fmt::format("{:016x}", hash.value());
}

}  // namespace ppsim
