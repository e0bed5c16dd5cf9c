#include "replay/cuda/cublaslt_api.hpp"

#include <fmt/format.h>

#include "replay/cuda/cuda_check.hpp"
#include "replay/cuda/shared_library.hpp"
#include "replay/gpu/gpu_replay.hpp"

namespace ppsim {
namespace {

CublasLtApi load_cublaslt() {
  const SharedLibrary library(fmt::format("libcublasLt.so.{}", CUBLAS_VER_MAJOR), PPSIM_CUDA_LIBRARIES);
  CublasLtApi api{};
  library.find(api.create, "cublasLtCreate");
  library.find(api.destroy, "cublasLtDestroy");
  library.find(api.status_string, "cublasLtGetStatusString");
  library.find(api.operation_create, "cublasLtMatmulDescCreate");
  library.find(api.operation_destroy, "cublasLtMatmulDescDestroy");
  library.find(api.operation_set, "cublasLtMatmulDescSetAttribute");
  library.find(api.layout_create, "cublasLtMatrixLayoutCreate");
  library.find(api.layout_destroy, "cublasLtMatrixLayoutDestroy");
  library.find(api.layout_set, "cublasLtMatrixLayoutSetAttribute");
  library.find(api.preference_create, "cublasLtMatmulPreferenceCreate");
  library.find(api.preference_destroy, "cublasLtMatmulPreferenceDestroy");
  library.find(api.preference_set, "cublasLtMatmulPreferenceSetAttribute");
  library.find(api.heuristic, "cublasLtMatmulAlgoGetHeuristic");
  library.find(api.matmul, "cublasLtMatmul");
  return api;
}

}  // namespace

const CublasLtApi& cublaslt() {
  static const CublasLtApi api = load_cublaslt();
  return api;
}

void check_cublaslt(cublasStatus_t status, std::string_view call, SourcePlace place) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw GpuFailure(fmt::format("{}: {} (at {})", call, cublaslt().status_string(status), place_name(place)));
}

}  // namespace ppsim
