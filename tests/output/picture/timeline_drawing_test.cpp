// The timeline as a picture and in a terminal, and a rank's program.
#include <doctest/doctest.h>

#include <rapidcheck.h>

#include <algorithm>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

#include "ppsim/output/picture/timeline_svg.hpp"
#include "ppsim/output/picture/timeline_text.hpp"
#include "ppsim/output/schedule/rank_program.hpp"
#include "tiny_run.hpp"

namespace ppsim::test::timeline_drawing_test {
namespace {

std::string svg_of(const TinyRun& run) {
  return timeline_svg(run.graph, run.timeline, run.report);
}

/// Takes ` key="value"` off the front of `text`; false where there is none.
bool take_attribute(std::string_view& text) {
  const auto begin = text.find("=\"");
  if (text.empty() || text[0] != ' ' || begin == std::string_view::npos) return false;
  const auto end = text.find('"', begin + 2);
  if (end == std::string_view::npos ||
      text.substr(1, begin - 1).find_first_of(" \"<") != std::string_view::npos) {
    return false;
  }
  text.remove_prefix(end + 1);
  return true;
}

/// What is wrong with one tag, given without its brackets, or "". Follows which elements are open.
std::string fault_of_tag(std::string_view tag, std::vector<std::string>& open) {
  if (tag.substr(0, 1) == "/") {
    if (open.empty() || open.back() != tag.substr(1)) return "closes what is not open: " + std::string(tag);
    open.pop_back();
    return "";
  }
  const std::string_view name = tag.substr(0, tag.find_first_of(" /"));
  std::string_view rest = tag.substr(name.size());
  while (take_attribute(rest)) {
  }
  if (rest.empty()) open.emplace_back(name);
  return rest.empty() || rest == "/" ? "" : "not a tag: " + std::string(tag);
}

/// What is wrong with `xml`, or "": tags balance, attributes are quoted, no bare '&' or '<'. Enough for what
/// we write.
std::string fault_of_xml(std::string_view xml) {
  std::vector<std::string> open;
  for (auto at = xml.find('&'); at != std::string_view::npos; at = xml.find('&', at + 1)) {
    const std::string_view entity = xml.substr(at, xml.find(';', at) + 1 - at);
    if (entity != "&amp;" && entity != "&lt;" && entity != "&gt;" && entity != "&quot;") return "bare &";
  }
  for (auto at = xml.find('<'); at != std::string_view::npos; at = xml.find('<', at + 1)) {
    const auto end = xml.find_first_of("<>", at + 1);
    if (end == std::string_view::npos || xml[end] == '<') return "bare <";
    const std::string fault = fault_of_tag(xml.substr(at + 1, end - at - 1), open);
    if (!fault.empty()) return fault;
    if (open.empty()) return xml.substr(end + 1) == "\n" ? "" : "text behind the root";
  }
  return "the root is not closed";
}

std::size_t count(std::string_view text, std::string_view part) {
  std::size_t found = 0;
  for (auto at = text.find(part); at != std::string_view::npos; at = text.find(part, at + part.size()))
    ++found;
  return found;
}

/// Boxes in the paths of one colour.
std::size_t boxes_of(const std::string& svg, const std::string& color) {
  std::size_t boxes = 0;
  const std::string begin = "<path fill=\"" + color + "\" d=\"";
  for (auto at = svg.find(begin); at != std::string::npos; at = svg.find(begin, at + 1)) {
    const auto from = at + begin.size();
    boxes += count(std::string_view(svg).substr(from, svg.find('"', from) - from), "M");
  }
  return boxes;
}

}  // namespace

TEST_CASE("the check of XML finds what is not well-formed") {
  CHECK(fault_of_xml("<a><b c=\"1\" d=\"&lt;\"/>x</a>\n") == "");
  for (const char* bad :
       {"<a><b></a>\n", "<a b=1/>\n", "<a>&</a>\n", "<a>", "<a b=\"<\"/>\n", "<a/><b/>\n"}) {
    CAPTURE(bad);
    CHECK(fault_of_xml(bad) != "");
  }
}

TEST_CASE("every op is a box in the colour of its kind, with its number") {
  const std::string svg = svg_of(make_run(one_f_one_b(4, 8), tiny_costs()));
  CHECK(fault_of_xml(svg) == "");
  CHECK(boxes_of(svg, "#8ab4ea") == 32);  // F
  CHECK(boxes_of(svg, "#86c98a") == 32);  // B
  CHECK(count(svg, ">7</text>") == 8);    // the last micro-batch: F and B on each rank
  CHECK(count(svg, ">rank 3</text>") == 1);
  CHECK(svg.find("4 ranks  \u00b7  8 micro-batches") != std::string::npos);
  CHECK(svg.find("counted from 0") != std::string::npos);
}

TEST_CASE("chunks have shades, split backwards two colours") {
  const std::string svg = svg_of(make_run(all_forward_first(2, 2, 2, true), tiny_costs()));
  CHECK(boxes_of(svg, "#8ab4ea") == 4);  // F of chunk 0: 2 ranks x 2 micro-batches
  CHECK(boxes_of(svg, "#c1d9f6") == 4);  // F of chunk 1
  CHECK(boxes_of(svg, "#6bc3b6") == 4);  // I of chunk 0
  CHECK(boxes_of(svg, "#d6cd6e") == 4);  // W of chunk 0
  CHECK(svg.find("input gradient, chunks 0-1") != std::string::npos);
}

TEST_CASE("a schedule's name cannot break the picture") {
  Schedule schedule = one_f_one_b(2, 2);
  schedule.name = "a<b>&\"c\"\n";
  const std::string svg = svg_of(make_run(schedule, tiny_costs()));
  CHECK(fault_of_xml(svg) == "");
  CHECK(svg.find("a&lt;b&gt;&amp;&quot;c&quot;") != std::string::npos);
}

TEST_CASE("any run gives a well-formed picture, the same each time, at most 1600 pixels wide") {
  CHECK(rc::check([] {
    const TinyRun run = random_run();
    const std::string svg = svg_of(run);
    RC_ASSERT(fault_of_xml(svg) == "");
    RC_ASSERT(svg == svg_of(run));
    RC_ASSERT(std::stoi(svg.substr(svg.find("width=\"") + 7)) <= 1600);
  }));
}

// 64 x 512 has 65,536 ops in rows of some 1,480 pixels: F is 0.9 pixels wide, B 1.8.
TEST_CASE("ops too narrow to see are merged, which the legend says, and the picture stays small") {
  const std::string svg = svg_of(make_run(one_f_one_b(64, 512), tiny_costs()));
  CHECK(svg.size() < 2'000'000);
  CHECK(svg.find("are merged") != std::string::npos);
  CHECK(svg.find("counted from 0") == std::string::npos);  // no box has room for a number
}

// 93 us in columns of 2.5 us, as F shall have 4: 38 of them.
TEST_CASE("in a terminal a run is a row a rank, ops scaled to their time") {
  const TinyRun run = make_run(one_f_one_b(2, 2), tiny_costs());
  CHECK(timeline_text(run.graph, run.timeline, 100, false) == R"(rank 0 F0==F1==..........B0------....B1------
rank 1 .....F0==B0------F1==B1------.........
       0                            93.000 us
       F forward  B backward  . idle  numbers: micro-batches, from 0
)");
}

TEST_CASE("no row is wider than asked for, and colours change no character's place") {
  CHECK(rc::check([] {
    const TinyRun run = random_run();
    const auto width = static_cast<std::size_t>(*rc::gen::inRange(20, 200));
    const std::string plain = timeline_text(run.graph, run.timeline, width, false);
    const std::string colored = std::regex_replace(timeline_text(run.graph, run.timeline, width, true),
                                                   std::regex("\x1b\\[[0-9;]*m"), "");
    std::size_t at_plain = 0;
    std::size_t at_colored = 0;
    for (std::uint32_t rank = 0; rank < run.report.ranks; ++rank) {
      const auto end_plain = plain.find('\n', at_plain);
      const auto end_colored = colored.find('\n', at_colored);
      RC_ASSERT(end_plain - at_plain == end_colored - at_colored);
      RC_ASSERT(end_plain - at_plain <= width);
      at_plain = end_plain + 1;
      at_colored = end_colored + 1;
    }
  }));
}

TEST_CASE("many short ops share a column, which shows the kind that has most of it") {
  const TinyRun run = make_run(all_forward_first(1, 500, 1, false), tiny_costs());
  const std::string text = timeline_text(run.graph, run.timeline, 37, false);
  CHECK(text.substr(0, text.find('\n')) == "rank 0 " + std::string(10, 'F') + std::string(20, 'B'));
}

// F takes a third of the time: every third column, the first once it is more behind than B.
TEST_CASE("columns of short ops of several kinds show their mix") {
  const TinyRun run = make_run(one_f_one_b(1, 1000), tiny_costs());
  const std::string text = timeline_text(run.graph, run.timeline, 37, false);
  const std::string row = text.substr(0, text.find('\n'));
  CHECK(std::count(row.begin() + 7, row.end(), 'F') == 10);
  CHECK(std::count(row.begin() + 7, row.end(), 'B') == 20);
  CHECK(row.substr(7, 12) == "BFBBFBBFBBFB");
}

TEST_CASE("an inference rank's program names requests and token steps") {
  ScheduleWriter writer("inference", linear_placement(2), 2, 4);
  for (std::uint32_t rank = 0; rank < 2; ++rank) {
    writer.forward(rank, 0);
    writer.forward(rank, 1);
    writer.next_rank();
  }
  Schedule schedule = std::move(writer).take();
  schedule.forward_only = true;
  schedule.requests = 1;
  const TinyRun run = make_run(std::move(schedule), make_workload(tiny_costs(), RunShape{2, 2, 1}, 2));
  CHECK(rank_program(run.graph, run.report, Rank{0}) ==
        "Forward stage 0, prefill of request 0\n"
        "Send activation of prefill of request 0 to rank 1 (1000 B)\n"
        "Recv token of prefill of request 0 from rank 1 (1000 B)\n"
        "Forward stage 0, token step 1 of request 0\n"
        "Send activation of token step 1 of request 0 to rank 1 (1000 B)\n");
}

TEST_CASE("a rank's program receives before an op and sends behind it") {
  TinyRun run = make_run(one_f_one_b(3, 2), tiny_costs());
  run.report.per_rank[1].layers = {{20, 20}};
  CHECK(rank_program(run.graph, run.report, Rank{1}) ==
        R"(Recv activation of micro-batch 0 from rank 0 (1000 B)
Forward layers 21-40, micro-batch 0
Send activation of micro-batch 0 to rank 2 (1000 B)
Recv activation of micro-batch 1 from rank 0 (1000 B)
Forward layers 21-40, micro-batch 1
Send activation of micro-batch 1 to rank 2 (1000 B)
Recv gradient of micro-batch 0 from rank 2 (1000 B)
Backward layers 21-40, micro-batch 0
Send gradient of micro-batch 0 to rank 0 (1000 B)
Recv gradient of micro-batch 1 from rank 2 (1000 B)
Backward layers 21-40, micro-batch 1
Send gradient of micro-batch 1 to rank 0 (1000 B)
)");
}

TEST_CASE("where a rank holds several stages its program names the stage that a transfer comes from") {
  const TinyRun run = make_run(all_forward_first(2, 1, 2, false), tiny_costs());
  CHECK(rank_program(run.graph, run.report, Rank{0}) == R"(Forward stage 0, micro-batch 0
Send activation of stage 0, micro-batch 0 to rank 1 (1000 B)
Recv activation of stage 1, micro-batch 0 from rank 1 (1000 B)
Forward stage 2, micro-batch 0
Send activation of stage 2, micro-batch 0 to rank 1 (1000 B)
Recv gradient of stage 3, micro-batch 0 from rank 1 (1000 B)
Backward stage 2, micro-batch 0
Send gradient of stage 2, micro-batch 0 to rank 1 (1000 B)
Recv gradient of stage 1, micro-batch 0 from rank 1 (1000 B)
Backward stage 0, micro-batch 0
)");
}

}  // namespace ppsim::test::timeline_drawing_test
