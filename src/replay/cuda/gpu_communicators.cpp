#include "replay/cuda/gpu_communicators.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "replay/cuda/cuda_check.hpp"
#include "replay/cuda/gpu_handles.hpp"
#include "replay/cuda/nccl_api.hpp"
#include "replay/gpu/gpu_replay.hpp"

namespace ppsim {
namespace {

// A connection that ends is seen by all within milliseconds.
constexpr Time kRumour{1'000'000'000};

std::uint32_t own_process(Group& group) {
  return index(group.transport().rank());
}

// The first member of each communicator makes its name; rank 0 tells all of them to all.
std::vector<ncclUniqueId> share_ids(Group& group, const std::vector<Members>& members) {
  std::vector<ncclUniqueId> ids(members.size());
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (members[i].front() == own_process(group))
      check_nccl(nccl().get_unique_id(&ids[i]), "ncclGetUniqueId");
  }
  const std::vector<Blob> all = group.gather(std::as_bytes(std::span(ids)));
  for (std::size_t i = 0; i < members.size() && group.is_first(); ++i)
    std::memcpy(&ids[i], all[members[i].front()].data() + i * sizeof(ncclUniqueId), sizeof(ncclUniqueId));
  const Blob told = group.broadcast(std::as_bytes(std::span(ids)));
  std::memcpy(ids.data(), told.data(), told.size());
  return ids;
}

// Read by NCCL, from 2.26 on, when it makes its first communicator; what the user sets stays.
void keep_launch_order() {
  constexpr int kKeep = 0;
  setenv("NCCL_LAUNCH_ORDER_IMPLICIT", "1", kKeep);
}

}  // namespace

void GpuCommunicators::make(const std::vector<Members>& members, bool in_order) {
  if (members.empty()) return;
  if (in_order) keep_launch_order();
  members_ = members;
  communicators_.resize(members.size());
  const std::vector<ncclUniqueId> ids = share_ids(group_, members);
  for (std::uint32_t i = 0; i < members.size(); ++i) {
    if (std::find(members[i].begin(), members[i].end(), own_process(group_)) != members[i].end())
      make_one(i, ids[i]);
  }
}

GpuCommunicators::GpuCommunicators(Group& group, Rank peer) : group_(group) {
  const Rank own = group.transport().rank();
  Members& members = members_.emplace_back();
  for (const Rank rank : {std::min(own, peer), std::max(own, peer)})
    members.push_back(static_cast<std::uint32_t>(index(rank)));
  communicators_.emplace_back();
  ncclUniqueId id{};
  const auto word = std::as_writable_bytes(std::span(&id, 1));
  if (own < peer) {
    check_nccl(nccl().get_unique_id(&id), "ncclGetUniqueId");
    group.send(peer, word);
  } else {
    group.receive(peer, word);
  }
  make_one(0, id);
}

void GpuCommunicators::End::operator()(ncclComm_t communicator) const {
  nccl().abort(
      communicator);  // nothing is under way but after a failure: destroying would wait for the others
}

void GpuCommunicators::make_one(std::uint32_t communicator, const ncclUniqueId& id) {
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 0;
  ncclComm_t made = nullptr;
  const auto size = static_cast<int>(members_[communicator].size());
  const ncclResult_t result =
      nccl().init_rank(&made, size, id, number_of(communicator, own_process(group_)), &config);
  communicators_[communicator].reset(made);
  check_nccl(result, "ncclCommInitRankConfig");
  settle(made, "ncclCommInitRankConfig", SourcePlace::current());
}

int GpuCommunicators::number_of(std::uint32_t communicator, std::uint32_t process) const {
  const Members& members = members_[communicator];
  return static_cast<int>(std::find(members.begin(), members.end(), process) - members.begin());
}

void GpuCommunicators::run(std::uint32_t communicator, std::string_view call,
                           const std::function<ncclResult_t(ncclComm_t)>& body, SourcePlace place) {
  const ncclComm_t own = communicators_[communicator].get();
  check_nccl(nccl().group_start(), "ncclGroupStart", place);
  const ncclResult_t result = body(own);
  const ncclResult_t ended = nccl().group_end();
  check_nccl(result, call, place);
  check_nccl(ended, call, place);
  if (ended == ncclInProgress) settle(own, call, place);
}

void GpuCommunicators::settle(ncclComm_t communicator, std::string_view call, SourcePlace place) {
  const Time end = clock_now() + group_.patience();
  for (ncclResult_t state = ncclInProgress; state == ncclInProgress;) {
    check_nccl(nccl().async_error(communicator, &state), call, place);
    check_nccl(state, call, place);
    if (state == ncclInProgress) listen(group_, own_name(group_));
    if (clock_now() > end)
      throw ReplayError(fmt::format("{}: not all ranks came to it within {} s (at {})", call,
                                    std::chrono::duration<double>(group_.patience()).count(),
                                    place_name(place)));
  }
}

void GpuCommunicators::connect(const std::vector<Wire>& wires) {
  Stream stream = make_stream();
  DeviceMemory byte = allocate(Bytes(1));
  try {
    send_first(wires, stream.get(), byte.get());
  } catch (...) {
    (void)stream.release();  // see GpuProcess
    (void)byte.release();
    throw;
  }
}

void GpuCommunicators::send_first(const std::vector<Wire>& wires, cudaStream_t stream, void* byte) {
  const std::uint32_t own = own_process(group_);
  for (const Wire& wire : wires) {
    if (wire.from == own) {
      run(wire.communicator, "ncclSend", [&](ncclComm_t communicator) {
        return nccl().send(byte, 1, ncclUint8, number_of(wire.communicator, wire.to), communicator, stream);
      });
    } else if (wire.to == own) {
      run(wire.communicator, "ncclRecv", [&](ncclComm_t communicator) {
        return nccl().receive(byte, 1, ncclUint8, number_of(wire.communicator, wire.from), communicator,
                              stream);
      });
    }
  }
  wait_for(stream);
}

void listen(Group& group, const PlaceText& place, Time duration) {
  try {
    (void)group.transport().wait(clock_now() + duration);
  } catch (const Stopped& stopped) {
    throw ReplayError(fmt::format("{}: {}", place(), stopped.what()));
  }
}

PlaceText own_name(Group& group) {
  return [rank = own_process(group)] { return fmt::format("rank {}", rank); };
}

void GpuCommunicators::poll(const PlaceText& place) {
  listen(group_, place);
  try {
    check_all();
  } catch (const GpuFailure& failure) {
    listen(group_, place, kRumour);  // NCCL may see first that a process is gone, but not which
    throw ReplayError(fmt::format("{}: {}", place(), failure.what()));
  }
}

void GpuCommunicators::check_all() {
  for (const Communicator& communicator : communicators_) {
    if (!communicator) continue;
    ncclResult_t state = ncclSuccess;
    check_nccl(nccl().async_error(communicator.get(), &state), "ncclCommGetAsyncError");
    check_nccl(state, "NCCL");
  }
}

void GpuCommunicators::wait_for(cudaStream_t stream) {
  const PlaceText place = own_name(group_);
  const Time end = clock_now() + group_.patience();
  while (!is_empty(stream)) {
    poll(place);
    if (clock_now() > end)
      throw ReplayError(fmt::format("{}: the first messages did not come within {} s", place(),
                                    std::chrono::duration<double>(group_.patience()).count()));
  }
}

}  // namespace ppsim
