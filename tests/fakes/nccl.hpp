// What the files of the fake NCCL share.
#pragma once

#include <nccl.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "rendezvous.hpp"

/// A communicator, as one of its ranks has it. Its launches take turns in the order in which the host made
/// them.
struct ncclComm {
  /// Throws std::system_error where there is no shared memory.
  ncclComm(const std::string& its_name, int its_ranks, int its_rank, int on_device, bool is_blocking);

  /// What ncclCommGetAsyncError says. A non-blocking communicator is in progress until it was asked after a
  /// launch.
  ncclResult_t progress();
  /// Whether a new operation may come.
  bool ready();
  void fail(ncclResult_t error);
  void finalize();

  uint64_t new_turn();
  void wait_for_turn(uint64_t turn);
  void end_turn();
  void wait_until_quiet();
  /// The number of the next operation of a row.
  uint64_t next_index(size_t row) { return next_index_[row]++; }
  /// All that waits, ends.
  void abort();

  const std::string name;
  const int ranks;
  const int rank;
  const int device;
  const bool blocking;
  fakes::Rendezvous meeting;
  std::atomic<bool> aborted = false;

 private:
  bool quiet() const { return ended_ == launched_ || aborted; }

  std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t launched_ = 0;
  uint64_t ended_ = 0;
  bool asked_ = true;
  bool finalizing_ = false;
  ncclResult_t error_ = ncclSuccess;
  std::vector<uint64_t> next_index_;  // only under the lock of launches
};

namespace fakes {

using CommPtr = std::shared_ptr<ncclComm>;

struct Operation {
  enum class Kind { Send, Receive, Collective };
  CommPtr comm;
  Kind kind;
  int peer;  // -1 for a collective
  Said said;
  cudaStream_t stream;
  uint64_t index = 0;  // among those of its row, once launched
};

/// Launches the operations of a group on their streams.
ncclResult_t launch_group(std::vector<Operation> operations);

}  // namespace fakes
