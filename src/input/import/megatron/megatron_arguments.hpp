/// Arguments of Megatron-LM's training script: which there are, and what a command line gives them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "input/config/config_reader.hpp"
#include "input/import/megatron/shell_words.hpp"
#include "ppsim/core/error.hpp"

namespace ppsim {

class MegatronArguments {
 public:
  /// `words` as they stand behind the script. Adds a line to `notes` for what is known and left out. Throws
  /// Error (where: "FILE, line 7"): arguments that are not known, a value too many or too few, a variable
  /// that is not set.
  MegatronArguments(const std::vector<ShellWord>& words, const std::string& file,
                    std::vector<std::string>& notes);

  [[nodiscard]] bool has(std::string_view name) const { return given_.contains(name); }

  // Of an argument with one value. Requires that the tables know it.
  [[nodiscard]] std::optional<std::uint64_t> count(std::string_view name, CountRange range) const;
  [[nodiscard]] std::uint64_t count(std::string_view name, CountRange range, std::uint64_t absent) const;
  [[nodiscard]] std::uint64_t needed_count(std::string_view name, CountRange range) const;
  [[nodiscard]] double number(std::string_view name, double absent) const;  ///< not below zero
  [[nodiscard]] std::string text(std::string_view name, std::string_view absent) const;
  /// Index of the value in `choices`; `absent` where it is not given.
  [[nodiscard]] std::size_t choice(std::string_view name, std::span<const std::string_view> choices,
                                   std::size_t absent) const;
  /// Of an argument with several.
  [[nodiscard]] std::vector<std::string> texts(std::string_view name) const;

  /// About an argument that is given, or the whole file where it is not.
  [[nodiscard]] Error error(std::string_view name, std::string_view what) const;
  [[nodiscard]] std::string where(std::string_view name) const;

 private:
  struct Given {
    std::size_t line = 1;
    std::vector<ShellWord> values;
  };

  void take(const std::vector<ShellWord>& words, std::vector<std::string>& notes);
  void check_known() const;
  void check_values() const;
  void tell_left_out(std::vector<std::string>& notes) const;

  std::string file_;
  std::map<std::string, Given, std::less<>> given_;
};

/// `word` as a count. Throws Error (where: `where`), also where a variable in it is not set.
[[nodiscard]] std::uint64_t read_word_count(const ShellWord& word, std::string_view name,
                                            const std::string& where, CountRange range);

}  // namespace ppsim
