// Communicators over several processes. usage: check_nccl CASE RANK RANKS FOLDER; the ranks share an empty
// folder.
#include <nccl.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "check.hpp"

#define NCCL(call) CHECK((call) == ncclSuccess)

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
namespace fs = std::filesystem;

constexpr size_t kBytes = 4096;
constexpr auto kStuck = 700ms;  // what has not ended by then waits for ever

int rank, ranks;
fs::path folder;

int next_rank() {
  return (rank + 1) % ranks;
}
int previous_rank() {
  return (rank + ranks - 1) % ranks;
}

void say(const std::string& name, const std::string& text) {
  const fs::path half = folder / (name + ".half" + std::to_string(rank));
  std::ofstream(half, std::ios::binary) << text;
  fs::rename(half, folder / name);
}

std::string hear(const std::string& name) {
  while (!fs::exists(folder / name)) nap(1ms);
  std::ostringstream text;
  text << std::ifstream(folder / name, std::ios::binary).rdbuf();
  return text.str();
}

/// An id that one rank makes and all know.
ncclUniqueId shared_id(const std::string& name, int maker = 0) {
  ncclUniqueId id{};
  if (rank == maker) {
    NCCL(ncclGetUniqueId(&id));
    say(name, std::string(id.internal, sizeof(id.internal)));
  }
  std::memcpy(&id, hear(name).data(), sizeof(id));
  return id;
}

ncclComm_t make_world(const std::string& name = "id") {
  ncclComm_t comm = nullptr;
  NCCL(ncclCommInitRank(&comm, ranks, shared_id(name), rank));
  return comm;
}

char* buffer() {
  static char* const memory = [] {
    void* pointer = nullptr;
    CUDA(cudaMalloc(&pointer, size_t{64} * kBytes));
    return static_cast<char*>(pointer);
  }();
  return memory;
}

void send(ncclComm_t comm, int peer, cudaStream_t stream) {
  NCCL(ncclSend(buffer(), kBytes, ncclInt8, peer, comm, stream));
}

void receive(ncclComm_t comm, int peer, cudaStream_t stream) {
  NCCL(ncclRecv(buffer(), kBytes, ncclInt8, peer, comm, stream));
}

bool ends_soon(cudaStream_t stream) {
  const auto until = Clock::now() + kStuck;
  while (cudaStreamQuery(stream) == cudaErrorNotReady && Clock::now() < until) nap(1ms);
  return cudaStreamQuery(stream) == cudaSuccess;
}

/// Waits for all ranks: a rank that gives up first would else end what another one still looks at.
void meet() {
  for (int each = 0; each < ranks; ++each) {
    if (each == rank) say("met" + std::to_string(rank), "");
    (void)hear("met" + std::to_string(each));
  }
}

/// Says how it went. What is stuck must end when its communicator is aborted.
void tell(std::initializer_list<cudaStream_t> streams, ncclComm_t comm) {
  bool all = true;
  for (cudaStream_t stream : streams) all = ends_soon(stream) && all;
  std::printf("%s\n", all ? "ended" : "stuck");
  meet();
  if (all) {
    NCCL(ncclCommDestroy(comm));
  } else {
    NCCL(ncclCommAbort(comm));
  }
  for (cudaStream_t stream : streams) CUDA(cudaStreamSynchronize(stream));
}

void all_kinds_of_operations_meet() {
  const ncclComm_t comm = make_world();
  const cudaStream_t stream = make_stream();
  int count = 0, own = -1, version = 0;
  NCCL(ncclCommCount(comm, &count));
  NCCL(ncclCommUserRank(comm, &own));
  NCCL(ncclGetVersion(&version));
  CHECK(count == ranks && own == rank && version == NCCL_VERSION_CODE);
  for (int round = 0; round < 20; ++round) {
    NCCL(ncclGroupStart());
    send(comm, next_rank(), stream);
    receive(comm, previous_rank(), stream);
    NCCL(ncclGroupEnd());
    NCCL(ncclAllReduce(buffer(), buffer(), 100, ncclFloat32, ncclSum, comm, stream));
    NCCL(ncclAllGather(buffer(), buffer(), 100, ncclBfloat16, comm, stream));
    NCCL(ncclReduceScatter(buffer(), buffer(), 100, ncclFloat16, ncclAvg, comm, stream));
  }
  CUDA(cudaStreamSynchronize(stream));
  NCCL(ncclCommFinalize(comm));
  NCCL(ncclCommDestroy(comm));
  CHECK(ncclCommDestroy(comm) == ncclInvalidArgument);
  CHECK(!fs::exists("/dev/shm/fake-nccl-" + hear("id").substr(0, 32)));
}

// Rank 0 receives from the start, and rank 1 sends when it has waited.
void a_receive_lasts_until_the_send_has_started() {
  const ncclComm_t comm = make_world();
  const cudaStream_t stream = make_stream();
  if (rank == 0) {
    receive(comm, 1, stream);
    CHECK(!ends_soon(stream));
    say("waiting", "");
  } else {
    hear("waiting");
    send(comm, 0, stream);
  }
  CUDA(cudaStreamSynchronize(stream));
  NCCL(ncclCommDestroy(comm));
}

// The second operation waits for the first, though its stream has nothing else to do.
void a_communicator_runs_in_launch_order() {
  const ncclComm_t comm = make_world();
  const cudaStream_t first = make_stream(), second = make_stream();
  const Latch latch;
  latch.hold(first);
  send(comm, 1 - rank, first);
  receive(comm, 1 - rank, second);
  CHECK(!ends_soon(second));
  latch.open();
  std::printf("%s\n", ends_soon(second) ? "ended" : "stuck");  // both send first
  meet();
  NCCL(ncclCommAbort(comm));
}

void both_send_then_receive() {
  const ncclComm_t comm = make_world();
  const cudaStream_t first = make_stream(), second = make_stream();
  send(comm, 1 - rank, first);
  receive(comm, 1 - rank, second);
  tell({first, second}, comm);
}

void one_sends_while_the_other_receives() {
  const ncclComm_t comm = make_world();
  const cudaStream_t first = make_stream(), second = make_stream();
  if (rank == 0) send(comm, 1, first);
  receive(comm, 1 - rank, second);
  if (rank == 1) send(comm, 0, first);
  tell({first, second}, comm);
}

/// A communicator for each direction: both may send first.
void a_communicator_for_each_direction() {
  const ncclComm_t to_first = make_world("to_first"), to_second = make_world("to_second");
  const cudaStream_t first = make_stream(), second = make_stream();
  send(rank == 0 ? to_second : to_first, 1 - rank, first);
  receive(rank == 0 ? to_first : to_second, 1 - rank, second);
  tell({first, second}, to_first);
  NCCL(ncclCommDestroy(to_second));
}

void everyone_sends_then_receives_on_one_stream() {
  const ncclComm_t comm = make_world();
  const cudaStream_t stream = make_stream();
  send(comm, next_rank(), stream);
  receive(comm, previous_rank(), stream);
  tell({stream}, comm);
}

// A group waits for all its streams, and all of them wait for it.
void a_group_spans_streams() {
  const ncclComm_t comm = make_world();
  const cudaStream_t first = make_stream(), second = make_stream();
  const Latch latch;
  latch.hold(second);
  NCCL(ncclGroupStart());
  send(comm, 1 - rank, first);
  receive(comm, 1 - rank, second);
  NCCL(ncclGroupEnd());
  CHECK(!ends_soon(first));
  latch.open();
  tell({first, second}, comm);
}

// Group 1 of rank 0 is {A, B}; rank 1 runs B's part first, alone. A kernel for each communicator, A's before
// B's where A has the smaller hash, and both on one stream: then B waits for A. All of a group at once: B
// does not.
void a_group_spans_communicators() {
  ncclUniqueId ids[2] = {shared_id("one"), shared_id("two")};
  if (std::strcmp(ids[0].internal, ids[1].internal) > 0) std::swap(ids[0], ids[1]);
  ncclComm_t comms[2];
  for (int i : {0, 1}) NCCL(ncclCommInitRank(&comms[i], ranks, ids[i], rank));
  const cudaStream_t stream = make_stream();
  if (rank == 0) NCCL(ncclGroupStart());
  for (int i : {1, 0}) rank == 0 ? send(comms[i], 1, stream) : receive(comms[i], 0, stream);
  if (rank == 0) NCCL(ncclGroupEnd());
  const bool ended = ends_soon(stream);
  std::printf("%s\n", ended ? "ended" : "stuck");
  meet();
  for (ncclComm_t comm : comms) NCCL(ncclCommAbort(comm));
  CUDA(cudaStreamSynchronize(stream));
}

void a_blocking_initialisation_may_be_grouped() {
  ncclComm_t comms[2] = {};
  ncclUniqueId ids[2] = {shared_id("one"), shared_id("two")};
  NCCL(ncclGroupStart());
  for (int i : {0, 1}) {
    const int which = rank == 0 ? i : 1 - i;  // ungrouped, this order would wait for ever
    NCCL(ncclCommInitRank(&comms[which], ranks, ids[which], rank));
  }
  NCCL(ncclGroupEnd());
  for (ncclComm_t comm : comms) NCCL(ncclCommDestroy(comm));
}

ncclResult_t settle(ncclComm_t comm) {
  ncclResult_t state = ncclInProgress;
  for (const auto until = Clock::now() + 10s; state == ncclInProgress && Clock::now() < until;) {
    NCCL(ncclCommGetAsyncError(comm, &state));
  }
  return state;
}

void a_non_blocking_communicator_is_asked() {
  const ncclUniqueId id = shared_id("id");
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 0;
  ncclComm_t comm = nullptr;
  ncclResult_t state = ncclSuccess;
  if (rank == 1) hear("joined");
  CHECK(ncclCommInitRankConfig(&comm, ranks, id, rank, &config) == ncclInProgress);
  if (rank == 0) {
    NCCL(ncclCommGetAsyncError(comm, &state));
    CHECK(state == ncclInProgress);
    CHECK(ncclSend(buffer(), 1, ncclInt8, 1, comm, nullptr) == ncclInvalidArgument);
    say("joined", "");
  }
  NCCL(settle(comm));
  const cudaStream_t stream = make_stream();
  NCCL(ncclGroupStart());
  send(comm, next_rank(), stream);
  receive(comm, previous_rank(), stream);
  CHECK(ncclGroupEnd() == ncclInProgress);
  CHECK(ncclGetLastError(nullptr) != nullptr && ncclCommCount(comm, &ranks) == ncclInvalidArgument);
  NCCL(settle(comm));
  CUDA(cudaStreamSynchronize(stream));
  CHECK(ncclCommFinalize(comm) == ncclInProgress);
  NCCL(settle(comm));
  NCCL(ncclCommDestroy(comm));
}

void sizes_must_agree() {
  const ncclComm_t comm = make_world();
  const cudaStream_t stream = make_stream();
  const auto count = static_cast<size_t>(100 + rank);
  NCCL(rank == 0 ? ncclSend(buffer(), count, ncclInt8, 1, comm, stream)
                 : ncclRecv(buffer(), count, ncclInt8, 0, comm, stream));
  CUDA(cudaStreamSynchronize(stream));
}

void collectives_must_agree() {
  const ncclComm_t comm = make_world();
  const cudaStream_t stream = make_stream();
  NCCL(rank == 0 ? ncclAllReduce(buffer(), buffer(), 100, ncclInt8, ncclSum, comm, stream)
                 : ncclAllGather(buffer(), buffer(), 100, ncclInt8, comm, stream));
  CUDA(cudaStreamSynchronize(stream));
}

// One rank sends to itself. Run with FAKE_NCCL_FAIL=ncclSend:2,ncclCommGetAsyncError:2.
void a_call_fails_when_told_to() {
  const ncclComm_t comm = make_world();
  const cudaStream_t stream = make_stream();
  ncclResult_t state = ncclInternalError;
  NCCL(ncclGroupStart());
  send(comm, 0, stream);
  receive(comm, 0, stream);
  NCCL(ncclGroupEnd());
  NCCL(ncclGroupStart());
  receive(comm, 0, stream);  // of a group that fails: it isn't launched, or it would wait for ever
  CHECK(ncclSend(buffer(), kBytes, ncclInt8, 0, comm, stream) == ncclSystemError);
  CHECK(ncclGroupEnd() == ncclSystemError);
  CUDA(cudaStreamSynchronize(stream));
  NCCL(ncclCommGetAsyncError(comm, &state));
  CHECK(state == ncclSuccess);
  NCCL(ncclCommGetAsyncError(comm, &state));
  CHECK(state == ncclRemoteError);
  CHECK(ncclSend(buffer(), kBytes, ncclInt8, 0, comm, stream) == ncclInvalidArgument);
  NCCL(ncclCommAbort(comm));
}

// The caller's mistakes that NCCL answers itself.
void what_is_wrong_is_refused() {
  const ncclComm_t comm = make_world();
  const cudaStream_t stream = make_stream();
  ncclComm_t other = nullptr;
  CHECK(ncclSend(buffer(), 1, ncclInt8, ranks, comm, stream) == ncclInvalidArgument);
  CHECK(ncclSend(buffer(), 65 * kBytes, ncclInt8, 0, comm, stream) == ncclInvalidArgument);
  CHECK(ncclSend(&other, 1, ncclInt8, 0, comm, stream) == ncclInvalidArgument);
  CHECK(ncclCommInitRank(&other, 2, ncclUniqueId{}, 0) == ncclInvalidArgument);
  CHECK(ncclGroupEnd() == ncclInvalidUsage);
  CUDA(cudaSetDevice(1));
  CHECK(ncclSend(buffer(), 1, ncclInt8, 0, comm, make_stream()) == ncclUnhandledCudaError);
}

// Rank 0 of two joins and is then killed.
void joins_and_waits() {
  ncclComm_t comm = nullptr;
  const ncclUniqueId id = shared_id("id");
  say("joining", "");
  ncclCommInitRank(&comm, 2, id, 0);
}

void makes_an_id() {
  ncclUniqueId id;
  NCCL(ncclGetUniqueId(&id));
}

#define CASE(name) \
  { #name, name }

const Cases kCases = {
    CASE(all_kinds_of_operations_meet),
    CASE(a_receive_lasts_until_the_send_has_started),
    CASE(a_communicator_runs_in_launch_order),
    CASE(both_send_then_receive),
    CASE(one_sends_while_the_other_receives),
    CASE(a_communicator_for_each_direction),
    CASE(everyone_sends_then_receives_on_one_stream),
    CASE(a_group_spans_streams),
    CASE(a_group_spans_communicators),
    CASE(a_blocking_initialisation_may_be_grouped),
    CASE(a_non_blocking_communicator_is_asked),
    CASE(sizes_must_agree),
    CASE(collectives_must_agree),
    CASE(a_call_fails_when_told_to),
    CASE(what_is_wrong_is_refused),
    CASE(joins_and_waits),
    CASE(makes_an_id),
};

}  // namespace

int main(int count, char** arguments) {
  if (count != 5) return 2;
  rank = std::atoi(arguments[2]);
  ranks = std::atoi(arguments[3]);
  folder = arguments[4];
  return run_case(kCases, count, arguments);
}
