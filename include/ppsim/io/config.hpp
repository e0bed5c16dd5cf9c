/// Config: the JSON document of DESIGN section 5, read, checked and turned into values.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ppsim/engine/simulate.hpp"
#include "ppsim/graph/op_graph.hpp"
#include "ppsim/model/parallelism.hpp"
#include "ppsim/model/workload.hpp"
#include "ppsim/schedule/registry.hpp"

namespace ppsim {

/// One value to put into the document before it is read: "--set /schedule/name=gpipe". The value is JSON where it parses
/// as JSON, else a string. `origin` says who asked ("--set", "--schedule"), for errors and `ppsim config`.
struct Override {
  std::string pointer;
  std::string value;
  std::string origin = "--set";
};

/// Splits "/pointer=value". Throws Error (where: "--set") where there is no leading "/" or no "=".
[[nodiscard]] Override parse_override(std::string_view text);

struct ScheduleChoice {
  std::string name;                 ///< empty where a file is given
  std::optional<std::string> file;  ///< path, resolved against the document that names it
  OptionValues options;             ///< as given, not completed
};

struct Simulation {
  Communication communication = Communication::Overlap;
  Contention contention = Contention::None;
  std::uint64_t seed = 0;
};

struct Config {
  std::string path;  ///< as given by the user; names the file in errors
  WorkloadInput input;
  Parallelism parallelism;
  std::optional<std::uint32_t> virtual_stages;  ///< as given; parallelism.virtual_stages has the default
  ScheduleChoice schedule;
  Simulation simulation;

  std::string resolved;  ///< the whole document, sections inlined and defaults written out, canonical JSON, one line
  std::string hash;      ///< 16 hex digits of `resolved` (FNV-1a, 64 bits), for "config_hash"

  /// Where each value of `resolved` came from: "/parallelism/data" -> "default", "clusters/h100_4x8.json", "--set".
  struct Origin {
    std::string pointer;
    std::string value;  ///< compact JSON
    std::string from;
  };
  std::vector<Origin> origins;  ///< leaves of the document, in its order
};

/// Reads `path`. Throws Error with where "FILE#/json/pointer": not JSON (with line and column), an unknown key (with the
/// nearest known one), a missing section or key, a wrong type or unit, zero, negative or huge numbers, a path that is not
/// there, a section that includes itself.
[[nodiscard]] Config load_config(const std::string& path, std::span<const Override> overrides = {});

}  // namespace ppsim
