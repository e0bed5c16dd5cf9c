// Importers of what a machine is: times of nccl-tests, the matrix of nvidia-smi; and a configuration of
// DeepSpeed.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "input/scratch.hpp"
#include "ppsim/input/import/import.hpp"
#include "text/quantity.hpp"

namespace ppsim::test::import_cluster_test {
namespace {

using nlohmann::json;

struct Measured {
  std::string program = "all_reduce_perf";
  std::uint32_t ranks = 8;
  std::uint32_t nodes = 1;
};

// t in us of each size by the formulas of import.hpp, on links of 200 GB/s and 3 us.
template <class Time>
std::string text_of(const Measured& measured, Time time) {
  std::string text = fmt::format(
      "# nThread 1 nGpus 1 minBytes 8\n#\n# mpirun ./build/{} -b 1K\n# Using devices\n", measured.program);
  for (std::uint32_t rank = 0; rank < measured.ranks; ++rank)
    text += fmt::format("#  Rank {:2} Group  0 Pid {} on host{} device {} [0x07] NVIDIA H100 80GB HBM3\n",
                        rank, 100 + rank, rank / (measured.ranks / measured.nodes), rank);
  text +=
      "#                            out-of-place            in-place\n"
      "#   size  count  type  redop  root  time  algbw  busbw #wrong  time  algbw  busbw #wrong\n"
      "#    (B)  (elements)  (us)  (GB/s)\n";
  for (std::uint64_t size = 1024; size <= (std::uint64_t{1} << 30); size *= 4)
    text += fmt::format("  {}  {}  float  sum  -1  {:.4f}  0.5  0.5  0  1.0  1.0  1.0  N/A\n", size, size / 4,
                        time(static_cast<double>(size)));
  return text + "# Out of bounds values : 0 OK\n# Avg bus bandwidth    : 100.0\n";
}

constexpr double kBytesPerUs = 200e3, kLatencyUs = 3;

double all_reduce_us(double size) {
  return 2 * 7 * (size / 8 / kBytesPerUs + kLatencyUs);
}

ImportedSection link_of(const std::string& text, const NcclTestsOptions& options = {}) {
  const Scratch scratch;
  return import_nccl_tests(scratch.put("nccl.txt", text), options);
}

// Of five digits: times have been written to a tenth of a nanosecond.
void check_link(const std::string& section, double gigabytes, double latency_us) {
  const json link = json::parse(section);
  CHECK(parse_bandwidth(link["bandwidth"].get<std::string>(), "").count() ==
        doctest::Approx(gigabytes * 1e9).epsilon(1e-4));
  CHECK(parse_time(link["latency"].get<std::string>(), "").count() ==
        doctest::Approx(latency_us * 1e3).epsilon(1e-3));
}

std::string link_fault(const std::string& text, const NcclTestsOptions& options = {}) {
  const std::string error = error_of([&] { return link_of(text, options); });
  return error.substr(std::min(error.find("nccl.txt"), error.size()));
}

TEST_CASE("the link comes back from the times that each collective takes on it") {
  check_link(link_of(text_of({}, all_reduce_us)).text, 200, 3);
  const auto once = [](double size) { return 7 * (size / 8 / kBytesPerUs + kLatencyUs); };
  for (const char* program : {"all_gather_perf", "reduce_scatter_perf", "alltoall_perf"})
    check_link(link_of(text_of({program}, once)).text, 200, 3);
  const auto chain = [](double size) { return size / kBytesPerUs + 7 * kLatencyUs; };
  for (const char* program : {"broadcast_perf", "reduce_perf"})
    check_link(link_of(text_of({program}, chain)).text, 200, 3);
  const auto message = [](double size) { return size / kBytesPerUs + kLatencyUs; };
  const ImportedSection single = link_of(text_of({"sendrecv_perf"}, message));
  check_link(single.text, 200, 3);
  CHECK(json::parse(single.text)["measured_sizes"] == json{"1024 B", "1073741824 B"});
  // A ring of 8 sends pieces of an eighth.
  CHECK(json::parse(link_of(text_of({}, all_reduce_us)).text)["measured_sizes"] ==
        json{"128 B", "134217728 B"});
}

TEST_CASE("a wild row does not move the link") {
  std::string text = text_of({}, all_reduce_us);
  const std::size_t row = text.find("  262144  ");
  text.replace(text.find("sum  -1  ", row) + 9, 1, "99");
  check_link(link_of(text).text, 200, 3);
}

TEST_CASE("JSON says the same as text") {
  json document = {
      {"args", {"./all_reduce_perf", "-b", "1K"}}, {"devices", json::array()}, {"results", json::array()}};
  for (int rank = 0; rank < 8; ++rank) document["devices"].push_back({{"rank", rank}, {"hostname", "host0"}});
  for (double size = 1024; size < 2e9; size *= 4)
    document["results"].push_back({{"size", static_cast<std::uint64_t>(size)},
                                   {"out_of_place", {{"time", all_reduce_us(size)}, {"nwrong", 0}}}});
  check_link(link_of(document.dump()).text, 200, 3);
  json wrong = document;
  wrong["results"][2]["out_of_place"]["nwrong"] = 7;
  CHECK(link_fault(wrong.dump()).starts_with("nccl.txt#/results/2/out_of_place/nwrong: expected 0"));
  document["results"][1]["out_of_place"]["time"] = "fast";
  CHECK(link_fault(document.dump()) ==
        "nccl.txt#/results/1/out_of_place/time: \"fast\"; expected a number, not below zero");
  document.erase("devices");
  CHECK(link_fault(document.dump()) == "nccl.txt: missing key \"devices\"");
}

TEST_CASE("rings over nodes share the NICs out among them") {
  const std::string text = text_of({"all_reduce_perf", 8, 2}, all_reduce_us);
  CHECK(link_fault(text).find("ranks on 2 nodes: expected --nics-per-node") != std::string::npos);
  const std::string four = link_of(text, {.nics_per_node = 4}).text;
  check_link(four, 50, 3);
  CHECK(json::parse(four)["nics_per_node"] == 4);
  check_link(link_of(text, {.nics_per_node = 16}).text, 50, 3);  // no more than a node has ranks
  CHECK(error_of([] {
          return link_of(text_of({}, all_reduce_us), {.nics_per_node = 4});
        }).starts_with("--nics-per-node: has no meaning"));
}

TEST_CASE("which program it was is in the file, or asked for") {
  std::string text = text_of({"tool"}, all_reduce_us);
  CHECK(link_fault(text).starts_with("nccl.txt: does not name the one program"));
  check_link(link_of(text, {.collective = "all_reduce"}).text, 200, 3);
  check_link(link_of(text, {.collective = "all_reduce_perf"}).text, 200, 3);
  CHECK(error_of([&] {
          return link_of(text, {.collective = "gather"});
        }).starts_with("--collective: \"gather\": its times are not those of a ring"));
  CHECK(link_fault(text_of({"hypercube_perf"}, all_reduce_us)).find("\"hypercube\": its times") !=
        std::string::npos);
}

TEST_CASE("what is no whole output of nccl-tests is one line with its place") {
  const std::string text = text_of({}, all_reduce_us);
  CHECK(link_fault("").starts_with("nccl.txt: has no heading"));
  CHECK(link_fault("\x7f"
                   "ELF")
            .starts_with("nccl.txt: has no heading"));
  CHECK(link_fault("{").starts_with("nccl.txt, line 1, column 2: not JSON"));
  CHECK(link_fault(text.substr(0, text.find("\n  1024"))).find("has no row with a size above zero") !=
        std::string::npos);
  CHECK(link_fault(text.substr(0, text.find("  float", text.find("\n  4096"))))
            .find("has 2 columns, its heading 13") != std::string::npos);
  std::string wrong = text;
  wrong.replace(wrong.find("0.5  0.5  0"), 11, "0.5  0.5  3");
  CHECK(link_fault(wrong).find("has 3 wrong results") != std::string::npos);
  std::string slow = text;
  slow.replace(slow.find("sum  -1  ") + 9, 1, "-");
  CHECK(link_fault(slow).find("expected a size and a time above zero") != std::string::npos);
  CHECK(link_fault(text + text).find("a second rank 0") != std::string::npos);
  CHECK(link_fault(text_of({"all_reduce_perf", 1}, all_reduce_us)).find("one rank alone") !=
        std::string::npos);
}

// A matrix as nvidia-smi prints it; `cell(a, b)` for two GPUs.
template <class Cell>
std::string matrix_of(std::size_t gpus, std::size_t nics, Cell cell) {
  std::string text = "\t";
  for (std::size_t i = 0; i < gpus; ++i) text += fmt::format("\x1b[4mGPU{}\t", i);
  for (std::size_t i = 0; i < nics; ++i) text += fmt::format("NIC{}\t", i);
  text += "CPU Affinity\tNUMA Affinity\tGPU NUMA ID\x1b[0m\n";
  for (std::size_t a = 0; a < gpus; ++a) {
    text += fmt::format("GPU{}\t", a);
    for (std::size_t b = 0; b < gpus; ++b)
      text += a == b ? std::string(" X \t") : fmt::format("{}\t", cell(a, b));
    for (std::size_t i = 0; i < nics; ++i) text += i == a ? "PIX\t" : "SYS\t";
    text += "0-47,96-143\t0\t\tN/A\n";
  }
  for (std::size_t i = 0; i < nics; ++i) text += fmt::format("NIC{}\tPIX\tSYS\n", i);
  return text +
         "\nLegend:\n\n  X    = Self\n  SYS  = Connection traversing PCIe as well as the SMP interconnect "
         "between NUMA nodes\n"
         "\nNIC Legend:\n\n  NIC0: mlx5_0\n";
}

ImportedSection cluster_of(const std::string& text, const TopologyOptions& options) {
  const Scratch scratch;
  return import_topology(scratch.put("topo.txt", text), options);
}

std::string cluster_fault(const std::string& text, const TopologyOptions& options) {
  const std::string error = error_of([&] { return cluster_of(text, options); });
  return error.substr(std::min(error.find("topo.txt"), error.find("--")));
}

const std::string kSwitched = matrix_of(8, 8, [](auto, auto) { return "NV18"; });

TEST_CASE("NVLinks between all GPUs are the bandwidth of one") {
  const json cluster = json::parse(
      cluster_of(kSwitched, {.gpu = "h100", .nic_bandwidth = BytesPerSecond(50'000'000'000)}).text);
  CHECK(cluster["gpus_per_node"] == 8);
  CHECK(cluster["nvlink"]["bandwidth"] == "450 GB/s");  // 18 x 25
  CHECK(cluster["infiniband"]["nics_per_node"] == 8);
  CHECK(cluster["infiniband"]["bandwidth"] == "50000000000 B/s");
  CHECK(json::parse(cluster_of(kSwitched, {.gpu = "b200"}).text)["nvlink"]["bandwidth"] == "900 GB/s");
  CHECK_FALSE(json::parse(cluster_of(kSwitched, {.gpu = "h100"}).text).contains("infiniband"));
  const json pairs =
      json::parse(cluster_of(matrix_of(4, 0, [](auto, auto) { return "NV4"; }), {.gpu = "a100"}).text);
  CHECK(pairs["nvlink"]["bandwidth"] == "100 GB/s");
}

TEST_CASE("PCIe switches are GPUs that no host bridge parts") {
  const auto fours = [](std::size_t a, std::size_t b) {
    return a / 4 != b / 4 ? "SYS" : a / 2 == b / 2 ? "PIX" : "PXB";
  };
  const json cluster = json::parse(cluster_of(matrix_of(8, 0, fours), {.gpu = "l40s"}).text);
  CHECK(cluster["pcie"] == json{{"bandwidth", "32 GB/s"}, {"latency", "5 us"}, {"gpus_per_switch", 4}});
  const auto none = [](std::size_t a, std::size_t b) { return a / 4 == b / 4 ? "NODE" : "SYS"; };
  CHECK(json::parse(cluster_of(matrix_of(8, 0, none), {.gpu = "l4"}).text)["pcie"]["gpus_per_switch"] == 1);
  const auto three = [](std::size_t a, std::size_t b) { return a / 3 == b / 3 ? "PIX" : "SYS"; };
  CHECK(cluster_fault(matrix_of(8, 0, three), {.gpu = "l4"}).find("expected switches of as many GPUs each") !=
        std::string::npos);
  CHECK_FALSE(json::parse(cluster_of(matrix_of(1, 0, none), {}).text).contains("pcie"));
}

TEST_CASE("a matrix that no config says, or that is none, is one line") {
  CHECK(cluster_fault(kSwitched, {})
            .starts_with("--gpu: is not given, and the matrix does not say how fast an NVLink is; expected "
                         "one of v100"));
  CHECK(cluster_fault(kSwitched, {.gpu = "abacus"}).starts_with("--gpu: \"abacus\" is not known"));
  CHECK(cluster_fault(kSwitched, {.gpu = "a100"}).starts_with("topo.txt: NV18, and a100 has 12 NVLinks"));
  const auto mixed = [](std::size_t a, std::size_t b) { return a / 2 == b / 2 ? "NV4" : "SYS"; };
  CHECK(cluster_fault(matrix_of(4, 0, mixed), {.gpu = "a100"}) ==
        "topo.txt: GPU0 and GPU1 are joined by NV4, GPU0 and GPU2 by SYS; expected as many NVLinks between "
        "any two, as a config has them");
  const auto late = [](std::size_t a, std::size_t b) { return a + b == 5 ? "NV4" : "SYS"; };
  CHECK(cluster_fault(matrix_of(4, 0, late), {.gpu = "a100"}).find("expected as many NVLinks") !=
        std::string::npos);
  CHECK(cluster_fault(matrix_of(2, 0, [](auto, auto) { return "QPI"; }), {.gpu = "a100"})
            .starts_with("topo.txt, line 2: \"QPI\" in the column of GPU1"));
  const auto torn = [](std::size_t a, std::size_t) { return a == 0 ? "NV4" : "NV6"; };
  CHECK(cluster_fault(matrix_of(2, 0, torn), {.gpu = "a100"}).find("in one way by the one's row") !=
        std::string::npos);
  CHECK(cluster_fault("", {}).starts_with("topo.txt: has no heading"));
  CHECK(cluster_fault(std::string("\0\xff\x1b[", 4), {}).starts_with("topo.txt: has no heading"));
  CHECK(cluster_fault(kSwitched.substr(0, kSwitched.find("GPU5\tNV")), {.gpu = "h100"})
            .find("has 5 rows of GPUs, its heading 8") != std::string::npos);
  CHECK(cluster_fault(kSwitched, {.gpu = "h100", .nodes = 4})
            .starts_with("--nodes: 4 nodes need --nic-bandwidth"));
}

ImportedSection deepspeed_of(const json& config, const DeepspeedOptions& options = {}) {
  const Scratch scratch;
  return import_deepspeed(scratch.put("ds.json", config.dump()), options);
}

std::string deepspeed_fault(const json& config, const DeepspeedOptions& options = {}) {
  const std::string error = error_of([&] { return deepspeed_of(config, options); });
  return error.substr(std::min(error.find("ds.json"), error.size()));
}

const json kDeepspeed = {
    {"train_batch_size", 256},
    {"train_micro_batch_size_per_gpu", 4},
    {"gradient_accumulation_steps", 16},
    {"bf16", {{"enabled", true}}},
    {"gradient_clipping", 1.0},
    {"optimizer", {{"type", "AdamW"}, {"params", {{"lr", "auto"}}}}},
    {"zero_optimization", {{"stage", 1}, {"reduce_bucket_size", 5e8}, {"overlap_comm", true}}}};

json changed(const char* pointer, const json& value) {
  json config = kDeepspeed;
  config[json::json_pointer(pointer)] = value;
  return config;
}

TEST_CASE("batch sizes of DeepSpeed are micro-batches and replicas") {
  const json config = json::parse(deepspeed_of(kDeepspeed, {.pipeline = 4}).text);
  // 256 = 4 x 16 x 4.
  CHECK(config["parallelism"] == json{{"pipeline", 4},
                                      {"data", 4},
                                      {"zero_stage", 1},
                                      {"micro_batch_size", 4},
                                      {"micro_batches", 16},
                                      {"recompute", "none"}});
  CHECK(config["training"] ==
        json{{"gradient_dtype", "fp32"}, {"gradient_bucket", "2000000000 B"}, {"overlap_gradients", true}});
  json two = kDeepspeed;
  two.erase("gradient_accumulation_steps");
  CHECK(json::parse(deepspeed_of(two, {.data = 8}).text)["parallelism"]["micro_batches"] == 8);
  two.erase("train_micro_batch_size_per_gpu");
  CHECK(json::parse(deepspeed_of(two, {.data = 8}).text)["parallelism"]["micro_batch_size"] == 32);
  CHECK(deepspeed_fault(kDeepspeed, {.data = 8}) ==
        "ds.json#/train_batch_size: 256; expected micro-batch 4 x steps 16 x data 8");
}

TEST_CASE("ZeRO 2 and 3 keep gradients in the model's type and have no buckets of their own") {
  const json three = json::parse(deepspeed_of(changed("/zero_optimization/stage", 3)).text);
  CHECK(three["parallelism"]["zero_stage"] == 3);
  CHECK(three["training"] == json{{"gradient_dtype", "bf16"}});
  CHECK(json::parse(deepspeed_of(changed("/data_types", {{"grad_accum_dtype", "fp32"}}))
                        .text)["training"]["gradient_dtype"] == "fp32");
  CHECK(deepspeed_fault(changed("/zero_optimization/stage", 2), {.pipeline = 2})
            .starts_with("ds.json#/zero_optimization/stage: 2 with --pipeline 2"));
  CHECK(json::parse(
            deepspeed_of(changed("/activation_checkpointing", {{"contiguous_memory_optimization", true}}))
                .text)["parallelism"]["recompute"] == "full");
}

TEST_CASE("what DeepSpeed's file leaves open, or the simulator has not, is one line with its place") {
  CHECK(deepspeed_fault(changed("/train_batch_size", "auto")) ==
        "ds.json#/train_batch_size: \"auto\"; expected the value that the training gets");
  CHECK(deepspeed_fault(changed("/zero_optimization/reduce_bucket_size", "auto"))
            .starts_with("ds.json#/zero_optimization/reduce_bucket_size: \"auto\""));
  CHECK(deepspeed_fault(changed("/bf16/enabled", "auto")).starts_with("ds.json#/bf16/enabled: \"auto\""));
  CHECK(deepspeed_fault(changed("/zero_optimization/offload_optimizer", {{"device", "cpu"}}))
            .starts_with("ds.json#/zero_optimization/offload_optimizer: offloads"));
  CHECK(deepspeed_fault(changed("/zero_optimization/offload_param", {{"device", "none"}})).empty());
  CHECK(deepspeed_fault(changed("/zero_optimization/zero_quantized_gradients", true))
            .find("not known, and may change") != std::string::npos);
  CHECK(deepspeed_fault(changed("/sparse_attention", {{"mode", "fixed"}}))
            .starts_with("ds.json#/sparse_attention"));
  CHECK(deepspeed_fault(changed("/curriculum_learning", {{"enabled", false}})).empty());
  CHECK(deepspeed_fault(changed("/fp16", {{"enabled", true}})).find("expected one of them") !=
        std::string::npos);
  CHECK(deepspeed_fault(changed("/optimizer/type", "Lion"))
            .starts_with("ds.json#/optimizer/type: \"Lion\"; expected Adam"));
  CHECK(deepspeed_fault(changed("/zero_optimization/stage", 4))
            .starts_with("ds.json#/zero_optimization/stage: 4; expected a whole number from 0 to 3"));
  CHECK(deepspeed_fault(changed("/train_batch_size", -8))
            .starts_with("ds.json#/train_batch_size: -8; expected"));
  CHECK(deepspeed_fault(changed("/zero_optimization", json::array()))
            .starts_with("ds.json#/zero_optimization: []; expected an object"));
  CHECK(
      deepspeed_fault(json::object()).starts_with("ds.json: missing key \"train_micro_batch_size_per_gpu\""));
}

}  // namespace
}  // namespace ppsim::test::import_cluster_test
