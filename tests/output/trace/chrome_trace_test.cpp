#include "ppsim/output/trace/chrome_trace.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <rapidcheck.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "tiny_run.hpp"

namespace ppsim::test::chrome_trace_test {
namespace {

using Json = nlohmann::json;

std::string trace_of(const TinyRun& run) {
  return chrome_trace(run.graph, run.timeline, run.memory, run.report);
}

std::int64_t nanoseconds(const Json& microseconds) {
  return std::llround(microseconds.get<double>() * 1000);
}

std::vector<Json> events_of(const std::string& trace, std::string_view phase) {
  std::vector<Json> events;
  const Json document = Json::parse(trace);
  for (const Json& event : document.at("traceEvents")) {
    if (event.at("ph") == phase) events.push_back(event);
  }
  return events;
}

struct Span {
  std::int64_t begin;
  std::int64_t end;
};

/// Slices by thread, in the order of the file.
std::map<std::int64_t, std::vector<Span>> slices_by_thread(const std::string& trace) {
  std::map<std::int64_t, std::vector<Span>> threads;
  for (const Json& event : events_of(trace, "X")) {
    const std::int64_t begin = nanoseconds(event.at("ts"));
    threads[event.at("tid").get<std::int64_t>()].push_back({begin, begin + nanoseconds(event.at("dur"))});
  }
  return threads;
}

std::map<std::int64_t, std::string> thread_names(const std::string& trace) {
  std::map<std::int64_t, std::string> names;
  for (const Json& event : events_of(trace, "M")) {
    if (event.at("name") == "thread_name")
      names[event.at("tid").get<std::int64_t>()] = event.at("args").at("name").get<std::string>();
  }
  return names;
}

}  // namespace

// F(0) 0..10 us on rank 0; its transfer leaves 10..11 us and arrives 10.5..11.5; F(1) and B(1) follow on rank
// 1 until 41.5; back by 43; B(0) until 63.
TEST_CASE("the trace of one micro-batch on two ranks, byte for byte") {
  const std::string trace = trace_of(make_run(one_f_one_b(2, 1), tiny_costs()));
  CHECK(trace.substr(trace.find("\"traceEvents\"")) == R"("traceEvents":[
{"name":"process_name","ph":"M","pid":0,"args":{"name":"rank 0"}},
{"name":"process_sort_index","ph":"M","pid":0,"args":{"sort_index":0}},
{"name":"process_name","ph":"M","pid":1,"args":{"name":"rank 1"}},
{"name":"process_sort_index","ph":"M","pid":1,"args":{"sort_index":1}},
{"name":"thread_name","ph":"M","pid":0,"tid":2,"args":{"name":"compute"}},
{"name":"thread_sort_index","ph":"M","pid":0,"tid":2,"args":{"sort_index":0}},
{"name":"thread_name","ph":"M","pid":0,"tid":3,"args":{"name":"send"}},
{"name":"thread_sort_index","ph":"M","pid":0,"tid":3,"args":{"sort_index":1}},
{"name":"thread_name","ph":"M","pid":0,"tid":4,"args":{"name":"receive"}},
{"name":"thread_sort_index","ph":"M","pid":0,"tid":4,"args":{"sort_index":2}},
{"name":"thread_name","ph":"M","pid":1,"tid":5,"args":{"name":"compute"}},
{"name":"thread_sort_index","ph":"M","pid":1,"tid":5,"args":{"sort_index":3}},
{"name":"thread_name","ph":"M","pid":1,"tid":6,"args":{"name":"send"}},
{"name":"thread_sort_index","ph":"M","pid":1,"tid":6,"args":{"sort_index":4}},
{"name":"thread_name","ph":"M","pid":1,"tid":7,"args":{"name":"receive"}},
{"name":"thread_sort_index","ph":"M","pid":1,"tid":7,"args":{"sort_index":5}},
{"name":"F0","cat":"forward","ph":"X","ts":0.000,"dur":10.000,"pid":0,"tid":2,"args":{"kind":"F","stage":0,"micro_batch":0}},
{"name":"activation memory","ph":"C","ts":0.000,"pid":0,"args":{"bytes":7}},
{"name":"forward to backward","cat":"forward-backward","ph":"s","id":2,"ts":0.001,"pid":0,"tid":2},
{"name":"send F0","cat":"send","ph":"X","ts":10.000,"dur":1.000,"pid":0,"tid":3,"args":{"kind":"F","stage":0,"micro_batch":0,"bytes":1000,"from":0,"to":1}},
{"name":"activation","cat":"transfer","ph":"s","id":0,"ts":10.001,"pid":0,"tid":3},
{"name":"receive F0","cat":"receive","ph":"X","ts":10.500,"dur":1.000,"pid":1,"tid":7,"args":{"kind":"F","stage":0,"micro_batch":0,"bytes":1000,"from":0,"to":1}},
{"name":"activation","cat":"transfer","ph":"f","bp":"e","id":0,"ts":11.499,"pid":1,"tid":7},
{"name":"F0","cat":"forward","ph":"X","ts":11.500,"dur":10.000,"pid":1,"tid":5,"args":{"kind":"F","stage":1,"micro_batch":0}},
{"name":"activation memory","ph":"C","ts":11.500,"pid":1,"args":{"bytes":7}},
{"name":"forward to backward","cat":"forward-backward","ph":"s","id":3,"ts":11.501,"pid":1,"tid":5},
{"name":"B0","cat":"backward","ph":"X","ts":21.500,"dur":20.000,"pid":1,"tid":5,"args":{"kind":"B","stage":1,"micro_batch":0}},
{"name":"forward to backward","cat":"forward-backward","ph":"f","bp":"e","id":3,"ts":41.499,"pid":1,"tid":5},
{"name":"send B0","cat":"send","ph":"X","ts":41.500,"dur":1.000,"pid":1,"tid":6,"args":{"kind":"B","stage":1,"micro_batch":0,"bytes":1000,"from":1,"to":0}},
{"name":"activation memory","ph":"C","ts":41.500,"pid":1,"args":{"bytes":0}},
{"name":"gradient","cat":"transfer","ph":"s","id":1,"ts":41.501,"pid":1,"tid":6},
{"name":"receive B0","cat":"receive","ph":"X","ts":42.000,"dur":1.000,"pid":0,"tid":4,"args":{"kind":"B","stage":1,"micro_batch":0,"bytes":1000,"from":1,"to":0}},
{"name":"gradient","cat":"transfer","ph":"f","bp":"e","id":1,"ts":42.999,"pid":0,"tid":4},
{"name":"B0","cat":"backward","ph":"X","ts":43.000,"dur":20.000,"pid":0,"tid":2,"args":{"kind":"B","stage":0,"micro_batch":0}},
{"name":"forward to backward","cat":"forward-backward","ph":"f","bp":"e","id":2,"ts":62.999,"pid":0,"tid":2},
{"name":"activation memory","ph":"C","ts":63.000,"pid":0,"args":{"bytes":0}}
]}
)");
}

TEST_CASE("transfers that overlap in time go to lanes") {
  CostsInput costs = tiny_costs();
  costs.transfer = {Bytes(25'000)};  // 25 us on the wire after each 10 us of F
  const std::string trace = trace_of(make_run(all_forward_first(2, 3, 1, false), costs));
  std::multiset<std::string> names;
  for (const auto& [tid, name] : thread_names(trace)) names.insert(name);
  // Forwards are sent at 10, 20, 30 us: the third overlaps both others. Backwards last 20 us, so two overlap.
  CHECK(names == std::multiset<std::string>{"compute", "compute", "receive", "receive", "receive 2",
                                            "receive 2", "receive 3", "send", "send", "send 2", "send 2",
                                            "send 3"});
}

TEST_CASE("chunks are told apart by letters and by layers") {
  TinyRun run = make_run(all_forward_first(1, 1, 2, false), tiny_costs());
  run.report.per_rank[0].layers = {{0, 4}, {4, 1}};
  const std::string trace = trace_of(run);
  std::vector<std::string> names;
  std::vector<std::string> layers;
  for (const Json& event : events_of(trace, "X")) {
    names.push_back(event.at("name").get<std::string>());
    layers.push_back(event.at("args").at("layers").get<std::string>());
  }
  CHECK(names == std::vector<std::string>{"F0a", "F0b", "B0b", "B0a"});
  CHECK(layers == std::vector<std::string>{"1-4", "5", "5", "1-4"});
  CHECK(trace.find("\"rank 0 (layers 1-4, 5)\"") != std::string::npos);
}

TEST_CASE("gradient reduction has a row of its own, and takes no micro-batch") {
  const Schedule schedule = one_f_one_b(2, 1);
  Workload workload = make_workload(tiny_costs(), RunShape{2, 2, {}}, 2);
  workload.stages[1].ops[OpKind::GradientReduction].duration = Time(3000);
  const std::string trace = trace_of(make_run(schedule, workload));
  const auto names = thread_names(trace);
  for (const Json& event : events_of(trace, "X")) {
    if (event.at("name") != "REDUCE_GRAD") continue;
    CHECK(names.at(event.at("tid").get<std::int64_t>()) == "collectives");
    CHECK(event.at("dur") == 3.0);
    CHECK(event.at("args") == Json{{"kind", "REDUCE_GRAD"}, {"stage", 1}});
  }
}

// F(0) with B(0) of another micro-batch would be a pair in a bidirectional schedule; here F(1) runs with
// B(0), one stage.
TEST_CASE("an overlapped pair is one slice that names both ops") {
  ScheduleWriter writer("pairs", linear_placement(1), 2, 4);
  writer.forward(0, 0);
  writer.push({OpKind::Forward, true, Stage{0}, MicroBatch{1}});
  writer.backward(0, 0);
  writer.backward(0, 1);
  writer.next_rank();
  const std::string trace = trace_of(make_run(std::move(writer).take(), tiny_costs()));
  const auto slices = events_of(trace, "X");
  REQUIRE(slices.size() == 3);
  CHECK(slices[1].at("name") == "F1+B0");
  CHECK(slices[1].at("args").at("pair_kind") == "B");
  CHECK(slices[1].at("args").at("pair_micro_batch") == 0);
  CHECK(slices[1].at("dur") == 30.0);  // F + B
  CHECK(events_of(trace, "s").size() == 2);
}

// Rounds up to what takes 2 ns: an arrow needs a point strictly inside.
TEST_CASE("a slice shorter than 2 ns has no arrow") {
  CostsInput costs = tiny_costs();
  costs.transfer = {Bytes(1)};  // 1 ns at 1 GB/s
  costs.forward = {Time(1)};
  CHECK(events_of(trace_of(make_run(one_f_one_b(2, 1), costs)), "s").empty());
  costs.transfer = {Bytes(2)};
  CHECK(events_of(trace_of(make_run(one_f_one_b(2, 1), costs)), "s").size() == 2);
  costs.forward = {Time(2)};
  CHECK(events_of(trace_of(make_run(one_f_one_b(2, 1), costs)), "s").size() == 4);
}

TEST_CASE("names with quotes and line ends are escaped") {
  Schedule schedule = one_f_one_b(1, 1);
  schedule.name = "my \"own\"\n\\schedule\x01";
  const std::string trace = trace_of(make_run(schedule, tiny_costs()));
  CHECK(Json::parse(trace).at("otherData").at("schedule") == schedule.name);
}

TEST_CASE("metadata come first, then events by time, at one time the longer slice first") {
  CHECK(rc::check([] {
    std::tuple<int, std::int64_t, std::int64_t> last{0, 0, 0};
    const Json document = Json::parse(trace_of(random_run()));
    for (const Json& event : document.at("traceEvents")) {
      if (event.at("ph") == "M") {
        RC_ASSERT(std::get<0>(last) == 0);
        continue;
      }
      const bool slice = event.at("ph") == "X";
      const std::tuple<int, std::int64_t, std::int64_t> now{1, nanoseconds(event.at("ts")),
                                                            slice ? -nanoseconds(event.at("dur")) : 1};
      RC_ASSERT(last <= now);
      last = now;
    }
  }));
}

TEST_CASE("slices of a thread nest or are disjoint, and those of transfers are disjoint") {
  CHECK(rc::check([] {
    const std::string trace = trace_of(random_run());
    const auto names = thread_names(trace);
    for (const auto& [tid, slices] : slices_by_thread(trace)) {
      for (std::size_t i = 1; i < slices.size(); ++i) {
        // In compute rows only ops without any duration touch a slice from within.
        const bool empty = slices[i].begin == slices[i].end && names.at(tid) == "compute";
        RC_ASSERT(slices[i - 1].end <= slices[i].begin || empty || slices[i - 1].begin == slices[i - 1].end);
      }
    }
  }));
}

TEST_CASE("every arrow starts and ends strictly inside a slice, and time does not run backwards along it") {
  CHECK(rc::check([] {
    const std::string trace = trace_of(random_run());
    const auto threads = slices_by_thread(trace);
    const auto enclosed = [&](const Json& event) {
      const std::int64_t at = nanoseconds(event.at("ts"));
      const auto& slices = threads.at(event.at("tid").get<std::int64_t>());
      return std::any_of(slices.begin(), slices.end(), [&](Span s) { return s.begin < at && at < s.end; });
    };
    const auto starts = events_of(trace, "s");
    const auto ends = events_of(trace, "f");
    RC_ASSERT(starts.size() == ends.size());
    std::map<std::int64_t, Json> by_id;
    for (const Json& start : starts) by_id[start.at("id").get<std::int64_t>()] = start;
    RC_ASSERT(by_id.size() == starts.size());
    for (const Json& end : ends) {
      const Json& start = by_id.at(end.at("id").get<std::int64_t>());
      RC_ASSERT(enclosed(start) && enclosed(end));
      RC_ASSERT(start.at("cat") == end.at("cat") && start.at("name") == end.at("name"));
      RC_ASSERT(start.at("ts") <= end.at("ts"));
      RC_ASSERT(end.at("bp") == "e");
    }
  }));
}

TEST_CASE("a rank's counter peaks where its report says, and ends at zero") {
  CHECK(rc::check([] {
    const TinyRun run = random_run();
    std::vector<std::int64_t> last(run.report.ranks, 0);
    std::vector<std::int64_t> most(run.report.ranks, 0);
    for (const Json& event : events_of(trace_of(run), "C")) {
      const auto rank = event.at("pid").get<std::size_t>();
      last[rank] = event.at("args").at("bytes").get<std::int64_t>();
      most[rank] = std::max(most[rank], last[rank]);
    }
    for (std::size_t rank = 0; rank < last.size(); ++rank) {
      RC_ASSERT(last[rank] == 0);
      RC_ASSERT(most[rank] == run.report.per_rank[rank].peak_activation.count());
    }
  }));
}

TEST_CASE("slices on compute rows sum to the busy time of the report") {
  CHECK(rc::check([] {
    const TinyRun run = random_run();
    const std::string trace = trace_of(run);
    const auto names = thread_names(trace);
    std::vector<std::int64_t> busy(run.report.ranks, 0);
    for (const Json& event : events_of(trace, "X")) {
      if (names.at(event.at("tid").get<std::int64_t>()) != "compute") continue;
      busy[event.at("pid").get<std::size_t>()] += nanoseconds(event.at("dur"));
    }
    for (std::size_t rank = 0; rank < busy.size(); ++rank) {
      RC_ASSERT(busy[rank] == run.report.per_rank[rank].bubbles.busy.count());
    }
  }));
}

TEST_CASE("the same run gives the same bytes") {
  const TinyRun run = make_run(all_forward_first(3, 4, 2, true), tiny_costs());
  CHECK(trace_of(run) == trace_of(run));
  CHECK(trace_of(run) == trace_of(make_run(all_forward_first(3, 4, 2, true), tiny_costs())));
}

}  // namespace ppsim::test::chrome_trace_test
