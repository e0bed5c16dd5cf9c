// NCCL's functions, and its failures as ours.
#pragma once

#include <nccl.h>

#include <string_view>

#include "replay/cuda/source_place.hpp"

namespace ppsim {

struct NcclApi {
  decltype(&ncclGetUniqueId) get_unique_id;
  decltype(&ncclCommInitRankConfig) init_rank;
  decltype(&ncclCommDestroy) destroy;
  decltype(&ncclCommAbort) abort;
  decltype(&ncclCommGetAsyncError) async_error;
  decltype(&ncclGetErrorString) error_string;
  decltype(&ncclGetLastError) last_error;
  decltype(&ncclGroupStart) group_start;
  decltype(&ncclGroupEnd) group_end;
  decltype(&ncclSend) send;
  decltype(&ncclRecv) receive;
  decltype(&ncclAllReduce) all_reduce;
  decltype(&ncclAllGather) all_gather;
  decltype(&ncclReduceScatter) reduce_scatter;
};

/// Loads the library at the first call. Throws GpuFailure.
[[nodiscard]] const NcclApi& nccl();

/// Throws GpuFailure "ncclSend: remote process exited (at gpu_step.cpp:80)" unless success or under way.
void check_nccl(ncclResult_t result, std::string_view call, SourcePlace place = SourcePlace::current());

}  // namespace ppsim
