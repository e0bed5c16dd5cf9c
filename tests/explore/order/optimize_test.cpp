#include <doctest/doctest.h>

#include "explore/brute_force.hpp"
#include "ppsim/output/report/optimization_text.hpp"
#include "ppsim/schedule/text/text.hpp"
#include "support.hpp"

namespace ppsim::optimize_test {

TEST_CASE("with whole backwards and equal stages nothing is below (M+P-1)(F+B), which 1F1B reaches") {
  const Folder folder;
  Instance instance = uniform(4, 8, 10, 13, 7);
  instance.options.split = false;
  const Optimization result = optimize(config_of(folder, instance), instance.options);
  CHECK(result.proved());
  CHECK(result.value == Time((8 + 3) * 30));
  // And with room for P micro-batches, as much as 1F1B keeps.
  instance.options.limit = MemoryLimit{1, {}};
  CHECK(optimize(config_of(folder, instance), instance.options).value == Time((8 + 3) * 30));
}

TEST_CASE("with F = I = W, P micro-batches allow ZB-H1's makespan, and 2P a span without a bubble") {
  const Folder folder;
  // M(F+B) + (P-1)(F+I-W)
  Instance instance = uniform(4, 8, 10, 10, 10);
  instance.options.limit = MemoryLimit{1, {}};
  const Optimization one = optimize(config_of(folder, instance), instance.options);
  CHECK(one.proved());
  CHECK(one.value == Time(8 * 30 + 3 * 10));
  instance.options.limit = MemoryLimit{2, {}};
  instance.options.objective = OrderObjective::Span;
  const Optimization two = optimize(config_of(folder, instance), instance.options);
  CHECK(two.proved());
  CHECK(two.value == Time(8 * 30));
}

TEST_CASE("no registered schedule that keeps the limit is better") {
  const Folder folder;
  RandomInstances random(4);
  int rows = 0;
  for (int i = 0; i < share(12); ++i) {
    Instance instance = random.make(4, i % 2 == 0 ? 1 : 2, 12);
    for (std::int64_t& bytes : instance.activation) bytes = 4;
    for (std::int64_t& bytes : instance.freed) bytes = 2;
    instance.options.limit = MemoryLimit{random.draw(0, 1) == 0 ? 1.0 : 1.5, {}};
    instance.options.nodes = 2000;
    const Config config = config_of(folder, instance);
    const bool span = instance.options.objective == OrderObjective::Span;
    const Optimization result = optimize(config, instance.options);
    CHECK(result.lower_bound <= result.value);
    for (const OptimizationRow& row : result.rows) {
      if (!row.fits) continue;
      CAPTURE(row.label);
      CHECK(result.value <= (span ? row.report.max_rank_span : row.report.makespan));
      ++rows;
    }
  }
  CHECK(rows >= share(12));
}

TEST_CASE("the optimized order keeps the memory limit, and the engine agrees with its figures") {
  const Folder folder;
  Instance instance = uniform(3, 6, 10, 13, 7);
  instance.hop = 2;
  Time before = Time::max();
  for (const std::int64_t bytes : kSanitized ? std::vector{2, 6} : std::vector{2, 3, 4, 6, 8}) {
    instance.options.limit = MemoryLimit{0, Bytes(bytes)};
    const Optimization result = optimize(config_of(folder, instance), instance.options);
    for (const RankReport& rank : result.row.report.per_rank) CHECK(rank.peak_activation <= Bytes(bytes));
    CHECK(result.row.report.makespan == result.value);
    CHECK(result.proved());
    CHECK(result.value <= before);
    before = result.value;
  }
}

TEST_CASE("a limit that no order keeps is refused with the least that one does") {
  const Folder folder;
  Instance instance = uniform(2, 4, 10, 10, 10, 2);
  instance.activation = {3, 4, 5, 6};  // rank 0 has stages 0 and 3, rank 1 has 1 and 2
  instance.options.limit = MemoryLimit{0, Bytes(8)};
  try {
    (void)optimize(config_of(folder, instance), instance.options);
    CHECK(false);
  } catch (const Error& error) {
    CHECK(error.fault().where == "--memory-limit");
    CHECK(error.fault().what.find("rank 0") != std::string::npos);
    CHECK(error.fault().what.find("at least 9 B") != std::string::npos);
  }
  instance.options.limit = MemoryLimit{0, Bytes(9)};
  CHECK_NOTHROW((void)optimize(config_of(folder, instance), instance.options));
}

TEST_CASE("the same input gives the same order, proved or not") {
  const Folder folder;
  RandomInstances random(5);
  Instance instance = random.make(kSanitized ? 3 : 4, 1, kSanitized ? 6 : 12);
  instance.options.limit = MemoryLimit{0.5, {}};
  instance.options.nodes = 500;
  for (std::int64_t& bytes : instance.activation) bytes = 4;
  const Config config = config_of(folder, instance);
  const Optimization first = optimize(config, instance.options);
  const Optimization second = optimize(config, instance.options);
  CHECK(to_csv(first.schedule) == to_csv(second.schedule));
  CHECK(first.nodes == second.nodes);
  CHECK(optimization_json(first, config) == optimization_json(second, config));
}

TEST_CASE("an optimizer step that takes time, and memory that the runtime and a margin take, are counted") {
  const auto config = [](std::vector<Override> more) {
    more.push_back({"/parallelism/micro_batches", "8"});
    more.push_back({"/cluster/gpu/memory_efficiency", "0.8"});
    return load_config("configs/seed_4x8.json", more);
  };
  OptimizeOptions options;
  options.nodes = 0;
  const Optimization plain = optimize(config({}), options);
  CHECK(plain.row.fits);  // what the search says of its makespan, the engine has checked
  const Optimization tight = optimize(config({{"/cluster/software/allocator_margin", "0.2"},
                                              {"/cluster/gpu/runtime_memory", "20 GiB"},
                                              {"/training/working_memory", "true"}}),
                                      options);
  REQUIRE(tight.row.report.gpu_memory);
  CHECK(tight.row.report.peak_memory() <= *tight.row.report.gpu_memory);
  CHECK(tight.value > plain.value);
}

// The engine checks the search's figures, and asserts that they are its own.
TEST_CASE("slow ranks and links that lack bandwidth are searched as the engine runs them") {
  OptimizeOptions options;
  options.heuristics = false;  // one micro-batch after the other: every duration and hop stands in that sum
  options.nodes = 0;
  const auto value = [&](const char* path, const char* noise) {
    return optimize(load_config(path, std::vector<Override>{{"/parallelism/micro_batches", "6"},
                                                            {"/simulation/noise", noise}}),
                    options)
        .value;
  };
  const char *costs = "configs/reference_8x64.json", *model = "configs/seed_4x8.json";
  CHECK(value(costs, R"({"gpu_speed": {"rank 1": 0.5}})") > value(costs, "{}"));
  CHECK(value(costs, R"({"link_degradation": {"rank 0 -> rank 1": 0.5}})") > value(costs, "{}"));
  CHECK(value(model, R"({"gpu_speed": {"node 2 GPU 5": 0.9}, "link_degradation": {"node 1 NIC 0": 0.5}})") >
        value(model, "{}"));
}

TEST_CASE("what the search does not cover is refused by name") {
  const Folder folder;
  const Instance instance = uniform(4, 8, 10, 10, 10);
  for (const char* name : {"chimera", "dualpipe", "inference", "seq1f1b", "pipedream-2bw"}) {
    CAPTURE(name);
    const std::string path = folder.write("r.json", config_text(instance, name));
    Config config = load_config(path);
    CHECK(where_of([&] { return optimize(config, {}); }) == path + "#/schedule");
  }
}

}  // namespace ppsim::optimize_test
