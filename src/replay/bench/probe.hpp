/// The seam for what a backend's messages and products are measured with.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ppsim/core/units.hpp"
#include "ppsim/model/hardware/cluster.hpp"
#include "replay/group.hpp"

namespace ppsim {

/// A matrix product of rows x inner by inner x columns.
struct ProductShape {
  std::uint64_t rows = 0;
  std::uint64_t columns = 0;
  std::uint64_t inner = 0;

  [[nodiscard]] Flops flops() const {
    return Flops(2.0 * static_cast<double>(rows) * static_cast<double>(columns) * static_cast<double>(inner));
  }
  friend auto operator<=>(const ProductShape&, const ProductShape&) = default;
};

/// What a rank computes with.
struct Device {
  std::string name;           ///< for reports
  Bytes memory;               ///< of this rank alone
  Dtype dtype = Dtype::Fp32;  ///< of the products that it measures
};

/// One rank's end of a backend. Each call returns one time a repeat, [count].
class Probe {
 public:
  virtual ~Probe() = default;

  /// Both ranks of a pair call it, one of them with `begins`: it sends a message and gets one back. On the
  /// one that begins half of the time for both, which is one way; on the other the same number of anything.
  [[nodiscard]] virtual std::vector<Time> bounce(Rank peer, bool begins, Bytes size, std::uint32_t count) = 0;

  /// Both ranks send at once. Until the own message is sent and the other's is here.
  [[nodiscard]] virtual std::vector<Time> swap(Rank peer, Bytes size, std::uint32_t count) = 0;

  [[nodiscard]] virtual Device device() const = 0;

  /// Bigger products than this backend has time or memory for are measured with smaller matrices.
  [[nodiscard]] virtual ProductShape largest_product(const ProductShape& shape) const = 0;
  [[nodiscard]] virtual std::vector<Time> multiply(const ProductShape& shape, std::uint32_t count) = 0;

  /// Copying so many bytes in the device's memory, which reads and writes each.
  [[nodiscard]] virtual std::vector<Time> copy(Bytes size, std::uint32_t count) = 0;
};

/// False in a build without a BLAS, where a host's Probe must not multiply.
[[nodiscard]] bool host_can_multiply();

/// Messages over the group's transport, products by a BLAS on one core. `sharing`: ranks that share this
/// machine's memory. Keeps a reference.
[[nodiscard]] std::unique_ptr<Probe> make_host_probe(Group& group, std::uint32_t sharing);

/// Messages by NCCL, products in bf16 by cuBLASLt, on GPU `local_rank` of this machine. Throws NoGpu and
/// ReplayError. Keeps a reference. Requires has_cuda().
[[nodiscard]] std::unique_ptr<Probe> make_gpu_probe(Group& group, std::uint32_t local_rank);

}  // namespace ppsim
