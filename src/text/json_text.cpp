#include "text/json_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <vector>

#include "ppsim/core/error.hpp"

namespace ppsim {

namespace {

// Reads characters and tells how far it got: the parser's events come without a place.
struct Cursor {
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  const char* at;
  const char** furthest;

  reference operator*() const { return *at; }
  Cursor& operator++() {
    *furthest = ++at;
    return *this;
  }
  Cursor operator++(int) {
    const Cursor before = *this;
    ++*this;
    return before;
  }
  friend bool operator==(const Cursor& a, const Cursor& b) { return a.at == b.at; }
};

// "[json.exception.parse_error.101] parse error at line 1, column 5: syntax error while parsing value -
// invalid literal; last read: 'x'" -> "invalid literal; last read: 'x'". The place is ours, the bracket
// nobody's.
std::string plain_message(std::string_view message) {
  for (const std::string_view mark : {"] ", " - "}) {
    const auto found = message.find(mark);
    if (found != std::string_view::npos) message.remove_prefix(found + mark.size());
  }
  return std::string(message);
}

// Builds the value from the parser's events.
class Builder : public nlohmann::json_sax<Json> {
 public:
  Builder(std::string_view text, std::string_view file) : text_(text), file_(file), furthest_(text.data()) {}

  [[nodiscard]] Cursor begin() { return {text_.data(), &furthest_}; }
  [[nodiscard]] Cursor end() { return {text_.data() + text_.size(), &furthest_}; }
  [[nodiscard]] Json take() { return std::move(root_); }

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(number_integer_t value) override { return add(value); }
  bool number_unsigned(number_unsigned_t value) override { return add(value); }
  bool number_float(number_float_t value, const string_t&) override { return add(value); }
  bool string(string_t& value) override { return add(std::move(value)); }
  bool binary(binary_t&) override { return false; }  // never in text

  bool start_object(std::size_t) override { return open(Json::object()); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(string_t& name) override {
    if (open_.back()->contains(name))
      fail(key_begin(), fmt::format("the key {} is given twice", shown(name)));
    key_ = name;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const Json::exception& error) override {
    // `position` counts the characters read; the last of them is the one that does not fit.
    fail(std::min(position, text_.size() + 1) - std::min<std::size_t>(position, 1),
         "not JSON: " + plain_message(error.what()));
  }

 private:
  // All that we read nests a handful deep. Whoever walks a value may therefore recurse.
  static constexpr std::size_t kDeepest = 64;

  bool add(Json value) {
    (void)place(std::move(value));
    return true;
  }

  Json* place(Json value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    Json& parent = *open_.back();
    if (parent.is_array()) return &parent.emplace_back(std::move(value));
    return &(parent[key_] = std::move(value));
  }

  bool open(Json value) {
    if (open_.size() == kDeepest) fail(offset(), fmt::format("more than {} levels deep", kDeepest));
    open_.push_back(place(std::move(value)));
    return true;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  [[nodiscard]] std::size_t offset() const {
    const auto read = static_cast<std::size_t>(furthest_ - text_.data());
    return read - std::min<std::size_t>(read, 1);
  }

  // The quote that opens the key whose closing quote was read last.
  [[nodiscard]] std::size_t key_begin() const {
    const auto escaped = [this](std::size_t at) {
      std::size_t slashes = 0;
      while (at > slashes && text_[at - slashes - 1] == '\\') ++slashes;
      return slashes % 2 == 1;
    };
    std::size_t at = offset();
    do --at;
    while (text_[at] != '"' || escaped(at));
    return at;
  }

  [[noreturn]] void fail(std::size_t at, const std::string& what) const {
    const std::string_view before = text_.substr(0, at);
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const auto line_begin = before.rfind('\n') + 1;  // npos + 1 is 0
    throw Error(fmt::format("{}, line {}, column {}", file_, line, at - line_begin + 1), what);
  }

  std::string_view text_;
  std::string_view file_;
  const char* furthest_;
  Json root_;
  std::vector<Json*> open_;  // a parent is not added to while a child is open, so these stay valid
  std::string key_;
};

}  // namespace

Json parse_json(std::string_view text, std::string_view file) {
  Builder builder(text, file);
  const bool whole = Json::sax_parse(builder.begin(), builder.end(), &builder);
  PPSIM_ASSERT(whole, "a parser that fails without a fault");
  return builder.take();
}

Json override_value(const std::string& text) {
  try {
    return parse_json(text, "");
  } catch (const Error&) {
    return text;
  }
}

std::string compact(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string shown(const Json& value) {
  constexpr std::size_t kLongest = 60;
  std::string text = compact(value);
  if (text.size() <= kLongest) return text;
  text.resize(kLongest);
  // Not in the middle of a character of several bytes.
  while ((static_cast<unsigned char>(text.back()) & 0xC0U) == 0x80U) text.pop_back();
  if (static_cast<unsigned char>(text.back()) >= 0xC0U) text.pop_back();
  return text + "...";
}

std::string one_line(const std::string& text) {
  const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
  if (std::none_of(text.begin(), text.end(), is_control)) return text;
  const std::string quoted = compact(Json(text));
  return quoted.substr(1, quoted.size() - 2);
}

}  // namespace ppsim
