#include "explore/bench/bench_cluster.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <sstream>

#include "cli/command.hpp"
#include "cli/job.hpp"
#include "output/config/cluster_section.hpp"
#include "output/report/measured_cluster_text.hpp"
#include "ppsim/explore/run/describe.hpp"
#include "replay/environment.hpp"
#include "replay/job.hpp"
#include "text/files.hpp"
#include "text/quantity.hpp"

namespace ppsim::cli {
namespace {

// Enough for some tens of repeats of each size, and soon done.
constexpr double kSeconds = 20, kMostSeconds = 3600;
// Products of this width have all of the peak that there is.
constexpr std::uint64_t kWidestOnGpu = 8192, kWidestOnHost = 1024;
// Messages count their bytes in an int.
constexpr Bytes kMostBytes((std::int64_t{1} << 31) - 1);

struct BenchClusterArguments {
  JobArguments job;
  std::string model, sizes, output;
  double seconds = kSeconds;
  bool json = false;

  [[nodiscard]] bool on_gpus() const { return job.backend == "cuda-nccl"; }

  // What all ranks must agree on.
  [[nodiscard]] std::string text() const { return fmt::format("{}\n{}\n{}", model, sizes, seconds); }
};

Time share_of(double seconds, double share) {
  return round_to_time(seconds * share * 1e9);
}

std::vector<Bytes> parse_sizes(const std::string& text) {
  if (text.empty()) return default_message_sizes();
  std::vector<Bytes> sizes = {Bytes(0)};
  std::istringstream list(text);
  for (std::string one; std::getline(list, one, ',');) {
    one.erase(0, one.find_first_not_of(' '));
    sizes.push_back(parse_bytes(one, "--sizes"));
    if (sizes.back() > kMostBytes) throw Error("--sizes", fmt::format("{}; expected less than 2 GiB", one));
  }
  std::sort(sizes.begin(), sizes.end());
  sizes.erase(std::unique(sizes.begin(), sizes.end()), sizes.end());
  if (sizes.size() < 3)
    throw Error("--sizes", fmt::format("{}; expected at least two sizes above 0 B", text));
  return sizes;
}

BenchPlan make_plan_of(const BenchClusterArguments& arguments) {
  BenchPlan plan;
  plan.links = {parse_sizes(arguments.sizes), share_of(arguments.seconds, 0.75)};
  plan.product_seconds = share_of(arguments.seconds, 0.25);
  plan.backend = arguments.job.backend;
  if (plan.backend == "host-mpi") plan.backend += " over " + mpi_library();
  plan.products = default_products(arguments.on_gpus() ? kWidestOnGpu : kWidestOnHost);
  if (!arguments.model.empty()) {
    const Config config = load_noted(arguments.model);
    plan.products = shapes_of(describe_products(config));
    plan.dtypes = describe_dtypes(config);
  }
  return plan;
}

BenchPlan prepare(const BenchClusterArguments& arguments, bool first) {
  if (!arguments.on_gpus() && !host_can_multiply())
    throw Error("--backend",
                "this build has no BLAS, which it measures products with: install libopenblas-dev and "
                "build anew");
  if (first) check_outputs({arguments.output}, {arguments.model});
  return make_plan_of(arguments);
}

// A GPU alone has products to measure.
std::string size_fault(const Transport& transport, const BenchClusterArguments& arguments) {
  return transport.size() > 1 || arguments.on_gpus()
             ? ""
             : "1 process is in this job: expected at least 2, one a GPU or process to measure "
               "(mpirun -n 2 ...)";
}

std::string arguments_fault(const BenchClusterArguments& arguments, Group& group) {
  return text_of(group.broadcast(bytes_of(arguments.text()))) == arguments.text()
             ? ""
             : "options are not those of rank 0";
}

int write_cluster(const BenchClusterArguments& arguments, const BenchSamples& samples,
                  const BenchPlan& plan) {
  const JobFault fault = fault_of([&] {
    const MeasuredCluster measured = make_measured_cluster(samples, plan);
    print(arguments.json ? measured_cluster_json(measured) : measured_cluster_table(measured));
    if (!arguments.output.empty()) write_file(arguments.output, cluster_section(measured));
  });
  if (fault.code == 0) return 0;
  say(fault.line);
  return kFailed;
}

int bench_rank(const BenchClusterArguments& arguments, Group& group) {
  std::optional<BenchPlan> plan;
  const JobFault fault = fault_of([&] { plan = prepare(arguments, group.is_first()); });
  if (const int code = agree_on_fault(group, fault); code != 0) return code;
  for (const std::string& line :
       {size_fault(group.transport(), arguments), arguments_fault(arguments, group)}) {
    if (const std::string first = group.first_fault(line); !first.empty()) throw JointError(first);
  }
  const NodeMap nodes = find_nodes(group);
  const std::unique_ptr<Probe> probe = arguments.on_gpus() ? make_gpu_probe(group, read_local_rank())
                                                           : make_host_probe(group, nodes.ranks_per_machine);
  const BenchSamples samples = measure_cluster(nodes, group, *probe, *plan);
  return group.is_first() ? write_cluster(arguments, samples, *plan) : 0;
}

}  // namespace

Command add_bench_cluster(CLI::App& parent) {
  CLI::App* app = parent.add_subcommand("bench-cluster",
                                        "Measure links and matrix products, and write them down as a cluster "
                                        "(mpirun -n P ppsim bench-cluster ...)");
  const auto arguments = std::make_shared<BenchClusterArguments>();
  arguments->job.declare(*app);
  app->add_option("--model", arguments->model, "Multiply matrices of the shapes of this config's model")
      ->check(not_empty())
      ->type_name("CONFIG");
  app->add_option("--sizes", arguments->sizes,
                  "Bytes of messages, such as \"64 KiB,1 MiB\"; default 1 KiB to 16 MiB by fours")
      ->check(not_empty())
      ->type_name("LIST");
  app->add_option("--seconds", arguments->seconds,
                  fmt::format("About how long to measure; default {}", kSeconds))
      ->check(positive_number())
      ->check(CLI::Range(0.0, kMostSeconds))
      ->type_name("S");
  add_output(*app, "-o,--output", arguments->output, "Write the cluster as a section of a config");
  add_switch(*app, "--json", arguments->json, "Print what was measured as JSON and nothing else");
  return {app, [arguments] {
            return run_in_job(arguments->job, [&](Group& group) { return bench_rank(*arguments, group); });
          }};
}

}  // namespace ppsim::cli
