// The fields of noise: who is slower than the rest, and what differs from run to run.
#include <fmt/format.h>

#include <algorithm>

#include "core/numbers.hpp"
#include "input/config/config_sections.hpp"
#include "input/config/place_names.hpp"
#include "input/config/schema_rules.hpp"
#include "input/config/tables.hpp"
#include "text/files.hpp"

namespace ppsim {

namespace {

// A thousand times as long as expected is no jitter.
constexpr double kMostFactor = 1000;

double parse_factor(std::string_view line, const std::string& where) {
  const auto factor = parse_number<double>(line);
  if (!factor || !(*factor > 0 && *factor <= kMostFactor))
    throw Error(where, fmt::format("{}; expected a number above 0, at most {}", shown(std::string(line)),
                                   kMostFactor));
  return *factor;
}

// A column "factor": its name, then a number a line. Blank lines and what begins with # say nothing.
Samples read_samples(const std::string& path) {
  const std::string content = read_file(path);
  Samples samples;
  bool titled = false;
  std::size_t number = 0;
  for (std::string_view rest = content; !rest.empty();) {
    const std::size_t length = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, length);
    rest.remove_prefix(std::min(length + 1, rest.size()));
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.starts_with('#')) continue;
    const std::string where = fmt::format("{}, line {}", path, number);
    if (!titled && line != "factor")
      throw Error(where, fmt::format("{}; expected the title \"factor\"", shown(std::string(line))));
    if (titled) samples.factors.push_back(parse_factor(line, where));
    titled = true;
  }
  if (samples.factors.empty()) throw Error(path, "has no factors; expected at least one");
  return samples;
}

// The same as a list in the config itself.
Samples read_list(const ObjectReader& section, std::string_view key) {
  Samples samples;
  const Json& list = section.value(key);
  for (std::size_t i = 0; i < list.size(); ++i) {
    const double factor = list[i].is_number() ? list[i].get<double>() : 0;
    if (!(factor > 0 && factor <= kMostFactor))
      throw Error(section.document().where(section.at(key) / i),
                  fmt::format("{}; expected a number above 0, at most {}", shown(list[i]), kMostFactor));
    samples.factors.push_back(factor);
  }
  if (list.empty()) throw section.error(key, "an empty list; expected at least one factor");
  return samples;
}

void read_samples_of(const ObjectReader& section, const Field& field, Spread& spread) {
  if (section.value(field.name).is_array()) {
    spread = read_list(section, field.name);
    return;
  }
  Document& document = section.document();
  const std::string path = document.beside(section.at(field.name), section.text(field.name));
  spread = read_samples(path);
  document.at(section.at(field.name)) = document.from_document(path);
}

// exp(2 z): at the bound, one draw in forty is seven times the mean.
constexpr double kMostSigma = 2;

void read_sigma(const ObjectReader& section, const Field& field, Spread& spread) {
  spread = Lognormal{section.number(field.name, field.numbers.least, field.numbers.most)};
}

std::span<const std::string_view> distributions() {
  static constexpr std::array<std::string_view, 1> kNames{"lognormal"};
  return kNames;
}
void read_distribution(const ObjectReader& section, const Field& field, Spread& /*there is one*/) {
  (void)section.choice(field.name, distributions());
}

constexpr KeyScope kWithSigma{1, "has no meaning with \"samples\"; leave it out", "with sigma"};

constexpr auto kSpreadRows = row::rows<Spread>(
    row::custom<Spread, &read_distribution>(
        {.name = "distribution",
         .type = ValueType::Choice,
         .choices = &distributions,
         .absent = "lognormal",
         .help = "exp(sigma z - sigma^2 / 2), z standard normal: its mean is 1",
         .scope = kWithSigma}),
    row::custom<Spread, &read_sigma>({.name = "sigma",
                                      .type = ValueType::Number,
                                      .numbers = {0, kMostSigma},
                                      .absent = Absent::none(""),
                                      .help = "Standard deviation of the factor's logarithm"}),
    row::custom<Spread, &read_samples_of>(
        {.name = "samples",
         .absent = Absent::none(""),
         .help = "Measured factors, drawn with replacement: a list, or a CSV file with a column \"factor\"",
         .expected = "path, or list",
         .schema = R"({"anyOf": [{"type": "string"},
                       {"type": "array", "minItems": 1,
                        "items": {"type": "number", "exclusiveMinimum": 0, "maximum": 1000}}]})"}),
    row::kSource);
Json spread_rules() {
  const Json sigma = rule::given("sigma"), samples = rule::given("samples");
  return rule::any({rule::all({sigma, rule::none({samples})}),
                    rule::all({samples, rule::none({sigma, rule::given("distribution")})})});
}
constexpr TableOf<Spread> kSpreadFields{{kSpreadRows, false, "", &spread_rules}};

Spread read_spread(const ObjectReader& section) {
  (void)read_source(section);
  if (section.has("samples") == section.has("sigma"))
    throw section.error("expected either \"sigma\" or \"samples\"");
  Spread spread;
  read_fields(section, kSpreadFields, spread, section.has("sigma") ? kWithSigma.bit : 0);
  return spread;
}

constexpr KeyScope kWithReductions{1, "has no meaning with \"costs\"; leave it out",
                                   "where gradients are reduced"};

constexpr Field spread_row(std::string_view name, std::string_view absent, std::string_view help) {
  return {.name = name,
          .kind = KeyKind::Object,
          .table = &kSpreadFields,
          .absent = Absent::none(absent),
          .help = help};
}

constexpr auto kJitterRows = row::rows<Jitter>(
    spread_row("compute", "none", "Factors of all compute ops that have none of their own"),
    spread_row("forward", "compute", "Factors of forwards"),
    spread_row("backward", "compute", "Factors of backwards, and of overlapped pairs"),
    spread_row("input_grad", "compute", "Factors of backwards for the input"),
    spread_row("weight_grad", "compute", "Factors of backwards for the weights"),
    spread_row("recompute", "compute", "Factors of recomputations that are ops of their own"),
    [] {
      Field reduction =
          spread_row("gradient_reduction", "transfers", "Factors of the all-reduces of gradients");
      reduction.scope = kWithReductions;
      return reduction;
    }(),
    spread_row("transfers", "none", "Factors of each transfer's bytes / bandwidth"));
constexpr TableOf<Jitter> kJitterFields{{kJitterRows}};

Jitter read_jitter(const ObjectReader& section, bool reduces) {
  Jitter jitter;
  read_fields(section, kJitterFields, jitter, reduces ? kWithReductions.bit : 0);
  const auto read = [&](std::string_view key, Spread& spread) {
    if (section.has(key)) spread = read_spread(section.object(key));
  };
  Spread compute;
  read("compute", compute);
  for (const OpKind kind : all_op_kinds()) {
    if (is_compute(kind) || kind == OpKind::OptimizerStep) jitter.ops[kind] = compute;
    if (is_compute(kind)) read(traits_of(kind).key, jitter.ops[kind]);
  }
  read("transfers", jitter.transfers);
  Spread reduction = jitter.transfers;
  read("gradient_reduction", reduction);
  for (const OpKind kind : {OpKind::GradientReduction, OpKind::ParameterGather}) jitter.ops[kind] = reduction;
  return jitter;
}

// By the name of a GPU, a rank or a link.
constexpr FieldTable kPlaces{{}, true};

constexpr auto kNoiseRows = row::rows<Noise>(
    row::kSchema, row::kDescription,
    Field{.name = "gpu_speed",
          .kind = KeyKind::Object,
          .table = &kPlaces,
          .absent = Absent::none("1"),
          .help = "Share of its speed that a GPU has, by its name: \"node 2 GPU 5\", or \"rank 3\"",
          .expected = "shares by name",
          .schema = R"({"type": "object",
                        "propertyNames": {"pattern": "^(node (0|[1-9][0-9]*) GPU (0|[1-9][0-9]*)|rank (0|[1-9][0-9]*))$"},
                        "additionalProperties": {"$ref": "common.schema.json#/definitions/share"}})"},
    Field{.name = "link_degradation",
          .kind = KeyKind::Object,
          .table = &kPlaces,
          .absent = Absent::none("1"),
          .help = "Share of its bandwidth that a link has left, by its name: \"node 1 NIC 0\"",
          .expected = "shares by name",
          .schema = R"({"type": "object",
                        "propertyNames": {"pattern": "^(node (0|[1-9][0-9]*) (NIC (0|[1-9][0-9]*)|switch (0|[1-9][0-9]*)|GPU (0|[1-9][0-9]*) (NVLink|PCIe))( out| in)?|leaf (0|[1-9][0-9]*)( rail (0|[1-9][0-9]*))?( up| down)?|rank (0|[1-9][0-9]*) -> rank (0|[1-9][0-9]*))$"},
                        "additionalProperties": {"$ref": "common.schema.json#/definitions/share"}})"},
    Field{.name = "jitter",
          .kind = KeyKind::Object,
          .table = &kJitterFields,
          .absent = Absent::none("none"),
          .help = "Factors drawn anew for each duration of each run; --runs draws them"});

Stragglers read_stragglers(const ObjectReader& section, const NamedPlaces& places) {
  Stragglers stragglers;
  if (section.has("gpu_speed")) {
    const ObjectReader gpus = section.object("gpu_speed");
    const PlaceNames names(gpus, places);
    for (const auto& [name, factor] : gpus.self().items())
      stragglers.gpus.push_back({names.gpu(name), gpus.share(name)});
  }
  if (section.has("link_degradation")) {
    const ObjectReader links = section.object("link_degradation");
    const PlaceNames names(links, places);
    for (const auto& [name, factor] : links.self().items()) {
      const double left = links.share(name);
      for (const std::string& link : names.links(name)) {
        const auto place = stragglers.links.try_emplace(link, left).first;
        place->second = std::min(place->second, left);
      }
    }
  }
  return stragglers;
}

}  // namespace

constinit const TableOf<Noise> kNoiseFields{
    {kNoiseRows, false, "What differs from the costs in a ppsim config: always, and from run to run"}};

Noise read_noise(const ObjectReader& section, const NamedPlaces& places) {
  Noise noise;
  read_fields(section, kNoiseFields, noise);
  noise.stragglers = read_stragglers(section, places);
  if (section.has("jitter")) noise.jitter = read_jitter(section.object("jitter"), places.reduces);
  return noise;
}

}  // namespace ppsim
