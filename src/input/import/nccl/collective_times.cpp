#include "input/import/nccl/collective_times.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <span>
#include <string_view>

#include "core/numbers.hpp"
#include "input/import/foreign_json.hpp"
#include "ppsim/core/error.hpp"
#include "text/files.hpp"
#include "text/text_lines.hpp"

namespace ppsim {
namespace {

constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 60;
constexpr double kMostMicroseconds = 1e15;

// "…/build/all_reduce_perf -b 8": the word with "_perf" at its end.
void find_programs(std::string_view text, std::set<std::string>& programs) {
  constexpr std::string_view kEnd = "_perf";
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
  for (std::size_t at = text.find(kEnd); at != std::string_view::npos; at = text.find(kEnd, at + 1)) {
    const std::size_t end = at + kEnd.size();
    std::size_t begin = at;
    while (begin > 0 && is_letter(text[begin - 1])) --begin;
    if (begin < at && (end == text.size() || !is_letter(text[end])))
      programs.emplace(text.substr(begin, end - begin));
  }
}

SizeTime sample_of(std::uint64_t bytes, double microseconds, const std::string& where) {
  if (bytes > kMostBytes || !(microseconds > 0 && microseconds < kMostMicroseconds))
    throw Error(where,
                fmt::format("{} B in {} us; expected a size and a time above zero", bytes, microseconds));
  constexpr double kNs = 1000;
  return {Bytes(static_cast<std::int64_t>(bytes)), round_to_time(microseconds * kNs)};
}

class TextReader {
 public:
  explicit TextReader(const std::string& path) : path_(path) {}

  NcclTest read(std::string_view text) && {
    std::set<std::string> programs;
    for (const TextLine& line : lines_of(text)) {
      read_line(line);
      find_programs(line.text, programs);
    }
    if (time_ == kNone)
      throw Error(path_,
                  "has no heading with size, time, algbw and busbw: expected what an nccl-tests program "
                  "prints, or its JSON");
    if (test_.ranks == 0)
      throw Error(
          path_,
          "names no rank: expected lines such as \"#  Rank  0 Group  0 Pid 123 on host device  0 ...\"");
    if (programs.size() == 1) test_.program = *programs.begin();
    test_.nodes = hosts_.size();
    return std::move(test_);
  }

 private:
  static constexpr std::size_t kNone = ~std::size_t{0};

  void read_line(const TextLine& line) {
    const std::vector<std::string_view> words = words_of(line.text);
    if (words.empty()) return;
    if (words[0] == "#") {
      read_comment({words.begin() + 1, words.end()}, line.number);
    } else if (parse_number<std::uint64_t>(words[0]) && time_ != kNone) {
      read_row(words, line.number);
    }
  }

  void read_comment(const std::vector<std::string_view>& words, std::size_t line) {
    if (words.size() > 5 && words[0] == "Rank") read_rank(words, line);
    if (words.empty() || words[0] != "size") return;
    const auto time = std::find(words.begin(), words.end(), "time");
    if (time == words.end() || words.end() - time < 4) return;
    columns_ = words.size();
    time_ = static_cast<std::size_t>(time - words.begin());
  }

  void read_rank(const std::vector<std::string_view>& words, std::size_t line) {
    const auto on = std::find(words.begin(), words.end(), "on");
    if (on == words.end() || on + 1 == words.end()) return;
    if (!parse_number<std::uint64_t>(words[1]) || !ranks_.emplace(words[1]).second)
      fail(line, fmt::format("a second rank {}; expected the output of one program with one communicator",
                             words[1]));
    hosts_.emplace(on[1]);
    test_.ranks = ranks_.size();
  }

  // Four columns out of place, four in place: time, algbw, busbw, #wrong.
  void read_row(const std::vector<std::string_view>& words, std::size_t line) {
    if (words.size() != columns_)
      fail(line, fmt::format("has {} columns, its heading {}", words.size(), columns_));
    const bool out_of_place = words[time_] != "N/A";
    const std::size_t in_place = std::min(time_ + 4, columns_ - 4);
    const std::size_t column = out_of_place ? time_ : in_place;
    for (const std::size_t at : {time_, in_place})
      if (const auto wrong = parse_number<std::uint64_t>(words[at + 3]); wrong && *wrong > 0)
        fail(line,
             fmt::format("has {} wrong results: what was measured is no {}", *wrong, "exchange of the data"));
    const auto time = parse_number<double>(words[column]);
    const auto size = parse_number<std::uint64_t>(words[0]);
    if (!time)
      fail(line, fmt::format("time is {}, expected a number", shown(Json(std::string(words[column])))));
    if (*size > 0) test_.samples.push_back(sample_of(*size, *time, fmt::format("{}, line {}", path_, line)));
  }

  [[noreturn]] void fail(std::size_t line, const std::string& what) const {
    throw Error(fmt::format("{}, line {}", path_, line), what);
  }

  const std::string& path_;
  NcclTest test_;
  std::set<std::string, std::less<>> ranks_, hosts_;
  std::size_t columns_ = 0, time_ = kNone;
};

// Every text anywhere in the document: arguments name the program.
void find_programs_in(const Json& value, std::set<std::string>& programs) {
  if (value.is_string()) find_programs(value.get_ref<const std::string&>(), programs);
  if (value.is_structured())
    for (const Json& inner : value) find_programs_in(inner, programs);
}

SizeTime read_result(ForeignObject row, const std::string& where) {
  constexpr CountRange kSize{0, kMostBytes};
  const std::uint64_t size = row.count("size", kSize);
  const std::string_view place = row.has("out_of_place") ? "out_of_place" : "in_place";
  ForeignObject times = row.object(place);
  if (times.count("nwrong", {0, kMostBytes}, 0) > 0)
    throw times.error("nwrong", "expected 0: what was measured is no exchange of the data");
  const double time = times.number("time");
  if (size == 0) return {};
  return sample_of(size, time, where);
}

NcclTest read_json(const std::string& text, const std::string& path) {
  const Json document = parse_json(text, path);
  ForeignObject root(document, path + "#");
  NcclTest test;
  std::set<std::string> programs, hosts;
  find_programs_in(document, programs);
  if (programs.size() == 1) test.program = *programs.begin();
  for (const char* key : {"devices", "results"})
    if (!root.value(key).is_array())
      throw root.error(key, fmt::format("{}; expected a list", shown(root.value(key))));
  for (const Json& device : root.value("devices")) {
    ForeignObject one(device, fmt::format("{}#/devices/{}", path, test.ranks++));
    hosts.insert(one.text(one.has("host") ? "host" : "hostname"));
  }
  test.nodes = hosts.size();
  std::size_t index = 0;
  for (const Json& result : root.value("results")) {
    const std::string where = fmt::format("{}#/results/{}", path, index++);
    const SizeTime sample = read_result({result, where}, where);
    if (sample.size > Bytes(0)) test.samples.push_back(sample);
  }
  if (test.ranks == 0) throw root.error("devices", "an empty list; expected one entry a rank");
  return test;
}

}  // namespace

NcclTest read_nccl_test(const std::string& path) {
  const std::string text = read_file(path);
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  const bool is_json = first != std::string::npos && text[first] == '{';
  return is_json ? read_json(text, path) : TextReader(path).read(text);
}

}  // namespace ppsim
