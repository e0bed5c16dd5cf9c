#include "ppsim/model/layers/transformer.hpp"

#include <doctest/doctest.h>

#include "model/presets.hpp"

namespace ppsim::transformer_test {
namespace {

TEST_CASE("Llama 2 70B has the 68,976,648,192 parameters that its checkpoint holds") {
  // A layer: Q and projection 2 h^2, K and V 2 h h/8, three MLP matrices, two norms: 855,654,400. 80 of them,
  // embedding and head of 32000 h each, one norm.
  CHECK(layer_parameters(llama_70b()) == 855'654'400);
  CHECK(parameters(llama_70b()) == 68'976'648'192);
}

TEST_CASE("a GPT has 12 l h^2 (1 + 13/12h + (v+s)/12lh) parameters, and a last norm") {
  // Narayanan et al. 2021, eq. 2, which leaves out the last norm's 2 h.
  const std::uint64_t h = 1024, l = 6, v = 8192, s = 512;
  CHECK(layer_parameters(small_gpt()) == 12 * h * h + 13 * h);
  CHECK(parameters(small_gpt()) == l * (12 * h * h + 13 * h) + (v + s) * h + 2 * h);
}

TEST_CASE("a head of its own counts once more where it is not tied") {
  Transformer model = small_gpt();
  const std::uint64_t tied = parameters(model);
  model.tied_embeddings = false;
  CHECK(parameters(model) - tied == 8192 * 1024);
}

TEST_CASE("layers given by their costs add up") {
  LayerCosts model;
  model.layers = std::vector<LayerCost>(3, LayerCost{Flops(1), Flops(2), Bytes(3), Bytes(4), 5});
  CHECK(layer_count(model) == 3);
  CHECK(parameters(model) == 15);
  CHECK(layer_count(small_gpt()) == 6);
}

}  // namespace
}  // namespace ppsim::transformer_test
