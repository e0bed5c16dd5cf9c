// Orders that others published or that were derived from the rules of the papers, read from the shared
// folder.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <sstream>

#include "ppsim/schedule/check/check.hpp"
#include "ppsim/schedule/registry.hpp"
#include "ppsim/schedule/text/text.hpp"
#include "schedule/replay.hpp"
#include "schedule/requests.hpp"
#include "support.hpp"

namespace ppsim::golden_test {
namespace {

namespace fs = std::filesystem;

std::optional<fs::path> golden(const char* folder) {
  const auto shared = shared_folder();
  if (!shared) MESSAGE("skipped: no folder of published data");
  return shared ? std::optional(*shared / "golden" / folder) : std::nullopt;
}

std::string text_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  REQUIRE_MESSAGE(in, file.string());
  return {std::istreambuf_iterator<char>(in), {}};
}

Schedule read(const fs::path& file) {
  return parse_csv(text_of(file), file.string()).schedule;
}

// Orders in the derived folder.
std::vector<fs::path> derived_orders(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (entry.path().extension() == ".csv" && name != "summary.csv") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

OptionValue integer(std::int64_t value) {
  return value;
}

// "2p" and the like.
OptionValues limit(double times) {
  return {{"limit", MemoryLimit{times, {}}}};
}

// As the names of the files say them: f, b (I), w, c.
UniformCosts costs_of(int forward, int input_grad, int weight_grad, int hop) {
  return {Time(forward), Time(input_grad + weight_grad), Time(input_grad), Time(weight_grad), Time(hop)};
}

TEST_CASE("the schedules equal the golden orders, op for op") {
  struct Case {
    const char* file;
    const char* schedule;
    Shape shape;
    OptionValues options;
    UniformCosts costs{};  // for those that look at them; a micro-batch takes 2 bytes, of which I frees 1
  };
  const Case cases[] = {
      {"naive_p4_m2", "naive", {4, 2, 1}, {}},
      {"naive_p4_m3", "naive", {4, 3, 1}, {}},
      {"gpipe_p3_m5", "gpipe", {3, 5, 1}, {}},
      {"gpipe_p4_m2", "gpipe", {4, 2, 1}, {}},
      {"gpipe_p4_m8", "gpipe", {4, 8, 1}, {}},
      {"1f1b_p4_m2", "1f1b", {4, 2, 1}, {}},
      {"1f1b_p4_m8", "1f1b", {4, 8, 1}, {}},
      {"1f1b_p8_m16", "1f1b", {8, 16, 1}, {}},
      {"1f1b_slack2_p4_m8", "1f1b", {4, 8, 1}, {{"slack", integer(2)}}},
      {"eager1f1b_p3_m5", "eager-1f1b", {3, 5, 1}, {}},
      {"eager1f1b_p4_m2", "eager-1f1b", {4, 2, 1}, {}},
      {"eager1f1b_p4_m8", "1f1b", {4, 8, 1}, {{"warmup_per_hop", integer(2)}}},
      {"interleaved1f1b_p2_m4_v2_g2", "interleaved", {2, 4, 2}, {}},
      {"interleaved1f1b_p2_m7_v2_g4", "interleaved", {2, 7, 2}, {{"group", integer(4)}}},
      {"interleaved1f1b_p4_m10_v2_g5", "interleaved", {4, 10, 2}, {}},
      {"interleaved1f1b_p4_m3_v2_g3", "interleaved", {4, 3, 2}, {}},
      {"interleaved1f1b_p4_m8_v2_g4", "interleaved", {4, 8, 2}, {}},
      {"interleaved1f1b_p8_m16_v2_g8", "interleaved", {8, 16, 2}, {{"group", integer(8)}}},
      {"bpipe_p4_m6", "bpipe", {4, 6, 1}, {}},
      {"bpipe_p8_m12", "bpipe", {8, 12, 1}, {}},
      {"loopedbfs_p2_m4_v2", "looped-bfs", {2, 4, 2}, {}},
      {"loopedbfs_p4_m10_v2", "looped-bfs", {4, 10, 2}, {}},
      {"loopedbfs_p4_m8_v2", "looped-bfs", {4, 8, 2}, {}},
      {"loopedbfs_p8_m16_v2", "looped-bfs", {8, 16, 2}, {}},
      {"zbh1_p4_m2", "zb-h1", {4, 2, 1}, {}},
      {"zbh1_p4_m8", "zb-h1", {4, 8, 1}, {}},
      {"zbh2_p4_m2", "zb-h2", {4, 2, 1}, {}},
      {"zbh2_p4_m8", "zb-h2", {4, 8, 1}, {}},
      {"zb1p_interleaved_p3_m7_v2", "interleaved-zb", {3, 7, 2}, {{"group", integer(7)}}},
      {"zb1p_interleaved_p4_m8_v1", "interleaved-zb", {4, 8, 1}, {}},
      {"zb1p_interleaved_p4_m8_v2", "interleaved-zb", {4, 8, 2}, {}},
      {"zbv_hand_p3_m6", "zbv", {3, 6, 2}, {}},
      {"zbv_hand_p4_m3", "zbv", {4, 3, 2}, {}},
      {"zbv_hand_p4_m8", "zbv", {4, 8, 2}, {}},
      {"chimera_D2_N4", "chimera", {2, 4, 1}, {}},
      {"chimera_D4_N4", "chimera", {4, 4, 1}, {}},
      {"chimera_D4_N8", "chimera", {4, 8, 1}, {}},
      {"hanayo_p3_m5_w1", "hanayo", {3, 5, 2}, {}},
      {"hanayo_p4_m4_w1", "hanayo", {4, 4, 2}, {}},
      {"hanayo_p4_m8_w2", "hanayo", {4, 8, 4}, {{"waves", integer(2)}}},
      {"dualpipe_p2_m6", "dualpipe", {2, 6, 1}, {}},
      {"dualpipe_p4_m8", "dualpipe", {4, 8, 1}, {}},
      {"dualpipev_p3_m7", "dualpipev", {3, 7, 2}, {}},
      {"dualpipev_p4_m10", "dualpipev", {4, 10, 2}, {}},
      {"dualpipev_p4_m8", "dualpipev", {4, 8, 2}, {}},
      {"combined1f1b_overlap_p2_m6_v2", "combined-1f1b", {2, 6, 2}, {}},
      {"combined1f1b_overlap_p4_m8_v2", "combined-1f1b", {4, 8, 2}, {}},
      {"seq1f1b_p4_m3_k4", "seq1f1b", {4, 3, 1}, {}},
      {"seq1f1b_p4_m4_k2", "seq1f1b", {4, 4, 1}, {{"slices", integer(2)}}},
      {"terapipe_p4_m3_k4", "terapipe", {4, 3, 1}, {{"slices", integer(4)}}},
      {"terapipe_p4_m4_k2", "terapipe", {4, 4, 1}, {{"slices", integer(2)}}},
      {"pipedream2bw_p4_m4_s3", "pipedream-2bw", {4, 4, 1}, {{"steps", integer(3)}}},
      {"zb_auto_1p_p3_m7_f4_b5_w3_c1", "zb-auto", {3, 7, 1}, limit(1), costs_of(4, 5, 3, 1)},
      {"zb_auto_1p_p4_m12_f5478_b5806_w3534_c200",
       "zb-auto",
       {4, 12, 1},
       limit(1),
       costs_of(5478, 5806, 3534, 200)},
      {"zb_auto_1p_p4_m8_f1_b1_w1_c0", "zb-auto", {4, 8, 1}, {}, costs_of(1, 1, 1, 0)},
      {"zb_auto_1p_p8_m32_f29802_b29428_w19530_c577",
       "zb-auto",
       {8, 32, 1},
       limit(1),
       costs_of(29802, 29428, 19530, 577)},
      {"zb_auto_2p_p3_m7_f4_b5_w3_c1", "zb-auto", {3, 7, 1}, limit(2), costs_of(4, 5, 3, 1)},
      {"zb_auto_2p_p4_m12_f5478_b5806_w3534_c200",
       "zb-auto",
       {4, 12, 1},
       limit(2),
       costs_of(5478, 5806, 3534, 200)},
      {"zb_auto_2p_p4_m8_f1_b1_w1_c0", "zb-auto", {4, 8, 1}, limit(2), costs_of(1, 1, 1, 0)},
      {"zb_auto_2p_p8_m32_f29802_b29428_w19530_c577",
       "zb-auto",
       {8, 32, 1},
       limit(2),
       costs_of(29802, 29428, 19530, 577)},
      {"zbv_auto_p3_m7_f4_b5_w3_c1", "zbv-auto", {3, 7, 2}, {}, costs_of(4, 5, 3, 1)},
      {"zbv_auto_p4_m12_f5478_b5806_w3534_c200",
       "zbv-auto",
       {4, 12, 2},
       limit(2),
       costs_of(5478, 5806, 3534, 200)},
      {"zbv_auto_p4_m8_f1_b1_w1_c0", "zbv-auto", {4, 8, 2}, {}, costs_of(1, 1, 1, 0)},
      {"zbv_auto_p8_m16_f1_b1_w1_c0", "zbv-auto", {8, 16, 2}, {}, costs_of(1, 1, 1, 0)},
      {"v_half_p3_m5", "v-half", {3, 5, 2}, {}},
      {"v_half_p4_m12", "v-half", {4, 12, 2}, {}},
      {"v_half_p4_m8", "v-half", {4, 8, 2}, {}},
      {"v_half_p6_m12", "v-half", {6, 12, 2}, {}},
      {"v_half_p8_m16", "v-half", {8, 16, 2}, {}},
      {"v_min_p3_m5", "v-min", {3, 5, 2}, {}},
      {"v_min_p4_m12", "v-min", {4, 12, 2}, {}},
      {"v_min_p4_m8", "v-min", {4, 8, 2}, {}},
      {"v_min_p6_m12", "v-min", {6, 12, 2}, {}},
      {"v_min_p8_m16", "v-min", {8, 16, 2}, {}},
      {"inference_p4_m2_t3", "inference", {4, 2, 1}, {{"decode_steps", integer(3)}}},
      {"inference_p4_m4_t2", "inference", {4, 4, 1}, {{"decode_steps", integer(2)}}},
  };
  const auto folder = golden("derived");
  if (!folder) return;
  for (const Case& order : cases) {
    CAPTURE(std::string(order.file));
    const ScheduleInfo& info = find_schedule(order.schedule);
    const Workload workload = uniform_workload(order.shape, order.costs);
    const Schedule made =
        make_schedule(info, {order.shape, complete_options(info, order.options), &workload});
    const Schedule golden = read(*folder / fmt::format("{}.csv", order.file));
    CHECK(to_csv(made) == to_csv(golden));
    CHECK(made.ops == golden.ops);
    CHECK(made.rank_begin == golden.rank_begin);
    CHECK(made.placement == golden.placement);
    CHECK(made.micro_batches == golden.micro_batches);
  }
}

TEST_CASE("every golden order is read without a fault and written back as it stands") {
  const auto folder = golden("derived");
  if (!folder) return;
  const auto files = derived_orders(*folder);
  CHECK(files.size() >= 60);
  for (const fs::path& file : files) {
    CAPTURE(file.string());
    const Schedule schedule = read(file);
    CHECK(check_order(schedule).empty());
    std::string text = text_of(file);
    std::erase(text, '\r');
    if (!text.ends_with('\n')) text += '\n';
    CHECK(to_csv(schedule) == text);
  }
}

TEST_CASE(
    "compute files of PyTorch and of a torchtitan user are read without a fault and written back alike") {
  struct Case {
    const char *folder, *file;
    std::uint32_t ranks, stages, micro_batches;
  };
  // Sizes as the data's own README says.
  for (const Case& published : {Case{"pytorch", "dualpipev_4rank_10mb.csv", 4, 8, 10},
                                Case{"pytorch", "zb1p_2rank_2stagep_compute.csv", 2, 4, 8},
                                Case{"torchtitan", "custom_schedule.csv", 2, 4, 8}}) {
    CAPTURE(std::string(published.file));
    const auto folder = golden(published.folder);
    if (!folder) return;
    const auto [schedule, notes] = parse_csv(text_of(*folder / published.file), "f.csv");
    CHECK(schedule.ranks() == published.ranks);
    CHECK(schedule.stages() == published.stages);
    CHECK(schedule.micro_batches == published.micro_batches);
    CHECK(notes.empty());
    CHECK(check_order(schedule).empty());
    CHECK(parse_csv(to_csv(schedule), "f.csv").schedule == schedule);
  }
}

TEST_CASE("PyTorch's own files are what the generators make") {
  struct Case {
    const char *file, *schedule;
    Shape shape;
  };
  const auto folder = golden("pytorch");
  if (!folder) return;
  for (const Case& published : {Case{"dualpipev_4rank_10mb.csv", "dualpipev", {4, 10, 2}},
                                Case{"zb1p_2rank_2stagep_compute.csv", "interleaved-zb", {2, 8, 2}}}) {
    CAPTURE(std::string(published.file));
    const ScheduleInfo& info = find_schedule(published.schedule);
    const Schedule made = make_schedule(info, {published.shape, complete_options(info, {}), nullptr});
    CHECK(to_csv(made) == to_csv(read(*folder / published.file)));
  }
}

// Cases with a cap, or of a greedy policy, are for comparison: ours may not be worse.
TEST_CASE("the unit-cost makespans that a tutor of pipelines publishes are met") {
  struct Case {
    const char *theirs, *ours;
  };
  const Case cases[] = {
      {"1F1B", "1f1b"},
      {"GPipe", "gpipe"},
      {"ZB-H1 greedy", "zb-h1"},
      {"ZB-H2", "zb-h2"},
      {"Interleaved, ragged balanced round", "interleaved"},
      {"Interleaved, 2 rounds of 5", "interleaved"},
  };
  const auto folder = golden("tutor");
  if (!folder) return;
  const auto published = nlohmann::json::parse(text_of(*folder / "expected.json"));
  int met = 0;
  for (const auto& row : published["cases"]) {
    const auto found = std::find_if(std::begin(cases), std::end(cases),
                                    [&](const Case& one) { return row["schedule"] == one.theirs; });
    if (found == std::end(cases)) continue;
    CAPTURE(row.dump());
    const ScheduleInfo& info = find_schedule(found->ours);
    const Shape shape{row["P"], row["M"], row.value("V", 1U)};
    const Time B(row["B"].get<int>()), W(row.value("W", 0));
    const UniformCosts costs{Time(row["F"].get<int>()), B + W, B, W, Time(0)};
    const Schedule made = make_schedule(info, {shape, complete_options(info, {}), nullptr});
    const auto replayed = Replay(made, costs).run();
    REQUIRE(replayed);
    const bool exact = row.contains("makespan") && shape.chunks == 1;
    const Time theirs(row.value("makespan", row.value("makespan_max", 0)));
    CHECK((exact ? replayed->makespan == theirs : replayed->makespan <= theirs));
    if (row.contains("internal_bubble")) {
      CHECK(replayed->max_rank_span == shape.micro_batches * (costs.forward + costs.backward));
    }
    if (row.contains("peak")) {
      for (std::uint32_t rank = 0; rank < shape.ranks; ++rank)
        CHECK(replayed_peak(made, Rank{rank}) == row["peak"][rank].get<std::uint64_t>());
    }
    ++met;
  }
  CHECK(met == 7);
}

// summary.csv gives times in quarters at the finest; in units of a quarter they are integers.
Time quarters(const std::string& text) {
  return Time(std::llround(4 * std::stod(text)));
}

std::vector<std::string> split(const std::string& line, char separator) {
  std::vector<std::string> parts;
  std::istringstream in(line);
  for (std::string part; std::getline(in, part, separator);) parts.push_back(part);
  return parts;
}

// So that the replay may judge the formulas: pairs, split backwards and two directions included.
TEST_CASE(
    "the replay of these tests gives the published makespan, rank span and peaks of every golden order") {
  const auto folder = golden("derived");
  if (!folder) return;
  std::istringstream summary(text_of(*folder / "summary.csv"));
  std::string line;
  std::getline(summary, line);
  REQUIRE(line.starts_with(
      "name,ranks,stages,T_F,T_I,T_W,T_FB,T_comm,makespan,bubble_fraction,max_rank_span,peak"));
  int rows = 0;
  while (std::getline(summary, line)) {
    const auto row = split(line, ',');
    CAPTURE(line);
    Schedule schedule = read(*folder / (row[0] + ".csv"));
    if (row[0] == "inference_p4_m4_t2") schedule.requests = 4;
    if (row[0] == "inference_p4_m2_t3") schedule.requests = 2;
    const Time I = quarters(row[4]), W = quarters(row[5]);
    UniformCosts costs{quarters(row[3]), I + W, I, W, quarters(row[7])};
    if (!row[6].empty()) costs.pair = quarters(row[6]);
    const auto replayed = Replay(schedule, costs).run();
    REQUIRE(replayed);
    CHECK(replayed->makespan.count() == quarters(row[8]).count());
    CHECK(replayed->max_rank_span.count() == quarters(row[10]).count());
    std::string peaks;
    for (std::uint32_t rank = 0; rank < schedule.ranks(); ++rank)
      peaks += fmt::format("{}{}", rank > 0 ? "|" : "", replayed_peak(schedule, Rank{rank}));
    if (!row[0].starts_with("bpipe")) CHECK(peaks == row[11]);  // there the column is plain 1F1B's
    ++rows;
  }
  CHECK(rows >= 60);
}

}  // namespace
}  // namespace ppsim::golden_test
