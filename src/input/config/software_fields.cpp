// The fields of the software on a cluster, and the defaults that it brings.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "input/config/config_sections.hpp"
#include "input/config/tables.hpp"

namespace ppsim {

namespace {

// By the pointer of a key.
constexpr FieldTable kByPointer{{}, true};

constexpr auto kSoftwareRows = row::rows<Software>(
    row::kSchema, row::kDescription, row::kSource,
    row::text<&Software::framework>("framework", Absent::none("not named"),
                                    "Name of the framework: megatron, deepspeed, torchtitan"),
    row::text<&Software::release>("release", Absent::none("not named"), "Release of the framework"),
    row::quantity<&Software::launch_overhead>(
        "launch_overhead", "0 s",
        "Of the host, for each kernel: a pass takes the longer of what the host launches and what the GPU "
        "computes")
        .once("/cluster/gpu/launch_overhead"),
    row::quantity<&Software::pass_overhead>("pass_overhead", "0 s",
                                            "Added to every pass of a pipeline of several ranks")
        .once("/cluster/gpu/pass_overhead"),
    row::quantity<&Software::checkpoint_overhead>("checkpoint_overhead", "0 s",
                                                  "Added for every layer that full recomputation runs again")
        .once("/cluster/gpu/checkpoint_overhead"),
    row::quantity<&Software::collective_overhead>("collective_overhead", "0 s", "Added to every collective")
        .once("/cluster/gpu/collective_overhead"),
    row::quantity<&Software::step_overhead>("step_overhead", "0 s",
                                            "Added to every training step, behind its optimizer")
        .once("/cluster/gpu/step_overhead"),
    row::number<&Software::allocator_margin>("allocator_margin", {0, 1}, 0.0,
                                             "Share by which the allocator reserves more than is allocated")
        .once("/cluster/gpu/allocator_margin"),
    Field{.name = "defaults",
          .kind = KeyKind::Object,
          .table = &kByPointer,
          .absent = Absent::none("none"),
          .help = "Values that hold where a config does not give the key, by its pointer: "
                  "\"/training/moment_dtype\"",
          .expected = "values by pointer",
          .schema = R"({"type": "object",
                        "propertyNames": {"pattern": "^/(training|parallelism|simulation|model/transformer)/"}})",
          .hashed = false});

// What software may choose: how a model is trained and run, not what runs or where.
constexpr std::array<std::string_view, 4> kChosen{"/training/", "/parallelism/", "/simulation/",
                                                  "/model/transformer/"};

void check_chosen(const Document& document, const Pointer& place, const std::string& pointer) {
  const bool chosen = std::any_of(kChosen.begin(), kChosen.end(), [&](std::string_view section) {
    return std::string_view(pointer).starts_with(section);
  });
  if (!chosen)
    throw Error(document.where(place),
                "expected a key under /training, /parallelism, /simulation or /model/transformer");
  if (find_field(pointer) == nullptr) throw Error(document.where(place), "there is no such key");
}

}  // namespace

constinit const TableOf<Software> kSoftwareFields{{kSoftwareRows, false, "Software on a cluster, for ppsim"}};

void offer_software_defaults(Document& document) {
  const Pointer section("/cluster/software");
  const Pointer defaults = section / "defaults";
  if (!document.root().contains(defaults) || !document.at(defaults).is_object()) return;
  const Json& name = document.at(section).value("framework", Json());
  const std::string from = name.is_string() ? "software " + name.get<std::string>() : "software";
  for (const auto& [pointer, value] : document.at(defaults).items()) {
    const Pointer place = defaults / pointer;
    check_chosen(document, place, pointer);
    document.offer(Pointer(pointer), value, {document.where(place), from, document.files_of(place)});
  }
}

Software read_software(const ObjectReader& section) {
  Software software;
  read_fields(section, kSoftwareFields, software);
  if (section.has("defaults")) (void)section.object("defaults");  // throws where there is no object
  return software;
}

}  // namespace ppsim
