// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// Config: the JSON document of configs/README, read, checked and turned into values.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ppsim/core/enum_names.hpp"
#include "ppsim/engine/contention.hpp"
#include "ppsim/engine/jitter.hpp"
#include "ppsim/engine/simulate.hpp"
#include "ppsim/graph/op_graph.hpp"
#include "ppsim/model/costs/stragglers.hpp"
#include "ppsim/model/costs/workload.hpp"
#include "ppsim/model/hardware/parallelism.hpp"
#include "ppsim/schedule/registry.hpp"

namespace ppsim {

/// One value to put into the document before it is read: "--set /schedule/name=gpipe". The value is JSON
/// where it parses as JSON, else a string; null takes the key away. A path is relative to the document, as in
/// the document itself. `origin` says who asked ("--set", "--schedule"), for errors and `ppsim config`.
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
  OptionValues options;             ///< as given, not completed; of a file: slices, steps
};

/// What differs from the costs: always, and from run to run.
struct Noise {
  Stragglers stragglers;
  Jitter jitter;
};

/// Which copies of the pipeline are simulated.
enum class Detail : std::uint8_t {
  Folded,  ///< one for all replicas, which move in step
  Full,    ///< each by itself
};
template <>
inline constexpr auto kEnumNames<Detail> = enum_names<Detail>({{Detail::Folded, "folded"},
                                                               {Detail::Full, "full"}});

struct Simulation {
  Communication communication = Communication::Overlap;
  Contention contention;
  ProgramStreams streams;  ///< Communication::Program only
  Detail detail = Detail::Folded;
  PairCost pair = PairRule::Sum;  ///< of a model; costs given outright have their own
  std::uint64_t seed = 0;
  Noise noise;
};

struct Config {
  std::string path;  ///< as given by the user; names the file in errors
  WorkloadInput input;
  Parallelism parallelism;
  std::optional<std::uint32_t> virtual_stages;  ///< as given; parallelism.virtual_stages has the default
  ScheduleChoice schedule;
  Simulation simulation;

  std::string
      resolved;  ///< the whole document, sections inlined and defaults written out, canonical JSON, one line
  std::string hash;  ///< 16 hex digits (FNV-1a, 64 bits) of what `resolved` says beside defaults, under the
                     ///< newest names of its keys: "config_hash"
  std::vector<std::string> notes;  ///< what may be mended in the files: "a.json#/gpu/step_overhead: this key
                                   ///< lives at /cluster/software/step_overhead now"

  /// Where each value of `resolved` came from: "/parallelism/data" -> "default", "clusters/h100_4x8.json",
  /// "--set".
  struct Origin {
    std::string pointer;
    std::string value;  ///< compact JSON
    std::string from;
  };
  std::vector<Origin> origins;  ///< leaves of `resolved`, in its order; a list is one leaf

  /// Where a part of `resolved` was read: what stands at or under `pointer`, unless a longer one fits.
  struct Place {
    std::string pointer;  ///< "/cluster"
    std::string where;    ///< "clusters/h100_4x8.json#", "--set /cluster"
  };
  std::vector<Place> places;  ///< the first is the whole document's, ""
};

/// The most (stage, micro-batch) pairs that a step may have: each is two or three ops, about 20 GiB together.
inline constexpr std::uint64_t kMaxStageMicroBatches = std::uint64_t{1} << 26;

/// Reads `path`. Throws Error with where "FILE#/json/pointer": not JSON (with line and column), an unknown
/// key (with the nearest known one), a missing section or key, a wrong type or unit, zero, negative or huge
/// numbers, a path that is not there, a section that includes itself.
/// `pointer`: the part of the document that is the config; empty: the whole.
[[nodiscard]] Config load_config(const std::string& path, std::span<const Override> overrides = {},
                                 const std::string& pointer = "");

/// The file and pointer that hold the value at `pointer` ("/cluster/nvlink/bandwidth"):
/// "clusters/h100_4x8.json#/nvlink/bandwidth". For errors that a later layer reports by pointer; what does
/// not begin with "/" comes back as it is.
[[nodiscard]] std::string locate(const Config& config, std::string_view pointer);

/// Every key that a config may have, as pointers; "*" stands for each entry of a list. Beside them stand the
/// options of the schedule, under "/schedule".
[[nodiscard]] std::vector<std::string> config_keys();

}  // namespace ppsim
