#include "text/quantity_unit.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <stdexcept>
#include <string>
#include <vector>

#include "ppsim/core/error.hpp"

namespace ppsim {
namespace {

constexpr std::int64_t kKibi = 1024;
constexpr std::int64_t kMebi = kKibi * 1024;
constexpr std::int64_t kGibi = kMebi * 1024;
constexpr std::int64_t kTebi = kGibi * 1024;

constexpr std::array kNumbers{QuantityUnit{}};

constexpr std::array kTimes{
    QuantityUnit{"ns", Dimension::Time, 1}, QuantityUnit{"us", Dimension::Time, 1'000},
    QuantityUnit{"ms", Dimension::Time, 1'000'000}, QuantityUnit{"s", Dimension::Time, 1'000'000'000}};

constexpr std::array kSizes{QuantityUnit{"B", Dimension::Bytes, 1},
                            QuantityUnit{"kB", Dimension::Bytes, 1'000},
                            QuantityUnit{"MB", Dimension::Bytes, 1'000'000},
                            QuantityUnit{"GB", Dimension::Bytes, 1'000'000'000},
                            QuantityUnit{"TB", Dimension::Bytes, 1'000'000'000'000},
                            QuantityUnit{"KiB", Dimension::Bytes, kKibi},
                            QuantityUnit{"MiB", Dimension::Bytes, kMebi},
                            QuantityUnit{"GiB", Dimension::Bytes, kGibi},
                            QuantityUnit{"TiB", Dimension::Bytes, kTebi}};

constexpr std::array kRates{QuantityUnit{"B/s", Dimension::Bandwidth, 1},
                            QuantityUnit{"kB/s", Dimension::Bandwidth, 1'000},
                            QuantityUnit{"MB/s", Dimension::Bandwidth, 1'000'000},
                            QuantityUnit{"GB/s", Dimension::Bandwidth, 1'000'000'000},
                            QuantityUnit{"TB/s", Dimension::Bandwidth, 1'000'000'000'000},
                            QuantityUnit{"KiB/s", Dimension::Bandwidth, kKibi},
                            QuantityUnit{"MiB/s", Dimension::Bandwidth, kMebi},
                            QuantityUnit{"GiB/s", Dimension::Bandwidth, kGibi},
                            QuantityUnit{"TiB/s", Dimension::Bandwidth, kTebi},
                            QuantityUnit{"b/s", Dimension::Bandwidth, 1, 8},
                            QuantityUnit{"kb/s", Dimension::Bandwidth, 1'000, 8},
                            QuantityUnit{"Mb/s", Dimension::Bandwidth, 1'000'000, 8},
                            QuantityUnit{"Gb/s", Dimension::Bandwidth, 1'000'000'000, 8},
                            QuantityUnit{"Tb/s", Dimension::Bandwidth, 1'000'000'000'000, 8},
                            QuantityUnit{"Kib/s", Dimension::Bandwidth, kKibi, 8},
                            QuantityUnit{"Mib/s", Dimension::Bandwidth, kMebi, 8},
                            QuantityUnit{"Gib/s", Dimension::Bandwidth, kGibi, 8},
                            QuantityUnit{"Tib/s", Dimension::Bandwidth, kTebi, 8}};

constexpr std::array kFlops{QuantityUnit{"FLOP", Dimension::Flops, 1},
                            QuantityUnit{"GFLOP", Dimension::Flops, 1'000'000'000},
                            QuantityUnit{"TFLOP", Dimension::Flops, 1'000'000'000'000},
                            QuantityUnit{"PFLOP", Dimension::Flops, 1'000'000'000'000'000}};

constexpr std::array kFlopRates{QuantityUnit{"FLOP/s", Dimension::FlopRate, 1},
                                QuantityUnit{"GFLOP/s", Dimension::FlopRate, 1'000'000'000},
                                QuantityUnit{"TFLOP/s", Dimension::FlopRate, 1'000'000'000'000},
                                QuantityUnit{"PFLOP/s", Dimension::FlopRate, 1'000'000'000'000'000}};

constexpr std::array kDimensions{Dimension::Number,    Dimension::Time,  Dimension::Bytes,
                                 Dimension::Bandwidth, Dimension::Flops, Dimension::FlopRate};

}  // namespace

std::span<const QuantityUnit> units_of(Dimension dimension) {
  switch (dimension) {
    case Dimension::Number:
      return kNumbers;
    case Dimension::Time:
      return kTimes;
    case Dimension::Bytes:
      return kSizes;
    case Dimension::Bandwidth:
      return kRates;
    case Dimension::Flops:
      return kFlops;
    case Dimension::FlopRate:
      return kFlopRates;
  }
  throw std::logic_error("no such dimension");
}

QuantityUnit unit_named(std::string_view name, std::string_view where) {
  std::vector<std::string_view> known;
  for (const Dimension dimension : kDimensions) {
    for (const QuantityUnit& unit : units_of(dimension)) {
      if (unit.name == name) return unit;
      if (!unit.name.empty()) known.push_back(unit.name);
    }
  }
  throw Error(std::string(where),
              fmt::format("\"{}\" is an unknown unit; expected one of {}", name, fmt::join(known, ", ")));
}

}  // namespace ppsim
