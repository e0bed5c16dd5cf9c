// The fake NCCL: a launch on the threads of its streams. Operations of one launch start together and end
// together; it starts when all its streams have reached it and the launches before it on each of its
// communicators have ended.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <map>
#include <set>
#include <thread>
#include <utility>

#include "environment.hpp"
#include "nccl.hpp"
#include "stream.hpp"

ncclComm::ncclComm(const std::string& its_name, int its_ranks, int its_rank, int on_device, bool is_blocking)
    : name(its_name),
      ranks(its_ranks),
      rank(its_rank),
      device(on_device),
      blocking(is_blocking),
      meeting(its_name, its_ranks),
      next_index_(meeting.collective_row(its_ranks)) {}

ncclResult_t ncclComm::progress() {
  const std::scoped_lock lock(mutex_);
  if (error_ != ncclSuccess) return error_;
  if (!meeting.all_joined() || (finalizing_ && !quiet())) return ncclInProgress;
  return std::exchange(asked_, true) ? ncclSuccess : ncclInProgress;
}

bool ncclComm::ready() {
  const std::scoped_lock lock(mutex_);
  return error_ == ncclSuccess && meeting.all_joined() && asked_ && !finalizing_;
}

void ncclComm::fail(ncclResult_t error) {
  const std::scoped_lock lock(mutex_);
  error_ = error;
}

void ncclComm::finalize() {
  const std::scoped_lock lock(mutex_);
  finalizing_ = true;
}

uint64_t ncclComm::new_turn() {
  const std::scoped_lock lock(mutex_);
  asked_ = blocking;
  return launched_++;
}

void ncclComm::wait_for_turn(uint64_t turn) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return ended_ >= turn; });
}

void ncclComm::end_turn() {
  const std::scoped_lock lock(mutex_);
  ++ended_;
  changed_.notify_all();
}

void ncclComm::wait_until_quiet() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return quiet(); });
}

void ncclComm::abort() {
  {
    const std::scoped_lock lock(mutex_);
    aborted = true;
    changed_.notify_all();
  }
  meeting.wake();
}

namespace fakes {
namespace {

/// Where an operation says that it has started, and where those that it meets say so.
size_t own_row(const Operation& op) {
  const Rendezvous& meeting = op.comm->meeting;
  switch (op.kind) {
    case Operation::Kind::Send:
      return meeting.send_row(op.comm->rank, op.peer);
    case Operation::Kind::Receive:
      return meeting.receive_row(op.peer, op.comm->rank);
    case Operation::Kind::Collective:
      break;
  }
  return meeting.collective_row(op.comm->rank);
}

size_t row_of_peer(const Operation& op, int peer) {
  const Rendezvous& meeting = op.comm->meeting;
  switch (op.kind) {
    case Operation::Kind::Send:
      return meeting.receive_row(op.comm->rank, peer);
    case Operation::Kind::Receive:
      return meeting.send_row(peer, op.comm->rank);
    case Operation::Kind::Collective:
      break;
  }
  return meeting.collective_row(peer);
}

std::string describe(const Operation& op, int peer) {
  const char* const verbs[] = {"sends to", "receives from", "runs a collective with"};
  return "rank " + std::to_string(op.comm->rank) + " " + verbs[static_cast<int>(op.kind)] + " rank " +
         std::to_string(peer) + ", " + std::to_string(op.said.bytes) + " bytes, number " +
         std::to_string(op.index);
}

void meet(const Operation& op, int peer) {
  const auto said = op.comm->meeting.wait_for(row_of_peer(op, peer), op.index, op.comm->aborted);
  if (!said || *said == op.said) return;
  give_up(describe(op, peer) + ": the other side says " + std::to_string(said->bytes) + " bytes" +
          (said->what == op.said.what ? "" : " of another collective, type or reduction"));
}

void wait_for_peers(const Operation& op) {
  if (op.kind != Operation::Kind::Collective) return meet(op, op.peer);
  for (int peer = 0; peer < op.comm->ranks; ++peer) meet(op, peer);
}

/// Bytes move at FAKE_NCCL_RATE bytes a second, so that a longer message takes longer; without it at once.
void move_bytes(const std::vector<Operation>& operations) {
  static const long long rate = number_from_environment("FAKE_NCCL_RATE", 0);
  if (rate <= 0) return;
  size_t longest = 0;
  for (const Operation& op : operations) longest = std::max(longest, op.said.bytes);
  std::this_thread::sleep_for(std::chrono::duration<double>(static_cast<double>(longest) / rate));
}

class Launch {
 public:
  explicit Launch(std::vector<Operation> operations) : operations_(std::move(operations)) {
    for (Operation& op : operations_) {
      op.index = op.comm->next_index(own_row(op));
      streams_.insert(op.stream);
    }
    streams_to_come_ = streams_.size();
    std::set<CommPtr> comms;
    for (const Operation& op : operations_) comms.insert(op.comm);
    for (const CommPtr& comm : comms) turns_.emplace_back(comm, comm->new_turn());
  }

  const std::set<cudaStream_t>& streams() const { return streams_; }

  /// One of its streams is there: the last one does the work, and all go on when it's done.
  void reach() {
    std::unique_lock lock(mutex_);
    if (--streams_to_come_ > 0) {
      changed_.wait(lock, [this] { return done_; });
      return;
    }
    lock.unlock();
    perform();
    lock.lock();
    done_ = true;
    changed_.notify_all();
  }

 private:
  void perform() {
    for (const auto& [comm, turn] : turns_) comm->wait_for_turn(turn);
    for (const Operation& op : operations_) {
      if (!op.comm->aborted) op.comm->meeting.start(own_row(op), op.index, op.said);
    }
    for (const Operation& op : operations_) wait_for_peers(op);
    move_bytes(operations_);
    for (const auto& [comm, turn] : turns_) comm->end_turn();
  }

  std::vector<Operation> operations_;
  std::vector<std::pair<CommPtr, uint64_t>> turns_;
  std::set<cudaStream_t> streams_;
  std::mutex mutex_;
  std::condition_variable changed_;
  size_t streams_to_come_ = 0;
  bool done_ = false;
};

void enqueue(std::vector<Operation> operations) {
  const auto launch = std::make_shared<Launch>(std::move(operations));
  const auto reach = [](void* argument) {
    const std::unique_ptr<std::shared_ptr<Launch>> its_launch(
        static_cast<std::shared_ptr<Launch>*>(argument));
    (*its_launch)->reach();
  };
  for (cudaStream_t stream : launch->streams())
    fake_stream_enqueue(stream, reach, new std::shared_ptr(launch));
}

/// "split" is what NCCL does: a group becomes a kernel for each communicator, in the order of the
/// communicators' hashes, which is the same on every rank. "joint" makes one of all.
bool joins_communicators() {
  static const bool joint = [] {
    const char* const text = std::getenv("FAKE_NCCL_GROUPS");
    const std::string how = text == nullptr ? "joint" : text;
    if (how != "joint" && how != "split")
      give_up("FAKE_NCCL_GROUPS: '" + how + "' is neither joint nor split");
    return how == "joint";
  }();
  return joint;
}

bool fits_rows(const std::vector<Operation>& operations) {
  std::map<std::pair<CommPtr, size_t>, uint64_t> count;
  return std::ranges::all_of(operations, [&](const Operation& op) {
    return ++count[{op.comm, own_row(op)}] <= Rendezvous::kMostAtOnce;
  });
}

}  // namespace

ncclResult_t launch_group(std::vector<Operation> operations) {
  if (!fits_rows(operations)) {
    complain("a group has more than " + std::to_string(Rendezvous::kMostAtOnce) +
             " operations of one pair of ranks");
    return ncclInvalidUsage;
  }
  // Turns and streams in one order, whichever thread launches. A full stream holds all of them up.
  static std::mutex& mutex = *new std::mutex;
  const std::scoped_lock lock(mutex);
  std::map<std::string, std::vector<Operation>> parts;
  for (Operation& op : operations) parts[joins_communicators() ? "" : op.comm->name].push_back(std::move(op));
  for (auto& [name, part] : parts) enqueue(std::move(part));
  return ncclSuccess;
}

}  // namespace fakes
