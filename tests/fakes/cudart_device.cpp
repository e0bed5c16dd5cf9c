// The fake CUDA runtime: devices, versions, errors.
#include <cstring>
#include <string>
#include <utility>

#include "cudart.hpp"
#include "environment.hpp"

namespace fakes {
namespace {

constexpr int kMultiprocessors = 132;
constexpr int kMajor = 9;

thread_local int device_of_thread = 0;
thread_local cudaError_t last_error = cudaSuccess;

bool is_device(int device) {
  return device >= 0 && device < device_count();
}

int attribute_value(cudaDeviceAttr attribute) {
  switch (attribute) {
    case cudaDevAttrMaxThreadsPerBlock:
      return 1024;
    case cudaDevAttrMaxThreadsPerMultiProcessor:
      return 2048;
    case cudaDevAttrWarpSize:
      return 32;
    case cudaDevAttrMultiProcessorCount:
      return kMultiprocessors;
    case cudaDevAttrComputeCapabilityMajor:
      return kMajor;
    case cudaDevAttrCanMapHostMemory:
    case cudaDevAttrUnifiedAddressing:
    case cudaDevAttrMemoryPoolsSupported:
      return 1;
    case cudaDevAttrClockRate:
      return 1'980'000;  // kHz, as an H100 says
    default:
      return 0;
  }
}

}  // namespace

int device_count() {
  static const int count = [] {
    const long long asked = number_from_environment("FAKE_CUDA_DEVICES", 8);
    if (asked > kMostDevices) give_up("FAKE_CUDA_DEVICES: at most " + std::to_string(kMostDevices));
    return static_cast<int>(asked);
  }();
  return count;
}

int current_device() {
  return device_of_thread;
}

cudaError_t permission(const char* function) {
  static Faults& faults = *new Faults("FAKE_CUDA_FAIL");
  if (faults.strikes(function)) return cudaErrorUnknown;
  return device_count() == 0 ? cudaErrorNoDevice : cudaSuccess;
}

cudaError_t remember(cudaError_t error) {
  if (error != cudaSuccess && error != cudaErrorNotReady) last_error = error;
  return error;
}

}  // namespace fakes

using namespace fakes;

extern "C" {

cudaError_t cudaGetDeviceCount(int* count) {
  *count = device_count();
  return api(__func__, [] { return cudaSuccess; });
}

cudaError_t cudaSetDevice(int device) {
  return api(__func__, [&] {
    if (!is_device(device)) return cudaErrorInvalidDevice;
    device_of_thread = device;
    return cudaSuccess;
  });
}

cudaError_t cudaGetDevice(int* device) {
  return api(__func__, [&] {
    *device = device_of_thread;
    return cudaSuccess;
  });
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  return api("cudaGetDeviceProperties", [&] {
    if (!is_device(device)) return cudaErrorInvalidDevice;
    *properties = cudaDeviceProp{};
    std::strcpy(properties->name, "fake GPU");
    properties->major = kMajor;
    properties->warpSize = attribute_value(cudaDevAttrWarpSize);
    properties->maxThreadsPerBlock = attribute_value(cudaDevAttrMaxThreadsPerBlock);
    properties->maxThreadsPerMultiProcessor = attribute_value(cudaDevAttrMaxThreadsPerMultiProcessor);
    properties->multiProcessorCount = kMultiprocessors;
    properties->canMapHostMemory = properties->unifiedAddressing = 1;
    properties->memoryPoolsSupported = 1;
    properties->pciBusID = device;
    properties->totalGlobalMem = device_memory();
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  return api(__func__, [&] {
    if (!is_device(device)) return cudaErrorInvalidDevice;
    *value = attribute_value(attribute);
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceGetPCIBusId(char* text, int length, int device) {
  return api(__func__, [&] {
    if (!is_device(device)) return cudaErrorInvalidDevice;
    std::snprintf(text, static_cast<size_t>(length), "0000:%02X:00.0", static_cast<unsigned>(device));
    return cudaSuccess;
  });
}

cudaError_t cudaDriverGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}

cudaError_t cudaGetLastError() {
  return std::exchange(last_error, cudaSuccess);
}

cudaError_t cudaPeekAtLastError() {
  return last_error;
}

#define FAKE_ERRORS(ERROR)                                               \
  ERROR(cudaSuccess, "no error")                                         \
  ERROR(cudaErrorInvalidValue, "invalid argument")                       \
  ERROR(cudaErrorMemoryAllocation, "out of memory")                      \
  ERROR(cudaErrorInvalidConfiguration, "invalid configuration argument") \
  ERROR(cudaErrorInvalidDeviceFunction, "invalid device function")       \
  ERROR(cudaErrorNoDevice, "no CUDA-capable device is detected")         \
  ERROR(cudaErrorInvalidDevice, "invalid device ordinal")                \
  ERROR(cudaErrorInvalidResourceHandle, "invalid resource handle")       \
  ERROR(cudaErrorNotReady, "device not ready")                           \
  ERROR(cudaErrorNotSupported, "operation not supported")                \
  ERROR(cudaErrorUnknown, "unknown error")

const char* cudaGetErrorName(cudaError_t error) {
#define FAKE_NAME(name, text) \
  if (error == name) return #name;
  FAKE_ERRORS(FAKE_NAME)
  return "unrecognized error code";
}

const char* cudaGetErrorString(cudaError_t error) {
#define FAKE_TEXT(name, text) \
  if (error == name) return text;
  FAKE_ERRORS(FAKE_TEXT)
  return "unrecognized error code";
}
}
