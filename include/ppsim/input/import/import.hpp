// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// What other tools write, as sections of a config.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ppsim/core/units.hpp"

namespace ppsim {

struct ImportedSection {
  std::string text;  ///< a JSON document; load_config() takes what is in it, and it was read so once
  std::vector<std::string> assumptions;  ///< a line each: what the file does not say, and what is left out
};

// All of them throw Error: where "FILE#/json/pointer", "FILE, line 7" or "FILE, line 3, column 12" for a file
// that is not what it should be, the option's name for an option, "FILE (as imported)#/pointer" where what it
// says makes no section.

struct HuggingfaceOptions {
  std::optional<std::uint64_t> sequence_length;  ///< empty: the longest that the model takes
};

/// config.json of a model (transformers) -> `model`.
[[nodiscard]] ImportedSection import_huggingface(const std::string& path, const HuggingfaceOptions& options);

struct MegatronOptions {
  std::optional<std::uint64_t> gpus;  ///< of the whole job; empty: as --world-size or torchrun say
};

/// Arguments of Megatron-LM, alone or in a script that calls it -> a config without a cluster: `model`,
/// `parallelism`, `training`, `schedule`. An argument that is not known is an error.
[[nodiscard]] ImportedSection import_megatron(const std::string& path, const MegatronOptions& options);

struct DeepspeedOptions {
  std::optional<std::uint64_t> pipeline;  ///< empty: 1
  std::optional<std::uint64_t> data;      ///< empty: as the batch sizes say, else 1
};

/// ds_config.json -> `parallelism` and `training` in one object.
[[nodiscard]] ImportedSection import_deepspeed(const std::string& path, const DeepspeedOptions& options);

struct NcclTestsOptions {
  std::string collective;                      ///< "all_reduce"; empty: the one that the file names
  std::optional<std::uint64_t> nics_per_node;  ///< where the ranks are on several nodes
};

/// Output of all_reduce_perf, all_gather_perf, reduce_scatter_perf, broadcast_perf, reduce_perf,
/// alltoall_perf or sendrecv_perf, text or JSON -> a link, for `nvlink`, `pcie` or `infiniband`. With n ranks
/// and S bytes
///   all-reduce                      t = 2 (n - 1) (S / n / bandwidth + latency)
///   reduce-scatter, all-gather,
///   all-to-all                      t = (n - 1) (S / n / bandwidth + latency)
///   broadcast, reduce               t = S / bandwidth + (n - 1) latency
///   send and receive                t = S / bandwidth + latency
/// fitted by fit_messages() (metrics/message_fit.hpp).
[[nodiscard]] ImportedSection import_nccl_tests(const std::string& path, const NcclTestsOptions& options);

struct TopologyOptions {
  std::string gpu;                              ///< "h100"; empty: not known
  std::uint64_t nodes = 1;                      ///< that are alike
  std::optional<BytesPerSecond> nic_bandwidth;  ///< empty: no `infiniband`
};

/// Output of `nvidia-smi topo -m` -> `cluster` without its `gpu`.
[[nodiscard]] ImportedSection import_topology(const std::string& path, const TopologyOptions& options);

/// {"ppsim_version", "kind", "section", "assumptions"}, for scripts.
[[nodiscard]] std::string imported_json(const ImportedSection& imported, std::string_view kind);

}  // namespace ppsim
