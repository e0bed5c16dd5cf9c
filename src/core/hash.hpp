/// FNV-1a, 64 bits (Fowler, Noll, Vo): short, and no secret depends on it.
#pragma once

#include <cstdint>
#include <string_view>

namespace ppsim {

class Fnv1a {
 public:
  /// One step: of a byte as the definition has it, or of a larger part at once.
  void add(std::uint64_t part) { hash_ = (hash_ ^ part) * 0x100000001b3; }
  void add_bytes(std::string_view text) {
    for (const char c : text) add(static_cast<unsigned char>(c));
  }
  /// Its eight bytes, the lowest first.
  void add_bytes(std::uint64_t number) {
    for (int byte = 0; byte < 8; ++byte, number >>= 8) add(number & 0xFF);
  }

  [[nodiscard]] std::uint64_t value() const { return hash_; }

 private:
  std::uint64_t hash_ = 0xcbf29ce484222325;
};

}  // namespace ppsim
