// Times of kernels on the round GPU: 50 TFLOP/s of products, 2 TB/s of memory.
#include <doctest/doctest.h>

#include <cmath>

#include "model/presets.hpp"
#include "ppsim/model/costs/stage_table.hpp"

namespace ppsim::gpu_clock_test {
namespace {

double seconds(const Cluster& cluster, const Transformer& model, const char* name, Seconds OperatorRow::*part,
               const Training& training = {}) {
  const auto tables = make_stage_tables({cluster, model, training}, parallel(1, 3), {3, 3, {}});
  for (const OperatorRow& row : tables.at(1).rows)
    if (row.name == name) return (row.*part).count() / row.layers;
  FAIL("no operator ", name);
  return 0;
}

// One token a sample and one sample: products of one row, whose weights are all that is moved.
Transformer one_token() {
  Transformer model = small_gpt();
  model.sequence_length = 1;
  return model;
}

TEST_CASE(
    "a product takes the longer of its FLOPs and its bytes, where the GPU says how fast it moves these") {
  Cluster cluster = round_cluster(1);
  const double flops = 2.0 * 1024 * 4096;
  CHECK(seconds(cluster, one_token(), "mlp up", &OperatorRow::forward) == doctest::Approx(flops / 50e12));
  cluster.gpu.memory_efficiency = 0.5;
  // 2 bytes of 1024 inputs, of 1024 x 4096 weights, of 4096 outputs.
  const double bytes = 2 * (1024 + 1024.0 * 4096 + 4096);
  CHECK(seconds(cluster, one_token(), "mlp up", &OperatorRow::forward) == doctest::Approx(bytes / 1e12));
  CHECK(seconds(cluster, one_token(), "mlp up", &OperatorRow::input_grad) == doctest::Approx(bytes / 1e12));
  // Gradients are read and written in fp32.
  const double gradient = 2 * (1024 + 4096) + 8 * 1024.0 * 4096;
  CHECK(seconds(cluster, one_token(), "mlp up", &OperatorRow::weight_grad) ==
        doctest::Approx(gradient / 1e12));
  Training training;
  training.gradient_dtype = Dtype::Bf16;
  CHECK(seconds(cluster, one_token(), "mlp up", &OperatorRow::weight_grad, training) ==
        doctest::Approx((2 * (1024 + 4096) + 4 * 1024.0 * 4096) / 1e12));
}

TEST_CASE("what memory bounds takes its bytes' time and a kernel's overhead, or nothing as by default") {
  Cluster cluster = round_cluster(1);
  cluster.gpu.kernel_overhead = std::chrono::microseconds(5);
  CHECK(seconds(cluster, small_gpt(), "mlp norm", &OperatorRow::forward) == 0);
  cluster.gpu.memory_efficiency = 0.8;
  const double hidden = 512.0 * 1024 * 2 / 1.6e12;  // read or written once
  const double scores = 16.0 * 512 * 512 * 2 / 1.6e12;
  const auto forward = [&](const char* name) {
    return seconds(cluster, small_gpt(), name, &OperatorRow::forward);
  };
  CHECK(forward("mlp norm") == doctest::Approx(2 * hidden + 5e-6));
  CHECK(seconds(cluster, small_gpt(), "mlp norm", &OperatorRow::input_grad) ==
        doctest::Approx(3 * hidden + 5e-6));
  CHECK(forward("activation function") == doctest::Approx(2 * 4 * hidden + 5e-6));
  // Softmax and its dropout: read and write each, and a mask of half the bytes.
  CHECK(forward("softmax") == doctest::Approx(4.5 * scores + 10e-6));
  // The sum, and its dropout.
  CHECK(forward("mlp residual") == doctest::Approx(5.5 * hidden + 10e-6));
}

TEST_CASE("tiles: ragged edges, a last wave that is not full, and a ramp each take their share") {
  // mlp up is 512 x 4096 with inner products of 1024: 4 x 32 tiles of 128 x 128.
  struct Case {
    MatmulTiling tiling;
    double efficiency;
  };
  for (const Case& c :
       {Case{{128, 128, 128, 0}, 1.0}, Case{{128, 128, 64, 0}, 1.0},
        Case{{128, 128, 100, 0}, 128.0 / 200},                                  // two waves of 100
        Case{{128, 128, 1000, 0}, 0.128}, Case{{100, 128, 1, 0}, 512.0 / 600},  // six rows of tiles
        Case{{128, 128, 128, 256}, 1024.0 / 1280}}) {
    Cluster cluster = round_cluster(1);
    cluster.gpu.matmul_tiling = c.tiling;
    const double whole = 2.0 * 512 * 1024 * 4096 / 50e12;
    CHECK(seconds(cluster, small_gpt(), "mlp up", &OperatorRow::forward) ==
          doctest::Approx(whole / c.efficiency));
  }
}

TEST_CASE("the gradients of a product have shapes of their own") {
  // dX is 512 x 1024 over 4096, dW 1024 x 4096 over 512: one and 8 tiles of 512 x 1024 on 8 processors.
  Cluster cluster = round_cluster(1);
  cluster.gpu.matmul_tiling = MatmulTiling{512, 1024, 8, 0};
  const double whole = 2.0 * 512 * 1024 * 4096 / 50e12;
  CHECK(seconds(cluster, small_gpt(), "mlp up", &OperatorRow::input_grad) == doctest::Approx(8 * whole));
  CHECK(seconds(cluster, small_gpt(), "mlp up", &OperatorRow::weight_grad) == doctest::Approx(whole));
}

TEST_CASE("the attention core has an efficiency of its own where one is given") {
  Cluster cluster = round_cluster(1);
  cluster.gpu.attention_efficiency = 0.25;
  const double product = 2.0 * 512 * 512 * 1024 / 25e12;
  CHECK(seconds(cluster, small_gpt(), "attention scores", &OperatorRow::forward) == doctest::Approx(product));
  CHECK(seconds(cluster, small_gpt(), "mlp up", &OperatorRow::forward) ==
        doctest::Approx(2.0 * 512 * 1024 * 4096 / 50e12));
}

TEST_CASE("an optimizer step moves gradient, state in and out, and weight, of the part that a GPU updates") {
  Cluster cluster = round_cluster(1);
  Parallelism p = parallel(1, 1, 4);
  CHECK(training(cluster, small_gpt(), p).stages[0].duration(OpKind::OptimizerStep) == Time(0));
  cluster.gpu.memory_efficiency = 0.5;
  const auto step = [&] {
    return Seconds(training(cluster, small_gpt(), p).stages[0].duration(OpKind::OptimizerStep)).count();
  };
  const double bytes = static_cast<double>(parameters(small_gpt())) * (4 + 2 * 12 + 2);
  CHECK(step() == doctest::Approx(bytes / 1e12).epsilon(1e-5));
  p.zero_stage = 1;
  CHECK(step() == doctest::Approx(bytes / 4 / 1e12).epsilon(1e-5));
}

}  // namespace
}  // namespace ppsim::gpu_clock_test
