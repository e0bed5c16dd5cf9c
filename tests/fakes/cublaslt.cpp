// The fake cuBLASLt: a product is a wait of a microsecond on its stream, once its shapes and the memory
// behind its pointers have been checked.
#include <cublasLt.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <thread>

#include "environment.hpp"
#include "handles.hpp"
#include "stream.hpp"

struct cublasLtContext {};

namespace fakes {
namespace {

constexpr size_t kWorkspaceBytes = 1 << 20;  // what a product asks for, where the preference allows as much
constexpr uint64_t kAlgorithm =
    0x66616b65616c67;  // tells an algorithm of the heuristic from uninitialised memory

struct Layout {
  cudaDataType type;
  uint64_t rows;
  uint64_t columns;
  int64_t leading;
  cublasLtOrder_t order = CUBLASLT_ORDER_COL;
  int32_t batches = 1;
  int64_t batch_stride = 0;
};

struct Product {
  cublasComputeType_t compute;
  cudaDataType_t scale;
  cublasOperation_t transpose_a = CUBLAS_OP_N;
  cublasOperation_t transpose_b = CUBLAS_OP_N;
  cublasLtEpilogue_t epilogue = CUBLASLT_EPILOGUE_DEFAULT;
};

struct Preference {
  uint64_t workspace_bytes = 0;
};

/// The handles of one kind. `Opaque` is what the API calls a `T`.
template <class T, class Opaque>
struct Kind {
  static Handles<T>& all() {
    static auto& handles = *new Handles<T>;
    return handles;
  }
  static std::shared_ptr<T> find(Opaque* handle) { return all().find(reinterpret_cast<T*>(handle)); }
  static cublasStatus_t create(Opaque** handle, T value) {
    *handle = reinterpret_cast<Opaque*>(all().add(std::make_shared<T>(value)));
    return CUBLAS_STATUS_SUCCESS;
  }
  static cublasStatus_t destroy(Opaque* handle) {
    return all().remove(reinterpret_cast<T*>(handle)) ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_INVALID_VALUE;
  }
};

using Contexts = Kind<cublasLtContext, cublasLtContext>;
using Layouts = Kind<Layout, cublasLtMatrixLayoutOpaque_t>;
using Products = Kind<Product, cublasLtMatmulDescOpaque_t>;
using Preferences = Kind<Preference, cublasLtMatmulPreferenceOpaque_t>;

template <class Body>
cublasStatus_t api(const char* function, Body body) {
  static Faults& faults = *new Faults("FAKE_CUBLASLT_FAIL");
  return faults.strikes(function) ? CUBLAS_STATUS_INTERNAL_ERROR : body();
}

template <class T>
cublasStatus_t assign(T& field, const void* value, size_t bytes) {
  if (value == nullptr || bytes != sizeof(T)) return CUBLAS_STATUS_INVALID_VALUE;
  std::memcpy(&field, value, sizeof(T));
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t not_known(const char* function, int attribute) {
  complain(std::string(function) + ": attribute " + std::to_string(attribute) +
           " is not one that the fakes know");
  return CUBLAS_STATUS_NOT_SUPPORTED;
}

uint64_t bytes_of(cudaDataType type) {
  switch (type) {
    case CUDA_R_8I:
    case CUDA_R_8F_E4M3:
    case CUDA_R_8F_E5M2:
      return 1;
    case CUDA_R_16F:
    case CUDA_R_16BF:
      return 2;
    case CUDA_R_32F:
    case CUDA_R_32I:
      return 4;
    case CUDA_R_64F:
      return 8;
    default:
      return 0;
  }
}

bool is_sound(const Layout& layout) {
  const bool by_column = layout.order == CUBLASLT_ORDER_COL;
  const uint64_t least = by_column ? layout.rows : layout.columns;
  return bytes_of(layout.type) > 0 && layout.rows > 0 && layout.columns > 0 && layout.batches > 0 &&
         (by_column || layout.order == CUBLASLT_ORDER_ROW) && layout.leading >= static_cast<int64_t>(least);
}

/// From the first element of the first matrix to the last one of the last.
uint64_t bytes_of(const Layout& layout) {
  const bool by_column = layout.order == CUBLASLT_ORDER_COL;
  const uint64_t lines = by_column ? layout.columns : layout.rows;
  const uint64_t in_line = by_column ? layout.rows : layout.columns;
  const uint64_t before =
      static_cast<uint64_t>(layout.batch_stride) * static_cast<uint64_t>(layout.batches - 1);
  return (before + static_cast<uint64_t>(layout.leading) * (lines - 1) + in_line) * bytes_of(layout.type);
}

struct Shape {
  uint64_t rows;
  uint64_t columns;
  bool operator==(const Shape&) const = default;
};

Shape shape_of(const Layout& layout, cublasOperation_t transpose = CUBLAS_OP_N) {
  return transpose == CUBLAS_OP_N ? Shape{layout.rows, layout.columns} : Shape{layout.columns, layout.rows};
}

/// A product's descriptions; each null where its handle is none.
struct Problem {
  std::shared_ptr<Product> product;
  std::shared_ptr<Layout> a, b, c, d;

  Problem(cublasLtMatmulDesc_t its_product, cublasLtMatrixLayout_t its_a, cublasLtMatrixLayout_t its_b,
          cublasLtMatrixLayout_t its_c, cublasLtMatrixLayout_t its_d)
      : product(Products::find(its_product)),
        a(Layouts::find(its_a)),
        b(Layouts::find(its_b)),
        c(Layouts::find(its_c)),
        d(Layouts::find(its_d)) {}

  /// D (m x n) = op(A) (m x k) op(B) (k x n) + C (m x n), as many times each.
  bool fits() const {
    if (!product || !a || !b || !c || !d) return false;
    if (!is_sound(*a) || !is_sound(*b) || !is_sound(*c) || !is_sound(*d)) return false;
    const Shape left = shape_of(*a, product->transpose_a), right = shape_of(*b, product->transpose_b);
    return left.columns == right.rows && shape_of(*d) == Shape{left.rows, right.columns} &&
           shape_of(*c) == shape_of(*d) && a->batches == d->batches && b->batches == d->batches &&
           c->batches == d->batches;
  }
};

cublasStatus_t refuse(const std::string& why) {
  complain("cublasLtMatmul: " + why);
  return CUBLAS_STATUS_INVALID_VALUE;
}

bool is_there(const void* start, uint64_t bytes) {
  return fake_bytes_behind(start) >= bytes;
}

void nap(void*) {
  std::this_thread::sleep_for(std::chrono::microseconds(1));
}

}  // namespace
}  // namespace fakes

using namespace fakes;

extern "C" {

size_t cublasLtGetVersion() {
  return CUBLAS_VERSION;
}

size_t cublasLtGetCudartVersion() {
  return CUDART_VERSION;
}

#define FAKE_STATUSES(STATUS)                                                         \
  STATUS(CUBLAS_STATUS_SUCCESS, "success")                                            \
  STATUS(CUBLAS_STATUS_NOT_INITIALIZED, "not initialized")                            \
  STATUS(CUBLAS_STATUS_INVALID_VALUE, "an unsupported value or parameter was passed") \
  STATUS(CUBLAS_STATUS_INTERNAL_ERROR, "an internal operation failed")                \
  STATUS(CUBLAS_STATUS_EXECUTION_FAILED, "the GPU program failed to execute")         \
  STATUS(CUBLAS_STATUS_NOT_SUPPORTED, "the functionality is not supported")

const char* cublasLtGetStatusName(cublasStatus_t status) {
#define FAKE_NAME(name, text) \
  if (status == name) return #name;
  FAKE_STATUSES(FAKE_NAME)
  return "unknown status";
}

const char* cublasLtGetStatusString(cublasStatus_t status) {
#define FAKE_TEXT(name, text) \
  if (status == name) return text;
  FAKE_STATUSES(FAKE_TEXT)
  return "unknown status";
}

cublasStatus_t cublasLtCreate(cublasLtHandle_t* handle) {
  return api(__func__, [&] { return Contexts::create(handle, {}); });
}

cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle) {
  return api(__func__, [&] { return Contexts::destroy(handle); });
}

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t* handle, cudaDataType type, uint64_t rows,
                                          uint64_t columns, int64_t leading) {
  return api(__func__, [&] { return Layouts::create(handle, {type, rows, columns, leading}); });
}

cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t handle) {
  return api(__func__, [&] { return Layouts::destroy(handle); });
}

cublasStatus_t cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t handle,
                                                cublasLtMatrixLayoutAttribute_t attribute, const void* value,
                                                size_t bytes) {
  return api(__func__, [&] {
    const auto layout = Layouts::find(handle);
    if (layout == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
    switch (attribute) {
      case CUBLASLT_MATRIX_LAYOUT_TYPE:
        return assign(layout->type, value, bytes);
      case CUBLASLT_MATRIX_LAYOUT_ORDER:
        return assign(layout->order, value, bytes);
      case CUBLASLT_MATRIX_LAYOUT_ROWS:
        return assign(layout->rows, value, bytes);
      case CUBLASLT_MATRIX_LAYOUT_COLS:
        return assign(layout->columns, value, bytes);
      case CUBLASLT_MATRIX_LAYOUT_LD:
        return assign(layout->leading, value, bytes);
      case CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT:
        return assign(layout->batches, value, bytes);
      case CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET:
        return assign(layout->batch_stride, value, bytes);
      default:
        return not_known("cublasLtMatrixLayoutSetAttribute", attribute);
    }
  });
}

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t* handle, cublasComputeType_t compute,
                                        cudaDataType_t scale) {
  return api(__func__, [&] { return Products::create(handle, {compute, scale}); });
}

cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t handle) {
  return api(__func__, [&] { return Products::destroy(handle); });
}

cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t handle,
                                              cublasLtMatmulDescAttributes_t attribute, const void* value,
                                              size_t bytes) {
  return api(__func__, [&] {
    const auto product = Products::find(handle);
    if (product == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
    switch (attribute) {
      case CUBLASLT_MATMUL_DESC_COMPUTE_TYPE:
        return assign(product->compute, value, bytes);
      case CUBLASLT_MATMUL_DESC_SCALE_TYPE:
        return assign(product->scale, value, bytes);
      case CUBLASLT_MATMUL_DESC_TRANSA:
        return assign(product->transpose_a, value, bytes);
      case CUBLASLT_MATMUL_DESC_TRANSB:
        return assign(product->transpose_b, value, bytes);
      case CUBLASLT_MATMUL_DESC_EPILOGUE:
        return assign(product->epilogue, value, bytes);
      default:
        return not_known("cublasLtMatmulDescSetAttribute", attribute);
    }
  });
}

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t* handle) {
  return api(__func__, [&] { return Preferences::create(handle, {}); });
}

cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t handle) {
  return api(__func__, [&] { return Preferences::destroy(handle); });
}

cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t handle,
                                                    cublasLtMatmulPreferenceAttributes_t attribute,
                                                    const void* value, size_t bytes) {
  return api(__func__, [&] {
    const auto preference = Preferences::find(handle);
    if (preference == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
    if (attribute == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES)
      return assign(preference->workspace_bytes, value, bytes);
    return not_known("cublasLtMatmulPreferenceSetAttribute", attribute);
  });
}

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t context, cublasLtMatmulDesc_t product,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t handle, int asked,
                                              cublasLtMatmulHeuristicResult_t results[], int* found) {
  return api(__func__, [&] {
    *found = 0;
    const auto preference = Preferences::find(handle);
    if (Contexts::find(context) == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
    if (preference == nullptr || asked <= 0) return CUBLAS_STATUS_INVALID_VALUE;
    if (!Problem(product, a, b, c, d).fits()) return CUBLAS_STATUS_NOT_SUPPORTED;
    results[0] = {};
    results[0].algo.data[0] = kAlgorithm;
    results[0].algo.data[1] = results[0].workspaceSize =
        std::min(kWorkspaceBytes, preference->workspace_bytes);
    results[0].wavesCount = 1;
    *found = 1;
    return CUBLAS_STATUS_SUCCESS;
  });
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t context, cublasLtMatmulDesc_t product, const void* alpha,
                              const void* a, cublasLtMatrixLayout_t layout_a, const void* b,
                              cublasLtMatrixLayout_t layout_b, const void* beta, const void* c,
                              cublasLtMatrixLayout_t layout_c, void* d, cublasLtMatrixLayout_t layout_d,
                              const cublasLtMatmulAlgo_t* algorithm, void* workspace, size_t workspace_bytes,
                              cudaStream_t stream) {
  return api(__func__, [&] {
    const Problem problem(product, layout_a, layout_b, layout_c, layout_d);
    if (Contexts::find(context) == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
    if (!problem.fits()) return refuse("the layouts do not fit each other");
    if (alpha == nullptr || beta == nullptr) return refuse("alpha or beta is null");
    if (!is_there(a, bytes_of(*problem.a)) || !is_there(b, bytes_of(*problem.b)) ||
        !is_there(c, bytes_of(*problem.c)) || !is_there(d, bytes_of(*problem.d))) {
      return refuse("a matrix has less device memory behind its pointer than its layout says");
    }
    if (!is_there(workspace, workspace_bytes))
      return refuse("the workspace has less device memory than was said");
    if (algorithm != nullptr && algorithm->data[0] != kAlgorithm)
      return refuse("not an algorithm of the heuristic");
    if (algorithm != nullptr && algorithm->data[1] > workspace_bytes)
      return refuse("the algorithm needs more workspace");
    return fake_stream_enqueue(stream, nap, nullptr) == cudaSuccess ? CUBLAS_STATUS_SUCCESS
                                                                    : CUBLAS_STATUS_INVALID_VALUE;
  });
}
}
