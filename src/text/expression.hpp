/// Arithmetic over the cells of a row: "[global batch] / ([micro batch] * [data])".
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ppsim {

/// Numbers, columns in brackets, + - * /, parentheses, and the functions ceil, floor, min and max.
class Expression {
 public:
  /// Throws Error (where: `where`) for what is none.
  Expression(std::string_view text, const std::string& where);

  [[nodiscard]] const std::vector<std::string>& columns() const { return columns_; }

  /// `value_of` says what a column holds.
  [[nodiscard]] double value(const std::function<double(const std::string&)>& value_of) const;

  struct Node;

 private:
  std::vector<std::string> columns_;
  std::shared_ptr<const Node> root_;
};

}  // namespace ppsim
