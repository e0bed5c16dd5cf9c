#include "core/hash.hpp"

#include <doctest/doctest.h>

namespace ppsim::hash_test {

std::uint64_t hash_of(std::string_view text) {
  Fnv1a hash;
  hash.add_bytes(text);
  return hash.value();
}

TEST_CASE("the hash is FNV-1a's: values of its authors' test suite") {
  CHECK(hash_of("") == 0xcbf29ce484222325);
  CHECK(hash_of("a") == 0xaf63dc4c8601ec8c);
  CHECK(hash_of("foobar") == 0x85944171f73967e8);
}

TEST_CASE("a number counts by its eight bytes, the lowest first") {
  Fnv1a number;
  number.add_bytes(0x0807060504030201);
  CHECK(number.value() == hash_of("\x01\x02\x03\x04\x05\x06\x07\x08"));
}

}  // namespace ppsim::hash_test
