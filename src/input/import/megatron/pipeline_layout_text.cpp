#include "input/import/megatron/pipeline_layout_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "ppsim/core/error.hpp"
#include "text/json_text.hpp"

namespace ppsim {
namespace {

constexpr std::size_t kDeepest = 32;  // brackets within brackets

// What both languages share: a text that is read from its front, and results that may not grow too long.
class PatternReader {
 public:
  PatternReader(std::string_view text, const std::string& where, std::size_t most)
      : whole_(text), rest_(text), where_(where), most_(most) {}

 protected:
  [[nodiscard]] char peek() const { return rest_.empty() ? '\0' : rest_.front(); }
  [[nodiscard]] bool done() const { return rest_.empty(); }

  bool skip(char c) {
    if (peek() != c || done()) return false;
    rest_.remove_prefix(1);
    return true;
  }

  void expect(char c) {
    if (!skip(c)) fail(fmt::format("expected \"{}\"", c));
  }

  std::size_t read_count() {
    std::size_t digits = 0, count = 0;
    for (; digits < rest_.size() && std::isdigit(static_cast<unsigned char>(rest_[digits])) != 0; ++digits)
      count = std::min(10 * count + static_cast<std::size_t>(rest_[digits] - '0'), most_ + 1);
    if (digits == 0) fail("expected a whole number");
    rest_.remove_prefix(digits);
    return count;
  }

  // `part` written `times` times.
  [[nodiscard]] std::string repeated(const std::string& part, std::size_t times) const {
    check(part.empty() ? 0 : times > most_ ? most_ + 1 : part.size() * times);
    std::string result;
    if (!part.empty())
      for (std::size_t i = 0; i < times; ++i) result += part;
    return result;
  }

  void check(std::size_t size) const {
    if (size > most_)
      throw Error(where_, fmt::format("{} comes to more than {} layers and stages", shown(text()), most_));
  }

  void go_deeper(std::size_t depth) const {
    if (depth > kDeepest) fail(fmt::format("more than {} brackets within one another", kDeepest));
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw Error(where_,
                fmt::format("{}, character {}: {}", shown(text()), whole_.size() - rest_.size() + 1, what));
  }

 private:
  [[nodiscard]] Json text() const { return std::string(whole_); }

  std::string_view whole_, rest_;
  const std::string& where_;
  std::size_t most_;
};

class LayoutReader : PatternReader {
 public:
  using PatternReader::PatternReader;

  // The layout written out: letters and "|".
  std::string read() {
    std::string letters = sequence(0);
    if (!done()) fail("a bracket that nothing opens");
    return letters;
  }

 private:
  std::string sequence(std::size_t depth) {
    go_deeper(depth);
    std::string letters;
    while (!done() && peek() != ')') {
      letters += item(depth);
      check(letters.size());
    }
    return letters;
  }

  std::string item(std::size_t depth) {
    if (skip(',')) return "";
    std::string part;
    if (skip('(')) {
      part = sequence(depth + 1);
      expect(')');
    } else {
      constexpr std::string_view kLetters = "EtmL|";
      if (!done() && kLetters.find(peek()) != std::string_view::npos) part = peek();
      if (part.empty())
        fail("expected E (embedding), t (layer), m (MTP layer), L (loss), \"|\", \"(\" or \",\"");
      skip(peek());
    }
    return skip('*') ? repeated(part, read_count()) : part;
  }
};

class ExpressionReader : PatternReader {
 public:
  using PatternReader::PatternReader;

  // A '0' or '1' a layer.
  std::string read() {
    std::string layers = sum(0);
    skip_blanks();
    if (!done()) fail("expected +, * or the end");
    return layers;
  }

 private:
  void skip_blanks() {
    while (skip(' ')) {
    }
  }

  std::string sum(std::size_t depth) {
    go_deeper(depth);
    std::string layers = product(depth);
    for (skip_blanks(); skip('+'); skip_blanks()) {
      layers += product(depth);
      check(layers.size());
    }
    return layers;
  }

  std::string product(std::size_t depth) {
    skip_blanks();
    std::string layers;
    if (skip('(')) {
      layers = sum(depth + 1);
      expect(')');
    } else {
      layers = list();
    }
    for (skip_blanks(); skip('*'); skip_blanks()) {
      skip_blanks();
      layers = repeated(layers, read_count());
    }
    return layers;
  }

  std::string list() {
    expect('[');
    std::string layers;
    do {
      skip_blanks();
      if (peek() != '0' && peek() != '1') fail("expected 0 or 1");
      layers += peek();
      skip(peek());
      skip_blanks();
    } while (skip(','));
    expect(']');
    return layers;
  }
};

}  // namespace

std::vector<LaidOutStage> parse_pipeline_layout(std::string_view text, const std::string& where,
                                                std::size_t most) {
  std::vector<LaidOutStage> stages(1);
  for (const char letter : LayoutReader(text, where, most).read()) {
    LaidOutStage& stage = stages.back();
    if (letter == 't') ++stage.layers;
    if (letter == 'm') ++stage.prediction;
    if (letter == 'E') ++stage.embeddings;
    if (letter == 'L') ++stage.losses;
    if (letter == '|') stages.emplace_back();
  }
  return stages;
}

std::vector<bool> parse_layer_pattern(std::string_view text, const std::string& where, std::size_t most) {
  std::vector<bool> layers;
  for (const char layer : ExpressionReader(text, where, most).read()) layers.push_back(layer == '1');
  return layers;
}

}  // namespace ppsim
