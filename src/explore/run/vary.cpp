#include "ppsim/explore/run/vary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>

#include "explore/run/parallel.hpp"
#include "ppsim/core/error.hpp"

namespace ppsim {
namespace {

constexpr std::string_view kVaryOption = "--vary";

// Far above what anyone reads.
constexpr std::uint64_t kMostCombinations = 100'000;

// Splits at commas that stand in no bracket and no text.
std::vector<std::string> split_values(std::string_view text) {
  std::vector<std::string> values(1);
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == ',' && depth == 0 && !quoted) {
      values.emplace_back();
      continue;
    }
    values.back() += c;
    if (quoted && c == '\\' && i + 1 < text.size()) values.back() += text[++i];
    if (c == '"') quoted = !quoted;
    if (!quoted && (c == '[' || c == '{')) ++depth;
    if (!quoted && (c == ']' || c == '}')) --depth;
  }
  return values;
}

std::uint64_t count_combinations(const std::vector<Variation>& variations) {
  std::uint64_t count = 1;
  for (const Variation& variation : variations) {
    count *= variation.values.size();
    if (count > kMostCombinations)
      throw Error(std::string(kVaryOption), fmt::format("more than {} combinations", kMostCombinations));
  }
  return count;
}

void check_distinct(const std::vector<Variation>& variations) {
  for (std::size_t i = 0; i < variations.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (variations[i].pointer == variations[j].pointer)
        throw Error(std::string(kVaryOption), fmt::format("{} is varied twice", variations[i].pointer));
}

// The last keys of a pointer, as many as tell it from the others: "tensor", "nvlink/bandwidth".
std::string short_name(const std::vector<Variation>& variations, const std::string& pointer) {
  std::size_t slash = pointer.size();
  const auto is_alone = [&] {
    const std::string_view end = std::string_view(pointer).substr(slash);
    return std::count_if(variations.begin(), variations.end(),
                         [&](const Variation& other) { return other.pointer.ends_with(end); }) == 1;
  };
  do {
    slash = pointer.rfind('/', slash - 1);
  } while (slash > 0 && !is_alone());
  return pointer.substr(slash + 1);
}

// As a number in mixed radix, the last digit first.
std::vector<Override> combination(const std::vector<Variation>& variations, std::uint64_t number) {
  std::vector<Override> sets;
  for (auto variation = variations.rbegin(); variation != variations.rend(); ++variation) {
    const std::size_t size = variation->values.size();
    sets.push_back({variation->pointer, variation->values[number % size], std::string(kVaryOption)});
    number /= size;
  }
  std::reverse(sets.begin(), sets.end());
  return sets;
}

std::string label_of_values(const std::vector<std::string>& names, const std::vector<Override>& sets,
                            const std::string& end) {
  std::string label;
  for (std::size_t i = 0; i < sets.size(); ++i)
    label += fmt::format("{}{}={}", i == 0 ? "" : " ", names[i], sets[i].value);
  return end.empty() ? label : label + " " + end;
}

// What one combination came to.
struct CaseOutcome {
  std::vector<ComparisonRow> rows;  // one a case
  std::optional<Fault> illegal{};   // the config is none
};

CaseOutcome rows_without_run(const std::vector<ComparisonCase>& cases, const Error& error) {
  CaseOutcome outcome;
  for (const ComparisonCase& one : cases)
    outcome.rows.push_back({one.label, std::nullopt, error.fault().what});
  return outcome;
}

CaseOutcome run_combination(const std::string& path, const std::vector<Override>& overrides,
                            const std::vector<ComparisonCase>& cases) {
  try {
    (void)load_config(path, overrides);
  } catch (const Error& error) {
    CaseOutcome outcome = rows_without_run(cases, error);
    outcome.illegal = error.fault();
    return outcome;
  }
  try {
    return {compare(path, overrides, cases)};
  } catch (const Error& error) {
    return rows_without_run(cases, error);
  }
}

}  // namespace

Variation parse_variation(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (!text.starts_with('/') || equals == std::string_view::npos)
    throw Error(std::string(kVaryOption),
                fmt::format("{}; expected /pointer=value,value..., such as /parallelism/tensor=1,2,4", text));
  Variation variation{std::string(text.substr(0, equals)), split_values(text.substr(equals + 1))};
  for (const std::string& value : variation.values)
    if (value.empty()) throw Error(std::string(kVaryOption), fmt::format("{}; a value is empty", text));
  return variation;
}

ComparisonCase own_case() {
  return {};
}

std::vector<ComparisonRow> compare_varied(const std::string& path, const std::vector<Override>& overrides,
                                          const std::vector<Variation>& variations,
                                          const std::vector<ComparisonCase>& cases, unsigned threads) {
  check_distinct(variations);
  std::vector<std::string> names;
  for (const Variation& variation : variations) names.push_back(short_name(variations, variation.pointer));
  std::vector<CaseOutcome> outcomes(count_combinations(variations));
  const auto run = [&](std::size_t i) {
    const std::vector<Override> sets = combination(variations, i);
    std::vector<Override> all = overrides;
    all.insert(all.end(), sets.begin(), sets.end());
    outcomes[i] = run_combination(path, all, cases);
    for (ComparisonRow& row : outcomes[i].rows) {
      row.label = label_of_values(names, sets, row.label);
      row.varied = sets;
    }
  };
  for_each_index(outcomes.size(), threads, [&] { return std::function<void(std::size_t)>(run); });
  if (std::all_of(outcomes.begin(), outcomes.end(), [](const CaseOutcome& one) { return one.illegal; }))
    throw Error(outcomes.front().illegal->where, outcomes.front().illegal->what);
  std::vector<ComparisonRow> rows;
  for (CaseOutcome& outcome : outcomes)
    for (ComparisonRow& row : outcome.rows) rows.push_back(std::move(row));
  return rows;
}

}  // namespace ppsim
