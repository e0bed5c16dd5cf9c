// Pipelines whose unit is a slice of a sequence. Seq1F1B: Sun et al., "Seq1F1B: Efficient Sequence-Level
// Pipeline Parallelism for Large Language Model Training", 2024. TeraPipe: Li et al., "TeraPipe: Token-Level
// Pipeline Parallelism for Training Large-Scale Language Models", ICML 2021, here on GPipe's order. Unit u =
// m k + q is slice q of micro-batch m: forwards go from the first slice to the last, backwards from the last
// to the first, since attention looks back.
#include <algorithm>

#include "ppsim/schedule/registry.hpp"
#include "schedule/generators/one_f_one_b.hpp"

namespace ppsim::sequence_slices_schedule {
namespace {

std::uint64_t slices(const OptionValues& options) {
  return static_cast<std::uint64_t>(std::get<std::int64_t>(options.at("slices")));
}

ScheduleWriter writer(const char* name, const ScheduleRequest& request, std::uint64_t n) {
  const std::uint32_t P = request.shape.ranks;
  return {name, linear_placement(P), static_cast<std::uint32_t>(n), 2 * n * P};
}

Schedule finish(ScheduleWriter&& out, std::uint64_t k) {
  Schedule schedule = std::move(out).take();
  schedule.slices = static_cast<std::uint32_t>(k);
  return schedule;
}

Schedule generate_seq1f1b(const ScheduleRequest& request) {
  const std::uint64_t P = request.shape.ranks, k = slices(request.options);
  const std::uint64_t n = request.shape.micro_batches * k;
  ScheduleWriter out = writer("seq1f1b", request, n);
  for (std::uint64_t r = 0; r < P; ++r) {
    write_one_f_one_b(
        n, P - 1 - r + k - 1, [&](std::uint64_t u) { out.forward(r, u); },
        [&](std::uint64_t i) { out.backward(r, i / k * k + (k - 1 - i % k)); });
    out.next_rank();
  }
  return finish(std::move(out), k);
}

Schedule generate_terapipe(const ScheduleRequest& request) {
  const std::uint64_t k = slices(request.options), n = request.shape.micro_batches * k;
  ScheduleWriter out = writer("terapipe", request, n);
  for (std::uint32_t r = 0; r < request.shape.ranks; ++r) {
    for (std::uint64_t u = 0; u < n; ++u) out.forward(r, u);
    for (std::uint64_t u = n; u-- > 0;) out.backward(r, u);
    out.next_rank();
  }
  return finish(std::move(out), k);
}

// Slices of equal cost, F and B of one slice.
Time work(const ScheduleRequest& request, const UniformCosts& costs) {
  const auto n = static_cast<std::int64_t>(request.shape.micro_batches * slices(request.options));
  return (n + request.shape.ranks - 1) * (costs.forward + costs.backward);
}

std::optional<Time> seq1f1b_makespan(const ScheduleRequest& request, const UniformCosts& costs) {
  if (costs.hop != Time{} && request.shape.ranks > 1) return std::nullopt;
  return work(request, costs);
}

// One wave of forwards and one of backwards, as GPipe.
std::optional<Time> terapipe_makespan(const ScheduleRequest& request, const UniformCosts& costs) {
  return work(request, costs) + 2 * (request.shape.ranks - std::int64_t{1}) * costs.hop;
}

std::optional<std::uint64_t> seq1f1b_peak(const ScheduleRequest& request, Rank rank) {
  const std::uint64_t k = slices(request.options);
  return std::min(request.shape.micro_batches * k, request.shape.ranks - 1 - index(rank) + k);
}

std::optional<std::uint64_t> terapipe_peak(const ScheduleRequest& request, Rank) {
  return request.shape.micro_batches * slices(request.options);
}

OptionSpec slices_option() {
  return {.name = "slices",
          .help = "pieces that each micro-batch's sequence is cut into",
          .default_value = std::int64_t{4},
          .minimum = 1};
}

const Registration seq1f1b_registration{ScheduleInfo{
    .name = "seq1f1b",
    .summary = "1F1B over slices of the sequence: a bubble and activations smaller by the number of slices",
    .source = "Sun et al., \"Seq1F1B: Efficient Sequence-Level Pipeline Parallelism for Large Language Model "
              "Training\", 2024",
    .placement = "linear",
    .options = {slices_option()},
    .makespan = {"(M k + P-1)(F+B)", "F and B of a slice, all equal, k = slices; c = 0"},
    .bubble = {"(P-1)/(M k + P-1)", "equal slices, c = 0"},
    .peak = {"min(M k, P-1-r + k)", "in slices"},
    .generate = generate_seq1f1b,
    .exact_makespan = seq1f1b_makespan,
    .exact_peak = seq1f1b_peak,
    .units = slices,
}};

const Registration terapipe_registration{ScheduleInfo{
    .name = "terapipe",
    .summary = "GPipe over slices of the sequence",
    .source = "Li et al., \"TeraPipe: Token-Level Pipeline Parallelism for Training Large-Scale Language "
              "Models\", ICML 2021; the order is GPipe's",
    .placement = "linear",
    .options = {slices_option()},
    .makespan = {"(M k + P-1)(F+B) + 2(P-1)c", "F and B of a slice, all equal, k = slices"},
    .bubble = {"(P-1)/(M k + P-1)", "equal slices, c = 0"},
    .peak = {"M k", "in slices"},
    .generate = generate_terapipe,
    .exact_makespan = terapipe_makespan,
    .exact_peak = terapipe_peak,
    .units = slices,
}};

}  // namespace
}  // namespace ppsim::sequence_slices_schedule
