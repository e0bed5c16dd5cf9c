// Software that does in several kernels what one could: what they move, how often they start, what they keep.
// On the round GPU with 80 % of 2 TB/s, and 5 us a kernel.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "model/presets.hpp"
#include "ppsim/model/costs/stage_table.hpp"

namespace ppsim::kernel_factors_test {
namespace {

constexpr double kBandwidth = 1.6e12;
constexpr double kStart = 5e-6;

Cluster moving_cluster() {
  Cluster cluster = round_cluster(1);
  cluster.gpu.memory_efficiency = 0.8;
  cluster.gpu.kernel_overhead = std::chrono::microseconds(5);
  return cluster;
}

Transformer plain_gpt() {
  Transformer model = small_gpt();
  model.dropout = false;  // its kernels are rows' own otherwise
  return model;
}

Training with(KernelKind kind, KernelFactors factors) {
  Training training;
  training.kernels[static_cast<std::size_t>(kind)] = factors;
  return training;
}

// Of one layer of the middle stage, b = 1 unless said.
OperatorRow row(const std::string& name, const Training& training = {},
                const Transformer& model = plain_gpt(), Parallelism p = parallel(1, 3)) {
  const auto tables = make_stage_tables({moving_cluster(), model, training}, p, {p.pipeline, p.pipeline, {}});
  for (const OperatorRow& one : tables.at(p.pipeline / 2).rows)
    if (one.name == name) return one;
  FAIL("no operator ", name);
  return {};
}

double forward(const OperatorRow& one) {
  return one.forward.count() / std::max(one.layers, 1U);
}
double backward(const OperatorRow& one) {
  return one.input_grad.count() / std::max(one.layers, 1U);
}

// Read or written once, in bf16.
constexpr double kHidden = 512.0 * 1024 * 2 / kBandwidth;
constexpr double kFfn = 512.0 * 4096 * 2 / kBandwidth;
constexpr double kScores = 16.0 * 512 * 512 * 2 / kBandwidth;

TEST_CASE("a norm that takes six kernels and moves five times the bytes does so forward and backward") {
  CHECK(forward(row("mlp norm")) == doctest::Approx(2 * kHidden + kStart));
  const OperatorRow slow = row("mlp norm", with(KernelKind::Norm, {.bytes = 5, .kernels = 6}));
  CHECK(forward(slow) == doctest::Approx(5 * 2 * kHidden + 6 * kStart));
  CHECK(backward(slow) == doctest::Approx(5 * 3 * kHidden + 6 * kStart));
  CHECK(slow.activation == row("mlp norm").activation);
}

TEST_CASE("each kind of kernel has factors of its own") {
  struct Kind {
    KernelKind kind;
    const char* name;
    double moved;  // forward
  };
  // Activation: reads and writes f. Residual: reads two, writes one. Softmax: reads and writes all scores.
  const Kind kinds[] = {{KernelKind::Norm, "mlp norm", 2 * kHidden},
                        {KernelKind::Activation, "activation function", 2 * kFfn},
                        {KernelKind::Residual, "mlp residual", 3 * kHidden},
                        {KernelKind::Softmax, "softmax", 2 * kScores}};
  for (const Kind& changed : kinds)
    for (const Kind& seen : kinds) {
      CAPTURE(changed.name);
      CAPTURE(seen.name);
      const double factor = changed.kind == seen.kind ? 3 : 1;
      CHECK(forward(row(seen.name, with(changed.kind, {.bytes = 3, .kernels = 3}))) ==
            doctest::Approx(factor * (seen.moved + kStart)));
    }
}

TEST_CASE("dropout's kernel is a part of the operator that it stands behind") {
  // Reads and writes 16-bit numbers, and a mask of one byte each.
  const double mask = kScores / 2;
  const OperatorRow plain = row("softmax", {}, small_gpt());
  CHECK(forward(plain) == doctest::Approx(2 * kScores + 2 * kScores + mask + 2 * kStart));
  const OperatorRow slow = row("softmax", with(KernelKind::Dropout, {.bytes = 2, .kernels = 4}), small_gpt());
  CHECK(forward(slow) == doctest::Approx(2 * kScores + 2 * (2 * kScores + mask) + 5 * kStart));
}

TEST_CASE("norms and activation functions may keep more than one kernel would") {
  const auto bytes = [](const OperatorRow& one) {
    return static_cast<double>(one.activation.count()) / one.layers;
  };
  const double hidden = 512.0 * 1024 * 2, ffn = 512.0 * 4096 * 2;
  CHECK(bytes(row("mlp norm")) == hidden);
  CHECK(bytes(row("mlp norm", with(KernelKind::Norm, {.kept = 2.5}))) == 2.5 * hidden);
  CHECK(bytes(row("activation function")) == ffn);
  CHECK(bytes(row("activation function", with(KernelKind::Activation, {.kept = 2}))) == 2 * ffn);
}

TEST_CASE(
    "without Megatron's fused softmax, which wants samples x heads of a GPU a multiple of 4, it is others'") {
  Training training = with(KernelKind::Softmax, {.bytes = 2, .kernels = 2});
  training.unfused_softmax = KernelFactors{.bytes = 5, .kernels = 7};
  const auto softmax = [&](std::uint32_t tensor, std::uint32_t samples) {
    Parallelism p = parallel(tensor, 1);
    p.micro_batch_size = samples;
    return forward(row("softmax", training, plain_gpt(), p));
  };
  // 16 heads on 8 GPUs are 2 a sample: one sample has 2, two have 4.
  CHECK(softmax(8, 1) == doctest::Approx(5 * 2 * kScores / 8 + 7 * kStart));
  CHECK(softmax(8, 2) == doctest::Approx(2 * 2 * 2 * kScores / 8 + 2 * kStart));
  CHECK(softmax(4, 1) == doctest::Approx(2 * 2 * kScores / 4 + 2 * kStart));
}

TEST_CASE("a fused attention core may take longer than what it computes") {
  Transformer model = plain_gpt();
  model.flash_attention = true;
  Training training;
  training.attention_work = 2;
  const OperatorRow plain = row("flash attention", {}, model), slow = row("flash attention", training, model);
  CHECK(forward(slow) - kStart == doctest::Approx(2 * (forward(plain) - kStart)));
  CHECK(backward(slow) - kStart == doctest::Approx(2 * (backward(plain) - kStart)));
  // Model FLOPs are those of the model, not of the kernel.
  CHECK(slow.flops == plain.flops);
}

TEST_CASE("products in another type have copies made in it: each operand is read once, and written twice") {
  Cluster cluster = moving_cluster();
  cluster.gpu.peak[static_cast<std::size_t>(Dtype::Fp8)] = FlopsPerSecond(100e12);
  const auto up = [&](std::optional<Dtype> type, const Training& training = {}) {
    Transformer model = plain_gpt();
    model.compute_dtype = type;
    const auto tables = make_stage_tables({cluster, model, training}, parallel(1, 3), {3, 3, {}});
    for (const OperatorRow& one : tables.at(1).rows)
      if (one.name == "mlp up") return one;
    FAIL("no mlp up");
    return OperatorRow{};
  };
  // Computing takes as long, and longer than moving its numbers does. bf16 in, two copies in fp8 out: 2 + 2 x
  // 1 bytes of each of 1024 inputs forward and of each of 4096 gradients backward.
  const double copies = 512.0 * 1024 * 4 / kBandwidth + kStart;
  CHECK(forward(up(Dtype::Fp8)) - forward(up({})) == doctest::Approx(copies));
  CHECK(backward(up(Dtype::Fp8)) - backward(up({})) ==
        doctest::Approx(512.0 * 4096 * 4 / kBandwidth + kStart));
  CHECK(forward(up(Dtype::Bf16)) == forward(up({})));
  CHECK(forward(up(Dtype::Fp8, with(KernelKind::Quantize, {.bytes = 3, .kernels = 2}))) - forward(up({})) ==
        doctest::Approx(3 * (copies - kStart) + 2 * kStart));
}

// The last of two stages, of a tensor group of two.
StageCosts head_stage(bool gathered, bool fused) {
  Training training;
  training.gathered_logits = gathered;
  training.fused_loss = fused;
  return make_workload({round_cluster(1), plain_gpt(), training}, parallel(2, 2), {2, 2, {}}).stages.at(1);
}

TEST_CASE("a loss that sees all logits gathers them over the tensor group, and keeps copies of them") {
  const double logits = 512.0 * 8192;
  for (const bool fused : {false, true}) {
    CAPTURE(fused);
    const StageCosts gathered = head_stage(true, fused), own = head_stage(false, fused);
    // A ring's all-gather of n parts: n - 1 steps of a latency and 1/n of the bytes.
    const double seconds = (2 - 1) * (1e-6 + logits * 2 / 2 / 400e9);
    CHECK(static_cast<double>((gathered.duration(OpKind::Forward) - own.duration(OpKind::Forward)).count()) ==
          doctest::Approx(seconds * 1e9).epsilon(1e-3));
    CHECK(gathered.duration(OpKind::Backward) == own.duration(OpKind::Backward));
    // For half of the logits in fp32 (fused: in place, in bf16): all of them in that type, gathered in bf16,
    // and in fp32 shifted and as a log-softmax.
    const double each = fused ? 2 : 4;
    CHECK(static_cast<double>((gathered.activation - own.activation).count()) ==
          logits * (each + 2 + 4 + 4) - logits / 2 * each);
  }
}

}  // namespace
}  // namespace ppsim::kernel_factors_test
