// Memory that was measured, against the model: allocations on 8 B200 (SimuMax 1.2's table).
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>

#include "model/csv.hpp"
#include "model/presets.hpp"
#include "ppsim/model/costs/workload.hpp"
#include "support.hpp"

namespace ppsim::published_memory_test {
namespace {

using Row = std::map<std::string, std::string>;

std::uint32_t number(const Row& row, const std::string& column) {
  return static_cast<std::uint32_t>(std::stoul(row.at(column)));
}

// What the table leaves open. From the papers: latent attention of DeepSeek-V2 (section 3.1.2) and V3
// (section 4.2), both with the same sizes, and their shared experts, 2 and 1. Taken as they are usual in
// Megatron Core with Transformer Engine: flash attention, a fused loss, gradients added up in place in fp32.
// Context parallelism is taken to exchange heads; with a ring the rows of 32768 and 131072 tokens would come
// out 0.3 to 2.7 % too small. The 405B rows say 16 KV heads.
Transformer model_of(const Row& row) {
  Transformer model;
  model.layers = number(row, "layers");
  model.hidden = number(row, "hidden");
  model.heads = number(row, "heads");
  model.kv_heads = number(row, "kv_heads");
  model.ffn_hidden = number(row, "ffn_hidden");
  model.gated_mlp = true;
  model.sequence_length = number(row, "seq_len");
  model.vocabulary = number(row, "vocab");
  model.tied_embeddings = false;
  model.dropout = false;
  model.flash_attention = true;
  if (row.at("attention") == "MLA") model.latent_attention = LatentAttention{1536, 512, 128, 64, 128};
  if (!row.at("experts").empty())
    model.experts = Experts{.count = number(row, "experts"),
                            .per_token = number(row, "topk"),
                            .shared = row.at("model") == "deepseekv2" ? 2U : 1U,
                            .ffn_hidden = number(row, "moe_ffn_hidden"),
                            .dense_layers = number(row, "dense_layers")};
  return model;
}

Parallelism parallelism_of(const Row& row) {
  Parallelism p = parallel(number(row, "tp"), number(row, "pp"), number(row, "dp"));
  p.context = number(row, "cp");
  p.context_exchange = ContextExchange::AllToAll;
  p.expert = number(row, "ep");
  p.zero_stage = number(row, "zero_stage");
  p.sequence_parallel = number(row, "seq_par") == 1;
  p.micro_batch_size = number(row, "micro_batch");
  p.micro_batches = number(row, "num_micro_batches");
  return p;
}

// GiB on a rank of 1F1B, which keeps P - rank micro-batches.
double allocated(const Workload& workload, std::uint32_t ranks, std::uint32_t rank) {
  const StageCosts& stage = workload.stages.at(rank);
  const Bytes bytes = stage.static_bytes() + stage.activation * (ranks - rank) + stage.working;
  return static_cast<double>(workload.reserved(bytes).count()) / (1 << 30);
}

struct PublishedRun {
  Row cells;
  Workload workload;
  std::uint32_t ranks;

  explicit PublishedRun(const Row& row) : cells(row), workload(run(row)), ranks(number(row, "pp")) {}

  static Workload run(const Row& row) {
    const Parallelism p = parallelism_of(row);
    ModelInput input{round_cluster(1), model_of(row)};
    input.training.fused_loss = true;
    input.training.working_memory = true;
    input.training.gradient_placeholders = true;
    return make_workload(input, p, {p.pipeline, p.pipeline, {}});
  }

  [[nodiscard]] double error(double gib, const std::string& column) const {
    return gib / std::stod(cells.at(column)) - 1;
  }
};

TEST_CASE("what training allocated on 8 B200 comes out within 1 % in the mean and 2 % on every row") {
  const auto shared = shared_folder();
  if (!shared) {
    MESSAGE("skipped: no ../shared with published figures");
    return;
  }
  const auto rows = read_csv(*shared / "validation" / "simumax_b200.csv");
  REQUIRE(rows.size() == 23);
  double sum = 0;
  for (const Row& cells : rows) {
    CAPTURE(cells.at("case"));
    const PublishedRun row(cells);
    const double first = allocated(row.workload, row.ranks, 0);
    const double last = allocated(row.workload, row.ranks, row.ranks - 1);
    const double error = row.error(std::max(first, last), "measured_alloc_gib_max");
    CHECK(std::abs(error) < 0.02);
    // Of the two stages of a pipeline the fuller one is what fits or does not; the other is looser.
    CHECK(std::abs(row.error(first, "measured_alloc_gib_first_stage")) < 0.025);
    CHECK(std::abs(row.error(last, "measured_alloc_gib_last_stage")) < 0.025);
    sum += std::abs(error);
  }
  CHECK(sum / static_cast<double>(rows.size()) < 0.01);
}

}  // namespace
}  // namespace ppsim::published_memory_test
