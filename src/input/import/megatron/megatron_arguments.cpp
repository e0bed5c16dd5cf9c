#include "input/import/megatron/megatron_arguments.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "core/numbers.hpp"
#include "input/import/megatron/megatron_names.hpp"

namespace ppsim {
namespace {

// What a shell would put into a value that matters, and we do not know.
void check_resolved(const ShellWord& word, std::string_view name, const std::string& where) {
  if (!word.unresolved.empty())
    throw Error(where, fmt::format("{}: {} is not set in this file; expected its value in its place", name,
                                   word.unresolved));
}

}  // namespace

std::uint64_t read_word_count(const ShellWord& word, std::string_view name, const std::string& where,
                              CountRange range) {
  check_resolved(word, name, where);
  const auto number = parse_number<std::uint64_t>(word.text);
  if (number && *number >= range.least && *number <= range.most) return *number;
  throw Error(where, fmt::format("{} {}; expected a whole number from {} to {}", name, shown(Json(word.text)),
                                 range.least, range.most));
}

MegatronArguments::MegatronArguments(const std::vector<ShellWord>& words, const std::string& file,
                                     std::vector<std::string>& notes)
    : file_(file) {
  take(words, notes);
  check_known();
  check_values();
  tell_left_out(notes);
}

void MegatronArguments::take(const std::vector<ShellWord>& words, std::vector<std::string>& notes) {
  Given* open = nullptr;
  for (const ShellWord& word : words) {
    if (!word.text.starts_with("--")) {
      const std::string place = fmt::format("{}, line {}", file_, word.line);
      if (open == nullptr) {
        check_resolved(word, "in front of all arguments", place);
        throw Error(place,
                    fmt::format("{}; expected an argument that begins with \"--\"", shown(Json(word.text))));
      }
      open->values.push_back(word);
      continue;
    }
    const std::size_t equals = std::min(word.text.find('='), word.text.size());
    const std::string name = word.text.substr(0, equals);
    if (has(name)) notes.push_back(fmt::format("{} is given twice: the last holds", name));
    open = &(given_[name] = {word.line, {}});
    if (equals < word.text.size())
      open->values.push_back({word.text.substr(equals + 1), word.line, word.unresolved});
  }
}

void MegatronArguments::check_known() const {
  std::vector<std::string> unknown;
  std::size_t line = 0;
  for (const auto& [name, given] : given_) {
    if (megatron_meaning(name) != MegatronMeaning::Unknown) continue;
    unknown.push_back(shown(Json(name)));
    line = line == 0 ? given.line : std::min(line, given.line);
  }
  if (unknown.empty()) return;
  throw Error(
      fmt::format("{}, line {}", file_, line),
      fmt::format("not known, and may change what a step costs: {}; take out what does not. Understood "
                  "are {}, and what changes no costs (data, logging, checkpoints, learning rates)",
                  fmt::join(unknown, ", "), fmt::join(megatron_understood(), ", ")));
}

// A variable among the values of an argument that does not matter may hide others that do.
void MegatronArguments::check_values() const {
  for (const auto& [name, given] : given_) {
    const MegatronMeaning meaning = megatron_meaning(name);
    const std::size_t count = given.values.size();
    if (meaning == MegatronMeaning::Flag && count > 0) {
      check_resolved(given.values.front(), fmt::format("behind {}", name), where(name));
      throw error(name,
                  fmt::format("{} takes no value, and has {}", name, shown(Json(given.values[0].text))));
    }
    if (meaning == MegatronMeaning::Value && count != 1) {
      if (count > 1) check_resolved(given.values[1], fmt::format("behind {}", name), where(name));
      throw error(name, fmt::format("{} has {} values; expected one", name, count));
    }
    if (meaning == MegatronMeaning::List && count == 0)
      throw error(name, fmt::format("{} has no value; expected one or more", name));
    if (meaning == MegatronMeaning::Neutral || meaning == MegatronMeaning::LeftOut)
      for (std::size_t i = 1; i < count; ++i)
        check_resolved(given.values[i], fmt::format("behind {}", name), where(name));
  }
}

void MegatronArguments::tell_left_out(std::vector<std::string>& notes) const {
  for (const auto& [name, given] : given_)
    if (const std::string_view what = megatron_left_out(name); !what.empty())
      notes.push_back(fmt::format("{} is left out: {}", name, what));
}

std::optional<std::uint64_t> MegatronArguments::count(std::string_view name, CountRange range) const {
  const auto found = given_.find(name);
  if (found == given_.end()) return std::nullopt;
  return read_word_count(found->second.values.front(), name, where(name), range);
}

std::uint64_t MegatronArguments::count(std::string_view name, CountRange range, std::uint64_t absent) const {
  return count(name, range).value_or(absent);
}

std::uint64_t MegatronArguments::needed_count(std::string_view name, CountRange range) const {
  if (!has(name)) throw Error(file_, fmt::format("missing argument {}", name));
  return *count(name, range);
}

double MegatronArguments::number(std::string_view name, double absent) const {
  if (!has(name)) return absent;
  const std::string given = text(name, "");
  const auto number = parse_number<double>(given);
  if (number && *number >= 0 && std::isfinite(*number)) return *number;
  throw error(name, fmt::format("{} {}; expected a number, not below zero", name, shown(Json(given))));
}

std::string MegatronArguments::text(std::string_view name, std::string_view absent) const {
  const auto found = given_.find(name);
  if (found == given_.end()) return std::string(absent);
  check_resolved(found->second.values.front(), name, where(name));
  return found->second.values.front().text;
}

std::size_t MegatronArguments::choice(std::string_view name, std::span<const std::string_view> choices,
                                      std::size_t absent) const {
  if (!has(name)) return absent;
  const std::string given = text(name, "");
  const auto found = std::find(choices.begin(), choices.end(), given);
  if (found != choices.end()) return static_cast<std::size_t>(found - choices.begin());
  throw error(name, fmt::format("{} {}; expected {}", name, shown(Json(given)), fmt::join(choices, " or ")));
}

std::vector<std::string> MegatronArguments::texts(std::string_view name) const {
  std::vector<std::string> list;
  const auto found = given_.find(name);
  if (found == given_.end()) return list;
  for (const ShellWord& word : found->second.values) {
    check_resolved(word, name, where(name));
    list.push_back(word.text);
  }
  return list;
}

std::string MegatronArguments::where(std::string_view name) const {
  const auto found = given_.find(name);
  return found == given_.end() ? file_ : fmt::format("{}, line {}", file_, found->second.line);
}

Error MegatronArguments::error(std::string_view name, std::string_view what) const {
  return {where(name), std::string(what)};
}

}  // namespace ppsim
