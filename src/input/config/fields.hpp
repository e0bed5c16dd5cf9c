/// The fields of a config. Each section has one table: a row says what a key is called, how its value is
/// read, which values it may have, what holds where the key is left out, and what it means. The reader,
/// `ppsim config`, its reference of keys and the JSON Schemas all work from these rows.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "text/json_text.hpp"

namespace ppsim {

class ObjectReader;
struct FieldTable;

enum class KeyKind : std::uint8_t {
  Value,    ///< anything that is read where it stands
  Section,  ///< an object, or the path of a file that holds it
  Object,   ///< an object
  List,     ///< a list of objects, or a value
  Note,     ///< for readers and editors; left out of the resolved document
};

/// What a value is, where it is no object.
enum class ValueType : std::uint8_t {
  Any,  ///< irregular: the row says in words and as a schema what is expected
  Text,
  Flag,
  Count,   ///< a whole number
  Number,  ///< any number
  Share,   ///< a number above 0, at most 1
  Time,
  Bytes,
  Bandwidth,
  Flops,
  FlopRate,
  Times,   ///< one time, or a list of one a stage
  Sizes,   ///< one number of bytes, or a list of one a stage
  Choice,  ///< one of some names
};

/// Whole numbers that a key may have.
struct CountRange {
  std::uint64_t least = 1;
  std::uint64_t most = 1;
};

struct NumberRange {
  double least = 0;
  double most = 1;
};

/// What holds where a key is left out.
class Absent {
 public:
  enum class Kind : std::uint8_t {
    Required,  ///< nothing: the key must be given
    Value,     ///< always the same value
    Empty,     ///< an object without keys, all of whose defaults hold
    Computed,  ///< a value that follows from other keys
    None,      ///< no value, written as null
  };
  using Compute = Json (*)(const void* target);

  constexpr Absent() = default;
  /* implicit */ constexpr Absent(bool value) : kind_(Kind::Value), value_(value) {}
  /* implicit */ constexpr Absent(int value) : kind_(Kind::Value), value_(double(value)) {}
  /* implicit */ constexpr Absent(double value) : kind_(Kind::Value), value_(value) {}
  /* implicit */ constexpr Absent(std::string_view value) : kind_(Kind::Value), value_(value) {}
  /* implicit */ constexpr Absent(const char* value) : Absent(std::string_view(value)) {}

  /// `words` say what the lack of a value means: "all of a node".
  static constexpr Absent none(std::string_view words) { return {Kind::None, words, nullptr}; }
  static constexpr Absent empty(std::string_view words = "") { return {Kind::Empty, words, nullptr}; }
  /// `words` say how the value follows: "4 x `hidden`".
  static constexpr Absent computed(std::string_view words, Compute compute) {
    return {Kind::Computed, words, compute};
  }

  [[nodiscard]] constexpr Kind kind() const { return kind_; }
  [[nodiscard]] bool required() const { return kind_ == Kind::Required; }
  [[nodiscard]] bool nullable() const { return kind_ == Kind::None; }
  [[nodiscard]] std::string_view words() const { return words_; }

  /// The value in the document: null for Required and None. `target`: what the section is read into, as far
  /// as it is read; Computed alone needs it.
  [[nodiscard]] Json value(ValueType type, const void* target) const;

 private:
  constexpr Absent(Kind kind, std::string_view words, Compute compute)
      : kind_(kind), words_(words), compute_(compute) {}

  Kind kind_ = Kind::Required;
  std::variant<std::monostate, bool, double, std::string_view> value_{};
  std::string_view words_{};
  Compute compute_ = nullptr;
};

/// Where a key has a meaning. A key that is given elsewhere is an error with the words of `refusal`.
struct KeyScope {
  std::uint32_t bit = 0;  ///< 0: everywhere
  std::string_view refusal{};
  std::string_view words{};  ///< for help: "with a model"
};

/// The scopes that hold for a document, their bits together.
using KeyScopes = std::uint32_t;

inline constexpr KeyScope kWithModel{1, "has no meaning with \"costs\"; leave it out", "with a model"};
inline constexpr KeyScope kOnCluster{2, "has no meaning with \"costs\"; leave it out", "with a cluster"};
inline constexpr KeyScope kWithReplicas{
    1, "has no meaning with \"costs\", which have no replicas; leave it out", "with a model"};
inline constexpr KeyScope kPairOfModel{1, "belongs into \"costs\"", "with a model"};
inline constexpr KeyScope kWithProgram{4, "has a meaning only with communication \"program\"; leave it out",
                                       "with communication program"};
inline constexpr KeyScope kWithLayerCosts{8, "belongs into \"transformer\"", "with layer_costs"};

struct Field {
  /// Reads the value at the row's key into what the section is read into.
  using Read = void (*)(const ObjectReader& section, const Field& field, void* target);
  using Choices = std::span<const std::string_view> (*)();
  using HelpOf = std::string_view (*)();

  std::string_view name;
  KeyKind kind = KeyKind::Value;
  const FieldTable* table = nullptr;  ///< keys of the object, or of each in the list
  ValueType type = ValueType::Any;
  CountRange counts{};
  NumberRange numbers{};
  Choices choices = nullptr;
  Absent absent{};
  std::string_view help{};   ///< one line
  HelpOf help_of = nullptr;  ///< the same, where what is registered says it
  KeyScope scope{};
  Read read = nullptr;          ///< null: the section's own code reads it
  std::string_view expected{};  ///< what the value is, in words, where it is irregular
  std::string_view schema{};    ///< the same as a JSON Schema
  std::string_view once{};      ///< pointer of the place where the key lived before, which is still read
  bool hashed = true;           ///< false: says nothing of what is run

  [[nodiscard]] std::string_view help_text() const { return help_of != nullptr ? help_of() : help; }
};

struct FieldTable {
  std::span<const Field> fields;
  bool open = false;          ///< other keys may stand beside them: the options of a schedule
  std::string_view title{};   ///< what the section is, as its JSON Schema calls it
  Json (*rules)() = nullptr;  ///< what a schema says beyond the rows: which keys go together

  [[nodiscard]] const Field* find(std::string_view name) const;
};

/// The keys of the whole document.
extern const FieldTable kConfigFields;

/// The row of a key by its pointer ("/cluster/gpu/memory"); null where there is none. Entries of lists have
/// none.
[[nodiscard]] const Field* find_field(std::string_view pointer);

/// A key that lives elsewhere now.
struct MovedKey {
  std::string from, to;  ///< pointers
};
[[nodiscard]] const std::vector<MovedKey>& moved_keys();

/// The newest place of what a pointer names.
[[nodiscard]] std::string newest_pointer(const std::string& pointer);

/// "unknown key; did you mean "nodes"?", or with the list of known keys where none is near.
[[nodiscard]] std::string unknown_key(std::string_view name, const FieldTable& known);

/// The default in words: "0 s", "4 x hidden"; empty where the key is required.
[[nodiscard]] std::string default_text(const Field& field);

/// What a value is, in words: "count from 1 to 4096", "time", "none, selective, full".
[[nodiscard]] std::string type_text(const Field& field);

/// The same value for every way to write it: quantities as numbers of their smallest unit, whole numbers
/// without a point. What cannot be read comes back as it is.
[[nodiscard]] Json plain_value(const Field& field, const Json& value);

}  // namespace ppsim
