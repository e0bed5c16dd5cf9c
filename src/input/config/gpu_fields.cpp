// The fields of a GPU.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <utility>

#include "input/config/schema_rules.hpp"
#include "input/config/tables.hpp"

namespace ppsim {

namespace {

constexpr CountRange kTile{1, 1'000'000};

// One row a type of number.
template <std::size_t Dtype>
void read_rate(const ObjectReader& section, const Field& field, Gpu& gpu) {
  gpu.peak[Dtype] = section.quantity(field.name, parse_flops_per_second);
}

template <std::size_t... Dtypes>
constexpr auto peak_rows(std::index_sequence<Dtypes...> /*all*/) {
  return row::rows<Gpu>(row::custom<Gpu, &read_rate<Dtypes>>({.name = kEnumNames<Dtype>[Dtypes].name,
                                                              .type = ValueType::FlopRate,
                                                              .absent = Absent::none("none"),
                                                              .help = "Dense peak rate of this type"})...);
}
constexpr auto kPeakRows = peak_rows(std::make_index_sequence<kDtypes>());
Json peak_rules() {
  Json rates = Json::array();
  for (const Field& rate : kPeakRows) rates.push_back(rule::given(rate.name));
  return {{"anyOf", rates}};
}
constexpr TableOf<Gpu> kPeakFields{{kPeakRows, false, "", &peak_rules}};

void read_peak(const ObjectReader& section, const Field& field, Gpu& gpu) {
  read_fields(section.object(field.name), kPeakFields, gpu);
  if (std::none_of(gpu.peak.begin(), gpu.peak.end(), [](const auto& rate) { return rate.has_value(); }))
    throw section.error(
        field.name, fmt::format("gives no rate; expected one for {}", fmt::join(names_of<Dtype>(), " or ")));
}

struct Point {
  Flops flops;
  double efficiency = 0;
};
constexpr auto kPointRows =
    row::rows<Point>(row::quantity<&Point::flops>("flops", {}, "Of a product on one GPU, ascending"),
                     row::share<&Point::efficiency>("efficiency", {}, "Share of the peak that it reaches"));
constexpr TableOf<Point> kPointFields{{kPointRows}};

void read_curve(const ObjectReader& section, const Field& field, Efficiency& curve) {
  for (std::size_t i = 0; i < section.value(field.name).size(); ++i) {
    const ObjectReader entry = section.entry(field.name, i);
    Point point;
    read_fields(entry, kPointFields, point);
    if (point.flops <= (curve.points.empty() ? Flops(0) : curve.points.back().first))
      throw entry.error("flops", fmt::format("{}; expected more than zero, and than the point before",
                                             shown(entry.value("flops"))));
    curve.points.emplace_back(point.flops, point.efficiency);
  }
  if (curve.points.empty()) throw section.error(field.name, "an empty list; expected at least one point");
}

// The FLOPs of a single point have no meaning.
void read_efficiency(const ObjectReader& section, const Field& field, Gpu& gpu) {
  if (section.value(field.name).is_array())
    read_curve(section, field, gpu.matmul_efficiency);
  else
    gpu.matmul_efficiency.points = {{Flops(1), section.share(field.name)}};
}

constexpr auto kTilingRows = row::rows<MatmulTiling>(
    row::count<&MatmulTiling::rows>("rows", kTile, {}, "Rows of a tile; a ragged edge takes a full tile"),
    row::count<&MatmulTiling::columns>("columns", kTile, {}, "Columns of a tile"),
    row::count<&MatmulTiling::processors>("processors", kTile, {}, "Tiles computed at once: SMs"),
    row::count<&MatmulTiling::ramp>("ramp", {0, kTile.most}, 0,
                                    "Inner products that a tile's start and end take the time of"));
constexpr TableOf<MatmulTiling> kTilingFields{{kTilingRows}};

constexpr auto kGpuRows = row::rows<Gpu>(
    row::kSchema, row::kDescription, row::kSource, row::text<&Gpu::name>("name", {}, "For reports"),
    row::custom<Gpu, &read_peak>({.name = "peak",
                                  .kind = KeyKind::Object,
                                  .table = &kPeakFields,
                                  .help = "Dense peak rate for each type of number that is used"}),
    row::quantity<&Gpu::memory>("memory", {}, "Capacity of its memory"),
    row::quantity<&Gpu::memory_bandwidth>("memory_bandwidth", {}, "Bandwidth of its memory"),
    row::custom<Gpu, &read_efficiency>(
        {.name = "matmul_efficiency",
         .kind = KeyKind::List,
         .table = &kPointFields,
         .help = "Share of the peak that a matrix product reaches, or points of a curve over its FLOPs",
         .expected = "number above 0, at most 1, or list of points",
         .schema = R"({"$ref": "common.schema.json#/definitions/share"})"}),
    row::quantity<&Gpu::kernel_overhead>(
        "kernel_overhead", "0 s", "Added to every matrix product, and to every kernel that memory bounds"),
    row::share<&Gpu::unaligned_efficiency>(
        "unaligned_efficiency", Absent::none("1"),
        "Share of its speed that a product keeps of which a side is no multiple of 16 bytes"),
    row::share<&Gpu::expert_efficiency>(
        "expert_efficiency", Absent::none("1"),
        "Share of the speed of other products that those of routed experts reach"),
    row::object<&Gpu::matmul_tiling>(
        "matmul_tiling", kTilingFields, Absent::none("none"),
        "How a product is cut into tiles; what these leave idle lowers its efficiency"),
    row::share<&Gpu::attention_efficiency>("attention_efficiency", Absent::none("as any other product"),
                                           "Share of the peak that the attention core reaches"),
    row::share<&Gpu::memory_efficiency>(
        "memory_efficiency", Absent::none("none"),
        "Share of memory_bandwidth that is reached; without it moving bytes takes training no time"),
    row::share<&Gpu::optimizer_efficiency>("optimizer_efficiency", Absent::none("memory_efficiency"),
                                           "The same while the optimizer steps"),
    row::quantity<&Gpu::runtime_memory>("runtime_memory", "0 B", "Taken before anything is allocated"));

}  // namespace

constinit const TableOf<Gpu> kGpuFields{{kGpuRows, false, "A GPU, for ppsim"}};

}  // namespace ppsim
