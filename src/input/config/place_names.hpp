/// Names of GPUs and links, as the section `noise` of a config speaks of them.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "input/config/config_reader.hpp"
#include "input/config/config_sections.hpp"
#include "ppsim/model/costs/stragglers.hpp"

namespace ppsim {

/// Reads the names of one object. Throws Error at the name where there is no such place.
class PlaceNames {
 public:
  PlaceNames(const ObjectReader& object, const NamedPlaces& places) : object_(object), places_(places) {}

  [[nodiscard]] std::variant<Rank, GpuPlace> gpu(const std::string& name) const;

  /// As Network names links; without a direction, those of both.
  [[nodiscard]] std::vector<std::string> links(const std::string& name) const;

 private:
  [[nodiscard]] Rank rank(const std::string& name, std::uint32_t number) const;
  [[nodiscard]] std::vector<std::string> link_between_ranks(const std::string& name) const;

  const ObjectReader& object_;
  const NamedPlaces& places_;
};

}  // namespace ppsim
