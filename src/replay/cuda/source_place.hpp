// Where a call stands in the source. clang 14 has no std::source_location with Debian's library.
#pragma once

namespace ppsim {

struct SourcePlace {
  const char* file;
  int line;

  static constexpr SourcePlace current(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    return {file, line};
  }
};

}  // namespace ppsim
