#include "output/picture/palette.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>

namespace ppsim {
namespace {

struct Color {
  int red;
  int green;
  int blue;
};

struct Shades {
  Color deep;
  Color light;
  std::array<std::uint8_t, 2> terminal;
};

Shades shades_of(OpKind kind) {
  switch (traits_of(kind).color) {
    case OpColor::Blue:
      return {{138, 180, 234}, {193, 217, 246}, {75, 153}};
    case OpColor::Green:
      return {{134, 201, 138}, {192, 228, 191}, {77, 157}};
    case OpColor::Teal:
      return {{107, 195, 182}, {182, 226, 219}, {79, 159}};
    case OpColor::Yellow:
      return {{214, 205, 110}, {236, 231, 178}, {185, 229}};
    case OpColor::Orange:
      return {{242, 190, 132}, {250, 226, 198}, {215, 223}};
    case OpColor::Violet:
      return {{196, 178, 228}, {226, 217, 243}, {140, 183}};
    case OpColor::Pink:
      return {{228, 182, 210}, {243, 219, 233}, {176, 218}};
    case OpColor::Rose:
      return {{222, 165, 164}, {240, 210, 209}, {174, 217}};
    case OpColor::None:
      break;  // transfers, which have no box
  }
  return {};
}

}  // namespace

std::string fill_color(OpKind kind, std::size_t chunk, std::size_t chunks) {
  const Shades shades = shades_of(kind);
  const double lightness = chunks < 2 ? 0 : static_cast<double>(chunk) / static_cast<double>(chunks - 1);
  const auto mix = [&](int deep, int light) {
    return static_cast<int>(std::lround(deep + lightness * (light - deep)));
  };
  return fmt::format("#{:02x}{:02x}{:02x}", mix(shades.deep.red, shades.light.red),
                     mix(shades.deep.green, shades.light.green), mix(shades.deep.blue, shades.light.blue));
}

std::uint8_t terminal_color(OpKind kind, std::size_t chunk) {
  return shades_of(kind).terminal[chunk % 2];
}

// Okabe and Ito, "Color Universal Design" (2008), without black and without yellow, which white swallows.
std::string_view category_color(std::size_t index) {
  constexpr std::array<std::string_view, kCategoryColors> kColors = {"#0072b2", "#d55e00", "#009e73",
                                                                     "#cc79a7", "#e69f00", "#56b4e9"};
  return kColors[index % kCategoryColors];
}

}  // namespace ppsim
