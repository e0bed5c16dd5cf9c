/// What tests of every layer share.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

#include "ppsim/core/error.hpp"

namespace ppsim {

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
