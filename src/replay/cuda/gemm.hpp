// Matrix products by cuBLASLt.
#pragma once

#include <cublasLt.h>
#include <cuda_runtime_api.h>

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <tuple>
#include <vector>

#include "ppsim/model/hardware/cluster.hpp"
#include "ppsim/model/layers/operators.hpp"
#include "replay/cuda/gpu_handles.hpp"

namespace ppsim {

/// A batch of products that one call computes.
struct GemmShape {
  std::int64_t m{}, n{}, k{}, batch{};

  friend auto operator<=>(const GemmShape&, const GemmShape&) = default;
};

/// Products m x k by k x n, both factors with k innermost, sums in fp32. A causal kernel computes a share of
/// the scores: so many of the batch are computed. All products read and write the same memory, whose content
/// is random and meaningless.
class Gemm {
 public:
  /// Chooses an algorithm for each shape, and computes it once. Throws GpuFailure for a type that is neither
  /// fp32, fp16 nor bf16.
  Gemm(Dtype dtype, std::span<const Product> products);

  /// Enqueues it; returns how many launches that takes.
  std::uint32_t enqueue(const Product& product, cudaStream_t stream);

 private:
  struct EndHandle {
    void operator()(cublasLtHandle_t handle) const;
  };
  struct EndLayout {
    void operator()(cublasLtMatrixLayout_t layout) const;
  };
  struct EndOperation {
    void operator()(cublasLtMatmulDesc_t operation) const;
  };
  using Layout = std::unique_ptr<std::remove_pointer_t<cublasLtMatrixLayout_t>, EndLayout>;
  struct Planned {
    Layout a, b, c;
    cublasLtMatmulAlgo_t algorithm{};
  };

  [[nodiscard]] Layout make_layout(std::int64_t rows, std::int64_t columns, std::int64_t batch) const;
  void make_operation();
  void plan(const GemmShape& shape);
  void compute(const GemmShape& shape, cudaStream_t stream);
  void fill(const Stream& stream);

  Dtype dtype_;
  std::unique_ptr<std::remove_pointer_t<cublasLtHandle_t>, EndHandle> handle_;
  std::unique_ptr<std::remove_pointer_t<cublasLtMatmulDesc_t>, EndOperation> operation_;
  DeviceMemory a_, b_, c_, workspace_;
  Bytes a_size_, b_size_, c_size_;
  std::map<GemmShape, Planned> planned_;
};

/// The calls that a product takes: as many of its batch at once as some gigabytes hold.
[[nodiscard]] std::vector<GemmShape> gemm_calls(const Product& product, double element);

}  // namespace ppsim
