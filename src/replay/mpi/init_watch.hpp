// A limit to how long MPI may take to start.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "replay/job.hpp"

namespace ppsim {

/// MPI_Init waits for all ranks, for ever and deaf to signals. While this object lives a thread watches the
/// clock and the signal, and calls `give_up`.
class InitWatch {
 public:
  /// Keeps a reference.
  explicit InitWatch(const JobOptions& options);
  ~InitWatch();
  InitWatch(const InitWatch&) = delete;
  InitWatch& operator=(const InitWatch&) = delete;

 private:
  void watch();

  const JobOptions& options_;
  std::mutex mutex_;
  std::condition_variable started_;
  bool has_started_ = false;
  std::thread thread_;
};

}  // namespace ppsim
