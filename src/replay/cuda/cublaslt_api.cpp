#include "cublaslt_api.hpp"

#include <fmt/format.h>

#include "cuda_check.hpp"
#include "ppsim/replay/gpu_replay.hpp"
#include "shared_library.hpp"

namespace ppsim {
namespace {

CublasLtApi load() {
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
  static const CublasLtApi api = load();
  return api;
}

void check_cublaslt(cublasStatus_t status, std::string_view call, SourcePlace place) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw GpuFailure(fmt::format("{}: {} (at {})", call, cublaslt().status_string(status), place_name(place)));
}

}  // namespace ppsim
