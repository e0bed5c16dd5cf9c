// The fields that say how a run is simulated.
#include <array>
#include <limits>

#include "input/config/config_sections.hpp"
#include "input/config/tables.hpp"

namespace ppsim {

namespace {

constexpr CountRange kSeed{0, static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())};

// In the registry's order, for as long as the program runs.
std::span<const std::string_view> registered_contentions() {
  static const std::vector<std::string_view> names = contention_names();
  return names;
}
std::string_view help_of_contentions() {
  static const std::string help = contention_help();
  return help;
}
void read_contention(const ObjectReader& section, const Field& field, Simulation& simulation) {
  const auto names = registered_contentions();
  simulation.contention = Contention(names[section.choice(field.name, names)]);
}

void read_pair_of_model(const ObjectReader& section, const Field& field, Simulation& simulation) {
  simulation.pair = read_pair(section, field.name);
}

constexpr auto kSimulationRows = row::rows<Simulation>(
    row::kSchema, row::kDescription,
    row::choice<&Simulation::communication>(
        "communication", name(Communication::Overlap),
        "overlap: transfers cost no compute time; blocking: a send holds its rank until the last byte has "
        "left; program: sends and receives run in the order of the programs, as rendezvous"),
    row::choice<&Simulation::streams, &ProgramStreams::per>(
        "streams", name(CommStreams::Rank),
        "Which sends and receives of a rank run one after the other; rank: all; pair: those with one peer in "
        "one direction")
        .only(kWithProgram),
    row::flag<&Simulation::streams, &ProgramStreams::grouped>(
        "grouped", false, "What a stream has between two compute ops runs as one group")
        .only(kWithProgram),
    row::custom<Simulation, &read_pair_of_model>(
        {.name = "overlapped_pair",
         .type = ValueType::Time,
         .absent = name(PairRule::Sum),
         .help = "How long a forward and a backward take that run together",
         .scope = kPairOfModel,
         .expected = kPairExpected,
         .schema = kPairSchema}),
    row::custom<Simulation, &read_contention>({.name = "contention",
                                               .type = ValueType::Choice,
                                               .choices = &registered_contentions,
                                               .absent = "none",
                                               .help_of = &help_of_contentions}),
    row::choice<&Simulation::detail>("detail", name(Detail::Folded),
                                     "folded: one replica stands for all of them, which move in step; full: "
                                     "each is simulated by itself")
        .only(kWithReplicas),
    row::count<&Simulation::seed>("seed", kSeed, 0, "Seed of what is random"),
    Field{.name = "noise",
          .kind = KeyKind::Section,
          .table = &kNoiseFields,
          .absent = Absent::none("none"),
          .help = "Who is slower than the rest, and what differs from run to run"});

KeyScopes scopes_of_simulation(const ObjectReader& section, InputKind kind) {
  section.complete(*kSimulationFields.find("communication"), nullptr);
  const bool program = section.value("communication") == name(Communication::Program);
  return (program ? kWithProgram.bit : 0) | (kind == InputKind::Model ? kWithModel.bit : 0);
}

}  // namespace

constinit const TableOf<Simulation> kSimulationFields{{kSimulationRows, false, "How the run is simulated"}};

Simulation read_simulation(const ObjectReader& section, InputKind kind, const NamedPlaces& places) {
  Simulation simulation;
  read_fields(section, kSimulationFields, simulation, scopes_of_simulation(section, kind));
  if (section.has("noise")) simulation.noise = read_noise(section.object("noise"), places);
  return simulation;
}

}  // namespace ppsim
