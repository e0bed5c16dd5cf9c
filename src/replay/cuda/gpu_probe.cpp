// GPUs: messages by NCCL, products by cuBLASLt, timed by events, so that launches from the host play no part.
#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <map>

#include "replay/bench/probe.hpp"
#include "replay/cuda/cuda_check.hpp"
#include "replay/cuda/gemm.hpp"
#include "replay/cuda/gpu_communicators.hpp"
#include "replay/cuda/gpu_handles.hpp"
#include "replay/cuda/kernels.hpp"
#include "replay/cuda/nccl_api.hpp"
#include "replay/gpu/gpu_process.hpp"

namespace ppsim {
namespace {

constexpr Dtype kDtype = Dtype::Bf16;
// Of a factor or the result: far more than any layer has.
constexpr double kMostNumbers = 1e9;

class GpuProbe final : public Probe {
 public:
  GpuProbe(Group& group, std::uint32_t local_rank)
      : group_(group), name_(take_gpu(local_rank)), stream_(make_stream()) {}

  std::vector<Time> bounce(Rank peer, bool begins, Bytes size, std::uint32_t count) override {
    make_room(size);
    std::vector<Time> times = time_each(count, [&] {
      begins ? send(peer, size) : receive(peer, size);
      begins ? receive(peer, size) : send(peer, size);
    });
    for (Time& time : times) time /= 2;
    return times;
  }

  std::vector<Time> swap(Rank peer, Bytes size, std::uint32_t count) override {
    make_room(size);
    return time_each(count, [&] {
      pair(peer).run(0, "ncclSend and ncclRecv", [&](ncclComm_t communicator) {
        const ncclResult_t sent =
            nccl().send(outgoing_.get(), bytes_of(size), ncclUint8, other(peer), communicator, stream_.get());
        const ncclResult_t received = nccl().receive(incoming_.get(), bytes_of(size), ncclUint8, other(peer),
                                                     communicator, stream_.get());
        return sent != ncclSuccess && sent != ncclInProgress ? sent : received;
      });
    });
  }

  [[nodiscard]] Device device() const override {
    std::size_t free = 0, total = 0;
    check_cuda(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
    return {name_, Bytes(static_cast<std::int64_t>(total)), kDtype};
  }

  // As many rows as memory allows.
  [[nodiscard]] ProductShape largest_product(const ProductShape& shape) const override {
    const auto widest = static_cast<double>(std::max(shape.columns, shape.inner));
    return {std::min(shape.rows, static_cast<std::uint64_t>(std::max(kMostNumbers / widest, 1.0))),
            shape.columns, shape.inner};
  }

  std::vector<Time> multiply(const ProductShape& shape, std::uint32_t count) override {
    const Product product{.m = static_cast<double>(shape.rows),
                          .n = static_cast<double>(shape.columns),
                          .k = static_cast<double>(shape.inner)};
    Gemm gemm(kDtype, std::span(&product, 1));
    return time_each(count, [&] { gemm.enqueue(product, stream_.get()); });
  }

  std::vector<Time> copy(Bytes size, std::uint32_t count) override {
    make_room(size);
    return time_each(count, [&] {
      launch_move(stream_.get(), outgoing_.get(), incoming_.get(), static_cast<std::size_t>(size.count()));
      check_launch("move_kernel");
    });
  }

 private:
  static std::size_t bytes_of(Bytes size) { return static_cast<std::size_t>(size.count()); }

  // What was enqueued between two events, as often as `count` says; one more comes first, to warm up.
  template <class Enqueue>
  std::vector<Time> time_each(std::uint32_t count, Enqueue&& enqueue) {
    std::vector<Event> events;
    for (std::uint32_t i = 0; i <= count; ++i) {
      enqueue();
      events.push_back(make_event());
      check_cuda(cudaEventRecord(events.back().get(), stream_.get()), "cudaEventRecord");
    }
    wait();
    std::vector<Time> times;
    for (std::uint32_t i = 0; i < count; ++i) {
      float milliseconds = 0;
      check_cuda(cudaEventElapsedTime(&milliseconds, events[i].get(), events[i + 1].get()),
                 "cudaEventElapsedTime");
      times.emplace_back(std::llround(static_cast<double>(milliseconds) * 1e6));
    }
    return times;
  }

  void make_room(Bytes size) {
    if (room_ >= size) return;
    outgoing_ = allocate(size);
    incoming_ = allocate(size);
    room_ = size;
  }

  // NCCL's number of the other one of two.
  [[nodiscard]] int other(Rank peer) const { return group_.transport().rank() < peer ? 1 : 0; }

  void send(Rank peer, Bytes size) {
    pair(peer).run(0, "ncclSend", [&](ncclComm_t communicator) {
      return nccl().send(outgoing_.get(), bytes_of(size), ncclUint8, other(peer), communicator,
                         stream_.get());
    });
  }
  void receive(Rank peer, Bytes size) {
    pair(peer).run(0, "ncclRecv", [&](ncclComm_t communicator) {
      return nccl().receive(incoming_.get(), bytes_of(size), ncclUint8, other(peer), communicator,
                            stream_.get());
    });
  }

  // Both call it at their first message.
  GpuCommunicators& pair(Rank peer) {
    auto& found = pairs_[peer];
    if (!found) found = std::make_unique<GpuCommunicators>(group_, peer);
    return *found;
  }

  void wait() {
    const PlaceText place = own_name(group_);
    const Time end = clock_now() + group_.patience();
    while (!is_empty(stream_.get())) {
      listen(group_, place);
      if (clock_now() > end)
        throw ReplayError(fmt::format("{}: what it measures takes more than {} s", place(),
                                      std::chrono::duration<double>(group_.patience()).count()));
    }
  }

  Group& group_;
  std::string name_;
  Stream stream_;
  Bytes room_;
  DeviceMemory outgoing_, incoming_;
  std::map<Rank, std::unique_ptr<GpuCommunicators>> pairs_;
};

}  // namespace

std::unique_ptr<Probe> make_gpu_probe(Group& group, std::uint32_t local_rank) {
  return std::make_unique<GpuProbe>(group, local_rank);
}

}  // namespace ppsim
