// A config in files, and what is known of its values.
#pragma once

#include <string>
#include <string_view>

#include "input/scratch.hpp"
#include "ppsim/input/config/config.hpp"

namespace ppsim::test {

// The reference case of the schedule studies: DESIGN section 5.
inline constexpr const char* kReference = R"({
  "costs": {"forward": "1 ms", "backward": "2 ms", "transfer": "2.5 MB", "activation": "1 MB",
            "link": {"bandwidth": "50 GB/s", "latency": "5 us"}},
  "parallelism": {"pipeline": 8, "micro_batches": 64},
  "schedule": {"name": "1f1b"}
})";

inline constexpr const char* kCluster = R"({
  "nodes": 2, "gpus_per_node": 8, "gpu": "../gpus/h100.json", "source": "the cluster's data sheet.",
  "nvlink": {"bandwidth": "450 GB/s", "latency": "2 us"},
  "infiniband": {"bandwidth": "400 Gb/s", "latency": "5 us", "nics_per_node": 4}
})";

inline constexpr const char* kGpu = R"({
  "name": "H100", "peak": {"bf16": "989 TFLOP/s", "fp8": "1979 TFLOP/s"}, "memory": "80 GiB", "source": "The GPU's.",
  "memory_bandwidth": "3.35 TB/s", "matmul_efficiency": 0.5
})";

inline constexpr const char* kModel = R"({
  "transformer": {"layers": 80, "hidden": 8192, "heads": 64, "sequence_length": 1024, "vocabulary": 51200}
})";

inline constexpr const char* kConfig = R"({
  "cluster": "clusters/h100.json", "model": "models/gpt.json",
  "parallelism": {"tensor": 8, "pipeline": 2, "micro_batch_size": 16, "micro_batches": 32, "recompute": "full"},
  "schedule": {"name": "interleaved"},
  "simulation": {"communication": "blocking", "contention": "fifo", "seed": 7}
})";

// A config in files: its own, a cluster's that names a GPU's, and a model's.
inline std::string put_config(const Scratch& scratch, const char* config = kConfig) {
  scratch.put("gpus/h100.json", kGpu);
  scratch.put("clusters/h100.json", kCluster);
  scratch.put("models/gpt.json", kModel);
  return scratch.put("config.json", config);
}

inline std::string origin_of(const Config& config, std::string_view pointer) {
  for (const Config::Origin& origin : config.origins)
    if (origin.pointer == pointer) return origin.value + " from " + origin.from;
  return "no such value";
}

}  // namespace ppsim::test
