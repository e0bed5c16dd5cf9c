/// What all imports end with: a section that the config's reader takes, as text.
#pragma once

#include <string>
#include <vector>

#include "ppsim/core/error.hpp"
#include "ppsim/input/import/import.hpp"
#include "text/json_text.hpp"

namespace ppsim {

/// Reads the sections of `root` that are not about where files lie, as load_config() does, and throws its
/// Errors: where "FILE (as imported)#/pointer".
void check_sections(const Json& root, const std::string& path);

/// `section` as a document.
[[nodiscard]] ImportedSection imported_section(const Json& section, std::vector<std::string> assumptions);

/// For `source`: the file's name, without its folder, so that the same file gives the same bytes anywhere.
[[nodiscard]] std::string import_source(const std::string& path, std::string_view what);

/// Calls what reads a foreign file; its Errors become lines, whatever bytes the file's texts hold.
template <class Read>
ImportedSection with_plain_errors(Read read) {
  try {
    return read();
  } catch (const Error& error) {
    throw Error(one_line(error.fault().where), one_line(error.fault().what));
  }
}

}  // namespace ppsim
