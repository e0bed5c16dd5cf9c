// Libraries that are loaded when they are needed: hundreds of megabytes, of which a simulation uses nothing.
#pragma once

#include <string>

namespace ppsim {

/// Stays for the life of the process.
class SharedLibrary {
 public:
  /// Looks where the loader looks, then in `folder`. Throws GpuFailure.
  SharedLibrary(const std::string& name, const std::string& folder);

  /// Throws GpuFailure where the library has no such function.
  template <class Function>
  void find(Function*& function, const char* name) const {
    function = reinterpret_cast<Function*>(address_of(name));
  }

 private:
  [[nodiscard]] void* address_of(const char* name) const;

  std::string name_;
  void* handle_ = nullptr;
};

}  // namespace ppsim
