#include "replay/cuda/gpu_step.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "replay/cuda/cuda_check.hpp"
#include "replay/cuda/kernels.hpp"
#include "replay/cuda/nccl_api.hpp"

namespace ppsim {
namespace {

// A stream's queue holds 1,024 launches; behind that a launch would wait for the latch, which waits for it.
// Waits and records count as launches here, and an op of many kernels must still fit.
constexpr std::uint32_t kMostQueued = 512;

}  // namespace

GpuStep::GpuStep(const RankProgram& program, const LaunchPlan& plan, GpuCommunicators& communicators,
                 GpuOps& ops, std::vector<std::uint32_t> peers)
    : program_(program),
      plan_(plan),
      launches_(plan.ranks[index(program.rank)]),
      communicators_(communicators),
      ops_(ops),
      peers_(std::move(peers)),
      copies_(program.vertex_count()),
      base_(make_event()),
      queued_(launches_.streams),
      outgoing_(allocate(launches_.longest_send)) {
  for (std::uint32_t i = 0; i < launches_.streams; ++i) streams_.push_back(make_stream());
  for (std::size_t i = 0; i < launches_.list.size(); ++i) {
    starts_.push_back(make_event());
    ends_.push_back(make_event());
  }
  for (const Bytes size : launches_.buffers) buffers_.push_back(allocate(size));
  for (const Message& receive : program.receives) {
    if (receive.role != MessageRole::Answer) continue;
    for (const CopyEdge& copy : program.graph.copies()) {
      if (copy.edge == receive.edge) copies_[receive.vertex].push_back(copy.op);
    }
  }
}

Bytes GpuStep::message_memory() const {
  Bytes sum = launches_.longest_send;
  for (const Bytes size : launches_.buffers) sum += size;
  return sum;
}

void GpuStep::prepare(Activations& activations) {
  latch_.clear();
  next_ = ended_ = 0;
  std::fill(queued_.begin(), queued_.end(), 0);
  launch_latch(compute_stream(), latch_.on_device());
  check_launch("latch_kernel");
  check_cuda(cudaEventRecord(base_.get(), compute_stream()), "cudaEventRecord");
  for (std::size_t i = 1; i < streams_.size(); ++i)
    check_cuda(cudaStreamWaitEvent(streams_[i].get(), base_.get(), 0), "cudaStreamWaitEvent");
  while (next_ < launches_.list.size() && *std::max_element(queued_.begin(), queued_.end()) < kMostQueued)
    enqueue_group(activations);
  latched_ = next_;
}

void GpuStep::open_latch() {
  opened_ = clock_now();
  latch_.set();
}

StepTimes GpuStep::run(Time start, Time patience, Activations& activations) {
  while (clock_now() < start) {  // to the microsecond, which a nap would not be
  }
  open_latch();
  while (next_ < launches_.list.size()) enqueue_group(activations);
  watch(patience);
  return read_times();
}

void GpuStep::enqueue_group(Activations& activations) {
  const std::uint32_t begin = next_;
  while (next_ < launches_.list.size() && launches_.list[next_].group == launches_.list[begin].group) ++next_;
  const std::span group = std::span(launches_.list).subspan(begin, next_ - begin);
  const std::uint32_t stream = group.front().stream;
  for (const Launch& launch : group) wait_for(stream, launch.after);
  for (std::uint32_t i = begin; i < next_; ++i) record(starts_[i], stream);
  if (group.front().kind == LaunchKind::Op) {
    enqueue_op(group.front(), activations);
  } else {
    enqueue_messages(group);
  }
  for (std::uint32_t i = begin; i < next_; ++i) record(ends_[i], stream);
  if (group.front().kind == LaunchKind::Op) {
    for (const Op op : program_.graph.ops(program_.first + group.front().vertex)) activations.end(op);
  }
}

void GpuStep::wait_for(std::uint32_t stream, std::span<const std::uint32_t> launches) {
  for (const std::uint32_t before : launches) {
    if (launches_.list[before].stream == stream) continue;
    check_cuda(cudaStreamWaitEvent(streams_[stream].get(), ends_[before].get(), 0), "cudaStreamWaitEvent");
    ++queued_[stream];
  }
}

void GpuStep::record(const Event& event, std::uint32_t stream) {
  check_cuda(cudaEventRecord(event.get(), streams_[stream].get()), "cudaEventRecord");
  ++queued_[stream];
}

void GpuStep::enqueue_op(const Launch& launch, Activations& activations) {
  for (const Op copy : copies_[launch.vertex]) activations.copy(copy);
  for (const Op op : program_.graph.ops(program_.first + launch.vertex)) activations.start(op);
  queued_[launch.stream] += ops_.enqueue(launch.vertex, compute_stream());
}

void GpuStep::enqueue_messages(std::span<const Launch> group) {
  const std::uint32_t communicator = group.front().communicator;
  const cudaStream_t stream = streams_[group.front().stream].get();
  const std::string_view call = group.front().kind == LaunchKind::Send ? "ncclSend" : "ncclRecv";
  communicators_.run(communicator, call, [&](ncclComm_t own) {
    ncclResult_t result = ncclSuccess;
    for (const Launch& launch : group) {
      const auto bytes = static_cast<std::size_t>(launch.bytes.count());
      const int peer = communicators_.number_of(communicator, peers_[index(launch.peer)]);
      const ncclResult_t one =
          launch.kind == LaunchKind::Send
              ? nccl().send(outgoing_.get(), bytes, ncclUint8, peer, own, stream)
              : nccl().receive(buffers_[launch.buffer].get(), bytes, ncclUint8, peer, own, stream);
      if (one != ncclSuccess && one != ncclInProgress) result = one;
    }
    return result;
  });
  queued_[group.front().stream] += static_cast<std::uint32_t>(group.size());
}

bool GpuStep::has_ended(std::uint32_t launch) const {
  const cudaError_t state = cudaEventQuery(ends_[launch].get());
  if (state == cudaErrorNotReady) return false;
  check_cuda(state, "cudaEventQuery");
  return true;
}

void GpuStep::watch(Time patience) {
  Time heard = clock_now();
  while (ended_ < launches_.list.size()) {
    if (has_ended(ended_)) {
      ++ended_;
      heard = clock_now();
      continue;
    }
    communicators_.poll([this] { return place(); });
    if (clock_now() > heard + patience) {
      throw ReplayError(
          fmt::format("{}: nothing came for {} s", place(), std::chrono::duration<double>(patience).count()));
    }
  }
}

// "rank 2: receive for F of stage 2, micro-batch 5, from rank 1": the first launch that has not ended.
std::string GpuStep::place() const {
  if (ended_ == launches_.list.size())
    return fmt::format("rank {}: behind its last op", index(program_.rank));
  return describe_launch(program_.graph, plan_, program_.rank, ended_);
}

Time GpuStep::time_of(const Event& event) const {
  float milliseconds = 0;
  check_cuda(cudaEventElapsedTime(&milliseconds, base_.get(), event.get()), "cudaEventElapsedTime");
  return opened_ + Time(std::llround(static_cast<double>(milliseconds) * 1e6));
}

StepTimes GpuStep::read_times() const {
  StepTimes times;
  for (const std::uint32_t op : launches_.ops) {
    times.start.push_back(time_of(starts_[op]));
    times.finish.push_back(time_of(ends_[op]));
  }
  for (const std::uint32_t launch : launches_.departures) times.departure.push_back(time_of(starts_[launch]));
  for (const std::uint32_t launch : launches_.arrivals) times.arrival.push_back(time_of(ends_[launch]));
  return times;
}

}  // namespace ppsim
