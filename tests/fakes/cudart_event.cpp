// The fake CUDA runtime: events. A record is one passing of an event through a stream; an event stands for
// its last one.
#include <chrono>
#include <utility>

#include "cudart.hpp"

namespace fakes {
namespace {

class Record {
 public:
  explicit Record(int device) : device_(device) {}
  /// The stream has reached it: from here on it has a time, in ns of CLOCK_MONOTONIC.
  void reach() {
    const std::scoped_lock lock(mutex_);
    at_ns_ = std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
    reached_ = true;
    changed_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return reached_; });
  }
  bool reached() {
    const std::scoped_lock lock(mutex_);
    return reached_;
  }
  /// Only of one that was reached.
  int64_t at_ns() const { return at_ns_; }
  int device() const { return device_; }

 private:
  const int device_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool reached_ = false;
  int64_t at_ns_ = 0;
};

using RecordPtr = std::shared_ptr<Record>;

}  // namespace
}  // namespace fakes

struct CUevent_st {
  CUevent_st(int on_device, bool has_time) : device(on_device), timed(has_time) {}

  fakes::RecordPtr last() {
    const std::scoped_lock lock(mutex);
    return record;
  }
  void replace(fakes::RecordPtr by) {
    const std::scoped_lock lock(mutex);
    record = std::move(by);
  }

  const int device;
  const bool timed;
  std::mutex mutex;
  fakes::RecordPtr record;  // null: never recorded
};

namespace fakes {
namespace {

Handles<CUevent_st>& events() {
  static auto& all = *new Handles<CUevent_st>;
  return all;
}

cudaError_t create(cudaEvent_t* handle, unsigned flags) {
  constexpr unsigned kKnown = cudaEventBlockingSync | cudaEventDisableTiming | cudaEventInterprocess;
  if (handle == nullptr || (flags & ~kKnown) != 0) return cudaErrorInvalidValue;
  *handle =
      events().add(std::make_shared<CUevent_st>(current_device(), (flags & cudaEventDisableTiming) == 0));
  return cudaSuccess;
}

cudaError_t elapsed(float* ms, const std::shared_ptr<CUevent_st>& start,
                    const std::shared_ptr<CUevent_st>& end) {
  if (start == nullptr || end == nullptr || !start->timed || !end->timed)
    return cudaErrorInvalidResourceHandle;
  const RecordPtr from = start->last(), to = end->last();
  if (from == nullptr || to == nullptr || from->device() != to->device())
    return cudaErrorInvalidResourceHandle;
  if (!from->reached() || !to->reached()) return cudaErrorNotReady;
  *ms = static_cast<float>(static_cast<double>(to->at_ns() - from->at_ns()) / 1e6);
  return cudaSuccess;
}

}  // namespace
}  // namespace fakes

using namespace fakes;

extern "C" {

cudaError_t cudaEventCreate(cudaEvent_t* handle) {
  return api(__func__, [&] { return create(handle, cudaEventDefault); });
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* handle, unsigned flags) {
  return api(__func__, [&] { return create(handle, flags); });
}

cudaError_t cudaEventDestroy(cudaEvent_t handle) {
  return api(__func__,
             [&] { return events().remove(handle) ? cudaSuccess : cudaErrorInvalidResourceHandle; });
}

cudaError_t cudaEventRecord(cudaEvent_t handle, cudaStream_t stream_handle) {
  return api(__func__, [&] {
    const auto event = events().find(handle);
    const StreamPtr stream = find_stream(stream_handle);
    if (event == nullptr || stream == nullptr || event->device != stream->device) {
      return cudaErrorInvalidResourceHandle;
    }
    const auto record = std::make_shared<Record>(stream->device);
    event->replace(record);
    enqueue(
        stream, [record] { record->reach(); }, Stream::Kind::Marker);
    return cudaSuccess;
  });
}

cudaError_t cudaEventQuery(cudaEvent_t handle) {
  return api(__func__, [&] {
    const auto event = events().find(handle);
    if (event == nullptr) return cudaErrorInvalidResourceHandle;
    const RecordPtr record = event->last();
    return record == nullptr || record->reached() ? cudaSuccess : cudaErrorNotReady;
  });
}

cudaError_t cudaEventSynchronize(cudaEvent_t handle) {
  return api(__func__, [&] {
    const auto event = events().find(handle);
    if (event == nullptr) return cudaErrorInvalidResourceHandle;
    if (const RecordPtr record = event->last()) record->wait();
    trim_pool(event->device);
    return cudaSuccess;
  });
}

cudaError_t cudaEventElapsedTime(float* ms, cudaEvent_t start, cudaEvent_t end) {
  return api(__func__, [&] { return elapsed(ms, events().find(start), events().find(end)); });
}

// The wait is for the record that was last asked for at this call; what the event records later changes
// nothing.
cudaError_t cudaStreamWaitEvent(cudaStream_t stream_handle, cudaEvent_t handle, unsigned) {
  return api(__func__, [&] {
    const auto event = events().find(handle);
    const StreamPtr stream = find_stream(stream_handle);
    if (event == nullptr || stream == nullptr) return cudaErrorInvalidResourceHandle;
    const RecordPtr record = event->last();
    if (record == nullptr) return cudaSuccess;
    const auto wait = [record] { record->wait(); };
    enqueue(stream, wait, Stream::Kind::Marker);
    return cudaSuccess;
  });
}
}
