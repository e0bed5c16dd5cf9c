// Types and buckets of Megatron-LM's optimizer.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "input/config/config_sections.hpp"
#include "input/import/megatron/megatron_sections.hpp"

namespace ppsim {
namespace {

constexpr std::array<std::string_view, 4> kDtypeArguments{"fp32", "fp16", "bf16", "fp8"};

// Only an optimizer that is told so has other types than fp32.
std::string_view precision(const MegatronArguments& arguments, std::string_view name,
                           std::string_view absent) {
  if (arguments.has(name) && !arguments.has("--use-precision-aware-optimizer"))
    throw arguments.error(name, fmt::format("{} needs --use-precision-aware-optimizer", name));
  const std::size_t chosen = arguments.choice(name, kDtypeArguments, kDtypeArguments.size());
  return chosen == kDtypeArguments.size() ? absent : kDtypeArguments[chosen];
}

std::string_view moments(const MegatronArguments& arguments) {
  const std::string_view first = precision(arguments, "--exp-avg-dtype", "fp32");
  const std::string_view second = precision(arguments, "--exp-avg-sq-dtype", "fp32");
  if (first == second) return first;
  throw arguments.error(arguments.has("--exp-avg-dtype") ? "--exp-avg-dtype" : "--exp-avg-sq-dtype",
                        fmt::format("moments in {} and {}; expected one type for both", first, second));
}

// bf16 gradients are added up in fp32 unless asked otherwise, those of fp16 where asked.
std::string_view gradients(const MegatronArguments& arguments, std::string_view dtype) {
  const bool wide = dtype == "fp32" || arguments.has("--accumulate-allreduce-grads-in-fp32") ||
                    (dtype == "bf16" && !arguments.has("--grad-reduce-in-bf16"));
  return precision(arguments, "--main-grads-dtype", wide ? "fp32" : dtype);
}

// Without the overlap all of a rank's gradients are one bucket.
void put_buckets(const MegatronArguments& arguments, const MegatronShape& shape, std::string_view gradient,
                 Json& section, std::vector<std::string>& notes) {
  constexpr CountRange kElements{1, 1'000'000'000'000};
  const auto given = arguments.count("--ddp-bucket-size", kElements);
  const bool overlaps = arguments.has("--overlap-grad-reduce");
  if (!overlaps && given) notes.push_back("--ddp-bucket-size has no effect without --overlap-grad-reduce");
  if (!overlaps) return;
  const std::uint64_t elements =
      given.value_or(std::max<std::uint64_t>(40'000'000, 1'000'000 * shape.data * shape.context));
  if (!given)
    notes.push_back(fmt::format("--ddp-bucket-size is not given: {}, Megatron's default", elements));
  const std::uint64_t bytes = gradient == "fp32" ? 4 : gradient == "fp8" ? 1 : 2;
  section["gradient_bucket"] = fmt::format("{} B", elements * bytes);
  section["overlap_gradients"] = true;
}

}  // namespace

Json megatron_training(const MegatronArguments& arguments, const MegatronShape& shape, std::string_view dtype,
                       std::vector<std::string>& notes) {
  constexpr std::array<std::string_view, 1> kOptimizers{"adam"};
  (void)arguments.choice("--optimizer", kOptimizers, 0);
  const std::string_view gradient = gradients(arguments, dtype);
  Json section = {{"gradient_dtype", gradient},
                  {"master_dtype", precision(arguments, "--main-params-dtype", "fp32")},
                  {"moment_dtype", moments(arguments)}};
  if (arguments.has("--cross-entropy-loss-fusion")) section["fused_loss"] = true;
  put_buckets(arguments, shape, gradient, section, notes);
  return section;
}

}  // namespace ppsim
