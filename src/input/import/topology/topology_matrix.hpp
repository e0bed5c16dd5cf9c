/// The matrix that `nvidia-smi topo -m` prints.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ppsim {

/// How two GPUs are joined, nearest first.
enum class Joined : std::uint8_t {
  Itself,
  NvLink,      ///< NV18
  OneSwitch,   ///< PIX
  Switches,    ///< PXB, several PCIe switches and no host bridge
  HostBridge,  ///< PHB
  Node,        ///< NODE
  Processors,  ///< SYS, or SOC of old
};

struct Connection {
  Joined how{};
  std::uint32_t links = 0;  ///< of NvLink
};

struct TopologyMatrix {
  std::vector<std::vector<Connection>> gpus;  ///< [G][G]
  std::uint32_t nics = 0;
};

/// Throws Error (where: "FILE, line 3"): no matrix, a row that is cut off, a cell that is not known, two
/// cells that should agree and do not.
[[nodiscard]] TopologyMatrix read_topology_matrix(const std::string& path);

}  // namespace ppsim
