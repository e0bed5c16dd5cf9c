/// The document of a config while it is read: sections that are paths become what the files hold, overrides
/// and defaults are put in, and for each value it is known where it came from.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "input/config/fields.hpp"
#include "ppsim/core/error.hpp"
#include "ppsim/input/config/config.hpp"
#include "text/json_text.hpp"

namespace ppsim {

using Pointer = Json::json_pointer;

class Document {
 public:
  /// Reads the file, or the part of it that stands at `pointer`; no section yet.
  explicit Document(const std::string& path, const std::string& pointer = "");
  /// As if a file of that name held it.
  Document(Json root, const std::string& path);

  /// Puts a value in. Sections on the way are read first, objects on the way that are not there are made.
  void apply(const Override& override);

  /// Reads every section that is still a path, and moves keys from where they once lived.
  void inline_sections();

  /// Requires that there is a value.
  [[nodiscard]] Json& at(const Pointer& pointer) { return root_[pointer]; }

  /// Where a value came from. Of all that stands under its pointer, unless something nearer says otherwise.
  struct Source {
    std::string where;               // "clusters/a.json#/gpu", for errors
    std::string from;                // "clusters/a.json", "--set", "default"
    std::vector<std::string> files;  // the file, and before it those that name it
    bool asked = false;              // by an override
  };

  /// Offers a default of the document's own, which comes before the built-in one. The first offer for a
  /// pointer counts.
  void offer(const Pointer& pointer, Json value, Source source);
  /// Takes what is offered for a key that the document does not give; true where something is.
  bool take_offered(const Pointer& pointer);
  /// The same, or else the built-in default.
  void set_absent(const Pointer& pointer, Json built_in);
  /// Adds or replaces a value that the document did not give.
  void set_default(const Pointer& pointer, Json value);

  /// Remembers that the value at `pointer` is the built-in default, whoever wrote it.
  void mark_default(const Pointer& pointer) { at_default_.insert(pointer.to_string()); }
  [[nodiscard]] bool is_default(const Pointer& pointer) const {
    return at_default_.contains(pointer.to_string());
  }

  /// True where the document has a value that neither it nor an override gives, but the built-in default.
  [[nodiscard]] bool left_out(const Pointer& pointer) const;

  /// "FILE#/pointer" of what stands at `pointer`.
  [[nodiscard]] std::string where(std::string_view pointer) const;
  [[nodiscard]] std::string where(const Pointer& pointer) const { return where(pointer.to_string()); }

  /// A path beside the file that holds the value at `pointer`, made relative to where the program runs.
  [[nodiscard]] std::string beside(const Pointer& pointer, std::string_view path) const;

  /// A path from beside(), relative to the document's folder: the same wherever the program runs.
  [[nodiscard]] std::string from_document(const std::string& path) const;

  /// Puts known keys in the order of their tables and takes notes out, so that equal documents have equal
  /// text.
  void make_canonical();

  [[nodiscard]] const Json& root() const { return root_; }
  /// The file that holds the value at `pointer`, and before it those that name it.
  [[nodiscard]] std::vector<std::string> files_of(const Pointer& pointer) const;
  /// What the user may want to change, a line each: where keys live now.
  [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }
  [[nodiscard]] std::vector<Config::Origin> origins() const;
  [[nodiscard]] std::vector<Config::Place> places() const;

 private:
  [[nodiscard]] const std::pair<const std::string, Source>& source_of(std::string_view pointer) const;
  void load_section(const Pointer& pointer);
  void inline_sections(const Pointer& pointer, const FieldTable& table);
  void check_place(const Override& override, const Pointer& parent, const std::string& token);
  void step_into(const Override& override, const Pointer& pointer, const Field* field);
  void put(const Override& override, const Pointer& pointer, Json value);
  [[nodiscard]] std::string settle(const Override& override);
  void move_key(const MovedKey& key);
  [[nodiscard]] bool gives_way(const MovedKey& key) const;
  void set_source(const Pointer& pointer, Source source);
  void list_origins(const Pointer& pointer, const Json& value, std::vector<Config::Origin>& origins) const;

  Json root_;
  std::map<std::string, Source> sources_;                  // by pointer
  std::map<std::string, std::pair<Json, Source>> offers_;  // by pointer
  std::vector<std::string> notes_;
  std::set<std::string> built_in_;    // pointers of values that nobody gave
  std::set<std::string> at_default_;  // pointers
};

}  // namespace ppsim
