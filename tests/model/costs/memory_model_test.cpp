// Memory of a stage on one GPU, against the closed forms and the published figures of Korthikanti et al.
// 2022.
#include <doctest/doctest.h>

#include <cmath>
#include <initializer_list>
#include <map>
#include <string>
#include <vector>

#include "model/csv.hpp"
#include "model/presets.hpp"
#include "ppsim/model/costs/workload.hpp"
#include "support.hpp"

namespace ppsim::memory_model_test {
namespace {

Parallelism with(std::uint32_t tensor, Recompute recompute, bool sequence_parallel,
                 std::uint32_t samples = 1) {
  Parallelism p = parallel(tensor, 3);
  p.recompute = recompute;
  p.sequence_parallel = sequence_parallel;
  p.micro_batch_size = samples;
  return p;
}

// Of three stages, the one without embedding and head.
StageCosts middle(const Transformer& model, const Parallelism& p) {
  return training(round_cluster(p.tensor), model, p).stages.at(1);
}

TEST_CASE("a GPT layer keeps what Table 2 of Korthikanti et al. says, in every mode") {
  const double s = 512, b = 3, h = 1024, a = 16, layers = 2;
  for (const double t : {1.0, 2.0, 4.0, 8.0}) {
    CAPTURE(t);
    const auto kept = [&](Recompute recompute, bool sequence_parallel) {
      const Parallelism p = with(static_cast<std::uint32_t>(t), recompute, sequence_parallel, 3);
      return static_cast<double>(middle(small_gpt(), p).activation.count()) / layers / (s * b * h);
    };
    CHECK(kept(Recompute::None, false) == 10 + 24 / t + 5 * a * s / (h * t));
    CHECK(kept(Recompute::None, true) == 34 / t + 5 * a * s / (h * t));
    CHECK(kept(Recompute::Selective, false) == 10 + 24 / t);
    CHECK(kept(Recompute::Selective, true) == 34 / t);
    CHECK(kept(Recompute::Full, false) == 2);
    CHECK(kept(Recompute::Full, true) == 2 / t);
  }
}

TEST_CASE(
    "grouped-query attention keeps smaller K and V, a gated MLP the gate's input and both its factors") {
  // A token, 2-byte elements: inputs of norms, QKV and MLP 4 x 2h; two masks 2h; over t: Q and projection
  // input 4h, K and V 4 kv, softmax 5 a s, gate and up 4f, down 2f.
  const double s = 4096, h = 8192, kv = 1024, f = 28672, a = 64, t = 8, layers = 20;
  Parallelism p = parallel(8, 4);
  const StageCosts stage = training(round_cluster(4), llama_70b(), p).stages.at(1);
  CHECK(static_cast<double>(stage.activation.count()) ==
        layers * s * (10 * h + (4 * h + 4 * kv + 6 * f + 5 * a * s) / t));
}

TEST_CASE(
    "elements of another size count their own bytes, masks still one, and fp32 weights need no master copy") {
  Transformer model = small_gpt();
  model.dtype = Dtype::Fp32;
  Cluster cluster = round_cluster(1);
  cluster.gpu.peak[static_cast<std::size_t>(Dtype::Fp32)] = FlopsPerSecond(50e12);
  // Table 2 at t = 1 is 32 + 2 masks, and 4 + 1 a s / h of softmax: the first of each double.
  const double s = 512, h = 1024, a = 16;
  const StageCosts stage = training(cluster, model, parallel(1, 3)).stages.at(1);
  CHECK(static_cast<double>(stage.activation.count()) == 2 * s * h * (66 + 9 * a * s / h));
  CHECK(stage.weights == stage.gradients);
  CHECK(stage.optimizer == stage.weights * 2);  // two moments
}

TEST_CASE("a KV head that two GPUs hold counts on both") {
  Transformer model = small_gpt();
  model.kv_heads = 2;
  // Four GPUs: one KV head each, half a head more than its share. Heads are 64 wide, so 2 matrices of h x 32
  // more, and their biases; two layers a stage, 2 bytes a weight.
  const double layer = static_cast<double>(layer_parameters(model)) / 4 + 2 * (1024 + 1) * 32;
  const StageCosts stage = middle(model, with(4, Recompute::None, false, 3));
  CHECK(static_cast<double>(stage.weights.count()) == std::ceil(2 * 2 * layer));
}

TEST_CASE("W needs 32 s b h of a layer, as Qi et al. 2024 count; the end of I frees the rest") {
  const double s = 512, h = 1024, a = 16;
  const StageCosts none = middle(small_gpt(), with(1, Recompute::None, false));
  CHECK(static_cast<double>(none.activation_freed_at_input_grad.count()) ==
        2 * s * h * (34 - 32 + 5 * a * s / h));
  const StageCosts selective = middle(small_gpt(), with(1, Recompute::Selective, false));
  CHECK(static_cast<double>(selective.activation_freed_at_input_grad.count()) == 2 * s * h * 2);
  // Full: the layer's input is what is kept, and W needs more than that.
  CHECK(middle(small_gpt(), with(1, Recompute::Full, false)).activation_freed_at_input_grad == Bytes(0));
}

TEST_CASE(
    "the first stage keeps the embedding's mask too, the last its norm's and head's inputs and fp32 logits") {
  const double s = 512, h = 1024, v = 8192, t = 2;
  for (const bool sequence_parallel : {false, true}) {
    const auto stages =
        training(round_cluster(1), small_gpt(), with(2, Recompute::None, sequence_parallel)).stages;
    const auto extra = [&](int stage) {
      return static_cast<double>((stages[stage].activation - stages[1].activation).count());
    };
    const double split = sequence_parallel ? t : 1;
    CHECK(extra(0) == s * h / split);
    CHECK(extra(2) == 4 * s * h / split + 4 * s * v / t);
  }
}

TEST_CASE(
    "weights, gradients and optimizer take 2, 4 and 12 bytes a parameter of the stage, over the tensor "
    "group") {
  const double h = 1024, v = 8192, s = 512, t = 2;
  const double layers = 2 * (12 * h * h + 13 * h) / t;
  const auto stages = training(round_cluster(1), small_gpt(), parallel(2, 3)).stages;
  const auto check = [](const StageCosts& stage, double parameters) {
    CHECK(static_cast<double>(stage.weights.count()) == 2 * parameters);
    CHECK(static_cast<double>(stage.gradients.count()) == 4 * parameters);
    CHECK(static_cast<double>(stage.optimizer.count()) == 12 * parameters);
  };
  check(stages[0], layers + (v + s) * h / t);
  check(stages[1], layers);
  check(stages[2], layers + 2 * h + v * h / t);  // the last norm, and the tied embedding's copy
}

TEST_CASE("a tied embedding is one where one rank holds both ends, and two where it does not") {
  Transformer model = small_gpt();
  const auto weights = [&model] {
    return training(round_cluster(1), model, parallel(1, 1)).stages[0].weights;
  };
  CHECK(weights() == Bytes(2) * parameters(model));
  model.tied_embeddings = false;
  CHECK(weights() == Bytes(2) * parameters(model));
}

TEST_CASE("inference keeps the weights and nothing else") {
  const StageCosts stage = inference(round_cluster(1), small_gpt(), parallel(1, 3), 1).stages.at(1);
  CHECK(stage.weights == Bytes(2) * (2 * layer_parameters(small_gpt())));
  CHECK(stage.static_bytes() == stage.weights);
}

Recompute recompute_named(const std::string& text) {
  for (const Recompute recompute : {Recompute::None, Recompute::Selective, Recompute::Full})
    if (name(recompute) == text) return recompute;
  FAIL("no recompute mode ", text);
  return Recompute::None;
}

// A published row, run as the middle one of three stages with as many layers as the whole model has.
class PublishedRow {
 public:
  explicit PublishedRow(const std::map<std::string, std::string>& row) : row_(row) {
    model_.layers = 3 * number("layers");
    model_.hidden = number("hidden");
    model_.heads = model_.kv_heads = number("heads");
    model_.ffn_hidden = number("ffn_hidden");
    model_.sequence_length = number("seq_len");
    model_.vocabulary = 51200;
  }

  [[nodiscard]] StageCosts stage(Recompute recompute, bool sequence_parallel) const {
    return middle(model_, with(number("tp"), recompute, sequence_parallel, number("micro_batch")));
  }

  [[nodiscard]] StageCosts stage() const {
    return stage(recompute_named(row_.at("recompute")), number("seq_par") == 1);
  }

  // The first rank of 1F1B keeps p micro-batches of 1/p of the layers; of interleaved 1F1B 1 + (p-1)/(p v)
  // times that.
  [[nodiscard]] double in_flight() const {
    const double p = number("pp"), v = number("vpp");
    return v > 1 ? 1 + (p - 1) / (p * v) : 1;
  }

  [[nodiscard]] std::uint32_t number(const std::string& column) const {
    return static_cast<std::uint32_t>(std::stoul(row_.at(column)));
  }
  [[nodiscard]] bool has(const std::string& column) const { return !row_.at(column).empty(); }
  [[nodiscard]] double value(const std::string& column) const { return std::stod(row_.at(column)); }
  [[nodiscard]] std::string label() const {
    return row_.at("model") + " " + row_.at("recompute") + " sequence parallel " + row_.at("seq_par");
  }

 private:
  std::map<std::string, std::string> row_;
  Transformer model_;
};

double gib(Bytes bytes) {
  return static_cast<double>(bytes.count()) / (1 << 30);
}

TEST_CASE("activations and parameters of Korthikanti et al.'s models come out as published") {
  const auto shared = shared_folder();
  if (!shared) {
    MESSAGE("skipped: no ../shared with published figures");
    return;
  }
  const auto rows = read_csv(*shared / "validation" / "korthikanti2022_memory.csv");
  REQUIRE(rows.size() == 20);
  std::vector<std::string> off_by_a_step;
  for (const auto& cells : rows) {
    const PublishedRow row(cells);
    CAPTURE(row.label());
    const StageCosts stage = row.stage();
    if (row.has("activation_gib"))
      CHECK(gib(stage.activation) * row.in_flight() ==
            doctest::Approx(row.value("activation_gib")).epsilon(0.005));
    if (row.has("params_optimizer_gib"))
      CHECK(gib(stage.static_bytes()) / row.number("pp") ==
            doctest::Approx(row.value("params_optimizer_gib")).epsilon(0.005));
    // The percentages were read off a chart: all are whole multiples of 8/45 % (9.42 is 53 of them), one
    // pixel. So a bar of 9 % cannot be told to 0.5 % of it, and those that are not met are the lowest.
    const double percent = 100 * gib(stage.activation) / gib(row.stage(Recompute::None, false).activation);
    const double error = std::abs(percent - row.value("activation_pct_of_none"));
    CHECK(error < std::max(0.005 * percent, 8.0 / 45));
    if (error > 0.005 * percent) off_by_a_step.push_back(row.label());
  }
  CHECK(off_by_a_step == std::vector<std::string>{"22B full sequence parallel 0",
                                                  "530B full sequence parallel 0",
                                                  "1T full sequence parallel 0"});
}

}  // namespace
}  // namespace ppsim::memory_model_test
