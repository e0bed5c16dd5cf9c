#include "ppsim/output/report/report_text.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <string>

#include "ppsim/output/report/comparison.hpp"
#include "tiny_run.hpp"

namespace ppsim::test::report_text_test {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kGiB = std::int64_t{1} << 30;

Config tiny_config() {
  Config config;
  config.path = "tiny.json";
  config.hash = "0123456789abcdef";
  config.simulation.seed = 5;
  return config;
}

/// Two ranks of two chunks: rank 1 needs 96 GiB of 80.
Report two_rank_report() {
  Report report;
  report.schedule = "interleaved";
  report.ranks = 2;
  report.stages = 4;
  report.micro_batches = 8;
  report.makespan = Time(40'000'000);
  report.max_rank_span = Time(38'000'000);
  report.bubble_fraction = 0.25;
  report.bubble_ratio = 1.0 / 3;
  report.span_bubble_fraction = 0.2;
  report.tensor_comm_fraction = 0.125;
  report.tokens_per_second = 12345.6;
  report.mfu = 0.5;
  report.gpu_memory = Bytes(80 * kGiB);
  report.gpus = 16;
  report.assumptions = {"Matrix products reach 60 % of the peak."};
  for (std::uint32_t rank = 0; rank < 2; ++rank) {
    RankReport entry;
    entry.bubbles.busy = Time(30'000'000);
    entry.bubbles.idle = Time(10'000'000);
    entry.bubbles.idle_by_cause[static_cast<std::size_t>(IdleCause::Warmup)] = Time(4'000'000 * rank);
    entry.bubbles.idle_by_cause[static_cast<std::size_t>(IdleCause::Latency)] =
        Time(10'000'000 - 4'000'000 * rank);
    entry.bubbles.span = Time(38'000'000);
    entry.tensor_comm = Time(3'750'000);
    entry.peak_activation = Bytes((16 + 40 * rank) * kGiB);
    entry.peak_activation_count = 4 - rank;
    entry.peak_activation_at = Time(7);
    entry.weights = Bytes(10 * kGiB);
    entry.gradients = Bytes(10 * kGiB);
    entry.optimizer = Bytes(20 * kGiB);
    entry.peak_memory = entry.static_bytes() + entry.peak_activation;
    entry.stages = {Stage(static_cast<std::uint16_t>(rank)), Stage(static_cast<std::uint16_t>(rank + 2))};
    entry.layers = {{4 * rank, 4}, {16 + 4 * rank, 4}};
    report.per_rank.push_back(entry);
  }
  return report;
}

}  // namespace

TEST_CASE("the JSON report has every key, integers as they are and layers counted from 1") {
  const Json json = Json::parse(report_json(two_rank_report(), tiny_config()));
  Json expected = Json::parse(R"({
    "config_hash": "0123456789abcdef", "seed": 5, "communication": "overlap", "contention": "none",
    "schedule": "interleaved", "ranks": 2, "stages": 4, "micro_batches": 8, "forward_only": false,
    "makespan_ns": 40000000, "bubble_fraction": 0.25, "max_rank_span_ns": 38000000, "span_bubble_fraction": 0.2,
    "tensor_comm_fraction": 0.125, "tokens_per_second": 12345.6, "mfu": 0.5, "gpus": 16,
    "gpu_memory_bytes": 85899345920, "fits": false,
    "assumptions": ["Matrix products reach 60 % of the peak."]})");
  expected["bubble_ratio"] = 1.0 / 3;
  expected["ppsim_version"] = json.at("ppsim_version");
  expected["schema_version"] = 1;
  expected["per_rank"] = json.at("per_rank");
  CHECK(json == expected);
  CHECK(json.at("ppsim_version").get<std::string>().find('.') != std::string::npos);
  CHECK(json.at("per_rank").at(1) == Json::parse(R"({
    "rank": 1, "stages": [1, 3], "layers": [[5, 8], [21, 24]], "busy_ns": 30000000, "idle_ns": 10000000,
    "idle_by_cause_ns": {"warmup": 4000000, "cooldown": 0, "dependency": 0, "contention": 0, "latency": 6000000,
                         "bandwidth": 0, "blocked": 0, "tail": 0},
    "span_ns": 38000000, "tensor_comm_ns": 3750000,
    "peak_activation_bytes": 60129542144, "peak_activation_count": 3, "peak_activation_at_ns": 7,
    "kv_cache_bytes": 0, "weights_bytes": 10737418240, "gradients_bytes": 10737418240, "optimizer_bytes": 21474836480,
    "buffers_bytes": 0, "static_bytes": 42949672960, "working_bytes": 0, "reserve_bytes": 0, "peak_memory_bytes": 103079215104})"));
}

TEST_CASE("the JSON report leaves out what is not known: tokens, MFU, GPUs and their memory, layers") {
  const Json json = Json::parse(report_json(make_run(one_f_one_b(2, 2), tiny_costs()).report, tiny_config()));
  for (const char* key : {"tokens_per_second", "mfu", "gpus", "gpu_memory_bytes", "decode_steps"}) {
    CHECK_FALSE(json.contains(key));
  }
  CHECK(json.at("per_rank").at(0).at("layers") == Json::array());
  CHECK(json.at("fits") == true);
}

TEST_CASE("a run of every replica by itself says so") {
  const Report report = two_rank_report();
  Config full = tiny_config();
  full.simulation.detail = Detail::Full;
  CHECK_FALSE(Json::parse(report_json(report, tiny_config())).contains("detail"));
  CHECK(Json::parse(report_json(report, full)).at("detail") == "full");
  CHECK(report_table(report, full, false).find("contention none, every replica by itself") !=
        std::string::npos);
}

TEST_CASE("collectives of experts, context and ZeRO have their line and keys where there are any") {
  Report report = two_rank_report();
  CHECK(report_table(report, tiny_config(), false).find("other collectives") == std::string::npos);
  CHECK_FALSE(Json::parse(report_json(report, tiny_config())).contains("other_comm_fraction"));
  report.other_comm_fraction = 0.0625;
  report.per_rank[1].other_comm = Time(3'750'000);
  CHECK(report_table(report, tiny_config(), false).find("other collectives     6.2 %") != std::string::npos);
  const Json json = Json::parse(report_json(report, tiny_config()));
  CHECK(json.at("other_comm_fraction") == 0.0625);
  CHECK(json.at("per_rank").at(1).at("other_comm_ns") == 3'750'000);
  CHECK_FALSE(json.at("per_rank").at(0).contains("other_comm_ns"));
}

TEST_CASE("the JSON report of an inference run names its decode steps") {
  Report report = two_rank_report();
  report.forward_only = true;
  report.decode_steps = 16;
  CHECK(Json::parse(report_json(report, tiny_config())).at("decode_steps") == 16);
}

TEST_CASE("the JSON report ends with a newline and is the same each time") {
  const std::string text = report_json(two_rank_report(), tiny_config());
  CHECK(text.substr(text.size() - 3) == "\n}\n");
  CHECK(text == report_json(two_rank_report(), tiny_config()));
}

// 16 + 40 = 56 GiB and 56 + 40 = 96 GiB of 80; causes that no rank has take no column.
TEST_CASE("the table says what does not fit, and has columns for the causes that occur") {
  CHECK(report_table(two_rank_report(), tiny_config(), false) ==
        R"(interleaved: 2 ranks, 4 stages, 8 micro-batches, 16 GPUs; communication overlap, contention none

step time             40.000 ms                   first start to last finish
bubble fraction       25.0 %                      idle share of all compute time
bubble ratio          33.3 %                      idle / busy
span bubble fraction  20.0 %                      the same within the longest span of a rank, 38.000 ms
tokens per second     12346
MFU                   50.0 %                      model FLOPs / peak of all GPUs
TP communication      12.5 %                      of busy time
peak memory           96 of 80 GiB, does not fit  the fullest rank

rank  layers           busy       idle    warmup    latency  peak activation  in flight  static         total
   0  1-4, 17-20  30.000 ms  10.000 ms      0 ns  10.000 ms           16 GiB          4  40 GiB  56 of 80 GiB
   1  5-8, 21-24  30.000 ms  10.000 ms  4.000 ms   6.000 ms           56 GiB          3  40 GiB  96 of 80 GiB  does not fit
 sum              60.000 ms  20.000 ms  4.000 ms  16.000 ms
no idle time on any rank by: cooldown, dependency, contention, bandwidth, blocked, tail

Assumed:
- Matrix products reach 60 % of the peak.
)");
}

TEST_CASE("the table has columns for working memory and reserve where there are any") {
  Report report = two_rank_report();
  for (RankReport& rank : report.per_rank) {
    rank.working = Bytes(2 * kGiB);
    rank.peak_memory += Bytes(5 * kGiB);
  }
  const std::string text = report_table(report, tiny_config(), false);
  CAPTURE(text);
  CHECK(text.find("in flight  static  working  reserve          total\n") != std::string::npos);
  CHECK(text.find("4  40 GiB    2 GiB    3 GiB   61 of 80 GiB\n") != std::string::npos);
}

TEST_CASE("colours are escape codes around the same words") {
  std::string colored = report_table(two_rank_report(), tiny_config(), true);
  CHECK(colored.find("\x1b[31mdoes not fit\x1b[0m") != std::string::npos);
  for (const char* code : {"\x1b[0m", "\x1b[1m", "\x1b[31m", "\x1b[32m"}) {
    for (auto at = colored.find(code); at != std::string::npos; at = colored.find(code)) {
      colored.erase(at, std::string(code).size());
    }
  }
  CHECK(colored == report_table(two_rank_report(), tiny_config(), false));
}

TEST_CASE("beyond 32 ranks the table leaves out the middle and says so; the sums are of all") {
  Report report = two_rank_report();
  report.ranks = 64;
  report.per_rank.resize(64, report.per_rank[0]);
  const std::string text = report_table(report, tiny_config(), false);
  CHECK(text.find("ranks 16..47 left out; --json has all\n") != std::string::npos);
  CHECK(text.find("\n  15  ") != std::string::npos);
  CHECK(text.find("\n  16  ") == std::string::npos);
  CHECK(text.find("\n  47  ") == std::string::npos);
  CHECK(text.find("\n  48  ") != std::string::npos);
  CHECK(text.find("\n sum                1.920 s ") != std::string::npos);  // 64 x 30 ms
}

TEST_CASE("a comparison marks the fastest run that fits, and lists what was left out with its reason") {
  Report fits = two_rank_report();
  fits.per_rank[1] = fits.per_rank[0];
  fits.makespan = Time(50'000'000);
  fits.tokens_per_second = 12345.6 * 40 / 50;
  const std::vector<ComparisonRow> rows = {
      {"gpipe", two_rank_report(), ""},
      {"1f1b", fits, ""},
      {"interleaved", {}, "8 micro-batches are not a multiple of 3 ranks"}};
  CHECK(comparison_table(rows, tiny_config(), false) == R"(tiny.json; communication overlap, contention none

schedule  step time  x best  bubble fraction  bubble ratio  span bubble fraction  tokens/s     MFU  TP comm  peak activation  in flight  memory
gpipe     40.000 ms    0.80           25.0 %        33.3 %                20.0 %     12346  50.0 %   12.5 %           56 GiB          4  does not fit (96 of 80 GiB)
1f1b      50.000 ms    1.00           25.0 %        33.3 %                20.0 %      9876  50.0 %   12.5 %           16 GiB          4  56 of 80 GiB                 best
interleaved left out: 8 micro-batches are not a multiple of 3 ranks

Assumed by every run (simulate lists what one assumes besides):
- Matrix products reach 60 % of the peak.
)");
  const Json json = Json::parse(comparison_json(rows, tiny_config()));
  CHECK(json.at("config_hash") == "0123456789abcdef");
  CHECK(json.at("runs").size() == 3);
  CHECK(json.at("runs").at(0).at("best") == false);  // faster, but it does not fit
  CHECK(json.at("runs").at(1).at("best") == true);
  CHECK(json.at("runs").at(1).at("report").at("makespan_ns") == 50'000'000);
  CHECK(json.at("runs").at(2).at("reason") == "8 micro-batches are not a multiple of 3 ranks");
  CHECK_FALSE(json.at("runs").at(2).contains("report"));
}

TEST_CASE("rows that vary the config are runs, and carry their values as JSON") {
  ComparisonRow row{"tensor=4 recompute=full", two_rank_report(), ""};
  row.varied = {{"/parallelism/tensor", "4"}, {"/parallelism/recompute", "full"}, {"/a", "[1,2]"}};
  CHECK(comparison_table({row}, tiny_config(), false).find("\nrun                      step time") !=
        std::string::npos);
  const Json run = Json::parse(comparison_json({row}, tiny_config())).at("runs").at(0);
  CHECK(run.at("varied") ==
        Json::parse(R"({"/parallelism/tensor": 4, "/parallelism/recompute": "full", "/a": [1, 2]})"));
  row.varied.clear();
  CHECK_FALSE(Json::parse(comparison_json({row}, tiny_config())).at("runs").at(0).contains("varied"));
}

TEST_CASE("many runs stand behind the run without jitter, in the table and in the JSON") {
  const RunsReport runs{100,
                        {Time(41'000'000), Time(42'000'000), Time(43'000'000), Time(41'500'000),
                         Time(39'000'000), Time(44'000'000)},
                        {0.26, 0.28, 0.29, 0.265, 0.24, 0.3}};
  CHECK(report_table(two_rank_report(), tiny_config(), false, &runs).find(R"(
100 runs         no jitter        p50        p95        p99       mean        min        max
step time        40.000 ms  41.000 ms  42.000 ms  43.000 ms  41.500 ms  39.000 ms  44.000 ms
bubble fraction     25.0 %     26.0 %     28.0 %     29.0 %     26.5 %     24.0 %     30.0 %

)") != std::string::npos);
  CHECK(Json::parse(report_json(two_rank_report(), tiny_config(), &runs)).at("runs") == Json::parse(R"({
    "count": 100,
    "step_time_ns": {"p50": 41000000, "p95": 42000000, "p99": 43000000, "mean": 41500000, "min": 39000000,
                     "max": 44000000},
    "bubble_fraction": {"p50": 0.26, "p95": 0.28, "p99": 0.29, "mean": 0.265, "min": 0.24, "max": 0.3}})"));
}

TEST_CASE(
    "a comparison goes by tokens, where a row may change the batch, and by step time where they are not "
    "known") {
  Report small = two_rank_report();
  small.gpu_memory = {};
  Report large = small;
  small.makespan = Time(10'000'000);  // a quarter of the time for a fifth of the tokens
  small.tokens_per_second = *large.tokens_per_second * 0.8;
  const auto is_best = [&](std::size_t row) {
    const std::vector<ComparisonRow> rows = {{"small", small, ""}, {"large", large, ""}};
    return Json::parse(comparison_json(rows, tiny_config())).at("runs").at(row).at("best").get<bool>();
  };
  CHECK(is_best(1));
  small.tokens_per_second = {};
  CHECK(is_best(0));
}

TEST_CASE("the table of an inference run counts requests and shows KV cache for activations") {
  Report report = two_rank_report();
  report.forward_only = true;
  report.decode_steps = 64;
  report.per_rank[0].kv_cache = Bytes(3 * kGiB);
  const std::string text = report_table(report, tiny_config(), false);
  CHECK(text.find("interleaved: 2 ranks, 4 stages, 8 requests, 64 decode steps, 16 GPUs;") == 0);
  CHECK(text.find("KV cache  static") != std::string::npos);
  CHECK(text.find("  3 GiB  40 GiB") != std::string::npos);
  CHECK(text.find("peak activation") == std::string::npos);
}

TEST_CASE("a comparison in which nothing fits has no best") {
  const std::vector<ComparisonRow> rows = {{"gpipe", two_rank_report(), ""}};
  CHECK(comparison_table(rows, tiny_config(), false).find("best\n") == std::string::npos);
  CHECK(Json::parse(comparison_json(rows, tiny_config())).at("runs").at(0).at("best") == false);
}

}  // namespace ppsim::test::report_text_test
