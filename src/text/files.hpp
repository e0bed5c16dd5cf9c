/// Files: whole or not at all.
#pragma once

#include <string>
#include <string_view>

namespace ppsim {

/// Throws Error (where: path) where it cannot be read; a name that ends in .gz is unpacked.
[[nodiscard]] std::string read_file(const std::string& path);

/// Writes to a temporary beside `path`, then renames; a name that ends in .gz is packed (no time stamp
/// inside: same content, same bytes). Throws Error (where: path), and leaves nothing behind.
void write_file(const std::string& path, std::string_view content);

/// Throws Error (where: path) now rather than after a long run where write_file would fail: the folder is
/// missing or not writable, or the path is a folder.
void check_writable(const std::string& path);

}  // namespace ppsim
