/// Shell text cut into commands, words and what stands for something else in them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ppsim {

enum class ShellPieceKind : std::uint8_t {
  Text,
  Variable,  ///< $NAME, ${NAME}, ${NAME:-text}
  Array,     ///< ${NAME[@]}, ${NAME[*]}
  Opaque,    ///< anything else that a shell would put something in place of
};

struct ShellPiece {
  ShellPieceKind kind{};
  std::string text;      ///< of Text; of the others as written
  std::string name;      ///< of the variable
  std::string fallback;  ///< of ${NAME:-text}
  bool has_fallback = false;
  bool quoted = false;
};

struct ShellToken {
  std::vector<ShellPiece> pieces;
  std::size_t line = 1;
  bool is_list = false;  ///< NAME=(...): `pieces` is "NAME=", `list` what is between the brackets
  std::vector<ShellToken> list{};
};

struct ShellCommand {
  std::vector<ShellToken> words;
  bool conditional = false;  ///< behind && or ||
};

/// Throws Error (where: "FILE, line 7") where a quote or a bracket does not end.
[[nodiscard]] std::vector<ShellCommand> cut_commands(std::string_view text, const std::string& file);

/// All words of a file that holds no commands: only blanks and line ends part them.
[[nodiscard]] std::vector<ShellToken> cut_words(std::string_view text, const std::string& file);

}  // namespace ppsim
