#include "input/import/megatron/shell_words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <map>

#include "input/import/megatron/shell_lexer.hpp"
#include "ppsim/core/error.hpp"
#include "text/json_text.hpp"

namespace ppsim {
namespace {

// More than any script has; a list that doubles itself ends here.
constexpr std::size_t kMostWords = 100'000;
constexpr std::size_t kLongestWord = 1'000'000;

constexpr std::array<std::string_view, 16> kControl{"if", "then", "else", "elif",    "fi",    "for",
                                                    "do", "done", "case", "esac",    "while", "until",
                                                    "{",  "}",    "[[",   "function"};
constexpr std::array<std::string_view, 4> kDeclare{"export", "declare", "local", "readonly"};

template <class List>
bool contains(const List& list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

// "NAME=" or "NAME+=" in front of a token, without the "="; empty where there is none.
std::string_view assigned_name(const ShellToken& token) {
  if (token.pieces.empty() || token.pieces[0].kind != ShellPieceKind::Text || token.pieces[0].quoted)
    return "";
  const std::string_view text = token.pieces[0].text;
  const std::string_view name = text.substr(0, text.find('='));
  std::string_view letters = name.ends_with('+') ? name.substr(0, name.size() - 1) : name;
  const bool fits = name.size() < text.size() && !letters.empty() &&
                    std::isdigit(static_cast<unsigned char>(letters[0])) == 0 &&
                    std::all_of(letters.begin(), letters.end(),
                                [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
  return fits ? name : "";
}

// Variables, and what tokens become by them.
class Scope {
 public:
  explicit Scope(const std::string& file) : file_(file) {}

  // A value that is set under a condition is not known.
  void assign(const ShellToken& token, bool conditional) {
    std::string name(assigned_name(token));
    std::vector<ShellWord> values = token.is_list ? expand(token.list) : std::vector{value_of(token)};
    const bool appends = name.ends_with('+');
    if (appends) name.pop_back();
    if (conditional) values = {{"$" + name, token.line, fmt::format("${}, set under a condition", name)}};
    std::vector<ShellWord>& variable = variables_[name];
    if (!appends) variable.clear();
    if (appends && !token.is_list && variable.size() == 1) {
      append(variable.front(), values.front());
    } else {
      variable.insert(variable.end(), values.begin(), values.end());
    }
    check(variable);
  }

  [[nodiscard]] std::vector<ShellWord> expand(const std::vector<ShellToken>& tokens) const {
    std::vector<ShellWord> words;
    for (const ShellToken& token : tokens) {
      const std::vector<ShellWord> more = expand(token);
      words.insert(words.end(), more.begin(), more.end());
      check(words);
    }
    return words;
  }

 private:
  void check(const std::vector<ShellWord>& words) const {
    if (words.size() > kMostWords)
      throw Error(fmt::format("{}, line {}", file_, words.back().line),
                  fmt::format("more than {} words", kMostWords));
  }

  void append(ShellWord& word, const ShellWord& more) const {
    word.text += more.text;
    if (word.unresolved.empty()) word.unresolved = more.unresolved;
    if (word.text.size() > kLongestWord)
      throw Error(fmt::format("{}, line {}", file_, word.line),
                  fmt::format("a word of more than {} characters", kLongestWord));
  }

  // One word, whatever blanks its variables hold, as in an assignment.
  [[nodiscard]] ShellWord value_of(const ShellToken& token) const {
    ShellWord value{"", token.line, ""};
    for (std::size_t i = 0; i < token.pieces.size(); ++i) {
      ShellPiece piece = token.pieces[i];
      if (i == 0) piece.text.erase(0, piece.text.find('=') + 1);
      const std::vector<ShellWord> parts = values_of(piece, token.line);
      for (std::size_t part = 0; part < parts.size(); ++part) {
        if (part > 0) append(value, {" ", token.line, ""});
        append(value, parts[part]);
      }
    }
    return value;
  }

  // What a piece stands for: a word, or those of an array.
  [[nodiscard]] std::vector<ShellWord> values_of(const ShellPiece& piece, std::size_t line) const {
    if (piece.kind == ShellPieceKind::Text) return {{piece.text, line, ""}};
    if (piece.kind == ShellPieceKind::Opaque) return {{piece.text, line, piece.text}};
    const auto found = variables_.find(piece.name);
    if (found == variables_.end() && piece.has_fallback) return {{piece.fallback, line, ""}};
    if (found == variables_.end()) return {{piece.text, line, piece.text}};
    std::vector<ShellWord> values = found->second;
    if (piece.kind == ShellPieceKind::Variable && values.size() > 1) values.resize(1);
    return values;
  }

  [[nodiscard]] std::vector<ShellWord> expand(const ShellToken& token) const {
    std::vector<ShellWord> words;
    bool open = false;  // whether what comes next goes on with the last word
    for (const ShellPiece& piece : token.pieces) {
      const bool splits = !piece.quoted && piece.kind != ShellPieceKind::Text;
      bool first = true;
      for (const ShellWord& value : values_of(piece, token.line)) {
        if (!first) open = false;
        first = false;
        if (splits) {
          add_split(value, words, open);
        } else {
          add(value, words, open);
        }
      }
    }
    return words;
  }

  void add(const ShellWord& value, std::vector<ShellWord>& words, bool& open) const {
    if (open) {
      append(words.back(), value);
    } else {
      words.push_back(value);
    }
    open = true;
  }

  // At blanks, as a variable without quotes is.
  void add_split(const ShellWord& value, std::vector<ShellWord>& words, bool& open) const {
    constexpr std::string_view kBlanks = " \t\n\r";
    std::string_view rest = value.text;
    while (!rest.empty()) {
      const std::size_t length = std::min(rest.find_first_of(kBlanks), rest.size());
      if (length > 0) add({std::string(rest.substr(0, length)), value.line, value.unresolved}, words, open);
      if (length < rest.size()) open = false;
      rest.remove_prefix(std::min(length + 1, rest.size()));
    }
  }

  const std::string& file_;
  std::map<std::string, std::vector<ShellWord>, std::less<>> variables_;
};

bool begins_with_argument(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  while (true) {
    text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
    if (!text.starts_with('#')) return text.starts_with("--");
    text.remove_prefix(std::min(text.find('\n'), text.size()));
  }
}

class ScriptReader {
 public:
  explicit ScriptReader(const std::string& file) : file_(file), scope_(file) {}

  LaunchedScript read(const std::vector<ShellCommand>& commands) && {
    for (const ShellCommand& command : commands) run(command);
    if (launched_.script.text.empty())
      throw Error(file_,
                  "has no arguments: expected lines that begin with \"--\", or a command that starts a "
                  "Python script (torchrun ... pretrain_gpt.py --num-layers 24 ...)");
    return std::move(launched_);
  }

 private:
  static std::string_view first_text(const ShellCommand& command) {
    const auto& pieces = command.words.front().pieces;
    return pieces.empty() || pieces[0].kind != ShellPieceKind::Text ? std::string_view() : pieces[0].text;
  }

  void run(const ShellCommand& command) {
    const std::string_view name = first_text(command);
    if (contains(kControl, name) || name.starts_with('(') || name.ends_with("()"))
      throw Error(fmt::format("{}, line {}", file_, command.words.front().line),
                  fmt::format("{}: only assignments and the command that starts the training script are "
                              "understood; write down what the script comes to",
                              shown(Json(std::string(name)))));
    const std::size_t skipped = contains(kDeclare, name) ? 1 : 0;
    std::size_t assigned = skipped;
    while (assigned < command.words.size() && !assigned_name(command.words[assigned]).empty()) ++assigned;
    if (assigned == command.words.size() || skipped > 0) {
      for (std::size_t i = skipped; i < assigned; ++i) scope_.assign(command.words[i], command.conditional);
      return;
    }
    launch({command.words.begin() + static_cast<std::ptrdiff_t>(assigned), command.words.end()});
  }

  void launch(const std::vector<ShellToken>& tokens) {
    std::vector<ShellWord> words = scope_.expand(tokens);
    const auto script = std::find_if(words.begin(), words.end(),
                                     [](const ShellWord& word) { return word.text.ends_with(".py"); });
    if (script == words.end() || !starts_python(words.front().text)) return;
    if (!launched_.script.text.empty())
      throw Error(fmt::format("{}, line {}", file_, script->line),
                  fmt::format("a second command that starts a Python script, behind line {}; expected one",
                              launched_.script.line));
    launched_ = {{words.begin(), script}, *script, {script + 1, words.end()}};
  }

  // Not "cp pretrain_gpt.py there".
  static bool starts_python(std::string_view command) {
    const std::string_view program = command.substr(command.rfind('/') + 1);
    for (const std::string_view known : {"python", "torchrun", "srun", "mpirun", "mpiexec", "deepspeed",
                                         "exec", "nohup", "env", "time", "numactl", "accelerate", "nsys"})
      if (program.starts_with(known)) return true;
    return program.ends_with(".py") || program.starts_with('$');
  }

  const std::string& file_;
  Scope scope_;
  LaunchedScript launched_;
};

}  // namespace

LaunchedScript read_launched_script(std::string_view text, const std::string& file) {
  if (begins_with_argument(text)) return {{}, {}, Scope(file).expand(cut_words(text, file))};
  return ScriptReader(file).read(cut_commands(text, file));
}

}  // namespace ppsim
