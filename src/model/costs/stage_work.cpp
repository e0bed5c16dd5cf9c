// The same parts that cost_model.cpp sums up, kept apart; the two all-reduces of a layer stand at its end.
#include "model/costs/stage_work.hpp"

#include "model/costs/cost_model.hpp"
#include "model/layers/model_run.hpp"
#include "model/layers/stage_parts.hpp"
#include "model/layers/transformer_checks.hpp"

namespace ppsim {
namespace {

void add_stage_products(WorkPart& part, const Products& products) {
  for (const Product& product : products) part.items.emplace_back(product);
}

void add_traffic(WorkPart& part, const Traffic& traffic) {
  if (traffic.bytes > 0) part.items.emplace_back(traffic);
}

void add_reductions(WorkPart& part, const ModelRun& run, Bytes hidden, std::uint32_t count) {
  if (run.parallelism.tensor == 1) return;
  for (std::uint32_t i = 0; i < count; ++i) part.items.emplace_back(TensorReduction{hidden});
}

void push(PassWork& pass, WorkPart part) {
  if (!part.items.empty()) pass.parts.push_back(std::move(part));
}

// One end of the model has one all-reduce: the embedding in the forward, the head in the backward.
void add_part(StageWork& work, const ModelRun& run, Bytes hidden, const StagePart& part, bool is_embedding) {
  const auto times = static_cast<std::uint32_t>(part.times());
  const bool layers = part.layers > 0;
  WorkPart forward{{}, times}, recompute{{}, times}, input_grad{{}, times}, weight_grad{{}, times};
  for (const Operator& op : part.operators) {
    add_stage_products(forward, op.forward);
    add_traffic(forward, op.forward_traffic);
    if (op.recomputed) {
      add_stage_products(recompute, op.forward);
      add_traffic(recompute, op.forward_traffic);
    }
    add_stage_products(input_grad, op.input_grad);
    add_traffic(input_grad, op.backward_traffic);
    add_stage_products(weight_grad, op.weight_grad);
  }
  add_reductions(forward, run, hidden, layers ? 2 : is_embedding ? 1 : 0);
  if (layers && run.parallelism.recompute == Recompute::Full) add_reductions(recompute, run, hidden, 2);
  add_reductions(input_grad, run, hidden, layers ? 2 : is_embedding ? 0 : 1);
  push(work[OpKind::Forward], std::move(forward));
  push(work[run.shape.recompute_ahead ? OpKind::Recompute : OpKind::InputGrad], std::move(recompute));
  push(work[OpKind::InputGrad], std::move(input_grad));
  push(work[OpKind::WeightGrad], std::move(weight_grad));
}

}  // namespace

std::vector<StageWork> make_stage_work(const ModelInput& input, const Parallelism& parallelism,
                                       const RunShape& shape) {
  const auto* model = std::get_if<Transformer>(&input.model);
  if (model == nullptr || shape.decode_steps || shape.slices > 1) return {};
  const ModelRun run = make_run(input, parallelism, shape);
  check_model(run, *model);
  const double tokens = static_cast<double>(model->sequence_length) / parallelism.context;
  const Bytes hidden = hidden_bytes(run, *model, tokens);
  std::vector<StageWork> stages;
  for (std::size_t stage = 0; stage < run.layout.stages.size(); ++stage) {
    const StagePlace place = stage_place(run.layout, stage);
    const std::vector<StagePart> parts = stage_parts(run, *model, place);
    StageWork& work = stages.emplace_back();
    for (std::size_t i = 0; i < parts.size(); ++i)
      add_part(work, run, hidden, parts[i], place.embedding && i == 0);
    const StageTimes times = stage_times(run, *model, place, parts);
    const PassCollectives& other = times.other_comm;
    work[OpKind::Forward].other_comm = to_stage_time(other.forward.time);
    work[OpKind::InputGrad].other_comm = to_stage_time((other.recompute + other.input_grad).time);
    if (shape.recompute_ahead) {
      work[OpKind::Recompute].other_comm = to_stage_time(other.recompute.time);
      work[OpKind::InputGrad].other_comm -= work[OpKind::Recompute].other_comm;
    }
    work[OpKind::WeightGrad].other_comm = to_stage_time(other.weight_grad.time);
  }
  return stages;
}

}  // namespace ppsim
