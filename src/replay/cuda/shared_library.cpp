#include "replay/cuda/shared_library.hpp"

#include <fmt/format.h>

#include <dlfcn.h>

#include "replay/gpu/gpu_replay.hpp"

namespace ppsim {

SharedLibrary::SharedLibrary(const std::string& name, const std::string& folder) : name_(name) {
  constexpr int kHow = RTLD_NOW | RTLD_LOCAL;
  handle_ = dlopen(name.c_str(), kHow);
  if (handle_ == nullptr) handle_ = dlopen((folder + "/" + name).c_str(), kHow);
  if (handle_ == nullptr) throw GpuFailure(fmt::format("cannot load {}: {}", name, dlerror()));
}

void* SharedLibrary::address_of(const char* name) const {
  void* const address = dlsym(handle_, name);
  if (address == nullptr) throw GpuFailure(fmt::format("{} has no {}: it is too old", name_, name));
  return address;
}

}  // namespace ppsim
