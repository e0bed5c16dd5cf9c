// The fields of a cluster and of its links, and how they belong together.
#include <fmt/format.h>

#include "input/config/config_sections.hpp"
#include "input/config/schema_rules.hpp"
#include "input/config/tables.hpp"

namespace ppsim {

namespace {

constexpr CountRange kNicsPerNode{1, 4'096};
constexpr double kMostOversubscribed = 1'000;

constexpr std::string_view kSizesSchema = R"({"$ref": "common.schema.json#/definitions/measured_sizes"})";

template <auto... Members>
void read_sizes(const ObjectReader& section, const Field& field, row::Owner<Members...>& target) {
  const std::vector<Bytes> ends = section.quantities(field.name, parse_bytes);
  if (ends.size() != 2 || ends[0] > ends[1])
    throw section.error(field.name, fmt::format("{}; expected a list of the least and the most bytes",
                                                shown(section.value(field.name))));
  row::Path<Members...>::in(target) = SizeRange{ends[0], ends[1]};
}

// The three rows of any link; `Members` lead to it.
template <auto... Members>
constexpr auto bandwidth_row() {
  return row::quantity<Members..., &Link::bandwidth>("bandwidth", {}, "Rate of one direction");
}
template <auto... Members>
constexpr auto latency_row() {
  return row::quantity<Members..., &Link::latency>("latency", {},
                                                   "From the last byte sent to its arrival at another GPU");
}
template <auto... Members>
constexpr auto sizes_row() {
  return row::custom<row::Owner<Members..., &Link::measured>, &read_sizes<Members..., &Link::measured>>(
      {.name = "measured_sizes",
       .type = ValueType::Sizes,
       .absent = Absent::none("none"),
       .help = "The least and the most bytes of the transfers that bandwidth and latency were fitted to",
       .expected = "list of two sizes",
       .schema = kSizesSchema});
}

constexpr auto kLinkRows = row::rows<Link>(row::kSchema, row::kDescription, row::kSource, bandwidth_row<>(),
                                           latency_row<>(), sizes_row<>());

constexpr auto kInfinibandRows = row::rows<Cluster>(
    row::kSchema, row::kDescription, row::kSource, bandwidth_row<&Cluster::infiniband>(),
    latency_row<&Cluster::infiniband>(), sizes_row<&Cluster::infiniband>(),
    row::count<&Cluster::nics_per_node>("nics_per_node", kNicsPerNode, {}, "NICs of a node"));

// What the member was before it is read: all GPUs of a node.
Json given_per_switch(const Pcie& pcie) {
  return pcie.gpus_per_switch;
}

constexpr auto kPcieRows = row::rows<Pcie>(
    row::kSchema, row::kDescription, row::kSource, bandwidth_row<&Pcie::link>(), latency_row<&Pcie::link>(),
    sizes_row<&Pcie::link>(),
    row::count<&Pcie::gpus_per_switch>("gpus_per_switch", kGpusPerNode,
                                       row::computed<Pcie, &given_per_switch>("all of a node"),
                                       "GPUs under one switch, a divisor of gpus_per_node"));

constexpr auto kFabricRows = row::rows<Fabric>(
    row::kSchema, row::kDescription, row::kSource,
    row::count<&Fabric::nodes_per_leaf>("nodes_per_leaf", kNodes, {},
                                        "Nodes whose NICs are under the same leaf, or the same leaves"),
    row::number<&Fabric::oversubscription>("oversubscription", {1, kMostOversubscribed}, 1,
                                           "Bandwidth of the NICs below a leaf / that of its uplinks"),
    row::flag<&Fabric::rail_optimized>("rail_optimized", false,
                                       "A leaf for each NIC of a node, instead of one for all"),
    row::quantity<&Fabric::latency>("latency", "0 s", "Added where bytes cross the spine"));

constexpr auto kClusterRows = row::rows<Cluster>(
    row::kSchema, row::kDescription, row::kSource,
    row::count<&Cluster::nodes>("nodes", kNodes, {}, "Nodes of the cluster"),
    row::count<&Cluster::gpus_per_node>("gpus_per_node", kGpusPerNode, {}, "GPUs of each node"),
    Field{.name = "gpu",
          .kind = KeyKind::Section,
          .table = &kGpuFields,
          .absent = Absent::none(""),
          .help = "The GPU; a model needs one, and beside costs it may be left out"},
    Field{.name = "software",
          .kind = KeyKind::Section,
          .table = &kSoftwareFields,
          .absent = Absent::empty(),
          .help = "What runs on the GPUs: its overheads, and the defaults that it brings"},
    Field{.name = "nvlink",
          .kind = KeyKind::Section,
          .table = &kLinkFields,
          .absent = Absent::none(""),
          .help = "NVLink of one GPU; this or pcie is needed where a node has several GPUs"},
    Field{.name = "pcie",
          .kind = KeyKind::Section,
          .table = &kPcieFields,
          .absent = Absent::none(""),
          .help = "PCI Express of one GPU, of nodes without NVLink"},
    Field{.name = "infiniband",
          .kind = KeyKind::Section,
          .table = &kInfinibandFields,
          .absent = Absent::none(""),
          .help = "One NIC; needed where there are several nodes"},
    Field{.name = "fabric",
          .kind = KeyKind::Section,
          .table = &kFabricFields,
          .absent = Absent::none("none"),
          .help = "Leaf and spine switches; without them nothing but NICs limits what nodes exchange"});

// A thousand times the fastest there are; times all NICs of a node it still fits 64 bits.
constexpr BytesPerSecond kFastest(1'000'000'000'000'000);

void check_rate(const ObjectReader& section, const Link& link) {
  if (link.bandwidth > kFastest)
    throw section.error("bandwidth", fmt::format("{}; expected at most {}", shown(section.value("bandwidth")),
                                                 format_bandwidth(kFastest)));
}

Pcie read_pcie(const ObjectReader& section, std::uint32_t gpus_per_node) {
  Pcie pcie{{}, gpus_per_node};
  read_fields(section, kPcieFields, pcie);
  check_rate(section, pcie.link);
  if (gpus_per_node % pcie.gpus_per_switch != 0)
    throw section.error("gpus_per_switch", fmt::format("{}; expected a divisor of the {} GPUs of a node",
                                                       pcie.gpus_per_switch, gpus_per_node));
  return pcie;
}

Link read_nvlink(const ObjectReader& section) {
  Link link;
  read_fields(section, kLinkFields, link);
  check_rate(section, link);
  return link;
}

// The links in a node; says whether there are any.
bool read_inside(const ObjectReader& section, Cluster& cluster) {
  const bool several = cluster.gpus_per_node > 1;
  if (section.has("pcie") && section.has("nvlink"))
    throw section.error("pcie", "stands instead of \"nvlink\"; expected one or the other");
  if (section.has("pcie") && !several)
    throw section.error("pcie", "joins the GPUs of a node, and a node has one; leave it out");
  if (several && !section.has("pcie") && !section.has("nvlink"))
    throw section.error("missing section \"nvlink\", or \"pcie\" in its place");
  if (!section.has("pcie") && !section.has("nvlink")) return false;
  const ObjectReader link = section.object(section.has("pcie") ? "pcie" : "nvlink");
  if (section.has("pcie")) cluster.pcie = read_pcie(link, cluster.gpus_per_node);
  cluster.nvlink = cluster.pcie ? cluster.pcie->link : read_nvlink(link);
  cluster.source = join_sources(cluster.source, read_source(link));
  return true;
}

// And between nodes.
bool read_across(const ObjectReader& section, Cluster& cluster) {
  if (section.has("fabric") && !section.has("infiniband"))
    throw section.error("fabric", "joins NICs; expected a section \"infiniband\" beside it");
  if (!section.has("infiniband") && cluster.nodes == 1) return false;
  const ObjectReader link = section.object("infiniband");
  read_fields(link, kInfinibandFields, cluster);
  check_rate(link, cluster.infiniband);
  cluster.source = join_sources(cluster.source, read_source(link));
  if (!section.has("fabric")) return true;
  const ObjectReader fabric = section.object("fabric");
  read_fields(fabric, kFabricFields, cluster.fabric.emplace());
  cluster.source = join_sources(cluster.source, read_source(fabric));
  return true;
}

// Who has one GPU a node has no NVLink to describe, who has one node no InfiniBand. No route uses them; the
// other link stands in, so that every bandwidth is above zero.
void read_links(const ObjectReader& section, Cluster& cluster) {
  const bool inside = read_inside(section, cluster);
  const bool across = read_across(section, cluster);
  if (!inside && !across) cluster.infiniband = {BytesPerSecond(1), Time(0)};
  if (!inside) cluster.nvlink = cluster.infiniband;
  if (!across && inside) cluster.infiniband = cluster.nvlink;
}

Json cluster_rules() {
  const Json one_node = {{"properties", {{"nodes", {{"const", 1}}}}}};
  const Json one_gpu = {{"properties", {{"gpus_per_node", {{"const", 1}}}}}};
  const Json inside = rule::any({rule::given("nvlink"), rule::given("pcie")});
  return rule::all({rule::where(rule::given("fabric"), rule::given("infiniband")),
                    {{"not", rule::all({rule::given("nvlink"), rule::given("pcie")})}},
                    rule::where(one_node, Json::object(), rule::given("infiniband")),
                    rule::where(one_gpu, rule::none({rule::given("pcie")}), inside)});
}

}  // namespace

constinit const TableOf<Link> kLinkFields{{kLinkRows, false, "A link, for ppsim"}};
constinit const TableOf<Cluster> kInfinibandFields{{kInfinibandRows, false, "NICs, for ppsim"}};
constinit const TableOf<Pcie> kPcieFields{{kPcieRows, false, "PCI Express, for ppsim"}};
constinit const TableOf<Fabric> kFabricFields{{kFabricRows, false, "The switches between NICs, for ppsim"}};
constinit const TableOf<Cluster> kClusterFields{
    {kClusterRows, false, "A cluster, for ppsim", &cluster_rules}};

std::string join_sources(const std::string& first, const std::string& second) {
  return first.empty() || second.empty() ? first + second : first + " " + second;
}

std::string read_source(const ObjectReader& section) {
  return section.has("source") ? section.text("source") : "";
}

Cluster read_cluster(const ObjectReader& section, InputKind kind) {
  Cluster cluster;
  read_fields(section, kClusterFields, cluster);
  cluster.source = read_source(section);
  if (kind == InputKind::Model || section.has("gpu")) {
    const ObjectReader gpu = section.object("gpu");
    read_fields(gpu, kGpuFields, cluster.gpu);
    cluster.source = join_sources(cluster.source, read_source(gpu));
  }
  const ObjectReader software = section.object("software");
  cluster.software = read_software(software);
  cluster.source = join_sources(cluster.source, read_source(software));
  read_links(section, cluster);
  return cluster;
}

}  // namespace ppsim
