#include "text/files.hpp"

#include <doctest/doctest.h>

#include "input/scratch.hpp"

namespace ppsim::files_test {
namespace {

using test::error_of;
using test::Scratch;

TEST_CASE("what is written is read back, and nothing else is left in the folder") {
  const Scratch scratch;
  const std::string content("a\0b\r\nc", 6);
  for (const char* name : {"plain.json", "packed.json.gz"}) {
    write_file(scratch.path(name), "what was there before");
    write_file(scratch.path(name), content);
    CHECK(read_file(scratch.path(name)) == content);
  }
  CHECK(scratch.entries() == 2);
}

TEST_CASE("an empty file and one of many blocks survive packing") {
  const Scratch scratch;
  std::string large;  // 1.4 MB that do not pack to nothing
  for (std::uint32_t i = 0, random = 1; i < 200'000; ++i, random = random * 1664525 + 1013904223)
    large += std::to_string(random % 1'000'000) + " ";
  for (const std::string& content : {std::string(), large}) {
    write_file(scratch.path("x.gz"), content);
    CHECK(read_file(scratch.path("x.gz")) == content);
  }
}

TEST_CASE("the same content packs to the same bytes: no time, no name in the header") {
  const Scratch scratch;
  write_file(scratch.path("x.gz"), "content");
  std::filesystem::copy_file(scratch.path("x.gz"), scratch.path("packed"));
  const std::string packed = read_file(scratch.path("packed"));
  // RFC 1952: magic, deflate, no flags, mtime 0.
  CHECK(packed.substr(0, 8) == std::string("\x1f\x8b\x08\x00\x00\x00\x00\x00", 8));
}

TEST_CASE("a gzip file of two members is read whole") {
  const Scratch scratch;
  std::string both;
  for (const char* part : {"one ", "two"}) {
    write_file(scratch.path("part.gz"), part);
    std::filesystem::rename(scratch.path("part.gz"), scratch.path("part"));
    both += read_file(scratch.path("part"));
  }
  write_file(scratch.path("both"), both);
  std::filesystem::rename(scratch.path("both"), scratch.path("both.gz"));
  CHECK(read_file(scratch.path("both.gz")) == "one two");
}

TEST_CASE("a path that cannot be read is an error that says why") {
  const Scratch scratch;
  CHECK(error_of([&] { return read_file(scratch.path("none")); }) ==
        scratch.path("none") + ": there is no such file");
  CHECK(error_of([&] { return read_file(scratch.path("")); }) ==
        scratch.path("") + ": is a folder; expected a file");
}

TEST_CASE("a damaged gzip file is an error") {
  const Scratch scratch;
  const std::string path = scratch.path("x.gz");
  write_file(path, "some content");
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 5);
  CHECK(error_of([&] { return read_file(path); }) == path + ": is not a whole gzip file");
  for (const char* content : {"not gzip", ""}) {
    scratch.put("plain", content);
    std::filesystem::rename(scratch.path("plain"), path);
    CHECK(error_of([&] { return read_file(path); }) == path + ": is not a whole gzip file");
  }
}

TEST_CASE("a path that cannot be written is an error, now or when it is written, and nothing is left") {
  const Scratch scratch;
  const std::string file = scratch.put("file", "content");
  const auto both_say = [](const std::string& path, const std::string& expected) {
    CHECK(error_of([&] { return check_writable(path), 0; }) == expected);
    CHECK(error_of([&] { return write_file(path, "x"), 0; }) == expected);
  };
  both_say(scratch.path("none/x"),
           scratch.path("none/x") + ": cannot be written: there is no folder " + scratch.path("none"));
  both_say(file + "/x", file + "/x: cannot be written: there is no folder " + file);
  both_say(scratch.path(""), scratch.path("") + ": is a folder; expected a file to write");
  both_say("", "an empty path cannot be written");
  CHECK(read_file(file) == "content");
  CHECK(scratch.entries() == 1);
}

TEST_CASE("a name that is too long is an error and leaves nothing") {
  const Scratch scratch;
  const std::string path = scratch.path(std::string(300, 'x'));
  CHECK(error_of([&] { return write_file(path, "x"), 0; }) ==
        path + ": cannot be written: File name too long");
  CHECK(scratch.entries() == 0);
}

TEST_CASE("a symbolic link stays one, and a device is written in place") {
  const Scratch scratch;
  const std::string file = scratch.put("file", "before");
  std::filesystem::create_symlink(file, scratch.path("link"));
  write_file(scratch.path("link"), "after");
  CHECK(std::filesystem::is_symlink(scratch.path("link")));
  CHECK(read_file(file) == "after");
  write_file("/dev/null", "gone");
  CHECK(std::filesystem::is_character_file("/dev/null"));
}

}  // namespace
}  // namespace ppsim::files_test
