/// What tests of every layer share.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

#include "ppsim/core/error.hpp"

namespace ppsim {

// True under the address sanitizer, of g++ and of clang. Long loops run fewer cases there: every build
// without it runs all, and what it watches, each access, needs each path once and not each shape.
#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif
#else
inline constexpr bool kSanitized = false;
#endif

/// The folder of published data that is not part of the project, or empty where it is not there. Tests run in
/// the source root, and it lies beside that; PPSIM_SHARED names another place. Who needs it says
/// MESSAGE("skipped: ...") and returns.
inline std::optional<std::filesystem::path> shared_folder() {
  const char* named = std::getenv("PPSIM_SHARED");
  const std::filesystem::path folder = named != nullptr ? named : "../shared";
  if (!std::filesystem::is_directory(folder)) return std::nullopt;
  return folder;
}

/// Where the Error that `call` throws points; "no error" where it throws none.
template <class Call>
std::string where_of(Call&& call) {
  try {
    (void)call();
  } catch (const Error& error) {
    return error.fault().where;
  }
  return "no error";
}

}  // namespace ppsim
