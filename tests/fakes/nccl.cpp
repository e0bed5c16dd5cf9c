// The fake NCCL: its functions. They check what they are given and launch; nothing waits here but the making
// and the ending of a blocking communicator.
#include "nccl.hpp"

#include <sys/random.h>

#include <cstring>
#include <system_error>
#include <utility>

#include "environment.hpp"
#include "handles.hpp"
#include "stream.hpp"

namespace fakes {
namespace {

Handles<ncclComm>& comms() {
  static auto& all = *new Handles<ncclComm>;
  return all;
}

thread_local std::string last_error;

ncclResult_t refuse(ncclResult_t result, std::string why) {
  last_error = std::move(why);
  return result;
}

/// What this thread's group has gathered; depth 0: none is open.
struct Group {
  int depth = 0;
  ncclResult_t error = ncclSuccess;
  std::vector<Operation> operations;
  std::vector<CommPtr> joining;
};

thread_local Group group;

bool must_fail(const char* function) {
  static Faults& faults = *new Faults("FAKE_NCCL_FAIL");
  if (!faults.strikes(function)) return false;
  last_error = std::string(function) + " was told to fail";
  return true;
}

/// What every function of the API is wrapped in. A group remembers that one of its calls failed.
template <class Body>
ncclResult_t api(const char* function, Body body) {
  const ncclResult_t result = must_fail(function) ? ncclSystemError : body();
  if (group.depth > 0 && result != ncclSuccess && result != ncclInProgress) group.error = result;
  return result;
}

/// With the communicator of a handle, once it is ready for more.
template <class Body>
ncclResult_t with_comm(const char* function, ncclComm_t handle, Body body) {
  return api(function, [&] {
    const CommPtr comm = comms().find(handle);
    if (comm == nullptr) return refuse(ncclInvalidArgument, std::string(function) + ": no such communicator");
    if (!comm->ready())
      return refuse(ncclInvalidArgument, std::string(function) + ": the communicator isn't ready");
    return body(comm);
  });
}

/// Also one that is in progress or has failed.
template <class Body>
ncclResult_t with_any_comm(const char* function, ncclComm_t handle, Body body) {
  return api(function, [&] {
    const CommPtr comm = comms().find(handle);
    if (comm == nullptr) return refuse(ncclInvalidArgument, std::string(function) + ": no such communicator");
    return body(comm);
  });
}

ncclResult_t finish(Group done) {
  for (const CommPtr& comm : done.joining) {
    if (comm->blocking) comm->meeting.wait_until_all_joined(comm->aborted);
  }
  bool in_progress = false;
  for (const CommPtr& comm : done.joining) in_progress = in_progress || !comm->blocking;
  for (const Operation& op : done.operations) in_progress = in_progress || !op.comm->blocking;
  const ncclResult_t result =
      done.operations.empty() ? ncclSuccess : launch_group(std::move(done.operations));
  return result == ncclSuccess && in_progress ? ncclInProgress : result;
}

/// Runs what was added to the group, unless the caller has one open.
ncclResult_t finish_unless_open() {
  return group.depth > 0 ? ncclSuccess : finish(std::exchange(group, {}));
}

size_t bytes_of(ncclDataType_t type) {
  switch (type) {
    case ncclInt8:
    case ncclUint8:
    case ncclFloat8e4m3:
    case ncclFloat8e5m2:
      return 1;
    case ncclFloat16:
    case ncclBfloat16:
      return 2;
    case ncclInt32:
    case ncclUint32:
    case ncclFloat32:
      return 4;
    case ncclInt64:
    case ncclUint64:
    case ncclFloat64:
      return 8;
    case ncclNumTypes:
      break;
  }
  return 0;
}

/// A buffer and the bytes of it that an operation touches.
struct Buffer {
  const void* start;
  size_t bytes;
};

ncclResult_t add(const char* function, Operation op, std::initializer_list<Buffer> buffers) {
  for (const Buffer& buffer : buffers) {
    if (buffer.bytes <= fake_bytes_behind(buffer.start)) continue;
    complain(std::string(function) + ": the buffer has less than the " + std::to_string(buffer.bytes) +
             " bytes of device memory that are needed");
    return refuse(ncclInvalidArgument, std::string(function) + ": buffer too small");
  }
  if (fake_stream_device(op.stream) != op.comm->device) {
    return refuse(ncclUnhandledCudaError,
                  std::string(function) + ": the stream isn't one of the communicator's device");
  }
  group.operations.push_back(std::move(op));
  return finish_unless_open();
}

ncclResult_t add_transfer(const char* function, ncclComm_t handle, Operation::Kind kind, const void* buffer,
                          size_t count, ncclDataType_t type, int peer, cudaStream_t stream) {
  return with_comm(function, handle, [&](const CommPtr& comm) {
    const size_t bytes = count * bytes_of(type);
    if (bytes_of(type) == 0) return refuse(ncclInvalidArgument, std::string(function) + ": no such type");
    if (peer < 0 || peer >= comm->ranks)
      return refuse(ncclInvalidArgument, std::string(function) + ": no such peer");
    return add(function, {comm, kind, peer, {.bytes = bytes}, stream}, {{buffer, bytes}});
  });
}

enum class Collective : uint64_t { AllReduce = 1, AllGather, ReduceScatter };

/// `sent` and `received`: how many times `count` elements either buffer has.
ncclResult_t add_collective(const char* function, ncclComm_t handle, Collective which, Buffer from, Buffer to,
                            size_t count, ncclDataType_t type, int reduction, cudaStream_t stream) {
  return with_comm(function, handle, [&](const CommPtr& comm) {
    if (bytes_of(type) == 0) return refuse(ncclInvalidArgument, std::string(function) + ": no such type");
    const size_t bytes = count * bytes_of(type);
    const auto ranks = static_cast<size_t>(comm->ranks);
    from.bytes = which == Collective::ReduceScatter ? bytes * ranks : bytes;
    to.bytes = which == Collective::AllGather ? bytes * ranks : bytes;
    const uint64_t what = static_cast<uint64_t>(which) << 32 | static_cast<uint64_t>(type) << 16 |
                          static_cast<uint64_t>(reduction);
    return add(function, {comm, Operation::Kind::Collective, -1, {bytes, what}, stream}, {from, to});
  });
}

bool is_name(const std::string& text) {
  return text.size() == 32 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

ncclResult_t join(const char* function, ncclComm_t* handle, int ranks, const ncclUniqueId& id, int rank,
                  bool blocking) {
  const std::string name(id.internal, strnlen(id.internal, sizeof(id.internal)));
  if (handle == nullptr || ranks < 1 || rank < 0 || rank >= ranks || !is_name(name)) {
    return refuse(ncclInvalidArgument, std::string(function) + ": no such rank, or no id of ncclGetUniqueId");
  }
  int device = 0;
  if (cudaGetDevice(&device) != cudaSuccess) return refuse(ncclUnhandledCudaError, "cudaGetDevice failed");
  try {
    const auto comm = std::make_shared<ncclComm>(name, ranks, rank, device, blocking);
    if (!comm->meeting.join(rank)) {
      return refuse(ncclInvalidUsage,
                    "rank " + std::to_string(rank) + " is there twice, or ranks differ in their number");
    }
    *handle = comms().add(comm);
    group.joining.push_back(comm);
  } catch (const std::system_error& error) {
    return refuse(ncclSystemError, error.what());
  }
  const ncclResult_t result = finish_unless_open();
  return result == ncclSuccess && !blocking ? ncclInProgress : result;
}

/// A process that ends before all have joined would leave the file behind.
__attribute__((destructor)) void unlink_what_is_open() {
  comms().for_each([](const CommPtr& comm) {
    if (!comm->meeting.all_joined()) comm->meeting.unlink();
  });
}

}  // namespace
}  // namespace fakes

using namespace fakes;

extern "C" {

ncclResult_t ncclGetVersion(int* version) {
  return api(__func__, [&] {
    *version = NCCL_VERSION_CODE;
    return ncclSuccess;
  });
}

ncclResult_t ncclGetUniqueId(ncclUniqueId* id) {
  return api(__func__, [&] {
    Rendezvous::sweep();
    unsigned char random[16];
    if (getrandom(random, sizeof(random), 0) != sizeof(random))
      return refuse(ncclSystemError, "no random numbers");
    *id = {};
    for (size_t i = 0; i < sizeof(random); ++i) std::snprintf(id->internal + 2 * i, 3, "%02x", random[i]);
    return ncclSuccess;
  });
}

ncclResult_t ncclCommInitRank(ncclComm_t* handle, int ranks, ncclUniqueId id, int rank) {
  return api(__func__, [&] { return join("ncclCommInitRank", handle, ranks, id, rank, true); });
}

ncclResult_t ncclCommInitRankConfig(ncclComm_t* handle, int ranks, ncclUniqueId id, int rank,
                                    ncclConfig_t* config) {
  return api(__func__, [&] {
    const ncclConfig_t initial = NCCL_CONFIG_INITIALIZER;
    if (config != nullptr && (config->magic != initial.magic || config->size != initial.size)) {
      return refuse(ncclInvalidArgument, "the configuration isn't from NCCL_CONFIG_INITIALIZER");
    }
    return join("ncclCommInitRankConfig", handle, ranks, id, rank,
                config == nullptr || config->blocking != 0);
  });
}

ncclResult_t ncclCommFinalize(ncclComm_t handle) {
  return with_comm(__func__, handle, [](const CommPtr& comm) {
    comm->finalize();
    if (!comm->blocking) return ncclInProgress;
    comm->wait_until_quiet();
    return ncclSuccess;
  });
}

ncclResult_t ncclCommDestroy(ncclComm_t handle) {
  return with_any_comm(__func__, handle, [&](const CommPtr& comm) {
    comm->wait_until_quiet();
    comms().remove(handle);
    return ncclSuccess;
  });
}

ncclResult_t ncclCommAbort(ncclComm_t handle) {
  return with_any_comm(__func__, handle, [&](const CommPtr& comm) {
    comm->abort();
    comms().remove(handle);
    return ncclSuccess;
  });
}

ncclResult_t ncclCommCount(ncclComm_t handle, int* count) {
  return with_comm(__func__, handle, [&](const CommPtr& comm) {
    *count = comm->ranks;
    return ncclSuccess;
  });
}

ncclResult_t ncclCommUserRank(ncclComm_t handle, int* rank) {
  return with_comm(__func__, handle, [&](const CommPtr& comm) {
    *rank = comm->rank;
    return ncclSuccess;
  });
}

// Told to fail, it tells of a peer that is lost: the call itself succeeds, and so does every later one.
ncclResult_t ncclCommGetAsyncError(ncclComm_t handle, ncclResult_t* error) {
  const CommPtr comm = comms().find(handle);
  if (comm == nullptr) return refuse(ncclInvalidArgument, "ncclCommGetAsyncError: no such communicator");
  if (must_fail(__func__)) comm->fail(ncclRemoteError);
  *error = comm->progress();
  return ncclSuccess;
}

const char* ncclGetErrorString(ncclResult_t result) {
  switch (result) {
    case ncclSuccess:
      return "no error";
    case ncclUnhandledCudaError:
      return "unhandled cuda error";
    case ncclSystemError:
      return "unhandled system error";
    case ncclInternalError:
      return "internal error";
    case ncclInvalidArgument:
      return "invalid argument";
    case ncclInvalidUsage:
      return "invalid usage";
    case ncclRemoteError:
      return "remote process exited or there was a network error";
    case ncclInProgress:
      return "NCCL operation in progress";
    case ncclNumResults:
      break;
  }
  return "unknown result code";
}

const char* ncclGetLastError(ncclComm_t) {
  return last_error.c_str();
}

ncclResult_t ncclSend(const void* buffer, size_t count, ncclDataType_t type, int peer, ncclComm_t comm,
                      cudaStream_t stream) {
  return add_transfer(__func__, comm, Operation::Kind::Send, buffer, count, type, peer, stream);
}

ncclResult_t ncclRecv(void* buffer, size_t count, ncclDataType_t type, int peer, ncclComm_t comm,
                      cudaStream_t stream) {
  return add_transfer(__func__, comm, Operation::Kind::Receive, buffer, count, type, peer, stream);
}

ncclResult_t ncclAllReduce(const void* from, void* to, size_t count, ncclDataType_t type,
                           ncclRedOp_t reduction, ncclComm_t comm, cudaStream_t stream) {
  return add_collective(__func__, comm, Collective::AllReduce, {from, 0}, {to, 0}, count, type, reduction,
                        stream);
}

ncclResult_t ncclAllGather(const void* from, void* to, size_t count, ncclDataType_t type, ncclComm_t comm,
                           cudaStream_t stream) {
  return add_collective(__func__, comm, Collective::AllGather, {from, 0}, {to, 0}, count, type, 0, stream);
}

ncclResult_t ncclReduceScatter(const void* from, void* to, size_t count, ncclDataType_t type,
                               ncclRedOp_t reduction, ncclComm_t comm, cudaStream_t stream) {
  return add_collective(__func__, comm, Collective::ReduceScatter, {from, 0}, {to, 0}, count, type, reduction,
                        stream);
}

ncclResult_t ncclGroupStart() {
  if (must_fail(__func__)) return ncclSystemError;
  ++group.depth;
  return ncclSuccess;
}

// A group of which a call failed launches nothing.
ncclResult_t ncclGroupEnd() {
  if (group.depth == 0) return refuse(ncclInvalidUsage, "ncclGroupEnd without ncclGroupStart");
  if (must_fail(__func__)) group.error = ncclSystemError;
  if (--group.depth > 0) return ncclSuccess;
  Group done = std::exchange(group, {});
  return done.error != ncclSuccess ? done.error : finish(std::move(done));
}
}
