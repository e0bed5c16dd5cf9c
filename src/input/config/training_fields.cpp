// The fields that say what training keeps beside the model, and what its kernels take.
#include <fmt/format.h>

#include "input/config/config_sections.hpp"
#include "input/config/tables.hpp"

namespace ppsim {

namespace {

constexpr NumberRange kFactor{0, 1'000};

constexpr auto kFactorRows = row::rows<KernelFactors>(
    row::number<&KernelFactors::bytes>("bytes", kFactor, 1.0, "What is moved, forward and backward"),
    row::number<&KernelFactors::kernels>("kernels", kFactor, 1.0, "Launches"));
constexpr TableOf<KernelFactors> kFactorFields{{kFactorRows}};

// A norm's input is kept in any case, as it is what the layer gets.
constexpr auto kNormRows = row::rows<KernelFactors>(
    row::number<&KernelFactors::bytes>("bytes", kFactor, 1.0, "What is moved, forward and backward"),
    row::number<&KernelFactors::kernels>("kernels", kFactor, 1.0, "Launches"),
    row::number<&KernelFactors::kept>("kept", {1, kFactor.most}, 1.0,
                                      "Of the tensor that it keeps for its backward"));
constexpr TableOf<KernelFactors> kNormFields{{kNormRows}};

constexpr auto kActivationRows = row::rows<KernelFactors>(
    row::number<&KernelFactors::bytes>("bytes", kFactor, 1.0, "What is moved, forward and backward"),
    row::number<&KernelFactors::kernels>("kernels", kFactor, 1.0, "Launches"),
    row::number<&KernelFactors::kept>("kept", kFactor, 1.0, "Of the tensors that it keeps for its backward"));
constexpr TableOf<KernelFactors> kActivationFields{{kActivationRows}};

template <KernelKind Kind>
void read_kernel(const ObjectReader& section, const Field& field, Training& training) {
  auto& factors = training.kernels[static_cast<std::size_t>(Kind)];
  read_fields(section.object(field.name), *field.table, &factors, 0);
}

template <KernelKind Kind>
constexpr row::Row<Training> kernel(const TableOf<KernelFactors>& table, std::string_view help) {
  return row::custom<Training, &read_kernel<Kind>>({.name = name(Kind),
                                                    .kind = KeyKind::Object,
                                                    .table = &table,
                                                    .absent = Absent::empty(),
                                                    .help = help});
}

constexpr auto kKernelsRows = row::rows<Training>(
    kernel<KernelKind::Norm>(kNormFields, "Layer and RMS norms"),
    kernel<KernelKind::Softmax>(kFactorFields, "Of an attention core that is not flash attention"),
    kernel<KernelKind::Dropout>(kFactorFields, "Behind such a core, behind attention and MLP"),
    kernel<KernelKind::Rotary>(kFactorFields, "Rotary embedding"),
    kernel<KernelKind::Activation>(kActivationFields, "Activation function of MLP and experts"),
    kernel<KernelKind::Residual>(kFactorFields, "Sums of the residual stream, and the look-up of embeddings"),
    kernel<KernelKind::Routing>(kFactorFields, "Dispatch of tokens to experts, and sum of their results"),
    kernel<KernelKind::Loss>(kFactorFields, "Cross-entropy and its gradient"),
    kernel<KernelKind::Quantize>(kFactorFields, "Copies in compute_dtype, where that is not dtype"),
    row::object<&Training::unfused_softmax>(
        "unfused_softmax", kFactorFields, Absent::none("softmax"),
        "Of the softmax where samples x heads of a GPU are no multiple of 4"),
    row::number<&Training::attention_work>("attention_work", {0, 100}, 1.0,
                                           "Time of flash attention as a multiple of what its FLOPs take"));
constexpr TableOf<Training> kKernelsFields{{kKernelsRows}};

void read_kernels(const ObjectReader& section, const Field& field, Training& training) {
  read_fields(section.object(field.name), kKernelsFields, training);
}

// A type, or "none": no copy.
constexpr std::string_view kNoCopy = "none";
std::span<const std::string_view> master_names() {
  static constexpr auto kNames = [] {
    std::array<std::string_view, kDtypes + 1> names{};
    for (std::size_t i = 0; i < kDtypes; ++i) names[i] = kEnumNames<Dtype>[i].name;
    names.back() = kNoCopy;
    return names;
  }();
  return kNames;
}
void read_master(const ObjectReader& section, const Field& field, Training& training) {
  training.master_dtype = from_name<Dtype>(master_names()[section.choice(field.name, master_names())]);
}

void read_bucket(const ObjectReader& section, const Field& field, Training& training) {
  training.gradient_bucket = section.quantity(field.name, parse_bytes);
  if (training.gradient_bucket > Bytes(0)) return;
  throw section.error(field.name,
                      fmt::format("{}; expected more than zero", shown(section.value(field.name))));
}

constexpr auto kTrainingRows = row::rows<Training>(
    row::kSchema, row::kDescription,
    row::choice<&Training::gradient_dtype>("gradient_dtype", name(Dtype::Fp32),
                                           "Type of gradients, and of their reduction"),
    row::custom<Training, &read_master>({.name = "master_dtype",
                                         .type = ValueType::Choice,
                                         .choices = &master_names,
                                         .absent = name(Dtype::Fp32),
                                         .help = "Type of the optimizer's own copy of the weights"}),
    row::choice<&Training::moment_dtype>("moment_dtype", name(Dtype::Fp32),
                                         "Type of each of Adam's two moments"),
    row::flag<&Training::fused_loss>("fused_loss", false,
                                     "The loss works on the logits in place and keeps no copy in fp32"),
    row::flag<&Training::gathered_logits>(
        "gathered_logits", false,
        "The loss sees all logits of a token on every GPU of a tensor group, and copies them"),
    row::number<&Training::captured_launches>(
        "captured_launches", {0, 1}, 0.0,
        "Share of kernels that CUDA graphs launch, at no cost of the host's"),
    row::flag<&Training::overlap_sharding>(
        "overlap_sharding", false, "What zero_stage 2 and 3 exchange for a pass runs beside its computing"),
    row::number<&Training::overlap_tensor>(
        "overlap_tensor", {0, 1}, 0.0, "Share of the tensor group's collectives that runs beside computing"),
    row::number<&Training::overlap_expert>("overlap_expert", {0, 1}, 0.0,
                                           "Share of the experts' all-to-alls that runs beside computing"),
    row::flag<&Training::working_memory>(
        "working_memory", false,
        "Count what a pass needs while it runs, and a buffer for each transfer that arrives"),
    row::flag<&Training::gradient_placeholders>(
        "gradient_placeholders", false, "The framework holds an empty gradient for each shape of a weight"),
    row::custom<Training, &read_bucket>(
        {.name = "gradient_bucket",
         .type = ValueType::Bytes,
         .absent = Absent::none("all of a stage"),
         .help = "Most bytes of a GPU's gradients that are reduced at once; not with zero_stage 2 and 3"}),
    row::custom<Training, &read_kernels>(
        {.name = "kernels",
         .kind = KeyKind::Object,
         .table = &kKernelsFields,
         .absent = Absent::empty("one each"),
         .help = "What the software's kernels take, as multiples of one kernel that moves its inputs and "
                 "outputs once"}),
    row::flag<&Training::overlap_gradients>(
        "overlap_gradients", false,
        "A bucket is reduced as soon as the stage's last backward has filled it; not with zero_stage 2 and "
        "3"));

}  // namespace

constinit const TableOf<Training> kTrainingFields{
    {kTrainingRows, false, "What training keeps beside the model, and in which types"}};

Training read_training(const ObjectReader& section) {
  Training training;
  read_fields(section, kTrainingFields, training);
  return training;
}

}  // namespace ppsim
