#include "text/expression.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/numbers.hpp"
#include "ppsim/core/error.hpp"

namespace ppsim {

struct Expression::Node {
  std::string what;      // an operator or a function; "[": a column; "0": a number
  double number = 0;     // its value
  std::string column{};  // its name
  std::vector<std::shared_ptr<const Node>> operands{};
};

namespace {

using Node = Expression::Node;
using NodePointer = std::shared_ptr<const Node>;

constexpr int kDeepest = 64;

// Recursive descent: sum, product, factor.
class ExpressionParser {
 public:
  ExpressionParser(std::string_view text, const std::string& where, std::vector<std::string>& columns)
      : text_(text), rest_(text), where_(where), columns_(columns) {}

  NodePointer parse() {
    NodePointer root = sum();
    if (!rest_.empty()) fail();
    return root;
  }

 private:
  [[noreturn]] void fail() const {
    throw Error(where_, fmt::format("\"{}\" at \"{}\": expected numbers, columns in [brackets], + - * /, "
                                    "parentheses, ceil(), floor(), min(a, b), max(a, b)",
                                    text_, rest_.substr(0, 20)));
  }

  void skip_blanks() {
    while (!rest_.empty() && rest_.front() == ' ') rest_.remove_prefix(1);
  }
  bool take(char c) {
    skip_blanks();
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    skip_blanks();
    return true;
  }

  static NodePointer make(std::string what, std::vector<NodePointer> operands) {
    return std::make_shared<Node>(Node{std::move(what), 0, {}, std::move(operands)});
  }

  NodePointer sum() {
    if (++depth_ > kDeepest) fail();
    NodePointer left = product();
    for (;;) {
      if (take('+'))
        left = make("+", {left, product()});
      else if (take('-'))
        left = make("-", {left, product()});
      else
        break;
    }
    --depth_;
    return left;
  }

  NodePointer product() {
    NodePointer left = factor();
    for (;;) {
      if (take('*'))
        left = make("*", {left, factor()});
      else if (take('/'))
        left = make("/", {left, factor()});
      else
        return left;
    }
  }

  NodePointer factor() {
    if (take('(')) {
      NodePointer inner = sum();
      if (!take(')')) fail();
      return inner;
    }
    if (take('[')) return column();
    skip_blanks();
    if (!rest_.empty() && rest_.front() >= 'a' && rest_.front() <= 'z') return function();
    return number();
  }

  NodePointer column() {
    const std::size_t end = rest_.find(']');
    if (end == std::string_view::npos) fail();
    std::string name(rest_.substr(0, end));
    rest_.remove_prefix(end + 1);
    skip_blanks();
    if (std::find(columns_.begin(), columns_.end(), name) == columns_.end()) columns_.push_back(name);
    return std::make_shared<Node>(Node{"[", 0, std::move(name), {}});
  }

  NodePointer function() {
    std::size_t length = 0;
    while (length < rest_.size() && rest_[length] >= 'a' && rest_[length] <= 'z') ++length;
    const std::string name(rest_.substr(0, length));
    const bool one = name == "ceil" || name == "floor";
    if (!one && name != "min" && name != "max") fail();
    rest_.remove_prefix(length);
    if (!take('(')) fail();
    std::vector<NodePointer> operands = {sum()};
    if (!one) {
      if (!take(',')) fail();
      operands.push_back(sum());
    }
    if (!take(')')) fail();
    return make(name, std::move(operands));
  }

  NodePointer number() {
    const auto value = take_number<double>(rest_);
    if (!value) fail();
    skip_blanks();
    return std::make_shared<Node>(Node{"0", *value, {}, {}});
  }

  std::string_view text_, rest_;
  const std::string& where_;
  std::vector<std::string>& columns_;
  int depth_ = 0;
};

double evaluate(const Node& node, const std::function<double(const std::string&)>& value_of) {
  if (node.what == "0") return node.number;
  if (node.what == "[") return value_of(node.column);
  const double a = evaluate(*node.operands.front(), value_of);
  if (node.what == "ceil") return std::ceil(a);
  if (node.what == "floor") return std::floor(a);
  const double b = evaluate(*node.operands.back(), value_of);
  if (node.what == "+") return a + b;
  if (node.what == "-") return a - b;
  if (node.what == "*") return a * b;
  if (node.what == "/") return a / b;
  return node.what == "min" ? std::min(a, b) : std::max(a, b);
}

}  // namespace

Expression::Expression(std::string_view text, const std::string& where)
    : root_(ExpressionParser(text, where, columns_).parse()) {}

double Expression::value(const std::function<double(const std::string&)>& value_of) const {
  return evaluate(*root_, value_of);
}

}  // namespace ppsim
