// The fake CUDA runtime: streams.
#include <sys/prctl.h>

#include <thread>
#include <utility>
#include <vector>

#include "cudart.hpp"
#include "stream.hpp"

namespace {

// What a channel of a real GPU holds before a further launch blocks its caller.
constexpr int kMostLaunches = 1024;

}  // namespace

void CUstream_st::serve() {
  prctl(PR_SET_TIMERSLACK, 1);  // else a sleep of a microsecond lasts 50 us more
  for (Entry entry; take(entry); end(entry.kind)) {
    entry.action();
    entry.action = nullptr;  // what it holds must be free when it counts as ended
  }
}

void CUstream_st::push(Action action, Kind kind) {
  std::unique_lock lock(mutex_);
  if (kind == Kind::Launch) {
    changed_.wait(lock, [this] { return launches_ < kMostLaunches; });
    ++launches_;
  }
  queue_.push_back({std::move(action), kind});
  ++pushed_;
  changed_.notify_all();
}

void CUstream_st::close() {
  const std::scoped_lock lock(mutex_);
  closed_ = true;
  changed_.notify_all();
}

bool CUstream_st::closed() {
  const std::scoped_lock lock(mutex_);
  return closed_;
}

uint64_t CUstream_st::pushed() {
  const std::scoped_lock lock(mutex_);
  return pushed_;
}

bool CUstream_st::has_ended(uint64_t count) {
  const std::scoped_lock lock(mutex_);
  return ended_ >= count;
}

void CUstream_st::wait_until_ended(uint64_t count) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return ended_ >= count; });
}

bool CUstream_st::take(Entry& entry) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return closed_ || !queue_.empty(); });
  if (queue_.empty()) return false;
  entry = std::move(queue_.front());
  queue_.pop_front();
  return true;
}

void CUstream_st::end(Kind kind) {
  const std::scoped_lock lock(mutex_);
  ++ended_;
  if (kind == Kind::Launch) --launches_;
  changed_.notify_all();
}

namespace fakes {
namespace {

/// Those that were destroyed too, until they have done what was asked of them.
Handles<Stream>& streams() {
  static auto& all = *new Handles<Stream>;
  return all;
}

StreamPtr make_stream(Stream::Rule rule) {
  const auto stream = std::make_shared<Stream>(current_device(), rule);
  streams().add(stream);
  std::thread([stream] {
    stream->serve();
    streams().remove(stream.get());
  }).detach();
  return stream;
}

std::vector<StreamPtr> streams_of(int device) {
  std::vector<StreamPtr> found;
  streams().for_each([&](const StreamPtr& stream) {
    if (stream->device == device) found.push_back(stream);
  });
  return found;
}

/// The legacy default stream of the current device, made when it is first asked for.
StreamPtr legacy_stream() {
  static auto& mutex = *new std::mutex;
  const std::scoped_lock lock(mutex);
  for (const StreamPtr& stream : streams_of(current_device())) {
    if (stream->rule == Stream::Rule::Legacy) return stream;
  }
  return make_stream(Stream::Rule::Legacy);
}

bool wait_for_each_other(Stream::Rule a, Stream::Rule b) {
  using Rule = Stream::Rule;
  return (a == Rule::Legacy && b == Rule::Blocking) || (a == Rule::Blocking && b == Rule::Legacy);
}

void push_default_stream_waits(const StreamPtr& stream) {
  if (stream->rule == Stream::Rule::NonBlocking) return;
  for (const StreamPtr& other : streams_of(stream->device)) {
    const uint64_t count = other->pushed();
    if (!wait_for_each_other(stream->rule, other->rule) || other->has_ended(count)) continue;
    stream->push([other, count] { other->wait_until_ended(count); }, Stream::Kind::Marker);
  }
}

cudaError_t create(cudaStream_t* handle, unsigned flags) {
  if (handle == nullptr || (flags & ~unsigned{cudaStreamNonBlocking}) != 0) return cudaErrorInvalidValue;
  *handle =
      make_stream(flags == cudaStreamNonBlocking ? Stream::Rule::NonBlocking : Stream::Rule::Blocking).get();
  return cudaSuccess;
}

}  // namespace

StreamPtr find_stream(cudaStream_t handle) {
  if (handle == nullptr || handle == cudaStreamLegacy) return legacy_stream();
  const StreamPtr stream = streams().find(handle);
  return stream == nullptr || stream->closed() ? nullptr : stream;
}

void enqueue(const StreamPtr& stream, Stream::Action action, Stream::Kind kind) {
  push_default_stream_waits(stream);
  stream->push(std::move(action), kind);
}

void synchronize(const StreamPtr& stream) {
  stream->wait_until_ended(stream->pushed());
}

void synchronize_device() {
  for (const StreamPtr& stream : streams_of(current_device())) synchronize(stream);
  trim_pool(current_device());
}

}  // namespace fakes

using namespace fakes;

extern "C" {

cudaError_t fake_stream_enqueue(cudaStream_t handle, void (*action)(void*), void* argument) {
  const StreamPtr stream = find_stream(handle);
  if (stream == nullptr) return remember(cudaErrorInvalidResourceHandle);
  enqueue(
      stream, [=] { action(argument); }, Stream::Kind::Launch);
  return cudaSuccess;
}

int fake_stream_device(cudaStream_t handle) {
  const StreamPtr stream = find_stream(handle);
  return stream == nullptr ? -1 : stream->device;
}

cudaError_t cudaStreamCreate(cudaStream_t* handle) {
  return api(__func__, [&] { return create(handle, cudaStreamDefault); });
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* handle, unsigned flags) {
  return api(__func__, [&] { return create(handle, flags); });
}

// A priority changes who goes first where streams share a GPU: nothing is shared here.
cudaError_t cudaStreamCreateWithPriority(cudaStream_t* handle, unsigned flags, int) {
  return api(__func__, [&] { return create(handle, flags); });
}

cudaError_t cudaDeviceGetStreamPriorityRange(int* least, int* greatest) {
  return api(__func__, [&] {
    *least = 0;
    *greatest = -5;  // as an H100 says
    return cudaSuccess;
  });
}

cudaError_t cudaStreamDestroy(cudaStream_t handle) {
  return api(__func__, [&] {
    const StreamPtr stream = handle == nullptr ? nullptr : find_stream(handle);
    if (stream == nullptr || stream->rule == Stream::Rule::Legacy) return cudaErrorInvalidResourceHandle;
    stream->close();
    return cudaSuccess;
  });
}

cudaError_t cudaStreamQuery(cudaStream_t handle) {
  return api(__func__, [&] {
    const StreamPtr stream = find_stream(handle);
    if (stream == nullptr) return cudaErrorInvalidResourceHandle;
    return stream->has_ended(stream->pushed()) ? cudaSuccess : cudaErrorNotReady;
  });
}

cudaError_t cudaStreamSynchronize(cudaStream_t handle) {
  return api(__func__, [&] {
    const StreamPtr stream = find_stream(handle);
    if (stream == nullptr) return cudaErrorInvalidResourceHandle;
    synchronize(stream);
    trim_pool(stream->device);
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceSynchronize() {
  return api(__func__, [] {
    synchronize_device();
    return cudaSuccess;
  });
}
}
