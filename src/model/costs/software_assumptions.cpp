#include "model/costs/software_assumptions.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "model/layers/operator_list.hpp"
#include "model/layers/stage_parts.hpp"

namespace ppsim {
namespace {

using SoftwareSentences = std::vector<std::string>;

void add_launches(SoftwareSentences& sentences, const ModelRun& run, const Transformer& model) {
  const Gpu& gpu = run.cluster.gpu;
  const Time launch = run.cluster.software.launch_overhead;
  if (launch > Time{}) {
    const double captured = run.training.captured_launches;
    sentences.push_back(fmt::format(
        "The host takes {:.4g} us to launch a kernel{}, and a pass the longer of launching its kernels and "
        "of "
        "computing them; collectives come on top.",
        microseconds(launch),
        captured > 0 ? fmt::format(" (but {:.4g} % of them, which CUDA graphs launch)", 100 * captured)
                     : ""));
  }
  if (model.experts && gpu.expert_efficiency)
    sentences.push_back(fmt::format("Products of routed experts reach {:.4g} % of the speed of others.",
                                    100 * *gpu.expert_efficiency));
  if (gpu.unaligned_efficiency)
    sentences.push_back(
        fmt::format("A product with a side that is no multiple of 16 bytes keeps {:.4g} % of its speed.",
                    100 * *gpu.unaligned_efficiency));
}

void add_overheads(SoftwareSentences& sentences, const ModelRun& run) {
  const Gpu& gpu = run.cluster.gpu;
  const Software& software = run.cluster.software;
  const auto add = [&](bool used, Time time, const char* what) {
    if (used && time > Time{})
      sentences.push_back(
          fmt::format("{} takes {:.4g} us more, which the software spends.", what, microseconds(time)));
  };
  add(run.shape.ranks > 1, software.pass_overhead, "Each pass of the pipeline");
  add(run.parallelism.recompute == Recompute::Full && !run.inference(), software.checkpoint_overhead,
      "Each layer that is run again");
  add(true, software.collective_overhead, "Each collective");
  add(!run.inference(), software.step_overhead, "Each step");
  if (gpu.optimizer_efficiency && !run.inference())
    sentences.push_back(fmt::format("The optimizer moves its bytes at {:.4g} % of the memory's bandwidth.",
                                    100 * *gpu.optimizer_efficiency));
}

std::string factors_text(std::string_view kernel, const KernelFactors& factors) {
  std::string text =
      fmt::format("{} {:.4g} x the bytes in {:.4g} x the kernels", kernel, factors.bytes, factors.kernels);
  if (factors.kept != 1) text += fmt::format(" and {:.4g} x what is kept", factors.kept);
  return text;
}

bool is_plain(const KernelFactors& factors) {
  return factors.bytes == 1 && factors.kernels == 1 && factors.kept == 1;
}

void add_kernels(SoftwareSentences& sentences, const ModelRun& run, const Transformer& model) {
  const Training& training = run.training;
  std::vector<std::string> kernels;
  for (std::size_t kind = 0; kind < kKernelKinds; ++kind)
    if (const KernelFactors& factors = training.kernels[kind]; !is_plain(factors))
      kernels.push_back(factors_text(name(static_cast<KernelKind>(kind)), factors));
  if (!kernels.empty())
    sentences.push_back(
        fmt::format("Of what one kernel would take the software takes: {}.", fmt::join(kernels, "; ")));
  if (training.unfused_softmax && !LayerSizes(run, model, full_pass(run, model)).fused_softmax_fits())
    sentences.push_back(
        fmt::format("Samples x heads of a GPU are no multiple of 4, so that softmax is not fused: {}.",
                    factors_text("it takes", *training.unfused_softmax)));
  if (model.flash_attention && training.attention_work != 1)
    sentences.push_back(
        fmt::format("Flash attention takes {:.4g} times what its FLOPs do.", training.attention_work));
  if (training.gathered_logits && run.parallelism.tensor > 1)
    sentences.push_back("The loss gathers all logits on every GPU of a tensor group, and copies them.");
}

}  // namespace

std::string beside_compute(double hidden_share, bool them) {
  if (hidden_share == 0) return fmt::format("with no compute beside {}", them ? "them" : "it");
  return fmt::format("of which {:.4g} % run beside computing, as long as that lasts", 100 * hidden_share);
}

SoftwareSentences software_assumptions(const ModelRun& run, const Transformer& model) {
  SoftwareSentences sentences;
  add_launches(sentences, run, model);
  add_overheads(sentences, run);
  add_kernels(sentences, run, model);
  return sentences;
}

}  // namespace ppsim
