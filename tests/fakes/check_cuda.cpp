// Streams, events, memory, launches and products, as the documentation of CUDA has them. usage: check_cuda
// CASE
#include <cublasLt.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <vector>

#include "check.hpp"

namespace {

using namespace std::chrono_literals;

void streams_run_side_by_side_and_each_in_order() {
  const Latch latch;
  cudaStream_t held = make_stream(), free_one = make_stream();
  cudaEvent_t behind = make_event();
  latch.hold(held);
  CUDA(cudaEventRecord(behind, held));
  launch_spin(1000, free_one);
  CUDA(cudaStreamSynchronize(free_one));
  CHECK(cudaStreamQuery(free_one) == cudaSuccess);
  CHECK(cudaStreamQuery(held) == cudaErrorNotReady);
  CHECK(cudaEventQuery(behind) == cudaErrorNotReady);
  CHECK(cudaGetLastError() == cudaSuccess);  // not ready is no error
  latch.open();
  CUDA(cudaDeviceSynchronize());
  CHECK(cudaEventQuery(behind) == cudaSuccess);
  CUDA(cudaStreamDestroy(held));
  CHECK(cudaStreamQuery(held) == cudaErrorInvalidResourceHandle);
}

void a_destroyed_stream_still_does_what_it_was_given() {
  const Latch latch;
  cudaStream_t stream = make_stream();
  cudaEvent_t event = make_event();
  latch.hold(stream);
  CUDA(cudaEventRecord(event, stream));
  CUDA(cudaStreamDestroy(stream));
  CHECK(cudaEventQuery(event) == cudaErrorNotReady);
  latch.open();
  CUDA(cudaEventSynchronize(event));
}

void a_wait_is_for_the_record_before_it() {
  const Latch latch, second_latch;
  cudaStream_t first = make_stream(), second = make_stream();
  cudaEvent_t event = make_event();
  CUDA(cudaStreamWaitEvent(second, event, 0));  // never recorded: no wait
  CUDA(cudaStreamSynchronize(second));
  CUDA(cudaEventRecord(event, first));
  second_latch.hold(second);  // it gets to the wait only when the event has been recorded again
  CUDA(cudaStreamWaitEvent(second, event, 0));
  latch.hold(first);
  CUDA(cudaEventRecord(event, first));
  second_latch.open();
  CUDA(cudaStreamSynchronize(second));
  CUDA(cudaStreamWaitEvent(second, event, 0));
  CUDA(cudaEventRecord(event, first));
  nap(20ms);
  CHECK(cudaStreamQuery(second) == cudaErrorNotReady);
  latch.open();
  CUDA(cudaStreamSynchronize(second));
}

void elapsed_time_is_what_lies_between_two_events() {
  cudaStream_t stream = make_stream();
  cudaEvent_t start = make_event(), end = make_event(), untimed = make_event(cudaEventDisableTiming);
  float ms = 0;
  CHECK(cudaEventElapsedTime(&ms, start, end) == cudaErrorInvalidResourceHandle);
  CHECK(cudaGetLastError() == cudaErrorInvalidResourceHandle);
  const Latch latch;
  latch.hold(stream);
  CUDA(cudaEventRecord(start, stream));
  launch_spin(5'000'000, stream);
  CUDA(cudaEventRecord(end, stream));
  CUDA(cudaEventRecord(untimed, stream));
  CHECK(cudaEventElapsedTime(&ms, start, end) == cudaErrorNotReady);
  nap(50ms);
  latch.open();
  CUDA(cudaEventSynchronize(end));
  CUDA(cudaEventElapsedTime(&ms, start, end));
  CHECK(ms >= 5);
  float back = 0;
  CUDA(cudaEventElapsedTime(&back, end, start));
  CHECK(back == -ms);
  CHECK(cudaEventElapsedTime(&ms, start, untimed) == cudaErrorInvalidResourceHandle);
}

void the_default_stream_and_blocking_streams_wait_for_each_other() {
  const Latch latch, second_latch;
  cudaStream_t blocking = make_stream(cudaStreamDefault), apart = make_stream();
  latch.hold(blocking);
  launch_spin(1, nullptr);
  launch_spin(1, apart);
  CUDA(cudaStreamSynchronize(apart));
  nap(20ms);
  CHECK(cudaStreamQuery(nullptr) == cudaErrorNotReady);
  latch.open();
  CUDA(cudaStreamSynchronize(nullptr));
  second_latch.hold(nullptr);
  launch_spin(1, blocking);
  nap(20ms);
  CHECK(cudaStreamQuery(blocking) == cudaErrorNotReady);
  second_latch.open();
  CUDA(cudaStreamSynchronize(blocking));
}

// Run with FAKE_CUDA_MEMORY=1000000000.
void memory_is_what_the_device_has() {
  void *first = nullptr, *second = nullptr;
  size_t free_bytes = 0, total = 0;
  CUDA(cudaMalloc(&first, 600'000'000));
  CHECK(cudaMalloc(&second, 600'000'000) == cudaErrorMemoryAllocation);
  CHECK(cudaPeekAtLastError() == cudaErrorMemoryAllocation);
  CHECK(cudaGetLastError() == cudaErrorMemoryAllocation);
  CHECK(cudaGetLastError() == cudaSuccess);
  CUDA(cudaMemGetInfo(&free_bytes, &total));
  CHECK(total == 1'000'000'000 && free_bytes == 400'000'000);
  CUDA(cudaFree(first));
  CHECK(cudaFree(first) == cudaErrorInvalidValue);
  CUDA(cudaMalloc(&second, 1'000'000'000));
  CUDA(cudaFree(second));
  CUDA(cudaFree(nullptr));
}

uint64_t figure(cudaMemPool_t pool, cudaMemPoolAttr attribute) {
  uint64_t value = 0;
  CUDA(cudaMemPoolGetAttribute(pool, attribute, &value));
  return value;
}

void set_figure(cudaMemPool_t pool, cudaMemPoolAttr attribute, uint64_t value) {
  CUDA(cudaMemPoolSetAttribute(pool, attribute, &value));
}

// Run with FAKE_CUDA_MEMORY=1000000000.
void a_pool_counts_what_is_used_and_reserved() {
  cudaStream_t stream = make_stream();
  cudaMemPool_t pool = nullptr;
  CUDA(cudaDeviceGetDefaultMemPool(&pool, 0));
  set_figure(pool, cudaMemPoolAttrReleaseThreshold, UINT64_MAX);
  void *first = nullptr, *second = nullptr;
  CUDA(cudaMallocAsync(&first, 500'000'000, stream));
  CUDA(cudaMallocAsync(&second, 300'000'000, stream));
  CUDA(cudaFreeAsync(second, stream));
  CHECK(figure(pool, cudaMemPoolAttrUsedMemCurrent) == 500'000'000);
  CHECK(figure(pool, cudaMemPoolAttrUsedMemHigh) == 800'000'000);
  CUDA(cudaStreamSynchronize(stream));
  CHECK(figure(pool, cudaMemPoolAttrReservedMemCurrent) == 800'000'000);  // below the threshold: kept
  CHECK(cudaMallocAsync(&second, 600'000'000, stream) == cudaErrorMemoryAllocation);
  CUDA(cudaMallocAsync(&second, 400'000'000, stream));  // 300 of what is reserved, and 100 more
  CHECK(figure(pool, cudaMemPoolAttrReservedMemHigh) == 900'000'000);
  CUDA(cudaFreeAsync(second, stream));
  set_figure(pool, cudaMemPoolAttrUsedMemHigh, 0);
  CHECK(figure(pool, cudaMemPoolAttrUsedMemHigh) == 500'000'000);
  set_figure(pool, cudaMemPoolAttrReleaseThreshold, 0);
  CUDA(cudaStreamSynchronize(stream));
  CHECK(figure(pool, cudaMemPoolAttrReservedMemCurrent) == 500'000'000);
  CHECK(cudaFreeAsync(second, stream) == cudaErrorInvalidValue);
  CUDA(cudaFreeAsync(first, stream));
  CHECK(figure(pool, cudaMemPoolAttrUsedMemCurrent) == 0);
}

void copies_move_bytes_and_know_their_bounds() {
  std::vector<char> sent(100'000), received(100'000);
  std::iota(sent.begin(), sent.end(), char{1});
  cudaStream_t stream = make_stream();
  char *first = nullptr, *second = nullptr;
  CUDA(cudaMalloc(reinterpret_cast<void**>(&first), sent.size()));
  CUDA(cudaMalloc(reinterpret_cast<void**>(&second), sent.size()));
  CUDA(cudaMemcpyAsync(first, sent.data(), sent.size(), cudaMemcpyHostToDevice, stream));
  CUDA(cudaMemcpyAsync(second, first, sent.size(), cudaMemcpyDeviceToDevice, stream));
  CUDA(cudaMemsetAsync(second + 1, 0, 50'000, stream));
  CUDA(cudaMemsetAsync(second + 50'001, 7, 2, stream));
  CUDA(cudaStreamSynchronize(stream));
  CUDA(cudaMemcpy(received.data(), second, received.size(), cudaMemcpyDeviceToHost));
  std::memset(sent.data() + 1, 0, 50'000);
  std::memset(sent.data() + 50'001, 7, 2);
  CHECK(received == sent);
  CHECK(cudaMemsetAsync(second + 1, 0, sent.size(), stream) == cudaErrorInvalidValue);
  CHECK(cudaMemcpy(sent.data(), first, 1, cudaMemcpyHostToDevice) == cudaErrorInvalidValue);
}

void memory_that_is_only_cleared_costs_nothing() {
  void* much = nullptr;
  CUDA(cudaMalloc(&much, size_t{60} << 30));
  CUDA(cudaMemset(much, 0, size_t{60} << 30));
  CUDA(cudaFree(much));
}

void a_full_queue_blocks_the_next_launch() {
  static std::atomic<bool> launched = false;
  const Latch latch;
  cudaStream_t stream = make_stream();
  latch.hold(stream);
  for (int i = 1; i < 1024; ++i) launch_move(stream);
  CUDA(cudaGetLastError());
  CUDA(cudaEventRecord(make_event(), stream));  // no launch
  std::thread late([stream] {
    launch_move(stream);
    launched = true;
  });
  nap(100ms);
  CHECK(!launched);
  latch.open();
  late.join();
  CUDA(cudaStreamSynchronize(stream));
}

void a_kernel_must_be_known_and_fit() {
  cudaStream_t stream = make_stream();
  launch_other(stream);
  CHECK(cudaGetLastError() == cudaErrorInvalidDeviceFunction);
  launch_too_wide(stream);
  CHECK(cudaGetLastError() == cudaErrorInvalidConfiguration);
  CUDA(cudaStreamSynchronize(stream));
}

// Run with FAKE_CUDA_DEVICES=2.
void there_are_as_many_devices_as_asked_for() {
  int count = 0, device = -1;
  CUDA(cudaGetDeviceCount(&count));
  CHECK(count == 2);
  CHECK(cudaSetDevice(2) == cudaErrorInvalidDevice);
  cudaStream_t on_first = make_stream();
  CUDA(cudaSetDevice(1));
  CUDA(cudaGetDevice(&device));
  CHECK(device == 1);
  cudaDeviceProp properties{};
  CUDA(cudaGetDeviceProperties(&properties, 1));
  CHECK(std::string(properties.name) == "fake GPU" && properties.multiProcessorCount == 132);
  launch_move(on_first);
  CHECK(cudaGetLastError() == cudaErrorInvalidResourceHandle);
  CHECK(cudaEventRecord(make_event(), on_first) == cudaErrorInvalidResourceHandle);
}

// Run with FAKE_CUDA_DEVICES=0.
void without_a_device_all_fails() {
  int count = -1;
  void* pointer = nullptr;
  CHECK(cudaGetDeviceCount(&count) == cudaErrorNoDevice);
  CHECK(count == 0);
  CHECK(cudaMalloc(&pointer, 1) == cudaErrorNoDevice);
  CHECK(std::string(cudaGetErrorName(cudaGetLastError())) == "cudaErrorNoDevice");
}

// Run with FAKE_CUDA_FAIL=cudaMalloc:2,cudaEventRecord:1.
void a_call_fails_when_told_to() {
  void* pointer = nullptr;
  CUDA(cudaMalloc(&pointer, 1));
  CHECK(cudaMalloc(&pointer, 1) == cudaErrorUnknown);
  CUDA(cudaMalloc(&pointer, 1));
  CHECK(cudaEventRecord(make_event(), nullptr) == cudaErrorUnknown);
}

void a_program_may_end_while_streams_wait() {
  static const Latch latch;
  cudaStream_t stream = make_stream();
  latch.hold(stream);
  cudaEvent_t event = make_event();
  CUDA(cudaEventRecord(event, stream));
  CUDA(cudaStreamWaitEvent(make_stream(), event, 0));
}

/// A product of m x k and n x k (transposed) in bf16, as a training step has them.
struct Product {
  cublasLtHandle_t context = nullptr;
  cublasLtMatmulDesc_t description = nullptr;
  cublasLtMatrixLayout_t a = nullptr, b = nullptr, d = nullptr;
  cublasLtMatmulHeuristicResult_t best{};
  void* memory[4] = {};

  Product(uint64_t m, uint64_t n, uint64_t k) {
    const auto leading = [](uint64_t rows) { return static_cast<int64_t>(rows); };
    CHECK(cublasLtCreate(&context) == CUBLAS_STATUS_SUCCESS);
    CHECK(cublasLtMatmulDescCreate(&description, CUBLAS_COMPUTE_32F, CUDA_R_32F) == CUBLAS_STATUS_SUCCESS);
    const cublasOperation_t transpose = CUBLAS_OP_T;
    CHECK(cublasLtMatmulDescSetAttribute(description, CUBLASLT_MATMUL_DESC_TRANSB, &transpose,
                                         sizeof(transpose)) == CUBLAS_STATUS_SUCCESS);
    CHECK(cublasLtMatrixLayoutCreate(&a, CUDA_R_16BF, m, k, leading(m)) == CUBLAS_STATUS_SUCCESS);
    CHECK(cublasLtMatrixLayoutCreate(&b, CUDA_R_16BF, n, k, leading(n)) == CUBLAS_STATUS_SUCCESS);
    CHECK(cublasLtMatrixLayoutCreate(&d, CUDA_R_16BF, m, n, leading(m)) == CUBLAS_STATUS_SUCCESS);
    const uint64_t bytes[4] = {2 * m * k, 2 * n * k, 2 * m * n, 1 << 20};
    for (int i = 0; i < 4; ++i) CUDA(cudaMalloc(&memory[i], bytes[i]));
  }
  int find_algorithm() {
    cublasLtMatmulPreference_t preference = nullptr;
    const uint64_t workspace = 1 << 20;
    int found = 0;
    CHECK(cublasLtMatmulPreferenceCreate(&preference) == CUBLAS_STATUS_SUCCESS);
    CHECK(cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                                               &workspace, sizeof(workspace)) == CUBLAS_STATUS_SUCCESS);
    cublasLtMatmulAlgoGetHeuristic(context, description, a, b, d, d, preference, 1, &best, &found);
    CHECK(cublasLtMatmulPreferenceDestroy(preference) == CUBLAS_STATUS_SUCCESS);
    return found;
  }
  cublasStatus_t run(cudaStream_t stream, size_t workspace) const {
    const float alpha = 1, beta = 0;
    return cublasLtMatmul(context, description, &alpha, memory[0], a, memory[1], b, &beta, memory[2], d,
                          memory[2], d, &best.algo, memory[3], workspace, stream);
  }
};

void a_product_runs_where_shapes_and_memory_fit() {
  Product product(512, 256, 128);
  cudaStream_t stream = make_stream();
  CHECK(product.find_algorithm() == 1);
  CHECK(product.run(stream, 1 << 20) == CUBLAS_STATUS_SUCCESS);
  CUDA(cudaStreamSynchronize(stream));
  CHECK(product.run(stream, (1 << 20) + 1) ==
        CUBLAS_STATUS_INVALID_VALUE);                            // more than is behind the pointer
  CHECK(product.run(stream, 0) == CUBLAS_STATUS_INVALID_VALUE);  // less than the algorithm needs
  const uint64_t columns = 129;
  CHECK(cublasLtMatrixLayoutSetAttribute(product.b, CUBLASLT_MATRIX_LAYOUT_COLS, &columns, sizeof(columns)) ==
        CUBLAS_STATUS_SUCCESS);
  CHECK(product.find_algorithm() == 0);
  CHECK(product.run(stream, 1 << 20) == CUBLAS_STATUS_INVALID_VALUE);  // k is not k
  CHECK(cublasLtMatrixLayoutSetAttribute(product.a, CUBLASLT_MATRIX_LAYOUT_COLS, &columns, sizeof(columns)) ==
        CUBLAS_STATUS_SUCCESS);
  CHECK(product.find_algorithm() == 1);
  CHECK(product.run(stream, 1 << 20) == CUBLAS_STATUS_INVALID_VALUE);  // A's last column is not there
}

#define CASE(name) \
  { #name, name }

const Cases kCases = {
    CASE(streams_run_side_by_side_and_each_in_order),
    CASE(a_destroyed_stream_still_does_what_it_was_given),
    CASE(a_wait_is_for_the_record_before_it),
    CASE(elapsed_time_is_what_lies_between_two_events),
    CASE(the_default_stream_and_blocking_streams_wait_for_each_other),
    CASE(memory_is_what_the_device_has),
    CASE(a_pool_counts_what_is_used_and_reserved),
    CASE(copies_move_bytes_and_know_their_bounds),
    CASE(memory_that_is_only_cleared_costs_nothing),
    CASE(a_full_queue_blocks_the_next_launch),
    CASE(a_kernel_must_be_known_and_fit),
    CASE(there_are_as_many_devices_as_asked_for),
    CASE(without_a_device_all_fails),
    CASE(a_call_fails_when_told_to),
    CASE(a_program_may_end_while_streams_wait),
    CASE(a_product_runs_where_shapes_and_memory_fit),
};

}  // namespace

int main(int count, char** arguments) {
  return run_case(kCases, count, arguments);
}
