// cuBLASLt's functions, and its failures as ours.
#pragma once

#include <cublasLt.h>

#include <string_view>

#include "replay/cuda/source_place.hpp"

namespace ppsim {

struct CublasLtApi {
  decltype(&cublasLtCreate) create;
  decltype(&cublasLtDestroy) destroy;
  decltype(&cublasLtGetStatusString) status_string;
  decltype(&cublasLtMatmulDescCreate) operation_create;
  decltype(&cublasLtMatmulDescDestroy) operation_destroy;
  decltype(&cublasLtMatmulDescSetAttribute) operation_set;
  decltype(&cublasLtMatrixLayoutCreate) layout_create;
  decltype(&cublasLtMatrixLayoutDestroy) layout_destroy;
  decltype(&cublasLtMatrixLayoutSetAttribute) layout_set;
  decltype(&cublasLtMatmulPreferenceCreate) preference_create;
  decltype(&cublasLtMatmulPreferenceDestroy) preference_destroy;
  decltype(&cublasLtMatmulPreferenceSetAttribute) preference_set;
  decltype(&cublasLtMatmulAlgoGetHeuristic) heuristic;
  decltype(&cublasLtMatmul) matmul;
};

/// Loads the library at the first call. Throws GpuFailure.
[[nodiscard]] const CublasLtApi& cublaslt();

/// Throws GpuFailure "cublasLtMatmul: an unsupported value or parameter (at gemm.cpp:150)" unless success.
void check_cublaslt(cublasStatus_t status, std::string_view call, SourcePlace place = SourcePlace::current());

}  // namespace ppsim
