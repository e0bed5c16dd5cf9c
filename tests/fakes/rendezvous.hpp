// Where the processes of a fake communicator meet: a file in shared memory that says how far each has come.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

namespace fakes {

/// What an operation says of itself, for the other side to compare.
struct Said {
  uint64_t bytes = 0;
  uint64_t what = 0;  // which collective, of what; 0 for send and receive
  bool operator==(const Said&) const = default;
};

/// Operations of one kind from one rank, in their order, make a row: each is started once, and others wait
/// for that.
class Rendezvous {
 public:
  /// The most operations of a row that may be started and not be waited for.
  static constexpr uint64_t kMostAtOnce = 256;

  /// `name` is the same for all its ranks, and nobody else's. Throws std::system_error where there's no
  /// shared memory.
  Rendezvous(const std::string& name, int ranks);
  ~Rendezvous();
  Rendezvous(const Rendezvous&) = delete;
  Rendezvous& operator=(const Rendezvous&) = delete;

  /// False where this rank has joined before, or another one said another number of ranks.
  bool join(int rank);
  bool all_joined() const;
  /// Returns early when `stop` is true and wake() was called.
  void wait_until_all_joined(const std::atomic<bool>& stop);

  size_t send_row(int from, int to) const { return static_cast<size_t>(from) * ranks_ + to; }
  size_t receive_row(int from, int to) const { return send_row(from, to) + ranks_ * ranks_; }
  size_t collective_row(int rank) const { return 2 * ranks_ * ranks_ + rank; }

  void start(size_t row, uint64_t index, const Said& said);
  /// What that operation said when it was started; nothing where `stop` came first.
  std::optional<Said> wait_for(size_t row, uint64_t index, const std::atomic<bool>& stop);
  /// Makes all that wait look again.
  void wake();
  /// Takes the file's name away, so that it is gone when the last process is.
  void unlink();

  /// Takes away what crashed runs left behind.
  static void sweep();

 private:
  // A row's entry is written again after this many: by then its reader has ended two groups.
  static constexpr uint64_t kEntries = 2 * kMostAtOnce;
  struct Row {
    std::atomic<uint64_t> started;
    std::array<Said, kEntries> said;
  };
  struct Header {
    std::atomic<uint32_t> changes;  // counts what others may wait for; processes sleep on it
    std::atomic<uint32_t> ranks;
    std::atomic<uint32_t> joined;
  };
  static_assert(std::atomic<uint64_t>::is_always_lock_free && std::atomic<uint32_t>::is_always_lock_free);

  template <class Ready>
  void wait(Ready ready, const std::atomic<bool>& stop);
  std::atomic<uint32_t>& has_joined(int rank);
  Row& row(size_t number);
  size_t rows_offset() const;

  const std::string path_;
  const size_t ranks_;
  size_t bytes_ = 0;
  int file_ = -1;
  char* memory_ = nullptr;
};

}  // namespace fakes
