// The fields of costs given outright.
#include <fmt/format.h>

#include <algorithm>

#include "input/config/config_sections.hpp"
#include "input/config/tables.hpp"

namespace ppsim {

namespace {

void read_pair_of_costs(const ObjectReader& section, const Field& field, CostsInput& costs) {
  costs.pair = read_pair(section, field.name);
}

constexpr auto kCostsRows = row::rows<CostsInput>(
    row::kSchema, row::kDescription, row::kSource,
    row::per_stage<&CostsInput::forward>("forward", {}, "F, the forward of a stage"),
    row::per_stage<&CostsInput::backward>("backward", Absent::none("input_grad + weight_grad"),
                                          "B, both gradients in one, without recomputation"),
    row::per_stage<&CostsInput::input_grad>("input_grad", Absent::none("B - W, or floor(B / 2)"),
                                            "I, the backward for the input"),
    row::per_stage<&CostsInput::weight_grad>("weight_grad", Absent::none("B - I"),
                                             "W, the backward for the weights"),
    row::per_stage<&CostsInput::recompute>("recompute", Absent::none("0 s"),
                                           "What B and I take more to recompute, or R where it is an op"),
    row::custom<CostsInput, &read_pair_of_costs>(
        {.name = "overlapped_pair",
         .type = ValueType::Time,
         .absent = name(PairRule::Sum),
         .help = "How long a forward and a backward take that run together",
         .expected = kPairExpected,
         .schema = kPairSchema}),
    row::per_stage<&CostsInput::transfer>("transfer", "0 B", "Sent over each boundary, each way"),
    row::per_stage<&CostsInput::activation>("activation", "0 B", "Kept from the start of F"),
    row::per_stage<&CostsInput::activation_freed_at_input_grad>(
        "activation_freed_at_input_grad", "0 B", "The part of it that I frees; W frees the rest"),
    row::per_stage<&CostsInput::decode_forward>("decode_forward", Absent::none("forward"),
                                                "Inference: F of a token step"),
    row::per_stage<&CostsInput::decode_transfer>("decode_transfer", Absent::none("transfer"),
                                                 "Inference: sent after it"),
    row::per_stage<&CostsInput::gradient_reduction>("gradient_reduction", Absent::none("0 s"),
                                                    "Once a step, behind a rank's last backward"),
    row::per_stage<&CostsInput::optimizer_step>("optimizer_step", Absent::none("0 s"),
                                                "Once a step, behind the reduction of gradients"),
    row::per_stage<&CostsInput::parameter_gather>("parameter_gather", Absent::none("0 s"),
                                                  "Once a step, behind the optimizer step"),
    row::quantity<&CostsInput::overhead>("overhead", "0 s",
                                         "Of each F, B, I, W and R, on top of the times above"),
    Field{.name = "link",
          .kind = KeyKind::Section,
          .table = &kLinkFields,
          .absent = Absent::none(""),
          .help = "The link between each two ranks, one each way; not beside a cluster"});

bool moves(const std::vector<Bytes>& bytes) {
  return std::any_of(bytes.begin(), bytes.end(), [](Bytes one) { return one > Bytes(0); });
}

// Transfers of nothing need no link; then any link does.
Link read_costs_link(const ObjectReader& section, const CostsInput& costs) {
  if (costs.cluster && section.has("link"))
    throw section.error("link", "stands instead of the section \"cluster\"; expected one or the other");
  if (costs.cluster) return costs.cluster->inside();
  if (section.has("link")) {
    Link link;
    read_fields(section.object("link"), kLinkFields, link);
    return link;
  }
  if (moves(costs.transfer) || moves(costs.decode_transfer))
    throw section.error("missing section \"link\"; the transfers need one");
  return {BytesPerSecond(1), Time(0)};
}

}  // namespace

constinit const TableOf<CostsInput> kCostsFields{
    {kCostsRows, false, "Costs of stages given outright, for ppsim"}};

PairCost read_pair(const ObjectReader& section, std::string_view key) {
  const std::string text = section.text(key);
  if (const auto rule = from_name<PairRule>(text)) return *rule;
  try {
    return section.quantity(key, parse_time);
  } catch (const Error&) {
    throw section.error(key, fmt::format("{}; expected \"sum\", \"max\" or a time such as \"5 us\"",
                                         shown(section.value(key))));
  }
}

CostsInput read_costs(const ObjectReader& section, std::optional<Cluster> cluster) {
  CostsInput costs;
  (void)read_source(section);
  read_fields(section, kCostsFields, costs);
  costs.cluster = std::move(cluster);
  costs.link = read_costs_link(section, costs);
  return costs;
}

}  // namespace ppsim
