// Operators of grouped-query, latent and flash attention and of experts: parameters, FLOPs, what is kept.
// Expectations are the papers' own counts, or sums over the tensors that are named.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "model/presets.hpp"
#include "ppsim/model/costs/stage_table.hpp"
#include "support.hpp"

namespace ppsim::operators_test {
namespace {

// DeepSeek-AI 2024, DeepSeek-V3 (section 4.2), without its multi-token prediction.
Transformer deepseek_v3() {
  Transformer model;
  model.layers = 61;
  model.hidden = 7168;
  model.heads = model.kv_heads = 128;
  model.latent_attention = LatentAttention{1536, 512, 128, 64, 128};
  model.ffn_hidden = 18432;
  model.gated_mlp = true;
  model.experts = Experts{.count = 256, .per_token = 8, .shared = 1, .ffn_hidden = 2048, .dense_layers = 3};
  model.sequence_length = 4096;
  model.vocabulary = 129280;
  model.tied_embeddings = false;
  model.dropout = false;
  model.flash_attention = true;
  return model;
}

// Two layers of small_gpt()'s size: 4 experts, 2 a token, one shared.
Transformer small_experts() {
  Transformer model = small_gpt();
  model.layers = 3;
  model.gated_mlp = true;
  model.dropout = false;
  model.experts = Experts{.count = 4, .per_token = 2, .shared = 1, .ffn_hidden = 2048};
  return model;
}

StageTable middle(const Transformer& model, const Parallelism& p, const Training& training = {}) {
  return make_stage_tables({round_cluster(8), model, training}, p, {p.pipeline, p.pipeline, {}}).at(1);
}

const OperatorRow& row(const StageTable& table, const std::string& name) {
  const auto found = std::find_if(table.rows.begin(), table.rows.end(),
                                  [&](const OperatorRow& one) { return one.name == name; });
  REQUIRE(found != table.rows.end());
  return *found;
}

double bytes(const OperatorRow& one) {
  return static_cast<double>(one.activation.count());
}

TEST_CASE("DeepSeek-V3 has 671 billion parameters, and a token meets 37 billion of them") {
  const Transformer model = deepseek_v3();
  CHECK(static_cast<double>(parameters(model)) / 1e9 == doctest::Approx(671).epsilon(0.001));
  // A token goes past 256 - 8 experts of three matrices in each of 58 layers, and looks up one row of the
  // embedding.
  const double passed = 58.0 * 248 * 3 * 7168 * 2048 + 129280.0 * 7168;
  CHECK((static_cast<double>(parameters(model)) - passed) / 1e9 == doctest::Approx(37).epsilon(0.02));
}

TEST_CASE("the operators of a stage have the parameters that the layers are said to have") {
  for (const Transformer& model : {small_gpt(), llama_70b(), deepseek_v3(), small_experts()}) {
    CAPTURE(model.layers);
    const StageTable table = middle(model, parallel(1, 3));
    double expected = 0;
    for (std::uint32_t i = 0; i < table.layers.count; ++i)
      expected += static_cast<double>(layer_parameters(model, table.layers.first + i));
    double sum = 0;
    for (const OperatorRow& one : table.rows) sum += one.parameters;
    CHECK(sum == expected);
  }
}

TEST_CASE("the rows of a table sum up to the stage's times and activations") {
  Cluster cluster = round_cluster(8);
  cluster.gpu.memory_efficiency = 0.8;
  cluster.gpu.kernel_overhead = std::chrono::microseconds(3);
  for (const Recompute recompute : {Recompute::None, Recompute::Selective, Recompute::Full}) {
    Parallelism p = parallel(2, 3, 4);
    p.recompute = recompute;
    p.expert = 2;
    const ModelInput input{cluster, small_experts()};
    const RunShape shape{3, 3, {}};
    const Workload workload = make_workload(input, p, shape);
    const auto tables = make_stage_tables(input, p, shape);
    for (std::size_t stage = 0; stage < 3; ++stage) {
      OperatorRow sum;
      for (const OperatorRow& one : tables[stage].rows) {
        sum.activation += one.activation;
        sum.forward += one.forward;
        sum.weight_grad += one.weight_grad;
        sum.input_grad += one.input_grad + one.recompute;
      }
      const StageCosts& costs = workload.stages[stage];
      CHECK(sum.forward.count() ==
            doctest::Approx(Seconds(costs.duration(OpKind::Forward)).count()).epsilon(1e-6));
      CHECK(sum.input_grad.count() ==
            doctest::Approx(Seconds(costs.duration(OpKind::InputGrad)).count()).epsilon(1e-6));
      CHECK(sum.weight_grad.count() ==
            doctest::Approx(Seconds(costs.duration(OpKind::WeightGrad)).count()).epsilon(1e-6));
      CHECK(sum.activation == costs.activation);
    }
  }
}

TEST_CASE("layers with experts run the visits of their tokens, and each expert its share of them") {
  const double s = 512, h = 1024, f = 2048;
  const StageTable table = middle(small_experts(), parallel(1, 3));
  // Three matrices, two of them up; 2 visits a token, and the shared expert.
  CHECK(row(table, "experts up").flops.count() == 2 * s * 2 * h * 2 * f);
  CHECK(row(table, "experts down").flops.count() == 2 * s * 2 * h * f);
  CHECK(row(table, "shared expert up").flops.count() == 2 * s * h * 2 * f);
  CHECK(row(table, "router").flops.count() == 2 * s * h * 4);
  // Kept: inputs of two visits, both factors of the gate, their product; the router's copy in fp32.
  CHECK(bytes(row(table, "experts up")) == s * 2 * 2 * h);
  CHECK(bytes(row(table, "experts activation")) == s * 2 * 2 * 2 * f);
  CHECK(bytes(row(table, "experts down")) == s * 2 * 2 * f);
  CHECK(bytes(row(table, "router")) == s * 4 * h);
}

TEST_CASE("expert parallelism divides the experts' parameters and neither their FLOPs nor activations") {
  Parallelism p = parallel(1, 3, 4);
  const StageTable whole = middle(small_experts(), p);
  p.expert = 4;
  const StageTable shared = middle(small_experts(), p);
  for (const char* name : {"experts up", "experts down"}) {
    CHECK(row(shared, name).parameters == row(whole, name).parameters / 4);
    CHECK(row(shared, name).flops == row(whole, name).flops);
    CHECK(row(shared, name).activation == row(whole, name).activation);
  }
  CHECK(row(shared, "shared expert up") == row(whole, "shared expert up"));
  CHECK(row(shared, "qkv projection") == row(whole, "qkv projection"));
}

TEST_CASE("experts that no tensor group splits keep their own tokens' inputs, those that it splits all") {
  Parallelism p = parallel(4, 3, 2);
  p.sequence_parallel = true;
  const StageTable split = middle(small_experts(), p);
  p.expert_tensor = 1;
  const StageTable own = middle(small_experts(), p);
  CHECK(bytes(row(own, "experts up")) == bytes(row(split, "experts up")) / 4);
  CHECK(bytes(row(own, "experts activation")) == bytes(row(split, "experts activation")));
  CHECK(row(own, "experts up").flops == row(split, "experts up").flops);
  CHECK(row(own, "experts up").parameters == 4 * row(split, "experts up").parameters);
}

TEST_CASE("some layers with experts and some without are told apart by place") {
  Transformer model = small_experts();
  model.layers = 7;
  model.experts->dense_layers = 2;
  model.experts->every = 2;
  // The second, fourth ... of the layers behind the first two.
  std::string kinds;
  for (std::uint32_t layer = 0; layer < model.layers; ++layer) kinds += model.has_experts(layer) ? 'E' : 'd';
  CHECK(kinds == "dddEdEd");
}

TEST_CASE("latent attention keeps its latents, and the queries, keys and values that it makes of them") {
  // DeepSeek-V2, section 2.1: a token, 2-byte elements. Before the norms of the latents 1536 + 576, behind
  // them 1536 + 512; heads of 192 in Q and K and of 128 in V and the output; a sum of exponentials a head.
  const double s = 4096, h = 7168, a = 128;
  Parallelism p = parallel(1, 3);
  const Transformer model = deepseek_v3();
  const StageTable table = middle(model, p);
  const double layers = table.layers.count;
  CHECK(bytes(row(table, "attention norm")) == layers * s * 2 * h);
  CHECK(bytes(row(table, "q down projection")) == layers * s * 2 * h);
  CHECK(bytes(row(table, "q norm")) == layers * s * 2 * 1536);
  CHECK(bytes(row(table, "kv norm")) == layers * s * 2 * (512 + 64));
  CHECK(bytes(row(table, "kv up projection")) == layers * s * 2 * 512);
  CHECK(bytes(row(table, "flash attention")) == layers * s * a * (2 * (192 + 192 + 128) + 4));
  CHECK(bytes(row(table, "output projection")) == layers * s * 2 * a * 128);
  CHECK(row(table, "q up projection").flops.count() == layers * 2 * s * 1536 * a * 192);
}

TEST_CASE("flash attention keeps no scores, computes half of them, and in the backward 5 products for 4") {
  Transformer model = small_gpt();
  const StageTable plain = middle(model, parallel(1, 3));
  model.flash_attention = true;
  const StageTable flash = middle(model, parallel(1, 3));
  const double s = 512, h = 1024, a = 16, layers = 2;
  const OperatorRow& core = row(flash, "flash attention");
  CHECK(bytes(core) == layers * s * (3 * 2 * h + 4 * a));
  CHECK(core.flops == row(plain, "attention scores").flops + row(plain, "attention context").flops);
  const double forward = layers * 4 * s * s * h / 50e12;  // all scores
  CHECK(core.forward.count() == doctest::Approx(forward / 2));
  CHECK(core.input_grad.count() == doctest::Approx(2.5 * forward / 2));
  CHECK(core.weight_grad == Seconds(0));
  // MFU counts what the model needs by the usual count.
  model.flash_attention = false;
  const Flops counted = *training(round_cluster(1), model, parallel(1, 3)).model_flops_per_step;
  model.flash_attention = true;
  CHECK(*training(round_cluster(1), model, parallel(1, 3)).model_flops_per_step == counted);
}

TEST_CASE("without dropout no mask is kept, and one copy of the probabilities") {
  Transformer model = small_gpt();
  model.dropout = false;
  const double s = 512, h = 1024, a = 16, layers = 2;
  // Of Table 2's 34 and 5 a s / h: two masks, and a mask and a second copy, less.
  const StageCosts stage = training(round_cluster(1), model, parallel(1, 3)).stages.at(1);
  CHECK(static_cast<double>(stage.activation.count()) == layers * s * h * (34 - 2 + 2 * a * s / h));
  const auto stages = training(round_cluster(1), model, parallel(1, 3)).stages;
  CHECK(stages[0].activation == stages[1].activation);
}

TEST_CASE("a context group divides tokens: weights' FLOPs and all activations, and scores with all tokens") {
  Parallelism p = parallel(1, 3);
  const StageTable whole = middle(small_gpt(), p);
  p.context = 4;
  const StageTable part = middle(small_gpt(), p);
  REQUIRE(part.rows.size() == whole.rows.size() + 1);
  CHECK(part.rows.back().name == "context ring");
  for (std::size_t i = 0; i < whole.rows.size(); ++i) {
    CAPTURE(part.rows[i].name);
    CHECK(4 * part.rows[i].flops.count() == whole.rows[i].flops.count());
    CHECK(part.rows[i].activation * 4 == whole.rows[i].activation);
    CHECK(part.rows[i].parameters == whole.rows[i].parameters);
  }
  const Workload workload = training(round_cluster(2), small_gpt(), p);
  CHECK(workload.gpus == 12);
  CHECK(*workload.tokens_per_step == 512);
  CHECK(workload.stages[0].forward_transfer == Bytes(512 / 4 * 1024 * 2));
  CHECK(workload.stages[0].duration(OpKind::GradientReduction) > Time(0));
}

TEST_CASE("a context group divides latent attention alike, and all-to-all keeps flash's output twice") {
  Transformer model = deepseek_v3();
  model.experts.reset();
  Parallelism p = parallel(1, 3);
  const StageTable whole = middle(model, p);
  p.context = 4;
  const StageTable ring = middle(model, p);
  REQUIRE(ring.rows.size() == whole.rows.size());
  for (std::size_t i = 0; i < ring.rows.size(); ++i) {
    CAPTURE(ring.rows[i].name);
    CHECK(4 * ring.rows[i].flops.count() == whole.rows[i].flops.count());
    CHECK(ring.rows[i].activation * 4 == whole.rows[i].activation);
  }
  p.context_exchange = ContextExchange::AllToAll;
  const StageTable heads = middle(model, p);
  const double output = ring.layers.count * 1024.0 * 128 * 128 * 2;  // 1024 tokens, 128 heads of 128
  CHECK(bytes(row(heads, "flash attention")) - bytes(row(ring, "flash attention")) == output);
}

TEST_CASE("types of products: factors that are kept take the bytes of their own type, the rest as before") {
  Transformer model = small_gpt();
  model.compute_dtype = Dtype::Fp8;
  Cluster cluster = round_cluster(1);
  cluster.gpu.peak[static_cast<std::size_t>(Dtype::Fp8)] = FlopsPerSecond(200e12);
  const auto tables =
      make_stage_tables({cluster, model}, parallel(1, 3), {.ranks = 3, .stages = 3, .decode_steps = {}});
  const StageTable& fp8 = tables.at(1);
  const StageTable bf16 = middle(small_gpt(), parallel(1, 3));
  CHECK(2 * bytes(row(fp8, "mlp down")) == bytes(row(bf16, "mlp down")));
  CHECK(row(fp8, "softmax").activation == row(bf16, "softmax").activation);
  CHECK(row(fp8, "mlp up").forward.count() == doctest::Approx(row(bf16, "mlp up").forward.count() / 2));
  CHECK(row(fp8, "attention scores").forward == row(bf16, "attention scores").forward);
}

}  // namespace
}  // namespace ppsim::operators_test
