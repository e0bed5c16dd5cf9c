/// What Megatron-LM's arguments are about.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace ppsim {

enum class MegatronMeaning : std::uint8_t {
  Flag,     ///< understood, without a value
  Value,    ///< understood, with one
  List,     ///< understood, with one or more
  LeftOut,  ///< changes what a step costs, in a way that no config says
  Neutral,  ///< changes no step's costs, or too little to count
  Unknown,
};

/// `name` with its "--".
[[nodiscard]] MegatronMeaning megatron_meaning(std::string_view name);

/// What is left out with an argument of LeftOut.
[[nodiscard]] std::string_view megatron_left_out(std::string_view name);

/// Those of Flag, Value and List, by the alphabet.
[[nodiscard]] std::vector<std::string_view> megatron_understood();

}  // namespace ppsim
