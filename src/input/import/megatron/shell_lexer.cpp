#include "input/import/megatron/shell_lexer.hpp"

#include <fmt/format.h>

#include <cctype>

#include "ppsim/core/error.hpp"

namespace ppsim {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}
bool ends_command(char c) {
  return c == '\n' || c == ';' || c == '&' || c == '|';
}
bool is_name(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

// Where words stand: what ends one, and what ends all of them.
enum class Place : std::uint8_t { Command, List, File };

class Lexer {
 public:
  Lexer(std::string_view text, const std::string& file) : text_(text), file_(file) {}

  std::vector<ShellCommand> commands() && {
    bool conditional = false;
    while (at_ < text_.size()) {
      ShellCommand command{words(Place::Command), conditional};
      conditional = skip_separator();
      if (!command.words.empty()) commands_.push_back(std::move(command));
    }
    return std::move(commands_);
  }

  std::vector<ShellToken> all_words() && { return words(Place::File); }

 private:
  [[nodiscard]] char peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  [[nodiscard]] bool done() const { return at_ >= text_.size(); }

  char take() {
    if (text_[at_] == '\n') ++line_;
    return text_[at_++];
  }

  [[noreturn]] void fail(std::size_t line, const std::string& what) const {
    throw Error(fmt::format("{}, line {}", file_, line), what);
  }

  // && and || join, all else only ends.
  bool skip_separator() {
    if (done()) return false;
    const char first = take();
    const bool joins = (first == '&' || first == '|') && peek() == first;
    if (joins) take();
    return joins;
  }

  // A backslash in front of a line's end, which Windows writes as two characters.
  bool skip_continuation() {
    const std::size_t length = peek(1) == '\r' && peek(2) == '\n' ? 3 : 2;
    if (peek() != '\\' || peek(length - 1) != '\n') return false;
    for (std::size_t i = 0; i < length; ++i) take();
    return true;
  }

  void skip_comment() {
    while (!done() && peek() != '\n') take();
  }

  // Up to what ends the command, or the list.
  std::vector<ShellToken> words(Place place) {
    const std::size_t begin = line_;
    std::vector<ShellToken> words;
    while (true) {
      if (done() && place == Place::List) fail(begin, "a list that no \")\" ends");
      if (done() || (place == Place::Command && ends_command(peek()))) return words;
      if (is_blank(peek()) || peek() == '\n') {
        take();
      } else if (skip_continuation()) {
      } else if (peek() == '#') {
        skip_comment();
      } else if (place == Place::List && peek() == ')') {
        take();
        return words;
      } else if (place == Place::Command && (peek() == '<' || peek() == '>')) {
        skip_redirection(words);
      } else {
        words.push_back(word(place));
      }
    }
  }

  // "2>&1", "> log": what is written elsewhere is no argument, nor is the number in front of it.
  void skip_redirection(std::vector<ShellToken>& words) {
    const bool numbered = at_ > 0 && std::isdigit(static_cast<unsigned char>(text_[at_ - 1])) != 0;
    if (numbered && !words.empty()) words.pop_back();
    while (peek() == '<' || peek() == '>' || peek() == '&') take();
    while (is_blank(peek())) take();
    if (!done() && !ends_command(peek())) (void)word(Place::Command);
  }

  ShellToken word(Place place) {
    ShellToken token{{}, line_, false, {}};
    while (!done() && !ends_word(place)) {
      const char c = peek();
      if (c == '\'') {
        add_literal(token);
      } else if (c == '"') {
        add_quoted(token);
      } else if (c == '$' || c == '`') {
        add_expansion(token, false);
      } else if (c == '\\') {
        add_escaped(token);
      } else if (c == '(' && place == Place::Command && begins_list(token)) {
        take();
        token.is_list = true;
        token.list = words(Place::List);
        return token;
      } else {
        add_text(token, take(), false);
      }
    }
    return token;
  }

  [[nodiscard]] bool ends_word(Place place) const {
    const char c = peek();
    if (is_blank(c) || c == '\n' || (place == Place::List && c == ')')) return true;
    return place == Place::Command && (c == '<' || c == '>' || ends_command(c));
  }

  [[nodiscard]] static bool begins_list(const ShellToken& token) {
    return token.pieces.size() == 1 && token.pieces.front().text.ends_with('=');
  }

  static void add_text(ShellToken& token, char c, bool quoted) {
    auto& pieces = token.pieces;
    if (pieces.empty() || pieces.back().kind != ShellPieceKind::Text || pieces.back().quoted != quoted)
      pieces.push_back({ShellPieceKind::Text, "", "", "", false, quoted});
    pieces.back().text += c;
  }

  void add_escaped(ShellToken& token) {
    if (skip_continuation()) return;
    take();
    if (!done()) add_text(token, take(), true);
  }

  void add_literal(ShellToken& token) {
    const std::size_t begin = line_;
    take();
    token.pieces.push_back({ShellPieceKind::Text, "", "", "", false, true});
    while (!done() && peek() != '\'') add_text(token, take(), true);
    if (done()) fail(begin, "a quote ' that nothing ends");
    take();
  }

  void add_quoted(ShellToken& token) {
    const std::size_t begin = line_;
    take();
    token.pieces.push_back({ShellPieceKind::Text, "", "", "", false, true});
    while (!done() && peek() != '"') {
      if (skip_continuation()) continue;
      if (peek() == '$' || peek() == '`') {
        add_expansion(token, true);
        continue;
      }
      const char next = peek(1);
      if (peek() == '\\' && (next == '"' || next == '\\' || next == '$' || next == '`')) take();
      add_text(token, take(), true);
    }
    if (done()) fail(begin, "a quote \" that nothing ends");
    take();
  }

  // At a "$" or "`".
  void add_expansion(ShellToken& token, bool quoted) {
    const std::size_t begin = at_;
    ShellPiece piece{ShellPieceKind::Opaque, "", "", "", false, quoted};
    const char mark = take();
    if (mark == '`') {
      take_until('`');
    } else if (peek() == '(') {
      take_brackets('(', ')');
    } else if (peek() == '{') {
      take_brackets('{', '}');
      parse_braces(text_.substr(begin + 2, at_ - begin - 3), piece);
    } else if (std::isalpha(static_cast<unsigned char>(peek())) != 0 || peek() == '_') {
      piece.kind = ShellPieceKind::Variable;
      while (is_name(peek())) piece.name += take();
    } else if (!done() && std::string_view("0123456789@*#?$!-").find(peek()) != std::string_view::npos) {
      take();
    } else {
      add_text(token, '$', quoted);
      return;
    }
    piece.text = text_.substr(begin, at_ - begin);
    token.pieces.push_back(std::move(piece));
  }

  void take_until(char end) {
    const std::size_t begin = line_;
    while (!done() && peek() != end) take();
    if (done()) fail(begin, fmt::format("a {} that nothing ends", end));
    take();
  }

  void take_brackets(char open, char close) {
    const std::size_t begin = line_;
    std::size_t depth = 0;
    do {
      if (done()) fail(begin, fmt::format("a ${} that no {} ends", open, close));
      const char c = take();
      depth += c == open ? 1 : 0;
      depth -= c == close ? 1 : 0;
    } while (depth > 0);
  }

  // What stands between { and }.
  static void parse_braces(std::string_view inside, ShellPiece& piece) {
    std::size_t length = 0;
    while (length < inside.size() && is_name(inside[length])) ++length;
    piece.name = inside.substr(0, length);
    const std::string_view rest = inside.substr(length);
    if (length == 0 || std::isdigit(static_cast<unsigned char>(inside[0])) != 0) return;
    if (rest == "[@]" || rest == "[*]") piece.kind = ShellPieceKind::Array;
    if (rest.empty()) piece.kind = ShellPieceKind::Variable;
    if (!rest.starts_with(":-") && !rest.starts_with("-")) return;
    const std::string_view fallback = rest.substr(rest.find('-') + 1);
    if (fallback.find_first_of("$`\"'\\") != std::string_view::npos) return;
    piece.kind = ShellPieceKind::Variable;
    piece.has_fallback = true;
    piece.fallback = fallback;
  }

  std::string_view text_;
  const std::string& file_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  std::vector<ShellCommand> commands_;
};

}  // namespace

std::vector<ShellCommand> cut_commands(std::string_view text, const std::string& file) {
  return Lexer(text, file).commands();
}

std::vector<ShellToken> cut_words(std::string_view text, const std::string& file) {
  return Lexer(text, file).all_words();
}

}  // namespace ppsim
