#include "replay/cuda/nccl_api.hpp"

#include <fmt/format.h>

#include "replay/cuda/cuda_check.hpp"
#include "replay/cuda/shared_library.hpp"
#include "replay/gpu/gpu_replay.hpp"

namespace ppsim {
namespace {

NcclApi load_nccl() {
  const SharedLibrary library("libnccl.so.2", PPSIM_CUDA_LIBRARIES);
  NcclApi api{};
  library.find(api.get_unique_id, "ncclGetUniqueId");
  library.find(api.init_rank, "ncclCommInitRankConfig");
  library.find(api.destroy, "ncclCommDestroy");
  library.find(api.abort, "ncclCommAbort");
  library.find(api.async_error, "ncclCommGetAsyncError");
  library.find(api.error_string, "ncclGetErrorString");
  library.find(api.last_error, "ncclGetLastError");
  library.find(api.group_start, "ncclGroupStart");
  library.find(api.group_end, "ncclGroupEnd");
  library.find(api.send, "ncclSend");
  library.find(api.receive, "ncclRecv");
  library.find(api.all_reduce, "ncclAllReduce");
  library.find(api.all_gather, "ncclAllGather");
  library.find(api.reduce_scatter, "ncclReduceScatter");
  return api;
}

}  // namespace

const NcclApi& nccl() {
  static const NcclApi api = load_nccl();
  return api;
}

void check_nccl(ncclResult_t result, std::string_view call, SourcePlace place) {
  if (result == ncclSuccess || result == ncclInProgress) return;
  const std::string_view more = nccl().last_error(nullptr);
  throw GpuFailure(fmt::format("{}: {} (at {}){}{}", call, nccl().error_string(result), place_name(place),
                               more.empty() ? "" : ": ", more.substr(0, more.find('\n'))));
}

}  // namespace ppsim
