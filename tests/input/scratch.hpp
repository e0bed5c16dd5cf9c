/// A folder of a test's own, and the error that a call ends with.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string>

#include "ppsim/core/error.hpp"
#include "text/files.hpp"

namespace ppsim::test {

/// A fresh, empty folder, gone with the object.
class Scratch {
 public:
  Scratch() {
    std::string name = (std::filesystem::temp_directory_path() / "ppsim-io-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no scratch folder at " + name);
    folder_ = name;
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { std::filesystem::remove_all(folder_); }

  /// Path of `name` in the folder.
  [[nodiscard]] std::string path(const std::string& name) const { return (folder_ / name).string(); }

  /// Writes a file, folders on the way included, and gives its path.
  std::string put(const std::string& name, std::string_view content) const {
    std::filesystem::create_directories((folder_ / name).parent_path());
    write_file(path(name), content);
    return path(name);
  }

  [[nodiscard]] std::size_t entries() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder_), {}));
  }

 private:
  std::filesystem::path folder_;
};

/// what() of the Error that `call` ends with; "no error" where it does not.
template <class Call>
std::string error_of(Call call) {
  try {
    (void)call();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace ppsim::test
