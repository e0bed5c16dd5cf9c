// NCCL communicators of one process.
#pragma once

#include <cuda_runtime_api.h>
#include <nccl.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "replay/cuda/source_place.hpp"
#include "replay/group.hpp"

namespace ppsim {

/// Processes of a communicator, each once, in the order of their numbers within it.
using Members = std::vector<std::uint32_t>;

/// A message of a communicator that will be sent in some step.
struct Wire {
  std::uint32_t communicator{};
  std::uint32_t from{}, to{};  ///< processes
};

/// Says where a process is; called where something is to be said.
using PlaceText = std::function<std::string()>;

/// "rank 3"
[[nodiscard]] PlaceText own_name(Group& group);

/// Listens so long to signals and to ranks that fail, while no message is under way; throws ReplayError, of a
/// signal with `place` before it. By default as long as between two looks at a GPU.
void listen(Group& group, const PlaceText& place, Time duration = Time{20'000});

/// Calls of NCCL may return before they have ended (ncclInProgress): until then the process goes on listening
/// to signals and to ranks that fail.
class GpuCommunicators {
 public:
  explicit GpuCommunicators(Group& group) : group_(group) {}

  /// All processes of the group call it with the same list. Makes those that this process is one of, all
  /// processes in the same order. Where there are none NCCL is not loaded. `in_order`: kernels of several
  /// communicators begin in the order of their launches, which keeps them from locking each other out of the
  /// GPU's processors.
  void make(const std::vector<Members>& members, bool in_order);

  /// All processes call it. Sends a first message over each wire, in the order given: NCCL connects two
  /// processes at their first message, and waits for both of them then, which must not happen while a step is
  /// enqueued.
  void connect(const std::vector<Wire>& wires);

  /// One alone, of this process and another, which calls it too.
  GpuCommunicators(Group& group, Rank peer);

  /// Runs calls of NCCL on a communicator, as one group, and waits until the host's part in them has ended.
  /// Throws ReplayError, which names `call`.
  void run(std::uint32_t communicator, std::string_view call,
           const std::function<ncclResult_t(ncclComm_t)>& body, SourcePlace place = SourcePlace::current());

  /// This process' number within a communicator, or another's.
  [[nodiscard]] int number_of(std::uint32_t communicator, std::uint32_t process) const;

  /// Listens to signals, to ranks that fail, and to failures that NCCL has found since; throws ReplayError,
  /// of a signal with `place` before it.
  void poll(const PlaceText& place);

  /// Polls until a stream is empty.
  void wait_for(cudaStream_t stream);

 private:
  struct End {
    void operator()(ncclComm_t communicator) const;
  };
  using Communicator = std::unique_ptr<std::remove_pointer_t<ncclComm_t>, End>;

  void make_one(std::uint32_t communicator, const ncclUniqueId& id);
  void check_all();
  void settle(ncclComm_t communicator, std::string_view call, SourcePlace place);
  void send_first(const std::vector<Wire>& wires, cudaStream_t stream, void* byte);

  Group& group_;
  std::vector<Members> members_;
  std::vector<Communicator> communicators_;  // null: of others
};

}  // namespace ppsim
