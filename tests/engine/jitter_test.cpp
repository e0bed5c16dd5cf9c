#include "ppsim/engine/jitter.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "cases.hpp"

namespace ppsim::jitter_test {

namespace {

// 1F1B at 1 ms and 2 ms, 50 us a hop: durations long enough that rounding does not show.
OpGraph reference_graph() {
  return graph_of(make_schedule("1f1b", {8, 64, 1}), reference_costs());
}

Jitter of_compute(const Spread& spread) {
  Jitter jitter;
  for (const OpKind kind : all_op_kinds())
    if (is_compute(kind) || kind == OpKind::OptimizerStep) jitter.ops[kind] = spread;
  return jitter;
}

// What the runs of one seed draw for each vertex, as factors of its duration.
std::vector<double> factors(const OpGraph& graph, const Jitter& jitter, std::uint64_t seed,
                            std::uint32_t runs) {
  const JitterDraw draw(graph, jitter, seed);
  auto buffers = draw.make_buffers();
  std::vector<double> result;
  for (std::uint32_t run = 0; run < runs; ++run) {
    const RunTimes times = draw.draw(run, buffers);
    for (VertexId v = 0; v < graph.vertex_count(); ++v) {
      result.push_back(static_cast<double>(times.durations[v].count()) /
                       static_cast<double>(graph.durations()[v].count()));
    }
  }
  return result;
}

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

}  // namespace

TEST_CASE("lognormal factors have mean 1, the variance of their sigma, and normal logarithms") {
  const OpGraph graph = reference_graph();
  for (const double sigma : {0.05, 0.3}) {
    CAPTURE(sigma);
    const auto drawn = factors(graph, of_compute(Lognormal{sigma}), 7, 200);
    const auto n = static_cast<double>(drawn.size());  // 204,800
    // Bounds are five standard errors: a seed that is no better than others passes all of them.
    const double variance = std::exp(sigma * sigma) - 1;
    CHECK(std::abs(mean(drawn) - 1) < 5 * std::sqrt(variance / n));
    std::vector<double> normals;  // (log f + sigma^2 / 2) / sigma
    for (const double factor : drawn) normals.push_back((std::log(factor) + sigma * sigma / 2) / sigma);
    double squares = 0, fourths = 0;
    for (const double z : normals) squares += z * z, fourths += z * z * z * z;
    CHECK(std::abs(mean(normals)) < 5 / std::sqrt(n));
    CHECK(std::abs(squares / n - 1) < 5 * std::sqrt(2 / n));   // var(z^2) = 2
    CHECK(std::abs(fourths / n - 3) < 5 * std::sqrt(96 / n));  // var(z^4) = 105 - 9
    // Below the mean of the logarithm lies half, within one sigma 68.27 %.
    const auto below = std::count_if(normals.begin(), normals.end(), [](double z) { return z < 0; });
    const auto within =
        std::count_if(normals.begin(), normals.end(), [](double z) { return std::abs(z) < 1; });
    CHECK(std::abs(static_cast<double>(below) / n - 0.5) < 5 * std::sqrt(0.25 / n));
    CHECK(std::abs(static_cast<double>(within) / n - 0.6827) < 5 * std::sqrt(0.6827 * 0.3173 / n));
  }
}

TEST_CASE("samples are drawn as they are, each as often as the others") {
  const OpGraph graph = reference_graph();
  const auto drawn = factors(graph, of_compute(Samples{{0.5, 1.25, 3}}), 1, 60);
  for (const double sample : {0.5, 1.25, 3.0}) {
    const auto times = std::count(drawn.begin(), drawn.end(), sample);
    const auto n = static_cast<double>(drawn.size());
    CHECK(std::abs(static_cast<double>(times) / n - 1.0 / 3) < 5 * std::sqrt(2.0 / 9 / n));
  }
}

TEST_CASE("a draw is a pure function of seed, run and place") {
  const OpGraph graph = reference_graph();
  Jitter jitter = of_compute(Lognormal{0.1});
  jitter.transfers = Lognormal{0.1};
  const auto durations = [&](std::uint64_t seed, std::vector<std::uint32_t> order, std::uint32_t wanted) {
    const JitterDraw draw(graph, jitter, seed);
    auto buffers = draw.make_buffers();
    std::pair<std::vector<Time>, std::vector<Time>> result;
    for (const std::uint32_t run : order) {
      const RunTimes times = draw.draw(run, buffers);
      if (run == wanted)
        result = {{times.durations.begin(), times.durations.end()},
                  {times.transmissions.begin(), times.transmissions.end()}};
    }
    return result;
  };
  CHECK(durations(3, {0, 1, 2}, 1) == durations(3, {2, 1}, 1));
  CHECK(durations(3, {0, 1}, 0).first != durations(3, {0, 1}, 1).first);
  CHECK(durations(3, {0}, 0).first != durations(4, {0}, 0).first);
  CHECK(durations(3, {0}, 0).first != durations(3 + (std::uint64_t{1} << 32), {0}, 0).first);
  // Nor do two ops, or an op and a transfer of one number, share a draw.
  const auto drawn = factors(graph, jitter, 3, 1);
  CHECK(std::set<double>(drawn.begin(), drawn.end()).size() >
        drawn.size() * 9 / 10);  // but for rounding to ns
}

TEST_CASE("what has no jitter is as the graph has it") {
  const OpGraph graph = reference_graph();
  const JitterDraw none(graph, of_compute(Lognormal{0}), 1);
  auto buffers = none.make_buffers();
  const RunTimes same = none.draw(5, buffers);
  CHECK((same.durations.empty() && same.transmissions.empty()));
  CHECK_FALSE(of_compute(Lognormal{0}).any());

  Jitter forward;
  forward.ops[OpKind::Forward] = Lognormal{0.2};
  CHECK(forward.any());
  const JitterDraw draw(graph, forward, 1);
  buffers = draw.make_buffers();
  const RunTimes times = draw.draw(0, buffers);
  CHECK(times.transmissions.empty());
  for (VertexId v = 0; v < graph.vertex_count(); ++v) {
    const bool varied = times.durations[v] != graph.durations()[v];
    CHECK(varied == (graph.ops(v).front().kind == OpKind::Forward));
  }
}

TEST_CASE("only transfers have transmission times, and only those vary with them") {
  const OpGraph graph = reference_graph();
  Jitter jitter;
  jitter.transfers = Samples{{2}};
  const JitterDraw draw(graph, jitter, 1);
  auto buffers = draw.make_buffers();
  const RunTimes times = draw.draw(0, buffers);
  CHECK(times.durations.empty());
  for (EdgeId edge = 0; edge < graph.edge_count(); ++edge)
    CHECK(times.transmissions[edge] ==
          (is_transfer(graph.edge_arrays().classes[edge]) ? Time(100'000) : Time(0)));
  // Reference costs with hops of 2 x 50 + 5 us: 192 + 21 ms and 124 hops of them on the way (closed form of
  // 1F1B).
  Simulator simulator(graph, Contention("none"));
  CHECK(makespan(simulator.run(times)) == Time(213'000'000 + 124 * 105'000));
}

TEST_CASE("a pair takes what its backward does") {
  const OpGraph graph = graph_of(make_schedule("dualpipe", {4, 16, 1}), uniform_costs(1'000'000, 2'000'000));
  Jitter jitter;
  jitter.ops[OpKind::Forward] = Samples{{2}};
  jitter.ops[OpKind::Backward] = Samples{{3}};
  const JitterDraw draw(graph, jitter, 1);
  auto buffers = draw.make_buffers();
  const RunTimes times = draw.draw(0, buffers);
  std::size_t pairs = 0;
  for (VertexId v = 0; v < graph.vertex_count(); ++v) {
    if (graph.ops(v).size() < 2 || graph.ops(v).back().kind != OpKind::Backward) continue;
    ++pairs;
    CHECK(times.durations[v] == 3 * graph.durations()[v]);
  }
  CHECK(pairs > 0);
}

TEST_CASE("times that get out of hand are an error that names the run") {
  const OpGraph graph = graph_of(make_schedule("1f1b", {1, 2, 1}), uniform_costs(std::int64_t{1} << 58, 1));
  const JitterDraw draw(graph, of_compute(Samples{{1000}}), 1);
  auto buffers = draw.make_buffers();
  CHECK_THROWS_WITH((void)draw.draw(4, buffers),
                    "in run 4 all durations together pass 2^62 ns (146 years): expected less jitter or "
                    "shorter ops");
}

}  // namespace ppsim::jitter_test
