// V-Half and V-Min: Qi, Wan, Amar, Lin, "Pipeline Parallelism with Controllable Memory", NeurIPS 2024. A
// building block on the V-shape is repeated for every micro-batch, which bounds how long activations live;
// warm-up and cool-down are then compacted as in the sail-sg project.
#include <fmt/format.h>

#include <algorithm>

#include "ppsim/core/error.hpp"
#include "ppsim/schedule/registry.hpp"
#include "schedule/generators/v_slots.hpp"

namespace ppsim::v_controlled_schedule {
namespace {

// The block: slots of F a, F z, I z, I a of micro-batch 0 on rank r. Two slots of six are left for W; the
// shift d keeps two ops of a rank from sharing a slot.
VOffsets half_block(std::uint32_t P, std::uint32_t r) {
  const std::uint32_t d = P % 2 == 0 ? 3 : 0;
  return {2 * r, 3 * P - 2 - r, 3 * P + d - 1 + 2 * r, 6 * P + d - 2 - r};
}

VOffsets min_block(std::uint32_t P, std::uint32_t r) {
  const std::uint32_t d = P % 3 == 0 ? 2 : 0;
  return {r, 2 * P - 1 - r, 2 * P + d + r, 4 * P + d - 1 - r};
}

using Block = VOffsets (*)(std::uint32_t P, std::uint32_t r);

// Writes a row and its W, each in the first empty slot behind its I, those of the stage on the way back
// first.
void write_row(const VRow& row, std::uint32_t a, std::uint32_t z, std::vector<Op>& program) {
  std::array<std::uint32_t, 4> next{};
  std::uint32_t w_of_a = 0, w_of_z = 0;
  const auto push = [&](OpKind kind, std::uint32_t stage, std::uint32_t& micro_batch) {
    program.push_back({kind, false, static_cast<Stage>(stage), MicroBatch{micro_batch++}});
  };
  const auto weight_grad = [&] {
    if (w_of_z < next[2]) return push(OpKind::WeightGrad, z, w_of_z), true;
    if (w_of_a < next[3]) return push(OpKind::WeightGrad, a, w_of_a), true;
    return false;
  };
  for (const VCell cell : row) {
    if (cell == VCell::ForwardDown) push(OpKind::Forward, a, next[0]);
    if (cell == VCell::ForwardBack) push(OpKind::Forward, z, next[1]);
    if (cell == VCell::InputGradBack) push(OpKind::InputGrad, z, next[2]);
    if (cell == VCell::InputGradDown) push(OpKind::InputGrad, a, next[3]);
    if (cell == VCell::Empty) weight_grad();
  }
  while (weight_grad()) continue;
}

Op later(Op op, std::uint32_t micro_batches) {
  op.micro_batch = static_cast<MicroBatch>(index(op.micro_batch) + micro_batches);
  return op;
}

// Where a period ends and comes again, one micro-batch on: the steady part. From the middle towards the end,
// because a part of the warm-up may repeat too.
std::size_t steady_place(std::span<const Op> program) {
  const auto repeats_at = [&](std::size_t place) {
    const auto before = program.subspan(place - kVPeriod, kVPeriod),
               behind = program.subspan(place, kVPeriod);
    return std::equal(behind.begin(), behind.end(), before.begin(),
                      [](Op op, Op earlier) { return op == later(earlier, 1); });
  };
  std::size_t place = program.size() / 2;
  while (place + kVPeriod <= program.size() && !repeats_at(place)) ++place;
  PPSIM_ASSERT(place + kVPeriod <= program.size(), "no steady part");
  return place;
}

// Writes a program for `more` micro-batches than it has.
void write_longer(ScheduleWriter& out, std::span<const Op> program, std::uint32_t more) {
  const std::size_t place = more > 0 ? steady_place(program) : program.size();
  for (const Op op : program.first(place)) out.push(op);
  for (std::uint32_t n = 0; n < more; ++n) {
    for (const Op op : program.subspan(place, kVPeriod)) out.push(later(op, n));
  }
  for (const Op op : program.subspan(place)) out.push(later(op, more));
  out.next_rank();
}

bool compacts(const ScheduleRequest& request) {
  return request.text("compact") == "yes";
}

// Compaction touches the two ends alone, and from P+2 micro-batches on they do not meet: so a short schedule
// is compacted, with room to spare, and the rest put into its middle.
Schedule generate(const char* name, const ScheduleRequest& request, Block block) {
  const auto [P, M, V] = request.shape;
  const std::uint32_t short_M = compacts(request) ? std::min(M, 2 * P + 4) : M;
  std::vector<VRow> rows;
  for (std::uint32_t r = 0; r < P; ++r) rows.push_back(repeat_block(block(P, r), short_M));
  if (compacts(request)) rows = compact(std::move(rows), short_M);
  ScheduleWriter out(name, wave_placement(P, V), M, std::size_t{6} * P * M);
  std::vector<Op> program;
  program.reserve(std::size_t{6} * short_M);
  for (std::uint32_t r = 0; r < P; ++r) {
    program.clear();
    write_row(rows[r], r, 2 * P - 1 - r, program);
    write_longer(out, program, M - short_M);
  }
  return std::move(out).take();
}

// Both forms are fits, not derived: they were met by every shape tried.
constexpr std::int64_t kMostRanksTried = 64;

std::optional<Time> exact_makespan(const ScheduleRequest& request, const UniformCosts& costs,
                                   std::int64_t over) {
  const std::int64_t P = request.shape.ranks, M = request.shape.micro_batches;
  const Time F = costs.forward, I = costs.input_grad, W = costs.weight_grad;
  if (F != I || I != W || costs.hop != Time{} || M < P + 2 || P > kMostRanksTried || !compacts(request))
    return std::nullopt;
  return (6 * M + over) * F;
}

std::optional<Time> half_makespan(const ScheduleRequest& request, const UniformCosts& costs) {
  const std::int64_t P = request.shape.ranks;
  return exact_makespan(request, costs, P <= 2 ? P - 1 : P % 2 == 0 ? 3 * P - 7 : 3 * P - 4);
}

std::optional<Time> min_makespan(const ScheduleRequest& request, const UniformCosts& costs) {
  const std::int64_t P = request.shape.ranks;
  return exact_makespan(request, costs, P == 1 ? 0 : P % 3 == 0 ? 4 * P - 7 : 4 * P - 5);
}

std::optional<std::uint64_t> half_peak(const ScheduleRequest& request, Rank) {
  const std::uint64_t P = request.shape.ranks;
  if (request.shape.micro_batches < P + 2 || P > kMostRanksTried) return std::nullopt;
  return P % 2 == 0 ? P + 2 : P + 1;
}

std::optional<std::uint64_t> min_peak(const ScheduleRequest& request, Rank rank) {
  const std::uint64_t P = request.shape.ranks;
  if (request.shape.micro_batches < P + 2 || P > kMostRanksTried || !compacts(request)) return std::nullopt;
  const bool one_less = index(rank) == 0 && P % 3 == 2;
  return 2 * ((P + 4) / 3) - (one_less ? 1 : 0);
}

OptionSpec compact_option() {
  return {.name = "compact",
          .help =
              "yes: warm-up and cool-down are moved together within the memory of the blocks; no: the "
              "blocks as they are, longer",
          .default_value = std::string("yes"),
          .choices = {"yes", "no"}};
}

constexpr const char* kSource =
    "Qi, Wan, Amar, Lin, \"Pipeline Parallelism with Controllable Memory\", NeurIPS 2024; the reordering of "
    "the "
    "sail-sg project";
constexpr const char* kDomain = "per chunk; F = I = W, c = 0, M >= P+2, P <= 64, compact; a fit, not derived";

const Registration half_registration{ScheduleInfo{
    .name = "v-half",
    .summary = "a V of two chunks a rank whose blocks keep half of 1F1B's memory",
    .source = kSource,
    .placement = "V-shape",
    .options = {compact_option()},
    .chunk_rule = ChunkRule::Two,
    .makespan = {"(6M + 3P-7)F for even P (P = 2: (6M + 1)F), (6M + 3P-4)F for odd P (P = 1: 6MF)", kDomain},
    .bubble = {"(3P-7)F / makespan for even P >= 4, (3P-4)F / makespan for odd P >= 3", kDomain},
    .peak = {"P+2 for even P, P+1 for odd P", "in chunks, which are half a stage; M >= P+2, P <= 64"},
    .generate = [](const auto& request) { return generate("v-half", request, half_block); },
    .exact_makespan = half_makespan,
    .exact_peak = half_peak,
}};

const Registration min_registration{ScheduleInfo{
    .name = "v-min",
    .summary = "a V of two chunks a rank whose blocks keep a third of 1F1B's memory, the least of its kind",
    .source = kSource,
    .placement = "V-shape",
    .options = {compact_option()},
    .chunk_rule = ChunkRule::Two,
    .makespan = {"(6M + 4P-5)F, (6M + 4P-7)F where 3 divides P (P = 1: 6MF)", kDomain},
    .bubble = {"(4P-5)F / makespan, (4P-7)F / makespan where 3 divides P; P >= 2", kDomain},
    .peak = {"2 ceil((P+2)/3)",
             "in chunks, which are half a stage; M >= P+2, P <= 64, compact; P = 2, 5, 8, ..: on rank 0 one "
             "less"},
    .generate = [](const auto& request) { return generate("v-min", request, min_block); },
    .exact_makespan = min_makespan,
    .exact_peak = min_peak,
}};

}  // namespace
}  // namespace ppsim::v_controlled_schedule
