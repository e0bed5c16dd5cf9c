#include "replay/cuda/gemm.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "ppsim/core/error.hpp"
#include "replay/cuda/cublaslt_api.hpp"
#include "replay/cuda/cuda_check.hpp"
#include "replay/cuda/kernels.hpp"
#include "replay/gpu/gpu_replay.hpp"

namespace ppsim {
namespace {

// What NVIDIA's own benchmarks give cuBLASLt on Hopper.
constexpr Bytes kWorkspace{32 << 20};
// For one factor or result: a batch that takes more is computed in pieces.
constexpr double kMostBytes = 1 << 30;

struct NumberType {
  cudaDataType_t type{};
  std::int64_t bytes{};
  unsigned short one{}, fraction{};  // bit patterns of 16 bits: 1, and the fraction behind it
};

NumberType number_type(Dtype dtype) {
  switch (dtype) {
    case Dtype::Fp32:
      return {CUDA_R_32F, 4, 0x3F80, 0x007F};
    case Dtype::Fp16:
      return {CUDA_R_16F, 2, 0x3C00, 0x03FF};
    case Dtype::Bf16:
      return {CUDA_R_16BF, 2, 0x3F80, 0x007F};
    case Dtype::Fp8:
    case Dtype::Mxfp8:
    case Dtype::Nvfp4:
      break;
  }
  throw GpuFailure(fmt::format("products in {}: expected fp32, fp16 or bf16", name(dtype)));
}

std::int64_t whole(double number) {
  return std::max<std::int64_t>(1, std::llround(number));
}

Bytes matrix_bytes(const GemmShape& shape, std::int64_t rows, std::int64_t columns, std::int64_t element) {
  return Bytes(rows * columns * shape.batch * element);
}

}  // namespace

std::vector<GemmShape> gemm_calls(const Product& product, double element) {
  GemmShape shape{whole(product.m), whole(product.n), whole(product.k), 1};
  const double largest =
      static_cast<double>(std::max({shape.m * shape.n, shape.m * shape.k, shape.n * shape.k}));
  const std::int64_t at_once = whole(std::floor(kMostBytes / (largest * element)));
  std::vector<GemmShape> calls;
  for (std::int64_t left = whole(product.count * product.computed); left > 0; left -= shape.batch) {
    shape.batch = std::min(left, at_once);
    calls.push_back(shape);
  }
  return calls;
}

void Gemm::EndHandle::operator()(cublasLtHandle_t handle) const {
  cublaslt().destroy(handle);
}
void Gemm::EndLayout::operator()(cublasLtMatrixLayout_t layout) const {
  cublaslt().layout_destroy(layout);
}
void Gemm::EndOperation::operator()(cublasLtMatmulDesc_t operation) const {
  cublaslt().operation_destroy(operation);
}

Gemm::Gemm(Dtype dtype, std::span<const Product> products) : dtype_(dtype) {
  const NumberType type = number_type(dtype);
  cublasLtHandle_t handle = nullptr;
  check_cublaslt(cublaslt().create(&handle), "cublasLtCreate");
  handle_.reset(handle);
  make_operation();
  std::set<GemmShape> shapes;
  for (const Product& product : products) {
    for (const GemmShape& call : gemm_calls(product, static_cast<double>(type.bytes))) shapes.insert(call);
  }
  for (const GemmShape& shape : shapes) {
    a_size_ = std::max(a_size_, matrix_bytes(shape, shape.m, shape.k, type.bytes));
    b_size_ = std::max(b_size_, matrix_bytes(shape, shape.k, shape.n, type.bytes));
    c_size_ = std::max(c_size_, matrix_bytes(shape, shape.m, shape.n, type.bytes));
  }
  a_ = allocate(a_size_);
  b_ = allocate(b_size_);
  c_ = allocate(c_size_);
  workspace_ = allocate(kWorkspace);
  const Stream stream = make_stream();
  fill(stream);
  for (const GemmShape& shape : shapes) {
    plan(shape);
    compute(shape, stream.get());
  }
  check_cuda(cudaStreamSynchronize(stream.get()), "cudaStreamSynchronize");
}

void Gemm::fill(const Stream& stream) {
  const NumberType type = number_type(dtype_);
  launch_fill(stream.get(), a_.get(), static_cast<std::size_t>(a_size_.count()), type.one, type.fraction);
  launch_fill(stream.get(), b_.get(), static_cast<std::size_t>(b_size_.count()), type.one, type.fraction);
  check_launch("fill_kernel");
}

// cuBLASLt stores columns one after the other: with k innermost A is given as k x m and transposed.
void Gemm::make_operation() {
  cublasLtMatmulDesc_t operation = nullptr;
  check_cublaslt(cublaslt().operation_create(&operation, CUBLAS_COMPUTE_32F, CUDA_R_32F),
                 "cublasLtMatmulDescCreate");
  operation_.reset(operation);
  const cublasOperation_t transposed = CUBLAS_OP_T;
  check_cublaslt(
      cublaslt().operation_set(operation, CUBLASLT_MATMUL_DESC_TRANSA, &transposed, sizeof transposed),
      "cublasLtMatmulDescSetAttribute");
}

Gemm::Layout Gemm::make_layout(std::int64_t rows, std::int64_t columns, std::int64_t batch) const {
  cublasLtMatrixLayout_t made = nullptr;
  check_cublaslt(cublaslt().layout_create(&made, number_type(dtype_).type, static_cast<std::uint64_t>(rows),
                                          static_cast<std::uint64_t>(columns), rows),
                 "cublasLtMatrixLayoutCreate");
  Layout layout(made);
  const auto count = static_cast<std::int32_t>(batch);
  const std::int64_t stride = rows * columns;
  check_cublaslt(cublaslt().layout_set(made, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &count, sizeof count),
                 "cublasLtMatrixLayoutSetAttribute");
  check_cublaslt(
      cublaslt().layout_set(made, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &stride, sizeof stride),
      "cublasLtMatrixLayoutSetAttribute");
  return layout;
}

void Gemm::plan(const GemmShape& shape) {
  Planned planned{make_layout(shape.k, shape.m, shape.batch), make_layout(shape.k, shape.n, shape.batch),
                  make_layout(shape.m, shape.n, shape.batch)};
  cublasLtMatmulPreference_t preference = nullptr;
  check_cublaslt(cublaslt().preference_create(&preference), "cublasLtMatmulPreferenceCreate");
  const auto most = static_cast<std::uint64_t>(kWorkspace.count());
  cublasLtMatmulHeuristicResult_t best{};
  int found = 0;
  cublasStatus_t status =
      cublaslt().preference_set(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &most, sizeof most);
  if (status == CUBLAS_STATUS_SUCCESS) {
    status = cublaslt().heuristic(handle_.get(), operation_.get(), planned.a.get(), planned.b.get(),
                                  planned.c.get(), planned.c.get(), preference, 1, &best, &found);
  }
  cublaslt().preference_destroy(preference);
  check_cublaslt(status, "cublasLtMatmulAlgoGetHeuristic");
  if (found == 0)
    throw GpuFailure(fmt::format("cuBLASLt has no algorithm for {} products {} x {} by {} x {} in {}",
                                 shape.batch, shape.m, shape.k, shape.k, shape.n, name(dtype_)));
  planned.algorithm = best.algo;
  planned_.emplace(shape, std::move(planned));
}

void Gemm::compute(const GemmShape& shape, cudaStream_t stream) {
  const Planned& planned = planned_.at(shape);
  const float one = 1, zero = 0;
  check_cublaslt(cublaslt().matmul(handle_.get(), operation_.get(), &one, a_.get(), planned.a.get(), b_.get(),
                                   planned.b.get(), &zero, c_.get(), planned.c.get(), c_.get(),
                                   planned.c.get(), &planned.algorithm, workspace_.get(),
                                   static_cast<std::size_t>(kWorkspace.count()), stream),
                 "cublasLtMatmul");
}

std::uint32_t Gemm::enqueue(const Product& product, cudaStream_t stream) {
  const auto calls = gemm_calls(product, static_cast<double>(number_type(dtype_).bytes));
  for (const GemmShape& call : calls) compute(call, stream);
  return static_cast<std::uint32_t>(calls.size());
}

}  // namespace ppsim
