// What holds for a run of every registered schedule: a new one gets these without a line of its own.
#include <doctest/doctest.h>

#include <random>

#include "ppsim/engine/simulate.hpp"
#include "ppsim/metrics/bubbles.hpp"
#include "ppsim/metrics/memory.hpp"
#include "schedule/replay.hpp"
#include "schedule/requests.hpp"

namespace ppsim::every_schedule_test {
namespace {

const UniformCosts kCosts{.forward = Time(3),
                          .backward = Time(5),
                          .input_grad = Time(3),
                          .weight_grad = Time(2),
                          .hop = Time(1),
                          .recompute = Time(2)};

// Each stage with costs of its own, hops of every length, activations that I frees in part.
Workload random_workload(const Shape& shape, std::mt19937& random) {
  const auto up_to = [&](std::int64_t most) { return static_cast<std::int64_t>(random() % (most + 1)); };
  Workload workload = uniform_workload(shape, kCosts);
  workload.network = Network::point_to_point(shape.ranks, {BytesPerSecond(1'000'000'000), Time(up_to(4))});
  workload.pair = Time(up_to(30));
  for (StageCosts& stage : workload.stages) {
    stage.ops[OpKind::Forward].duration = Time(up_to(20));
    stage.ops[OpKind::InputGrad].duration = Time(up_to(20));
    stage.ops[OpKind::WeightGrad].duration = Time(up_to(20));
    stage.ops[OpKind::Recompute].duration = Time(up_to(20));
    stage.ops[OpKind::Backward].duration =
        stage.duration(OpKind::InputGrad) + stage.duration(OpKind::WeightGrad) + Time(up_to(3));
    stage.forward_transfer = Bytes(up_to(8));
    stage.backward_transfer = Bytes(up_to(8));
    stage.activation = Bytes(up_to(9));
    stage.activation_freed_at_input_grad = Bytes(up_to(stage.activation.count()));
    if (workload.stages.size() % 2 == 1) continue;
    stage.ops[OpKind::GradientReduction].duration = Time(up_to(9));
    stage.gradient_buckets = static_cast<std::uint32_t>(1 + up_to(3));
    stage.ops[OpKind::OptimizerStep].duration = Time(up_to(4));
  }
  workload.overlap_gradients = up_to(1) == 1;
  return workload;
}

// Inference needs token steps, which uniform_workload does not know of.
void add_token_steps(Workload& workload, const Schedule& schedule) {
  if (schedule.requests == 0) return;
  for (StageCosts& stage : workload.stages)
    stage.decode_forward.assign(schedule.micro_batches / schedule.requests - 1,
                                stage.duration(OpKind::Forward));
}

Time end_of(const Timeline& timeline) {
  return timeline.finish.empty() ? Time{} : *std::max_element(timeline.finish.begin(), timeline.finish.end());
}

TEST_CASE("the engine ends every schedule when an independent longest path does, whatever the costs") {
  std::mt19937 random(1);
  for_each_request(kCosts, [&](const auto& info, auto request) {
    Workload workload = random_workload(request.shape, random);
    request.costs = &workload;
    if (why_not(info, request)) return;
    const Schedule schedule = make_schedule(info, request);
    add_token_steps(workload, schedule);
    const OpGraph graph = build_graph(schedule, workload, Communication::Overlap);
    const Timeline timeline = simulate(graph, Contention("none"));
    if (end_of(timeline) != longest_path(graph)) FAIL_CHECK(describe(info, request));
    const OpGraph blocking = build_graph(schedule, workload, Communication::Blocking);
    if (end_of(simulate(blocking, Contention("fifo"))) < end_of(timeline))
      FAIL_CHECK(describe(info, request));
  });
}

TEST_CASE("the engine's makespan and rank span of every schedule are those of the replay") {
  for_each_request(kCosts, [&](const auto& info, const auto& request) {
    Workload workload = uniform_workload(request.shape, kCosts);
    const Schedule schedule = make_schedule(info, request);
    add_token_steps(workload, schedule);
    UniformCosts costs = kCosts;
    costs.copy = workload.stages[0].activation / BytesPerSecond(1) + kCosts.hop;
    const auto replayed = Replay(schedule, costs).run();
    const OpGraph graph = build_graph(schedule, workload, Communication::Overlap);
    const Bubbles bubbles = measure_bubbles(graph, simulate(graph, Contention("none")));
    const bool same = replayed && bubbles.makespan == replayed->makespan &&
                      bubbles.max_rank_span == replayed->max_rank_span;
    if (!same) FAIL_CHECK(describe(info, request));
  });
}

TEST_CASE("no rank keeps more activations than its schedule states") {
  std::map<std::string, int> compared;
  for_each_request(kCosts, [&](const auto& info, const auto& request) {
    if (!info.exact_peak) return;
    const Workload workload = uniform_workload(request.shape, kCosts);
    const Schedule schedule = make_schedule(info, request);
    const OpGraph graph = build_graph(schedule, workload, Communication::Overlap);
    const auto memory = measure_memory(graph, simulate(graph, Contention("none")), schedule, workload);
    for (std::uint32_t rank = 0; rank < schedule.ranks(); ++rank) {
      const auto own = info.exact_peak(request, Rank{rank});
      if (!own) continue;
      ++compared[info.name];
      const bool has_guests = !graph.copies().empty();
      const std::uint64_t most = has_guests ? (schedule.ranks() + 3) / 2 : *own;
      const bool holds = has_guests ? memory[rank].peak_count <= most : memory[rank].peak_count == most;
      if (!holds) FAIL_CHECK(describe(info, request) << " rank " << rank << ": " << memory[rank].peak_count);
    }
  });
  CHECK(compared.size() > 10);
}

// What a rank may keep under a limit. In p it counts the rank's own stage, or in a V the largest of all
// chunks; where nothing is known of activations, live pairs.
bool keeps_limit(const ScheduleRequest& request, MemoryLimit limit, Rank rank, const RankMemory& memory) {
  if (limit.times == 0) return memory.peak_activation <= limit.bytes;
  const double times = limit.times * request.shape.ranks;
  Bytes unit = request.costs->stages[index(rank)].activation;
  if (request.shape.chunks > 1) {
    for (const StageCosts& stage : request.costs->stages) unit = std::max(unit, stage.activation);
  }
  if (unit == Bytes(0)) return memory.peak_count <= times;
  const double most = times * static_cast<double>(unit.count());
  return static_cast<double>(memory.peak_activation.count()) <= most * (1 + 1e-12);
}

TEST_CASE("a limit on activation memory holds on every rank, whatever the costs") {
  std::mt19937 random(2);
  std::map<std::string, int> compared;
  for_each_request(kCosts, [&](const auto& info, auto request) {
    Workload workload = random_workload(request.shape, random);
    if (random() % 2 == 0) {  // so that all are known, which a limit in bytes asks for
      for (StageCosts& stage : workload.stages) stage.activation += Bytes(1);
    }
    request.costs = &workload;
    for (auto& [name, value] : request.options) {
      auto* limit = std::get_if<MemoryLimit>(&value);
      if (limit == nullptr) continue;
      limit->bytes = limit->bytes * workload.stages.size();  // or it would fit the smallest shapes alone
      if (why_not(info, request)) continue;
      const Schedule schedule = make_schedule(info, request);
      const OpGraph graph = build_graph(schedule, workload, Communication::Overlap);
      const auto memory = measure_memory(graph, simulate(graph, Contention("none")), schedule, workload);
      for (std::uint32_t rank = 0; rank < schedule.ranks(); ++rank) {
        if (!keeps_limit(request, *limit, Rank{rank}, memory[rank]))
          FAIL_CHECK(describe(info, request)
                     << " rank " << rank << ": " << memory[rank].peak_activation.count());
        ++compared[info.name + (limit->times > 0 ? " in p" : " in bytes")];
      }
    }
  });
  for (const char* what : {"zb-auto in p", "zb-auto in bytes", "zbv-auto in p", "zbv-auto in bytes"}) {
    CAPTURE(what);
    CHECK(compared[what] >= 10);
  }
}

}  // namespace
}  // namespace ppsim::every_schedule_test
