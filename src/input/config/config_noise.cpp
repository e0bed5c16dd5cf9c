#include "input/config/config_noise.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "text/files.hpp"

namespace ppsim {

namespace {

using Numbers = std::array<std::uint32_t, 2>;

// The numbers in `text` where `pattern` has "#", without leading zeros, so that a place has one name; empty
// where it is another text.
std::optional<Numbers> match(std::string_view text, std::string_view pattern) {
  Numbers numbers{};
  std::size_t found = 0;
  for (const char expected : pattern) {
    if (text.empty()) return std::nullopt;
    if (expected != '#') {
      if (text.front() != expected) return std::nullopt;
      text.remove_prefix(1);
      continue;
    }
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), numbers[found]);
    const auto length = static_cast<std::size_t>(end - text.data());
    if (failure != std::errc{} || (text.front() == '0' && length > 1)) return std::nullopt;
    text.remove_prefix(length);
    ++found;
  }
  return text.empty() ? std::optional(numbers) : std::nullopt;
}

// What names in a cluster look like; a "#" stands for a number.
struct LinkKind {
  const char* pattern;
  const char* shown;
  std::array<const char*, 2> ways;
  std::array<std::uint32_t, 2> counts;  // each number is below its own
  std::array<const char*, 2> things;    // what these count; the second null where there is one number
};

LinkKind gpu_kind(const Cluster& cluster, const char* pattern, const char* shown) {
  return {pattern, shown, {" out", " in"}, {cluster.nodes, cluster.gpus_per_node}, {"nodes", "GPUs"}};
}

// As ClusterLinks names them.
std::vector<LinkKind> link_kinds(const Cluster& cluster) {
  std::vector<LinkKind> kinds = {cluster.pcie
                                     ? gpu_kind(cluster, "node # GPU # PCIe", "node N GPU G PCIe")
                                     : gpu_kind(cluster, "node # GPU # NVLink", "node N GPU G NVLink"),
                                 {"node # NIC #",
                                  "node N NIC K",
                                  {" out", " in"},
                                  {cluster.nodes, cluster.nics_per_node},
                                  {"nodes", "NICs"}}};
  if (cluster.switches_per_node() > 0)
    kinds.push_back({"node # switch #",
                     "node N switch S",
                     {" out", " in"},
                     {cluster.nodes, cluster.switches_per_node()},
                     {"nodes", "switches"}});
  if (cluster.fabric && cluster.fabric->rail_optimized)
    kinds.push_back({"leaf # rail #",
                     "leaf L rail K",
                     {" up", " down"},
                     {cluster.leaf_groups(), cluster.leaves_per_group()},
                     {"leaves", "rails"}});
  else if (cluster.fabric)
    kinds.push_back({"leaf #", "leaf L", {" up", " down"}, {cluster.leaf_groups(), 1}, {"leaves", nullptr}});
  return kinds;
}

// Reads the names of one object.
class PlaceNames {
 public:
  PlaceNames(const ObjectReader& object, const NamedPlaces& places) : object_(object), places_(places) {}

  [[nodiscard]] std::variant<Rank, GpuPlace> gpu(const std::string& name) const {
    if (const auto rank = match(name, "rank #")) return this->rank(name, (*rank)[0]);
    const auto gpu = match(name, "node # GPU #");
    if (!gpu || places_.cluster == nullptr)
      throw object_.error(name, places_.cluster == nullptr
                                    ? "no such place; expected \"rank R\""
                                    : "no such place; expected \"node N GPU G\" or \"rank R\"");
    check(name, *gpu, gpu_kind(*places_.cluster, "", ""));
    return GpuPlace{(*gpu)[0], (*gpu)[1]};
  }

  // As Network names links; without a direction, those of both.
  [[nodiscard]] std::vector<std::string> links(const std::string& name) const {
    if (places_.cluster == nullptr) {
      const auto ranks = match(name, "rank # -> rank #");
      if (!ranks) throw object_.error(name, "no such link; expected \"rank A -> rank B\"");
      if (rank(name, (*ranks)[0]) == rank(name, (*ranks)[1]))
        throw object_.error(name, "no such link; expected two ranks");
      return {name};
    }
    std::vector<std::string> expected;
    for (const LinkKind& kind : link_kinds(*places_.cluster)) {
      for (const std::string way : {kind.ways[0], kind.ways[1], ""}) {
        const auto numbers = match(name, std::string(kind.pattern) + way);
        if (!numbers) continue;
        check(name, *numbers, kind);
        if (way.empty()) return {name + kind.ways[0], name + kind.ways[1]};
        return {name};
      }
      expected.push_back(fmt::format("\"{}\"", kind.shown));
    }
    throw object_.error(name, fmt::format("no such link; expected {}, with {} for one direction",
                                          fmt::join(expected, " or "), directions()));
  }

 private:
  [[nodiscard]] Rank rank(const std::string& name, std::uint32_t number) const {
    if (number >= places_.ranks)
      throw object_.error(name, fmt::format("there are {} ranks, counted from 0", places_.ranks));
    return Rank{number};
  }

  void check(const std::string& name, Numbers numbers, const LinkKind& kind) const {
    if (numbers[0] < kind.counts[0] && numbers[1] < kind.counts[1]) return;
    const std::string inner = kind.things[1] != nullptr
                                  ? fmt::format(" of {} {}, each", kind.counts[1], kind.things[1])
                                  : std::string(",");
    throw object_.error(
        name, fmt::format("there are {} {}{} counted from 0", kind.counts[0], kind.things[0], inner));
  }

  [[nodiscard]] std::string directions() const {
    return places_.cluster->fabric ? R"(" out" or " in", of a leaf " up" or " down",)" : R"(" out" or " in")";
  }

  const ObjectReader& object_;
  const NamedPlaces& places_;
};

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

// A thousand times as long as expected is no jitter.
constexpr double kMostFactor = 1000;

double parse_factor(std::string_view line, const std::string& where) {
  double factor = 0;
  const auto [end, failure] = std::from_chars(line.data(), line.data() + line.size(), factor);
  if (failure != std::errc{} || end != line.data() + line.size() || !(factor > 0 && factor <= kMostFactor))
    throw Error(where, fmt::format("{}; expected a number above 0, at most {}", shown(std::string(line)),
                                   kMostFactor));
  return factor;
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

// exp(2 z): at the bound, one draw in forty is seven times the mean.
constexpr double kMostSigma = 2;

Lognormal read_lognormal(const ObjectReader& section) {
  constexpr std::array<std::string_view, 1> kDistributions{"lognormal"};
  (void)section.choice("distribution", kDistributions, "lognormal");
  const Json& value = section.value("sigma");
  const double sigma = value.is_number() ? value.get<double>() : -1;
  if (!(sigma >= 0 && sigma <= kMostSigma))
    throw section.error("sigma", fmt::format("{}; expected a number from 0 to {}", shown(value), kMostSigma));
  return {sigma};
}

// The same as a list in the config itself.
Samples read_list(const ObjectReader& section) {
  Samples samples;
  const Json& list = section.value("samples");
  for (std::size_t i = 0; i < list.size(); ++i) {
    const double factor = list[i].is_number() ? list[i].get<double>() : 0;
    if (!(factor > 0 && factor <= kMostFactor))
      throw Error(section.document().where(section.at("samples") / i),
                  fmt::format("{}; expected a number above 0, at most {}", shown(list[i]), kMostFactor));
    samples.factors.push_back(factor);
  }
  if (list.empty()) throw section.error("samples", "an empty list; expected at least one factor");
  return samples;
}

Spread read_spread(Document& document, const ObjectReader& section) {
  if (section.has("source")) (void)section.text("source");
  if (section.has("samples") == section.has("sigma"))
    throw section.error("expected either \"sigma\" or \"samples\"");
  if (section.has("sigma")) return read_lognormal(section);
  if (section.has("distribution"))
    throw section.error("distribution", "has no meaning with \"samples\"; leave it out");
  if (section.value("samples").is_array()) return read_list(section);
  const std::string path = document.beside(section.at("samples"), section.text("samples"));
  Samples samples = read_samples(path);
  document.at(section.at("samples")) = document.from_document(path);
  return samples;
}

Jitter read_jitter(Document& document, const ObjectReader& section, bool reduces) {
  Jitter jitter;
  const auto read = [&](std::string_view key, Spread& spread) {
    if (section.has(key)) spread = read_spread(document, section.object(key));
  };
  Spread compute;
  read("compute", compute);
  for (const OpKind kind : all_op_kinds()) {
    if (is_compute(kind) || kind == OpKind::OptimizerStep) jitter.ops[kind] = compute;
    if (is_compute(kind)) read(traits_of(kind).key, jitter.ops[kind]);
  }
  read("transfers", jitter.transfers);
  if (!reduces && section.has("gradient_reduction"))
    throw section.error("gradient_reduction", "has no meaning with \"costs\"; leave it out");
  Spread reduction = jitter.transfers;
  read("gradient_reduction", reduction);
  for (const OpKind kind : {OpKind::GradientReduction, OpKind::ParameterGather}) jitter.ops[kind] = reduction;
  return jitter;
}

}  // namespace

Noise read_noise(Document& document, const ObjectReader& section, const NamedPlaces& places) {
  Noise noise;
  noise.stragglers = read_stragglers(section, places);
  if (section.has("jitter")) noise.jitter = read_jitter(document, section.object("jitter"), places.reduces);
  return noise;
}

}  // namespace ppsim
